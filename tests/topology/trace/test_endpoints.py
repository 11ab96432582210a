"""What the ends of a trace may be called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound import NAT, LoadBalancer, LogicalRouterPort, LogicalSwitchPort
from ovnkit.southbound import PortBinding
from ovnkit.topology.tables import Tables
from ovnkit.topology.trace import End, trace
from ovnkit.topology.trace.endpoints import Endpoint, find_endpoint
from tests.topology.trace.cases import FLOATING, OUTSIDE, altered
from tests.topology.trace.site import StoodIn


def found(site: StoodIn, end: End, near: str | None = None) -> Endpoint | None:
    tables = Tables(site.nb, site.sb)
    switch = None if near is None else next(one for one in tables.switches if one.name == near)
    return find_endpoint(tables, end, near=switch)


def the(site: StoodIn, end: End, near: str | None = None) -> Endpoint:
    endpoint = found(site, end, near)
    assert endpoint is not None
    return endpoint


@contextmanager
def second_tenant(site: StoodIn, switch: str = "other") -> Iterator[None]:
    """Somebody else has the address of vm1."""
    site.nb.add_switch(switch)
    site.nb.add_switch_port(switch, "double", addresses=["02:00:00:00:00:0a 10.1.0.11"])
    try:
        yield
    finally:
        site.nb.remove_switch_port(switch, "double")
        if switch == "other":
            site.nb.remove_switch(switch)


def test_a_port_by_its_name_its_uuid_and_its_row(site: StoodIn) -> None:
    row = site.nb.get(LogicalSwitchPort, name="vm1")
    binding = site.sb.get(PortBinding, logical_port="vm1")
    for end in ("vm1", str(row.uuid), row, binding):
        endpoint = the(site, end)
        assert (endpoint.kind, endpoint.port, endpoint.mac_of(None)) == ("port", row, "02:00:00:00:00:01")


@pytest.mark.parametrize("key", ["neutron:port_name", "neutron:device_id"])
def test_a_port_by_what_the_cms_calls_it(site: StoodIn, key: str) -> None:
    row = site.nb.get(LogicalSwitchPort, name="vm1")
    with altered(site.nb, row, external_ids={key: "Anna's server"}):
        endpoint = the(site, "Anna's server")
    assert endpoint.port is not None
    assert endpoint.port.name == "vm1"


def test_a_pod_by_its_namespace_and_name(site: StoodIn) -> None:
    site.nb.add_switch_port("island", "shop_cart-0", addresses=["02:00:00:00:00:0b 10.3.0.20"])
    assert the(site, "shop/cart-0").name == "shop_cart-0"
    site.nb.remove_switch_port("island", "shop_cart-0")


def test_two_ports_of_one_name_of_the_cms_are_not_guessed_between(site: StoodIn) -> None:
    rows = [site.nb.get(LogicalSwitchPort, name=name) for name in ("vm1", "vm2")]
    with (
        altered(site.nb, rows[0], external_ids={"neutron:port_name": "server"}),
        altered(site.nb, rows[1], external_ids={"neutron:port_name": "server"}),
        pytest.raises(NotUnique) as error,
    ):
        found(site, "server")
    assert set(error.value.uuids) == {row.uuid for row in rows}


def test_an_address_is_that_of_a_port_or_of_a_router(site: StoodIn) -> None:
    assert the(site, "10.1.0.12").name == "vm2"
    endpoint = the(site, "10.2.0.1")
    assert (endpoint.kind, endpoint.name) == ("router port", "lrp-r-db")


def test_of_two_tenants_with_one_address_the_nearer_one_is_meant(site: StoodIn) -> None:
    with second_tenant(site):
        assert the(site, "10.1.0.11", "web").name == "vm1"
        assert the(site, "10.1.0.11", "db").name == "vm1"
        assert the(site, "10.1.0.11", "other").name == "double"
        with pytest.raises(NotUnique):
            found(site, "10.1.0.11")
        assert trace(site.nb, site.sb, "10.1.0.11", "vm2").there is not None


def test_an_address_twice_on_one_switch_is_not_guessed_between(site: StoodIn) -> None:
    with second_tenant(site, "web"), pytest.raises(NotUnique):
        found(site, "10.1.0.11", "web")


def test_a_floating_ip_belongs_to_its_port(site: StoodIn) -> None:
    for end in (FLOATING["vm1"], site.nb.get(NAT, external_ip=FLOATING["vm1"])):
        endpoint = the(site, end)
        assert (endpoint.kind, endpoint.name) == ("floating ip", FLOATING["vm1"])
        assert endpoint.port is not None
        assert endpoint.port.name == "vm1"


def test_the_address_of_a_load_balancer(site: StoodIn) -> None:
    site.nb.add_load_balancer("lb", vips={"10.8.0.1:80": ["10.2.0.13:80"]}, switches=["web"])
    for end in ("10.8.0.1", "10.8.0.1:80", site.nb.get(LoadBalancer, name="lb")):
        endpoint = the(site, end, "web")
        assert (endpoint.kind, endpoint.service) == ("load balancer", ("tcp", 80))
    site.nb.remove_load_balancer("lb")


def test_an_address_that_nobody_has_is_outside_or_nobodys(site: StoodIn) -> None:
    assert found(site, "192.0.2.77", "web") is None
    assert found(site, "outside") is None
    assert the(site, "10.2.0.99", "web").kind == "nobody"


def test_an_address_that_ovn_is_not_told_is_that_of_the_port_with_unknown_addresses(site: StoodIn) -> None:
    with altered(site.nb, site.nb.get(LogicalSwitchPort, name="vm3"), addresses=["unknown"]):
        endpoint = the(site, "10.2.0.99", "web")
        assert (endpoint.kind, endpoint.name) == ("port", "vm3")
        site.sync()
        assert trace(site.nb, site.sb, "vm1", "10.2.0.99").verdict == "unresolved"
    site.sync()


def test_a_name_that_is_not_there_is_told_with_those_like_it(site: StoodIn) -> None:
    with pytest.raises(NotFound, match=r"did you mean .vm"):
        found(site, "vm11")
    with pytest.raises(NotFound) as error:
        found(site, "lrp-r-wbe")
    assert error.value.near[0] == "lrp-r-web"
    with pytest.raises(NotFound, match=r"an end is a port, an address, a floating IP, or .outside"):
        found(site, "???")


def test_a_switch_or_router_is_no_end_but_its_ports_are(site: StoodIn) -> None:
    with pytest.raises(NotFound, match="it is a switch; name one of its ports"):
        found(site, "web")
    with pytest.raises(NotFound, match="it is a router; name one of its ports"):
        found(site, "r")


def test_an_address_that_northd_has_chosen_is_that_of_the_port(site: StoodIn) -> None:
    site.nb.add_switch("pool", subnet="10.7.0.0/24")
    site.nb.add_switch_port("pool", "chosen", addresses=["dynamic"])
    site.sync()
    port = site.nb.wait(LogicalSwitchPort, name="chosen", timeout=10)
    assert port.dynamic_addresses is not None
    mac, address = port.dynamic_addresses.split()
    endpoint = the(site, address)
    assert (endpoint.name, endpoint.mac_of(None)) == ("chosen", mac)
    site.nb.remove_switch("pool")


def test_an_exact_name_goes_before_the_word_outside(site: StoodIn) -> None:
    site.nb.add_switch_port("island", "outside", addresses=["02:00:00:00:00:0c 10.3.0.21"])
    assert the(site, "outside").kind == "port"
    site.nb.remove_switch_port("island", "outside")


@pytest.mark.parametrize("source", ["lrp-r-web", "10.1.0.1", 7, "outside", OUTSIDE])
def test_what_sends_no_packets_is_no_source(site: StoodIn, source: End) -> None:
    target = "outside" if source in {"outside", OUTSIDE} else "vm1"
    with pytest.raises(InvalidValue):
        trace(site.nb, site.sb, source, target)
    row = site.nb.get(LogicalRouterPort, name="lrp-r-web")
    with pytest.raises(InvalidValue):
        trace(site.nb, site.sb, row, "vm1")
