"""What ovsdbapp's commands lose or cannot repeat: keys of others, values in one transaction, arguments of a caller."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, VSwitch
from ovnkit.errors import Conflict
from ovnkit.northbound import (
    GatewayChassis,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
    NorthboundTransaction,
)
from ovnkit.ovsdb import Add, Exactly, Put, Remove
from ovnkit.ovsdb.server import Server
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch, Port
from tests.ovsdb.proxy import Proxy


@pytest.fixture
def vs_proxy(vs_server: Server, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path / "vs-proxy.sock", vs_server.socket) as proxy:
        yield proxy


@pytest.fixture
def vs_behind(vs: VSwitch, vs_proxy: Proxy) -> Iterator[VSwitch]:
    """A client behind the proxy, of a host with a bridge that has one port."""
    with vs.transaction() as tx:
        interface = tx.insert(Interface(name="p0", external_ids={"iface-id": "vm0"}))
        port = tx.insert(Port(name="p0", interfaces=[interface]))
        bridge = tx.insert(Bridge(name="br0", ports=[port], external_ids={"own": "1"}))
        tx.insert(OpenVSwitch(bridges=[bridge]))
    with VSwitch.connect(vs_proxy.remote, timeout=10) as client:
        yield client


# -- defect 2: the external ids of bridges and interfaces -------------------------------------------------------------


@pytest.mark.parametrize("table", [Bridge, Interface])
def test_defect_1_5_a_key_is_set_beside_the_keys_of_others_behind_a_wait(
    vs: VSwitch, vs_behind: VSwitch, vs_proxy: Proxy, table: Any
) -> None:
    row: Any = vs_behind.get(table)

    def other() -> None:
        vs.transact(lambda tx: tx.update(tx.get(table), external_ids=Put({"theirs": "at the same moment"})))

    vs_proxy.before_write = other
    with vs_behind.transaction() as tx:
        tx.update(row, external_ids=Put({"mine": "x"}))
    (operations,) = vs_proxy.writes
    assert operations[0]["op"] == "wait"
    assert operations[0]["timeout"] == 0
    assert all(operation["op"] != "update" for operation in operations)
    merged = {**row.external_ids, "mine": "x", "theirs": "at the same moment"}
    assert vs.wait(table, external_ids=Exactly(merged), timeout=5).external_ids == merged


@pytest.mark.parametrize("table", [Bridge, Interface])
def test_defect_1_5_a_whole_map_is_not_set_over_what_was_not_read(
    vs: VSwitch, vs_behind: VSwitch, vs_proxy: Proxy, table: Any
) -> None:
    """Also where a caller does set the whole column, as some of ovsdbapp's commands do (defect 3)."""
    row: Any = vs_behind.get(table)
    vs_proxy.before_write = lambda: vs.transact(lambda tx: tx.update(tx.get(table), external_ids=Put({"theirs": "y"})))
    with pytest.raises(Conflict), vs_behind.transaction() as tx:
        tx.update(row, external_ids={**row.external_ids, "mine": "x"})
    assert vs.get(table).external_ids == {**row.external_ids, "theirs": "y"}


# -- defect 4: writers of other keys ----------------------------------------------------------------------------------


def test_defect_1_5_writers_of_other_keys_force_no_second_attempt(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, switch: LogicalSwitch
) -> None:
    nb_proxy.before_write = lambda: nb.transact(
        lambda tx: tx.update(tx.get(LogicalSwitch, name="web"), external_ids=Put({"theirs": "y"}))
    )
    nb_behind.wait(LogicalSwitch, name="web", timeout=5)
    nb_behind.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="web"), external_ids=Put({"mine": "x"})))
    assert len(nb_proxy.writes) == 1
    assert nb_behind.get(LogicalSwitch).external_ids == {"a": "1", "b": "2", "mine": "x", "theirs": "y"}


# -- defect 5: deleting a key by its value ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "0"])
def test_defect_1_5_a_key_whose_value_was_empty_is_not_deleted_when_it_has_another(
    nb: Northbound, other_nb: Northbound, value: str
) -> None:
    with nb.transaction() as tx:
        ref = tx.insert(LogicalSwitch(name="web", external_ids={"k": value, "l": "m"}))
    read = nb[ref]
    other_nb.wait(LogicalSwitch, name="web", timeout=5)
    other_nb.transact(lambda tx: tx.update(tx[ref], external_ids=Put({"k": "theirs"})))
    with pytest.raises(Conflict), nb.transaction() as tx:
        tx.update(read, external_ids=Remove("k"))
    assert other_nb[ref].external_ids == {"k": "theirs", "l": "m"}


def test_defect_1_5_a_key_that_another_has_added_is_not_deleted_unread(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, switch: LogicalSwitch
) -> None:
    row = nb_behind.wait(LogicalSwitch, name="web", timeout=5)
    nb_proxy.before_write = lambda: nb.transact(lambda tx: tx.update(tx[switch.ref], external_ids=Put({"c": "3"})))
    with nb_behind.transaction() as tx:
        tx.update(row, external_ids=Remove("a", "c"))
    assert nb.wait(LogicalSwitch, external_ids=Exactly({"b": "2", "c": "3"}), timeout=5).uuid == switch.uuid


# -- defect 6: several edits of a column in one transaction -----------------------------------------------------------


