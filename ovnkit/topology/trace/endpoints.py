"""The two ends of a trace: found by a port's name, a name of the CMS, an address, a floating IP, or "outside"."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

import attrs

from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound.rows import (
    NAT,
    LoadBalancer,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb.row import Row
from ovnkit.southbound.rows import PortBinding
from ovnkit.topology.tables import Tables
from ovnkit.topology.trace.wiring import (
    Address,
    Link,
    address_of,
    addresses_of,
    distances,
    has_outside,
    links_of_router,
    links_of_switch,
    localnet_of,
    networks_of,
    on_network,
)

__all__ = ["OUTSIDE", "End", "Endpoint", "Kind", "find_endpoint", "find_outside"]

Kind = Literal["port", "router port", "floating ip", "load balancer", "outside", "nobody"]
End = str | LogicalSwitchPort | LogicalRouterPort | NAT | LoadBalancer | PortBinding
"""What may be given as an end of a trace."""

OUTSIDE = "outside"
_CMS_NAMES = ("neutron:port_name", "neutron:device_id")
_HOST_MAC = "02:00:00:00:00:fe"
"""Of a host that OVN does not know: which one it is makes no difference to OVN."""
_NEAR = 3


@attrs.frozen(kw_only=True)
class Endpoint:
    """One end. ``addresses`` is how the other end names it: of a floating IP its external address.

    ``port`` is the switch port where its packets enter and leave (of "outside" a localnet port), None where there is
    none: a router port answers itself, of a load balancer any backend may. "nobody" is an address on a network where
    every host is known, which none has.
    """

    name: str
    kind: Kind
    addresses: tuple[Address, ...] = ()
    port: LogicalSwitchPort | None = None
    switch: LogicalSwitch | None = None
    router_port: LogicalRouterPort | None = None
    own: tuple[tuple[str, tuple[Address, ...]], ...] = ()
    """Its MAC addresses, each with the IP addresses that its own packets carry."""
    row: Row[Any] | None = attrs.field(default=None, repr=False)
    service: tuple[str, int] | None = None
    """Protocol and port of a load balancer's address."""

    @property
    def own_addresses(self) -> tuple[Address, ...]:
        """The addresses that its own packets carry."""
        return tuple(address for _, addresses in self.own for address in addresses)

    def mac_of(self, address: Address | None) -> str:
        """The MAC address that goes with an address, else its first; "" where it has none."""
        for mac, addresses in self.own:
            if address in addresses:
                return mac
        return self.own[0][0] if self.own else ""


def find_endpoint(tables: Tables, end: End, *, near: LogicalSwitch | None = None) -> Endpoint | None:
    """What ``end`` names; None for "outside" and for an address that is nobody's here, which may be anywhere outside.

    Of several that have an address the one nearest to the switch ``near`` is meant. Raises NotFound, with names that
    are like it, NotUnique, and InvalidValue for what cannot be an end.
    """
    if isinstance(end, str):
        return _by_text(tables, end, near)
    if isinstance(end, PortBinding):
        return _by_text(tables, end.logical_port, near)
    return _of_row(tables, end)


def _of_row(tables: Tables, end: object) -> Endpoint:
    if isinstance(end, LogicalSwitchPort):
        return _of_switch_port(tables, end)
    if isinstance(end, LogicalRouterPort):
        return _of_router_port(tables, end)
    if isinstance(end, NAT):
        return _of_nat(tables, end)
    if isinstance(end, LoadBalancer) and len(end.vips) == 1:
        return _of_vip(end, next(iter(end.vips)))
    raise InvalidValue(
        table="trace",
        column="end",
        value=end,
        allowed='a name, an address, "outside", or a row: a port, a NAT, a load balancer with one address',
    )


def _by_text(tables: Tables, text: str, near: LogicalSwitch | None) -> Endpoint | None:
    found = _by_name(tables, text)
    if not found and text == OUTSIDE:
        return None
    address = None if found else address_of(text.strip("[]"))
    if address is not None:
        found = _nearest(tables, list(_by_address(tables, address)), near)
        if not found:
            return _nobody(tables, address, near)
    if not found:
        found = [_of_vip(balancer, text) for balancer in tables.nb(LoadBalancer).values() if text in balancer.vips]
    if not found:
        raise _not_found(tables, text)
    if len(found) > 1:
        column = "addresses" if address is not None else "name"
        rows = sorted(one.row.uuid for one in found if one.row is not None)
        raise NotUnique("Logical_Switch_Port", {column: text}, tuple(rows))
    return found[0]


def _by_name(tables: Tables, text: str) -> list[Endpoint]:
    """Exact names first, then uuids, then what the CMS calls it."""
    port, router_port = tables.switch_port(text), tables.router_port(text)
    if port is not None:
        return [_of_switch_port(tables, port)]
    if router_port is not None:
        return [_of_router_port(tables, router_port)]
    try:
        uuid = UUID(text)
    except ValueError:
        uuid = None
    ports = tables.nb(LogicalSwitchPort).values()
    matches = [port for port in ports if uuid is not None and port.uuid == uuid]
    for key in _CMS_NAMES:
        matches = matches or [port for port in ports if text and port.external_ids.get(key) == text]
    if not matches and text.count("/") == 1:
        # ovn-kubernetes: the port of a pod is called NAMESPACE_NAME.
        pod = tables.switch_port(text.replace("/", "_"))
        matches = [pod] if pod is not None else []
    return [_of_switch_port(tables, port) for port in matches]


