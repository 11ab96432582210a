"""What only the database of a host knows: whether a port is plugged in, a bridge is there, a tunnel is laid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import VSwitch
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.topology.trace import Trace, trace
from ovnkit.vswitch import Interface, OpenVSwitch
from tests.topology.trace.site import StoodIn


@pytest.fixture
def host(directory: Path) -> Iterator[VSwitch]:
    """The Open_vSwitch of the gateway chassis, with vm1 plugged in, its bridges, and its tunnel."""
    server = Server(directory / "vswitch.db", find_schema("vswitch.ovsschema"), run_dir=directory, name="vswitch")
    server.database.unlink(missing_ok=True)
    with server, VSwitch.connect(server.remote, timeout=10) as vswitch:
        with vswitch.transaction() as tx:
            tx.insert(OpenVSwitch(external_ids={"system-id": "ctl", "hostname": "ctl"}))
        for bridge in ("br-int", "br-ex"):
            vswitch.add_bridge(bridge)
        vswitch.add_port("br-int", "tap1")
        vswitch.bind_interface("tap1", "vm1")
        vswitch.add_port("br-int", "ovn-cmp1-0", type="geneve", options={"remote_ip": "192.0.2.2", "key": "flow"})
        yield vswitch


def traced(site: StoodIn, host: VSwitch, source: str = "vm1", target: str = "vm2") -> Trace:
    return trace(site.nb, site.sb, source, target, vswitches=[host])


def test_a_host_where_all_is_there_is_no_obstacle(site: StoodIn, host: VSwitch) -> None:
    assert (traced(site, host).verdict, traced(site, host).obstacles) == ("delivered", ())
    assert traced(site, host, "vm3", "outside").verdict == "delivered"


def test_a_tunnel_that_open_vswitch_does_not_have(site: StoodIn, host: VSwitch) -> None:
    host.remove_port("br-int", "ovn-cmp1-0")
    found = traced(site, host)
    assert (found.verdict, found.obstacles[0].kind) == ("dropped", "tunnel missing")
    assert "Open vSwitch on ctl has no tunnel to 192.0.2.2 of cmp1" in found.reason


def test_a_tunnel_that_could_not_be_made(site: StoodIn, host: VSwitch) -> None:
    row = host.get(Interface, name="ovn-cmp1-0")
    with host.transaction() as tx:
        tx.update(row, error="could not add network device")
    found = traced(site, host)
    assert (found.verdict, found.row) == ("dropped", host.get(Interface, name="ovn-cmp1-0"))


def test_a_bridge_that_is_mapped_and_not_there(site: StoodIn, host: VSwitch) -> None:
    host.remove_bridge("br-ex")
    found = traced(site, host, "vm3", "outside")
    assert (found.verdict, found.obstacles[0].kind) == ("dropped", "physnet not mapped")
    assert "there is no bridge br-ex, to which physnet1 is mapped" in found.reason


def test_an_unbound_port_that_is_plugged_in_nowhere(site: StoodIn, host: VSwitch) -> None:
    with site.unbound("vm1"):
        assert "interface tap1 on ctl is there for it" in traced(site, host).reason
        host.remove_port("br-int", "tap1")
        assert "no interface has it as iface-id on ctl" in traced(site, host).reason


def test_an_interface_that_could_not_be_opened(site: StoodIn, host: VSwitch) -> None:
    row = host.get(Interface, name="tap1")
    with host.transaction() as tx:
        tx.update(row, error="could not open network device tap1 (No such device)")
    found = traced(site, host)
    assert (found.verdict, found.obstacles[0].kind) == ("not sent", "interface error")
