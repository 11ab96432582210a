"""The life of a chassis with packets: evacuated, killed, removed, renamed; what is left of it, and how long it takes.

A virtual machine pings the world outside through its floating IP all the while.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import attrs
import pytest

from ovnkit import deploy
from ovnkit.errors import Conflict, NeedsHost, Timeout
from ovnkit.lab import Lab
from ovnkit.lab.processes import Daemon
from ovnkit.northbound import GatewayChassis, LogicalRouterPort
from ovnkit.vswitch.direct import DirectChassis
from tests.lab.gaps import pings
from tests.lab.two_gateways import PORT, carrier, kill, move_uplink, renamed, system_id, two_gateways

pytestmark = pytest.mark.lab

HOSTS = ("ctl", "gw1", "gw2", "cmp1")


@pytest.fixture
def lab(lab_possible: None, records: object) -> Iterator[Lab]:
    """Two gateways, of which gw1 carries the router's, and a virtual machine with a floating IP on a third host."""
    with two_gateways() as lab:
        yield lab


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    os.kill(daemon.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)


def states(report: deploy.SequenceReport) -> set[str]:
    return {step.state for step in report.steps}


def traces_of(lab: Lab, chassis: str) -> list[str]:
    """Where a name is still written, in any of the databases of the lab."""
    central = {"Northbound": lab.spec.central.northbound, "Southbound": lab.spec.central.southbound}
    remotes = central | {host.name: host.remote for host in lab.hosts}
    return [f"{where} {line}" for where, remote in remotes.items() for line in _dump(remote) if chassis in line]


def _dump(remote: str) -> list[str]:
    said = subprocess.run(
        ["ovsdb-client", "--format=json", "dump", remote], check=True, capture_output=True, text=True
    ).stdout
    return [
        f"{table['caption']}: {json.dumps(row)}"
        for table in map(json.loads, said.splitlines())
        for row in table["data"]
    ]