def _by_address(tables: Tables, address: Address) -> Iterator[Endpoint]:
    for port in tables.nb(LogicalSwitchPort).values():
        if port.type != "router" and any(address in addresses for _, addresses in addresses_of(tables, port)):
            yield attrs.evolve(_of_switch_port(tables, port), addresses=(address,))
    for router_port in tables.nb(LogicalRouterPort).values():
        if any(one.ip == address for one in networks_of(router_port)):
            yield attrs.evolve(_of_router_port(tables, router_port), addresses=(address,))
    for nat in tables.nb(NAT).values():
        if nat.type != "snat" and address_of(nat.external_ip) == address:
            yield _of_nat(tables, nat)
    for balancer in tables.nb(LoadBalancer).values():
        for vip in balancer.vips:
            if _split(vip)[0] == address:
                yield _of_vip(balancer, vip)
                break


def _nearest(tables: Tables, found: list[Endpoint], near: LogicalSwitch | None) -> list[Endpoint]:
    """Those that the fewest routers lie before: tenants may have the same addresses, each in a network of its own.

    A floating IP or a load balancer goes before a port with that address, for its router answers for it.
    """
    if len(found) < 2:
        return found
    if near is not None:
        steps = distances(tables, near)
        ranked = [
            (min((steps[one] for one in _switches(tables, end) if one in steps), default=None), end) for end in found
        ]
        reached = [(step, end) for step, end in ranked if step is not None]
        if reached:
            least = min(step for step, _ in reached)
            found = [end for step, end in reached if step == least]
    first = [end for end in found if end.kind in {"floating ip", "load balancer"}]
    return first or found


def _switches(tables: Tables, end: Endpoint) -> Iterator[LogicalSwitch]:
    if end.switch is not None:
        yield end.switch
    if end.kind == "load balancer" and isinstance(end.row, LoadBalancer):
        for switch in tables.switches:
            if end.row.ref in switch.load_balancer:
                yield switch
        for router in tables.routers:
            if end.row.ref in router.load_balancer:
                yield from (link.switch for link in links_of_router(tables, router))


def _nobody(tables: Tables, address: Address, near: LogicalSwitch | None) -> Endpoint | None:
    """The address of a network where OVN knows every host, and none has it; None where it may be outside.

    Where addresses of one port are ``unknown`` to OVN, it is that port's.
    """
    switches = list(distances(tables, near)) if near is not None else tables.switches
    for switch in switches:
        links = [link for link in links_of_switch(tables, switch) if on_network(link.router_port, address)]
        if not links or localnet_of(tables, switch) is not None:
            continue
        silent = [port for port in tables.ports(switch) if not port.type and "unknown" in port.addresses]
        if len(silent) == 1:
            found = _of_switch_port(tables, silent[0])
            return attrs.evolve(found, addresses=(address,), own=((found.mac_of(None) or _HOST_MAC, (address,)),))
        if not has_outside(tables, switch):
            return Endpoint(name=str(address), kind="nobody", addresses=(address,), switch=switch)
    return None


def _of_switch_port(tables: Tables, port: LogicalSwitchPort) -> Endpoint:
    if port.type == "router" and (peer := tables.peer_router_port(port)) is not None:
        return _of_router_port(tables, peer)
    own = addresses_of(tables, port)
    return Endpoint(
        name=_label(port),
        kind="outside" if port.type == "localnet" else "port",
        addresses=tuple(address for _, addresses in own for address in addresses),
        port=port,
        switch=tables.switch_of.get(port.ref),
        own=own,
        row=port,
    )


def _of_router_port(tables: Tables, port: LogicalRouterPort) -> Endpoint:
    plugged = tables.switch_ports_of_router_port.get(port.name, [])
    addresses = tuple(one.ip for one in networks_of(port))
    return Endpoint(
        name=port.name,
        kind="router port",
        addresses=addresses,
        switch=tables.switch_of.get(plugged[0].ref) if plugged else None,
        router_port=port,
        own=((port.mac, addresses),),
        row=port,
    )


def _of_nat(tables: Tables, nat: NAT) -> Endpoint:
    external, inside = address_of(nat.external_ip), address_of(nat.logical_ip)
    if external is None or inside is None or nat.type == "snat":
        raise InvalidValue(
            table="trace", column="end", value=nat, allowed="a NAT of one address, such as a floating IP"
        )
    router = next((router for router in tables.routers if nat.ref in router.nat), None)
    port = None if nat.logical_port is None else tables.switch_port(nat.logical_port)
    if port is None and router is not None:
        ports = (port for link in links_of_router(tables, router) for port in tables.ports(link.switch))
        port = next((one for one in ports if any(inside in held for _, held in addresses_of(tables, one))), None)
    own = () if port is None else addresses_of(tables, port)
    return Endpoint(
        name=str(external),
        kind="floating ip",
        addresses=(external,),
        port=port,
        switch=None if port is None else tables.switch_of.get(port.ref),
        own=tuple(pair for pair in own if inside in pair[1]) or own,
        row=nat,
    )


