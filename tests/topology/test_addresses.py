"""What the addresses of switch ports say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.northbound import LogicalRouterPort, LogicalSwitchPort
from ovnkit.ovsdb import Verbatim
from ovnkit.topology.addresses import PortAddress, host_of, network_of, plain_ip, port_addresses

ROUTER_PORT = LogicalRouterPort(name="lrp", mac="02:00:00:00:FF:01", networks=["10.0.0.1/24", "fd00::1/64"])


def port(*addresses: str, dynamic: str | None = None) -> LogicalSwitchPort:
    return LogicalSwitchPort(name="p", addresses=[Verbatim(one) for one in addresses], dynamic_addresses=dynamic)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ((), []),
        (("unknown",), []),
        (("02:00:00:00:00:0A",), [PortAddress("02:00:00:00:00:0a")]),
        (("02:00:00:00:00:01 10.0.0.5 FD00:0::5",), [PortAddress("02:00:00:00:00:01", ("10.0.0.5", "fd00::5"))]),
        (("02:00:00:00:00:01 10.0.0.5/24",), [PortAddress("02:00:00:00:00:01", ("10.0.0.5",))]),
        (("02:00:00:00:00:01 nonsense",), [PortAddress("02:00:00:00:00:01")]),
        (("router",), [PortAddress("02:00:00:00:ff:01", ("10.0.0.1", "fd00::1"))]),
        (("dynamic",), []),
    ],
)
def test_each_mac_comes_with_its_addresses(addresses: tuple[str, ...], expected: list[PortAddress]) -> None:
    assert list(port_addresses(port(*addresses), ROUTER_PORT)) == expected


def test_what_northd_has_chosen_counts_only_where_it_was_asked_for() -> None:
    chosen = "0a:00:00:00:00:01 10.0.0.9"
    expected = [PortAddress("0a:00:00:00:00:01", ("10.0.0.9",))]
    assert list(port_addresses(port("dynamic", dynamic=chosen))) == expected
    assert list(port_addresses(port("0a:00:00:00:00:01 dynamic", dynamic=chosen))) == expected
    assert list(port_addresses(port("unknown", dynamic=chosen))) == []


def test_without_its_router_port_router_stands_for_nothing() -> None:
    assert list(port_addresses(port("router"))) == []


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [("10.0.0.1:80", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("[fd00::1]:80", "fd00::1"), ("fd00::1", "fd00::1")],
)
def test_an_endpoint_has_a_host(endpoint: str, host: str) -> None:
    assert host_of(endpoint) == host


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_without_an_error(text: str) -> None:
    assert plain_ip(plain_ip(text)) == plain_ip(text)
    host_of(text)
    network = network_of(text)
    assert network is None or network_of(str(network)) == network
    list(port_addresses(port(text.replace("\0", "").encode("utf-8", "replace").decode())))
