"""What is pending, and the operations that it becomes: pure logic on plain values."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ovnkit.errors import Unreferenced
from ovnkit.ovsdb import Add, Put, Ref, Remove, Row, wire
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.operations import build, conditions, wait_absent
from ovnkit.ovsdb.pending import Pending, PendingRow, View
from ovnkit.ovsdb.row import ReplicatedTable
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.store import Store
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsDatabase, kinds

SCHEMA = DatabaseSchema.from_json(KINDS)
TABLES = SCHEMA.tables
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def stored(row_class: type[Any], uuid: UUID, **raw: Any) -> Any:
    table = TABLES[row_class._table]
    return row_class._stored(uuid, wire.encode(raw), ReplicatedTable(table, frozenset(table.columns)))


def view(*rows: Row[Any]) -> View:
    store = Store(KindsDatabase, SCHEMA, {name: frozenset(table.columns) for name, table in TABLES.items()})
    updates: wire.Updates = {}
    for row in rows:
        updates.setdefault(row._table, {})[row.uuid] = wire.RowUpdate(initial=wire.Raw(row._raw))
    store.apply(updates, afresh=True)
    return View(store)


def where(uuid: UUID) -> list[Any]:
    return [["_uuid", "==", ["uuid", str(uuid)]]]


def operations(pending: Pending) -> list[dict[str, Any]]:
    return build(pending, comment=None, durable=False)


def row_wait(uuid: UUID, *more: Any, table: str = "Kinds") -> dict[str, Any]:
    return {
        "op": "wait",
        "table": table,
        "where": [*where(uuid), *more],
        "columns": ["_uuid"],
        "until": "==",
        "rows": [{"_uuid": ["uuid", str(uuid)]}],
        "timeout": 0,
    }


def test_an_insert_brings_its_uuid_and_what_is_not_default() -> None:
    pending = Pending(KindsDatabase)
    pending.insert(kinds(string="a", integer=0, strings=[]), ONE)
    (insert,) = operations(pending)
    assert insert == {"op": "insert", "table": "Kinds", "uuid": str(ONE), "row": insert["row"]}
    assert insert["row"] == {"string": "a", "word": "black", "ranged": 1}


def test_an_update_is_guarded_by_the_old_values_of_its_columns() -> None:
    pending = Pending(KindsDatabase)
    pending.edit(stored(Kinds, ONE, string="a", integer=7)).set("string", "b")
    wait, update = operations(pending)
    assert (wait["op"], wait["where"], wait["columns"]) == ("wait", where(ONE), ["string"])
    assert (wait["rows"], wait["until"], wait["timeout"]) == ([{"string": "a"}], "==", 0)
    assert update == {"op": "update", "table": "Kinds", "where": where(ONE), "row": {"string": "b"}}


def test_members_are_mutated_after_a_wait_for_the_row() -> None:
    pending = Pending(KindsDatabase)
    item = pending.edit(stored(Kinds, ONE, strings=["set", ["a", "b"]]))
    item.set("strings", Add("c", "a"))
    item.set("strings", Remove("b", "x"))
    wait, mutate = operations(pending)
    assert wait == row_wait(ONE)
    assert mutate["mutations"] == [["strings", "delete", ["set", ["b"]]], ["strings", "insert", ["set", ["c"]]]]


def test_keys_are_guarded_one_by_one() -> None:
    pending = Pending(KindsDatabase)
    item = pending.edit(stored(Kinds, ONE, texts=["map", [["k", "old"], ["l", "w"], ["m", "x"]]]))
    item.set("texts", Put({"k": "new", "n": "y", "l": "w"}))
    item.set("texts", Remove("m"))
    old_keys, gone, mutate, check = operations(pending)
    assert old_keys == row_wait(ONE, ["texts", "includes", ["map", [["k", "old"], ["m", "x"]]]])
    assert gone == row_wait(ONE)
    assert mutate["mutations"] == [
        ["texts", "delete", ["set", ["k", "m"]]],
        ["texts", "insert", ["map", [["k", "new"], ["n", "y"]]]],
    ]
    assert check == row_wait(ONE, ["texts", "includes", ["map", [["k", "new"], ["n", "y"]]]])


def test_a_delete_waits_for_its_row() -> None:
    pending = Pending(KindsDatabase)
    pending.delete(stored(Kinds, ONE))
    assert operations(pending) == [row_wait(ONE), {"op": "delete", "table": "Kinds", "where": where(ONE)}]


def test_guards_come_first_and_comment_and_commit_last() -> None:
    pending = Pending(KindsDatabase)
    guard = wait_absent(Kinds, {"string": "a", "strings": frozenset({"x"})})
    pending.insert(kinds(), ONE)
    pending.delete(stored(Kinds, TWO))
    pending.guards.append(guard)
    sent = build(pending, comment="why", durable=True)
    assert [operation["op"] for operation in sent] == ["wait", "wait", "insert", "delete", "comment", "commit"]
    assert sent[0] == guard
    assert guard["rows"] == []
    assert build(Pending(KindsDatabase), comment="why", durable=True) == []


def test_conditions_contain_sets_and_equal_the_rest() -> None:
    assert conditions({"string": "a", "strings": frozenset({"b"}), "friend": None}) == [
        ["string", "==", "a"],
        ["strings", "includes", ["set", ["b"]]],
        ["friend", "==", ["set", []]],
    ]


def test_what_is_taken_back_leaves_nothing() -> None:
    pending = Pending(KindsDatabase)
    item = pending.edit(stored(Kinds, ONE, string="a", strings="x"))
    item.set("string", "b")
    item.set("strings", Add("y"))
    item.set("string", "a")
    item.set("strings", Remove("y"))
    assert not item.changes_something
    assert operations(pending) == []
    assert pending.changes() == []


def test_a_savepoint_is_independent() -> None:
    pending = Pending(KindsDatabase)
    item = pending.edit(stored(Kinds, ONE, string="a"))
    item.set("string", "b")
    savepoint = pending.copy()
    item.set("string", "c")
    pending.insert(kinds(), TWO)
    assert len(savepoint.items) == 1
    (copied,) = savepoint.items.values()
    assert getattr(copied.row, "string", None) == "b"


@pytest.mark.parametrize(
    ("value", "outdated"),
    [("late", True), (Add("x"), False), (Put({"k": "w"}), True), (Put({"other": "w"}), False)],
)
def test_a_value_from_an_older_snapshot_is_told(value: Any, outdated: bool) -> None:
    column = "texts" if isinstance(value, Put) else "strings" if isinstance(value, Add) else "string"
    old = stored(Kinds, ONE, string="old", texts=["map", [["k", "old"]]])
    item = PendingRow(stored(Kinds, ONE, string="new", texts=["map", [["k", "new"]]]), inserted=False)
    assert item.outdates(old, column, value) is outdated
    assert not item.outdates(item.row, column, value)
    item.set("string", "own")
    assert not item.outdates(item.row, column, value)


def test_a_new_row_must_be_referred_to_by_another_that_stays() -> None:
    pending = Pending(KindsDatabase)
    pending.insert(Child(name="c"), ONE)
    with pytest.raises(Unreferenced, match=r"put it into .*\bKinds\.children\b"):
        pending.check_referenced()
    holder = pending.insert(kinds(children=[Ref(Child, ONE)]), TWO)
    pending.check_referenced()
    pending.delete(holder.row)
    with pytest.raises(Unreferenced):
        pending.check_referenced()


def test_rows_that_lose_their_last_reference_go_and_their_names_with_them() -> None:
    child = stored(Child, ONE, name="c")
    one = stored(Kinds, TWO, children=["uuid", str(ONE)])
    other = stored(Kinds, THREE, child=["uuid", str(ONE)], friend=["uuid", str(TWO)])
    rows = view(child, one, other)
    pending = Pending(KindsDatabase)
    pending.delete(one)
    told = {(change.action, change.table, change.column) for change in pending.settled(rows).changes()}
    assert told == {("delete", "Kinds", None), ("update", "Kinds", "friend")}
    pending.edit(other).set("child", None)
    told = {(change.action, change.table, change.column) for change in pending.settled(rows).changes()}
    assert ("delete", "Child", None) in told
    assert ("update", "Kinds", "child") in told


def test_the_view_shows_what_is_pending() -> None:
    one, two = stored(Kinds, ONE, string="a"), stored(Kinds, TWO, string="b")
    pending = Pending(KindsDatabase)
    pending.edit(one).set("string", "A")
    pending.delete(two)
    pending.insert(kinds(string="c"), THREE)
    rows = view(one, two)
    found: list[Any] = rows.find(Filter(Kinds, {}), pending)
    assert {row.uuid: row.string for row in found} == {ONE: "A", THREE: "c"}
    assert [row.uuid for row in rows.find(Filter(Kinds, {"string": "c"}), pending)] == [THREE]
    assert rows.find(Filter(Kinds, {"string": "a"}), pending) == []
    assert rows.get("Kinds", TWO, pending) is None
