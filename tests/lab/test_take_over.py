"""A gateway of OpenStack's Open vSwitch agent is taken over: the storm ends, traffic flows, and there is a way back."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit import deploy
from ovnkit.deploy import StepResult
from ovnkit.errors import Conflict
from ovnkit.ovsdb.server import enter_namespace
from ovnkit.vswitch import Bridge, Controller, Interface, OpenVSwitch, Port, VSwitch
from tests.lab.agent import AGENT, FLOATING_IP, HEALTHY, Gateway, lay_foreign_pairs, running_gateway

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_possible")]

LONG = "br-provider"
"""The agent's names for its ports of this bridge are cut, and end in a hash."""
STORM, QUIET = 300, 100
"""Frames on the uplink in half a second: more than the first is a storm, less than the second is none."""


@pytest.fixture
def gateway(records: Path) -> Iterator[Gateway]:
    with running_gateway() as gateway:
        yield gateway


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "ctl.undo"


def taken_over(gateway: Gateway, record: Path, **options: Any) -> deploy.TakeOverReport:
    chosen: dict[str, Any] = {"timeout": 20, "watch": 0.3, **options}
    return deploy.take_over(gateway.spec, "ctl", undo_record=record, **chosen)


def states(report: deploy.SequenceReport) -> list[str]:
    return [step.state for step in report.steps]


def state(gateway: Gateway) -> dict[str, Any]:
    """All that a take-over changes, in a form that compares; port numbers are not in it."""
    # Read anew: a replica may be a moment behind what others have done.
    with VSwitch.connect(gateway.host.remote, timeout=10) as vs:
        return _state(gateway, vs)


def _state(gateway: Gateway, vs: VSwitch) -> dict[str, Any]:
    ports = {row.ref: row for row in vs.find(Port)}
    interfaces = {row.ref: row for row in vs.find(Interface)}
    controllers = {row.ref: row for row in vs.find(Controller)}

    def port(row: Port) -> tuple[Any, ...]:
        inner = [interfaces[ref] for ref in row.interfaces]
        return (
            sorted(row.external_ids.items()),
            row.tag,
            [(one.name, one.type, sorted(one.options.items()), sorted(one.external_ids.items())) for one in inner],
        )

    links = gateway.host.run("ip -o link show type veth").stdout
    found: dict[str, Any] = {
        "external_ids": dict(vs.get(OpenVSwitch).external_ids),
        "unit": gateway.agent_unit(),
        "flows": gateway.agent_flows(),
        "veths": {name: f" {name}@" in links for name in gateway.agent_ports},
    }
    for row in vs.find(Bridge):
        its = [controllers[ref] for ref in row.controller]
        targets = sorted((one.target, one.inactivity_probe) for one in its)
        found[row.name] = (row.fail_mode, sorted(row.protocols), targets)
        found |= {f"{row.name} {ports[ref].name}": port(ports[ref]) for ref in row.ports}
    return found


def check_taken_over(gateway: Gateway, numbers: dict[str, int | None]) -> None:
    """Nothing of the agent's is left, OVN's ports are as they were, and packets pass."""
    vs = gateway.host.vswitch
    assert gateway.ports() == numbers
    assert gateway.trace() == HEALTHY
    assert gateway.frames() < QUIET
    assert not vs.find(Controller, target=AGENT)
    assert not gateway.agent_ports & {row.name for row in vs.find(Port)}
    assert gateway.agent_flows() == {"br-int": 0, gateway.bridge: 0}
    assert not vs.find(Bridge, name="br-tun")
    bridge, inner = vs.get(Bridge, name=gateway.bridge), vs.get(Bridge, name="br-int")
    assert (bridge.fail_mode, bridge.protocols, inner.fail_mode, inner.protocols) == (
        "standalone", frozenset(), "secure", frozenset(),
    )  # fmt: skip
    assert gateway.agent_unit() == ("inactive", "disabled")
    assert not gateway.agent_listens()
    gateway.lab.outside.wait_ping(FLOATING_IP)
    assert gateway.lab.outside.ping(FLOATING_IP, count=2)
    assert gateway.lab.vm("vm1").ping(gateway.lab.outside.address, timeout=5)
    assert deploy.verify(gateway.spec, timeout=20).ok


