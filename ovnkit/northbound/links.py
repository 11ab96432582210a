"""Links: a router port and the switch port that is its other end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from ovnkit.northbound.columns import is_owned
from ovnkit.northbound.ports import delete_router_port
from ovnkit.northbound.rows import (
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["PEER", "Link", "links_of_router", "links_of_switch", "remove_link", "switch_ports_to"]

PEER = "router-port"
"""The key in ``options`` of a switch port of type router that names the router port (ovn-nb(5))."""


@attrs.frozen
class Link:
    """Both ends, and the router."""

    router: LogicalRouter
    router_port: LogicalRouterPort
    switch_port: LogicalSwitchPort


def links_of_switch(tx: NorthboundTransaction, switch: LogicalSwitch) -> list[Link]:
    """The links between a switch and any router, in the order of their router ports' names."""
    return sorted(_links(tx, switch), key=lambda link: link.router_port.name)


def links_of_router(tx: NorthboundTransaction, router: LogicalRouter) -> list[Link]:
    """The links between a router and any switch, in the order of their router ports' names."""
    found = (link for link in _links(tx, None) if link.router.uuid == router.uuid)
    return sorted(found, key=lambda link: (link.router_port.name, link.switch_port.name))


def switch_ports_to(tx: NorthboundTransaction, router_port: str) -> list[LogicalSwitchPort]:
    """The switch ports that say that they are the other end of a router port."""
    return tx.find(LogicalSwitchPort, type="router", options={PEER: router_port})


def _links(tx: NorthboundTransaction, switch: LogicalSwitch | None) -> Iterator[Link]:
    ends = [port for port in tx.find(LogicalSwitchPort, type="router") if switch is None or port.ref in switch.ports]
    if not ends:
        return
    router_ports = {port.name: port for port in tx.find(LogicalRouterPort)}
    routers = {ref: router for router in tx.find(LogicalRouter) for ref in router.ports}
    for end in ends:
        router_port = router_ports.get(end.options.get(PEER, ""))
        if router_port is not None and router_port.ref in routers:
            yield Link(routers[router_port.ref], router_port, end)


def remove_link(tx: NorthboundTransaction, link: Link) -> None:
    """Delete both ends, and the routes through it that ovnkit made."""
    for ref in sorted(tx[link.router.ref].static_routes):
        route: LogicalRouterStaticRoute = tx[ref]
        if route.output_port == link.router_port.name and is_owned(route):
            tx.delete(route)
    tx.delete(link.switch_port)
    delete_router_port(tx, link.router_port)
