"""The replica: whole updates only, differences over a resync, healing of what is in doubt, and rows for ovsdbapp."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from ovsdbapp.backend.ovs_idl.connection import Connection as AppConnection
from ovsdbapp.schema.ovn_northbound.impl_idl import OvnNbApiIdlImpl

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.app import Idl
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.server import Server
from ovnkit.ovsdb.store import RowChange, Store
from tests.ovsdb.kinds import KINDS, Kinds, KindsDatabase

SCHEMA = DatabaseSchema.from_json(KINDS)
A, B, C = (str(UUID(int=number)) for number in (1, 2, 3))


def apply(store: Store, updates: Any, *, afresh: bool) -> bool:
    """Apply <table-updates2>, given as plain JSON; whether anything changed."""
    return bool(store.apply(wire.updates(wire.encode(updates)), afresh=afresh))


@pytest.fixture
def store() -> Store:
    return Store(KindsDatabase, SCHEMA, {name: frozenset(table.columns) for name, table in SCHEMA.tables.items()})


@pytest.fixture
def heard(store: Store) -> list[tuple[str | None, str | None]]:
    """What a listener is told: the column ``string`` before and after."""
    said: list[tuple[str | None, str | None]] = []

    def name(row: Any) -> str | None:
        return None if row is None else row.string

    def listen(changes: list[RowChange]) -> None:
        said.extend((name(change.before), name(change.after)) for change in changes if change.row_class is Kinds)

    store.listen(listen, "Kinds")
    return said


def strings(store: Store) -> dict[str, str]:
    return {str(row.uuid): row.string for row in store.rows("Kinds") if isinstance(row, Kinds)}


def test_inserts_changes_and_deletions_are_applied(store: Store, heard: list[Any]) -> None:
    apply(store, {"Kinds": {A: {"initial": {"string": "a"}}, B: {"insert": {"string": "b"}}}}, afresh=True)
    apply(store, {"Kinds": {A: {"modify": {"string": "A"}}, B: {"delete": None}}}, afresh=False)
    assert strings(store) == {A: "A"}
    assert heard == [(None, "a"), (None, "b"), ("a", "A"), ("b", None)]


def test_a_new_dump_is_told_as_its_differences(store: Store, heard: list[Any]) -> None:
    apply(store, {"Kinds": {key: {"initial": {"string": key[-1]}} for key in (A, B)}}, afresh=True)
    heard.clear()
    changed = apply(store, {"Kinds": {B: {"initial": {"string": "2"}}, C: {"initial": {"string": "3"}}}}, afresh=True)
    assert changed
    assert sorted(heard, key=str) == [("1", None), (None, "3")]
    assert strings(store) == {B: "2", C: "3"}
    assert not apply(store, {"Kinds": {B: {"initial": {"string": "2"}}, C: {"initial": {"string": "3"}}}}, afresh=True)


def test_equal_values_written_otherwise_are_no_change(store: Store, heard: list[Any]) -> None:
    apply(store, {"Kinds": {A: {"initial": {"strings": ["set", ["a", "b"]], "string": ""}}}}, afresh=True)
    heard.clear()
    assert not apply(store, {"Kinds": {A: {"initial": {"strings": ["set", ["b", "a"]]}}}}, afresh=True)
    assert heard == []


def test_a_difference_to_a_default_that_is_not_empty(store: Store) -> None:
    apply(store, {"Kinds": {A: {"initial": {}}}}, afresh=True)
    apply(store, {"Kinds": {A: {"modify": {"some_integers": ["set", [0, 7]]}}}}, afresh=False)
    row = store.get("Kinds", UUID(A))
    assert isinstance(row, Kinds)
    assert row.some_integers == {7}


@pytest.mark.parametrize(
    "bad",
    [
        {B: {"modify": {"string": "x"}}},
        {"no uuid": {"insert": {}}},
        {B: {"surprise": {}}},
        {B: 7},
    ],
)
def test_a_message_that_is_not_understood_leaves_nothing_behind(store: Store, heard: list[Any], bad: Any) -> None:
    apply(store, {"Kinds": {A: {"initial": {"string": "a"}}}}, afresh=True)
    heard.clear()
    with pytest.raises((ValueError, LookupError, TypeError)):
        apply(store, {"Kinds": {A: {"modify": {"string": "half"}}, C: {"insert": {}}, **bad}}, afresh=False)
    with pytest.raises((ValueError, LookupError, TypeError)):
        apply(store, {"Kinds": {C: {"insert": {}}}, "Nowhere": {B: {"insert": {}}}}, afresh=False)
    assert strings(store) == {A: "a"}
    assert heard == []


def test_a_reader_sees_whole_updates_only(store: Store) -> None:
    """Two rows always change together; no reader may see one without the other."""
    apply(store, {"Kinds": {key: {"initial": {"string": "0"}} for key in (A, B)}}, afresh=True)
    torn: list[Any] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen = strings(store)
            if seen[A] != seen[B]:
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        apply(store, {"Kinds": {key: {"modify": {"string": str(number)}} for key in (A, B)}}, afresh=False)
    stop.set()
    reader.join()
    assert torn == []


def test_a_replica_in_doubt_is_fetched_again(nb: Northbound, other_nb: Northbound) -> None:
    with other_nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
    row = nb.wait(LogicalSwitch, name="web", timeout=5)
    events = nb.watch(LogicalSwitch)
    assert events.next(1).initial
    # As if the news of the row had been lost: what the server says of it next cannot be understood.
    del nb._store.tables["Logical_Switch"].rows[row.uuid]
    with other_nb.transaction() as tx:
        tx.update(other_nb.get(LogicalSwitch, name="web"), name="www")
        tx.insert(LogicalSwitch(name="beside"))
    assert nb.wait(LogicalSwitch, name="www", timeout=10).uuid == row.uuid
    assert {each.name for each in nb.find(LogicalSwitch)} == {"www", "beside"}
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="goes on")))


# -- ovsdbapp ------------------------------------------------------------------------------------------------------


class _Api(OvnNbApiIdlImpl):  # type: ignore[misc]
    """Of its own class, because ovsdbapp keeps one connection for each class."""

    _ovsdb_connection = None


@pytest.fixture
def api(nb_server: Server) -> Iterator[Any]:
    connection = AppConnection(Idl.from_server(nb_server.remote, "OVN_Northbound"), timeout=10)
    _Api._ovsdb_connection = None
    api: Any = _Api(connection)
    yield api
    connection.stop()
    _Api._ovsdb_connection = None


def test_ovsdbapp_works_on_this_replica(api: Any, nb: Northbound) -> None:
    api.ls_add("web", external_ids={"owner": "me"}).execute(check_error=True)
    with api.transaction(check_error=True) as txn:
        txn.add(api.lsp_add("web", "vm1", addresses=["02:00:00:00:00:01 10.0.0.9"]))
        txn.add(api.lsp_add("web", "vm2"))
    assert api.lookup("Logical_Switch", "web").external_ids == {"owner": "me"}
    assert {port.name for port in api.ls_get("web").execute(check_error=True).ports} == {"vm1", "vm2"}
    port = api.lsp_get("vm1").execute(check_error=True)
    assert port.addresses == ["02:00:00:00:00:01 10.0.0.9"]
    nb.wait(LogicalSwitchPort, name="vm2", timeout=5)
    switch = nb.get(LogicalSwitch, name="web")
    assert {nb[ref].name for ref in switch.ports} == {"vm1", "vm2"}
    api.lsp_del("vm2").execute(check_error=True)
    assert [port.name for port in api.lsp_list("web").execute(check_error=True)] == ["vm1"]


def test_both_kinds_of_rows_follow_other_writers(api: Any, nb: Northbound) -> None:
    store: Store = api.idl.store
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web", external_ids={"a": "1"}))
    deadline = time.monotonic() + 5
    while not store.rows("Logical_Switch"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="web"), external_ids={"a": "2", "b": "3"}))
    while store.rows("Logical_Switch")[0].extra["external_ids"] != nb.get(LogicalSwitch).external_ids:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert api.lookup("Logical_Switch", "web").external_ids == {"a": "2", "b": "3"}
    nb.transact(lambda tx: tx.delete(tx.get(LogicalSwitch, name="web")))
    while store.rows("Logical_Switch"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert api.ls_list().execute(check_error=True) == []
