"""One superset of models serves servers that are older than the models, and servers that are newer."""

# ruff: noqa: PT012 (what raises stands in a transaction)

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue, NotFound, NotOnServer
from ovnkit.northbound import NB, LogicalSwitch
from ovnkit.ovsdb import Ref, Row
from ovnkit.ovsdb.row import ReplicatedTable
from ovnkit.ovsdb.schema import TableSchema
from ovnkit.ovsdb.server import Server
from tests.ovsdb.conftest import StartServer
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsClient, kinds

TABLE = ReplicatedTable(TableSchema("any", {}), frozenset())


@pytest.fixture
def old(start_server: StartServer, tmp_path: Path) -> Server:
    """A server whose schema lacks a column of every shape, and a table."""
    schema = json.loads(json.dumps(KINDS))
    columns = schema["tables"]["Kinds"]["columns"]
    for name in ("optional_string", "strings", "texts", "integer", "child", "children", "children_by_name"):
        del columns[name]
    columns["word"]["type"]["key"]["enum"] = "black"
    del schema["tables"]["Child"]
    path = tmp_path / "old.ovsschema"
    path.write_text(json.dumps(schema))
    return start_server(str(path))


def test_what_the_server_lacks_reads_as_default_and_can_be_asked_for(old: Server) -> None:
    with KindsClient.connect(old.remote, timeout=5) as client:
        assert client.has(Kinds)
        assert client.has(Kinds.string)
        for missing in (Kinds.strings, Kinds.integer, Child, Child.name):
            assert not client.has(missing)
        ref = client.transact(lambda tx: tx.insert(kinds(string="a")))
        row = client[ref]
        assert (row.optional_string, row.strings, row.integer, row.child) == (None, frozenset(), 0, None)
        assert row.texts == {}
        assert client.find(Child) == []
        assert client.find(Kinds, strings=["x"]) == []
        assert client.find(Kinds, integer=0) == [row]
        with client.watch(Child) as events, pytest.raises(TimeoutError):
            events.next(0.01)
        with pytest.raises(NotFound):
            client[Ref(Child, uuid4())]


@pytest.mark.parametrize(
    ("column", "default", "other"),
    [
        ("optional_string", None, "x"),
        ("strings", [], ["x"]),
        ("texts", {}, {"k": "v"}),
        ("integer", 0, 7),
        ("child", None, Ref(Child, uuid4())),
    ],
)
def test_writing_anything_but_the_default_is_refused(old: Server, column: str, default: Any, other: Any) -> None:
    with KindsClient.connect(old.remote, timeout=5) as client:
        ref = client.transact(lambda tx: tx.insert(kinds(**{column: default})))
        row = client[ref]
        client.transact(lambda tx: tx.update(row, string="x", **{column: default}))
        with pytest.raises(NotOnServer, match=rf"Kinds\.{column}.*version 1\.2\.3") as caught:
            client.transact(lambda tx: tx.insert(kinds(**{column: other})))
        assert (caught.value.table, caught.value.column, caught.value.found) == ("Kinds", column, "1.2.3")
        with pytest.raises(NotOnServer):
            client.transact(lambda tx: tx.update(row, string="y", **{column: other}))
        with pytest.raises(NotOnServer):
            client.transact(lambda tx: tx.insert(Child(name="c")))
        with pytest.raises(NotOnServer):
            client.transact(lambda tx: tx.check_none(Kinds, **{column: other}))
        with pytest.raises(NotOnServer):
            KindsClient.connect(old.remote, timeout=5, monitor={Kinds: {column: other}})
        assert [(each.string, each.ref) for each in client.find(Kinds)] == [("x", ref)]


def test_the_release_that_is_needed_is_named(nb: Northbound) -> None:
    """The installed server may be of any release, so the columns are those that it does not have."""
    missing = [
        column for row_class in NB.tables.values() for column in row_class._columns.values() if not nb.has(column)
    ]
    for column in missing:
        if not nb.has(column.row_class):
            with pytest.raises(NotOnServer, match=f"needs release {column.row_class._since}"), nb.transaction() as tx:
                tx.insert(LogicalSwitch(name="beside"))
                tx._insert(NB.row_class(column.table)._stored(uuid4(), b"{}", TABLE)._with(None, {}))
        elif column.type.is_map or column.type.is_set:
            assert column.since is not None
            value: Any = {"k": "v"} if column.type.is_map else [1]
            with pytest.raises((NotOnServer, InvalidValue)) as caught, nb.transaction() as tx:
                tx.insert(LogicalSwitch(name="beside"))
                row = column.row_class._stored(uuid4(), b"{}", TABLE)._with(None, {})
                tx._insert(row.__replace__(**{column.name: value}))
            if isinstance(caught.value, NotOnServer):
                assert caught.value.since == column.since
    assert nb.find(LogicalSwitch) == []


def test_check_guards_only_what_the_server_has(old: Server) -> None:
    with KindsClient.connect(old.remote, timeout=5) as client:
        ref = client.transact(lambda tx: tx.insert(kinds(string="a")))
        row = client[ref]
        with client.transaction() as tx:
            tx.check(row)
            tx.update(row, string="b")
        assert client[ref].string == "b"
        with client.transaction() as tx:
            tx.delete(ref)
        assert client.find(Kinds) == []


def test_what_is_newer_than_the_models_is_read_all_the_same(start_server: StartServer, tmp_path: Path) -> None:
    schema = json.loads(json.dumps(KINDS))
    schema["tables"]["Kinds"]["columns"]["brand_new"] = {"type": {"key": "string", "min": 0, "max": "unlimited"}}
    schema["tables"]["Kinds"]["columns"]["novelty"] = {
        "type": {"key": {"type": "uuid", "refTable": "Novelty"}, "min": 0, "max": 1}
    }
    schema["tables"]["Novelty"] = {"isRoot": True, "columns": {"name": {"type": "string"}, "size": {"type": "integer"}}}
    schema["tables"]["Kinds"]["columns"]["word"]["type"]["key"]["enum"][1].append("grey")
    path = tmp_path / "new.ovsschema"
    path.write_text(json.dumps(schema))
    server = start_server(str(path))
    with KindsClient.connect(server.remote, timeout=5) as client:
        uuid = uuid4()
        operations: list[dict[str, Any]] = [
            {"op": "insert", "table": "Novelty", "uuid": str(uuid), "row": {"name": "n", "size": 7}},
            {
                "op": "insert",
                "table": "Kinds",
                "row": {
                    "word": "grey",
                    "ranged": 1,
                    "some_integers": 3,
                    "brand_new": ["set", ["a", "b"]],
                    "novelty": ["uuid", str(uuid)],
                },
            },
        ]
        client._connection.query(operations, time.monotonic() + 5)
        row = client.get(Kinds)
        assert row.word == "grey"
        assert row.extra["brand_new"] == {"a", "b"}
        assert row.extra["novelty"] == Ref(Row, uuid)
        (novelty,) = client.rows("Novelty")
        assert novelty.uuid == uuid
        assert novelty.extra == {"name": "n", "size": 7}
        assert client.rows("Kinds") == [row]
        with pytest.raises(NotOnServer):
            client.rows("Nowhere")
        client.transact(lambda tx: tx.update(row, string="changed beside a column that is not known here"))
        assert client[row.ref].extra == row.extra