def test_a_gateway_is_evacuated_and_comes_back(lab: Lab) -> None:
    plan = deploy.evacuate(lab.spec, "gw1", dry_run=True)
    assert "to do" in states(plan)
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        report = deploy.evacuate(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert carrier(lab) == system_id(lab, "gw2")
    assert seen.longest_gap <= 3.0
    assert states(deploy.evacuate(lab.spec, "gw1")) == {"already done"}

    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        report = deploy.readmit_gateways(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert seen.longest_gap <= 3.0
    assert carrier(lab) == system_id(lab, "gw1")
    assert {
        row.chassis_name: (row.priority, dict(row.external_ids)) for row in lab.northbound.find(GatewayChassis)
    } == {
        system_id(lab, "gw1"): (2, {"ovnkit-owner": "ovnkit"}),
        system_id(lab, "gw2"): (1, {"ovnkit-owner": "ovnkit"}),
    }
    assert not deploy.plan(lab.spec)


def test_what_nobody_else_can_carry_is_not_evacuated(lab: Lab) -> None:
    lab.northbound.set_gateway(PORT, system_id(lab, "gw1"))
    report = deploy.evacuate(lab.spec, "gw1", timeout=1)
    assert isinstance(report.problem, Conflict)
    assert f"router port {PORT}" in str(report)
    with pytest.raises(Conflict):
        deploy.evacuate(lab.spec, "gw1", dry_run=True)
    assert deploy.evacuate(lab.spec, "gw1", force=True)
    assert carrier(lab) == system_id(lab, "gw1")


def test_a_dead_chassis_does_not_hold_an_evacuation_up(lab: Lab) -> None:
    lab.host("cmp1").controller.kill()
    report = deploy.evacuate(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert carrier(lab) == system_id(lab, "gw2")


def test_it_ends_when_those_that_carry_the_gateways_have_followed_and_not_before(lab: Lab) -> None:
    with stopped(lab.host("gw2").controller):
        report = deploy.evacuate(lab.spec, "gw1", timeout=2)
    assert isinstance(report.problem, Timeout)
    assert "nobody else has claimed cr-r-out" in str(report)
    with stopped(lab.central.northd):
        report = deploy.readmit_gateways(lab.spec, "gw1", timeout=2)
    assert isinstance(report.problem, Timeout)
    report = deploy.evacuate(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert carrier(lab) == system_id(lab, "gw2")


def test_where_neutron_keeps_the_rows_it_is_asked_by_the_flag(lab: Lab) -> None:
    nb, name = lab.northbound, system_id(lab, "gw1")
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalRouterPort, name=PORT), external_ids={"neutron:router_name": "r"})
    report = deploy.evacuate(lab.spec, "gw1", timeout=1)
    assert not report.ok
    assert "Neutron still has it first" in str(report)
    assert not DirectChassis(lab.host("gw1").remote).read(timeout=10).chassis_config().gateway
    assert carrier(lab) == name
    # What Neutron does when it sees that.
    nb.set_gateway(PORT, system_id(lab, "gw2"))
    report = deploy.evacuate(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert carrier(lab) == system_id(lab, "gw2")
    report = deploy.readmit_gateways(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert not deploy.plan(lab.spec)


def test_a_gateway_is_killed_and_what_is_left_of_it_removed(lab: Lab) -> None:
    name, host = system_id(lab, "gw1"), lab.host("gw1")
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        kill(lab, "gw1")
    assert seen.longest_gap <= 6.0
    assert carrier(lab) == system_id(lab, "gw2")
    host.server.stop()
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        report = deploy.remove_chassis(lab.spec, "gw1", gone=True, timeout=20)
    assert report, str(report)
    assert seen.longest_gap <= 1.0
    assert states(deploy.remove_chassis(lab.spec, "gw1", gone=True)) == {"already done"}
    lab.northbound.sync("hv", timeout=10)
    host.server.start()
    assert [line for line in traces_of(lab, name) if not line.startswith("gw1 ")] == []


def test_a_chassis_is_removed_and_nothing_of_it_is_left(lab: Lab) -> None:
    name = system_id(lab, "gw1")
    assert {line.split()[0] for line in traces_of(lab, name)} == {"Northbound", "Southbound", *HOSTS}
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        report = deploy.remove_chassis(lab.spec, "gw1", timeout=20)
    assert report, str(report)
    assert seen.longest_gap <= 3.0
    lab.northbound.sync("hv", timeout=10)
    assert traces_of(lab, name) == []
    assert lab.host("gw1").vswitch.patch_ports() == ()
    assert states(deploy.remove_chassis(lab.spec, "gw1")) == {"already done"}


def test_a_chassis_that_carries_machines_is_not_removed(lab: Lab) -> None:
    report = deploy.remove_chassis(lab.spec, "cmp1", timeout=1)
    assert isinstance(report.problem, Conflict)
    assert "vm1" in str(report)
    assert lab.vm("vm1").ping(lab.outside.address)


def test_without_access_to_the_host_it_says_what_to_run_there_and_goes_on_later(lab: Lab) -> None:
    spec = attrs.evolve(lab.spec, hosts=tuple(attrs.evolve(host, access=None) for host in lab.spec.hosts))
    report = deploy.remove_chassis(spec, "gw1", timeout=20)
    assert isinstance(report.problem, NeedsHost)
    assert "ovn-appctl -t ovn-controller exit" in str(report)
    lab.host("gw1").run("ovn-appctl -t ovn-controller exit")
    report = deploy.remove_chassis(spec, "gw1", timeout=20)
    assert report, str(report)


def test_a_chassis_is_renamed_and_its_gateways_come_back(lab: Lab) -> None:
    before = system_id(lab, "gw1")
    spec = renamed(lab.spec, "gw1", "gateway-1")
    assert not deploy.plan(spec).ok
    start = (*lab.host("gw1").controller.command, "--detach")
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        report = deploy.rename_chassis(spec, "gw1", start=start, timeout=20)
    assert report, str(report)
    assert seen.longest_gap <= 6.0
    lab.northbound.sync("hv", timeout=10)
    assert traces_of(lab, before) == []
    assert carrier(lab) == "gateway-1"
    assert not deploy.plan(spec)
    assert deploy.verify(spec, timeout=20)
    assert states(deploy.rename_chassis(spec, "gw1", start=start)) == {"already done"}


def test_a_physical_network_moves_and_nothing_is_left_where_it_was(lab: Lab) -> None:
    host = lab.host("gw1")
    host.vsctl("add-br", "br-new", "--", "set", "Bridge", "br-new", "datapath_type=netdev")
    with pings(lab.vm("vm1"), lab.outside.address) as seen:
        move_uplink(lab, "gw1", "br-ex", "br-new")
        report = deploy.move_physnet(lab.spec, "gw1", "physnet1", "br-new", timeout=20)
    assert report, str(report)
    assert seen.longest_gap <= 15.0
    assert host.vsctl("list-ports", "br-ex") == ""
    assert {(port.kind, port.bridge) for port in host.vswitch.patch_ports(lab.southbound)} == {
        ("ovn-live", "br-int"), ("ovn-live", "br-new"),
    }  # fmt: skip
    assert "ovnkit-wake" not in DirectChassis(host.remote).read(timeout=10).external_ids


def taken_step_by_step(sequence: Callable[..., deploy.SequenceReport]) -> tuple[deploy.SequenceReport, int]:
    """Interrupted after each step that it takes, and begun again until it comes to its end."""

    def interrupt(result: deploy.StepResult) -> None:
        if result.state == "done":
            raise KeyboardInterrupt

    for interruptions in range(30):
        try:
            return sequence(progress=interrupt, timeout=20), interruptions
        except KeyboardInterrupt:
            pass
    raise AssertionError("it does not come to its end")


def test_a_removal_that_is_interrupted_after_every_step_ends_in_the_same_state(lab: Lab) -> None:
    name = system_id(lab, "gw1")
    report, interruptions = taken_step_by_step(partial(deploy.remove_chassis, lab.spec, "gw1"))
    assert report, str(report)
    assert interruptions >= 5
    lab.northbound.sync("hv", timeout=10)
    assert traces_of(lab, name) == []
    with pings(lab.vm("vm1"), lab.outside.address):
        """Until answers come."""


def test_a_renaming_that_is_interrupted_after_every_step_ends_in_the_same_state(lab: Lab) -> None:
    before, spec = system_id(lab, "gw1"), renamed(lab.spec, "gw1", "gateway-1")
    start = (*lab.host("gw1").controller.command, "--detach")
    report, interruptions = taken_step_by_step(partial(deploy.rename_chassis, spec, "gw1", start=start))
    assert report, str(report)
    assert interruptions >= 5
    lab.northbound.sync("hv", timeout=10)
    assert traces_of(lab, before) == []
    assert deploy.verify(spec, timeout=20)
    assert carrier(lab) == "gateway-1"