@pytest.mark.parametrize(("bridge", "variant"), [("br-ex", "patch"), (LONG, "patch"), ("br-ex", "veth")])
def test_the_storm_ends_and_traffic_flows(records: Path, record: Path, bridge: str, variant: Any) -> None:
    with running_gateway(bridge) as gateway:
        numbers = gateway.ports()
        gateway.prepare(variant)
        before = state(gateway)
        assert gateway.connected()
        if variant == "patch":
            storm = gateway.trace()
            assert storm.passes > 100
            assert storm.cut
            assert storm.reflected
        else:
            # Here the loop is outside of the datapath, where a trace does not follow it, and no limit ends it.
            assert gateway.frames() > STORM

        planned = taken_over(gateway, record, dry_run=True)
        going = {outcome.port.port for outcome in planned.ports if outcome.state == "to remove"}
        assert going == gateway.agent_ports | {"patch-tun", "patch-int"}
        assert (state(gateway), record.exists()) == (before, False)

        report = taken_over(gateway, record)
        assert report, str(report)
        assert {outcome.port.port for outcome in report.ports if outcome.state == "removed"} == going
        check_taken_over(gateway, numbers)
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
        assert all(json.loads(line) for line in record.read_text().splitlines() if line)
        again = taken_over(gateway, record)
        assert set(states(again)) == {"already done"}, str(again)
        assert set(states(taken_over(gateway, record, dry_run=True))) == {"already done"}

        back = deploy.give_back(record, timeout=20)
        assert back, str(back)
        # An agent that runs sets its own flows.
        gateway.set_agent_flows()
        assert state(gateway) == before
        assert not deploy.give_back(record).steps


def test_a_host_that_is_no_chassis_yet_becomes_one_without_a_storm(records: Path, record: Path) -> None:
    with running_gateway(registered=False) as gateway:
        gateway.prepare()
        before = state(gateway)
        passes: list[int] = []
        report = taken_over(gateway, record, progress=lambda _step: passes.append(gateway.trace().passes))
        assert report, str(report)
        assert max(passes) < 10
        check_taken_over(gateway, gateway.ports())

        back = deploy.give_back(record, timeout=20)
        assert back, str(back)
        gateway.set_agent_flows()
        assert state(gateway) == before
        assert [chassis.name for chassis in gateway.lab.southbound.chassis() if chassis.hostname == "ctl"] == []


# -- stopped half-way ------------------------------------------------------------------------------------------------


class Stop:
    """Interrupts a sequence after the first step that it does and that is not among those that are named."""

    def __init__(self, *but: str) -> None:
        self.but = but
        self.after: str | None = None

    def __call__(self, step: StepResult) -> None:
        if step.state == "done" and step.what not in self.but:
            self.after = step.what
            raise KeyboardInterrupt


def stopped(gateway: Gateway, record: Path, *but: str) -> str | None:
    """The step after which a take-over was interrupted, None where it came to its end."""
    stop = Stop(*but)
    try:
        report = taken_over(gateway, record, progress=stop)
    except KeyboardInterrupt:
        return stop.after
    assert report, str(report)
    return None


CHANGING = 8
"""The steps that have something to do on a host of the agent's that is no chassis yet."""


@pytest.fixture
def newcomer(records: Path) -> Iterator[Gateway]:
    """A gateway of the agent's that is no chassis yet."""
    with running_gateway(registered=False) as gateway:
        gateway.prepare()
        assert gateway.connected()
        yield gateway


def test_interrupted_after_every_step_it_goes_on(newcomer: Gateway, record: Path) -> None:
    stops: list[str] = []
    while step := stopped(newcomer, record, *stops):
        stops.append(step)
    assert len(stops) >= CHANGING
    assert set(states(taken_over(newcomer, record))) == {"already done"}
    check_taken_over(newcomer, newcomer.ports())


def test_interrupted_after_any_step_it_is_undone(newcomer: Gateway, record: Path) -> None:
    before = state(newcomer)
    stops: list[str] = []
    while step := stopped(newcomer, record, *stops):
        stops.append(step)
        back = deploy.give_back(record, timeout=20)
        assert back, str(back)
        newcomer.set_agent_flows()
        assert state(newcomer) == before, step
    assert len(stops) >= CHANGING
    check_taken_over(newcomer, newcomer.ports())


def test_giving_back_can_be_interrupted_as_well(records: Path, record: Path) -> None:
    with running_gateway(registered=False) as gateway:
        gateway.prepare("veth")
        before = state(gateway)
        assert gateway.connected()
        assert taken_over(gateway, record)
        stops: list[str] = []
        while True:
            stop = Stop(*stops)
            try:
                assert deploy.give_back(record, timeout=20, progress=stop)
                break
            except KeyboardInterrupt:
                assert stop.after is not None
                stops.append(stop.after)
        assert len(stops) >= 6
        gateway.set_agent_flows()
        assert state(gateway) == before