def _of_vip(balancer: LoadBalancer, vip: str) -> Endpoint:
    address, port = _split(vip)
    if address is None:
        allowed = "a load balancer whose address is an IP address, with or without a port"
        raise InvalidValue(table="trace", column="end", value=vip, allowed=allowed)
    service = None if port is None else (balancer.protocol or "tcp", port)
    return Endpoint(name=vip, kind="load balancer", addresses=(address,), row=balancer, service=service)


def _split(vip: str) -> tuple[Address | None, int | None]:
    """The address and the port of ``10.0.0.1:80``, ``[fd00::1]:80`` or an address alone."""
    address = address_of(vip)
    if address is not None:
        return address, None
    host, _, port = vip.rpartition(":")
    return address_of(host.strip("[]")), int(port) if port.isascii() and port.isdigit() else None


def find_outside(tables: Tables, peer: Endpoint, address: Address | None, *, version: int | None) -> Endpoint | None:
    """A host outside, seen from ``peer``: at ``address``, else at one that it may well have. None where there is none.

    It is behind the nearest localnet port whose router has a port on the network of that address, if there is one.
    """
    found = list(_ways_out(tables, peer))
    wanted = [address, *peer.addresses] if peer.kind == "floating ip" else [address]
    fitting = [
        (switch, link)
        for switch, link in found
        if link is not None and any(one is not None and on_network(link.router_port, one) for one in wanted)
    ]
    for switch, link in fitting or found:
        localnet = localnet_of(tables, switch)
        at = address or _some_host(tables, switch, link, version)
        if localnet is not None and at is not None:
            return Endpoint(
                name=str(at),
                kind="outside",
                addresses=(at,),
                port=localnet,
                switch=switch,
                router_port=None if link is None else link.router_port,
                own=((_HOST_MAC, (at,)),),
                row=localnet,
            )
    return None


def _ways_out(tables: Tables, peer: Endpoint) -> Iterator[tuple[LogicalSwitch, Link | None]]:
    """The switches that lead outside, the nearest first, each with the routers on it."""
    starts = list(_switches(tables, peer))
    if isinstance(peer.row, NAT):
        routers = [router for router in tables.routers if peer.row.ref in router.nat]
        starts += [link.switch for router in routers for link in links_of_router(tables, router)]
    steps: dict[LogicalSwitch, int] = {}
    for start in starts:
        for switch, distance in distances(tables, start).items():
            steps[switch] = min(distance, steps.get(switch, distance))
    for switch in sorted(steps, key=lambda one: steps[one]):
        if localnet_of(tables, switch) is not None:
            links = list(links_of_switch(tables, switch))
            yield from ((switch, link) for link in links)
            if not links:
                yield switch, None


def _some_host(tables: Tables, switch: LogicalSwitch, link: Link | None, version: int | None) -> Address | None:
    """The next hop of the router's routes on this network, else an address there that nobody is known to have."""
    if link is None:
        taken = {one for port in tables.ports(switch) for _, held in addresses_of(tables, port) for one in held}
        return next((address + 1 for address in sorted(taken, key=int) if address + 1 not in taken), None)
    own = [one for one in networks_of(link.router_port) if version in (None, one.version)]
    for route in tables.members(LogicalRouterStaticRoute, link.router.static_routes):
        hop = address_of(route.nexthop)
        if hop is not None and any(hop.version == one.version and hop in one.network for one in own):
            return hop
    nat = {address_of(row.external_ip) for row in tables.members(NAT, link.router.nat)}
    for one in own:
        if not one.ip.is_link_local:
            return next((host for host in one.network.hosts() if host != one.ip and host not in nat), None)
    return None


def _label(port: LogicalSwitchPort) -> str:
    return port.external_ids.get("neutron:port_name") or port.name


def _not_found(tables: Tables, text: str) -> NotFound:
    for what, devices in (("switch", tables.switches), ("router", tables.routers)):
        if any(device.name == text for device in devices):
            return NotFound("Logical_Switch_Port", {"name": text}, hint=f"it is a {what}; name one of its ports")
    hint = 'an end is a port, an address, a floating IP, or "outside"'
    return NotFound("Logical_Switch_Port", {"name": text}, near=_near_names(tables, text), hint=hint)


def _near_names(tables: Tables, text: str) -> tuple[str, ...]:
    known: set[str] = set()
    for port in tables.nb(LogicalSwitchPort).values():
        known.update(filter(None, (port.name, *(port.external_ids.get(key) for key in _CMS_NAMES))))
    known.update(port.name for port in tables.nb(LogicalRouterPort).values())
    known.update(nat.external_ip for nat in tables.nb(NAT).values())
    return tuple(difflib.get_close_matches(text, sorted(known), n=_NEAR))
