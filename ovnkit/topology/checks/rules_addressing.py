"""Rules about addresses: each belongs to one port, subnets of a router are apart, DHCP fits the port."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, Literal

from ovnkit.northbound.rows import (
    NAT,
    DHCPOptions,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb.values import Ref
from ovnkit.topology.addresses import network_of, plain_ip
from ovnkit.topology.checks.gateways import behind, gateway_switches, router_behind
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import Tables

__all__ = ["ADDRESSING_RULES"]

_FLOATING: Final = "dnat_and_snat"


@rule(
    "OVN201",
    severity="error",
    title="Two ports of a switch have the same MAC",
    why="A switch sends what is for a MAC to one port: one of the two gets the packets of both, and which one may"
    " change with the next change of anything else.",
    remedy="`ovn-nbctl lsp-set-addresses PORT 'MAC IP'`",
    source="ovn-nb(5), Logical_Switch_Port, addresses",
    example="switch web: vm1, vm3 have 02:00:00:00:00:01",
)
def _same_mac(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        yield from _twice(tables, switch, "mac")


@rule(
    "OVN202",
    severity="error",
    title="Two ports of a switch have the same IP address",
    why="OVN answers ARP and ND for the addresses of its ports, for both at once: a sender learns one MAC or the"
    " other. ovn-nbctl refuses such an address; what writes to the database by itself is not refused.",
    remedy="`ovn-nbctl lsp-set-addresses PORT 'MAC IP'`",
    source="ovn-nbctl(8), lsp-set-addresses",
    example="switch web: vm1, vm3 have 10.0.0.11",
)
def _same_ip(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        yield from _twice(tables, switch, "ip")


@rule(
    "OVN203",
    severity="error",
    title="An external address is used twice",
    why="Several routers, or a router and a port, answer ARP for it on the network outside: packets from there go to"
    " the one that answered last.",
    remedy="`ovn-nbctl lr-nat-del ROUTER dnat_and_snat ADDRESS`, of one of them",
    source="ovn-nb(5), NAT, external_ip",
    example="203.0.113.20 on switch ext: floating ip of router r, floating ip of router r2",
)
def _same_external_ip(tables: Tables) -> Iterator[Found]:
    users: dict[tuple[Ref[LogicalSwitch], str], list[tuple[LogicalRouter, NAT]]] = {}
    for router in tables.routers:
        for nat in tables.members(NAT, router.nat):
            for switch in gateway_switches(tables, router, nat):
                users.setdefault((switch.ref, plain_ip(nat.external_ip)), []).append((router, nat))
    holders = {ref: _holders(tables, tables.nb(LogicalSwitch)[ref]) for ref in {ref for ref, _ in users}}
    for (ref, address), nats in users.items():
        switch = tables.nb(LogicalSwitch)[ref]
        routers = {router.ref for router, _ in nats}
        scopes = [_scope(nat) for _, nat in nats if nat.type == _FLOATING]
        foreign = [
            port
            for port in holders[ref].get(address, ())
            if (other := router_behind(tables, port)) is None or other.ref not in routers
        ]
        if address and (foreign or len(routers) > 1 or len(scopes) != len(set(scopes))):
            words = [f"{_kind(nat)} of router {named(router)}" for router, nat in nats]
            words += [f"port {named(port)}" for port in foreign]
            yield found(
                f"{shown(address)} on switch {named(switch)}: {', '.join(sorted(words))}",
                *(nat for _, nat in nats),
                *foreign,
                remedy=f"ovn-nbctl lr-nat-del ROUTER {nats[0][1].type} {quoted(address)}",
            )


def _holders(tables: Tables, switch: LogicalSwitch) -> dict[str, list[LogicalSwitchPort]]:
    """The ports of a switch that have an address, by the address."""
    found: dict[str, list[LogicalSwitchPort]] = {}
    for port in tables.members(LogicalSwitchPort, switch.ports):
        for address in {ip for own in tables.addresses[port.ref] for ip in own.ips}:
            found.setdefault(address, []).append(port)
    return found


@rule(
    "OVN204",
    severity="error",
    title="Networks of a router overlap",
    why="The router looks for an address in one of them only: hosts of the other cannot be reached, or not all.",
    remedy="Give one of the ports another network, or another router.",
    source="ovn-nb(5), Logical_Router_Port, networks; Neutron refuses such subnets at a router",
    example="router r: 10.0.0.1/24 of lrp-web-r and 10.0.0.129/25 of r-db overlap",
)
def _overlap(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        networks: list[tuple[IPv4Network | IPv6Network, str, LogicalRouterPort]] = []
        for port in tables.router_ports(router):
            for text in sorted(port.networks):
                network = network_of(text)
                if network is not None and not network.is_link_local and port.enabled is not False:
                    networks.append((network, text, port))
        networks.sort(key=lambda entry: (entry[0].version, int(entry[0].network_address), entry[0].prefixlen))
        # In this order the one that reaches furthest so far overlaps all that begin before its end.
        furthest = networks[0] if networks else None
        for entry in networks[1:]:
            assert furthest is not None
            if furthest[2] != entry[2] and _overlaps(furthest[0], entry[0]):
                # Two ports in the very same network, on one switch, are two ways out of it.
                same_switch = behind(tables, furthest[2]) == behind(tables, entry[2])
                if furthest[0] != entry[0] or not same_switch:
                    first, second = sorted((furthest, entry), key=lambda one: one[2].name)
                    yield found(
                        f"router {named(router)}: {shown(first[1])} of {named(first[2])} and {shown(second[1])} of"
                        f" {named(second[2])} overlap",
                        router,
                        first[2],
                        second[2],
                        remedy=f"ovn-nbctl set Logical_Router_Port {argument(second[2])} networks=NETWORK",
                    )
            if entry[0].version != furthest[0].version or _end(entry[0]) > _end(furthest[0]):
                furthest = entry


@rule(
    "OVN205",
    severity="error",
    title="The DHCP options of a port are for another network",
    why="OVN answers a port's DHCP requests only where its address is in the cidr of the options. It says nothing"
    " where it is not, and the VM gets no address.",
    remedy="`ovn-nbctl lsp-set-dhcpv4-options PORT OPTIONS`",
    source="ovn-nb(5), DHCP_Options, cidr",
    example="no address in 10.9.0.0/24: vm1",
)
def _dhcp_of_another_network(tables: Tables) -> Iterator[Found]:
    wrong: dict[Ref[DHCPOptions], list[LogicalSwitchPort]] = {}
    networks = {ref: network_of(options.cidr) for ref, options in tables.nb(DHCPOptions).items()}
    for port, options, version in _users_of_dhcp(tables):
        network = networks[options.ref]
        texts = [ip for own in tables.addresses[port.ref] for ip in own.ips if (":" in ip) == (version == 6)]
        if texts and (network is None or not any(ip_address(text) in network for text in texts)):
            wrong.setdefault(options.ref, []).append(port)
    for ref, ports in wrong.items():
        options = tables.nb(DHCPOptions)[ref]
        command = "lsp-set-dhcpv6-options" if ":" in options.cidr else "lsp-set-dhcpv4-options"
        yield found(
            f"no address in {shown(options.cidr)}: {listed(port.name for port in ports)}",
            options,
            *ports,
            remedy=f"ovn-nbctl {command} {argument(ports[0])} OPTIONS",
        )


@rule(
    "OVN206",
    severity="error",
    title="DHCP options lack what an answer needs",
    why="Without server_id, server_mac and lease_time (for IPv6 server_id) ovn-northd makes no flows of them, and no"
    " port that has them gets an address.",
    remedy="`ovn-nbctl dhcp-options-set-options OPTIONS server_id=IP server_mac=MAC lease_time=SECONDS`",
    source="ovn-nb(5), DHCP_Options",
    example="DHCP options for 10.0.0.0/24 lack lease_time, server_mac; used by vm1",
)
def _dhcp_incomplete(tables: Tables) -> Iterator[Found]:
    users: dict[Ref[DHCPOptions], list[LogicalSwitchPort]] = {}
    lacking: dict[Ref[DHCPOptions], list[str]] = {}
    for port, options, version in _users_of_dhcp(tables):
        needed = ("server_id", "server_mac", "lease_time") if version == 4 else ("server_id",)
        if missing := [key for key in needed if not options.options.get(key)]:
            lacking[options.ref] = missing
            users.setdefault(options.ref, []).append(port)
    for ref, missing in lacking.items():
        options = tables.nb(DHCPOptions)[ref]
        yield found(
            f"DHCP options for {shown(options.cidr)} lack {', '.join(sorted(missing))}; used by"
            f" {listed(port.name for port in users[ref])}",
            options,
            *users[ref],
            remedy=f"ovn-nbctl set DHCP_Options {options.uuid} {' '.join(f'options:{key}=VALUE' for key in missing)}",
        )


def _twice(tables: Tables, switch: LogicalSwitch, what: Literal["mac", "ip"]) -> Iterator[Found]:
    owners: dict[str, list[LogicalSwitchPort]] = {}
    for port in tables.members(LogicalSwitchPort, switch.ports):
        # A virtual port stands for an address that its parents have in turn.
        if port.enabled is False or port.type == "virtual":
            continue
        own: set[str] = set()
        for address in tables.addresses[port.ref]:
            own.update(address.ips if what == "ip" else (address.mac,))
        for value in own:
            owners.setdefault(value, []).append(port)
    for value, ports in owners.items():
        if len(ports) > 1 and value:
            last = max(ports, key=lambda port: port.name)
            yield found(
                f"switch {named(switch)}: {listed(port.name for port in ports)} have {shown(value)}",
                switch,
                *sorted(ports, key=lambda port: port.name),
                remedy=f"ovn-nbctl lsp-set-addresses {argument(last)} 'MAC IP'",
            )


def _scope(nat: NAT) -> str:
    """What tells apart two rows of NAT that may have the same external address."""
    return f"{nat.external_port_range} {nat.match} {nat.allowed_ext_ips} {nat.exempted_ext_ips} {nat.gateway_port}"


def _users_of_dhcp(tables: Tables) -> Iterator[tuple[LogicalSwitchPort, DHCPOptions, int]]:
    known = tables.nb(DHCPOptions)
    for switch in tables.switches:
        for port in tables.ports(switch):
            for ref, version in ((port.dhcpv4_options, 4), (port.dhcpv6_options, 6)):
                if ref is not None and ref in known:
                    yield port, known[ref], version


def _kind(nat: NAT) -> str:
    return "floating ip" if nat.type == _FLOATING else nat.type


def _overlaps(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    """Of two networks in order."""
    return one.version == other.version and int(other.network_address) <= _end(one)


def _end(network: IPv4Network | IPv6Network) -> int:
    return int(network.broadcast_address)


ADDRESSING_RULES: Final[tuple[Rule, ...]] = (
    _same_mac,
    _same_ip,
    _same_external_ip,
    _overlap,
    _dhcp_of_another_network,
    _dhcp_incomplete,
)
