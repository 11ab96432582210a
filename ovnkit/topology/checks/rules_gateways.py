"""Rules about gateways: on which chassis a router leaves, and which addresses it translates there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ovnkit.northbound.rows import NAT, LoadBalancer, LogicalRouter, LogicalRouterStaticRoute, LogicalSwitchPort
from ovnkit.southbound.liveness import StaleChassis
from ovnkit.topology.addresses import host_of, network_of, plain_ip
from ovnkit.topology.checks.gateways import Gateway, behind, connected, gateway_ports, gateways
from ovnkit.topology.checks.life import not_alive, target_of
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import Tables

__all__ = ["GATEWAY_RULES"]

_FLOATING: Final = "dnat_and_snat"


@rule(
    "OVN301",
    severity="error",
    title="All chassis of a gateway are gone",
    why='Nothing leaves the router, and no floating IP answers. "unknown" where that cannot be told: nb_cfg has never'
    " moved (`ovn-nbctl --wait=hv sync` moves it), or the databases are files.",
    remedy="`ovn-nbctl lrp-set-gateway-chassis PORT CHASSIS PRIORITY`, or start ovn-controller on one of them",
    source="ovn-nb(5), Gateway_Chassis; understack #2143",
    example="gateway r-ext of router r: none of its chassis is at work: hv8 is not in Southbound;"
    " hv9: Chassis without Chassis_Private",
    needs=("nb", "sb"),
)
def _gateway_dead(tables: Tables) -> Iterator[Found]:
    away = not_alive(tables)
    unknown: list[Gateway] = []
    for gateway in gateways(tables):
        state = _state(tables, gateway, away)
        if state == "unknown":
            unknown.append(gateway)
        elif state == "dead":
            reasons = "; ".join(_absence(tables, name, away) for name in gateway.chassis[:5])
            command = f"ovn-nbctl lrp-set-gateway-chassis {argument(gateway.row)} CHASSIS 1"
            if gateway.port is None:
                command = f"ovn-nbctl set Logical_Router {argument(gateway.row)} options:chassis=CHASSIS"
            yield found(f"{_title(gateway)}: none of its chassis is at work: {reasons}", gateway.row, remedy=command)
    if unknown:
        why = "nb_cfg has never moved" if not target_of(tables) else "since when they are behind nothing tells"
        yield found(
            f"whether the chassis of gateways are at work cannot be told, for {why}:"
            f" {listed(gateway.row.name for gateway in unknown)}",
            *(gateway.row for gateway in unknown),
            remedy="ovn-nbctl --wait=hv --timeout=60 sync",
            severity="unknown",
        )


@rule(
    "OVN302",
    severity="error",
    title="A gateway is bound to no chassis",
    why="A chassis of it is there and does not take it: its ovn-controller hangs, or has no way to the others of the"
    " group and lets go of it. Nothing leaves the router.",
    remedy="Look into the log of ovn-controller there; `ovn-appctl -t ovn-controller inc-engine/recompute`",
    source="ovn-sb(5), Port_Binding, chassisredirect and l3gateway; ovn #319, #320",
    example="gateway r-ext of router r is bound to no chassis, and hv1 is there",
    needs=("nb", "sb"),
)
def _gateway_unbound(tables: Tables) -> Iterator[Found]:
    away = not_alive(tables)
    for gateway in gateways(tables):
        binding = tables.bindings.get(gateway.binding)
        alive = [name for name in gateway.chassis if name in tables.chassis_by_name and name not in away]
        if binding is not None and binding.chassis is None and alive:
            yield found(
                f"{_title(gateway)} is bound to no chassis, and {shown(tables.host_name(alive[0]))} is there",
                gateway.row,
                binding,
                remedy=f"on {quoted(tables.host_name(alive[0]))}: ovn-appctl -t ovn-controller inc-engine/recompute",
            )


@rule(
    "OVN303",
    severity="info",
    title="A gateway is not on its first chassis",
    why="Its first chassis is there, but does not have it: as long as the others do not see it by BFD, or since a"
    " moment ago. Traffic takes another way than was planned, and the next failure has one chassis less to go to.",
    remedy="`ovs-appctl bfd/show` on both; `ovn-nbctl lrp-get-gateway-chassis PORT`",
    source="ovn-nb(5), Gateway_Chassis, priority; ovn-architecture(7), High Availability",
    example="gateway r-ext of router r is on hv2, and hv1 comes first",
    needs=("nb", "sb"),
)
def _gateway_second(tables: Tables) -> Iterator[Found]:
    away = not_alive(tables)
    for gateway in gateways(tables):
        if gateway.port is None:
            continue
        active = tables.active_gateway(gateway.port)
        candidates = [one for one in tables.candidates(gateway.port) if one.chassis in tables.chassis_by_name]
        alive = [one for one in candidates if one.chassis not in away]
        ranks = {one.chassis: one.priority for one in candidates}
        if active is not None and alive and ranks.get(active.name, -1) < alive[0].priority:
            yield found(
                f"{_title(gateway)} is on {shown(tables.host_name(active))}, and"
                f" {shown(tables.host_name(alive[0].chassis))} comes first",
                gateway.row,
                active,
                remedy=f"on {quoted(tables.host_name(alive[0].chassis))}: ovs-appctl bfd/show",
            )


@rule(
    "OVN304",
    severity="error",
    title="A router translates addresses and has no gateway",
    why="NAT is done where the router is on one chassis: at a gateway port, or on a gateway router. Without one"
    " ovn-northd makes nothing of the rows, and floating IPs do not answer.",
    remedy="`ovn-nbctl lrp-set-gateway-chassis PORT CHASSIS PRIORITY`",
    source="ovn-nb(5), NAT; ovn-nb(5), Logical_Router_Port, gateway_chassis",
    example="router r has NAT for 203.0.113.10, 203.0.113.20, and no gateway",
)
def _nat_without_gateway(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        rows = tables.members(NAT, router.nat)
        if rows and router.enabled is not False and not gateway_ports(tables, router):
            yield found(
                f"router {named(router)} has NAT for {listed(row.external_ip for row in rows)}, and no gateway",
                router,
                *rows,
                remedy="ovn-nbctl lrp-set-gateway-chassis PORT CHASSIS 1",
            )


@rule(
    "OVN305",
    severity="info",
    title="An external address is in no network of the gateway",
    why="The network outside has to route it to the gateway, for nobody there asks for it by ARP. Often it was typed"
    " wrong.",
    remedy="`ovn-nbctl lr-nat-del ROUTER TYPE ADDRESS`, or a route to it outside",
    source="ovn-nb(5), NAT, external_ip",
    example="router r: floating ip 198.51.100.5 is in no network of r-ext",
)
def _external_ip_outside(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        for nat in tables.members(NAT, router.nat):
            ports = gateway_ports(tables, router, nat)
            if ports and plain_ip(nat.external_ip) and not connected(ports, nat.external_ip):
                kind = "floating ip" if nat.type == _FLOATING else nat.type
                yield found(
                    f"router {named(router)}: {kind} {shown(nat.external_ip)} is in no network of"
                    f" {listed(port.name for port in ports)}",
                    router,
                    nat,
                    remedy=f"ovn-nbctl lr-nat-del {argument(router)} {nat.type} {quoted(nat.external_ip)}",
                )


@rule(
    "OVN306",
    severity="warning",
    title="A floating IP leads to an address that nobody has",
    why="The VM behind it was removed or has another address: what is sent there is asked for by ARP and never"
    " answered. Whoever gets the address next gets its traffic.",
    remedy="`ovn-nbctl lr-nat-del ROUTER dnat_and_snat ADDRESS`",
    source="ovn-nb(5), NAT, logical_ip",
    example="router r: floating ip 203.0.113.20 leads to 10.0.0.99, which no port has",
)
def _floating_to_nobody(tables: Tables) -> Iterator[Found]:
    known: set[str] | None = None
    for router in tables.routers:
        for nat in tables.members(NAT, router.nat):
            logical = plain_ip(nat.logical_ip)
            if nat.type != _FLOATING or not logical:
                continue
            known = _all_addresses(tables) if known is None else known
            if logical not in known and not _may_be_somewhere(tables, router, logical):
                yield found(
                    f"router {named(router)}: floating ip {shown(nat.external_ip)} leads to {logical},"
                    " which no port has",
                    router,
                    nat,
                    remedy=f"ovn-nbctl lr-nat-del {argument(router)} {_FLOATING} {quoted(nat.external_ip)}",
                )


@rule(
    "OVN307",
    severity="error",
    title="The port of a floating IP is not there, or has another address",
    why="With external_mac and logical_port a floating IP is answered on the host of that port; where it is bound"
    " nowhere, nobody answers. A port with another address is only a warning.",
    remedy="`ovn-nbctl lr-nat-add ROUTER dnat_and_snat ADDRESS IP PORT MAC`",
    source="ovn-nb(5), NAT, logical_port",
    example="router r: floating ip 203.0.113.20 is of port gone, which is not there",
)
def _floating_port(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        for nat in tables.members(NAT, router.nat):
            if nat.type != _FLOATING or not nat.logical_port:
                continue
            head = f"router {named(router)}: floating ip {shown(nat.external_ip)} is of port {shown(nat.logical_port)}"
            mend = f"ovn-nbctl lr-nat-del {argument(router)} {_FLOATING} {quoted(nat.external_ip)}"
            port = tables.switch_port(nat.logical_port)
            if port is None:
                if nat.external_mac:
                    yield found(f"{head}, which is not there", router, nat, remedy=mend)
            elif (ips := _ips(tables, port)) and plain_ip(nat.logical_ip) not in ips:
                text = f"{head}, which has {listed(ips)} and not {shown(nat.logical_ip)}"
                yield found(text, nat, port, remedy=mend, severity="warning")


def _title(gateway: Gateway) -> str:
    if gateway.port is None:
        return f"gateway router {named(gateway.router)}"
    return f"gateway {named(gateway.port)} of router {named(gateway.router)}"


def _state(tables: Tables, gateway: Gateway, away: dict[str, StaleChassis]) -> str:
    """Whether one of its chassis is at work: "alive", "dead" or "unknown"."""
    states = [
        away[name].state if name in away else "alive" if name in tables.chassis_by_name else "gone"
        for name in gateway.chassis
    ]
    return "alive" if "alive" in states else "unknown" if "unknown" in states else "dead"


def _absence(tables: Tables, name: str, away: dict[str, StaleChassis]) -> str:
    if name not in tables.chassis_by_name:
        return f"{shown(name)} is not in Southbound"
    return f"{shown(tables.host_name(name))}: {away[name].why}"


def _ips(tables: Tables, port: LogicalSwitchPort) -> list[str]:
    return [ip for own in tables.addresses[port.ref] for ip in own.ips]


def _all_addresses(tables: Tables) -> set[str]:
    """Of all ports, those that they are allowed to have besides, and those of load balancers."""
    known = {ip for addresses in tables.addresses.values() for own in addresses for ip in own.ips}
    for port in tables.nb(LogicalSwitchPort).values():
        known.update(plain_ip(word) for value in port.port_security for word in value.split()[1:])
        if port.type == "virtual":
            known.add(plain_ip(port.options.get("virtual-ip", "")))
    known.update(plain_ip(host_of(vip)) for row in tables.nb(LoadBalancer).values() for vip in row.vips)
    return known


def _may_be_somewhere(tables: Tables, router: LogicalRouter, address: str) -> bool:
    """Whether hosts that OVN does not know may have the address: beyond a route, or at a port that takes any."""
    sought = network_of(address)
    if sought is None:
        return True
    for route in tables.members(LogicalRouterStaticRoute, router.static_routes):
        network = network_of(route.ip_prefix)
        is_candidate = network is not None and network.prefixlen and network.version == sought.version
        if network is not None and is_candidate and sought.network_address in network:
            return True
    for port in tables.router_ports(router):
        switch = behind(tables, port) if connected([port], address) else None
        for member in [] if switch is None else tables.members(LogicalSwitchPort, switch.ports):
            if "unknown" in member.addresses or member.type in ("localnet", "l2gateway", "vtep"):
                return True
    return False


GATEWAY_RULES: Final[tuple[Rule, ...]] = (
    _gateway_dead,
    _gateway_unbound,
    _gateway_second,
    _nat_without_gateway,
    _external_ip_outside,
    _floating_to_nobody,
    _floating_port,
)
