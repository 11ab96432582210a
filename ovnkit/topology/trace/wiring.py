"""How switches and routers are joined: who is attached to what, and how far things are from each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface

import attrs

from ovnkit.northbound.rows import LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort
from ovnkit.topology.tables import Tables

__all__ = [
    "Address",
    "Interface",
    "Link",
    "address_of",
    "addresses_of",
    "distances",
    "has_outside",
    "is_backend",
    "links_of_router",
    "links_of_switch",
    "localnet_of",
    "networks_of",
    "on_network",
]

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface


@attrs.frozen
class Link:
    """A router port, and the switch port that it is plugged into."""

    router: LogicalRouter
    router_port: LogicalRouterPort
    switch: LogicalSwitch
    switch_port: LogicalSwitchPort


def address_of(text: str) -> Address | None:
    """An IP address, None for any other text."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_backend(text: str) -> bool:
    """Whether it is an address with a port, as the backends of a load balancer are written."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    address = address_of(bare)
    return (
        address is not None and (address.version == 6) == (bare != host) and port.isdecimal() and 0 < int(port) < 65536
    )


def networks_of(port: LogicalRouterPort) -> tuple[Interface, ...]:
    """The addresses of a router port with their prefix lengths, in order; what is none is passed over."""
    found: list[Interface] = []
    for text in sorted(port.networks):
        try:
            found.append(ip_interface(text))
        except ValueError:
            continue
    return tuple(found)


def on_network(port: LogicalRouterPort, address: Address) -> Interface | None:
    """The address of a router port whose network an address belongs to."""
    return next((one for one in networks_of(port) if address.version == one.version and address in one.network), None)


def addresses_of(tables: Tables, port: LogicalSwitchPort) -> tuple[tuple[str, tuple[Address, ...]], ...]:
    """The MAC addresses of a switch port, each with its IP addresses (ovn-nb(5), Logical_Switch_Port:addresses).

    ``dynamic`` ones are those that northd chose, ``router`` is what the router port behind it has; ``unknown`` is none.
    """
    found: list[tuple[str, tuple[Address, ...]]] = []
    for text in sorted(port.addresses):
        if text == "router":
            peer = tables.peer_router_port(port)
            if peer is not None:
                found.append((peer.mac, tuple(one.ip for one in networks_of(peer))))
            continue
        words = text.split()
        if "dynamic" in words:
            words = (port.dynamic_addresses or "").split()
        if words and ":" in words[0] and address_of(words[0]) is None:
            addresses = (address_of(word.partition("/")[0]) for word in words[1:])
            found.append((words[0].lower(), tuple(one for one in addresses if one is not None)))
    return tuple(found)


def links_of_switch(tables: Tables, switch: LogicalSwitch) -> Iterator[Link]:
    """The routers on a switch, by the names of its ports."""
    for port in tables.ports(switch):
        if port.type == "router":
            peer = tables.peer_router_port(port)
            router = None if peer is None else tables.router_of.get(peer.ref)
            if peer is not None and router is not None:
                yield Link(router, peer, switch, port)


def links_of_router(tables: Tables, router: LogicalRouter) -> Iterator[Link]:
    """The switches on a router, by the names of its ports."""
    for router_port in tables.router_ports(router):
        for port in tables.switch_ports_of_router_port.get(router_port.name, ()):
            switch = tables.switch_of.get(port.ref)
            if switch is not None:
                yield Link(router, router_port, switch, port)


def distances(tables: Tables, start: LogicalSwitch) -> dict[LogicalSwitch, int]:
    """The switches that can be reached from one, and how many routers lie between; those nearby come first."""
    found = {start: 0}
    seen: set[LogicalRouter] = set()
    waiting: deque[tuple[LogicalSwitch | LogicalRouter, int]] = deque([(start, 0)])
    while waiting:
        here, steps = waiting.popleft()
        if isinstance(here, LogicalSwitch):
            for link in links_of_switch(tables, here):
                if link.router not in seen:
                    seen.add(link.router)
                    waiting.append((link.router, steps + 1))
            continue
        for link in links_of_router(tables, here):
            if link.switch not in found:
                found[link.switch] = steps
                waiting.append((link.switch, steps))
        for router in _neighbours(tables, here):
            if router not in seen:
                seen.add(router)
                waiting.append((router, steps + 1))
    return found


def _neighbours(tables: Tables, router: LogicalRouter) -> Iterator[LogicalRouter]:
    """The routers that are plugged into a router without a switch between: ``peer`` of ovn-nb(5)."""
    for port in tables.router_ports(router):
        other = tables.router_port(port.peer) if port.peer else None
        if other is not None and other.ref in tables.router_of:
            yield tables.router_of[other.ref]


def localnet_of(tables: Tables, switch: LogicalSwitch) -> LogicalSwitchPort | None:
    """The port by which a switch is joined to a physical network."""
    return next((port for port in tables.ports(switch) if port.type == "localnet"), None)


def has_outside(tables: Tables, switch: LogicalSwitch) -> bool:
    """Whether hosts that OVN does not know can be on a switch."""
    return any(
        port.type in {"localnet", "l2gateway", "vtep"} or "unknown" in port.addresses for port in tables.ports(switch)
    )
