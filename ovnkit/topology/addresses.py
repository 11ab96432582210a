"""What the addresses of switch ports say: each MAC with the IP addresses that go with it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import attrs

from ovnkit.formats import ip_version
from ovnkit.northbound.rows import LogicalRouterPort, LogicalSwitchPort

__all__ = ["PortAddress", "host_of", "network_of", "plain_ip", "port_addresses"]


@attrs.frozen
class PortAddress:
    """A MAC in small letters, "" for none, and its IP addresses in their shortest form."""

    mac: str
    ips: tuple[str, ...] = ()


def port_addresses(port: LogicalSwitchPort, router_port: LogicalRouterPort | None = None) -> Iterator[PortAddress]:
    """The addresses of a switch port (ovn-nb(5), Logical_Switch_Port, addresses).

    ``router`` stands for those of ``router_port``, ``dynamic`` for what ovn-northd has chosen; ``unknown`` for none.
    """
    has_dynamic = False
    for value in sorted(port.addresses):
        words = value.split()
        if "dynamic" in words:
            has_dynamic = True
        elif words == ["router"]:
            if router_port is not None:
                yield PortAddress(router_port.mac.lower(), _ips(sorted(router_port.networks)))
        elif words and words != ["unknown"]:
            yield PortAddress(words[0].lower(), _ips(words[1:]))
    if has_dynamic and (words := (port.dynamic_addresses or "").split()):
        yield PortAddress(words[0].lower(), _ips(words[1:]))


def plain_ip(text: str) -> str:
    """An address without its prefix length, IPv6 in its shortest form; "" for what is none."""
    address = text.partition("/")[0]
    version = ip_version(address)
    if version is None:
        return ""
    return address if version == 4 else str(ipaddress.IPv6Address(address))


def host_of(endpoint: str) -> str:
    """The address of ``IP``, ``IP:PORT`` or ``[IP]:PORT``."""
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint if endpoint.count(":") > 1 else endpoint.partition(":")[0]


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network of an address with prefix length, or of a lone address; None for what is neither."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _ips(words: list[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(plain_ip, words)))
