"""Provider networks: switches that are connected to a physical network on every chassis that maps it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, integer, is_owned
from ovnkit.northbound.identity import check_name, conflict, find_switch, one
from ovnkit.northbound.ports import put_switch_port
from ovnkit.northbound.rows import LogicalSwitch, LogicalSwitchPort
from ovnkit.northbound.switches import delete_switch, put_switch
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["ProviderOperations"]

_TABLE = "Logical_Switch_Port"
_LOCALNET = "localnet"
_NETWORK = "network_name"
_PHYSNET = re.compile(r"[^\s,:]+")


class ProviderOperations(NorthboundOperations):
    """Add and remove provider networks."""

    def add_provider_network(
        self,
        physnet: str,
        *,
        switch: str | None = None,
        vlan: int | None = None,
        port: str | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A switch with a localnet port (Logical_Switch_Port:options:network_name in ovn-nb(5)).

        Identity: the switch's name, which is ``physnet`` (``PHYSNET-VLAN`` with a VLAN) unless ``switch`` says
        otherwise, and on it the localnet port. ``physnet``: as in ``ovn-bridge-mappings`` of the chassis
        (ovn-controller(8)). ``vlan``: the tag on the physical network, 1 to 4094; where it is None the port keeps
        what it has, and a new port is untagged. ``port``: the name of a new localnet port, else ``provnet-SWITCH``.
        The changes are about the switch.

        Raises InvalidValue, NotUnique, and Conflict where the switch is on another physical network, or the port's name
        belongs to another port.
        """
        _check_physnet(physnet)
        if vlan is not None:
            integer(vlan, 1, 4094, table=_TABLE, column="tag")
        name = _switch_name(physnet, switch, vlan)
        if port is not None:
            check_name(port, table=_TABLE)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            ref = put_switch(tx, name, {})
            own = tx[ref]
            there = _localnet(tx, own, physnet)
            if there is None and (others := _localnets(tx, own)):
                taken = ", ".join(sorted(repr(row.options.get(_NETWORK, "")) for row in others))
                raise conflict(f"switch {name!r} is on physical network {taken}, not on {physnet!r}")
            label = there.name if there is not None else port or f"provnet-{name}"
            columns = {"addresses": ["unknown"], "options": {_NETWORK: physnet}, **given(tag=vlan)}
            put_switch_port(tx, own, label, columns, type=_LOCALNET)
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_provider_network(
        self, physnet: str, *, switch: str | None = None, vlan: int | None = None, dry_run: bool = False
    ) -> Changes:
        """Remove a provider network: the localnet port, and the switch with all its ports where ovnkit made it.

        Identity: as for add_provider_network(); nothing changes where the switch is not on this physical network.

        Raises InvalidValue, and NotUnique.
        """
        _check_physnet(physnet)
        name = _switch_name(physnet, switch, vlan)

        def body(tx: NorthboundTransaction) -> None:
            own = find_switch(tx, name)
            port = None if own is None else _localnet(tx, own, physnet)
            if own is None or port is None:
                return
            if is_owned(own):
                delete_switch(tx, own)
            else:
                tx.delete(port)

        return self._operate(body, dry_run=dry_run)


def _switch_name(physnet: str, switch: str | None, vlan: int | None) -> str:
    if switch is not None:
        return check_name(switch, table="Logical_Switch")
    return physnet if vlan is None else f"{physnet}-{vlan}"


def _check_physnet(physnet: object) -> None:
    if not isinstance(physnet, str) or not _PHYSNET.fullmatch(physnet):
        allowed = "a name without commas, colons and white space, as in ovn-bridge-mappings"
        raise InvalidValue(table=_TABLE, column=f"options:{_NETWORK}", value=physnet, allowed=allowed)


def _localnets(tx: NorthboundTransaction, switch: LogicalSwitch) -> list[LogicalSwitchPort]:
    return [row for row in tx.find(LogicalSwitchPort, type=_LOCALNET) if row.ref in switch.ports]


def _localnet(tx: NorthboundTransaction, switch: LogicalSwitch, physnet: str) -> LogicalSwitchPort | None:
    rows = [row for row in _localnets(tx, switch) if row.options.get(_NETWORK) == physnet]
    return one(rows, _TABLE, switch=switch.name, type=_LOCALNET, network_name=physnet)
