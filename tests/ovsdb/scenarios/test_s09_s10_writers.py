"""S9 and S10: a row that goes while it is written, and several appliers of one comma-separated value."""

# ruff: noqa: PT012 (leaving the transaction is what raises)

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, VSwitch
from ovnkit.errors import Conflict
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.ovsdb import Add, Exactly, Put, Remove
from ovnkit.ovsdb.server import Server
from ovnkit.vswitch import OpenVSwitch
from tests.cluster import select
from tests.ovsdb.proxy import Proxy

KEY = "ovn-bridge-mappings"

Change = Callable[[NorthboundTransaction, LogicalSwitch], object]

CHANGES: dict[str, Change] = {
    "update": lambda tx, row: tx.update(row, name="renamed"),
    "whole map": lambda tx, row: tx.update(row, external_ids={"x": "y"}),
    "put": lambda tx, row: tx.update(row, external_ids=Put({"a": "9"})),
    "new key": lambda tx, row: tx.update(row, external_ids=Put({"new": "9"})),
    "take away": lambda tx, row: tx.update(row, external_ids=Remove("a")),
    "add": lambda tx, row: tx.update(row, ports=Add(tx.insert(LogicalSwitchPort(name="p")))),
    "remove": lambda tx, row: tx.update(row, ports=Remove(*row.ports)),
    "delete": lambda tx, row: tx.delete(row),
    "check": lambda tx, row: tx.check(row),
}


@pytest.mark.parametrize("change", CHANGES)
def test_s9_a_write_to_a_row_that_is_deleted_at_the_same_moment_is_a_conflict(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server, other_nb: Northbound, switch: LogicalSwitch, change: str
) -> None:
    row = nb_behind.wait(LogicalSwitch, name="web", timeout=5)
    other_nb.wait(LogicalSwitch, name="web", timeout=5)
    nb_proxy.before_write = lambda: other_nb.transact(lambda tx: tx.delete(switch.ref))
    with pytest.raises(Conflict) as caught, nb_behind.transaction() as tx:
        tx.insert(LogicalSwitch(name="in the same transaction"))
        CHANGES[change](tx, row)
    assert caught.value.table == "Logical_Switch"
    # All or nothing: what stood beside it was not applied either.
    assert select(nb_server.socket, "OVN_Northbound", "Logical_Switch", ["name"]) == []
    nb_proxy.before_write = lambda: None
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="next")))
    assert [row.name for row in nb_behind.find(LogicalSwitch)] == ["next"]


def test_s9_an_update_and_a_deletion_that_race_end_as_one_of_the_two(nb: Northbound, other_nb: Northbound) -> None:
    for number in range(40):
        ref = nb.transact(lambda tx, number=number: tx.insert(LogicalSwitch(name=f"s{number}")))  # type: ignore[misc]
        other_nb.wait(LogicalSwitch, name=f"s{number}", timeout=5)
        updating, deleting = nb.transaction(), other_nb.transaction()
        updating.update(nb[ref], external_ids=Put({"k": "v"}))
        deleting.delete(ref)
        answers = [updating.submit(), deleting.submit()]
        updated, deleted = (answer.exception(5) for answer in answers)
        # The deletion does not mind the new key; the update fails exactly where it came second.
        assert deleted is None
        assert updated is None or isinstance(updated, Conflict)
        other_nb.wait_gone(LogicalSwitch, timeout=5)
        nb.wait_gone(LogicalSwitch, timeout=5)


# -- S10 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(vs: VSwitch) -> VSwitch:
    """A host that maps nothing yet."""
    vs.transact(lambda tx: tx.insert(OpenVSwitch(external_ids={"system-id": "host-1"})))
    return vs


@pytest.fixture
def appliers(vs_server: Server, host: VSwitch) -> Iterator[list[VSwitch]]:
    clients = [VSwitch.connect(vs_server.remote, timeout=30) for _ in range(4)]
    yield clients
    for client in clients:
        client.close()


