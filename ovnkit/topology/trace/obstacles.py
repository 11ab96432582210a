"""What is in a packet's way that no packet is needed to see: read from the tables alone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Literal

import attrs

from ovnkit.northbound.rows import (
    NAT,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitchPort,
    NBGlobal,
)
from ovnkit.ovsdb.row import Row
from ovnkit.southbound.rows import PortBinding
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable
from ovnkit.topology.trace.endpoints import Endpoint
from ovnkit.topology.trace.wiring import Address, address_of, distances, localnet_of, on_network
from ovnkit.vswitch.rows import Interface

__all__ = ["LOGICAL", "Obstacle", "ObstacleKind", "apart", "between", "northd_behind", "of_end"]

ObstacleKind = Literal[
    "chassis silent",
    "gateway unclaimed",
    "interface error",
    "no address",
    "no gateway chassis",
    "no host has it",
    "no outside",
    "no port binding",
    "no route",
    "no router",
    "northd behind",
    "not connected",
    "physnet not mapped",
    "port disabled",
    "port down",
    "port unbound",
    "port without switch",
    "router disabled",
    "tunnel missing",
]

LOGICAL: frozenset[ObstacleKind] = frozenset(
    {"no gateway chassis", "no route", "not connected", "port disabled", "router disabled"}
)
"""What ovn-trace knows better, if it runs: there these say no more than where to look."""

_BOUND_BY_A_CHASSIS = frozenset({"", "virtual", "external"})


@attrs.frozen
class Obstacle:
    """Something in the way, found without a packet.

    ``row`` is what to look at. ``stops``: nothing gets past it; else it is a reason for doubt.
    """

    kind: ObstacleKind
    text: str
    row: Row[Any] | None = attrs.field(default=None, repr=False)
    stops: bool = True

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def of_end(tables: Tables, end: Endpoint) -> Iterator[Obstacle]:
    """What is wrong with an end itself."""
    port = end.port
    if isinstance(end.row, NAT) and port is None:
        what = f"floating ip {end.name} belongs to {end.row.logical_ip}, which no port has"
        yield Obstacle("no address", what, end.row)
    if end.kind == "nobody":
        switch = "" if end.switch is None else f" {printable(end.switch.name)}"
        yield Obstacle("no host has it", f"no port of switch{switch} has the address {end.name}", end.switch)
    if port is None or port.type == "localnet":
        return
    name = printable(port.name)
    if end.switch is None:
        yield Obstacle("port without switch", f"port {name} is on no switch", port)
    if port.enabled is False:
        yield Obstacle("port disabled", f"port {name} is disabled (Logical_Switch_Port:enabled)", port)
    if not end.own and "unknown" not in port.addresses:
        yield Obstacle("no address", f"port {name} has no MAC address in Logical_Switch_Port:addresses", port)
    if tables.sb.known:
        yield from _binding(tables, port)


def _binding(tables: Tables, port: LogicalSwitchPort) -> Iterator[Obstacle]:
    name = printable(port.name)
    binding = tables.binding(port.name)
    if binding is None:
        what = f"Southbound has no Port_Binding for port {name}: northd has not seen it, or does not take it"
        yield Obstacle("no port binding", what, port)
    elif binding.chassis is None and binding.type in _BOUND_BY_A_CHASSIS:
        yield Obstacle(
            "port unbound", f"port {name} is bound to no chassis{_why_unbound(tables, port, binding)}", binding
        )
    elif binding.chassis is not None and port.up is False:
        yield Obstacle("port down", f"port {name} is bound, but not up yet", binding, stops=False)
    for host in tables.hosts:
        for interface in host.rows(Interface).values():
            if interface.external_ids.get("iface-id") == port.name and interface.error:
                what = (
                    f"interface {printable(interface.name)} on {printable(host.hostname)}: {printable(interface.error)}"
                )
                yield Obstacle("interface error", what, interface)


def _why_unbound(tables: Tables, port: LogicalSwitchPort, binding: PortBinding) -> str:
    wanted = binding.options.get("requested-chassis", "")
    if wanted and not any(wanted in {chassis.name, chassis.hostname} for chassis in tables.chassis):
        return f"; it is wanted on {printable(wanted)}, which is no chassis"
    if not tables.hosts:
        return ""
    for host in tables.hosts:
        for interface in host.rows(Interface).values():
            if interface.external_ids.get("iface-id") == port.name:
                return f"; interface {printable(interface.name)} on {printable(host.hostname)} is there for it"
    hosts = ", ".join(printable(host.hostname) for host in tables.hosts if host.hostname)
    return f"; no interface has it as iface-id on {hosts or 'the hosts that are known'}"


def between(
    tables: Tables, gateway: LogicalRouterPort | None, target: Endpoint, address: Address
) -> Iterator[Obstacle]:
    """What is wrong with the first router on the way, whose port is ``gateway``."""
    router = None if gateway is None else tables.router_of.get(gateway.ref)
    if gateway is None or router is None:
        return
    name = printable(router.name)
    if router.enabled is False:
        yield Obstacle("router disabled", f"router {name} is disabled (Logical_Router:enabled)", router)
    if gateway.enabled is False:
        yield Obstacle("router disabled", f"router port {printable(gateway.name)} is disabled", gateway)
    if target.kind != "load balancer" and not _routed(tables, router, address):
        yield Obstacle("no route", f"router {name} has no route to {address}", router)
    out = target.router_port
    if target.kind == "outside" and out is not None and out.ref in tables.router_of:
        yield from _gateway(tables, out)


def apart(tables: Tables, source: Endpoint, target: Endpoint) -> Iterator[Obstacle]:
    """Whether no switch and router lead from one end to the other, nor a physical network."""
    if source.switch is None or target.switch is None or target.kind not in {"port", "router port"}:
        return
    near, far = distances(tables, source.switch), distances(tables, target.switch)
    outside = [any(localnet_of(tables, switch) is not None for switch in switches) for switches in (near, far)]
    if target.switch not in near and not all(outside):
        names = f"{printable(source.switch.name)} to switch {printable(target.switch.name)}"
        yield Obstacle("not connected", f"no router leads from switch {names}", target.switch)


def _gateway(tables: Tables, port: LogicalRouterPort) -> Iterator[Obstacle]:
    """Whether a router port to the outside has a chassis; without one, northd makes no NAT for it."""
    router = tables.router_of[port.ref]
    name = printable(port.name)
    if router.options.get("chassis"):
        return
    candidates = tables.candidates(port)
    if not candidates and any(nat.type == "snat" for nat in tables.members(NAT, router.nat)):
        yield Obstacle("no gateway chassis", f"router port {name} has NAT, but no gateway chassis", port)


def _routed(tables: Tables, router: LogicalRouter, address: Address) -> bool:
    if any(on_network(port, address) for port in tables.router_ports(router)):
        return True
    if any(policy.action == "reroute" for policy in tables.members(LogicalRouterPolicy, router.policies)):
        return True
    for route in tables.members(LogicalRouterStaticRoute, router.static_routes):
        if route.policy == "src-ip" or _covers(route.ip_prefix, address):
            return True
    # ovn-ic and dynamic routing bring routes that are not in these tables.
    return bool(router.options.get("dynamic-routing")) or any(
        address == address_of(nat.external_ip) for nat in tables.members(NAT, router.nat)
    )


def _covers(prefix: str, address: Address) -> bool:
    try:
        network = ip_network(prefix, strict=False)
    except ValueError:
        return True
    return network.version == address.version and address in network


def northd_behind(tables: Tables) -> Iterator[Obstacle]:
    """Whether Southbound is not yet what Northbound says (ovn-nb(5), NB_Global:nb_cfg and sb_cfg)."""
    for row in tables.nb(NBGlobal).values():
        if tables.sb.known and row.sb_cfg < row.nb_cfg:
            what = f"nb_cfg is {row.nb_cfg}, northd has done {row.sb_cfg}: what ovn-trace reads may be old"
            yield Obstacle("northd behind", what, row, stops=False)
