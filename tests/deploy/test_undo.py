"""Undo: the way back, as far as nobody has changed anything since."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnkit import deploy
from ovnkit.deploy.record import read_record
from ovnkit.errors import InvalidValue, Timeout
from ovnkit.vswitch import Bridge, Port, VSwitchTransaction
from tests.deploy.site import Site, running
from tests.deploy.test_configure import WANTED, starting_states
from tests.operations import snapshot

FULL: dict[str, Any] = {
    "gateway": True,
    "bridge_mappings": {"physnet1": "br-ex"},
    "availability_zones": ["az1"],
    "options": {"ovn-monitor-all": True},
}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "cluster.undo"


def test_every_key_returns_to_what_it_was(site: Site, record: Path) -> None:
    site.put("ctl", {"ovn-cms-options": " x ,y", "ovn-monitor-all": "false", "theirs": "1"})
    before = site.everything()
    assert deploy.plan(site.spec(ctl=FULL)).apply(undo_record=record)
    assert site.everything() != before
    report = deploy.undo(record)
    assert report.ok
    assert not report.kept
    assert site.everything() == before
    again = deploy.undo(record)
    assert again.hosts == ()


def test_of_several_applies_the_way_back_leads_before_the_first(site: Site, record: Path) -> None:
    before = site.everything()
    for wanted in (FULL, {**FULL, "gateway": False, "availability_zones": ["az2"]}, {}):
        assert deploy.plan(site.spec(ctl=wanted)).apply(undo_record=record)
    assert deploy.undo(record).ok
    assert site.everything() == before


def test_what_others_have_changed_since_is_reported_and_stays(site: Site, record: Path) -> None:
    assert deploy.plan(site.spec(ctl=FULL)).apply(undo_record=record)
    with site.vswitch("ctl") as vs:
        vs.add_bridge_mapping("physnet2", "br-two")
        vs.remove_option("ovn-monitor-all")
        vs.set_option("ovn-encap-csum", "false")
    report = deploy.undo(record)
    assert report.ok
    assert {(kept.key, kept.found, kept.left) for kept in report.kept["ctl"]} == {
        ("ovn-bridge-mappings", "physnet1:br-ex,physnet2:br-two", "physnet1:br-ex")
    }
    assert "ovn-bridge-mappings stays" in str(report)
    # What is ovnkit's by another call is still listed as such.
    assert site.ids("ctl") == {
        "ovn-bridge-mappings": "physnet1:br-ex,physnet2:br-two",
        "ovn-encap-csum": "false",
        "ovnkit-managed": "ovn-bridge-mappings/physnet2,ovn-encap-csum",
    }
    assert site.ids("cmp1") == {}


def test_a_host_that_cannot_be_reached_is_undone_the_next_time(site: Site, record: Path) -> None:
    before = site.everything()
    assert deploy.plan(site.spec(ctl=FULL)).apply(undo_record=record)
    socket = site.hosts["cmp1"].socket
    socket.rename(f"{socket}.away")
    report = deploy.undo(record, timeout=3)
    assert [(result.host, type(result.problem)) for result in report.failed] == [("cmp1", Timeout)]
    assert read_record(record).keys() == {"cmp1"}
    Path(f"{socket}.away").rename(socket)
    assert deploy.undo(record).ok
    assert site.everything() == before


def test_nothing_is_sent_that_is_not_recorded(site: Site, tmp_path: Path) -> None:
    before = site.everything()
    with pytest.raises(OSError, match="No such file"):
        deploy.plan(site.spec()).apply(undo_record=tmp_path / "missing" / "record")
    with pytest.raises(InvalidValue, match="regular"):
        deploy.plan(site.spec()).apply(undo_record="/dev/full")
    assert site.everything() == before


def test_each_host_tells_its_steps(site: Site, record: Path) -> None:
    events: list[deploy.Event] = []
    broken = {"ovsdb": f"unix:{site.directory}/none.sock"}
    plan = deploy.plan(site.spec(cmp2=broken), timeout=3, progress=events.append)
    assert [event.step for event in events if event.host == "ctl"] == ["read", "compare", "done"]
    events.clear()
    report = plan.apply(undo_record=record, progress=events.append, at_once=2)
    assert [event.step for event in events if event.host == "ctl"] == ["read", "compare", "record", "write", "done"]
    assert [event.step for event in events if event.host == "cmp2"] == ["read", "failed"]
    assert [(result.host.name, result.step) for result in report.failed] == [("cmp2", "read")]
    finished = [event.finished for event in events if event.step in ("done", "failed")]
    assert finished == [1, 2, 3]
    assert {event.hosts for event in events} == {3}


# -- S18: killed at every step ---------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from ovnkit import deploy
spec, record, step, host = sys.argv[1:]
def tell(event):
    if (event.step, event.host) == (step, host):
        os.kill(os.getpid(), signal.SIGKILL)
deploy.plan(deploy.load(spec)).apply(undo_record=record, progress=tell, at_once=1)
"""