def together(clients: list[VSwitch], work: Callable[[int, VSwitch], object]) -> list[BaseException | None]:
    """Run ``work`` for each client in a thread of its own, from the same moment; what each ended with."""
    barrier = threading.Barrier(len(clients))

    def one(number: int, client: VSwitch) -> None:
        barrier.wait(10)
        work(number, client)

    with ThreadPoolExecutor(len(clients)) as pool:
        running = [pool.submit(one, number, client) for number, client in enumerate(clients)]
        return [future.exception(60) for future in running]


def mappings(client: VSwitch) -> dict[str, str]:
    text = client.get(OpenVSwitch).external_ids.get(KEY, "")
    items = [item.partition(":") for item in text.split(",") if item]
    assert len({physnet for physnet, _, _ in items}) == len(items), text
    return {physnet: bridge for physnet, _, bridge in items}


def test_s10_appliers_of_the_same_mappings_write_each_once(host: VSwitch, appliers: list[VSwitch]) -> None:
    wanted = {f"physnet{number}": f"br-{number}" for number in range(8)}
    changed: list[str] = []

    def apply(number: int, client: VSwitch) -> None:
        # Each in another order.
        order = itertools.islice(itertools.cycle(wanted), 2 * number, 2 * number + len(wanted))
        changed.extend(physnet for physnet in order if client.add_bridge_mapping(physnet, wanted[physnet]))

    assert together(appliers, apply) == [None] * len(appliers)
    host.wait(OpenVSwitch, external_ids={KEY: appliers[0].get(OpenVSwitch).external_ids[KEY]}, timeout=5)
    assert mappings(host) == wanted
    # Whoever made a change was told so, and nobody else.
    assert sorted(changed) == sorted(wanted)


def test_s10_appliers_of_different_mappings_lose_no_element(host: VSwitch, appliers: list[VSwitch]) -> None:
    def apply(number: int, client: VSwitch) -> None:
        for item in range(10):
            client.add_bridge_mapping(f"net{number}-{item}", f"br{number}-{item}")
            if item % 2:
                client.remove_bridge_mapping(f"net{number}-{item - 1}")

    assert together(appliers, apply) == [None] * len(appliers)
    expected = {f"net{number}-{item}": f"br{number}-{item}" for number in range(4) for item in range(1, 10, 2)}
    host.wait(OpenVSwitch, external_ids={"system-id": "host-1"}, timeout=5)
    host.add_bridge_mapping("last", "br-last")
    assert mappings(host) == {**expected, "last": "br-last"}


def test_s10_of_appliers_that_want_different_bridges_one_wins_and_the_others_are_told(
    host: VSwitch, appliers: list[VSwitch]
) -> None:
    def apply(number: int, client: VSwitch) -> None:
        client.add_bridge_mapping("physnet1", f"br-{number}")

    errors = together(appliers, apply)
    assert errors.count(None) == 1
    assert all(error is None or isinstance(error, Conflict) for error in errors)
    host.wait(OpenVSwitch, external_ids={"system-id": "host-1"}, timeout=5)
    host.add_bridge_mapping("other", "br-other")
    assert mappings(host) == {"physnet1": f"br-{errors.index(None)}", "other": "br-other"}


def test_s10_a_foreign_writer_of_the_whole_value_loses_nothing_and_is_not_overwritten(
    host: VSwitch, vs_server: Server, tmp_path: Path
) -> None:
    """Between what was read and what is written, somebody else writes the value."""
    with (
        Proxy(tmp_path / "p.sock", vs_server.socket) as proxy,
        VSwitch.connect(proxy.remote, timeout=10) as behind,
    ):

        def foreign() -> None:
            proxy.before_write = lambda: None
            ids: Any = Put({KEY: "theirs:br-theirs"})
            host.transact(lambda tx: tx.update(tx.get(OpenVSwitch), external_ids=ids))

        proxy.before_write = foreign
        assert behind.add_bridge_mapping("mine", "br-mine")
        assert len(proxy.writes) == 2
        assert mappings(behind) == {"theirs": "br-theirs", "mine": "br-mine"}
        assert behind.get(OpenVSwitch).external_ids[KEY] == "theirs:br-theirs,mine:br-mine"
        everything = behind.get(OpenVSwitch).external_ids
    host.wait(OpenVSwitch, external_ids=Exactly(everything), timeout=5)
