"""Gateway chassis: where the traffic of a router port leaves for the outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue, NotFound
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import EVACUATED, marked
from ovnkit.northbound.identity import conflict, find_router_port, one
from ovnkit.northbound.rows import GatewayChassis, LogicalRouterPort
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Remove
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["GatewayOperations"]

_TABLE = "Gateway_Chassis"


class GatewayOperations(NorthboundOperations):
    """Set and remove the gateway chassis of router ports."""

    def set_gateway(self, router_port: str, *chassis: str, dry_run: bool = False) -> Changes:
        """Make a router port a distributed gateway port on exactly these chassis (Gateway_Chassis in ovn-nb(5)).

        Identity: the router port's name, and in it the chassis. ``chassis``: their names in SB, which are their
        system-ids, the preferred one first; it gets the highest priority, the last one gets 1. Other chassis of this
        port are removed. The changes are about the router port.

        Raises InvalidValue, NotFound (no such router port), NotUnique (the port has one chassis twice), and Conflict
        where the port has an HA chassis group, which OVN would follow instead.
        """
        for name in chassis:
            _check_chassis(name)
        if not chassis or len(set(chassis)) != len(chassis):
            allowed = "one or more chassis, each once; unset_gateway() takes them all away"
            raise InvalidValue(table=_TABLE, column="chassis_name", value=chassis, allowed=allowed)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            port = find_router_port(tx, router_port)
            if port is None:
                raise NotFound("Logical_Router_Port", {"name": router_port})
            if port.ha_chassis_group is not None:
                group = tx[port.ha_chassis_group].name
                raise conflict(f"router port {router_port!r} has HA chassis group {group!r}, which OVN follows instead")
            _set_gateway(tx, port, chassis)
            return port.ref

        return self._operate(body, dry_run=dry_run)

    def unset_gateway(self, router_port: str, *, dry_run: bool = False) -> Changes:
        """Take all gateway chassis of a router port away. Identity: its name; nothing changes where there is none."""

        def body(tx: NorthboundTransaction) -> None:
            port = find_router_port(tx, router_port)
            for ref in () if port is None else sorted(port.gateway_chassis):
                tx.delete(ref)

        return self._operate(body, dry_run=dry_run)


def _check_chassis(name: object) -> None:
    if not isinstance(name, str) or not name:
        allowed = "names of chassis, each an argument of its own: set_gateway(port, 'gw1', 'gw2')"
        raise InvalidValue(table=_TABLE, column="chassis_name", value=name, allowed=allowed)


def _set_gateway(tx: NorthboundTransaction, port: LogicalRouterPort, chassis: tuple[str, ...]) -> None:
    there = [tx[ref] for ref in sorted(port.gateway_chassis)]
    wanted: list[Ref[GatewayChassis]] = []
    for index, name in enumerate(chassis):
        priority = len(chassis) - index
        candidates = [row for row in there if row.chassis_name == name]
        row = one(candidates, _TABLE, router_port=port.name, chassis_name=name)
        if row is not None:
            tx.update(row, priority=priority, external_ids=Remove(EVACUATED))
            wanted.append(row.ref)
            continue
        label = f"{port.name}_{name}"
        holder = one(tx.find(GatewayChassis, name=label), _TABLE, name=label)
        if holder is not None:
            raise conflict(f"the gateway chassis named {label!r} is {holder.chassis_name!r}, not {name!r} of this port")
        columns = {"name": label, "chassis_name": name, "priority": priority}
        wanted.append(tx.insert(GatewayChassis(**marked(columns))))
    tx.update(port, gateway_chassis=wanted)
    for row in there:
        if row.ref not in wanted:
            tx.delete(row)
