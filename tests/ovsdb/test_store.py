"""The rows of the replica: indexes, snapshots, and readers in other threads."""

from __future__ import annotations

import threading
from collections import UserDict
from collections.abc import ItemsView
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnkit.errors import ProtocolError
from ovnkit.ovsdb import Ref, wire
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.index import IndexKey
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.store import Store
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsDatabase

ONE, TWO = UUID(int=1), UUID(int=2)
SCHEMA = DatabaseSchema.from_json(KINDS)
TEXTS = IndexKey(("texts",), "k")


def new_store() -> Store:
    return Store(KindsDatabase, SCHEMA, {name: frozenset(table.columns) for name, table in SCHEMA.tables.items()})


def new_row(kind: str, **columns: Any) -> wire.RowUpdate:
    raw = wire.Raw(wire.encode(columns))
    return wire.RowUpdate(initial=raw) if kind == "initial" else wire.RowUpdate(insert=raw)


class ReadMeanwhile(UserDict[UUID, wire.RowUpdate]):
    """The rows of an update; while they are looked at, another thread reads the store."""

    def __init__(self, store: Store, rows: dict[UUID, wire.RowUpdate]) -> None:
        super().__init__(rows)
        self.store = store
        self.seen: set[UUID] | None = None

    def items(self) -> ItemsView[UUID, wire.RowUpdate]:
        with ThreadPoolExecutor(1) as pool:
            self.seen = {row.uuid for row in pool.submit(self.store.rows, "Kinds").result(5)}
        return super().items()


@pytest.mark.parametrize("afresh", [False, True])
def test_readers_do_not_wait_for_an_update_that_is_being_understood_and_see_none_of_it(afresh: bool) -> None:
    store = new_store()
    store.apply({"Kinds": {ONE: new_row("initial", string="one")}}, afresh=True)
    update: Any = ReadMeanwhile(store, {TWO: new_row("insert", string="two")})
    store.apply({"Kinds": update}, afresh=afresh)
    assert update.seen == {ONE}
    assert {row.uuid for row in store.rows("Kinds")} == ({TWO} if afresh else {ONE, TWO})


def test_an_index_that_cannot_be_kept_leaves_the_update_out() -> None:
    store = new_store()
    store.declare_index("Kinds", IndexKey(("string",)))
    store.apply({"Kinds": {ONE: new_row("initial", string="one")}}, afresh=True)
    assert store.find(Filter(Kinds, {"string": "one"}))
    with pytest.raises(ProtocolError):
        store.apply({"Kinds": {ONE: new_row("insert", string="1"), TWO: new_row("insert", string=2)}}, afresh=False)
    assert [found.uuid for found in store.find(Filter(Kinds, {"string": "one"}))] == [ONE]
    assert not store.find(Filter(Kinds, {"string": "1"}))


def test_a_modification_that_changes_nothing_is_no_change() -> None:
    store = new_store()
    store.apply({"Kinds": {ONE: new_row("initial", string="one")}}, afresh=True)
    same = {"string": wire.Raw(b'"one"'), "texts": wire.Raw(b'["map",[]]')}
    assert store.apply({"Kinds": {ONE: wire.RowUpdate(modify=same)}}, afresh=False) == []
    (change,) = store.apply({"Kinds": {ONE: wire.RowUpdate(modify={"string": wire.Raw(b'"two"')})}}, afresh=False)
    before, after = change.before, change.after
    assert isinstance(before, Kinds)
    assert isinstance(after, Kinds)
    assert (before.string, after.string, change.columns) == ("one", "two", frozenset({"string"}))


def test_an_index_made_while_updates_arrive_misses_none() -> None:
    store = new_store()
    store.declare_index("Kinds", TEXTS)
    store.apply({"Kinds": {ONE: new_row("initial", texts=["map", [["k", "v"]]])}}, afresh=True)
    first = threading.Lock()

    class Slow(IndexKey):
        def values(self, row: Any) -> Any:
            if first.acquire(blocking=False):
                update = {TWO: new_row("insert", texts=["map", [["k", "v"]]])}
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(store.apply, {"Kinds": update}, afresh=False).result(5)
            return super().values(row)

    store.tables["Kinds"].declared = (Slow(("texts",), "k"),)
    matches = Filter(Kinds, {"texts": {"k": "v"}})
    store.find(matches)
    assert {found.uuid for found in store.find(matches)} == {ONE, TWO}


_UUIDS = st.sampled_from([UUID(int=number) for number in range(1, 6)])
_COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "string": st.sampled_from(["a", "b"]),
        "texts": st.sampled_from([["map", [["k", "v"]]], ["map", [["k", "w"], ["l", "v"]]], ["map", []]]),
        "children": st.sampled_from([["set", []], ["set", [["uuid", str(ONE)], ["uuid", str(TWO)]]]]),
    },
)
_FILTERS: list[dict[str, Any]] = [
    {"string": "a"},
    {"texts": {"k": "v"}},
    {"string": "b", "texts": {"k": "w"}},
    {"children": [Ref(Child, ONE)]},
]


@settings(max_examples=200)
@given(updates=st.lists(st.dictionaries(_UUIDS, st.none() | _COLUMNS, max_size=3), max_size=8), data=st.data())
def test_indexes_and_snapshots_tell_what_looking_through_all_rows_tells(
    updates: list[dict[UUID, dict[str, Any] | None]], data: st.DataObject
) -> None:
    store = new_store()
    store.declare_index("Kinds", IndexKey(("string",)))
    store.declare_index("Kinds", TEXTS)
    snapshots = []
    for update in updates:
        if data.draw(st.booleans()):
            rows: list[Any] = store.rows("Kinds")
            snapshots.append((store.snapshot(), set(rows)))
        known = {found.uuid for found in store.rows("Kinds")}
        rows_told: dict[UUID, wire.RowUpdate] = {}
        for uuid, columns in update.items():
            if columns is None:
                rows_told |= {uuid: wire.RowUpdate(delete=wire.Raw(b"null"))} if uuid in known else {}
            elif uuid in known and data.draw(st.booleans()):
                cells = {name: wire.Raw(wire.encode(value)) for name, value in columns.items()}
                rows_told[uuid] = wire.RowUpdate(modify=cells)
            else:
                rows_told[uuid] = new_row("insert", **columns)
        store.apply({"Kinds": rows_told}, afresh=False)
        for found in store.rows("Kinds"):
            # What has been read of a row goes on to the next one, where it is the same.
            assert found == type(found)._stored(found.uuid, found._raw, found._replicated)
            assert isinstance(found, Kinds)
            assert data.draw(st.booleans()) or found.string in {"", "a", "b"}
        for columns in _FILTERS:
            matches = Filter(Kinds, columns)
            assert set(store.find(matches)) == {found for found in store.rows("Kinds") if matches(found)}
    for snapshot, rows_then in snapshots:
        assert set(snapshot.rows("Kinds")) == rows_then
        for columns in _FILTERS:
            matches = Filter(Kinds, columns)
            assert set(snapshot.find(matches)) == {found for found in rows_then if matches(found)}
        for found in rows_then:
            assert snapshot.get("Kinds", found.uuid) is found
        expected = {found for found in rows_then if Ref(Child, TWO) in found.children}
        assert set(snapshot.referrers(Kinds, "children", Ref(Child, TWO))) == expected
