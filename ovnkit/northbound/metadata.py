"""Metadata ports: where the instances of a switch reach the metadata responder of their own host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.northbound.addresses import derived_mac, ip_address, mac_address
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.identity import check_name, conflict, find_switch, find_switch_port, the_switch
from ovnkit.northbound.ports import put_switch_port, switch_port_there
from ovnkit.northbound.rows import LogicalSwitchPort
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["LOCALPORT", "MetadataOperations"]

LOCALPORT = "localport"
_TABLE = "Logical_Switch_Port"


class MetadataOperations(NorthboundOperations):
    """Add and remove metadata ports."""

    def add_metadata_port(
        self, switch: str, address: str, *, mac: str | None = None, port: str | None = None, dry_run: bool = False
    ) -> Changes:
        """A port of type localport, which every chassis has for itself (Logical_Switch_Port:type in ovn-nb(5)).

        Identity: its name, ``metadata-SWITCH`` unless ``port`` says otherwise. ``address``: its IP address on the
        switch, to which add_dhcp(…, metadata=True) routes 169.254.169.254. ``mac``: where it is None the port keeps
        the one that it has, and a new port gets one that is derived from its name.

        Raises InvalidValue, NotFound (no such switch), NotUnique, and Conflict where the name belongs to a port of
        another switch or type.
        """
        ip_address(address, table=_TABLE, column="addresses")
        if mac is not None:
            mac_address(mac, table=_TABLE, column="addresses")
        name = check_name(f"metadata-{switch}" if port is None else port, table=_TABLE)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_switch(tx, switch)
            there = switch_port_there(tx, own, name, type=LOCALPORT)
            chosen = mac or (None if there is None else _mac(there)) or derived_mac(name)
            return put_switch_port(tx, own, name, {"addresses": [f"{chosen} {address}"]}, type=LOCALPORT)

        return self._operate(body, dry_run=dry_run)

    def remove_metadata_port(self, switch: str, *, port: str | None = None, dry_run: bool = False) -> Changes:
        """Remove a metadata port. Identity: as for add_metadata_port(); nothing changes where there is none.

        Raises NotUnique, and Conflict where the port has another type.
        """
        name = check_name(f"metadata-{switch}" if port is None else port, table=_TABLE)

        def body(tx: NorthboundTransaction) -> None:
            own, row = find_switch(tx, switch), find_switch_port(tx, name)
            if own is None or row is None or row.ref not in own.ports:
                return
            if row.type != LOCALPORT:
                raise conflict(f"switch port {name!r} is of type {row.type!r}, not {LOCALPORT!r}")
            tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def _mac(port: LogicalSwitchPort) -> str | None:
    """The MAC address of a port that has one."""
    words = sorted(address.split()[0] for address in port.addresses if ":" in address)
    return words[0] if len(words) == 1 else None
