"""The network as a tree of text: routers, switches and chassis, each with what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from ovnkit.southbound.chassis import ChassisSummary
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, PortBinding

__all__ = ["Node", "Topology", "of"]

N = TypeVar("N", LogicalRouter, LogicalSwitch, LogicalRouterPort, LogicalSwitchPort)
R = TypeVar("R")


@attrs.frozen
class Node:
    """A thing of the network: its kind ("router", "switch", "port", …), its name, facts, and what belongs to it."""

    kind: str
    name: str
    facts: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return "  ".join((f"{self.kind} {_printable(self.name)}", *map(_printable, self.facts)))

    def lines(self) -> Iterator[str]:
        """The node and the tree below it, as text."""
        yield str(self)
        for index, child in enumerate(self.children):
            branch, indent = ("└── ", "    ") if index == len(self.children) - 1 else ("├── ", "│   ")
            first, *further = child.lines()
            yield branch + first
            yield from (indent + line for line in further)


@attrs.frozen
class Topology:
    """What ``of()`` found: routers, switches, and chassis where it was given Southbound. Prints itself as a tree."""

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
    network, placement = _Network(nb), _Placement(sb)
    return Topology(
        routers=tuple(_router(network, placement, router) for router in network.routers),
        switches=tuple(_switch(network, placement, switch) for switch in network.switches),
        chassis=tuple(_chassis(placement, chassis) for chassis in placement.chassis),
    )


def _printable(text: str) -> str:
    """Names belong to tenants: what is not printable is shown escaped, and so are backslashes, to tell them apart."""
    return text if text.isprintable() and "\\" not in text else repr(text)[1:-1]


def _by_name(rows: Iterable[N]) -> list[N]:
    return sorted(rows, key=lambda row: (row.name, row.uuid))


def _members(rows: Mapping[Ref[R], R], refs: Iterable[Ref[R]]) -> list[R]:
    """The rows that these references name; one that has come or gone since the tables were read is left out."""
    return [rows[ref] for ref in refs if ref in rows]


class _Network:
    """The logical network, each table read once."""

    def __init__(self, nb: Northbound) -> None:
        self.routers = _by_name(nb.find(LogicalRouter))
        self.switches = _by_name(nb.find(LogicalSwitch))
        self.router_ports = {row.ref: row for row in nb.find(LogicalRouterPort)}
        self.switch_ports = {row.ref: row for row in nb.find(LogicalSwitchPort)}
        self.gateways = {row.ref: row for row in nb.find(GatewayChassis)}
        self.nat = {row.ref: row for row in nb.find(NAT)}
        self.routes = {row.ref: row for row in nb.find(LogicalRouterStaticRoute)}
        self.router_of = {
            port.name: router.name for router in self.routers for port in _members(self.router_ports, router.ports)
        }
        self.switch_behind = {
            port.options["router-port"]: switch.name
            for switch in self.switches
            for port in _members(self.switch_ports, switch.ports)
            if "router-port" in port.options
        }


class _Placement:
    """Who runs where; empty without Southbound."""

    def __init__(self, sb: Southbound | None) -> None:
        summaries = () if sb is None else sb.chassis()
        bindings = [] if sb is None else sb.find(PortBinding)
        self.chassis = sorted(summaries, key=lambda chassis: (_host(chassis), chassis.name))
        self.host_of = {chassis.name: _host(chassis) for chassis in self.chassis}
        names: dict[Ref[Chassis] | None, str] = {chassis.ref: chassis.name for chassis in self.chassis}
        self.chassis_of = {row.logical_port: names[row.chassis] for row in bindings if row.chassis in names}
        self.ports_on: dict[str, list[str]] = {}
        for port, name in sorted(self.chassis_of.items()):
            self.ports_on.setdefault(name, []).append(port)


def _host(chassis: ChassisSummary) -> str:
    return chassis.hostname or chassis.name


def _router(network: _Network, placement: _Placement, router: LogicalRouter) -> Node:
    ports = _by_name(_members(network.router_ports, router.ports))
    nat = sorted(_members(network.nat, router.nat), key=lambda row: (row.type, row.external_ip, row.logical_ip))
    routes = sorted(_members(network.routes, router.static_routes), key=lambda row: (row.ip_prefix, row.nexthop))
    children = [_router_port(network, placement, port) for port in ports]
    children += [_nat(row) for row in nat]
    children += [Node("route", route.ip_prefix, (f"via {route.nexthop}",)) for route in routes]
    return Node("router", router.name, (), tuple(children))


def _router_port(network: _Network, placement: _Placement, port: LogicalRouterPort) -> Node:
    facts = [port.mac, " ".join(sorted(port.networks))]
    if port.name in network.switch_behind:
        facts.append(f"-> switch {network.switch_behind[port.name]}")
    gateways = _members(network.gateways, port.gateway_chassis)
    gateways.sort(key=lambda gateway: (-gateway.priority, gateway.chassis_name))
    active = placement.chassis_of.get(f"cr-{port.name}")
    return Node("port", port.name, tuple(facts), tuple(_gateway(placement, gateway, active) for gateway in gateways))


def _gateway(placement: _Placement, gateway: GatewayChassis, active: str | None) -> Node:
    facts = [f"priority {gateway.priority}"]
    if gateway.chassis_name == active:
        facts.append("active")
    return Node("gateway", placement.host_of.get(gateway.chassis_name, gateway.chassis_name), tuple(facts))


def _nat(nat: NAT) -> Node:
    if nat.type == "dnat_and_snat":
        return Node("floating ip", nat.external_ip, tuple(filter(None, (f"<-> {nat.logical_ip}", nat.logical_port))))
    sign = "<-" if nat.type == "snat" else "->"
    return Node(nat.type, nat.external_ip, (f"{sign} {nat.logical_ip}",))


def _switch(network: _Network, placement: _Placement, switch: LogicalSwitch) -> Node:
    ports = _by_name(_members(network.switch_ports, switch.ports))
    return Node("switch", switch.name, (), tuple(_switch_port(network, placement, port) for port in ports))


def _switch_port(network: _Network, placement: _Placement, port: LogicalSwitchPort) -> Node:
    if port.type == "localnet":
        tag = (f"vlan {port.tag}",) if port.tag is not None else ()
        return Node("provider network", port.options.get("network_name", "?"), (port.name, *tag))
    if port.type == "router":
        router = network.router_of.get(port.options.get("router-port", ""), "?")
        return Node("port", port.name, (f"-> router {router}",))
    facts = [port.type] if port.type else []
    facts += sorted(port.addresses) if port.dynamic_addresses is None else [port.dynamic_addresses]
    if not port.type:
        facts.append("up" if port.up else "down")
        if port.name in placement.chassis_of:
            facts.append(f"on {placement.host_of[placement.chassis_of[port.name]]}")
    return Node("port", port.name, tuple(facts))


def _chassis(placement: _Placement, chassis: ChassisSummary) -> Node:
    facts = [str(encap) for encap in chassis.encaps]
    if chassis.gateway:
        facts.append("gateway")
    if chassis.bridge_mappings:
        facts.append(",".join(f"{physnet}:{bridge}" for physnet, bridge in chassis.bridge_mappings.items()))
    ports = placement.ports_on.get(chassis.name, ())
    return Node("chassis", _host(chassis), tuple(facts), tuple(Node("port", port) for port in ports))
