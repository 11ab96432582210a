"""Static routes and policies of routers, and MAC bindings that are not learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit import formats
from ovnkit.errors import InvalidValue, NotFound
from ovnkit.northbound.addresses import ip_address, ip_network, mac_address, members, same_network
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, integer, string_map, update
from ovnkit.northbound.identity import check_name, find_router, find_router_port, one, the_router
from ovnkit.northbound.rows import (
    LogicalRouterPolicy,
    LogicalRouterPolicyAction,
    LogicalRouterStaticRoute,
    LogicalRouterStaticRoutePolicy,
    StaticMACBinding,
)
from ovnkit.northbound.rules import find_rules, put_rule, remove_rules
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["RouteOperations"]

_ROUTE, _POLICY, _BINDING = "Logical_Router_Static_Route", "Logical_Router_Policy", "Static_MAC_Binding"
_MOST_PRIORITY = 32767
_DISCARD = "discard"
_NEXTHOPS = "at least one for the action 'reroute', and none for any other"


class RouteOperations(NorthboundOperations):
    """Add and remove routes, policies and static MAC bindings."""

    def add_route(
        self,
        router: str,
        prefix: str,
        nexthop: str,
        *,
        policy: LogicalRouterStaticRoutePolicy = "dst-ip",
        route_table: str = "",
        ecmp: bool = False,
        output_port: str | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A static route of a router (Logical_Router_Static_Route in ovn-nb(5)).

        Identity: the router's name, ``prefix``, ``policy`` and ``route_table``; ``nexthop`` is set. With ``ecmp`` the
        next hop is part of the identity, so that a prefix has several, among which OVN distributes.

        ``prefix``: a network such as ``"10.1.0.0/16"``, or an address, of the destination or, with policy
        ``"src-ip"``, of the source. ``nexthop``: an address of the same family, or ``"discard"``. ``output_port``: the
        router port that it leaves through; OVN finds it by itself if the next hop is in one of its networks. Of
        ``options`` and ``external_ids`` the given keys are set. What is None is left as it is.

        Raises InvalidValue, NotFound (no such router), and NotUnique (a prefix with several next hops, without ecmp).
        """
        network = ip_network(prefix, table=_ROUTE, column="ip_prefix", single=True)
        if nexthop != _DISCARD and ip_address(nexthop, table=_ROUTE, column="nexthop").version != network.version:
            allowed = f"an IPv{network.version} address, as the prefix is of this family, or 'discard'"
            raise InvalidValue(table=_ROUTE, column="nexthop", value=nexthop, allowed=allowed)
        identity = _route_identity(prefix, policy, route_table) | ({"nexthop": nexthop} if ecmp else {})
        columns = given(
            nexthop=nexthop,
            output_port=output_port,
            options=string_map(options, table=_ROUTE, column="options"),
            external_ids=string_map(external_ids, table=_ROUTE, column="external_ids"),
        )

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_router(tx, router)
            return put_rule(tx, own, "static_routes", LogicalRouterStaticRoute, identity, columns, same=_same_route)

        return self._operate(body, dry_run=dry_run)

    def remove_route(
        self,
        router: str,
        prefix: str,
        nexthop: str | None = None,
        *,
        policy: LogicalRouterStaticRoutePolicy = "dst-ip",
        route_table: str = "",
        dry_run: bool = False,
    ) -> Changes:
        """Remove the route to a prefix, with all its next hops or with ``nexthop`` alone.

        Identity: as for add_route(); nothing changes where there is none. Raises InvalidValue.
        """
        ip_network(prefix, table=_ROUTE, column="ip_prefix", single=True)
        if nexthop is not None and not formats.NEXTHOP.accepts(nexthop):
            raise InvalidValue(table=_ROUTE, column="nexthop", value=nexthop, allowed=formats.NEXTHOP.allowed)
        identity = _route_identity(prefix, policy, route_table) | given(nexthop=nexthop)

        def body(tx: NorthboundTransaction) -> None:
            own = find_router(tx, router)
            if own is not None:
                remove_rules(tx, own, "static_routes", identity, same=_same_route)

        return self._operate(body, dry_run=dry_run)

    def add_policy(
        self,
        router: str,
        *,
        priority: int,
        match: str,
        action: LogicalRouterPolicyAction,
        nexthops: SetOf[str] | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A policy of a router, which comes after its routes and overrides them (Logical_Router_Policy in ovn-nb(5)).

        Identity: the router's name, ``priority`` (0 to 32767, the highest decides) and ``match``; ``action`` is set.

        ``nexthops``: of action ``"reroute"`` the addresses that it goes to instead, all of one family; others are
        taken out. Of ``options`` and ``external_ids`` the given keys are set. What is None is left as it is.

        Raises InvalidValue, NotFound (no such router), and NotUnique.
        """
        identity = _policy_identity(priority, match)
        hops = None
        if nexthops is not None:
            hops = members(nexthops, table=_POLICY, column="nexthops", allowed="a list of IP addresses")
            families = {ip_address(hop, table=_POLICY, column="nexthops").version for hop in sorted(hops)}
            if len(families) > 1:
                raise InvalidValue(table=_POLICY, column="nexthops", value=hops, allowed="addresses of one family")
        if hops is not None and bool(hops) != (action == "reroute"):
            raise InvalidValue(table=_POLICY, column="nexthops", value=nexthops, allowed=_NEXTHOPS)
        columns = given(
            action=action,
            nexthops=hops,
            options=string_map(options, table=_POLICY, column="options"),
            external_ids=string_map(external_ids, table=_POLICY, column="external_ids"),
        )

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_router(tx, router)
            there = find_rules(tx, own, "policies", identity)
            if action == "reroute" and hops is None and not any(row.nexthops or row.nexthop for row in there):
                raise InvalidValue(table=_POLICY, column="nexthops", value=nexthops, allowed=_NEXTHOPS)
            left = {} if action == "reroute" or not there else {"nexthops": frozenset[str](), "nexthop": None}
            return put_rule(tx, own, "policies", LogicalRouterPolicy, identity, {**left, **columns})

        return self._operate(body, dry_run=dry_run)

    def remove_policy(self, router: str, *, priority: int, match: str, dry_run: bool = False) -> Changes:
        """Remove a policy. Identity: as for add_policy(); nothing changes where there is none. Raises InvalidValue."""
        identity = _policy_identity(priority, match)

        def body(tx: NorthboundTransaction) -> None:
            own = find_router(tx, router)
            if own is not None:
                remove_rules(tx, own, "policies", identity)

        return self._operate(body, dry_run=dry_run)

    def add_static_mac(
        self, router_port: str, ip: str, mac: str, *, override_dynamic: bool | None = None, dry_run: bool = False
    ) -> Changes:
        """Have a router use a MAC address without asking for it (Static_MAC_Binding in ovn-nb(5)).

        Identity: the router port's name and ``ip``; ``mac`` is set. ``override_dynamic``: also where another one was
        learned. What is None is left as it is.

        Raises InvalidValue, and NotFound (no such router port).
        """
        ip_address(ip, table=_BINDING, column="ip")
        columns = given(mac=mac_address(mac, table=_BINDING, column="mac"), override_dynamic_mac=override_dynamic)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            if find_router_port(tx, router_port) is None:
                raise NotFound("Logical_Router_Port", {"name": router_port})
            row = _binding(tx, router_port, ip)
            if row is None:
                return tx.insert(StaticMACBinding(logical_port=router_port, ip=ip, **columns))
            update(tx, row, columns)
            return row.ref

        return self._operate(body, dry_run=dry_run)

    def remove_static_mac(self, router_port: str, ip: str, *, dry_run: bool = False) -> Changes:
        """Remove a static MAC binding. Identity: as for add_static_mac(); nothing changes where there is none.

        Raises InvalidValue.
        """
        check_name(router_port, table=_BINDING, column="logical_port")
        ip_address(ip, table=_BINDING, column="ip")

        def body(tx: NorthboundTransaction) -> None:
            row = _binding(tx, router_port, ip)
            if row is not None:
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def _route_identity(prefix: str, policy: str, route_table: str) -> dict[str, Any]:
    if policy not in ("dst-ip", "src-ip"):
        raise InvalidValue(table=_ROUTE, column="policy", value=policy, allowed="'dst-ip' or 'src-ip'")
    if not isinstance(route_table, str):
        raise InvalidValue(table=_ROUTE, column="route_table", value=route_table, allowed="a string")
    return {"ip_prefix": prefix, "policy": None if policy == "dst-ip" else policy, "route_table": route_table}


def _same_route(name: str, there: Any, wanted: Any) -> bool:
    if name in ("ip_prefix", "nexthop"):
        return same_network(there, wanted)
    if name == "policy":
        # Without one it goes by the destination.
        return (there or "dst-ip") == (wanted or "dst-ip")
    return bool(there == wanted)


def _policy_identity(priority: int, match: str) -> dict[str, Any]:
    return {
        "priority": integer(priority, 0, _MOST_PRIORITY, table=_POLICY, column="priority"),
        "match": check_name(match, table=_POLICY, column="match"),
    }


def _binding(tx: NorthboundTransaction, router_port: str, ip: str) -> StaticMACBinding | None:
    rows = [row for row in tx.find(StaticMACBinding, logical_port=router_port) if same_network(row.ip, ip)]
    return one(rows, _BINDING, logical_port=router_port, ip=ip)
