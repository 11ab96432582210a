"""The graph: names, parts, ways, and what of the databases is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from ovnkit import topology
from ovnkit.errors import InvalidValue, NotFound, NotMonitored, NotUnique
from ovnkit.northbound import NAT, LoadBalancer, LogicalRouter, LogicalSwitch, LogicalSwitchPort, Northbound
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, DatapathBinding, Encap, PortBinding, Southbound
from ovnkit.topology import Edge, Topology
from ovnkit.vswitch import VSwitch

from . import plain
from .plain import node


def small() -> Topology:
    """Two switches behind a router, a third one apart, and a host."""
    return plain.topology(
        [
            node("provider", "physnet1"),
            node("router", "r"),
            node("router port", "r-a", parent="router r", networks="10.0.1.1/24"),
            node("router port", "r-b", parent="router r", networks="10.0.2.1/24"),
            node("switch", "a"),
            node("switch port", "a-r", parent="switch a"),
            node("switch port", "vm1", parent="switch a", state="up", addresses="02:00:00:00:00:01 10.0.1.5"),
            node("switch port", "vm2", parent="switch a", state="down", addresses="02:00:00:00:00:02 10.0.1.6"),
            node("switch", "b"),
            node("switch port", "b-r", parent="switch b"),
            node("switch port", "vm3", parent="switch b", state="up"),
            node("switch", "apart"),
            node("switch port", "vm4", parent="switch apart", state="up"),
            node("chassis", "host1"),
            node("bridge", "br-int", parent="chassis host1"),
            node("interface", "vm1", parent="bridge br-int"),
        ],
        [
            Edge("link", "switch port a-r", "router port r-a"),
            Edge("link", "switch port b-r", "router port r-b"),
            Edge("binding", "switch port vm1", "chassis host1"),
            Edge("binding", "switch port vm4", "chassis host1"),
            Edge("attachment", "interface vm1", "switch port vm1"),
        ],
    )


def names(part: Topology) -> set[str]:
    return {f"{each.kind} {each.name}" for each in part}


def test_an_edge_is_one_short_line() -> None:
    ends = "d21a9771-cebb-47bb-9497-c5bdb2c38c74", "provider:physnet1"
    assert repr(Edge("gateway", *ends, "priority 1", "active")) == (
        "<gateway d21a9771 -> provider:physnet1 priority 1 active>"
    )
    assert repr(Edge("link", "a", "b\n")) == r"<link a -> b\n>"


def test_a_name_means_the_port_before_its_interface() -> None:
    assert small()["vm1"].kind == "switch port"
    assert small()["interface vm1"].kind == "interface"


def test_a_name_that_is_not_there_is_an_error_that_knows_what_is_like_it() -> None:
    with pytest.raises(NotFound, match="did you mean 'vm1'") as error:
        small()["vm11"]
    assert error.value.near[0] == "vm1"


def test_a_name_of_several_is_an_error_that_lists_them() -> None:
    doubled = plain.topology([attr_key("1"), attr_key("2")])
    with pytest.raises(NotUnique) as error:
        doubled["web"]
    assert set(error.value.uuids) == {"1", "2"}


def attr_key(key: str) -> topology.Node:
    return topology.Node(key, "switch", "web", "web")


def test_around_a_port_is_its_switch_without_the_others_and_where_it_runs() -> None:
    assert names(small().focus("vm1", depth=0)) == {
        "switch a",
        "switch port vm1",
        "chassis host1",
        "bridge br-int",
        "interface vm1",
    }


def test_ports_that_lead_further_away_than_that_are_left_out() -> None:
    assert "switch port a-r" not in names(small().focus("vm1", depth=0))
    assert {"switch port a-r", "router port r-b"} <= names(small().focus("vm1", depth=1))


def test_that_a_switch_leads_outside_is_shown_however_near_that_is() -> None:
    localnet = node("switch port", "ln", parent="switch a")
    outside = plain.topology([*small(), localnet], [*small().edges, Edge("link", localnet.key, "provider physnet1")])
    assert localnet.key in names(outside.focus("vm1", depth=0))


def test_each_link_leads_one_step_further() -> None:
    assert "router r" in names(small().focus("vm1", depth=1))
    assert "switch b" not in names(small().focus("vm1", depth=1))
    assert "switch b" in names(small().focus("vm1", depth=2))
    assert "switch apart" not in names(small().focus("vm1", depth=9))


def test_around_a_switch_are_all_its_ports() -> None:
    assert {"switch port vm1", "switch port vm2"} <= names(small().focus("a", depth=0))


def test_around_a_chassis_is_what_is_bound_there() -> None:
    found = names(small().focus("host1", depth=0))
    assert {"switch port vm1", "switch port vm4", "switch a", "switch apart"} <= found
    assert "switch port vm2" not in found


def test_around_a_service_is_what_it_serves() -> None:
    served = plain.topology(
        [*small(), node("load balancer", "lb"), node("floating ip", "fip", parent="router r")],
        [
            *small().edges,
            Edge("service", "load balancer lb", "switch apart"),
            Edge("service", "floating ip fip", "switch port vm1"),
        ],
    )
    assert names(served.focus("lb")) == {"load balancer lb", "switch apart"}
    assert {"switch port vm1", "chassis host1"} <= names(served.focus("fip", depth=0))


def test_a_node_of_another_part_is_an_error_that_names_it() -> None:
    with pytest.raises(NotFound, match="vm1"):
        small().filter(kind="switch").focus(small()["vm1"])


def test_a_part_is_taken_again_around_what_was_made_anew(nb: Northbound) -> None:
    nb.add_switch("web")
    nb.add_switch("db")
    around = topology.of(nb).focus("web")
    nb.remove_switch("web")
    nb.add_switch("web")
    assert [each.name for each in around.again()] == ["web"]


def test_a_depth_below_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="0 or more"):
        small().focus("vm1", depth=-1)


def test_what_is_sought_is_found_by_address_name_and_whatever_the_case() -> None:
    assert [found.name for found in small().search("10.0.1.5")] == ["vm1"]
    assert [found.name for found in small().search("VM3")] == ["vm3"]
    assert small().search("nowhere") == []


def test_filters_are_met_together_and_owners_stay() -> None:
    assert names(small().filter(kind="switch port", state="down")) == {"switch port vm2", "switch a"}
    assert names(small().filter("10.0.1.", kind=("switch port", "switch"))) == {
        "switch port vm1",
        "switch port vm2",
        "switch a",
    }
    with pytest.raises(InvalidValue, match="router port"):
        small().filter(kind="swich")  # type: ignore[arg-type]


def test_a_way_goes_through_routers_and_is_empty_where_there_is_none() -> None:
    way = [each.name for each in small().path("vm1", "vm3")]
    assert way == ["vm1", "a", "a-r", "r-a", "r", "r-b", "b-r", "b", "vm3"]
    assert small().path("vm1", "vm4") == []
    assert [each.name for each in small().path("vm1", "vm1")] == ["vm1"]


def test_views_are_parts() -> None:
    logical, physical = names(small().view("logical")), names(small().view("physical"))
    assert "chassis host1" not in logical
    assert "switch port vm2" in logical
    assert {"chassis host1", "bridge br-int", "switch port vm1"} <= physical
    assert not {"switch a", "router r", "switch port vm2"} & physical
    assert names(small().view("both")) == names(small())
    with pytest.raises(InvalidValue, match="logical, physical or both"):
        small().view("sideways")  # type: ignore[arg-type]


def test_it_is_json() -> None:
    found = json.loads(json.dumps(small().to_dict()))
    assert len(found["nodes"]) == len(small())
    assert {
        "kind": "binding",
        "source": "switch port vm1",
        "target": "chassis host1",
        "label": "",
        "state": "",
    } in found["edges"]


def test_names_of_the_cms_are_labels(nb: Northbound) -> None:
    with nb.transaction() as tx:
        port = tx.insert(LogicalSwitchPort(name="5f0c", external_ids={"neutron:port_name": "web-1"}))
        tx.insert(LogicalSwitch(name="neutron-1", ports=[port], external_ids={"neutron:network_name": "web"}))
    found = topology.of(nb)
    assert found["web-1"] == found["5f0c"]
    assert found["web"].name == "neutron-1"
    assert "port web-1  5f0c" in str(found)


def test_a_floating_ip_is_that_of_the_port_with_its_address_next_to_its_router(nb: Northbound) -> None:
    for tenant in ("red", "blue"):
        nb.add_switch(tenant)
        nb.add_switch_port(tenant, f"vm-{tenant}", addresses=["02:00:00:00:00:05 10.0.0.5"])
        nb.add_router(f"r-{tenant}")
        nb.connect_router(tenant, f"r-{tenant}", networks=["10.0.0.1/24"])
    nb.add_floating_ip("r-blue", "203.0.113.5", "10.0.0.5")
    found = topology.of(nb)
    assert [found.nodes[edge.target].name for edge in found.edges_of("203.0.113.5")] == ["vm-blue"]
    assert "203.0.113.5 ↔ 10.0.0.5 vm-blue" in found.to_svg()


def test_ports_of_a_nat_rule_are_those_of_its_external_address(nb: Northbound) -> None:
    rule = NAT(type="dnat_and_snat", external_ip="203.0.113.5", logical_ip="10.0.0.5", external_port_range="8000-8100")
    with nb.transaction() as tx:
        tx.insert(LogicalRouter(name="r", nat=[tx.insert(rule)]))
    found = topology.of(nb)
    assert found["203.0.113.5"].facts == {"external ports": "8000-8100", "logical ip": "10.0.0.5"}
    assert "203.0.113.5:8000-8100  <-> 10.0.0.5" in str(found)
    assert "203.0.113.5:8000-8100 ↔ 10.0.0.5" in found.to_svg()


def test_load_balancers_and_dhcp_stand_at_what_they_serve(nb: Northbound) -> None:
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_dhcp("web", "10.0.0.0/24", server_id="10.0.0.1", server_mac="02:00:00:00:00:fe")
    nb.add_switch_port("web", "vm1", addresses=["02:00:00:00:00:05 10.0.0.5"])
    with nb.transaction() as tx:
        balancer = tx.insert(LoadBalancer(name="lb", vips={"10.0.0.100:80": "10.0.0.5:8080"}))
        tx.insert(LogicalRouter(name="r", load_balancer=[balancer]))
    found = topology.of(nb)
    assert [edge.target for edge in found.edges_of("lb")] == [found["r"].key]
    assert "└── load balancer lb  10.0.0.100:80 -> 10.0.0.5:8080" in str(found)


def test_chassis_that_are_only_named_are_told_from_those_that_are_there(nb: Northbound, sb: Southbound) -> None:
    nb.add_router("r")
    nb.add_switch("web")
    nb.connect_router("web", "r", networks=["10.0.0.1/24"], router_port="r-web")
    nb.set_gateway("r-web", "not-there")
    assert topology.of(nb)["not-there"].state == ""
    assert topology.of(nb, sb)["not-there"].state == "gone"
    assert "chassis" not in str(topology.of(nb, sb))


def test_tunnels_join_chassis_that_have_a_way_and_a_zone_in_common(sb: Southbound, nb: Northbound) -> None:
    with sb.transaction() as tx:
        for number, zones in enumerate([["red"], ["red", "blue"], ["blue"], ["red"], []]):
            way: Literal["geneve", "vxlan"] = "vxlan" if number == 3 else "geneve"
            encap = tx.insert(Encap(type=way, ip=f"192.0.2.{number}", chassis_name=f"c{number}"))
            tx.insert(Chassis(name=f"c{number}", encaps=[encap], transport_zones=zones))
    found = topology.of(nb, sb)
    tunnels = {tuple(sorted(found.nodes[key].name for key in (edge.source, edge.target))) for edge in found.edges}
    assert tunnels == {("c0", "c1"), ("c1", "c2")}


def test_only_interconnection_gateways_have_tunnels_to_other_availability_zones(sb: Southbound, nb: Northbound) -> None:
    far = {"is-remote": "true"}
    configs = {"own": {}, "gateway": {"is-interconn": "true"}, "far-1": far, "far-2": far}
    with sb.transaction() as tx:
        for number, (name, config) in enumerate(configs.items()):
            encap = tx.insert(Encap(type="geneve", ip=f"192.0.2.{number}", chassis_name=name))
            tx.insert(Chassis(name=name, encaps=[encap], other_config=config))
    found = topology.of(nb, sb)
    tunnels = {tuple(sorted(found.nodes[key].name for key in (edge.source, edge.target))) for edge in found.edges}
    assert tunnels == {("gateway", "own"), ("far-1", "gateway"), ("far-2", "gateway")}


def test_a_client_that_lacks_a_table_is_told_of(nb: Northbound, sb: Southbound) -> None:
    nb.add_switch("web")
    nb.add_switch_port("web", "vm1")
    monitor = {Chassis: [Chassis.name]}
    with (
        Southbound.connect(sb.remote, monitor=monitor, timeout=10) as narrow,
        pytest.raises(NotMonitored, match="Port_Binding"),
    ):
        topology.of(nb, narrow)


def test_bridges_and_interfaces_are_below_their_chassis(nb: Northbound, sb: Southbound, vswitch: VSwitch) -> None:
    vswitch.register_chassis("host1", encap_ip="192.0.2.1", remote="unix:/nowhere")
    vswitch.add_bridge("br-int")
    vswitch.add_bridge("br-ex")
    vswitch.add_bridge_mapping("physnet1", "br-ex")
    vswitch.add_port("br-int", "tap1")
    vswitch.bind_interface("tap1", "vm1")
    nb.add_switch("web")
    nb.add_switch_port("web", "vm1")
    nb.add_provider_network("physnet1", switch="ext")
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.1", chassis_name="host1"))
        chassis = tx.insert(Chassis(name="host1", encaps=[encap]))
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        tx.insert(PortBinding(logical_port="vm1", datapath=datapath, tunnel_key=1, chassis=chassis))
    found = topology.of(nb, sb, [vswitch])
    assert [bridge.name for bridge in found.children("host1")] == ["br-ex", "br-int"]
    assert found.place("tap1").name == "host1"
    kinds = {(edge.kind, found.nodes[edge.source].name, found.nodes[edge.target].name) for edge in found.edges}
    assert {("attachment", "tap1", "vm1"), ("binding", "vm1", "host1"), ("mapping", "physnet1", "br-ex")} <= kinds


def test_a_host_that_southbound_does_not_know_is_shown_so(nb: Northbound, sb: Southbound, vswitch: VSwitch) -> None:
    vswitch.register_chassis("host1", encap_ip="192.0.2.1", remote="unix:/nowhere")
    vswitch.add_bridge("br-int")
    assert topology.of(nb, sb, [vswitch])["host1"].state == "unregistered"
    assert topology.of(nb, None, [vswitch])["host1"].state == ""


def test_of_two_hosts_with_one_system_id_or_none_neither_is_hidden(
    nb: Northbound, vswitch: VSwitch, tmp_path: Path
) -> None:
    with (
        Server(tmp_path / "vs2.db", find_schema("vswitch.ovsschema"), run_dir=tmp_path, name="vs2") as server,
        VSwitch.connect(server.remote, timeout=10) as other,
    ):
        for host, bridge in ((vswitch, "br-one"), (other, "br-two")):
            host.add_bridge(bridge)
        found = topology.of(nb, None, [vswitch, other, other])
        assert len({found.place(bridge).key for bridge in ("br-one", "br-two")}) == 2
        for host in (vswitch, other):
            host.register_chassis("host1", encap_ip="192.0.2.1", remote="unix:/nowhere")
        found = topology.of(nb, None, [vswitch, other])
        assert [bridge.name for bridge in found.children("host1")] == ["br-one", "br-two"]
