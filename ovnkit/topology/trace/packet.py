"""The packet that a host would send: through which port, to which MAC address, and how OVN's lexer reads all that."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Literal, NamedTuple

import attrs

from ovnkit.errors import InvalidValue
from ovnkit.northbound.rows import NAT, DHCPOptions, LogicalRouterPort
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable
from ovnkit.topology.trace.endpoints import Endpoint
from ovnkit.topology.trace.obstacles import Obstacle
from ovnkit.topology.trace.wiring import (
    Address,
    Link,
    address_of,
    distances,
    links_of_router,
    links_of_switch,
    on_network,
)

__all__ = ["FirstHop", "Packet", "Protocol", "ProtocolName", "addressed", "first_hop", "quoted", "the_protocol"]

ProtocolName = Literal["icmp", "tcp", "udp", "sctp", "arp"]
_CLIENT_PORT = 49152
_SYN, _SYN_ACK = 2, 18
_BROADCAST = "ff:ff:ff:ff:ff:ff"


@attrs.frozen
class Protocol:
    """What is sent: ``port`` is that of the service, None for icmp and arp."""

    name: ProtocolName
    port: int | None = None

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name} {self.port}"


def the_protocol(*, tcp: int | None, udp: int | None, sctp: int | None, icmp: bool, arp: bool) -> Protocol | None:
    """The one that is asked for, None where none is. Raises InvalidValue for a wrong port and for two of them."""
    named: list[tuple[ProtocolName, int | None]] = [("tcp", tcp), ("udp", udp), ("sctp", sctp)]
    found = [Protocol(name, port) for name, port in named if port is not None]
    found += [Protocol("icmp")] if icmp else []
    found += [Protocol("arp")] if arp else []
    for one in found:
        if one.port is not None and (isinstance(one.port, bool) or not 0 < one.port < 1 << 16):
            raise InvalidValue(table="trace", column=one.name, value=one.port, allowed="a port from 1 to 65535")
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise InvalidValue(table="trace", column="protocol", value=names, allowed="one of icmp, tcp, udp, sctp and arp")
    return found[0] if found else None


def quoted(text: str) -> str:
    """A string constant of OVN's expressions, which are written as in JSON (ovn-sb(5), Logical_Flow:match)."""
    return json.dumps(text, ensure_ascii=False)


@attrs.frozen(kw_only=True)
class Packet:
    """A packet as ovn-trace(8) takes it. ``reply``: the answer to a packet of this protocol."""

    inport: str
    eth_src: str
    eth_dst: str
    source: Address
    target: Address
    protocol: Protocol
    reply: bool = False
    ttl: int = 64

    @property
    def expression(self) -> str:
        """The microflow: an expression of ovn-sb(5) in which every field is fixed."""
        return " && ".join((f"inport == {quoted(self.inport)}", f"eth.src == {self.eth_src}", *self._fields()))

    def _fields(self) -> Iterable[str]:
        if self.protocol.name == "arp":
            return self._resolution()
        ip = f"ip{self.source.version}"
        return (
            f"eth.dst == {self.eth_dst}",
            f"{ip}.src == {self.source}",
            f"{ip}.dst == {self.target}",
            f"ip.ttl == {self.ttl}",
            *self._transport(),
        )

    def _transport(self) -> Iterable[str]:
        name, port = self.protocol.name, self.protocol.port
        if name == "icmp":
            kinds = (8, 0) if self.source.version == 4 else (128, 129)
            icmp = "icmp4" if self.source.version == 4 else "icmp6"
            return (f"{icmp}.type == {kinds[self.reply]}", f"{icmp}.code == 0")
        ports = (port, _CLIENT_PORT) if self.reply else (_CLIENT_PORT, port)
        flags = (f"tcp.flags == {_SYN_ACK if self.reply else _SYN}",) if name == "tcp" else ()
        return (f"{name}.src == {ports[0]}", f"{name}.dst == {ports[1]}", *flags)

    def _resolution(self) -> Iterable[str]:
        """Who has this address? RFC 826, and for IPv6 RFC 4861, 4.3."""
        if isinstance(self.target, IPv6Address):
            last = self.target.packed[-3:]
            group = IPv6Address(IPv6Address("ff02::1:ff00:0").packed[:13] + last)
            return (
                "eth.dst == 33:33:ff:" + ":".join(f"{octet:02x}" for octet in last),
                f"ip6.src == {self.source}",
                f"ip6.dst == {group}",
                "ip.ttl == 255",
                "icmp6.type == 135",
                "icmp6.code == 0",
                f"nd.target == {self.target}",
                f"nd.sll == {self.eth_src}",
            )
        return (
            f"eth.dst == {_BROADCAST}",
            "arp.op == 1",
            f"arp.sha == {self.eth_src}",
            f"arp.spa == {self.source}",
            "arp.tha == 00:00:00:00:00:00",
            f"arp.tpa == {self.target}",
        )


