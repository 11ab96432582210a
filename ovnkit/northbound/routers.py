"""Logical routers, and their connections to switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.addresses import derived_mac, ip_address, mac_address, router_networks, same_network
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, is_owned, marked, string_map, update
from ovnkit.northbound.identity import (
    check_name,
    conflict,
    find_router,
    find_router_port,
    find_switch,
    find_switch_port,
    one,
    switch_of,
    the_router,
    the_switch,
)
from ovnkit.northbound.links import PEER, Link, links_of_router, links_of_switch, remove_link, switch_ports_to
from ovnkit.northbound.ports import delete_router_port, put_router_port, put_switch_port
from ovnkit.northbound.rows import LogicalRouter, LogicalRouterPort, LogicalRouterStaticRoute, LogicalSwitch
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["RouterOperations"]

_ROUTER = "Logical_Router"
_PORT = "Logical_Router_Port"


class RouterOperations(NorthboundOperations):
    """Add and remove routers, and connect them to switches."""

    def add_router(
        self,
        name: str,
        *,
        enabled: bool | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A logical router (Logical_Router in ovn-nb(5)). Identity: its name.

        Of ``options`` and ``external_ids`` the given keys are set. What is None is left as it is.

        Raises InvalidValue, and NotUnique where two routers have this name.
        """
        columns = given(
            enabled=enabled,
            options=string_map(options, table=_ROUTER, column="options"),
            external_ids=string_map(external_ids, table=_ROUTER, column="external_ids"),
        )

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            router = find_router(tx, name)
            if router is not None:
                update(tx, router, columns)
                return router.ref
            tx.check_none(LogicalRouter, name=name)
            return tx.insert(LogicalRouter(name=name, **marked(columns)))

        return self._operate(body, dry_run=dry_run)

    def remove_router(self, name: str, *, dry_run: bool = False) -> Changes:
        """Remove a router with its ports, routes and NAT. Identity: its name; nothing changes where there is none.

        The switch ports of connect_router() at the other ends go as well.

        Raises NotUnique where two routers have this name.
        """

        def body(tx: NorthboundTransaction) -> None:
            router = find_router(tx, name)
            if router is None:
                return
            for link in links_of_router(tx, router):
                if is_owned(link.switch_port):
                    tx.delete(link.switch_port)
            tx.delete(router)
            for ref in sorted(router.ports):
                delete_router_port(tx, tx[ref])

        return self._operate(body, dry_run=dry_run)

    def connect_router(
        self,
        switch: str,
        router: str,
        *,
        networks: SetOf[str] | None = None,
        mac: str | None = None,
        default_route: str | None = None,
        router_port: str | None = None,
        switch_port: str | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A router port with a switch port of type router as its other end (Logical_Router_Port in ovn-nb(5)).

        Identity: the router port that connects this switch and this router, whatever its name, or the one named
        ``router_port``. New ones are named ``lrp-ROUTER-SWITCH`` and ``lsp-SWITCH-ROUTER`` unless ``router_port`` and
        ``switch_port`` say otherwise. The changes are about the router port.

        ``networks``: the router's addresses there, such as ``["10.0.0.1/24"]``; needed for a new port. ``mac``:
        without it, a new port gets one that is derived from its name. ``default_route``: the next hop (IPv4 or IPv6)
        of the router's default route through this port. Of ``options`` and ``external_ids`` (of the router port) the
        given keys are set. What is None is left as it is.

        Raises InvalidValue, NotFound (no such switch or router), NotUnique (several connect the two; name one), and
        Conflict where a port of this name belongs elsewhere or the router has another default route.
        """
        columns = given(
            networks=None if networks is None else router_networks(networks),
            mac=None if mac is None else mac_address(mac, table=_PORT, column="mac"),
            options=string_map(options, table=_PORT, column="options"),
            external_ids=string_map(external_ids, table=_PORT, column="external_ids"),
        )
        if default_route is not None:
            ip_address(default_route, table="Logical_Router_Static_Route", column="nexthop")

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own_switch, own_router = the_switch(tx, switch), the_router(tx, router)
            link = _find_link(tx, own_switch, own_router, router_port, switch_port)
            if link is not None:
                update(tx, link.router_port, columns)
                port = link.router_port.ref
            else:
                name = router_port or f"lrp-{router}-{switch}"
                end = switch_port or f"lsp-{switch}-{router}"
                port = _connect(tx, own_switch, own_router, name, end, columns)
            if default_route is not None:
                _set_default_route(tx, own_router, default_route, tx[port].name)
            return port

        return self._operate(body, dry_run=dry_run)

    def disconnect_router(
        self, switch: str, router: str, *, router_port: str | None = None, dry_run: bool = False
    ) -> Changes:
        """Remove the router port between a switch and a router, its other end, and the default route through it.

        Identity: as for connect_router(); nothing changes where they are not connected. A default route that ovnkit did
        not make stays.

        Raises NotUnique where several connect the two, and none was named.
        """

        def body(tx: NorthboundTransaction) -> None:
            own_switch, own_router = find_switch(tx, switch), find_router(tx, router)
            if own_switch is None or own_router is None:
                return
            link = _find_link(tx, own_switch, own_router, router_port, None)
            if link is not None:
                remove_link(tx, link)

        return self._operate(body, dry_run=dry_run)


def _find_link(
    tx: NorthboundTransaction,
    switch: LogicalSwitch,
    router: LogicalRouter,
    router_port: str | None,
    switch_port: str | None,
) -> Link | None:
    for name, table in ((router_port, _PORT), (switch_port, "Logical_Switch_Port")):
        if name is not None:
            check_name(name, table=table)
    links = [
        link
        for link in links_of_switch(tx, switch)
        if link.router.uuid == router.uuid
        and router_port in (None, link.router_port.name)
        and switch_port in (None, link.switch_port.name)
    ]
    found = {link.router_port.uuid: link for link in links}
    one([link.router_port for link in found.values()], _PORT, switch=switch.name, router=router.name)
    return links[0] if links else None


def _connect(
    tx: NorthboundTransaction,
    switch: LogicalSwitch,
    router: LogicalRouter,
    name: str,
    end: str,
    columns: Mapping[str, Any],
) -> Ref[LogicalRouterPort]:
    if others := switch_ports_to(tx, name):
        taken = ", ".join(f"{port.name!r} of switch {switch_of(tx, port)!r}" for port in others)
        raise conflict(f"router port {name!r} has another end already: {taken}")
    there = find_router_port(tx, name)
    if there is None and "networks" not in columns:
        raise InvalidValue(
            table=_PORT, column="networks", value=None, allowed="for a new port at least one address with prefix length"
        )
    if there is not None and there.peer is not None:
        raise conflict(f"router port {name!r} is connected to router port {there.peer!r}")
    other = find_switch_port(tx, end)
    if other is not None and other.type == "router" and other.options.get(PEER):
        raise conflict(f"switch port {end!r} is the other end of router port {other.options[PEER]!r}, not of {name!r}")
    port = put_router_port(tx, router, name, columns, new={"mac": derived_mac(name)})
    put_switch_port(tx, switch, end, {"options": {PEER: name}, "addresses": ["router"]}, type="router")
    return port


def _set_default_route(tx: NorthboundTransaction, router: LogicalRouter, nexthop: str, port: str) -> None:
    table = "Logical_Router_Static_Route"
    prefix = "::/0" if ":" in nexthop else "0.0.0.0/0"
    router = tx[router.ref]
    routes = [tx[ref] for ref in router.static_routes]
    candidates = [
        route
        for route in routes
        if same_network(route.ip_prefix, prefix) and not route.route_table and route.policy in (None, "dst-ip")
    ]
    route = one(candidates, table, router=router.name, ip_prefix=prefix)
    if route is None:
        columns = {"ip_prefix": prefix, "nexthop": nexthop, "output_port": port}
        new = tx.insert(LogicalRouterStaticRoute(**marked(columns)))
        # The whole set, so that a second default route, added at the same moment, is a conflict.
        tx.update(router, static_routes=router.static_routes | {new})
    elif route.output_port == port:
        if not same_network(route.nexthop, nexthop):
            tx.update(route, nexthop=nexthop)
    elif route.output_port is not None or not same_network(route.nexthop, nexthop):
        through = f" through {route.output_port!r}" if route.output_port else ""
        raise conflict(f"router {router.name!r} has a default route to {route.nexthop}{through} already")
