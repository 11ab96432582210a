"""The network as a tree of text: what is shown, where, and in which order."""

from __future__ import annotations

import pytest

from ovnkit import deploy, topology
from ovnkit.lab import Lab
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, Northbound
from ovnkit.ovsdb import Verbatim
from ovnkit.southbound import Chassis, DatapathBinding, Encap, PortBinding, Southbound

from . import plain
from .plain import HOSTILE, hostile, node


def build(nb: Northbound) -> None:
    """A tenant's network behind a router with its gateway on two chassis."""
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_switch_port("web", "vm1", addresses=["02:00:00:00:00:05 10.0.0.5"])
    nb.add_switch_port("web", "vm2", addresses=["02:00:00:00:00:06 10.0.0.6"])
    nb.add_metadata_port("web", "10.0.0.2", mac="02:00:00:00:00:02", port="web-metadata")
    nb.add_router("r")
    nb.connect_router("web", "r", networks=["10.0.0.1/24"], mac="02:00:00:00:ff:01", router_port="r-web")
    nb.add_provider_network("physnet1", vlan=70, switch="ext")
    nb.connect_router(
        "ext",
        "r",
        networks=["203.0.113.10/24"],
        mac="02:00:00:00:ff:02",
        router_port="r-ext",
        switch_port="ext-r",
        default_route="203.0.113.1",
    )
    nb.set_gateway("r-ext", "chassis-a", "chassis-b")
    nb.add_snat("r", external_ip="203.0.113.10", logical_ip="10.0.0.0/24")
    nb.add_floating_ip("r", "203.0.113.20", "10.0.0.5")
    nb.add_floating_ip("r", "203.0.113.21", "10.0.0.6", logical_port="vm2", external_mac="02:00:00:00:00:16")


WITHOUT_SOUTHBOUND = """\
router r
├── port r-ext  02:00:00:00:ff:02  203.0.113.10/24  -> switch ext
│   ├── gateway chassis-a  priority 2
│   └── gateway chassis-b  priority 1
├── port r-web  02:00:00:00:ff:01  10.0.0.1/24  -> switch web
├── floating ip 203.0.113.20  <-> 10.0.0.5
├── floating ip 203.0.113.21  <-> 10.0.0.6  vm2
├── snat 203.0.113.10  <- 10.0.0.0/24
└── route 0.0.0.0/0  via 203.0.113.1
switch ext
├── port ext-r  -> router r
└── provider network physnet1  provnet-ext  vlan 70
switch web  10.0.0.0/24
├── port lsp-web-r  -> router r
├── port vm1  02:00:00:00:00:05 10.0.0.5  down
├── port vm2  02:00:00:00:00:06 10.0.0.6  down
└── port web-metadata  localport  02:00:00:00:00:02 10.0.0.2"""

WITH_SOUTHBOUND = """\
router r
├── port r-ext  02:00:00:00:ff:02  203.0.113.10/24  -> switch ext
│   ├── gateway host  priority 2
│   └── gateway host  priority 1  active
├── port r-web  02:00:00:00:ff:01  10.0.0.1/24  -> switch web
├── floating ip 203.0.113.20  <-> 10.0.0.5
├── floating ip 203.0.113.21  <-> 10.0.0.6  vm2
├── snat 203.0.113.10  <- 10.0.0.0/24
└── route 0.0.0.0/0  via 203.0.113.1
switch ext
├── port ext-r  -> router r
└── provider network physnet1  provnet-ext  vlan 70
switch web  10.0.0.0/24
├── port lsp-web-r  -> router r
├── port vm1  02:00:00:00:00:05 10.0.0.5  up  on chassis-c
├── port vm2  02:00:00:00:00:06 10.0.0.6  unbound
└── port web-metadata  localport  02:00:00:00:00:02 10.0.0.2
chassis chassis-c  geneve 192.0.2.3
└── port vm1
chassis host  geneve 192.0.2.1  gateway  physnet1:br-ex,physnet2:br-two
chassis host  geneve 192.0.2.2
└── gateway of r-ext  priority 1"""


def test_a_network_is_shown_without_southbound(nb: Northbound) -> None:
    build(nb)
    assert str(topology.of(nb)) == WITHOUT_SOUTHBOUND