@pytest.mark.parametrize("host", ["ctl", "cmp2"])
@pytest.mark.parametrize("step", ["read", "compare", "record", "write", "done"])
def test_s18_killed_at_any_step_and_run_again_it_ends_in_the_same_state(
    site: Site, record: Path, tmp_path: Path, step: str, host: str
) -> None:
    site.put("ctl", {"ovn-cms-options": " x ,y", "ovn-monitor-all": "false", "theirs": "1"})
    before = site.everything()
    spec = site.spec(ctl=FULL)
    (tmp_path / "cluster.toml").write_text(deploy.dumps(spec), encoding="utf-8")
    argv = [sys.executable, "-c", _KILLED, str(tmp_path / "cluster.toml"), str(record), step, host]
    child = subprocess.run(argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert deploy.plan(spec).apply(undo_record=record)
    assert not deploy.plan(spec)
    after = {name: site.ids(name) for name in site.hosts}
    assert deploy.undo(record).ok
    assert site.everything() == before
    assert deploy.plan(spec).apply()
    assert {name: site.ids(name) for name in site.hosts} == after


# -- whatever is there -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("undo"), ["hv1"]) as site:
        yield site


PATCHES = [
    ("br-int", "int-br-ex", {"peer": "phy-br-ex"}, {}),
    ("br-ex", "phy-br-ex", {"peer": "int-br-ex"}, {}),
    ("br-int", "patch-br-int-to-provnet", {"peer": "patch-provnet-to-br-int"}, {"ovn-localnet-port": "provnet"}),
    ("br-ex", "patch-provnet-to-br-int", {"peer": "patch-br-int-to-provnet"}, {"ovn-localnet-port": "provnet"}),
    ("br-their", "tpi-1", {"peer": "tpt-1"}, {"theirs": "é, "}),
]
"""Bridge, port, options of its interface, external_ids: of OpenStack's agent, of OVN, of somebody else."""


def drop_bridges(tx: VSwitchTransaction) -> None:
    for bridge in tx.find(Bridge):
        tx.delete(bridge)


def lay_ports(tx: VSwitchTransaction, chosen: Iterable[int]) -> None:
    for bridge, port, options, ids in (PATCHES[index] for index in chosen):
        tx.add_bridge(bridge, fail_mode="secure")
        tx.add_port(bridge, port, type="patch", options=options)
        tx.update(tx.get(Port, name=port), external_ids=ids)


@settings(max_examples=60)
@given(
    before=starting_states(), first=WANTED, second=WANTED, ports=st.sets(st.integers(0, len(PATCHES) - 1)).map(sorted)
)
def test_from_any_state_and_after_any_two_specs_undo_restores_the_start(
    lone: Site, before: dict[str, str], first: dict[str, Any], second: dict[str, Any], ports: list[int]
) -> None:
    record = lone.directory / "record"
    record.unlink(missing_ok=True)
    lone.put("hv1", before)
    with lone.vswitch("hv1") as vs:
        vs.transact(drop_bridges)
        vs.transact(lambda tx: lay_ports(tx, ports))
        everything = snapshot(vs)
    for wanted in (first, second):
        # What stands in the way of one of them leaves the host as it is.
        deploy.plan(lone.spec(hv1={"encap_ip": "192.0.2.1", **wanted})).apply(undo_record=record)
    report = deploy.undo(record)
    assert report.ok
    assert not report.kept
    assert lone.ids("hv1") == before
    with lone.vswitch("hv1") as vs:
        assert snapshot(vs) == everything
