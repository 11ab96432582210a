"""Whether the hosts can carry what the logical network lets through: ovn-trace knows nothing of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ovnkit.northbound.rows import LogicalRouter, LogicalSwitch
from ovnkit.southbound.rows import Chassis
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable
from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.obstacles import Obstacle
from ovnkit.topology.trace.wiring import localnet_of
from ovnkit.vswitch.rows import Interface

__all__ = ["placed"]

_ASKING = ("arp", "nd_ns")
"""A router's question for a MAC address goes the way that the packet is to go."""

_RESIDENT = re.compile(r'(?<!!)\bis_chassis_resident\("((?:[^"\\]|\\.)*)"\)')


def placed(
    tables: Tables, hops: Iterable[Hop], start: Chassis | None, silent: Iterable[str] = ()
) -> Iterator[tuple[Obstacle, Hop | None]]:
    """What stops the packet of these hops between the hosts, in the order of its way, and the hop that it stops.

    It begins on the chassis ``start``, None where it comes from outside: then it enters where the first chassis is that
    must have it. ``silent``: names of chassis that seem to be gone.
    """
    walk = _Walk(tables, start, frozenset(silent))
    yield from ((obstacle, None) for obstacle in walk.arrive(start))
    for hop in hops:
        if not hop.packet or hop.packet in _ASKING:
            yield from ((obstacle, hop) for obstacle in walk.follow(hop))