def test_southbound_adds_chassis_and_where_things_run(nb: Northbound, sb: Southbound) -> None:
    build(nb)
    with nb.transaction() as nb_tx:
        nb_tx.update(nb_tx.get(LogicalSwitchPort, name="vm1"), up=True)
    others = {"ovn-cms-options": "enable-chassis-as-gw", "ovn-bridge-mappings": "physnet1:br-ex,physnet2:br-two"}
    with sb.transaction() as tx:
        chassis = {
            name: tx.insert(
                Chassis(
                    name=name,
                    # Two hosts of one name: the chassis tells them apart.
                    hostname="" if name == "chassis-c" else "host",
                    other_config=others if name == "chassis-a" else {},
                    encaps=[tx.insert(Encap(type="geneve", ip=f"192.0.2.{number}", chassis_name=name))],
                )
            )
            for number, name in enumerate(("chassis-a", "chassis-b", "chassis-c"), 1)
        }
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        bound = {"vm1": chassis["chassis-c"], "vm2": None, "cr-r-ext": chassis["chassis-b"]}
        for key, (port, place) in enumerate(bound.items(), 1):
            tx.insert(PortBinding(logical_port=port, datapath=datapath, tunnel_key=key, chassis=place))
    found = topology.of(nb, sb)
    assert str(found) == WITH_SOUTHBOUND
    assert repr(found) == "<Topology 1 router, 2 switches, 6 switch ports, 3 chassis>"


def test_a_network_with_nothing_in_it_says_so(nb: Northbound, sb: Southbound) -> None:
    assert str(topology.of(nb)) == "an empty network"
    assert str(topology.of(nb, sb)) == "an empty network"
    assert not len(topology.of(nb, sb))


def test_names_of_tenants_stay_on_their_line(nb: Northbound) -> None:
    with nb.transaction() as tx:
        port = tx.insert(LogicalSwitchPort(name="vm\n└── port admin  up", addresses=[Verbatim("unknown\x1b[2J")]))
        tx.insert(LogicalSwitch(name="we\u202eb", ports=[port]))
    assert str(topology.of(nb)).splitlines() == [
        r"switch we\u202eb",
        r"└── port vm\n└── port admin  up  unknown\x1b[2J  down",
    ]


@pytest.mark.lab
def test_in_a_cluster_ports_are_up_on_their_host_and_the_gateway_is_active(lab: Lab) -> None:
    assert deploy.plan(lab.spec).apply()
    nb = lab.northbound
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_router("r")
    nb.connect_router("web", "r", networks=["10.0.0.1/24"])
    nb.add_provider_network("physnet1")
    nb.connect_router("physnet1", "r", networks=["203.0.113.10/24"], router_port="r-out")
    nb.set_gateway("r-out", lab.spec.host("ctl").system_id)
    lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", mac="02:00:00:00:00:05")
    lab.southbound.wait(PortBinding, logical_port="cr-r-out", up=True, timeout=10)
    shown = str(topology.of(nb, lab.southbound))
    assert "port vm1  02:00:00:00:00:05 10.0.0.5  up  on cmp1" in shown
    assert "gateway ctl  priority 1  active" in shown
    assert "chassis ctl  geneve 198.51.100.2  gateway  physnet1:br-ex\n└── gateway of r-out  priority 1" in shown


def test_names_that_mean_harm_are_text_on_one_line_each() -> None:
    shown = str(hostile())
    assert all(line.isprintable() for line in shown.split("\n"))
    kinds = ("router ", "switch ", "chassis ")
    assert sum(line.startswith(kinds) for line in shown.split("\n")) == 3 * len(HOSTILE)


def test_of_a_switch_with_many_ports_the_first_are_listed_and_the_rest_counted() -> None:
    ports = [node("switch port", f"vm{number}", parent="switch web") for number in range(250)]
    lines = str(plain.topology([node("switch", "web"), *ports])).split("\n")
    assert len(lines) == 102
    assert lines[-1] == "└── … 150 more"


def test_rules_and_routes_that_lack_an_address_are_shown_all_the_same() -> None:
    parts = [node("route", "0.0.0.0/0", parent="router r"), node("floating ip", "203.0.113.5", parent="router r")]
    found = plain.topology([node("router", "r"), *parts])
    assert str(found) == "router r\n├── route 0.0.0.0/0  via ?\n└── floating ip 203.0.113.5  <-> ?"
    assert "0.0.0.0/0 → ?" in found.to_svg()


def test_a_part_that_has_services_alone_lists_these() -> None:
    part = plain.topology([node("load balancer", "lb1"), node("load balancer", "lb2")])
    assert str(part) == "load balancer lb1\nload balancer lb2"
