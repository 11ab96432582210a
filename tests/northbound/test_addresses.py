"""What OVN takes as addresses, and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.northbound import addresses


@pytest.mark.parametrize(
    "value",
    [
        "80:fa:5b:06:72:b7", "80:FA:5B:06:72:B7", "80:fa:5b:06:72:b7 10.0.0.4 20.0.0.4",
        "80:fa:5b:06:72:b7 10.0.0.4/24",
        "80:fa:5b:06:72:b7  fdaa:15f2:72cf:0:f816:3eff:fe20:3f41", "80:fa:5b:06:72:b7 10.0.0.4 fd00::1", "unknown",
        "dynamic", "dynamic 192.168.0.1", "dynamic 2001::1", "dynamic 192.168.0.1 2001::1", "80:fa:5b:06:72:b7 dynamic",
    ],
)  # fmt: skip
def test_the_forms_of_the_manual_are_port_addresses(value: str) -> None:
    assert addresses.port_addresses([value], type="") == frozenset({value})


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "80:fa:5b:06:72", "80-fa-5b-06-72-b7", "80:fa:5b:06:72:b7:00", "80:fa:5b:06:72:g7", "10.0.0.4",
        "10.0.0.4 80:fa:5b:06:72:b7", "80:fa:5b:06:72:b7,10.0.0.4", "80:fa:5b:06:72:b7 10.0.0.256",
        "80:fa:5b:06:72:b7 010.0.0.4", "80:fa:5b:06:72:b7 10.0.0.4/33", "80:fa:5b:06:72:b7 10.0.0.4/0.0.0.255",
        " unknown", "80:fa:5b:06:72:b7 ",
        "80:fa:5b:06:72:b7 fe80::1%eth0", "80:fa:5b:06:72:b7\t10.0.0.4", "80:fa:5b:06:72:b7\n", "dynamic web",
        "dynamic 2001::1 192.168.0.1", "dynamic 10.0.0.1 10.0.0.2", "80:fa:5b:06:72:b7 dynamic 10.0.0.1", "unknown 1",
        "router", "Unknown", "80:fa:5b:06:72:b7 \u0661.0.0.4",
    ],
)  # fmt: skip
def test_other_forms_are_not(value: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        addresses.port_addresses([value], type="")
    assert (caught.value.table, caught.value.column) == ("Logical_Switch_Port", "addresses")
    assert caught.value.value == value


def test_router_is_for_ports_of_type_router() -> None:
    assert addresses.port_addresses(["router"], type="router") == frozenset({"router"})


def test_only_one_address_is_dynamic() -> None:
    with pytest.raises(InvalidValue, match="only one member"):
        addresses.port_addresses(["dynamic", "80:fa:5b:06:72:b7 dynamic"], type="")


@pytest.mark.parametrize(
    "value",
    [
        "80:fa:5b:06:72:b7", "80:fa:5b:06:72:b7 192.168.1.10/24", "80:fa:5b:06:72:b7 192.168.1.0/24 fd00::1",
        "80:fa:5b:06:72:b7 10.0.0.0/255.255.255.0", "VRRPv3 80:fa:5b:06:72:b7",
        "VRRPv3 80:fa:5b:06:72:b7 00:00:5e:00:01:00/40 0:0:5E:0:2:7/48 00:00:5e:00:01:05 10.0.0.5/24 fd00::1",
    ],
)  # fmt: skip
def test_the_forms_of_the_manual_are_port_security(value: str) -> None:
    assert addresses.security_addresses([value]) == frozenset({value})


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        "80:fa:5b:06:72:b7, 10.0.0.4,10.0.0.5",
        "unknown",
        "dynamic",
        "10.0.0.4",
        "80:fa:5b:06:72:b7 web",
        "80:fa:5b:06:72:b7\n",
        "VRRPv3",
        "VRRPv3 00:00:5e:00:01",
        "vrrpv3 80:fa:5b:06:72:b7",
        "VRRPv3 80:fa:5b:06:72:b7 00:00:5e:00:03:05",
        "VRRPv3 80:fa:5b:06:72:b7 00:00:5e:00:01:00/39",
        "VRRPv3 80:fa:5b:06:72:b7 00:00:5e:00:01:00/49",
        "80:fa:5b:06:72:b7 00:00:5e:00:01:05",
    ],
)
def test_other_forms_are_not_port_security(value: str) -> None:
    with pytest.raises(InvalidValue):
        addresses.security_addresses([value])


@pytest.mark.parametrize("value", ["10.0.0.1", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/24 ", "::1/129", "/24"])
def test_router_networks_have_a_prefix_length(value: str) -> None:
    with pytest.raises(InvalidValue):
        addresses.router_networks([value])


def test_a_lone_string_is_not_a_set() -> None:
    def ports(value: str) -> object:
        return addresses.port_addresses(value, type="")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def networks(value: str) -> object:
        return addresses.router_networks(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    checks: list[Callable[[str], object]] = [ports, networks]
    for check in checks:
        with pytest.raises(InvalidValue):
            check("unknown")


def test_texts_that_mean_the_same_are_the_same() -> None:
    assert addresses.same_network("10.0.0.1", "10.0.0.1/32")
    assert addresses.same_network("FD00::/64", "fd00:0::/64")
    assert not addresses.same_network("10.0.0.0/24", "10.0.0.0/25")
    assert addresses.same_network("rubbish", "rubbish")
    assert not addresses.same_network("rubbish", "10.0.0.1")
