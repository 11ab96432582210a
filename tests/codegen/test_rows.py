"""The generated classes hold everything that the installed servers have, no narrower, and agree with the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovnkit.codegen.facts import PACKAGES, read_facts
from ovnkit.northbound import rows as northbound
from ovnkit.ovsdb.row import Database
from ovnkit.ovsdb.schema import BaseType, ColumnType, DatabaseSchema
from ovnkit.southbound import rows as southbound
from ovnkit.vswitch import rows as vswitch

MARKS: list[type[Database]] = [northbound.NB, southbound.SB, vswitch.VS]
MODULES = [northbound, southbound, vswitch]
INSTALLED = [
    (northbound.NB, Path("/usr/share/ovn/ovn-nb.ovsschema")),
    (southbound.SB, Path("/usr/share/ovn/ovn-sb.ovsschema")),
    (vswitch.VS, Path("/usr/share/openvswitch/vswitch.ovsschema")),
]


def _installed(path: Path) -> DatabaseSchema:
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    return DatabaseSchema.from_json(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("mark", "path"), INSTALLED)
def test_every_column_of_the_installed_server_is_modelled_no_narrower(mark: type[Database], path: Path) -> None:
    schema = _installed(path)

    assert schema.name == mark.name
    narrower = [
        f"{table.name}.{column.name}"
        for table in schema.tables.values()
        for column in table.columns.values()
        if not _holds(mark.tables[table.name]._columns[column.name].type, column.type)
    ]
    assert narrower == []


@pytest.mark.parametrize(("mark", "path"), INSTALLED)
def test_tables_are_as_the_installed_server_has_them(mark: type[Database], path: Path) -> None:
    for table in _installed(path).tables.values():
        row_class = mark.tables[table.name]
        assert (row_class._root, set(row_class._indexes)) == (table.is_root, set(table.indexes)), table.name


@pytest.mark.parametrize("mark", MARKS)
def test_classes_say_what_the_facts_say(mark: type[Database]) -> None:
    facts = read_facts(mark.name)

    assert sorted(mark.tables) == sorted(table.name for table in facts.tables)
    for table in facts.tables:
        row_class = mark.tables[table.name]
        assert row_class._since == table.since
        assert list(row_class._columns) == [column.name for column in table.columns]
        for column in table.columns:
            made = row_class._columns[column.name]
            assert (made.type, made.since, made.until) == (column.type, column.since, column.until)
            assert (made.ephemeral, made.immutable, made.gone) == (column.ephemeral, column.immutable, column.gone)


@pytest.mark.parametrize("mark", MARKS)
def test_constructors_need_what_their_signatures_need(mark: type[Database]) -> None:
    for table in read_facts(mark.name).tables:
        required = {column.name for column in table.columns if column.is_required}
        assert mark.tables[table.name]._required() == required, table.name


@pytest.mark.parametrize("mark", MARKS)
def test_references_lead_to_tables_of_the_same_database(mark: type[Database]) -> None:
    bases: list[BaseType | None] = []
    for row_class in mark.tables.values():
        for column in row_class._columns.values():
            bases += [column.type.key, column.type.value]

    assert {base.ref_table for base in bases if base is not None and base.ref_table} <= mark.tables.keys()


@pytest.mark.parametrize("module", MODULES)
def test_exported_names_are_exact(module: Any) -> None:
    made = {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    aliases = {name for name, value in vars(module).items() if str(value).startswith("typing.Literal[")}

    assert set(module.__all__) == made | aliases


def test_packages_are_those_of_the_three_databases() -> None:
    assert {mark.name for mark in MARKS} == PACKAGES.keys()


def test_releases_newer_than_the_base_are_known() -> None:
    assert northbound.ACL.tier.since == "23.06"
    assert northbound.MirrorRule._since == "25.09"
    assert southbound.Encap.type.gone == {"stt": "25.09"}
    assert vswitch.IPFIX.stats_interval.since == "3.2"
    assert northbound.NB.releases["25.03"] == "7.11.0"
    assert vswitch.VS.releases["4.0"] == "8.8.0"


def test_limits_that_grew_are_the_widest() -> None:
    assert northbound.QoS.action.type.value == BaseType("integer", minimum=0, maximum=4294967295)
    assert northbound.LogicalRouterPort.networks.type.min == 0
    assert southbound.LogicalFlow.table_id.type.key.maximum == 33
    assert vswitch.FlowTable.prefixes.type.max == 4


def _holds(wide: ColumnType, narrow: ColumnType) -> bool:
    if (wide.value is None) != (narrow.value is None):
        return False
    pairs = [(wide.key, narrow.key)]
    if wide.value is not None and narrow.value is not None:
        pairs.append((wide.value, narrow.value))
    sizes = wide.min <= narrow.min and _reaches(wide.max, narrow.max)
    return sizes and all(_base_holds(outer, inner) for outer, inner in pairs)


def _base_holds(wide: BaseType, narrow: BaseType) -> bool:
    if (wide.type, wide.ref_table, wide.ref_type) != (narrow.type, narrow.ref_table, narrow.ref_type):
        return False
    if wide.enum is not None and (narrow.enum is None or not narrow.enum <= wide.enum):
        return False
    below = _reaches(_negative(wide.minimum), _negative(narrow.minimum))
    shortest = _reaches(_negative(wide.min_length), _negative(narrow.min_length))
    return (
        below and shortest and _reaches(wide.maximum, narrow.maximum) and _reaches(wide.max_length, narrow.max_length)
    )


def _reaches(limit: float | None, other: float | None) -> bool:
    return limit is None or (other is not None and limit >= other)


def _negative(limit: float | None) -> float | None:
    return None if limit is None else -limit
