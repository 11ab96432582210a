"""What strings of the databases mean where their schemas say only that they are strings: addresses, networks, remotes.

A format accepts what OVN and OVS accept (ovn-nb(5), ovn-sb(5), ovs-vswitchd.conf.db(5)). Pure logic.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import attrs

from ovnkit.remote import parse_remotes

__all__ = [
    "ADDRESS_SET_MEMBER",
    "BACKENDS",
    "CONNECTION",
    "DNS_ANSWER",
    "DNS_NAME",
    "ENDPOINT",
    "EXCLUDED_IPS",
    "FLAG",
    "INTERFACE",
    "IP",
    "IPV4",
    "IPV4_NETWORK",
    "IPV6",
    "IPV6_NETWORK",
    "IP_PORT",
    "MAC",
    "MAC_PREFIX",
    "NETWORK",
    "NEXTHOP",
    "NUMBER",
    "PORT_ADDRESS",
    "PORT_RANGE",
    "PORT_SECURITY",
    "SINGLE_IP",
    "VIP",
    "Format",
    "Verbatim",
    "ip_address",
    "ip_version",
    "is_interface",
    "is_mac",
    "is_plain",
    "is_port_address",
    "is_port_security",
    "number",
    "words",
]  # fmt: skip


class Verbatim(str):
    """A string that is written as it is, whatever ovnkit knows of its column: ``addresses=[Verbatim("…")]``."""

    __slots__ = ()


@attrs.frozen
class Format:
    """What a string of a column may be: ``allowed`` in words, and whether one is."""

    allowed: str
    accepts: Callable[[str], bool] = attrs.field(repr=False)


_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,3}", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,20}", re.ASCII)
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_DNS_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*)(?:\.[A-Za-z0-9_-]+)*\.?", re.ASCII)
_PASSIVE = re.compile(r"p(?:tcp|ssl):([0-9]{1,5})?(?::([0-9A-Za-z.:\[\]%_-]+))?", re.ASCII)
_MOST_PORT = 65535
_BITS = {4: 32, 6: 128}
_VRRP_PREFIXES = frozenset(str(length) for length in range(40, 49))


def is_plain(value: object, *, blanks: bool = False) -> bool:
    """Printable ASCII, and no zone, which means nothing to OVN."""
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and "%" not in value
        and (blanks or " " not in value)
    )


def is_mac(value: object) -> bool:
    """Six hexadecimal octets with colons."""
    return isinstance(value, str) and _MAC.fullmatch(value) is not None


def ip_address(value: object) -> IPv4Address | IPv6Address | None:
    """An address without a mask; None for anything else."""
    return ipaddress.ip_address(value) if isinstance(value, str) and ip_version(value) is not None else None


def ip_version(value: object) -> int | None:
    """4 or 6 for an address without a mask; None for anything else."""
    if not isinstance(value, str):
        return None
    family, version = (socket.AF_INET6, 6) if ":" in value else (socket.AF_INET, 4)
    try:
        socket.inet_pton(family, value)
    except (OSError, ValueError):
        return None
    return version


def is_interface(value: str) -> bool:
    """An address, with or without a prefix length or netmask."""
    address, slash, mask = value.partition("/")
    version = ip_version(address)
    if version is None or not slash:
        return version is not None
    if _DIGITS.fullmatch(mask):
        return int(mask) <= _BITS[version]
    return version == 4 and _is_netmask(mask)


def _is_netmask(text: str) -> bool:
    mask = ip_address(text)
    # Ones, then zeros: its complement is one less than a power of two.
    return isinstance(mask, IPv4Address) and (rest := ~int(mask) & 0xFFFFFFFF) & (rest + 1) == 0


def is_port_address(value: str) -> bool:
    """A member of ``addresses`` of a switch port; ``router`` is one, on whatever port."""
    if not is_plain(value, blanks=True) or value != value.strip():
        return False
    match [word for word in value.split(" ") if word]:
        case ["unknown" | "router"]:
            return True
        case ["dynamic", *addresses]:
            # Any one, or an IPv4 address before an IPv6 address.
            return [ip_version(address) for address in addresses] in ([], [4], [6], [4, 6])
        case [mac, "dynamic"]:
            return is_mac(mac)
        case [mac, *addresses]:
            return is_mac(mac) and all(map(is_interface, addresses))
        case _:
            return False


def is_port_security(value: str) -> bool:
    """A member of ``port_security`` of a switch port."""
    if not is_plain(value, blanks=True) or value != value.strip():
        return False
    match [word for word in value.split(" ") if word]:
        case ["VRRPv3", mac, *addresses]:
            # Since OVN 26.03.
            return is_mac(mac) and all(is_interface(address) or _is_vrrp_mac(address) for address in addresses)
        case [mac, *addresses]:
            return is_mac(mac) and all(map(is_interface, addresses))
        case _:
            return False


def _is_vrrp_mac(value: str) -> bool:
    """A virtual router's MAC address, of IPv4 or IPv6 (RFC 9568, 7.3), or a prefix within those."""
    mac, slash, prefix = value.partition("/")
    if not is_mac(mac) or (slash and prefix not in _VRRP_PREFIXES):
        return False
    return tuple(int(octet, 16) for octet in mac.split(":")[:-1]) in ((0, 0, 0x5E, 0, 1), (0, 0, 0x5E, 0, 2))


