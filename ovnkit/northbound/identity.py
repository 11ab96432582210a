"""How the operations know one thing from another: by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound.rows import LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.row import Row

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = [
    "check_name",
    "conflict",
    "find_router",
    "find_router_port",
    "find_switch",
    "find_switch_port",
    "one",
    "router_of",
    "switch_of",
    "the_router",
    "the_switch",
]

R = TypeVar("R", bound=Row[Any])


def conflict(text: str) -> Conflict:
    """The error for what is there and cannot be changed into what is asked."""
    return Conflict("conflict", text)


def one(rows: Sequence[R], table: str, **identity: object) -> R | None:
    """The only candidate, None where there is none. Raises NotUnique."""
    if len(rows) > 1:
        raise NotUnique(table, identity, tuple(sorted(row.uuid for row in rows)))
    return rows[0] if rows else None


def check_name(name: object, *, table: str, column: str = "name") -> str:
    """The name, which must be a string that is not empty. Raises InvalidValue."""
    if not isinstance(name, str) or not name:
        raise InvalidValue(table=table, column=column, value=name, allowed="a string that is not empty")
    return name


def find_switch(tx: NorthboundTransaction, name: str) -> LogicalSwitch | None:
    """The switch of this name. Raises NotUnique: the schema does not forbid two."""
    check_name(name, table="Logical_Switch")
    return one(tx.find(LogicalSwitch, name=name), "Logical_Switch", name=name)


def the_switch(tx: NorthboundTransaction, name: str) -> LogicalSwitch:
    """The switch of this name. Raises NotFound, NotUnique."""
    switch = find_switch(tx, name)
    if switch is None:
        raise NotFound("Logical_Switch", {"name": name})
    return switch


def find_router(tx: NorthboundTransaction, name: str) -> LogicalRouter | None:
    """The router of this name. Raises NotUnique: the schema does not forbid two."""
    check_name(name, table="Logical_Router")
    return one(tx.find(LogicalRouter, name=name), "Logical_Router", name=name)


def the_router(tx: NorthboundTransaction, name: str) -> LogicalRouter:
    """The router of this name. Raises NotFound, NotUnique."""
    router = find_router(tx, name)
    if router is None:
        raise NotFound("Logical_Router", {"name": name})
    return router


def find_switch_port(tx: NorthboundTransaction, name: str) -> LogicalSwitchPort | None:
    """The switch port of this name; the schema has no two of one name."""
    check_name(name, table="Logical_Switch_Port")
    return one(tx.find(LogicalSwitchPort, name=name), "Logical_Switch_Port", name=name)


def find_router_port(tx: NorthboundTransaction, name: str) -> LogicalRouterPort | None:
    """The router port of this name; the schema has no two of one name."""
    check_name(name, table="Logical_Router_Port")
    return one(tx.find(LogicalRouterPort, name=name), "Logical_Router_Port", name=name)


def switch_of(tx: NorthboundTransaction, port: LogicalSwitchPort) -> str:
    """The name of the switch that a port is on."""
    return ", ".join(sorted(switch.name for switch in tx.find(LogicalSwitch, ports=[port])))


def router_of(tx: NorthboundTransaction, port: LogicalRouterPort) -> str:
    """The name of the router that a port is on."""
    return ", ".join(sorted(router.name for router in tx.find(LogicalRouter, ports=[port])))
