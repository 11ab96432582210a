"""A real ovn-northd takes what the operations build, and sync() waits for it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import attrs
import pytest

from ovnkit import Northbound, Southbound
from ovnkit.errors import InvalidValue, Timeout
from ovnkit.northbound import LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb import Changes
from ovnkit.ovsdb.server import Process, Server, find_schema
from ovnkit.southbound import ChassisPrivate, DatapathBinding, LogicalFlow, PortBinding, SBGlobal
from tests.northd import northd_running, skip_without_northd
from tests.operations import clear


@attrs.frozen
class Central:
    """Both databases, and ovn-northd between them."""

    northbound: Northbound
    southbound: Southbound
    northd: Process

    def complaints(self) -> list[str]:
        """What ovn-northd warns of."""
        return re.findall(r"^.*\|(?:WARN|ERR|EMER)\|.*$", self.northd.log.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    skip_without_northd()
    directory = tmp_path_factory.mktemp("central")
    with (
        Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as nb,
        Server(directory / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=directory, name="sb") as sb,
        Northbound.connect(nb.remote, timeout=10) as northbound,
        Southbound.connect(sb.remote, timeout=10, monitor=dict.fromkeys(SOUTHBOUND_TABLES)) as southbound,
        northd_running(directory, nb.remote, sb.remote) as northd,
    ):
        yield Central(northbound, southbound, northd)


SOUTHBOUND_TABLES = (ChassisPrivate, DatapathBinding, LogicalFlow, PortBinding, SBGlobal)


@pytest.fixture
def empty(central: Central) -> Iterator[Central]:
    # It is open for appending, so that what northd says goes on at the beginning.
    central.northd.log.write_bytes(b"")
    yield central
    for row in central.southbound.find(ChassisPrivate):
        with central.southbound.transaction() as tx:
            tx.delete(row)
    clear(central.northbound, keep=(NBGlobal,))


def build(nb: Northbound) -> None:
    nb.add_provider_network("physnet1", switch="public", vlan=100)
    nb.add_router("r1")
    nb.connect_router("public", "r1", networks=["192.0.2.10/24", "2001:db8::10/64"], default_route="192.0.2.1")
    nb.connect_router("public", "r1", default_route="2001:db8::1")
    nb.set_gateway("lrp-r1-public", "gw1", "gw2")
    nb.add_snat("r1", external_ip="192.0.2.10", logical_ip="10.0.0.0/24")
    nb.add_floating_ip("r1", "192.0.2.11", "10.0.0.9")
    nb.add_floating_ip("r1", "192.0.2.12", "10.0.0.10", logical_port="vm2", external_mac="02:00:00:00:01:02")
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.connect_router("web", "r1", networks=["10.0.0.1/24", "fd00::1/64"])
    for number, suffix in (("1", "9"), ("2", "10")):
        address = f"02:00:00:00:00:0{number} 10.0.0.{suffix} fd00::{suffix}"
        nb.add_switch_port("web", f"vm{number}", addresses=[address], port_security=[address])
    nb.add_metadata_port("web", "10.0.0.2")
    nb.add_dhcp(
        "web", "10.0.0.0/24", server_id="10.0.0.1", router="10.0.0.1", lease_time=600, mtu=1400,
        dns=["10.0.0.53", "10.0.0.54"], routes={"10.9.0.0/16": "10.0.0.7"}, metadata=True, ports=["vm1", "vm2"],
        options={"domain_name": '"example.org"'},
    )  # fmt: skip
    nb.add_dhcp("web", "fd00::/64", server_id="02:00:00:00:00:fe", dns=["fd00::53"], ports=["vm1", "vm2"])


def test_what_the_operations_build_is_accepted(empty: Central) -> None:
    build(empty.northbound)
    number = empty.northbound.sync("sb", timeout=20)
    # The replica of SB is another connection, and may be a moment behind what NB says of it.
    empty.southbound.wait(SBGlobal, nb_cfg=number, timeout=5)
    bound = {row.logical_port for row in empty.southbound.find(PortBinding)}
    assert {"vm1", "vm2", "metadata-web", "provnet-public", "cr-lrp-r1-public", "lsp-web-r1"} <= bound
    actions = " ".join(flow.actions for flow in empty.southbound.find(LogicalFlow))
    assert "classless_static_route = {10.9.0.0/16,10.0.0.7, 169.254.169.254/32,10.0.0.2, 0.0.0.0/0,10.0.0.1}" in actions
    assert "dns_server = {10.0.0.53, 10.0.0.54}" in actions
    assert re.search(r"ct_snat\w*\(192\.0\.2\.10\)", actions)
    assert re.search(r"ct_dnat\w*\(10\.0\.0\.9\)", actions)
    assert empty.complaints() == []


def test_what_the_operations_remove_is_gone(empty: Central) -> None:
    build(empty.northbound)
    empty.northbound.sync(timeout=20)
    nb = empty.northbound
    removals: list[Callable[[], Changes]] = [
        lambda: nb.remove_router("r1"),
        lambda: nb.remove_switch("web"),
        lambda: nb.remove_provider_network("physnet1", switch="public"),
    ]
    for remove in removals:
        assert remove()
        nb.sync(timeout=20)
    empty.southbound.wait_gone(DatapathBinding, timeout=5)
    assert empty.southbound.find(PortBinding) == []
    assert empty.complaints() == []


def test_dynamic_addresses_come_from_the_subnet_of_the_switch(empty: Central) -> None:
    nb = empty.northbound
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_switch_port("web", "vm1", addresses=["dynamic"])
    found = None
    with nb.watch(LogicalSwitchPort, name="vm1") as events:
        while found is None:
            after = events.next(timeout=20).after
            found = None if after is None else after.dynamic_addresses
    assert re.fullmatch(r"[0-9a-f:]{17} 10\.0\.0\.[0-9]+", found)


def test_each_sync_waits_for_its_own_number(empty: Central) -> None:
    nb = empty.northbound
    first = nb.sync(timeout=20)
    assert nb.sync("hv", timeout=20) == first + 1
    assert nb.get(NBGlobal).sb_cfg >= first + 1


def test_many_may_sync_at_once(empty: Central) -> None:
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(empty.northbound.sync(timeout=20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == len(threads)


def test_one_dead_chassis_holds_hv_back_and_not_sb(empty: Central) -> None:
    with empty.southbound.transaction() as tx:
        tx.insert(ChassisPrivate(name="dead"))
    # Until northd has heard of the chassis, over its other connection, it holds nothing back.
    while empty.northbound.sync("sb", timeout=20) <= empty.northbound.get(NBGlobal).hv_cfg:
        pass
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"hv_cfg to reach .* one that is dead holds it back"):
        empty.northbound.sync("hv", timeout=0.3)
    assert 0.2 < time.monotonic() - began < 5


def test_without_northd_sync_says_who_does_not_answer(nb: Northbound) -> None:
    for expected in (1, 2):
        with pytest.raises(Timeout, match=f"sb_cfg to reach {expected}: ovn-northd"):
            nb.sync(timeout=0.1)


def test_there_are_two_levels(nb: Northbound) -> None:
    with pytest.raises(InvalidValue, match="'sb' or 'hv'"):
        nb.sync("all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