def test_defect_1_5_set_remove_and_set_in_one_transaction_all_count(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    with nb.transaction() as tx:
        tx.update(tx[switch.ref], external_ids=Put({"c": "3"}))
        assert tx[switch.ref].external_ids == {"a": "1", "b": "2", "c": "3"}
        tx.update(tx[switch.ref], external_ids=Remove("a"))
        assert tx[switch.ref].external_ids == {"b": "2", "c": "3"}
        tx.update(tx[switch.ref], external_ids=Put({"d": "4"}))
        assert tx[switch.ref].external_ids == {"b": "2", "c": "3", "d": "4"}
    row = other_nb.wait(LogicalSwitch, external_ids=Exactly({"b": "2", "c": "3", "d": "4"}), timeout=5)
    assert row.uuid == switch.uuid


def test_defect_1_5_a_whole_value_with_edits_before_and_after_it_counts_in_order(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    (first, *_) = sorted(switch.ports)
    with nb.transaction() as tx:
        tx.update(switch, external_ids={"x": "1", "y": "2"}, ports=Remove(first))
        tx.update(tx[switch.ref], external_ids=Remove("x"))
        tx.update(tx[switch.ref], external_ids=Put({"z": "3"}))
        tx.update(tx[switch.ref], ports=Add(first))
        assert tx[switch.ref].external_ids == {"y": "2", "z": "3"}
        assert tx[switch.ref].ports == switch.ports
    row = other_nb.wait(LogicalSwitch, external_ids=Exactly({"y": "2", "z": "3"}), timeout=5)
    assert row.ports == switch.ports


# -- defect 7: what was there when the cache was read -----------------------------------------------------------------


def test_defect_1_5_two_that_add_the_same_switch_at_the_same_moment_add_one(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy
) -> None:
    def other() -> None:
        nb_proxy.before_write = lambda: None
        nb.add_switch("web")

    nb_proxy.before_write = other
    assert not nb_behind.add_switch("web")
    assert len(nb.find(LogicalSwitch)) == 1


# -- defect 8: bodies that run a second time --------------------------------------------------------------------------


def test_defect_1_5_a_gateway_that_meets_a_conflict_has_all_its_chassis_at_the_second_attempt(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy
) -> None:
    nb.add_switch("web")
    nb.add_router("edge")
    nb.connect_router("web", "edge", networks=["10.0.0.1/24"])
    port = nb_behind.wait(LogicalRouterPort, timeout=5)

    def other() -> None:
        nb_proxy.before_write = lambda: None
        nb.set_gateway(port.name, "gw9")

    nb_proxy.before_write = other
    nb_behind.set_gateway(port.name, "gw1", "gw2")
    assert len(nb_proxy.writes) == 2
    chassis = [nb_behind[ref] for ref in nb_behind.get(LogicalRouterPort).gateway_chassis]
    assert {row.chassis_name: row.priority for row in chassis} == {"gw1": 2, "gw2": 1}
    assert len(nb_behind.find(GatewayChassis)) == 2


def test_defect_1_5_arguments_are_as_they_were_after_an_attempt_that_failed(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, switch: LogicalSwitch
) -> None:
    """And the second attempt refers to its own rows, not to those of the first."""
    nb_behind.wait(LogicalSwitch, name="web", timeout=5)
    names = ["n1", "n2"]
    ids = {"k": "v"}
    columns: dict[str, Any] = {"external_ids": ids, "other_config": {"mcast_snoop": "true"}}
    before = copy.deepcopy((names, columns))
    row = LogicalSwitchPort(name="kept", external_ids=ids, addresses=["unknown"])
    runs = 0

    def other() -> None:
        nb_proxy.before_write = lambda: None
        nb.transact(lambda tx: tx.update(tx[switch.ref], external_ids=Put({"theirs": "y"})))

    def body(tx: NorthboundTransaction) -> None:
        nonlocal runs
        runs += 1
        ports = [tx.insert(LogicalSwitchPort(name=name)) for name in names]
        kept = tx.insert(row)
        tx.update(tx[switch.ref], ports=[*ports, kept], **columns)
        ports.clear()

    nb_proxy.before_write = other
    nb_behind.transact(body)
    assert runs == 2
    assert (names, columns) == before
    assert row == LogicalSwitchPort(name="kept", external_ids={"k": "v"}, addresses=["unknown"])
    final = nb_behind.get(LogicalSwitch)
    assert sorted(nb_behind[ref].name for ref in final.ports) == ["kept", "n1", "n2"]
    assert final.external_ids == ids
    assert len(nb_behind.find(LogicalSwitchPort)) == 3


def test_defect_1_5_what_was_given_to_an_insert_may_change_afterwards(nb: Northbound) -> None:
    ids = {"k": "v"}
    with nb.transaction() as tx:
        ref = tx.insert(LogicalSwitch(name="web", external_ids=ids))
        ids["k"] = "changed after the insert"
        assert tx[ref].external_ids == {"k": "v"}
    assert nb[ref].external_ids == {"k": "v"}


# -- 9: compare and swap of a key -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("there", "mine"), [({"a": "1"}, {"a": "2"}), ({}, {"a": "2"})])
def test_defect_1_5_one_key_is_compared_and_swapped_in_one_transaction(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, there: dict[str, str], mine: dict[str, str]
) -> None:
    with nb.transaction() as tx:
        ref = tx.insert(LogicalSwitch(name="web", external_ids=there))
    row = nb_behind.wait(LogicalSwitch, name="web", timeout=5)
    nb_proxy.before_write = lambda: nb.transact(lambda tx: tx.update(tx[ref], external_ids=Put({"other": "unrelated"})))
    with nb_behind.transaction() as tx:
        tx.update(row, external_ids=Put(mine))
    nb_proxy.before_write = lambda: None
    with pytest.raises(Conflict), nb_behind.transaction() as tx:
        # The snapshot is the old one: what it says of the key is not so any more.
        tx.update(row, external_ids=Put({"a": "3"}))
    assert nb.wait(LogicalSwitch, external_ids=mine, timeout=5).external_ids == {"other": "unrelated", **mine}