def number(least: int | None = None, most: int | None = None) -> Format:
    """A decimal number within these bounds."""
    bounds = f" from {least}" if least is not None else ""
    bounds += f" to {most}" if most is not None else ""

    def accepts(value: str) -> bool:
        if not _INTEGER.fullmatch(value):
            return False
        return (least is None or int(value) >= least) and (most is None or int(value) <= most)

    return Format(f"an integer{bounds}", accepts)


def words(*known: str) -> Format:
    """One of these."""
    return Format("one of " + ", ".join(map(repr, known)), frozenset(known).__contains__)


def _is_template(value: str) -> bool:
    return value.startswith("^") and is_plain(value)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_PORT


def _is_ip_port(value: str, *, port: bool | None = None) -> bool:
    """An address, in brackets if it is one of IPv6 with a port, and a port: needed, forbidden or as it comes."""
    if value.startswith("["):
        host, bracket, rest = value[1:].partition("]")
        colon, number = rest[:1], rest[1:]
        good = bool(bracket) and colon in ("", ":") and ip_version(host) == 6
    elif value.count(":") > 1:
        colon, number, good = "", "", ip_version(value) == 6
    else:
        host, colon, number = value.partition(":")
        good = ip_version(host) == 4
    if colon and not _is_port(number):
        return False
    return good and (port is None or port == bool(colon))


def _is_vip(value: str) -> bool:
    return _is_template(value) or _is_ip_port(value)


def _are_backends(value: str) -> bool:
    # The manual shows blanks after the commas, but ovn-northd takes none.
    return all(_is_template(item) or _is_ip_port(item) for item in value.split(",") if item)


def _is_nexthop(value: str) -> bool:
    return value == "discard" or ip_version(value) is not None


def _is_single(value: str) -> bool:
    address, _, prefix = value.partition("/")
    version = ip_version(address)
    return version is not None and (prefix == str(_BITS[version]) if "/" in value else True)


def _is_port_range(value: str) -> bool:
    match = _PORTS.fullmatch(value)
    if match is None:
        return False
    low, high = int(match[1]), int(match[2] or match[1])
    return 1 <= low <= high <= _MOST_PORT


def _is_dns_answer(value: str) -> bool:
    items = value.replace(",", " ").split()
    return bool(items) and (all(map(ip_version, items)) or (len(items) == 1 and _DNS_NAME.fullmatch(value) is not None))


def _is_in_address_set(value: str) -> bool:
    if is_interface(value) or is_mac(value):
        return True
    constant, slash, mask = value.partition("/")
    # A bitwise mask, which needs not be one of a prefix.
    if not slash:
        return False
    version = ip_version(constant)
    return (version is not None and ip_version(mask) == version) or (is_mac(constant) and is_mac(mask))


