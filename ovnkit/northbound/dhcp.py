"""DHCP that OVN itself answers."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound.addresses import derived_mac, ip_address, ip_network, mac_address, members
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, integer, marked, string_map, update
from ovnkit.northbound.dhcp_routes import METADATA, changed_routes, check_routes
from ovnkit.northbound.identity import check_name, conflict, find_switch_port, switch_of, the_switch
from ovnkit.northbound.metadata import LOCALPORT
from ovnkit.northbound.rows import DHCPOptions, LogicalSwitch
from ovnkit.northbound.subnets import SWITCH_KEY, dhcp_column, find_dhcp
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["DHCPOperations"]

_TABLE = "DHCP_Options"
_LEASE_SECONDS = 43200


class DHCPOperations(NorthboundOperations):
    """Add and remove DHCP options of switches."""

    def add_dhcp(
        self,
        switch: str,
        cidr: str,
        *,
        server_id: str,
        server_mac: str | None = None,
        router: str | None = None,
        lease_time: int | None = None,
        mtu: int | None = None,
        dns: list[str] | tuple[str, ...] | None = None,
        routes: Mapping[str, str] | None = None,
        metadata: bool = False,
        options: Mapping[str, str] | None = None,
        ports: SetOf[str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """DHCP options for a network on a switch, and the ports that get them (DHCP_Options in ovn-nb(5)).

        Identity: the switch's name and ``cidr``, in a row that ovnkit made (``external_ids:ovnkit-switch``).

        ``server_id``: the address of the DHCP server; its MAC address for IPv6. For IPv4 alone: ``server_mac`` (a new
        row gets a derived one), ``router``, ``lease_time`` in seconds (a new row gets 43200), ``mtu`` in bytes (68 to
        65535), ``routes`` (from network to next hop; routes to other networks stay). A client that is given routes
        takes no notice of ``router`` (RFC 3442), so with routes goes one to 0.0.0.0/0 through it. ``metadata``: also
        route 169.254.169.254/32 to the metadata port of this switch, see add_metadata_port(). ``dns``: servers, the
        preferred one first. ``options``: further ones by OVN's names; the given keys are set. ``ports``: ports
        of this switch to give the options to; others keep theirs. What is None is left as it is.

        Raises InvalidValue, NotFound (no such switch, port or metadata port), NotUnique, and Conflict where a port is
        on another switch, or routes that are there cannot be read.
        """
        network = ip_network(cidr, table=_TABLE, column="cidr")
        if network.version == 6:
            only_four = given(server_mac=server_mac, router=router, lease_time=lease_time, mtu=mtu, routes=routes)
            _refuse_in_six(only_four, metadata=metadata)
            written = {"server_id": mac_address(server_id, table=_TABLE, column="options:server_id")}
        else:
            written = _ipv4_options(server_id, server_mac, router, lease_time, mtu)
        if dns is not None:
            written["dns_server"] = _servers(dns, network.version)
        written |= string_map(options, table=_TABLE, column="options") or {}
        wanted = check_routes(routes or {})
        names = members(() if ports is None else ports, table=_TABLE, column="ports", allowed="a list of port names")

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_switch(tx, switch)
            there = find_dhcp(tx, switch, str(network))
            before = {} if there is None else dict(there.options)
            own_routes = dict(wanted)
            if metadata:
                own_routes[METADATA] = _metadata_address(tx, own, network)
            columns = {"options": {**written, **changed_routes(before, own_routes, router)}}
            ref = _put(tx, switch, network, there, columns)
            for name in sorted(names):
                _bind(tx, own, name, network, ref)
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_dhcp(self, switch: str, cidr: str, *, dry_run: bool = False) -> Changes:
        """Remove the DHCP options that add_dhcp() made for a network on a switch; ports that had them have none then.

        Identity: as for add_dhcp(); nothing changes where there are none.

        Raises InvalidValue, and NotUnique.
        """
        check_name(switch, table="Logical_Switch")
        network = ip_network(cidr, table=_TABLE, column="cidr")

        def body(tx: NorthboundTransaction) -> None:
            row = find_dhcp(tx, switch, str(network))
            if row is not None:
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def _ipv4_options(
    server_id: str, server_mac: str | None, router: str | None, lease_time: int | None, mtu: int | None
) -> dict[str, str]:
    addresses = given(server_id=server_id, router=router)
    for name, value in addresses.items():
        _check_version(value, 4, f"options:{name}")
    if server_mac is not None:
        mac_address(server_mac, table=_TABLE, column="options:server_mac")
    limits = {"lease_time": (lease_time, 0, 2**32 - 1), "mtu": (mtu, 68, 65535)}
    numbers = {
        name: str(integer(value, least, most, table=_TABLE, column=f"options:{name}"))
        for name, (value, least, most) in limits.items()
        if value is not None
    }
    return {**addresses, **given(server_mac=server_mac), **numbers}


def _refuse_in_six(arguments: dict[str, Any], *, metadata: bool) -> None:
    if metadata:
        arguments["metadata"] = metadata
    for name, value in arguments.items():
        raise InvalidValue(table=_TABLE, column=f"options:{name}", value=value, allowed="nothing in DHCPv6")


def _servers(dns: object, version: int) -> str:
    """The form of several addresses in an option. Clients ask the first one first."""
    column = "options:dns_server"
    if not isinstance(dns, (list, tuple)) or not dns:
        raise InvalidValue(table=_TABLE, column=column, value=dns, allowed="a list of one or more IP addresses")
    for value in dns:
        _check_version(value, version, column)
    text = ", ".join(dns)
    return text if len(dns) == 1 else f"{{{text}}}"


def _check_version(value: Any, version: int, column: str) -> None:
    if ip_address(value, table=_TABLE, column=column).version != version:
        raise InvalidValue(table=_TABLE, column=column, value=value, allowed=f"an IPv{version} address")


def _put(
    tx: NorthboundTransaction,
    switch: str,
    network: IPv4Network | IPv6Network,
    there: DHCPOptions | None,
    columns: dict[str, Any],
) -> Ref[DHCPOptions]:
    if there is not None:
        update(tx, there, columns)
        return there.ref
    defaults: dict[str, str] = {}
    if network.version == 4:
        defaults = {"lease_time": str(_LEASE_SECONDS), "server_mac": derived_mac("dhcp", switch, str(network))}
    options = {**defaults, **columns["options"]}
    tx.check_none(DHCPOptions, cidr=str(network), external_ids={SWITCH_KEY: switch})
    row = marked({"cidr": str(network), "options": options}, **{SWITCH_KEY: switch})
    return tx.insert(DHCPOptions(**row))


def _bind(
    tx: NorthboundTransaction,
    switch: LogicalSwitch,
    name: str,
    network: IPv4Network | IPv6Network,
    ref: Ref[DHCPOptions],
) -> None:
    port = find_switch_port(tx, name)
    if port is None:
        raise NotFound("Logical_Switch_Port", {"name": name})
    if port.ref not in switch.ports:
        raise conflict(f"switch port {name!r} is on switch {switch_of(tx, port)!r}, not on {switch.name!r}")
    update(tx, port, {dhcp_column(str(network)): ref})


def _metadata_address(tx: NorthboundTransaction, switch: LogicalSwitch, network: IPv4Network | IPv6Network) -> str:
    """The address in this network of the switch's metadata port."""
    found = {}
    for ref in switch.ports:
        port = tx[ref]
        if port.type == LOCALPORT:
            for word in (word.partition("/")[0] for address in port.addresses for word in address.split()[1:]):
                if ip_address(word, table="Logical_Switch_Port", column="addresses") in network:
                    found[word] = port
    identity: dict[str, object] = {"switch": switch.name, "type": LOCALPORT, "addresses": f"in {network}"}
    if not found:
        raise NotFound("Logical_Switch_Port", identity)
    if len(found) > 1:
        raise NotUnique("Logical_Switch_Port", identity, tuple(sorted(port.uuid for port in found.values())))
    return next(iter(found))
