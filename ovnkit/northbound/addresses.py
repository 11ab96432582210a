"""Addresses as OVN takes them: checked before anything is sent. Pure logic."""

from __future__ import annotations

import ipaddress
from collections.abc import Set
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ovnkit import formats
from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.row import SetOf

__all__ = [
    "derived_mac",
    "ip_address",
    "ip_network",
    "mac_address",
    "members",
    "port_addresses",
    "router_networks",
    "same_network",
    "security_addresses",
]


def derived_mac(*names: str) -> str:
    """A locally administered unicast MAC address that is always the same for the same names."""
    import hashlib

    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x0A, *digest[:5]))


def mac_address(value: str, *, table: str, column: str) -> str:
    """The value, which must be a MAC address. Raises InvalidValue."""
    if not formats.is_mac(value):
        raise InvalidValue(table=table, column=column, value=value, allowed=formats.MAC.allowed)
    return value


def ip_address(value: str, *, table: str, column: str) -> IPv4Address | IPv6Address:
    """An IPv4 or IPv6 address without prefix length. Raises InvalidValue."""
    address = formats.ip_address(value)
    if address is None:
        raise InvalidValue(table=table, column=column, value=value, allowed=formats.IP.allowed)
    return address


def ip_network(value: str, *, table: str, column: str, single: bool = False) -> IPv4Network | IPv6Network:
    """A network such as 192.0.2.0/24, without host bits; with ``single`` one address will do. Raises InvalidValue."""
    try:
        if formats.is_interface(value) and (single or "/" in value):
            return ipaddress.ip_network(value)
    except ValueError:
        pass
    allowed = "a network such as 192.0.2.0/24, without host bits" + (", or an address" if single else "")
    raise InvalidValue(table=table, column=column, value=value, allowed=allowed)


def same_network(one: str, other: str) -> bool:
    """Whether two texts mean the same address or network."""
    try:
        return ipaddress.ip_network(one) == ipaddress.ip_network(other)
    except ValueError:
        return one == other


def router_networks(values: SetOf[str]) -> frozenset[str]:
    """The ``networks`` of a router port: its addresses, each with prefix length. Raises InvalidValue."""
    table, column = "Logical_Router_Port", "networks"
    allowed = formats.INTERFACE.allowed
    found = members(values, table=table, column=column, allowed=f"a list of members, each {allowed}")
    for value in sorted(found):
        if "/" not in value or not formats.is_interface(value):
            raise InvalidValue(table=table, column=column, value=value, allowed=allowed)
    if not found:
        raise InvalidValue(table=table, column=column, value=values, allowed=f"at least one: {allowed}")
    return found


def port_addresses(values: SetOf[str], *, type: str) -> frozenset[str]:
    """The ``addresses`` of a switch port of this type. Raises InvalidValue."""
    table, column = "Logical_Switch_Port", "addresses"
    allowed = formats.PORT_ADDRESS.allowed
    found = members(values, table=table, column=column, allowed=f"a list of members, each {allowed}")
    for value in sorted(found):
        if not formats.is_port_address(value) or (value.strip() == "router" and type != "router"):
            raise InvalidValue(table=table, column=column, value=value, allowed=allowed)
    if sum("dynamic" in value for value in found) > 1:
        raise InvalidValue(table=table, column=column, value=found, allowed="only one member with 'dynamic'")
    return found


def security_addresses(values: SetOf[str]) -> frozenset[str]:
    """The ``port_security`` of a switch port. Raises InvalidValue."""
    table, column = "Logical_Switch_Port", "port_security"
    allowed = formats.PORT_SECURITY.allowed
    found = members(values, table=table, column=column, allowed=f"a list of members, each {allowed}")
    for value in sorted(found):
        if not formats.is_port_security(value):
            raise InvalidValue(table=table, column=column, value=value, allowed=allowed)
    return found


def members(values: object, *, table: str, column: str, allowed: str) -> frozenset[str]:
    """The members of a set of strings; a lone string is none. Raises InvalidValue."""
    if not isinstance(values, (Set, list, tuple)) or not all(isinstance(value, str) for value in values):
        raise InvalidValue(table=table, column=column, value=values, allowed=allowed)
    return frozenset(map(str, values))