def addressed(source: Endpoint, target: Endpoint, version: int | None) -> tuple[Address, Address] | None:
    """The addresses of a packet between two ends, of one version: IPv4 where both have it. None where they differ."""
    pairs = [
        (one, other)
        for other in target.addresses
        for one in source.own_addresses
        if one.version == other.version and version in (None, one.version)
    ]
    # Link-local addresses reach no further than their own network.
    pairs.sort(
        key=lambda pair: (pair[0].version, pair[0].is_link_local != pair[1].is_link_local, pair[0].is_link_local)
    )
    return pairs[0] if pairs else None


class FirstHop(NamedTuple):
    """To which MAC address the first packet goes; ``router_port`` where that is a router's, ``address`` what has it."""

    mac: str
    router_port: LogicalRouterPort | None
    address: Address


def first_hop(tables: Tables, source: Endpoint, at: Address, target: Endpoint, to: Address) -> FirstHop | Obstacle:
    """Where a host sends a packet for ``to``: to that host itself, or to a router of its network."""
    switch = source.switch
    if switch is None:
        return Obstacle("port without switch", f"{printable(source.name)} is on no switch", source.row)
    links = list(links_of_switch(tables, switch))
    near = [link for link in links if on_network(link.router_port, at)]
    # Without a router nothing says how large the network is, and the host may think that all of it is its own.
    local = not near or any(on_network(link.router_port, to) for link in near)
    if (
        target.switch == switch
        and target.kind in {"port", "router port", "outside"}
        and (local or target.kind == "router port")
    ):
        return FirstHop(target.mac_of(to), target.router_port, to)
    if isinstance(target.row, NAT) and (near or source.router_port) and (local or source.kind == "outside"):
        owner = next((link for link in links if target.row.ref in link.router.nat), None)
        if owner is not None:
            mac = target.row.external_mac if target.row.logical_port and target.row.external_mac else None
            return FirstHop(mac or owner.router_port.mac, owner.router_port, to)
    if local and near and target.kind == "nobody":
        return Obstacle("no host has it", f"nobody on switch {printable(switch.name)} has the address {to}", switch)
    if source.kind == "outside" and source.router_port is not None:
        router_port: LogicalRouterPort | None = source.router_port
    else:
        router_port = _router_of_host(tables, source, near, target)
    if router_port is None:
        what = f"switch {printable(switch.name)} has no router for {at}, and {printable(target.name)} is not on it"
        return Obstacle("no router", what, switch)
    own = on_network(router_port, at)
    return FirstHop(router_port.mac, router_port, to if own is None else own.ip)


def _router_of_host(tables: Tables, source: Endpoint, near: list[Link], target: Endpoint) -> LogicalRouterPort | None:
    """What DHCP tells the host, else the router that the target is behind, else the first."""
    told = None
    if source.port is not None and source.port.dhcpv4_options is not None:
        options = tables.nb(DHCPOptions).get(source.port.dhcpv4_options)
        told = None if options is None else address_of(options.options.get("router", ""))
    for link in near:
        own = None if told is None else on_network(link.router_port, told)
        if own is not None and own.ip == told:
            return link.router_port
    if len(near) < 2:
        return near[0].router_port if near else None
    goal = target.switch if target.kind == "outside" or not isinstance(target.row, NAT) else None
    for link in near:
        if isinstance(target.row, NAT) and target.row.ref in link.router.nat:
            return link.router_port
        if goal is not None and any(
            goal in distances(tables, one.switch) for one in links_of_router(tables, link.router)
        ):
            return link.router_port
    return near[0].router_port if near else None
