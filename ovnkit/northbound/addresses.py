"""Addresses as OVN takes them: checked before anything is sent. Pure logic."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Set
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

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

_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}", re.ASCII)
_PREFIX = re.compile(r"[0-9]{1,3}", re.ASCII)
_PORT_ADDRESS = (
    "'MAC [IP]...', 'dynamic [IPv4] [IPv6]', 'MAC dynamic', 'unknown', or 'router' on a port of type router"
    " (Logical_Switch_Port in ovn-nb(5))"
)
_PORT_SECURITY = (
    "a MAC address, and after it IP addresses with or without prefix length (Logical_Switch_Port in ovn-nb(5))"
)
_INTERFACE = "an IP address with its prefix length, such as 192.0.2.1/24"


def derived_mac(*names: str) -> str:
    """A locally administered unicast MAC address that is always the same for the same names."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x0A, *digest[:5]))


def mac_address(value: str, *, table: str, column: str) -> str:
    """The value, which must be a MAC address. Raises InvalidValue."""
    if not _is_mac(value):
        allowed = "a MAC address, six hexadecimal octets with colons"
        raise InvalidValue(table=table, column=column, value=value, allowed=allowed)
    return value


def ip_address(value: str, *, table: str, column: str) -> IPv4Address | IPv6Address:
    """An IPv4 or IPv6 address without prefix length. Raises InvalidValue."""
    address = _address(value)
    if address is None:
        raise InvalidValue(table=table, column=column, value=value, allowed="an IPv4 or IPv6 address")
    return address


def ip_network(value: str, *, table: str, column: str, single: bool = False) -> IPv4Network | IPv6Network:
    """A network such as 192.0.2.0/24, without host bits; with ``single`` one address will do. Raises InvalidValue."""
    try:
        if _is_plain(value) and (single or "/" in value) and _has_good_prefix(value):
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
    found = members(values, table=table, column=column, allowed=f"a list of members, each {_INTERFACE}")
    for value in sorted(found):
        if "/" not in value or not _is_interface(value):
            raise InvalidValue(table=table, column=column, value=value, allowed=_INTERFACE)
    if not found:
        raise InvalidValue(table=table, column=column, value=values, allowed=f"at least one: {_INTERFACE}")
    return found


def port_addresses(values: SetOf[str], *, type: str) -> frozenset[str]:
    """The ``addresses`` of a switch port of this type. Raises InvalidValue."""
    table, column = "Logical_Switch_Port", "addresses"
    found = members(values, table=table, column=column, allowed=f"a list of members, each {_PORT_ADDRESS}")
    for value in sorted(found):
        if not _is_port_address(value, type):
            raise InvalidValue(table=table, column=column, value=value, allowed=_PORT_ADDRESS)
    if sum("dynamic" in value for value in found) > 1:
        raise InvalidValue(table=table, column=column, value=found, allowed="only one member with 'dynamic'")
    return found


def security_addresses(values: SetOf[str]) -> frozenset[str]:
    """The ``port_security`` of a switch port. Raises InvalidValue."""
    table, column = "Logical_Switch_Port", "port_security"
    found = members(values, table=table, column=column, allowed=f"a list of members, each {_PORT_SECURITY}")
    for value in sorted(found):
        words = value.replace(",", " ").split(" ") if _is_plain(value, blanks=True) else []
        mac, *addresses = [word for word in words if word] or [""]
        if not _is_mac(mac) or not all(map(_is_interface, addresses)):
            raise InvalidValue(table=table, column=column, value=value, allowed=_PORT_SECURITY)
    return found


def members(values: object, *, table: str, column: str, allowed: str) -> frozenset[str]:
    """The members of a set of strings; a lone string is none. Raises InvalidValue."""
    if not isinstance(values, (Set, list, tuple)) or not all(isinstance(value, str) for value in values):
        raise InvalidValue(table=table, column=column, value=values, allowed=allowed)
    return frozenset(map(str, values))


def _is_port_address(value: str, type: str) -> bool:
    if not _is_plain(value, blanks=True):
        return False
    words = [word for word in value.split(" ") if word]
    match words:
        case ["unknown"]:
            return True
        case ["router"]:
            return type == "router"
        case ["dynamic", *addresses]:
            # Any one, or an IPv4 address before an IPv6 address.
            versions = [address and address.version for address in map(_address, addresses)]
            return versions in ([], [4], [6], [4, 6])
        case [mac, "dynamic"]:
            return _is_mac(mac)
        case [mac, *addresses]:
            return _is_mac(mac) and all(map(_is_interface, addresses))
        case _:
            return False


def _is_mac(value: object) -> bool:
    return isinstance(value, str) and _MAC.fullmatch(value) is not None


def _is_interface(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return _is_plain(value) and _has_good_prefix(value)


def _address(value: object) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) and _is_plain(value) else None
    except ValueError:
        return None


def _is_plain(value: object, *, blanks: bool = False) -> bool:
    """Printable ASCII, and no zone, which means nothing to OVN."""
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and "%" not in value
        and (blanks or " " not in value)
    )


def _has_good_prefix(value: str) -> bool:
    """A number: neither a netmask nor, as Python also takes it, a host mask."""
    _, slash, prefix = value.partition("/")
    return not slash or _PREFIX.fullmatch(prefix) is not None
