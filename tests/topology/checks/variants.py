"""Further faults that rules are for: other ways of being wrong than that of the rule's example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from ovnkit.northbound import (
    NAT,
    HAChassis,
    HAChassisGroup,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    PortGroup,
)
from ovnkit.ovsdb import Add, Put, Remove, Verbatim
from ovnkit.southbound import Chassis, ChassisPrivate
from ovnkit.topology.checks import Severity
from ovnkit.vswitch import Interface, OpenVSwitch, Port
from tests.topology.checks.cases import Fault, change, router_port, switch_port
from tests.topology.checks.world import World

__all__ = ["VARIANTS", "Variant"]


@attrs.frozen
class Variant:
    """A fault, what a rule says of it, and how bad that is."""

    rule: str
    fault: Fault
    text: str
    severity: Severity


VARIANTS: Final[list[Variant]] = []


def variant(rule: str, severity: Severity, text: str) -> Callable[[Fault], Fault]:
    """Make a function a further fault of a rule."""

    def made(fault: Fault) -> Fault:
        VARIANTS.append(Variant(rule, fault, text, severity))
        return fault

    return made


@variant("OVN101", "warning", "chassis hv9: Chassis_Private without Chassis")
def lone_private(world: World) -> None:
    with world.sb.transaction() as tx:
        tx.insert(ChassisPrivate(name="hv9"))


@variant("OVN102", "warning", "chassis hv9, which is not in Southbound, is a candidate of group")
def member_of_a_group(world: World) -> None:
    with world.nb.transaction() as tx:
        members = [tx.insert(HAChassis(chassis_name=name, priority=5)) for name in ("hv1", "hv9")]
        group = tx.insert(HAChassisGroup(name="group", ha_chassis=members))
        tx.update(tx.get(LogicalRouterPort, name="r-ext"), ha_chassis_group=group)


@variant("OVN108", "error", "192.0.2.1 is the tunnel address of hv1, hv3")
def tunnel_address_in_the_configuration(world: World) -> None:
    change(world.hv2, OpenVSwitch, {}, external_ids=Put({"system-id": "hv3", "ovn-encap-ip": "192.0.2.1"}))


@variant("OVN202", "error", "switch web: lsp-web-r, vm3 have 10.0.0.1")
def address_of_the_router(world: World) -> None:
    switch_port(world, "web", "vm3", addresses=["02:00:00:00:00:03 10.0.0.1"])


@variant("OVN203", "error", "203.0.113.20 on switch ext: floating ip of router r, port squatter")
def floating_ip_that_a_port_has(world: World) -> None:
    switch_port(world, "ext", "squatter", addresses=["02:00:00:00:00:03 203.0.113.20"])


@variant("OVN203", "error", "203.0.113.20 on switch ext: floating ip of router r, floating ip of router r")
def floating_ip_twice(world: World) -> None:
    with world.nb.transaction() as tx:
        nat = tx.insert(NAT(type="dnat_and_snat", external_ip="203.0.113.20", logical_ip="10.0.0.11"))
        tx.update(tx.get(LogicalRouter, name="r"), nat=Add(nat))


@variant("OVN301", "error", "gateway router GR: none of its chassis is at work: hv7 is not in Southbound")
def gateway_router_without_chassis(world: World) -> None:
    world.nb.add_router("GR", options={"chassis": "hv7"})


@variant("OVN302", "error", "gateway router GR is bound to no chassis, and hv2 is there")
def gateway_router_that_nobody_takes(world: World) -> None:
    world.nb.add_router("GR", options={"chassis": "hv2"})
    world.nb.connect_router("ext", "GR", networks=["203.0.113.30/24"], mac="02:00:00:00:ff:0a")


@variant(
    "OVN307", "warning", "router r: floating ip 203.0.113.20 is of port vm1, which has 10.0.0.11 and not 10.0.0.12"
)
def floating_ip_of_another_port(world: World) -> None:
    change(world.nb, NAT, {"type": "dnat_and_snat"}, logical_port="vm1", external_mac="02:00:00:00:00:16")


@variant("OVN308", "error", "router r: gone, by which 10.8.0.0/16 is reached, is none of its ports")
def output_port_that_is_not_there(world: World) -> None:
    with world.nb.transaction() as tx:
        route = tx.insert(LogicalRouterStaticRoute(ip_prefix="10.8.0.0/16", nexthop="10.0.0.9", output_port="gone"))
        tx.update(tx.get(LogicalRouter, name="r"), static_routes=Add(route))


@variant("OVN308", "error", "router r: no network has 192.168.7.9, where a policy sends ip4.dst == 10.9.0.0/16")
def policy_out_of_reach(world: World) -> None:
    match = "ip4.dst == 10.9.0.0/16"
    world.nb.add_policy("r", priority=10, match=match, action="reroute", nexthops=["192.168.7.9"])


@variant("OVN401", "error", "no network_name: nameless")
def localnet_without_name(world: World) -> None:
    switch_port(world, "web", "nameless", type="localnet", addresses=["unknown"])


@variant("OVN403", "warning", "gateway r-ext of router r: hv2 does not map physnet1")
def stand_by_without_physnet(world: World) -> None:
    change(world.sb, Chassis, {"name": "hv2"}, other_config={})


@variant("OVN405", "error", 'hv2: "physnet1:br-ex,physnet2": "physnet2" is not NETWORK:BRIDGE')
def network_without_bridge(world: World) -> None:
    change(world.sb, Chassis, {"name": "hv2"}, other_config={"ovn-bridge-mappings": "physnet1:br-ex,physnet2"})


@variant("OVN405", "error", 'hv2: "physnet1:br-ex,physnet1:br-2": physnet1 is there twice')
def network_twice(world: World) -> None:
    change(world.sb, Chassis, {"name": "hv2"}, other_config={"ovn-bridge-mappings": "physnet1:br-ex,physnet1:br-2"})


@variant("OVN501", "error", "a host with ovn-remote has no system-id")
def host_without_system_id(world: World) -> None:
    change(world.hv1, OpenVSwitch, {}, external_ids=Remove("system-id"))


@variant("OVN505", "error", "host hv1: patch-br-int-to-provnet-ext on br-int, with OVN's name, and not of OVN")
def imposter(world: World) -> None:
    world.hv1.add_port(
        "br-ex", "patch-provnet-ext-to-br-int", type="patch", options={"peer": "patch-br-int-to-provnet-ext"}
    )
    with world.hv1.transaction() as tx:
        port = tx.get(Port, name="patch-provnet-ext-to-br-int")
        tx.update(port, external_ids={"ovn-localnet-port": "provnet-ext"})
    world.hv1.add_port(
        "br-int", "patch-br-int-to-provnet-ext", type="patch", options={"peer": "patch-provnet-ext-to-br-int"}
    )


@variant("OVN505", "warning", "host hv1: dangling on br-int, whose other end is missing or does not point back")
def half_of_a_pair(world: World) -> None:
    world.hv1.add_port("br-int", "dangling", type="patch", options={"peer": "nothing"})


@variant("OVN510", "error", "host hv1: ovn-hv2-0 to 192.0.2.2: eth0, by which it goes, has no carrier")
def way_of_a_tunnel_without_carrier(world: World) -> None:
    status = {"tunnel_egress_iface": "eth0", "tunnel_egress_iface_carrier": "down"}
    change(world.hv1, Interface, {"name": "ovn-hv2-0"}, status=status)


@variant("OVN511", "error", "host hv1: br-phy, by which tunnels go, has 1450, which leaves 1372, and web has 1400")
def network_too_large_for_tunnels_over_ipv6(world: World) -> None:
    """The MTU is that which DHCP tells; IPv6 takes 20 bytes more."""
    world.hv1.add_bridge("br-phy")
    change(world.hv1, Interface, {"name": "br-phy"}, mtu=1450)
    change(
        world.hv1,
        Interface,
        {"name": "ovn-hv2-0"},
        status={"tunnel_egress_iface": "br-phy"},
        options=Put({"remote_ip": "2001:db8::2"}),
    )


@variant("OVN701", "error", "nameless of switch web names no router port")
def router_port_without_name(world: World) -> None:
    switch_port(world, "web", "nameless", type="router", addresses=["router"])


@variant("OVN704", "error", "r-r2 of router r names gone, which is not there")
def peer_that_is_not_there(world: World) -> None:
    router_port(world, "r-r2", "10.45.0.1/24", peer="gone")


@variant("OVN704", "error", "r-r2 of router r has a peer and a switch port, lsp-both")
def peer_and_switch(world: World) -> None:
    """ovn-northd must not see it, for it ends by a failed assertion."""
    world.pause()
    world.nb.add_router("r2")
    router_port(world, "r-r2", "10.45.0.1/24", peer="r2-r")
    router_port(world, "r2-r", "10.45.0.2/24", router="r2", peer="r-r2")
    world.nb.add_switch("both")
    switch_port(world, "both", "lsp-both", type="router", addresses=["router"], options={"router-port": "r-r2"})


@variant("OVN705", "warning", "2 routers are called r")
def routers_of_one_name(world: World) -> None:
    with world.nb.transaction() as tx:
        tx.insert(LogicalRouter(name="r"))


@variant("OVN707", "warning", "vip of switch web: it has no virtual-ip, it has no parents")
def virtual_port_without_anything(world: World) -> None:
    switch_port(world, "web", "vip", type="virtual")


@variant("OVN801", "error", "ACL of port group pg: outport == @gone && ip4.src == $pg_ip4: @gone")
def acl_with_unknown_group(world: World) -> None:
    world.nb.add_port_group("pg", ports=["vm1"])
    world.nb.add_acl(
        port_group="pg",
        direction="to-lport",
        priority=100,
        match=Verbatim("outport == @gone && ip4.src == $pg_ip4"),
        action="drop",
    )


@variant("OVN802", "warning", 'policy of router r: inport == {"lrp-web-r", "gone"}: gone')
def policy_with_unknown_port(world: World) -> None:
    world.nb.add_policy("r", priority=10, match='inport == {"lrp-web-r", "gone"}', action="drop")


@variant("OVN804", "warning", "load balancer lb: 10.0.0.12 is the address of vm2")
def load_balancer_of_the_switch(world: World) -> None:
    world.nb.add_load_balancer("lb", vips={"10.0.0.12:80": ["10.0.0.11:80"]}, switches=["web"])


@variant("OVN807", "info", "Port_Group: pg")
def port_group_of_nobody(world: World) -> None:
    with world.nb.transaction() as tx:
        tx.insert(PortGroup(name="pg"))
