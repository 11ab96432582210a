"""What is observed in real databases, filled in as ovn-northd, ovn-controller and ovs-vswitchd do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ovnkit.deploy.observe import Facts, LocalFacts, observe_local, observe_southbound
from ovnkit.southbound import Chassis, DatapathBinding, Encap, PortBinding, Southbound
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch, Port
from tests.deploy.site import Site


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [({"physnet1": "br-ex"}, ["net1-a", "net1-b"]), ({"physnet2": "br-two"}, ["net2"]), ({}, [])],
)
def test_ports_are_connected_where_their_network_is_mapped(mappings: dict[str, str], expected: list[str]) -> None:
    facts = Facts({}, provider_ports={"c1": {"net2": "physnet2", "net1-b": "physnet1", "net1-a": "physnet1"}})
    assert facts.connected_ports("c1", mappings) == expected
    assert facts.connected_ports("stranger", mappings) == []


def test_southbound_shows_chassis_and_what_they_carry(site: Site) -> None:
    with Southbound.connect(site.southbound.remote, timeout=10) as sb:
        with sb.transaction() as tx:
            inside, router, outside = (tx.insert(DatapathBinding(tunnel_key=number)) for number in (1, 2, 3))
            encaps = [tx.insert(Encap(type=kind, ip="192.0.2.1", chassis_name="c1")) for kind in ("geneve", "vxlan")]
            gateway = tx.insert(Chassis(name="c1", encaps=encaps))
            other = tx.insert(
                Chassis(name="c2", encaps=[tx.insert(Encap(type="geneve", ip="192.0.2.2", chassis_name="c2"))])
            )
            bindings: list[dict[str, Any]] = [
                {"logical_port": "vm1", "datapath": inside, "chassis": other},
                {"logical_port": "vm2", "datapath": inside},
                {"logical_port": "r-out", "datapath": router, "type": "patch", "options": {"peer": "out-r"}},
                {"logical_port": "out-r", "datapath": outside, "type": "patch", "options": {"peer": "r-out"}},
                {
                    "logical_port": "cr-r-out",
                    "datapath": router,
                    "type": "chassisredirect",
                    "chassis": gateway,
                    "options": {"distributed-port": "r-out"},
                },
                {
                    "logical_port": "provnet",
                    "datapath": outside,
                    "type": "localnet",
                    "options": {"network_name": "physnet1"},
                },
            ]
            for key, columns in enumerate(bindings, 1):
                tx.insert(PortBinding(tunnel_key=key, **columns))
        facts = observe_southbound(sb)
    assert [str(encap) for encap in facts.chassis["c1"].encaps] == ["geneve 192.0.2.1", "vxlan 192.0.2.1"]
    assert facts.provider_ports == {"c1": {"provnet": "physnet1"}, "c2": {}}
    assert facts.state == "ready"


def test_a_host_shows_its_bridges_patch_ports_tunnels_and_errors(site: Site) -> None:
    with site.vswitch("ctl") as vs:
        with vs.transaction() as tx:
            interfaces: list[tuple[dict[str, Any], dict[str, str]]] = [
                ({"name": "p1", "type": "patch", "ofport": 2}, {"ovn-localnet-port": "provnet"}),
                ({"name": "p2", "type": "patch", "ofport": 3}, {"ovn-localnet-port": "provnet"}),
                ({"name": "half", "type": "patch"}, {"ovn-localnet-port": "half"}),
                ({"name": "int-br-ex", "type": "patch", "ofport": 9}, {}),
                ({"name": "ovn-c2-0", "type": "geneve", "options": {"remote_ip": "192.0.2.2"}}, {}),
                ({"name": "gre0", "type": "gre", "options": {"remote_ip": "192.0.2.3"}}, {}),
                ({"name": "eth1", "error": "No such device"}, {}),
                ({"name": "tap0", "error": "No such device", "external_ids": {"iface-id": "vm1"}}, {}),
            ]
            ports = [
                tx.insert(Port(name=columns["name"], interfaces=[tx.insert(Interface(**columns))], external_ids=marks))
                for columns, marks in interfaces
            ]
            tx.update(tx.get(OpenVSwitch), bridges=[tx.insert(Bridge(name="br-int", ports=ports))])
        assert observe_local(vs) == LocalFacts(
            bridges=frozenset({"br-int"}),
            patch_ports={"provnet": (2, 3), "half": (-1,)},
            tunnels=frozenset({"192.0.2.2"}),
            errors=("eth1: No such device",),
        )


def test_a_host_whose_database_has_gone_shows_that(site: Site) -> None:
    with site.vswitch("ctl") as vs:
        site.hosts["ctl"].kill()
        deadline = time.monotonic() + 10
        while vs.state == "ready" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert observe_local(vs).state == "reconnecting"