def _are_excluded(value: str) -> bool:
    items = value.split()
    for item in items:
        first, dots, last = item.partition("..")
        if ip_version(first) != 4 or (dots and ip_version(last) != 4):
            return False
        if dots and IPv4Address(first) > IPv4Address(last):
            return False
    return bool(items)


def _is_network(value: str, version: int) -> bool:
    return "/" in value and is_interface(value) and ip_version(value.partition("/")[0]) == version


def _is_connection(value: str) -> bool:
    if match := _PASSIVE.fullmatch(value):
        host = match[2] or ""
        return (match[1] is None or int(match[1]) <= _MOST_PORT) and (not host or _is_host(host))
    if value.startswith("punix:"):
        return len(value) > len("punix:") and value.isprintable()
    try:
        parse_remotes(value)
    except ValueError:
        return False
    return "," not in value


def _is_host(host: str) -> bool:
    if host.startswith("["):
        # A link-local address has a zone.
        return host.endswith("]") and ip_version(host[1:-1].partition("%")[0]) == 6
    return ":" not in host


MAC = Format("a MAC address, six hexadecimal octets with colons", is_mac)
IP = Format("an IPv4 or IPv6 address", lambda value: ip_version(value) is not None)
IPV4 = Format("an IPv4 address", lambda value: ip_version(value) == 4)
IPV6 = Format("an IPv6 address", lambda value: ip_version(value) == 6)
SINGLE_IP = Format("an IPv4 or IPv6 address, alone or with the prefix length of one address", _is_single)
INTERFACE = Format("an IP address, with its prefix length, such as 192.0.2.1/24", is_interface)
NETWORK = Format("an IP address or network, such as 192.0.2.0/24", is_interface)
IPV4_NETWORK = Format("a network of IPv4, such as 192.0.2.0/24", lambda value: _is_network(value, 4))
IPV6_NETWORK = Format("a network of IPv6, such as 2001:db8::/64", lambda value: _is_network(value, 6))
NEXTHOP = Format("an IPv4 or IPv6 address, or 'discard'", _is_nexthop)
PORT_ADDRESS = Format(
    "'MAC [IP]...', 'dynamic [IPv4] [IPv6]', 'MAC dynamic', 'unknown', or 'router' on a port of type router"
    " (Logical_Switch_Port in ovn-nb(5))",
    is_port_address,
)
PORT_SECURITY = Format(
    "a MAC address, and after it IP addresses with or without prefix length, or 'VRRPv3 MAC [VRRP MAC]... [IP]...'"
    " (Logical_Switch_Port in ovn-nb(5))",
    is_port_security,
)
ADDRESS_SET_MEMBER = Format("a MAC address, or an IP address or network", _is_in_address_set)
IP_PORT = Format(
    "an IP address and a port, such as 192.0.2.1:80 or [2001:db8::1]:80", lambda value: _is_ip_port(value, port=True)
)
VIP = Format("an IP address, alone or with a port such as [2001:db8::1]:80, or a template such as ^vip", _is_vip)
BACKENDS = Format(
    "IP addresses, alone or each with a port, comma-separated, without blanks, or a template such as ^backends",
    _are_backends,
)
ENDPOINT = Format("an IP address, one of IPv6 in brackets", lambda value: _is_ip_port(value, port=False))
PORT_RANGE = Format("a port, or LOW-HIGH, within 1 to 65535", _is_port_range)
DNS_NAME = Format("a DNS name", lambda value: _DNS_NAME.fullmatch(value) is not None)
DNS_ANSWER = Format("IP addresses, separated by blanks or commas, or for a PTR record one DNS name", _is_dns_answer)
EXCLUDED_IPS = Format("IPv4 addresses and ranges such as 192.0.2.1..192.0.2.9, separated by blanks", _are_excluded)
CONNECTION = Format(
    "ptcp:[PORT][:HOST], pssl:[PORT][:HOST], punix:PATH, tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:PATH (ovsdb(7))",
    _is_connection,
)
MAC_PREFIX = Format("the first three octets of a MAC address, such as 0a:00:00", lambda value: is_mac(f"{value}:0:0:0"))
FLAG = Format("'true' or 'false'", lambda value: value.lower() in ("true", "false"))
NUMBER = number()
