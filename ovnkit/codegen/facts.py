"""What the releases' schemas have in common and where they differ, and the files that keep it.

One JSON file per database, one line per column, so that a change of a schema is a readable diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from ovnkit.ovsdb.schema import BaseType, ColumnType

__all__ = [
    "DIRECTORY",
    "MANUALS",
    "PACKAGES",
    "ColumnFacts",
    "DatabaseFacts",
    "TableFacts",
    "facts_path",
    "facts_text",
    "read_facts",
    "write_facts",
]

DIRECTORY = Path(__file__).parent
PACKAGES = {"OVN_Northbound": "northbound", "OVN_Southbound": "southbound", "Open_vSwitch": "vswitch"}
"""The package of each database."""

MANUALS = {"OVN_Northbound": "ovn-nb", "OVN_Southbound": "ovn-sb", "Open_vSwitch": "ovs-vswitchd.conf.db"}
"""The man page, of section 5, of each database."""

_LIMITS = ("minimum", "maximum", "min_length", "max_length")


@attrs.frozen
class ColumnFacts:
    """A column in the widest form that any release has it in.

    ``since`` is the first release with the column where that is later than the table's own first, ``until`` the first
    without it; ``gone`` maps enumeration words to the first release without them.
    """

    name: str
    type: ColumnType
    since: str | None = None
    until: str | None = None
    immutable: bool = False
    ephemeral: bool = False
    gone: Mapping[str, str] = {}

    @property
    def is_required(self) -> bool:
        """Whether a new row must say what it holds."""
        return self.type.is_required(self.gone)


@attrs.frozen
class TableFacts:
    """A table with the columns of all releases. ``since`` and ``until`` as for columns."""

    name: str
    columns: tuple[ColumnFacts, ...]
    root: bool = True
    max_rows: int | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    since: str | None = None
    until: str | None = None


@attrs.frozen
class DatabaseFacts:
    """A database: the tables of all releases of ``product`` ("OVN" or "OVS"), and each release's schema version."""

    name: str
    product: Literal["OVN", "OVS"]
    releases: Mapping[str, str]
    tables: tuple[TableFacts, ...]


def facts_path(database: str, directory: Path = DIRECTORY) -> Path:
    """The file of a database's facts."""
    return directory / f"{PACKAGES[database]}.json"


def read_facts(database: str, directory: Path = DIRECTORY) -> DatabaseFacts:
    """The facts of a database, by the name in its schema (``OVN_Northbound``). Raises OSError where there are none."""
    facts = json.loads(facts_path(database, directory).read_text(encoding="utf-8"))
    return DatabaseFacts(
        facts["database"],
        facts["product"],
        facts["releases"],
        tuple(_table_from_json(name, table) for name, table in facts["tables"].items()),
    )


def write_facts(facts: DatabaseFacts, directory: Path = DIRECTORY) -> Path:
    """Write the facts of a database; returns the file."""
    path = facts_path(facts.name, directory)
    path.write_text(facts_text(facts), encoding="utf-8")
    return path


def facts_text(facts: DatabaseFacts) -> str:
    """The facts as they stand in their file."""
    head = f'"database": {json.dumps(facts.name)}, "product": {json.dumps(facts.product)}'
    tables = ",\n".join(_table_text(table) for table in facts.tables)
    return f'{{{head},\n"releases": {json.dumps(dict(facts.releases))},\n"tables": {{\n{tables}\n}}}}\n'


def _table_text(table: TableFacts) -> str:
    own = _without_defaults(table, "root", "max_rows", "indexes", "since", "until")
    head = "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in own.items())
    columns = ",\n".join(f"  {json.dumps(column.name)}: {json.dumps(_column_json(column))}" for column in table.columns)
    return f' {json.dumps(table.name)}: {{{head}"columns": {{\n{columns}}}}}'


def _column_json(column: ColumnFacts) -> dict[str, Any]:
    type = column.type
    result: dict[str, Any] = {"key": _base_json(type.key)}
    if type.value is not None:
        result["value"] = _base_json(type.value)
    if not type.is_scalar:
        result["size"] = [type.min, type.max]
    return result | _without_defaults(column, "since", "until", "immutable", "ephemeral", "gone")


def _base_json(base: BaseType) -> str | dict[str, Any]:
    if base.ref_table is not None:
        return {"weak" if base.ref_type == "weak" else "strong": base.ref_table}
    limits: dict[str, Any] = {name: value for name in _LIMITS if (value := getattr(base, name)) is not None}
    if base.enum is not None:
        limits["enum"] = sorted(base.enum)
    return {"type": base.type, **limits} if limits else base.type


def _without_defaults(facts: Any, *names: str) -> dict[str, Any]:
    defaults = {field.name: field.default for field in attrs.fields(type(facts))}
    return {name: value for name in names if (value := getattr(facts, name)) != defaults[name]}


def _table_from_json(name: str, table: Mapping[str, Any]) -> TableFacts:
    return TableFacts(
        name,
        tuple(_column_from_json(column, facts) for column, facts in table["columns"].items()),
        table.get("root", True),
        table.get("max_rows"),
        tuple(tuple(index) for index in table.get("indexes", ())),
        table.get("since"),
        table.get("until"),
    )


def _column_from_json(name: str, facts: Mapping[str, Any]) -> ColumnFacts:
    smallest, largest = facts.get("size", (1, 1))
    return ColumnFacts(
        name,
        ColumnType(
            _base_from_json(facts["key"]),
            _base_from_json(facts["value"]) if "value" in facts else None,
            smallest,
            largest,
        ),
        facts.get("since"),
        facts.get("until"),
        facts.get("immutable", False),
        facts.get("ephemeral", False),
        facts.get("gone", {}),
    )


def _base_from_json(json: str | Mapping[str, Any]) -> BaseType:
    if isinstance(json, str):
        return BaseType(json)  # type: ignore[arg-type]
    if "type" not in json:
        ((strength, table),) = json.items()
        return BaseType("uuid", ref_table=table, ref_type=strength)  # type: ignore[arg-type]
    enum = frozenset(json["enum"]) if "enum" in json else None
    return BaseType(json["type"], enum, *(json.get(name) for name in _LIMITS))
