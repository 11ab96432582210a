"""Addresses in the place of others: two that share a network share one afterwards, of just the same size."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["Addresses"]

_HOST_BITS = {4: 8, 6: 16}
"""The lowest bits stay as they are: gateways remain .1, networks .0 and ranges in their order."""
_INTERFACE_ID = 64
_UNIVERSAL = 1 << 57
"""The bit of an interface id that is the other way round in the MAC address it comes from (RFC 4291, 2.5.1)."""

# Addresses that mean the same in every network.
_KEPT = [
    ipaddress.ip_network(network)
    for network in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/96", "ff00::/8")
]
# What is within them comes from within them, so that private stays private.
_CLASSES = [
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"),
        *("64:ff9b::/96", "2001:db8::/32", "fc00::/8", "fd00::/8", "fe80::/64"),
    )
]
_KEPT_MACS = ("00:00:00:00:00:00", "01:00:5e:", "33:33:", "00:00:5e:00:01:", "00:00:5e:00:02:")


def _path(network: IPv4Network | IPv6Network, length: int) -> tuple[int, int, int]:
    return network.version, length, int(network.network_address) >> (network.max_prefixlen - length)


def _above(networks: Iterable[IPv4Network | IPv6Network]) -> Iterator[tuple[int, int, int]]:
    for network in networks:
        yield from (_path(network, length) for length in range(network.prefixlen))


_FIXED = frozenset(_above([*_KEPT, *_CLASSES]))
"""Bits that decide between these networks stay."""
_WHOLE = frozenset(_path(network, network.prefixlen) for network in _KEPT)


class Addresses:
    """A one-to-one mapping of addresses; another ``key`` makes another one."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._flips: dict[tuple[int, int, int], int] = {}
        self._differences: dict[tuple[int, int, int], int] = {}
        self._macs: dict[str, str] = {}
        self._ips: dict[str, str] = {}

    def ip(self, text: str) -> str:
        """For an address, with or without a prefix length or mask, one of the same form."""
        known = self._ips.get(text)
        if known is None:
            known = self._ips[text] = self._ip(text)
        return known

    def _ip(self, text: str) -> str:
        bare, slash, mask = text.partition("/")
        address = ipaddress.ip_address(bare)
        size = address.max_prefixlen
        number = self._mapped(address)
        length = _prefix_length(mask, size) if slash else None
        if length is not None:
            below = (1 << (size - length)) - 1
            if not int(address) & below:
                # A network stays one.
                number &= ~below
        kind = IPv4Address if address.version == 4 else IPv6Address
        return f"{kind(number)}{slash}{mask}"

    def _mapped(self, address: IPv4Address | IPv6Address) -> int:
        version, size, number = address.version, address.max_prefixlen, int(address)
        low = number & ((1 << _INTERFACE_ID) - 1)
        if version == 6 and (low >> 24) & 0xFFFF == 0xFFFE:
            upper = self._walked(version, size, number, _INTERFACE_ID)
            return (upper >> _INTERFACE_ID << _INTERFACE_ID) | self._interface_id(low)
        return self._walked(version, size, number, size - _HOST_BITS[version])

    def _walked(self, version: int, size: int, number: int, bits: int) -> int:
        """The number with other bits, of the first ones so many."""
        above = (version, bits, number >> (size - bits))
        difference = self._differences.get(above)
        if difference is None:
            difference = self._differences[above] = self._difference(version, size, number, bits)
        return number ^ difference

    def _difference(self, version: int, size: int, number: int, bits: int) -> int:
        mapped = number
        for length in range(bits):
            path = (version, length, number >> (size - length))
            if path in _WHOLE:
                break
            if self._flip(path):
                mapped ^= 1 << (size - length - 1)
        return mapped ^ number

    def _flip(self, path: tuple[int, int, int]) -> int:
        flip = self._flips.get(path)
        if flip is None:
            version, length, prefix = path
            # The first hosts of a network have interface ids with nothing but zeros in front.
            first_host = version == 6 and length > _INTERFACE_ID and not prefix & ((1 << (length - _INTERFACE_ID)) - 1)
            if path in _FIXED or first_host or (version == 6 and length == _INTERFACE_ID):
                flip = 0
            else:
                digest = hashlib.blake2b(repr(path).encode(), key=self._key, digest_size=1).digest()
                flip = digest[0] & 1
            self._flips[path] = flip
        return flip

    def _interface_id(self, low: int) -> int:
        """That of the MAC address that comes in the place of the one that this was made of (EUI-64)."""
        low ^= _UNIVERSAL
        octets = (low >> 40 << 24 | low & 0xFFFFFF).to_bytes(6, "big")
        mapped = int(self.mac(":".join(f"{octet:02x}" for octet in octets)).replace(":", ""), 16)
        return (mapped >> 24 << 40 | 0xFFFE << 24 | mapped & 0xFFFFFF) ^ _UNIVERSAL

    def mac(self, text: str) -> str:
        """For a MAC address another one; those that mean the same everywhere stay."""
        bare, slash, mask = text.partition("/")
        plain = ":".join(octet.zfill(2) for octet in bare.lower().split(":"))
        if plain.startswith(_KEPT_MACS) or plain == "ff:ff:ff:ff:ff:ff":
            return f"{plain}{slash}{mask}"
        number = len(self._macs) + 1
        fresh = f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        return f"{self._macs.setdefault(plain, fresh)}{slash}{mask}"


def _prefix_length(mask: str, size: int) -> int | None:
    if mask.isdecimal():
        return min(int(mask), size)
    try:
        ones = int(ipaddress.ip_address(mask))
    except ValueError:
        return None
    return ones.bit_count()