class _Walk:
    """A packet on its way over the hosts."""

    def __init__(self, tables: Tables, start: Chassis | None, silent: frozenset[str]) -> None:
        self._tables = tables
        self._here = start
        self._silent = silent
        self._told: set[tuple[str, str]] = set()

    def follow(self, hop: Hop) -> Iterator[Obstacle]:
        entered = self._tables.binding(hop.inport) if hop.pipeline == "ingress" else None
        if entered is not None and entered.type == "l3gateway":
            yield from self._at(hop.inport, hop, tunnelled=True)
        for port in _RESIDENT.findall(hop.match):
            yield from self._at(json.loads(f'"{port}"'), hop, tunnelled=False)
        for port in hop.redirected:
            yield from self._at(port, hop, tunnelled=True)
        for port, kind in hop.outputs:
            if kind == "localnet":
                yield from self._physical(self._here, hop)
            elif kind in {"", "virtual", "l3gateway", "external"}:
                yield from self._at(port, hop, tunnelled=True)

    def arrive(self, chassis: Chassis | None) -> Iterator[Obstacle]:
        if chassis is not None and chassis.name in self._silent and self._once("silent", chassis.name):
            what = f"chassis {self._name(chassis)} has not answered for long: it may be gone"
            yield Obstacle("chassis silent", what, chassis, stops=False)

    def _at(self, port: str, hop: Hop, *, tunnelled: bool) -> Iterator[Obstacle]:
        """The packet has to be where a port is."""
        binding = self._tables.binding(port)
        there = self._tables.chassis_of(port)
        if binding is None or (there is None and binding.type not in {"", "virtual", "chassisredirect", "l3gateway"}):
            return
        if there is None:
            if self._once("unbound", port):
                yield self._unbound(port, binding.type)
            return
        if self._here is not None and tunnelled and there.ref != self._here.ref:
            if isinstance(hop.device, LogicalSwitch) and localnet_of(self._tables, hop.device) is not None:
                # Between the ports of such a switch packets take the physical network.
                yield from self._physical(self._here, hop)
                yield from self._physical(there, hop)
            else:
                yield from self._tunnel(self._here, there)
        if self._here is None or tunnelled:
            self._here = there
            yield from self.arrive(there)

    def _unbound(self, port: str, kind: str) -> Obstacle:
        tables = self._tables
        if kind == "l3gateway" and (router := self._gateway_router(port)) is not None:
            name = router.options.get("chassis", "")
            what_of_it = "has not claimed it" if name in tables.chassis_by_name else "is no chassis in Southbound"
            what = f"gateway router {printable(router.name)} is on no chassis: {printable(name)} {what_of_it}"
            return Obstacle("gateway unclaimed", what, router)
        router_port = tables.router_port(port.removeprefix("cr-")) if kind == "chassisredirect" else None
        if router_port is None:
            row = tables.switch_port(port) or tables.binding(port)
            return Obstacle("port unbound", f"port {printable(port)} is bound to no chassis", row)
        candidates = tables.candidates(router_port)
        registered = [one.chassis for one in candidates if one.chassis in tables.chassis_by_name]
        names = ", ".join(printable(one.chassis) for one in candidates) or "none"
        why = "no chassis of them has claimed it" if registered else "none of them is a chassis in Southbound"
        what = f"router port {printable(router_port.name)} is on no gateway; its gateway chassis: {names}; {why}"
        return Obstacle("gateway unclaimed", what, router_port)

    def _gateway_router(self, port: str) -> LogicalRouter | None:
        """The router of a port of type l3gateway, which is one of its own or of a switch on it."""
        switch_port = self._tables.switch_port(port)
        peer = self._tables.router_port(port) if switch_port is None else self._tables.peer_router_port(switch_port)
        return None if peer is None else self._tables.router_of.get(peer.ref)

    def _physical(self, chassis: Chassis | None, hop: Hop) -> Iterator[Obstacle]:
        port = None if not isinstance(hop.device, LogicalSwitch) else localnet_of(self._tables, hop.device)
        if chassis is None or port is None:
            return
        physnet = port.options.get("network_name", "")
        bridge = self._tables.mappings(chassis).get(physnet)
        host = self._tables.host(chassis)
        if bridge is None:
            what = f"chassis {self._name(chassis)} maps no bridge to the physical network {printable(physnet)}"
        elif host is not None and bridge not in {one.name for one in host.bridges}:
            where = f"on chassis {self._name(chassis)}"
            what = f"{where} there is no bridge {printable(bridge)}, to which {printable(physnet)} is mapped"
        else:
            return
        if self._once("physnet", chassis.name):
            yield Obstacle("physnet not mapped", f"{what} (ovn-bridge-mappings)", chassis)

    def _tunnel(self, one: Chassis, other: Chassis) -> Iterator[Obstacle]:
        if not self._once("tunnel", "\0".join(sorted((one.name, other.name)))):
            return
        names = f"chassis {self._name(one)} and {self._name(other)}"
        mine, theirs = (self._tables.encaps(chassis) for chassis in (one, other))
        zones = [frozenset(chassis.transport_zones) for chassis in (one, other)]
        if any(zones) and not zones[0] & zones[1]:
            text = " and ".join(", ".join(sorted(zone)) or "none" for zone in zones)
            yield Obstacle("tunnel missing", f"{names} are in different transport zones: {printable(text)}", other)
        elif not {encap.type for encap in mine} & {encap.type for encap in theirs}:
            text = " and ".join(
                ", ".join(sorted({encap.type for encap in encaps})) or "none" for encaps in (mine, theirs)
            )
            yield Obstacle("tunnel missing", f"{names} have no type of tunnel in common: {printable(text)}", other)
        else:
            yield from self._laid(one, other)
            yield from self._laid(other, one)

    def _laid(self, one: Chassis, other: Chassis) -> Iterator[Obstacle]:
        """Whether the tunnel is there, where the database of the host can be seen."""
        host = self._tables.host(one)
        if host is None:
            return
        ends = {encap.ip for encap in self._tables.encaps(other)}
        for interface in host.rows(Interface).values():
            if interface.options.get("remote_ip") in ends:
                if interface.error:
                    what = f"tunnel {printable(interface.name)} on {self._name(one)}: {printable(interface.error)}"
                    yield Obstacle("tunnel missing", what, interface)
                return
        what = f"Open vSwitch on {self._name(one)} has no tunnel to {', '.join(sorted(ends))} of {self._name(other)}"
        yield Obstacle("tunnel missing", what, other)

    def _name(self, chassis: Chassis) -> str:
        return printable(self._tables.host_name(chassis))

    def _once(self, what: str, name: str) -> bool:
        new = (what, name) not in self._told
        self._told.add((what, name))
        return new
