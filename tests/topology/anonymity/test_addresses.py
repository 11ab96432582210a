"""Addresses in the place of others: one to one, of networks of the same sizes, and of the same kind."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.topology.anonymity.addresses import Addresses

KEYS = st.binary(min_size=16, max_size=16)
PRIVATE = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
ANY_IP = st.ip_addresses() | st.sampled_from(PRIVATE).flatmap(lambda network: st.ip_addresses(v=4, network=network))


def shared(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address) -> int:
    """How many bits two addresses begin with in common."""
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@given(KEYS, st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_two_addresses_of_ipv4_share_as_much_of_a_prefix_as_before(
    key: bytes, one: IPv4Address, other: IPv4Address, length: int
) -> None:
    # Random ones share next to nothing.
    near = IPv4Address((int(one) >> (32 - length) << (32 - length)) | (int(other) & ((1 << (32 - length)) - 1)))
    addresses = Addresses(key)
    mapped = [ipaddress.ip_address(addresses.ip(str(address))) for address in (one, near)]
    assert shared(mapped[0], mapped[1]) == shared(one, near)


@given(KEYS, st.ip_addresses(v=6), st.integers(0, 64), st.integers(0, 2**64 - 1))
def test_two_addresses_of_ipv6_share_as_much_of_a_network_as_before(
    key: bytes, one: IPv6Address, length: int, bits: int
) -> None:
    near = IPv6Address((int(one) >> (128 - length) << (128 - length)) | bits)
    addresses = Addresses(key)
    mapped = [ipaddress.ip_address(addresses.ip(str(address))) for address in (one, near)]
    assert min(shared(mapped[0], mapped[1]), 64) == min(shared(one, near), 64)
    assert (mapped[0] == mapped[1]) == (one == near)


@given(KEYS, ANY_IP)
def test_an_address_stays_private_or_public_or_special(key: bytes, address: IPv4Address | IPv6Address) -> None:
    mapped = ipaddress.ip_address(Addresses(key).ip(str(address)))
    assert mapped.is_multicast == address.is_multicast
    assert mapped.is_loopback == address.is_loopback
    assert mapped.is_link_local == address.is_link_local
    assert mapped.is_unspecified == address.is_unspecified
    for network in PRIVATE:
        assert (mapped in network) == (address in network)


@given(KEYS, st.ip_addresses(), st.integers(0, 128))
def test_a_network_stays_a_network_of_its_size_and_an_address_in_it_stays_in_it(
    key: bytes, address: IPv4Address | IPv6Address, length: int
) -> None:
    length = min(length, 32 if address.version == 4 else 64)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    addresses = Addresses(key)
    mapped = ipaddress.ip_network(addresses.ip(str(network)))
    assert mapped.prefixlen == length
    assert ipaddress.ip_address(addresses.ip(str(address))) in mapped
    assert ipaddress.ip_interface(addresses.ip(f"{address}/{length}")).network == mapped


def test_masks_stay_and_networks_with_them_as_well() -> None:
    addresses = Addresses(b"key")
    assert addresses.ip("10.1.0.0/255.255.0.0").endswith(".0.0/255.255.0.0")
    assert addresses.ip("255.255.255.0") == "255.255.255.0"
    assert addresses.ip("169.254.169.254/32") == "169.254.169.254/32"


def test_hosts_keep_their_number_in_the_network() -> None:
    addresses = Addresses(b"key")
    assert addresses.ip("10.1.2.1").endswith(".1")
    assert addresses.ip("fd00:1:2:3::1").endswith("::1")


def test_mac_addresses_are_replaced_one_to_one_and_with_them_what_is_made_of_them() -> None:
    addresses = Addresses(b"key")
    assert addresses.mac("52:54:00:12:34:56") == "02:00:00:00:00:01" == addresses.mac("52:54:0:12:34:56")
    assert addresses.mac("52:54:00:12:34:57") == "02:00:00:00:00:02"
    assert addresses.ip("fe80::5054:ff:fe12:3456") == "fe80::ff:fe00:1"
    assert addresses.ip("2001:db8::5054:ff:fe12:3457").endswith("ff:fe00:2")


@pytest.mark.parametrize("mac", ["ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "01:00:5e:00:00:fb", "00:00:00:00:00:00"])
def test_mac_addresses_that_mean_the_same_everywhere_stay(mac: str) -> None:
    assert Addresses(b"key").mac(mac) == mac
