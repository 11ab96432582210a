"""Switch ports and router ports as rows: found or inserted, in the switch or router where they belong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.northbound.columns import marked, update
from ovnkit.northbound.identity import (
    conflict,
    find_router_port,
    find_switch_port,
    router_of,
    switch_of,
)
from ovnkit.northbound.rows import LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.edits import Add
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["delete_router_port", "put_router_port", "put_switch_port", "switch_port_there"]


def switch_port_there(
    tx: NorthboundTransaction, switch: LogicalSwitch, name: str, *, type: str | None = None
) -> LogicalSwitchPort | None:
    """The port of this name on this switch. Raises Conflict where it is on another, or has another type than this."""
    port = find_switch_port(tx, name)
    if port is None:
        return None
    if port.ref not in switch.ports:
        raise conflict(f"switch port {name!r} is on switch {switch_of(tx, port)!r}, not on {switch.name!r}")
    if type is not None and port.type != type:
        raise conflict(f"switch port {name!r} is of type {port.type!r}, not {type!r}")
    return port


def put_switch_port(
    tx: NorthboundTransaction,
    switch: LogicalSwitch,
    name: str,
    columns: Mapping[str, Any],
    *,
    type: str | None = None,
    new: Mapping[str, Any] | None = None,
) -> Ref[LogicalSwitchPort]:
    """Update the port, or insert it with the columns ``new`` as well. With ``type`` no port of another type will do."""
    port = switch_port_there(tx, switch, name, type=type)
    if port is not None:
        update(tx, port, columns)
        return port.ref
    if find_router_port(tx, name) is not None:
        raise conflict(f"{name!r} is the name of a router port; ovn-northd takes no two ports of one name")
    _guard(tx, name)
    kind = {} if type is None else {"type": type}
    ref = tx.insert(LogicalSwitchPort(name=name, **marked({**kind, **(new or {}), **columns})))
    tx.update(switch, ports=Add(ref))
    return ref


def delete_router_port(tx: NorthboundTransaction, port: LogicalRouterPort) -> None:
    """Delete a router port and its gateway chassis: the names are free for the rest of the transaction."""
    tx.delete(port)
    for ref in sorted(port.gateway_chassis):
        tx.delete(ref)


def put_router_port(
    tx: NorthboundTransaction,
    router: LogicalRouter,
    name: str,
    columns: Mapping[str, Any],
    *,
    new: Mapping[str, Any],
) -> Ref[LogicalRouterPort]:
    """Update the port, or insert it with the columns ``new`` as well."""
    port = find_router_port(tx, name)
    if port is not None:
        if port.ref not in router.ports:
            raise conflict(f"router port {name!r} is on router {router_of(tx, port)!r}, not on {router.name!r}")
        update(tx, port, columns)
        return port.ref
    if find_switch_port(tx, name) is not None:
        raise conflict(f"{name!r} is the name of a switch port; ovn-northd takes no two ports of one name")
    _guard(tx, name)
    ref = tx.insert(LogicalRouterPort(name=name, **marked({**new, **columns})))
    tx.update(router, ports=Add(ref))
    return ref


def _guard(tx: NorthboundTransaction, name: str) -> None:
    """Have the commit conflict, and so be tried again, where a port of either kind has got this name by then."""
    tx.check_none(LogicalSwitchPort, name=name)
    tx.check_none(LogicalRouterPort, name=name)
