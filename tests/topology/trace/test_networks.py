"""Networks of other shapes: gateway routers, hosts on the provider network, routers plugged into each other."""

from __future__ import annotations

import pytest

from ovnkit.northbound import LogicalRouter, LogicalRouterPort
from ovnkit.ovsdb import Add
from ovnkit.southbound import MACBinding, PortBinding
from ovnkit.topology.trace import Trace, trace
from tests.topology.trace.cases import OUTSIDE
from tests.topology.trace.site import OUTSIDE_MAC, StoodIn


def traced(site: StoodIn, source: str, target: str, **options: int) -> Trace:
    return trace(site.nb, site.sb, source, target, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def on_provider(site: StoodIn) -> StoodIn:
    """Two hosts on the provider network itself, each on another chassis."""
    for number, chassis in ((7, site.gateway), (8, site.compute)):
        site.nb.add_switch_port("ext", f"flat{number}", addresses=[f"02:00:00:00:00:1{number} 203.0.113.{number}"])
        site.sync()
        site.bind(f"flat{number}", chassis)
    site.sync()
    return site


@pytest.fixture(scope="module")
def gateway_router(site: StoodIn) -> StoodIn:
    """A switch behind a router that is plugged into a gateway router on one chassis, which has the way outside."""
    nb = site.nb
    nb.add_router("inner")
    nb.add_router("edge")
    nb.add_switch("pods")
    nb.add_switch_port("pods", "pod", addresses=["02:00:00:00:00:21 10.20.0.2"])
    nb.connect_router("pods", "inner", networks=["10.20.0.1/24"])
    with nb.transaction() as tx:
        ports = [
            tx.insert(LogicalRouterPort(name="i-e", mac="02:00:00:00:00:31", networks=["100.64.0.1/30"], peer="e-i")),
            tx.insert(LogicalRouterPort(name="e-i", mac="02:00:00:00:00:32", networks=["100.64.0.2/30"], peer="i-e")),
        ]
        tx.update(tx.get(LogicalRouter, name="inner"), ports=Add(ports[0]))
        tx.update(tx.get(LogicalRouter, name="edge"), ports=Add(ports[1]), options={"chassis": site.gateway})
    nb.add_provider_network("physnet1", switch="ext2")
    nb.connect_router("ext2", "edge", networks=["203.0.113.50/24"], default_route=OUTSIDE)
    nb.add_route("inner", "0.0.0.0/0", "100.64.0.2")
    nb.add_route("edge", "10.20.0.0/24", "100.64.0.1")
    nb.add_snat("edge", external_ip="203.0.113.50", logical_ip="10.20.0.0/24")
    site.sync()
    site.bind("pod", site.compute)
    for port in ("lrp-edge-ext2", "e-i", "lsp-ext2-edge"):
        site.bind(port, site.gateway)
    binding = site.sb.get(PortBinding, logical_port="lrp-edge-ext2")
    with site.sb.transaction() as tx:
        datapath = tx[binding.datapath].ref
        tx.insert(MACBinding(logical_port="lrp-edge-ext2", ip=OUTSIDE, mac=OUTSIDE_MAC, datapath=datapath))
    site.sync()
    return site


def test_a_host_on_the_provider_network_reaches_the_other_by_that(on_provider: StoodIn) -> None:
    assert traced(on_provider, "flat7", "flat8").verdict == "delivered"
    with on_provider.unmapped(on_provider.compute):
        found = traced(on_provider, "flat7", "flat8")
    assert (found.verdict, found.obstacles[0].kind) == ("dropped", "physnet not mapped")


def test_a_host_on_the_provider_network_and_one_outside(on_provider: StoodIn) -> None:
    assert traced(on_provider, "flat8", "203.0.113.200").verdict == "delivered"
    assert traced(on_provider, "outside", "flat8", tcp=22).verdict == "delivered"
    with on_provider.unmapped(on_provider.compute):
        assert traced(on_provider, "flat8", "outside").verdict == "dropped"


def test_a_host_on_the_provider_network_reaches_a_floating_ip(on_provider: StoodIn) -> None:
    assert traced(on_provider, "flat8", "203.0.113.101").verdict == "delivered"


def test_through_a_gateway_router_and_back(gateway_router: StoodIn) -> None:
    found = traced(gateway_router, "pod", "outside", tcp=443)
    assert found.verdict == "delivered", found
    assert found.there is not None
    assert list(dict.fromkeys(hop.name for hop in found.there.hops)) == ["pods", "inner", "edge", "ext2"]
    assert found.notes


def test_a_gateway_router_on_a_chassis_without_a_tunnel(gateway_router: StoodIn) -> None:
    with gateway_router.apart(gateway_router.compute):
        found = traced(gateway_router, "pod", "outside")
    assert (found.verdict, found.obstacles[0].kind) == ("dropped", "tunnel missing")
    assert found.drop is not None
    assert found.drop.hop is not None
    assert found.drop.hop.name == "edge"


def test_a_gateway_router_that_no_chassis_has_claimed(gateway_router: StoodIn) -> None:
    with gateway_router.unbound("lrp-edge-ext2"), gateway_router.unbound("e-i"):
        found = traced(gateway_router, "pod", "outside")
    assert (found.verdict, found.obstacles[0].kind) == ("dropped", "gateway unclaimed")
    assert found.row == gateway_router.nb.get(LogicalRouter, name="edge")
