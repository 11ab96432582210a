"""Rules about routes: where a router sends things, and whether it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ovnkit.northbound.rows import BFD, NAT, LogicalRouterPolicy, LogicalRouterPort, LogicalRouterStaticRoute
from ovnkit.topology.addresses import network_of, plain_ip
from ovnkit.topology.checks.gateways import connected, gateway_ports
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import Tables

__all__ = ["ROUTE_RULES"]


@rule(
    "OVN308",
    severity="error",
    title="A route leads to where the router is not connected",
    why="ovn-northd leaves out a route whose next hop is in no network of the router, or whose output port is not the"
    " router's, and says so in its log alone.",
    remedy="`ovn-nbctl lr-route-del ROUTER PREFIX`; `ovn-nbctl lr-route-add ROUTER PREFIX NEXTHOP`",
    source="ovn-nb(5), Logical_Router_Static_Route, nexthop; ovn-northd(8)",
    example="router r: no network has 192.168.7.1, the next hop to 10.7.0.0/16",
)
def _route_nowhere(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        ports = tables.router_ports(router)
        names = {port.name for port in ports}
        for route in tables.members(LogicalRouterStaticRoute, router.static_routes):
            mend = f"ovn-nbctl lr-route-del {argument(router)} {quoted(route.ip_prefix)}"
            if route.output_port and route.output_port not in names:
                text = (
                    f"router {named(router)}: {shown(route.output_port)}, by which {shown(route.ip_prefix)} is reached,"
                    " is none of its ports"
                )
                yield found(text, router, route, remedy=mend)
            elif not route.output_port and _is_astray(ports, route.nexthop):
                text = (
                    f"router {named(router)}: no network has {shown(route.nexthop)}, the next hop to"
                    f" {shown(route.ip_prefix)}"
                )
                yield found(text, router, route, remedy=mend)
        for policy in tables.members(LogicalRouterPolicy, router.policies):
            hops = [hop for hop in {policy.nexthop or "", *policy.nexthops} if _is_astray(ports, hop)]
            if policy.action == "reroute" and hops and policy.output_port is None:
                text = f"router {named(router)}: no network has {listed(hops)}, where a policy sends {named(policy)}"
                mend = f"ovn-nbctl lr-policy-del {argument(router)} {policy.priority} MATCH"
                yield found(text, router, policy, remedy=mend)


@rule(
    "OVN309",
    severity="warning",
    title="A router with a gateway has no default route",
    why="It translates addresses for what goes outside, and knows the outside only as far as the network of its"
    " gateway: everything beyond is dropped.",
    remedy="`ovn-nbctl lr-route-add ROUTER 0.0.0.0/0 NEXTHOP`",
    source="ovn-nb(5), Logical_Router_Static_Route",
    example="router r translates to 203.0.113.10, 203.0.113.20, and has no default route",
)
def _no_default_route(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        nats = tables.members(NAT, router.nat)
        if router.enabled is False or not nats or not gateway_ports(tables, router):
            continue
        if router.options.get("dynamic-routing", "").lower() == "true":
            continue
        routes = tables.members(LogicalRouterStaticRoute, router.static_routes)
        policies = tables.members(LogicalRouterPolicy, router.policies)
        if not any(_is_default(route) for route in routes) and not any(row.action == "reroute" for row in policies):
            yield found(
                f"router {named(router)} translates to {listed(nat.external_ip for nat in nats)}, and has no default"
                " route",
                router,
                remedy=f"ovn-nbctl lr-route-add {argument(router)} 0.0.0.0/0 NEXTHOP",
            )


@rule(
    "OVN310",
    severity="warning",
    title="A route is out of use, for BFD has lost its next hop",
    why="ovn-northd takes the route out while its BFD session is down. Without another one to the same prefix nothing"
    " gets there.",
    remedy="See why the next hop does not answer BFD; `ovn-nbctl list BFD`",
    source="ovn-nb(5), BFD, status; ovn-nb(5), Logical_Router_Static_Route, bfd",
    example="router r: BFD says down of 203.0.113.1, the next hop to 0.0.0.0/0",
)
def _route_without_bfd(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        for route in tables.members(LogicalRouterStaticRoute, router.static_routes):
            session = None if route.bfd is None else tables.nb(BFD).get(route.bfd)
            if session is not None and session.status in ("down", "admin_down"):
                yield found(
                    f"router {named(router)}: BFD says {session.status} of {shown(session.dst_ip)}, the next hop to"
                    f" {shown(route.ip_prefix)}",
                    router,
                    route,
                    session,
                    remedy=f"ovn-nbctl list BFD {session.uuid}",
                )


def _is_astray(ports: list[LogicalRouterPort], hop: str) -> bool:
    address = network_of(plain_ip(hop)) if plain_ip(hop) else None
    # Every port has a link-local address of its own.
    return address is not None and not address.is_link_local and not connected(ports, hop)


def _is_default(route: LogicalRouterStaticRoute) -> bool:
    network = network_of(route.ip_prefix)
    return network is not None and network.prefixlen == 0


ROUTE_RULES: Final[tuple[Rule, ...]] = (_route_nowhere, _no_default_route, _route_without_bfd)
