"""The network as a tree of text: routers, switches and chassis, each with what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import attrs

from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import (
    NAT,
    GatewayChassis,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, Encap, PortBinding

__all__ = ["Node", "Topology", "of"]

N = TypeVar("N", LogicalRouter, LogicalSwitch, LogicalRouterPort, LogicalSwitchPort, Chassis)

_GATEWAY_FLAG = "enable-chassis-as-gw"


@attrs.frozen
class Node:
    """A thing of the network: its kind ("router", "switch", "port", …), its name, facts about it, and what belongs to it."""

    kind: str
    name: str
    facts: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return "  ".join((f"{self.kind} {_printable(self.name)}", *map(_printable, self.facts)))

    def lines(self) -> Iterator[str]:
        """The tree below this node, as text."""
        yield str(self)
        for index, child in enumerate(self.children):
            last = index == len(self.children) - 1
            for number, line in enumerate(child.lines()):
                yield ("└── " if last else "├── ") + line if number == 0 else ("    " if last else "│   ") + line


@attrs.frozen
class Topology:
    """What ``of()`` found: routers, switches, and chassis where a Southbound client was given. Prints itself as a tree."""

    routers: tuple[Node, ...]
    switches: tuple[Node, ...]
    chassis: tuple[Node, ...] = ()

    def __str__(self) -> str:
        nodes = (*self.routers, *self.switches, *self.chassis)
        return "\n".join(line for node in nodes for line in node.lines()) or "an empty network"

    def __repr__(self) -> str:
        return f"<Topology {len(self.routers)} routers, {len(self.switches)} switches, {len(self.chassis)} chassis>"


def of(nb: Northbound, sb: Southbound | None = None) -> Topology:
    """The network as it is now. Without ``sb`` the placement is left out.

    The state of a port is Logical_Switch_Port:up (ovn-nb(5)); where it runs is Port_Binding:chassis (ovn-sb(5)).
    """
    place = _Placement(nb, sb)
    return Topology(
        routers=tuple(_router(nb, place, router) for router in _by_name(nb.find(LogicalRouter))),
        switches=tuple(_switch(nb, place, switch) for switch in _by_name(nb.find(LogicalSwitch))),
        chassis=() if sb is None else tuple(_chassis(sb, place, chassis) for chassis in _by_name(sb.find(Chassis))),
    )


def _printable(text: str) -> str:
    """Names belong to tenants: what is not printable is shown escaped."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _by_name(rows: Iterable[N]) -> list[N]:
    return sorted(rows, key=lambda row: (row.name, row.uuid))


class _Placement:
    """Who runs where, and which ports of routers and switches belong together."""

    def __init__(self, nb: Northbound, sb: Southbound | None) -> None:
        self.switch_ports = {port.ref: port for port in nb.find(LogicalSwitchPort)}
        self.router_ports = {port.ref: port for port in nb.find(LogicalRouterPort)}
        self.router_of = {port: router.name for router in nb.find(LogicalRouter) for port in router.ports}
        self.switch_behind = {
            self.switch_ports[port].options.get("router-port", ""): switch.name
            for switch in nb.find(LogicalSwitch)
            for port in switch.ports
            if port in self.switch_ports
        }
        self.bindings: dict[str, PortBinding] = {}
        self.chassis: dict[Ref[Chassis], Chassis] = {}
        if sb is not None:
            self.bindings = {binding.logical_port: binding for binding in sb.find(PortBinding)}
            self.chassis = {chassis.ref: chassis for chassis in sb.find(Chassis)}
        self.names = {chassis.name: _host(chassis) for chassis in self.chassis.values()}

    def of_port(self, port: str) -> str | None:
        """The host that a logical port is bound to."""
        binding = self.bindings.get(port)
        if binding is None or binding.chassis is None or binding.chassis not in self.chassis:
            return None
        return _host(self.chassis[binding.chassis])


def _host(chassis: Chassis) -> str:
    return chassis.hostname or chassis.name


def _router(nb: Northbound, place: _Placement, router: LogicalRouter) -> Node:
    ports = _by_name(place.router_ports[port] for port in router.ports if port in place.router_ports)
    nats = sorted((nat for nat in nb.find(NAT) if nat.ref in router.nat), key=lambda nat: (nat.type, nat.external_ip))
    routes = sorted(
        (route for route in nb.find(LogicalRouterStaticRoute) if route.ref in router.static_routes),
        key=lambda route: route.ip_prefix,
    )
    children = [_router_port(nb, place, port) for port in ports]
    children += [_nat(nat) for nat in nats]
    children += [Node("route", route.ip_prefix, (f"via {route.nexthop}",)) for route in routes]
    return Node("router", router.name, (), tuple(children))


def _router_port(nb: Northbound, place: _Placement, port: LogicalRouterPort) -> Node:
    facts = [port.mac, " ".join(sorted(port.networks))]
    if switch := place.switch_behind.get(port.name):
        facts.append(f"-> switch {switch}")
    gateways = sorted(
        (gateway for gateway in nb.find(GatewayChassis) if gateway.ref in port.gateway_chassis),
        key=lambda gateway: (-gateway.priority, gateway.chassis_name),
    )
    active = place.of_port(f"cr-{port.name}")
    children = []
    for gateway in gateways:
        name = place.names.get(gateway.chassis_name, gateway.chassis_name)
        state = ("active",) if active == name else ()
        children.append(Node("gateway", name, (f"priority {gateway.priority}", *state)))
    return Node("port", port.name, tuple(facts), tuple(children))


def _nat(nat: NAT) -> Node:
    if nat.type == "dnat_and_snat":
        return Node("floating ip", nat.external_ip, tuple(filter(None, (f"<-> {nat.logical_ip}", nat.logical_port))))
    sign = "<-" if nat.type == "snat" else "->"
    return Node(nat.type, nat.external_ip, (f"{sign} {nat.logical_ip}",))


def _switch(nb: Northbound, place: _Placement, switch: LogicalSwitch) -> Node:
    ports = _by_name(place.switch_ports[port] for port in switch.ports if port in place.switch_ports)
    return Node("switch", switch.name, (), tuple(_switch_port(place, port) for port in ports))


def _switch_port(place: _Placement, port: LogicalSwitchPort) -> Node:
    if port.type == "localnet":
        tag = (f"vlan {port.tag}",) if port.tag is not None else ()
        return Node("provider network", port.options.get("network_name", "?"), (port.name, *tag))
    if port.type == "router":
        peer = port.options.get("router-port", "?")
        router = next((name for ref, name in place.router_of.items() if place.router_ports[ref].name == peer), "?")
        return Node("port", port.name, (f"-> router {router}",))
    facts = [port.type] if port.type else []
    facts += sorted(port.addresses) if port.dynamic_addresses is None else [port.dynamic_addresses]
    if port.type == "":
        host = place.of_port(port.name)
        facts.append("up" if port.up else "down")
        facts += [f"on {host}"] if host else []
    return Node("port", port.name, tuple(facts))


def _chassis(sb: Southbound, place: _Placement, chassis: Chassis) -> Node:
    encaps = sorted(f"{encap.type} {encap.ip}" for encap in sb.find(Encap) if encap.ref in chassis.encaps)
    facts = [*encaps]
    if _GATEWAY_FLAG in chassis.other_config.get("ovn-cms-options", "").split(","):
        facts.append("gateway")
    if mappings := chassis.other_config.get("ovn-bridge-mappings"):
        facts.append(mappings)
    ports = sorted(name for name, binding in place.bindings.items() if binding.chassis == chassis.ref)
    return Node("chassis", _host(chassis), tuple(facts), tuple(Node("port", name) for name in ports))
