"""What ovs and ovsdbapp get wrong when a server or an update fails: repetitions, false failures, lost notices."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from ovs.db.custom_index import OVSDB_INDEX_ASC
from ovs.db.idl import SchemaHelper
from ovs.poller import Poller

from ovnkit import Northbound
from ovnkit.errors import OvnkitError
from ovnkit.northbound import DHCPOptions, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.replica import Idl
from ovnkit.ovsdb.server import Server
from tests.ovsdb.proxy import Proxy


def insert(nb: Northbound, *names: str) -> None:
    with nb.transaction() as tx:
        for name in names:
            tx.insert(LogicalSwitch(name=name))


# -- the server dies when it has applied a transaction ---------------------------------------------------------------


@pytest.fixture
def crash(nb_proxy: Proxy, nb_server: Server) -> None:
    """The server dies when it has applied the next write, before the answer is out, and comes back."""

    def die() -> None:
        nb_server.kill()
        nb_server.start()

    nb_proxy.cuts = ["after"]
    nb_proxy.before_cut = die


def test_defect_1_4_a_server_that_dies_in_mid_transaction_leaves_one_row(
    nb_behind: Northbound, nb_proxy: Proxy, crash: None
) -> None:
    """Of a table without a unique index, where a repetition would be a second row."""
    ref = nb_behind.transact(lambda tx: tx.insert(DHCPOptions(cidr="10.0.0.0/24")))
    assert nb_proxy.cuts == []
    assert [row.ref for row in nb_behind.find(DHCPOptions)] == [ref]


def test_defect_1_4_a_write_that_was_applied_is_no_failure_for_its_own_row(
    nb_behind: Northbound, nb_proxy: Proxy, crash: None
) -> None:
    changes = nb_behind.add_switch("dup")
    assert nb_proxy.cuts == []
    assert changes
    assert [row.ref for row in nb_behind.find(LogicalSwitch)] == [changes.ref]


def test_defect_1_4_a_write_that_was_applied_is_no_failure_where_an_index_would_refuse_a_second(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server
) -> None:
    insert(nb_behind, "web")
    nb_proxy.cuts = ["after"]
    with nb_behind.transaction() as tx:
        port = tx.insert(LogicalSwitchPort(name="unique"))
        tx.update(tx.get(LogicalSwitch, name="web"), ports=[port])
    assert nb_proxy.cuts == []
    assert [row.name for row in nb_behind.find(LogicalSwitchPort)] == ["unique"]


# -- an outage --------------------------------------------------------------------------------------------------------


def test_defect_1_4_a_row_deleted_during_an_outage_is_one_deletion_and_no_creation_is_repeated(
    nb: Northbound, nb_server: Server
) -> None:
    insert(nb, *(f"s{number}" for number in range(20)))
    told: list[tuple[str, str]] = []
    with nb.watch(LogicalSwitch) as events:
        for _ in range(20):
            assert events.next(1).initial
        nb_server.kill()
        # Changed while this client cannot see it.
        apart = Server(nb_server.database, nb_server.schema, run_dir=nb_server.run_dir, name="apart")
        with apart, Northbound.connect(apart.remote, timeout=5) as other:
            other.transact(lambda tx: tx.delete(tx.get(LogicalSwitch, name="s7")))
        nb_server.start()
        insert(nb, "last")
        while ("insert", "last") not in told:
            event = events.next(5)
            told.append((event.kind, event.row.name))
    assert told == [("delete", "s7"), ("insert", "last")]


# -- an update that cannot be understood ----------------------------------------------------------------------------


def _wrong_type(table: dict[str, Any], uuid: str) -> None:
    row = table["Logical_Switch"][uuid]
    row[next(iter(row))]["name"] = ["map", 5]


def _no_row(table: dict[str, Any], uuid: str) -> None:
    table["Logical_Switch"][uuid] = {"insert": "no row"}


def _unknown_row(table: dict[str, Any], uuid: str) -> None:
    table["Logical_Switch"][uuid] = {"modify": {"name": "of a row that nobody has"}}


def _unknown_table(table: dict[str, Any], uuid: str) -> None:
    table["No_Such_Table"] = {uuid: table["Logical_Switch"].pop(uuid)}


def _spoil_the_next_five(proxy: Proxy, spoil: Callable[[dict[str, Any], str], object]) -> list[str]:
    """Spoil a row of the next update that has five; returns where its uuid will be."""
    spoilt: list[str] = []

    def tamper(message: dict[str, Any]) -> None:
        if message.get("method") in ("update", "update2", "update3") and not spoilt:
            table = message["params"][-1]
            uuids = sorted(table.get("Logical_Switch", ()))
            if len(uuids) == 5:
                spoilt.append(uuids[2])
                spoil(table, uuids[2])

    proxy.tamper = tamper
    return spoilt


@pytest.mark.parametrize("spoil", [_no_row, _unknown_row, _unknown_table])
def test_defect_1_4_a_bad_row_in_an_update_costs_no_other_row_and_no_notice(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound, spoil: Any
) -> None:
    """One row of an update is spoilt on its way; in the end all rows are there, and each was told of once."""
    insert(nb_behind, "there")
    spoilt = _spoil_the_next_five(nb_proxy, spoil)
    told: list[str] = []
    with nb_behind.watch(LogicalSwitch) as events:
        assert events.next(1).initial
        insert(other_nb, *(f"s{number}" for number in range(5)))
        insert(other_nb, "last")
        while "last" not in told or len(told) < 6:
            event = events.next(10)
            assert event.kind == "insert"
            told.append(event.row.name)
    assert len(spoilt) == 1
    assert sorted(told) == ["last", "s0", "s1", "s2", "s3", "s4"]
    assert set(nb_behind.find(LogicalSwitch)) == set(other_nb.find(LogicalSwitch))
    insert(nb_behind, "goes on")


def test_defect_1_4_a_bad_value_in_an_update_costs_no_other_row_and_is_right_in_the_end(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound
) -> None:
    """Columns are decoded when they are read: until then nobody knows of the bad one."""
    spoilt = _spoil_the_next_five(nb_proxy, _wrong_type)
    insert(other_nb, *(f"s{number}" for number in range(5)))
    insert(other_nb, "last")
    deadline = time.monotonic() + 10
    good: set[str] = set()
    while len(good) < 6:
        assert time.monotonic() < deadline, good
        for row in nb_behind.find(LogicalSwitch):
            # Whatever is wrong with a row is said in a typed error, and heals by itself.
            with contextlib.suppress(OvnkitError):
                good.add(row.name)
        time.sleep(0.005)
    assert len(spoilt) == 1
    assert good == {"last", "s0", "s1", "s2", "s3", "s4"}
    assert set(nb_behind.find(LogicalSwitch)) == set(other_nb.find(LogicalSwitch))


# -- indexes ----------------------------------------------------------------------------------------------------------


def test_defect_1_4_an_index_made_after_the_load_finds_rows_that_change(nb: Northbound, other_nb: Northbound) -> None:
    with nb.transaction() as tx:
        ports = [
            tx.insert(LogicalSwitchPort(name=f"p{number}", external_ids={"neutron:port_name": f"n{number % 3}"}))
            for number in range(9)
        ]
        tx.insert(LogicalSwitch(name="web", ports=ports))
    nb.index(LogicalSwitchPort.external_ids, key="neutron:port_name")
    assert len(nb.find(LogicalSwitchPort, external_ids={"neutron:port_name": "n1"})) == 3
    other_nb.wait(LogicalSwitchPort, name="p8", timeout=5)
    with other_nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitchPort, name="p1"), external_ids=Put({"neutron:port_name": "moved"}))
        tx.update(tx.get(LogicalSwitchPort, name="p4"), name="renamed")
        tx.delete(tx.get(LogicalSwitchPort, name="p7"))
    nb.wait(LogicalSwitchPort, name="renamed", timeout=5)
    assert [row.name for row in nb.find(LogicalSwitchPort, external_ids={"neutron:port_name": "moved"})] == ["p1"]
    assert [row.name for row in nb.find(LogicalSwitchPort, external_ids={"neutron:port_name": "n1"})] == ["renamed"]
    assert nb.find(LogicalSwitchPort, name="p4") == []
    assert len(nb.find(LogicalSwitchPort)) == 8
    assert set(nb.find(LogicalSwitchPort)) == set(other_nb.find(LogicalSwitchPort))


def test_defect_1_4_an_index_of_the_replica_made_after_the_load_loses_no_row(nb: Northbound, nb_server: Server) -> None:
    """With the API of ovs itself, as programs use it that put this replica in the place of its own."""
    insert(nb, "a", "b", "c")
    helper = SchemaHelper(location=str(nb_server.schema))
    helper.register_table("Logical_Switch")
    idl: Any = Idl(nb_server.remote, helper)
    try:
        rows = idl.tables["Logical_Switch"].rows
        _run(idl, lambda: len(rows) == 3)
        index = idl.index_create("Logical_Switch", "by_name")
        index.add_column("name", OVSDB_INDEX_ASC)
        nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="b"), name="z"))
        _run(idl, lambda: any(row.name == "z" for row in rows.values()))
        assert sorted(row.name for row in rows.values()) == ["a", "c", "z"]
        nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="c"), name="d"))
        _run(idl, lambda: any(row.name == "d" for row in rows.values()))
        assert [row.name for row in idl.index_irange("Logical_Switch", "by_name", None, None)] == ["a", "d", "z"]
    finally:
        idl.close()


def _run(idl: Any, until: Any) -> None:
    deadline = time.monotonic() + 5
    while not until():
        assert time.monotonic() < deadline
        idl.run()
        poller = Poller()
        idl.wait(poller)
        poller.timer_wait(20)
        poller.block()


# -- reads beside the connection's thread -----------------------------------------------------------------------------


def test_defect_1_4_rows_can_be_read_while_updates_come_in(nb: Northbound, other_nb: Northbound) -> None:
    insert(nb, *(f"s{number}" for number in range(50)))
    rows = nb.find(LogicalSwitch)
    writes = 0
    ends = time.monotonic() + 1
    while time.monotonic() < ends:
        insert(other_nb, f"t{writes}")
        other_nb.transact(lambda tx, name=f"t{writes}": tx.delete(tx.get(LogicalSwitch, name=name)))  # type: ignore[misc]
        writes += 1
        assert len([row.name for row in nb.find(LogicalSwitch)]) in (50, 51)
    assert writes > 10
    with nb.transaction() as tx:
        tx.update(rows[0], name="not committed yet")
        assert all(row.name != "not committed yet" for row in nb.find(LogicalSwitch))
        tx.discard()
    # A row that was read stays readable after it was deleted.
    nb.transact(lambda tx: tx.delete(rows[0].ref))
    assert rows[0].external_ids == {}
