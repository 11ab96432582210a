"""What strings mean: what OVN and OVS take is accepted, the rest refused with what would be."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ovnkit import formats
from ovnkit.errors import InvalidValue
from ovnkit.formats import Format, Verbatim
from ovnkit.northbound import (
    DNS,
    NAT,
    AddressSet,
    Connection,
    LoadBalancer,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.vswitch import Interface, Manager, SFlow

GOOD: list[tuple[Format, list[str]]] = [
    (formats.MAC, ["0a:00:00:00:00:01", "A:b:0:1:2:3"]),
    (formats.MAC_PREFIX, ["0a:00:00"]),
    (formats.IP, ["192.0.2.1", "2001:db8::1"]),
    (formats.IPV4, ["192.0.2.1"]),
    (formats.IPV6, ["2001:db8::1"]),
    (formats.SINGLE_IP, ["192.0.2.1", "192.0.2.1/32", "2001:db8::1/128"]),
    (formats.INTERFACE, ["192.0.2.1/24", "192.0.2.1", "192.0.2.1/255.255.255.0", "2001:db8::1/64"]),
    (formats.IPV4_NETWORK, ["192.0.2.0/24", "192.0.2.7/24"]),
    (formats.IPV6_NETWORK, ["2001:db8::/64"]),
    (formats.NEXTHOP, ["192.0.2.1", "discard"]),
    (formats.VIP, ["192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80", "^vip:80", "^vip:^port"]),
    (formats.BACKENDS, ["192.0.2.1:80,192.0.2.2:80", "", "[2001:db8::1]:80", "^backends"]),
    (formats.ENDPOINT, ["192.0.2.1", "[2001:db8::1]"]),
    (formats.IP_PORT, ["192.0.2.1:6343", "[2001:db8::1]:6343"]),
    (formats.PORT_RANGE, ["80", "1-30000"]),
    (formats.DNS_NAME, ["vm1", "vm1.example.org", "4.0.0.10.in-addr.arpa", "_sip._tcp.example.org"]),
    (formats.DNS_ANSWER, ["192.0.2.1", "192.0.2.1 2001:db8::1", "192.0.2.1,192.0.2.2", "vm1.example.org"]),
    (formats.EXCLUDED_IPS, ["192.0.2.1", "192.0.2.1 192.0.2.7..192.0.2.9"]),
    (formats.ADDRESS_SET_MEMBER, ["192.0.2.1", "192.0.2.0/24", "10.0.0.0/255.0.255.0", "0a:00:00:00:00:01"]),
    (formats.CONNECTION, ["ptcp:6641", "ptcp:", "pssl:6641:0.0.0.0", "ptcp:6641:[::]", "punix:/x", "tcp:192.0.2.1:1"]),
    (formats.FLAG, ["true", "false", "True"]),
    (formats.NUMBER, ["0", "-1", "4096"]),
    (formats.number(1, 10), ["1", "10"]),
    (formats.number(5), ["5", "500"]),
    (formats.words("a", "b"), ["a", "b"]),
]

BAD: list[tuple[Format, list[str]]] = [
    (formats.MAC, ["", "0a-00-00-00-00-01", "0a:00:00:00:00", "0a:00:00:00:00:0g", "0a:00:00:00:00:01\n"]),
    (formats.MAC_PREFIX, ["0a:00", "0a:00:00:00", ""]),
    (formats.IP, ["", "192.0.2", "192.0.2.1/24", "192.0.2.01", "fe80::1%eth0", " 192.0.2.1", "\u0661.0.0.4"]),
    (formats.IPV4, ["2001:db8::1"]),
    (formats.IPV6, ["192.0.2.1"]),
    (formats.SINGLE_IP, ["192.0.2.1/24", "192.0.2.1/", "x"]),
    (formats.INTERFACE, ["192.0.2.1/33", "192.0.2.1/0.0.0.255", "192.0.2.1/255.0.255.0", "x/24", "2001:db8::1/129"]),
    (formats.IPV4_NETWORK, ["192.0.2.0", "2001:db8::/64"]),
    (formats.IPV6_NETWORK, ["192.0.2.0/24", "2001:db8::1"]),
    (formats.NEXTHOP, ["Discard", "192.0.2.1/32", ""]),
    (formats.VIP, ["192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", "2001:db8::1]:80", "[192.0.2.1]:80", "x", "^a b"]),
    (formats.BACKENDS, ["192.0.2.1:80, 192.0.2.2:80", "192.0.2.1:80 192.0.2.2:80", "x"]),
    (formats.ENDPOINT, ["192.0.2.1:80", "[2001:db8::1]:80", ""]),
    (formats.IP_PORT, ["192.0.2.1", "host:80"]),
    (formats.PORT_RANGE, ["0", "1-70000", "9-1", "a"]),
    (formats.DNS_NAME, ["", "a b", "a..b", ".a"]),
    (formats.DNS_ANSWER, ["", "a b", "192.0.2.1 x"]),
    (formats.EXCLUDED_IPS, ["", "192.0.2.9..192.0.2.1", "192.0.2.1,192.0.2.2", "2001:db8::1"]),
    (formats.ADDRESS_SET_MEMBER, ["192.0.2.1,192.0.2.2", "x", ""]),
    (formats.CONNECTION, ["", "6641", "tcp:", "ptcp:70000", "punix:", "tcp:192.0.2.1:1,tcp:192.0.2.2:1", "ptcp:1:::"]),
    (formats.FLAG, ["yes", "1", ""]),
    (formats.NUMBER, ["", "1.5", "0x10", "1 "]),
    (formats.number(1, 10), ["0", "11"]),
    (formats.number(5), ["4"]),
    (formats.words("a", "b"), ["c", ""]),
]


@pytest.mark.parametrize(("format", "text"), [(format, text) for format, texts in GOOD for text in texts])
def test_it_is_accepted(format: Format, text: str) -> None:
    assert format.accepts(text)


@pytest.mark.parametrize(("format", "text"), [(format, text) for format, texts in BAD for text in texts])
def test_it_is_not(format: Format, text: str) -> None:
    assert not format.accepts(text)


@given(st.ip_addresses(), st.data())
def test_any_address_with_any_prefix_length_is_an_interface(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))

    assert formats.INTERFACE.accepts(f"{address}/{length}")
    assert not formats.INTERFACE.accepts(f"{address}/{address.max_prefixlen + 1 + length}")


@given(st.integers(0, 32))
def test_any_netmask_is_a_mask_and_no_host_mask_is(length: int) -> None:
    network = ipaddress.IPv4Network(f"0.0.0.0/{length}")

    assert formats.INTERFACE.accepts(f"192.0.2.1/{network.netmask}")
    if 0 < length < 32:
        assert not formats.INTERFACE.accepts(f"192.0.2.1/{network.hostmask}")


@given(st.text())
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    for format, _ in GOOD:
        assert format.accepts(text) in (True, False)


@given(
    st.one_of(
        st.text("0123456789abcdefF:./% x\0é"), st.ip_addresses().map(str), st.ip_addresses(v=6).map(str).map(str.upper)
    )
)
@example("::ffff:192.0.2.1")
@example("1:2:3:4:5:6:7::")
@example("192.0.2.01")
@example("fe80::1%eth0")
def test_an_address_is_what_python_takes_for_one_without_a_zone(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text).version if "%" not in text else None
    except ValueError:
        expected = None
    assert formats.ip_version(text) == expected
    address = formats.ip_address(text)
    assert (address and address.version) == expected


def test_a_row_is_refused_with_the_place_and_what_would_be_right() -> None:
    with pytest.raises(InvalidValue) as caught:
        LogicalSwitchPort(addresses=["10.0.0.4"])

    error = caught.value
    assert (error.table, error.column, error.value) == ("Logical_Switch_Port", "addresses", "10.0.0.4")
    assert "MAC [IP]" in error.allowed


def test_of_a_map_the_key_is_named() -> None:
    with pytest.raises(InvalidValue) as caught:
        LogicalSwitch(other_config={"mcast_snoop": "yes"})

    assert (caught.value.column, caught.value.value) == ("other_config:mcast_snoop", "yes")


def test_keys_and_values_of_maps_have_formats() -> None:
    LoadBalancer(vips={"192.0.2.1:80": "10.0.0.4:80"})
    DNS(records={"vm1": "10.0.0.4"})
    with pytest.raises(InvalidValue):
        LoadBalancer(vips={"192.0.2.1:80x": ""})
    with pytest.raises(InvalidValue):
        LoadBalancer(vips={"192.0.2.1:80": "10.0.0.4:80, 10.0.0.5:80"})
    with pytest.raises(InvalidValue):
        DNS(records={"vm1": "x y"})


def test_keys_that_are_not_documented_may_hold_anything() -> None:
    assert LogicalSwitch(other_config={"mine": "yes"}).other_config == {"mine": "yes"}


def test_what_ovsdb_has_by_itself_is_accepted() -> None:
    assert NAT(type="snat", external_ip="").external_ip == ""
    assert LogicalRouterPort(mac="", networks=[]).mac == ""
    assert Interface(mac=None).mac is None


def test_verbatim_is_written_as_it_is() -> None:
    row = LogicalSwitchPort(addresses=[Verbatim("whatever"), "unknown"])

    assert row.addresses == {"whatever", "unknown"}
    assert {type(text) for text in row.addresses} == {str}
    assert LoadBalancer(vips={Verbatim("x"): Verbatim("y")}).vips == {"x": "y"}
    assert Manager(target=Verbatim("odd")).target == "odd"


def test_all_three_databases_have_formats() -> None:
    with pytest.raises(InvalidValue):
        Connection(target="6641")
    with pytest.raises(InvalidValue):
        AddressSet(name="a", addresses=["10.0.0.1,10.0.0.2"])
    with pytest.raises(InvalidValue):
        SFlow(targets=["collector"])
