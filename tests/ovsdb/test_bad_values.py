"""Bad values of every column type are refused before anything is sent, and what is beside them is not written."""

# ruff: noqa: PT012 (what raises stands in a transaction)

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import InvalidValue
from ovnkit.formats import Verbatim
from ovnkit.northbound import rows as nb_rows
from ovnkit.ovsdb import Add, Client, Column, Database, Put, Ref, Row
from ovnkit.ovsdb.schema import BaseType, ColumnType, DatabaseSchema, TableSchema
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import rows as sb_rows
from ovnkit.vswitch import rows as vs_rows
from tests.ovsdb.conftest import StartServer
from tests.ovsdb.kinds import Child, Kinds, KindsClient, KindsDatabase, kinds, write_to
from tests.ovsdb.proxy import Proxy

POISON = ("a\0b", "\udc80", "\ud800")


class Stranger(Database):
    name = "Stranger"


class Strange(Row[Stranger], database=Stranger, table="Strange"):
    __slots__ = ()


def bad_atoms(base: BaseType) -> Iterator[Any]:
    """Values that an atom must not have."""
    yield None
    yield object()
    if base.ref_table is not None:
        yield from ("name", uuid4(), Ref(Strange, uuid4()), UUID(int=0), str(uuid4()))
        return
    if base.type == "string":
        yield from (5, b"bytes", True, *POISON)
        if base.enum is not None:
            yield from ("no such word", "")
        if base.max_length is not None:
            yield "x" * (base.max_length + 1)
        if base.min_length:
            yield "x" * (base.min_length - 1)
        return
    yield "1"
    if base.type == "integer":
        yield from (True, 1.0, 2**63, -(2**63) - 1)
        if base.maximum is not None and base.maximum < 2**63 - 1:
            yield int(base.maximum) + 1
        if base.minimum is not None and base.minimum > -(2**63):
            yield int(base.minimum) - 1
    elif base.type == "real":
        yield from (True, float("nan"), float("inf"), -float("inf"), 10**400)
        if base.maximum is not None:
            yield base.maximum + 1
    elif base.type == "boolean":
        yield from (0, 1)


def good_atom(base: BaseType, number: int = 0) -> Any:
    if base.ref_table is not None:
        raise LookupError
    if base.enum is not None:
        words = sorted(base.enum, key=str)
        return words[number % len(words)]
    if base.type == "integer":
        return int(max(base.minimum or 0, 0)) + number
    return {"string": f"text{number}", "real": float(number), "boolean": bool(number % 2), "uuid": UUID(int=number)}[
        base.type
    ]


def bad_values(type: ColumnType) -> Iterator[Any]:
    """Values that a column must not have: bad atoms in every place, other shapes, too many, too few."""
    bad = list(bad_atoms(type.key))
    yield object()
    if type.value is not None:
        yield from ("text", [("a", "b")], 5)
        try:
            key = good_atom(type.key)
            yield from ({key: atom} for atom in bad_atoms(type.value))
            value = good_atom(type.value)
        except LookupError:
            return
        yield from ({atom: value} for atom in bad if atom.__hash__)
        if type.max is not None:
            yield {good_atom(type.key, number): value for number in range(type.max + 1)}
    elif type.is_scalar:
        yield from bad
    elif type.is_optional:
        yield from (atom for atom in bad if atom is not None)
    else:
        yield from ("text", b"bytes", {"a": "b"}, 5)
        yield from ([atom] for atom in bad)
        if type.min:
            yield []
        if type.max is not None and type.key.ref_table is None:
            yield [good_atom(type.key, number) for number in range(type.max + 1)]


def required(row_class: type[Row[Any]], live: TableSchema) -> dict[str, Any]:
    """Legal values where the constructor needs some, none of which the server is ever to see."""
    columns = {}
    for name in row_class._required():
        type = live.columns[name].type
        if type.key.ref_table is None:
            atom = good_atom(type.key)
            # What it means to OVS is not what this is about.
            atom = Verbatim(atom) if type.key.type == "string" and type.key.enum is None else atom
        else:
            atom = Ref(row_class._database.row_class(type.key.ref_table), uuid4())
        columns[name] = atom if type.is_scalar else [atom]
    return columns


DATABASES: dict[str, tuple[type[Client[Any, Any]], type[Database], str]] = {
    "nb": (Northbound, nb_rows.NB, "ovn-nb.ovsschema"),
    "sb": (Southbound, sb_rows.SB, "ovn-sb.ovsschema"),
    "vs": (VSwitch, vs_rows.VS, "vswitch.ovsschema"),
    "kinds": (KindsClient, KindsDatabase, ""),
}


@pytest.mark.parametrize("database", DATABASES)
def test_a_new_row_with_a_bad_value_is_refused_for_every_column_of_every_table(
    database: str, start_server: StartServer, tmp_path: Path
) -> None:
    client_class, mark, schema = DATABASES[database]
    server = start_server(schema or str(write_to(tmp_path)))
    live = DatabaseSchema.from_json(json.loads(server.schema.read_text()))
    tried = 0
    with Proxy(tmp_path / "p.sock", server.socket) as proxy, client_class.connect(proxy.remote, timeout=10) as client:
        for table in live.tables.values():
            row_class = mark.row_class(table.name)
            for column in table.columns.values():
                for bad in bad_values(column.type):
                    with pytest.raises(InvalidValue) as caught, client.transaction() as tx:
                        tx._insert(row_class(**{**required(row_class, table), column.name: bad}))
                    assert (caught.value.table, caught.value.column) == (table.name, column.name), bad
                    str(caught.value).encode()
                    tried += 1
        assert proxy.transacts == []
        assert client.state == "ready"
        assert proxy.connections == 2
    assert tried > len(live.tables) * 10


