"""Traces on real databases with the real ovn-trace: protocols, conntrack, both directions, and what it cannot do."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, Southbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import ACL, LogicalRouterPort, LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb import Add
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import SB, Chassis, Encap, LogicalFlow
from ovnkit.topology.snapshot import snapshot
from ovnkit.topology.trace import Trace
from ovnkit.topology.trace import trace as real_trace
from tests.topology.trace.cases import FLOATING, OUTSIDE, altered
from tests.topology.trace.site import StoodIn


def trace(site: StoodIn, source: str, target: str, **options: Any) -> Trace:
    return real_trace(site.nb, site.sb, source, target, **options)


@pytest.fixture
def guarded(site: StoodIn) -> Iterator[StoodIn]:
    """With ACLs: what goes to vm2 is dropped, but for answers."""
    wall: dict[str, Any] = {"direction": "to-lport", "priority": 1000, "match": 'outport == "vm2" && ip'}
    gate: dict[str, Any] = {"direction": "from-lport", "priority": 1, "match": "ip"}
    site.nb.add_acl(switch="web", action="drop", name="wall", **wall)
    site.nb.add_acl(switch="web", action="allow-related", **gate)
    site.sync()
    yield site
    for rule in (wall, gate):
        site.nb.remove_acl(switch="web", **rule)
    site.sync()


@pytest.fixture(scope="module")
def six(site: StoodIn) -> StoodIn:
    """With IPv6 addresses for vm1, vm3 and the router."""
    with site.nb.transaction() as tx:
        for name, address in (("lrp-r-web", "fd00:1::1/64"), ("lrp-r-db", "fd00:2::1/64")):
            tx.update(tx.get(LogicalRouterPort, name=name), networks=Add(address))
        for name, addresses in (
            ("vm1", "10.1.0.11 fd00:1::11"),
            ("vm2", "10.1.0.12 fd00:1::12"),
            ("vm3", "10.2.0.13 fd00:2::13"),
        ):
            tx.update(tx.get(LogicalSwitchPort, name=name), addresses=[f"02:00:00:00:00:0{name[-1]} {addresses}"])
    site.sync()
    return site


def test_both_directions_are_traced_unless_one_is_asked_for(site: StoodIn) -> None:
    assert [way.direction for way in trace(site, "vm1", "vm3").ways] == ["there", "back"]
    assert [way.direction for way in trace(site, "vm1", "vm3", direction="there").ways] == ["there"]
    assert re.fullmatch(r"<Way there vm1 -> vm3 delivered, \d+ hops>", repr(trace(site, "vm1", "vm3").there))
    (back,) = trace(site, "vm1", "vm3", direction="back").ways
    assert (back.direction, back.source, back.target) == ("back", "vm3", "vm1")


def test_the_command_run_by_hand_prints_the_same(site: StoodIn) -> None:
    found = trace(site, "vm1", "vm3", tcp=80)
    done = subprocess.run(found.command, capture_output=True, text=True, check=True)
    assert done.stdout == found.text


def test_every_hop_has_its_device_and_the_row_behind_it(site: StoodIn) -> None:
    found = trace(site, "vm1", "vm3", direction="there")
    assert list(dict.fromkeys(hop.name for hop in found.hops)) == ["web", "r", "db"]
    assert {hop.kind for hop in found.hops} == {"switch", "router"}
    (routing,) = [hop for hop in found.hops if hop.stage == "lr_in_ip_routing"]
    assert routing.row == site.nb.get(LogicalRouterPort, name="lrp-r-db")
    assert routing.row is not None
    assert routing.hint == str(routing.row.uuid)[:8]
    assert repr(routing) == "<Hop router r lr_in_ip_routing: ip4.dst == 10.2.0.0/24>"


def test_a_client_that_replicates_the_flows_gives_the_same_hops(site: StoodIn) -> None:
    everything = dict.fromkeys(SB.tables.values())
    with Southbound.connect(site.sb.remote, monitor=everything, timeout=10) as full:
        assert full.find(LogicalFlow)
        assert real_trace(site.nb, full, "vm1", "vm3").hops == trace(site, "vm1", "vm3").hops


def test_southbound_behind_tls_is_read_with_the_files_of_the_client(site: StoodIn) -> None:
    server, tls = site.south, site.authority.tls("client")
    with Southbound.connect(server.tls_remote, tls=tls, timeout=10) as sb:
        found = real_trace(site.nb, sb, "vm1", "vm3")
    assert f"--private-key={tls.key}" in found.command
    assert found.hops == trace(site, "vm1", "vm3").hops
    assert [hop for hop in found.hops if isinstance(hop.row, LogicalRouterPort)]


def test_files_are_traced_by_a_server_of_their_own(site: StoodIn, directory: Path) -> None:
    site.sync()
    found = trace(site, "vm3", "outside")
    with Northbound.open(directory / "nb.db") as nb, Southbound.open(site.south.database) as sb:
        offline = real_trace(nb, sb, "vm3", "outside")
    assert (offline.verdict, offline.reason) == (found.verdict, found.reason)
    assert offline.hops == found.hops
    assert offline.command != found.command


def test_a_snapshot_without_flows_says_where_there_are_some(site: StoodIn) -> None:
    with Southbound.connect(site.sb.remote) as sb, snapshot(site.nb, sb).network() as kept:
        found = kept.trace("vm1", "vm3")
    assert (found.verdict, found.exit_code) == ("unknown", 2)
    assert found.reason.endswith("; a snapshot leaves Logical_Flow out, a copy of Southbound's own file has it")


def test_a_southbound_that_is_gone_is_traced_by_what_the_client_has_of_it(site: StoodIn, tmp_path: Path) -> None:
    site.sync()
    copy = tmp_path / "sb.db"
    shutil.copy(site.south.database, copy)
    everything = dict.fromkeys(SB.tables.values())
    with (
        Server(copy, copy, run_dir=tmp_path, name="copy") as server,
        Southbound.connect(server.remote, monitor=everything, timeout=10) as full,
        Southbound.connect(server.remote, timeout=10) as usual,
    ):
        lost = [threading.Event() for _ in range(2)]
        for client, event in zip((full, usual), lost, strict=True):
            client.on_state(lambda state, event=event: event.set() if state == "reconnecting" else None)  # type: ignore[misc]
        server.stop()
        assert all(event.wait(10) for event in lost)
        assert real_trace(site.nb, full, "vm1", "vm3").hops == trace(site, "vm1", "vm3").hops
        found = real_trace(site.nb, usual, "vm1", "vm3")
    assert (found.verdict, found.hops) == ("unknown", ())
    assert "cannot be reached now" in found.reason


def test_what_is_new_is_dropped_and_what_is_established_passes(guarded: StoodIn) -> None:
    found = trace(guarded, "vm1", "vm2", tcp=80)
    assert found.verdict == "dropped"
    assert found.drop is not None
    assert found.drop.acl == guarded.nb.get(ACL, name="wall")
    assert "by ACL wall on switch web, priority 1000, to-lport drop" in found.reason
    assert trace(guarded, "vm1", "vm2", tcp=80, ct=("est,rpl",)).there is not None
    assert trace(guarded, "vm1", "vm2", tcp=80, ct=("est,rpl",), direction="there").verdict == "delivered"


def test_the_answer_to_what_was_let_out_comes_in(guarded: StoodIn) -> None:
    found = trace(guarded, "vm2", "vm1", tcp=80)
    assert found.verdict == "delivered", found
    assert found.back is not None
    assert any("est|rpl" in hop.before for hop in found.back.hops)


def test_a_state_of_connection_tracking_that_there_is_not_is_refused(site: StoodIn) -> None:
    with pytest.raises(InvalidValue, match="trk, new, est"):
        trace(site, "vm1", "vm2", ct=("fresh",))
    with pytest.raises(InvalidValue, match="both, there or back"):
        trace(site, "vm1", "vm2", direction="forth")


def test_ipv6_where_it_is_asked_for(six: StoodIn) -> None:
    found = trace(six, "vm1", "vm3", version=6)
    assert found.verdict == "delivered", found
    assert found.there is not None
    assert found.there.what == "icmp from fd00:1::11 to fd00:2::13"
    assert trace(six, "vm1", "fd00:1::1").verdict == "delivered"
    assert trace(six, "vm1", "fd00:2::13", tcp=22).verdict == "delivered"


def test_ends_without_a_common_version_of_ip(six: StoodIn) -> None:
    found = trace(six, "vm4", "fd00:2::13")
    assert (found.verdict, found.obstacles[0].kind) == ("not sent", "no address")


@pytest.mark.parametrize(
    ("target", "by"), [("10.1.0.12", "switch web"), ("10.2.0.13", "switch web"), ("fd00:1::12", "switch web")]
)
def test_who_has_the_address_is_answered_by_ovn(six: StoodIn, target: str, by: str) -> None:
    found = trace(six, "vm1", target, arp=True)
    assert (found.verdict, found.reason) == ("delivered", f"answered by {by}")
    assert found.back is None


def test_a_load_balancer_takes_the_backend_that_is_asked_for(site: StoodIn) -> None:
    site.nb.add_load_balancer("lb", vips={"10.8.0.1:80": ["10.2.0.13:80", "10.1.0.12:80"]}, switches=["web"])
    site.sync()
    for backend, port in (("10.2.0.13:80", "vm3"), ("10.1.0.12:80", "vm2")):
        found = trace(site, "vm1", "10.8.0.1:80", lb_dst=backend, direction="there")
        assert (found.verdict, found.reason) == ("delivered", f"delivered to port {port}")
    site.nb.remove_load_balancer("lb")
    site.sync()


@pytest.mark.parametrize("backend", ["foo", "10.2.0.13", "10.2.0.13:0", "fd00::5:80", "[10.2.0.13]:80", "[fd00::5]"])
def test_a_backend_that_is_no_address_with_a_port_is_refused(site: StoodIn, backend: str) -> None:
    with pytest.raises(InvalidValue, match=r"trace\.lb_dst: .* allowed: an address and a port"):
        trace(site, "vm1", "vm3", lb_dst=backend)


def test_a_machine_reaches_itself_by_its_floating_ip_and_otherwise_without_ovn(site: StoodIn) -> None:
    with pytest.raises(InvalidValue, match="what a machine sends to itself never comes to OVN"):
        trace(site, "vm1", "10.1.0.11")
    assert trace(site, "vm1", FLOATING["vm1"])


def test_a_router_that_does_not_know_who_is_outside_leaves_it_open(site: StoodIn) -> None:
    found = trace(site, "vm3", "203.0.113.77")
    assert (found.verdict, found.exit_code, bool(found)) == ("unresolved", 2, False)
    assert "does not know the MAC address of 203.0.113.77 yet" in found.reason


def test_a_floating_ip_may_be_the_source(site: StoodIn) -> None:
    found = trace(site, FLOATING["vm1"], "outside")
    assert found.verdict == "delivered", found
    assert found.back is not None
    assert found.back.what == f"icmp from {OUTSIDE} to {FLOATING['vm1']}"


@pytest.mark.parametrize(
    "name",
    [
        'we"ird\nname\\ {<i>} \u202e',
        '")\n-----\n 0. ls_in_acl: 1, priority 5, uuid 12345678\n    drop;\n',
        '/* output to "vm2", type "" */',
        ", inport=",
        "long " * 2000,
    ],
    ids=["quoted", "a hop", "an output", "part of a line", "long"],
)
def test_names_may_be_anything(site: StoodIn, name: str) -> None:
    nb, (one, other) = site.nb, (f"{name}1", f"{name}2")
    nb.add_switch(name)
    for number, port in enumerate((one, other), start=1):
        nb.add_switch_port(name, port, addresses=[f"02:00:00:00:01:0{number} 10.9.0.{number}"])
    match = f"outport == {json.dumps(other)} &&\n ip4 // , priority 5, uuid 12345678\n && udp"
    nb.add_acl(switch=name, direction="to-lport", priority=7, match=match, action="drop", name=name[:63])
    site.sync()
    for port in (one, other):
        site.bind(port, site.gateway)
    site.sync()
    found = trace(site, one, other, udp=53)
    assert found.drop is not None
    assert found.drop.acl == nb.get(ACL, match=match)
    assert trace(site, one, other, direction="there").verdict == "delivered"
    assert "\u202e" not in str(found) + found.to_html()
    assert "<i>" not in found.to_html()
    nb.remove_switch(name)
    site.sync()


def test_what_needs_no_packet_is_said_without_southbound(site: StoodIn) -> None:
    found = real_trace(site.nb, None, "vm1", "vm2")
    assert (found.verdict, found.exit_code, found.hops) == ("unknown", 2, ())
    with altered(site.nb, site.nb.get(LogicalSwitchPort, name="vm2"), enabled=False):
        found = real_trace(site.nb, None, "vm1", "vm2")
    assert (found.verdict, found.reason.partition(" (")[0]) == ("dropped", "dropped: port vm2 is disabled")
    found = real_trace(site.nb, None, "vm1", "vm4")
    assert found.verdict == "dropped"
    assert found.obstacles[0].kind == "not connected"
    found = real_trace(site.nb, None, "vm4", "vm1")
    assert (found.verdict, [one.kind for one in found.obstacles]) == ("not sent", ["no router"])


def test_a_server_that_does_not_answer_in_time_leaves_it_unknown(site: StoodIn) -> None:
    found = trace(site, "vm1", "vm2", timeout=0.002)
    assert found.verdict == "unknown"
    assert "did not end within" in found.reason


def test_a_northd_that_is_behind_is_a_reason_for_doubt(site: StoodIn) -> None:
    assert "northd behind" not in {one.kind for one in trace(site, "vm1", "vm2").obstacles}
    site.northd.signal(signal.SIGSTOP)
    try:
        row = site.nb.get(NBGlobal)
        with site.nb.transaction() as tx:
            tx.update(row, nb_cfg=row.nb_cfg + 1)
        found = trace(site, "vm1", "vm2")
    finally:
        site.northd.signal(signal.SIGCONT)
    assert [one.stops for one in found.obstacles if one.kind == "northd behind"] == [False]
    assert found.verdict == "delivered"


def test_tunnels_of_two_kinds_do_not_meet(site: StoodIn) -> None:
    chassis = site.sb.get(Chassis, name=site.compute)
    with site.sb.transaction() as tx:
        vxlan = tx.insert(Encap(type="vxlan", ip="192.0.2.2", chassis_name=site.compute))
        tx.update(chassis, encaps=[vxlan])
    found = trace(site, "vm1", "vm2")
    assert (found.verdict, found.row) == ("dropped", site.sb.get(Chassis, name=site.compute))
    assert "no type of tunnel in common: geneve and vxlan" in found.reason
    with site.sb.transaction() as tx:
        geneve = tx.insert(Encap(type="geneve", ip="192.0.2.2", chassis_name=site.compute))
        tx.update(tx.get(Chassis, name=site.compute), encaps=[geneve])


def test_a_trace_is_plain_values_for_json(site: StoodIn) -> None:
    with altered(site.nb, site.nb.get(LogicalSwitchPort, name="vm2"), enabled=False):
        site.sync()
        found = trace(site, "vm1", "vm2")
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["verdict"] == "dropped"
    assert plain["drop"]["name"] == "vm2"
    assert [len(way["hops"]) for way in plain["ways"]] == [len(way.hops) for way in found.ways]
    site.sync()
