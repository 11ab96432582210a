"""Several writers at the same moment: nothing is doubled, nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ovnkit import Northbound
from ovnkit.errors import Timeout
from ovnkit.northbound import NAT, DHCPOptions, LogicalRouter, LogicalSwitch, LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb.server import Server
from tests.operations import snapshot

WRITERS = 4


def build(nb: Northbound, own: int) -> None:
    nb.add_switch("web")
    nb.add_router("r1")
    nb.connect_router("web", "r1", networks=["10.0.0.1/24"], default_route="10.0.0.254")
    nb.add_switch_port("web", f"vm{own}")
    for number in range(5):
        nb.add_switch_port("web", f"shared{number}")
    nb.add_dhcp("web", "10.0.0.0/24", server_id="10.0.0.1", routes={f"10.{own}.0.0/16": "10.0.0.7"}, ports=[f"vm{own}"])
    nb.add_snat("r1", external_ip="192.0.2.10", logical_ip="10.0.0.0/24")
    nb.add_floating_ip("r1", f"192.0.2.1{own}", "10.0.0.9")


def test_writers_that_build_the_same_network_build_it_once(nb: Northbound, server: Server) -> None:
    clients = [Northbound.connect(server.remote, timeout=20) for _ in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(build, clients, range(WRITERS)))
        done = clients[0]
        done.add_switch("web", external_ids={"read": "after all"})
        done.wait(LogicalSwitch, external_ids={"read": "after all"})
        assert len(done.find(LogicalSwitch)) == len(done.find(LogicalRouter)) == len(done.find(DHCPOptions)) == 1
        assert len(done.find(LogicalSwitchPort)) == WRITERS + 5 + 1
        assert len(done.find(NAT)) == WRITERS + 1
        routes = done.get(DHCPOptions).options["classless_static_route"]
        assert all(f"10.{own}.0.0/16,10.0.0.7" in routes for own in range(WRITERS))
        before = snapshot(done)
        for own in range(WRITERS):
            build(done, own)
        assert snapshot(done) == before
    finally:
        for client in clients:
            client.close()


def test_several_that_sync_a_database_without_a_first_row_wait_each_for_its_own_number(
    nb: Northbound, server: Server
) -> None:
    def sync(client: Northbound) -> None:
        with pytest.raises(Timeout, match="ovn-northd"):
            client.sync(timeout=1)

    clients = [Northbound.connect(server.remote, timeout=20) for _ in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(sync, clients))
    finally:
        for client in clients:
            client.close()
    assert nb.wait(NBGlobal, nb_cfg=WRITERS, timeout=5).sb_cfg == 0
