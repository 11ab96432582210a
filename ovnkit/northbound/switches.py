"""Logical switches and their ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.addresses import ip_network, port_addresses, security_addresses
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, is_owned, marked, string_map, update
from ovnkit.northbound.identity import check_name, find_switch, find_switch_port, the_switch
from ovnkit.northbound.links import links_of_switch, remove_link
from ovnkit.northbound.ports import put_switch_port, switch_port_there
from ovnkit.northbound.rows import DNS, DHCPOptions, LogicalSwitch
from ovnkit.northbound.subnets import SWITCH_KEY, dhcp_column, the_dhcp
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["SwitchOperations", "delete_switch", "put_switch"]

_SWITCH = "Logical_Switch"
_PORT = "Logical_Switch_Port"
_PORT_TYPES = (
    "", "external", "l2gateway", "localnet", "localport", "remote", "router", "switch", "virtual", "vtep",
)  # fmt: skip


class SwitchOperations(NorthboundOperations):
    """Add and remove switches and their ports."""

    def add_switch(
        self,
        name: str,
        *,
        subnet: str | None = None,
        other_config: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A logical switch (Logical_Switch in ovn-nb(5)). Identity: its name.

        ``subnet``: an IPv4 network, ``other_config:subnet``, from which ovn-northd serves ports with dynamic
        addresses. Of ``other_config`` and ``external_ids`` the given keys are set. What is None is left as it is.

        Raises InvalidValue, and NotUnique where two switches have this name.
        """
        config = string_map(other_config, table=_SWITCH, column="other_config")
        if subnet is not None:
            network = ip_network(subnet, table=_SWITCH, column="other_config:subnet")
            if network.version != 4:
                raise InvalidValue(
                    table=_SWITCH, column="other_config:subnet", value=subnet, allowed="a network of IPv4"
                )
            config = {**(config or {}), "subnet": str(network)}
        columns = given(
            other_config=config, external_ids=string_map(external_ids, table=_SWITCH, column="external_ids")
        )
        return self._operate(lambda tx: put_switch(tx, name, columns), dry_run=dry_run)

    def remove_switch(self, name: str, *, dry_run: bool = False) -> Changes:
        """Remove a switch with its ports. Identity: its name; nothing changes where there is none.

        What ovnkit made for it goes as well: the DHCP options of add_dhcp(), the records of add_dns(), and the router
        ports of connect_router().

        Raises NotUnique where two switches have this name.
        """

        def body(tx: NorthboundTransaction) -> None:
            switch = find_switch(tx, name)
            if switch is not None:
                delete_switch(tx, switch)

        return self._operate(body, dry_run=dry_run)

    def add_switch_port(
        self,
        switch: str,
        port: str,
        *,
        addresses: SetOf[str] | None = None,
        port_security: SetOf[str] | None = None,
        dhcp: str | Ref[DHCPOptions] | None = None,
        type: str | None = None,
        options: Mapping[str, str] | None = None,
        enabled: bool | None = None,
        parent_name: str | None = None,
        tag: int | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A port of a switch (Logical_Switch_Port in ovn-nb(5)). Identity: its name, which is unique in the database.

        ``addresses``: ``"MAC [IP]..."``, ``"dynamic"`` and its forms, ``"unknown"``, and ``"router"`` for type
        router. ``port_security``: ``"MAC [IP[/PREFIX]]..."``. ``dhcp``: the network of DHCP options that add_dhcp()
        made for this switch, such as ``"10.0.0.0/24"``, or a reference to any. ``type``: one of the types of
        ovn-nb(5), ``""`` for a virtual machine. ``parent_name`` and ``tag`` (1 to 4095): of a container port. Of
        ``options`` and ``external_ids`` the given keys are set, the other arguments replace the column. What is None
        is left as it is.

        Raises InvalidValue, NotFound (no such switch, no such DHCP options), NotUnique, and Conflict where the name
        belongs to a port of another switch or to a router port.
        """
        if type is not None and type not in _PORT_TYPES:
            allowed = f"one of {', '.join(map(repr, _PORT_TYPES))}"
            raise InvalidValue(table=_PORT, column="type", value=type, allowed=allowed)
        columns = given(
            port_security=None if port_security is None else security_addresses(port_security),
            type=type,
            options=string_map(options, table=_PORT, column="options"),
            enabled=enabled,
            parent_name=parent_name,
            tag=tag,
            external_ids=string_map(external_ids, table=_PORT, column="external_ids"),
        )

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_switch(tx, switch)
            there = switch_port_there(tx, own, port)
            dependent: dict[str, Any] = {}
            if addresses is not None:
                kind = type if type is not None else "" if there is None else there.type
                dependent["addresses"] = port_addresses(addresses, type=kind)
            if dhcp is not None:
                wanted = tx[dhcp] if isinstance(dhcp, Ref) else the_dhcp(tx, switch, dhcp)
                dependent[dhcp_column(wanted.cidr)] = wanted.ref
            return put_switch_port(tx, own, port, {**columns, **dependent})

        return self._operate(body, dry_run=dry_run)

    def remove_switch_port(self, switch: str, port: str, *, dry_run: bool = False) -> Changes:
        """Remove a port from a switch. Identity: its name; nothing changes where this switch has none of that name.

        Raises NotUnique where two switches have this name.
        """

        def body(tx: NorthboundTransaction) -> None:
            own, row = find_switch(tx, switch), find_switch_port(tx, port)
            if own is not None and row is not None and row.ref in own.ports:
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def put_switch(tx: NorthboundTransaction, name: str, columns: Mapping[str, Any]) -> Ref[LogicalSwitch]:
    """Update the switch of this name, or insert it."""
    check_name(name, table=_SWITCH)
    switch = find_switch(tx, name)
    if switch is not None:
        update(tx, switch, columns)
        return switch.ref
    tx.check_none(LogicalSwitch, name=name)
    return tx.insert(LogicalSwitch(name=name, **marked(columns)))


def delete_switch(tx: NorthboundTransaction, switch: LogicalSwitch) -> None:
    """Delete a switch and what ovnkit made for it."""
    for link in links_of_switch(tx, switch):
        if is_owned(link.router_port):
            remove_link(tx, link)
    made = {SWITCH_KEY: switch.name}
    for row in (*tx.find(DHCPOptions, external_ids=made), *tx.find(DNS, external_ids=made)):
        if is_owned(row):
            tx.delete(row)
    ports = [tx[ref] for ref in sorted(tx[switch.ref].ports)]
    tx.delete(switch)
    # The server would remove them as well, but then their names would not be free for the rest of the transaction.
    for port in ports:
        tx.delete(port)