@pytest.fixture
def proxy(kinds_server: Server, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path / "p.sock", kinds_server.socket) as proxy:
        yield proxy


@pytest.mark.parametrize("column", Kinds._columns.values(), ids=lambda column: column.name)
def test_an_update_with_a_bad_value_is_refused_and_the_good_one_beside_it_is_not_written(
    proxy: Proxy, kinds_client: KindsClient, column: Column[Any]
) -> None:
    with kinds_client.transaction() as tx:
        ref = tx.insert(kinds(string="before"))
    with KindsClient.connect(proxy.remote, timeout=10) as client:
        row = client[ref]
        good = {"strings" if column.name == "string" else "string": ["after"] if column.name == "string" else "after"}
        for bad in bad_values(column.type):
            with pytest.raises(InvalidValue, match=rf"Kinds\.{column.name}\b"), client.transaction() as tx:
                tx.insert(kinds(string="beside"))
                tx.update(row, **good, **{column.name: bad})
            # A program that goes on after the error does not write the good half either.
            tx = client.transaction()
            with pytest.raises(InvalidValue):
                tx.update(row, **good, **{column.name: bad})
            assert tx.operations() == []
            tx.commit()
        assert proxy.transacts == []
    assert kinds_client.find(Kinds) == [row]


@pytest.mark.parametrize(
    ("column", "edit"),
    [
        ("strings", Add("\0")),
        ("strings", Add("good", 5)),
        ("integers", Add(1, 2, 3, 4)),
        ("integers", Add(2**63)),
        ("integers", Add(True)),
        ("reals", Add(float("nan"))),
        ("words", Add("grey")),
        ("texts", Put({"k": "\udc80"})),
        ("texts", Put({"k": None})),
        ("counts", Put({"k": True})),
        ("counts", Put({"k": 2**63})),
        ("numbered", Put({8: "x"})),
        ("measures", Put({"k": float("inf")})),
        ("one_pair", Put({"a": "b", "c": "d"})),
        ("children", Add(Ref(Kinds, uuid4()))),
        ("children", Add(Ref(Child, UUID(int=0)))),
        ("children_by_name", Put({"a": Ref(Kinds, uuid4())})),
    ],
)
def test_an_edit_with_a_bad_value_is_refused(proxy: Proxy, kinds_client: KindsClient, column: str, edit: Any) -> None:
    with kinds_client.transaction() as tx:
        ref = tx.insert(kinds())
    with KindsClient.connect(proxy.remote, timeout=10) as client:
        with pytest.raises(InvalidValue, match=rf"Kinds\.{column}\b"), client.transaction() as tx:
            tx.update(client[ref], string="beside", **{column: edit})
        assert proxy.transacts == []


def test_a_row_of_another_database_is_a_type_error(proxy: Proxy) -> None:
    with KindsClient.connect(proxy.remote, timeout=10) as client:
        with pytest.raises(TypeError, match="Strange is a table of Stranger, not of Kinds"), client.transaction() as tx:
            tx.insert(kinds())
            tx._insert(Strange())
        with pytest.raises(TypeError), client.transaction() as tx:
            loose: Any = tx
            loose.delete(Ref(Strange, uuid4()))
        assert proxy.transacts == []


def test_poison_harms_nobody_else_on_the_connection(nb: Northbound) -> None:
    """Where NUL or a lone surrogate gets through, the server closes the session of everybody who shares it."""
    for number, poison in enumerate(POISON):
        with pytest.raises(InvalidValue), nb.transaction() as tx:
            tx.insert(nb_rows.LogicalSwitch(name=poison))
        with pytest.raises(InvalidValue):
            nb.find(nb_rows.LogicalSwitch, name=poison)
        with nb.transaction() as tx:
            tx.insert(nb_rows.LogicalSwitch(name=f"good{number}"))
    assert len(nb.find(nb_rows.LogicalSwitch)) == len(POISON)
    assert nb.state == "ready"


@pytest.mark.parametrize("comment", POISON)
def test_a_comment_is_a_value_too(nb: Northbound, comment: str) -> None:
    with pytest.raises(InvalidValue), nb.transaction(comment) as tx:
        tx.insert(nb_rows.LogicalSwitch(name="web"))
    assert nb.find(nb_rows.LogicalSwitch) == []
    assert nb.state == "ready"


@pytest.mark.parametrize("file", ["ovn-nb.ovsschema", "ovn-sb.ovsschema", "vswitch.ovsschema"])
def test_all_shapes_of_columns_have_bad_values_here(file: str) -> None:
    schema = DatabaseSchema.from_json(json.loads(find_schema(file).read_text()))
    for table in schema.tables.values():
        for column in table.columns.values():
            assert len(list(bad_values(column.type))) >= 3