_TAKE_OVER = """\
import pickle, sys
from ovnkit import deploy
spec = pickle.loads(bytes.fromhex(sys.stdin.read()))
print(deploy.take_over(spec, "ctl", undo_record=sys.argv[1], timeout=20, watch=0.3, progress=print))
"""


@pytest.mark.parametrize(
    "milliseconds", [pytest.param(900, marks=pytest.mark.long), 1400, pytest.param(2200, marks=pytest.mark.long)]
)
def test_killed_at_any_moment_it_goes_on_or_is_undone(gateway: Gateway, record: Path, milliseconds: int) -> None:
    numbers = gateway.ports()
    gateway.prepare()
    before = state(gateway)
    assert gateway.connected()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _TAKE_OVER, str(record)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment) as child:
        assert child.stdin is not None
        child.stdin.write(pickle.dumps(gateway.spec).hex().encode())
        child.stdin.close()
        time.sleep(milliseconds / 1000)
        child.kill()
    if record.exists():
        back = deploy.give_back(record, timeout=20)
        assert back, str(back)
        gateway.set_agent_flows()
    assert state(gateway) == before
    assert gateway.connected()
    assert taken_over(gateway, record)
    check_taken_over(gateway, numbers)


def test_what_fails_its_verification_is_given_back(gateway: Gateway, record: Path) -> None:
    gateway.host.vswitch.add_port("br-ex", "no-such-card")
    gateway.prepare()
    before = state(gateway)
    assert gateway.connected()
    report = taken_over(gateway, record, timeout=5)
    assert not report.ok
    assert report.verification is not None
    assert [check.what for check in report.verification.failed] == ["interfaces without error"]
    assert "no-such-card" in str(report.problem)
    assert report.given_back, str(report)
    assert {outcome.state for outcome in report.ports} == {"kept"}
    gateway.set_agent_flows()
    assert state(gateway) == before

    gateway.host.vswitch.remove_port("br-ex", "no-such-card")
    assert gateway.connected()
    assert taken_over(gateway, record)
    gateway.lab.outside.wait_ping(FLOATING_IP)


# -- what is not the agent's -----------------------------------------------------------------------------------------


def test_what_is_foreign_of_trunks_or_between_bridges_without_a_mapping_keeps_its_numbers(
    gateway: Gateway, record: Path
) -> None:
    lay_foreign_pairs(gateway.host.vswitch)
    numbers = gateway.ports()
    gateway.prepare()
    assert gateway.connected()
    report = taken_over(gateway, record)
    assert report, str(report)
    check_taken_over(gateway, numbers)
    kept = {outcome.port.port: outcome.port.kind for outcome in report.ports if outcome.state == "kept"}
    assert (kept["a-to-b"], kept["tpi-0d2f1a33-5c"], kept["spt-77ab10cd-e2"]) == ("foreign", "trunk", "trunk")
    assert kept.keys() == numbers.keys()
    assert deploy.give_back(record, timeout=20)
    assert {name: gateway.ports()[name] for name in numbers} == numbers


def test_an_agent_that_no_service_has_started_is_left_for_whoever_did(gateway: Gateway, record: Path) -> None:
    gateway.prepare()
    gateway.stop_agent()
    program = gateway.host.directory / "services" / "neutron-openvswitch-agent"
    process = gateway.host.start([sys.executable, str(program)])
    before = state(gateway)
    report = taken_over(gateway, record)
    assert isinstance(report.problem, Conflict)
    assert f"process {process.pid}" in str(report.problem)
    assert process.running
    assert state(gateway) == before


def test_namespaces_of_other_agents_are_reported_and_removed_where_nothing_runs(
    gateway: Gateway, record: Path, namespaces: tuple[str, str]
) -> None:
    empty, busy = namespaces
    gateway.prepare()
    assert gateway.connected()
    report = taken_over(gateway, record)
    assert {namespace.name for namespace in report.namespaces} >= {empty, busy}
    assert f"namespace {busy}, 1 processes run in it" in str(report)
    report = taken_over(gateway, record, remove_namespaces=True)
    assert report, str(report)
    left = {namespace.name for namespace in report.namespaces}
    assert (empty in left, busy in left) == (False, True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """One in which nothing runs, and one in which something does."""
    empty, busy = f"qrouter-{os.getpid()}", f"qdhcp-{os.getpid()}"
    for name in (empty, busy):
        subprocess.run(["ip", "netns", "add", name], check=True)
    with subprocess.Popen([*enter_namespace(busy), "sleep", "300"]) as child:
        yield empty, busy
        child.kill()
    for name in (empty, busy):
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
