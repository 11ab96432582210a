"""system-id.conf: what ovs-ctl writes into the database at every start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.errors import Conflict, HostFailed
from ovnkit.ovsdb.server import Process, find_program
from ovnkit.southbound import Chassis, Southbound
from ovnkit.vswitch import VSwitch
from tests.deploy.site import Site

_OVS_CTL = "/usr/share/openvswitch/scripts/ovs-ctl"


@attrs.frozen
class Etc:
    """The configuration directories of a host, and the way to it."""

    directory: Path

    @property
    def access(self) -> tuple[str, ...]:
        return ("env", f"OVS_SYSCONFDIR={self.directory}", f"OVN_SYSCONFDIR={self.directory}")

    @property
    def system_id(self) -> Path:
        return self.directory / "openvswitch" / "system-id.conf"

    @property
    def override(self) -> Path:
        return self.directory / "system-id-override"


@pytest.fixture
def etc(tmp_path: Path) -> Etc:
    (tmp_path / "etc" / "openvswitch").mkdir(parents=True)
    return Etc(tmp_path / "etc")


@pytest.mark.parametrize("before", [None, "d9b7f3a0-2d3a-4a6e-9f7e-1c1f6c1d9b7f\n"])
def test_the_file_is_planned_written_and_undone_with_the_rest(site: Site, etc: Etc, before: str | None) -> None:
    if before is not None:
        etc.system_id.write_text(before, encoding="utf-8")
    spec = site.spec(ctl={"access": etc.access})
    plan = deploy.plan(spec)
    assert etc.system_id.exists() == (before is not None)
    (change,) = plan.hosts[0].files
    assert change == deploy.FileChange(str(etc.system_id), before, "ctl\n")
    shown = f"+ file {etc.system_id} = ctl" if before is None else f"~ file {etc.system_id} = {before.strip()} -> ctl"
    assert shown in str(plan)

    record = etc.directory / "record"
    events: list[deploy.Event] = []
    assert plan.apply(undo_record=record, progress=events.append)
    steps = [event.step for event in events if event.host == "ctl"]
    assert steps == ["files", "record", "write", "read", "compare", "record", "write", "done"]
    assert etc.system_id.read_text(encoding="utf-8") == "ctl\n"
    assert not deploy.plan(spec)

    assert deploy.undo(record).ok
    assert (etc.system_id.read_text(encoding="utf-8") if etc.system_id.exists() else None) == before
    assert site.ids("ctl") == {}


def test_a_file_alone_is_something_to_do(site: Site, etc: Etc) -> None:
    assert deploy.plan(site.spec()).apply()
    plan = deploy.plan(site.spec(ctl={"access": etc.access}))
    assert plan
    assert str(plan).endswith("3 hosts: 1 to change, 2 as they should be")
    assert plan.apply()
    assert not deploy.plan(plan.spec)


def test_a_file_that_somebody_has_changed_since_stays(site: Site, etc: Etc) -> None:
    record = etc.directory / "record"
    assert deploy.plan(site.spec(ctl={"access": etc.access})).apply(undo_record=record)
    etc.system_id.write_text("theirs\n", encoding="utf-8")
    report = deploy.undo(record)
    assert [(kept.key, kept.found) for kept in report.kept["ctl"]] == [(str(etc.system_id), "theirs\n")]
    assert etc.system_id.read_text(encoding="utf-8") == "theirs\n"


def test_a_host_without_the_directory_has_no_use_for_the_file(site: Site, etc: Etc) -> None:
    etc.system_id.parent.rmdir()
    plan = deploy.plan(site.spec(ctl={"access": etc.access}))
    assert plan.hosts[0].files == ()
    assert plan.apply()
    assert not etc.system_id.parent.exists()


def test_an_override_that_says_something_else_is_in_the_way(site: Site, etc: Etc) -> None:
    etc.override.write_text("other\n", encoding="utf-8")
    plan = deploy.plan(site.spec(ctl={"access": etc.access}))
    problem = plan.hosts[0].problem
    assert isinstance(problem, Conflict)
    assert "system-id-override" in str(problem)
    assert "'other'" in str(problem)
    assert not plan.apply()
    assert (site.ids("ctl"), etc.system_id.exists()) == ({}, False)
    etc.override.write_text("ctl\n", encoding="utf-8")
    assert plan.apply()


def test_a_host_that_cannot_be_reached_so_is_reported_with_its_step_and_left_alone(site: Site) -> None:
    report = deploy.plan(site.spec(ctl={"access": ["false"]})).apply()
    (failed,) = report.failed
    assert (failed.host.name, failed.step) == ("ctl", "files")
    assert isinstance(failed.problem, HostFailed)
    assert site.ids("ctl") == {}
    assert site.ids("cmp1")["system-id"] == "cmp1"


def test_the_override_is_where_ovn_controller_looks_for_it(site: Site, etc: Etc) -> None:
    etc.override.write_text("other\n", encoding="utf-8")
    assert deploy.plan(site.spec()).apply()
    own = {"OVN_SYSCONFDIR": etc.directory, "OVN_RUNDIR": etc.directory, "OVS_RUNDIR": etc.directory}
    controller = Process(
        ["ovn-controller", site.hosts["ctl"].remote, "-vconsole:info"],
        log=etc.directory / "ovn-controller.log",
        env={**os.environ, **{name: str(path) for name, path in own.items()}},
    )
    try:
        with Southbound.connect(site.southbound.remote, timeout=10) as sb:
            assert sb.wait(Chassis, timeout=20).name == "other"
    finally:
        controller.stop()


# -- with the distribution's own start script ------------------------------------------------------------------------


@attrs.frozen
class Started:
    """Open vSwitch as ovs-ctl starts it, without ovs-vswitchd."""

    etc: Etc
    environment: dict[str, str]

    def call(self, what: str) -> None:
        argv = [_OVS_CTL, "--no-ovs-vswitchd", "--system-id=random", "--no-monitor", what]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, timeout=60)

    @property
    def remote(self) -> str:
        return f"unix:{self.environment['OVS_RUNDIR']}/db.sock"


@pytest.fixture
def started(etc: Etc, tmp_path: Path) -> Iterator[Started]:
    if find_program("ovsdb-server") != "/usr/sbin/ovsdb-server" or not Path(_OVS_CTL).exists():
        pytest.skip("the start script is not that of the programs which are found here")
    run = tmp_path / "run"
    run.mkdir()
    own = {"OVS_SYSCONFDIR": etc.directory, "OVS_RUNDIR": run, "OVS_LOGDIR": run, "OVS_DBDIR": run}
    start = Started(etc, {**os.environ, **{name: str(path) for name, path in own.items()}})
    try:
        start.call("start")
        yield start
    finally:
        start.call("stop")


@pytest.mark.may_skip
def test_the_chassis_keeps_its_system_id_when_open_vswitch_is_started_again(site: Site, started: Started) -> None:
    def system_id() -> str:
        with VSwitch.connect(started.remote, timeout=10) as vs:
            return vs.chassis_config().system_id or ""

    made_up = system_id()
    assert started.etc.system_id.read_text(encoding="utf-8").strip() == made_up
    assert deploy.plan(site.spec(ctl={"ovsdb": started.remote})).apply()
    started.call("restart")
    # Without access to the host the start script has its way.
    assert system_id() == made_up
    with VSwitch.connect(started.remote, timeout=10) as vs:
        vs.unregister_chassis()
    assert deploy.plan(site.spec(ctl={"ovsdb": started.remote, "access": started.etc.access})).apply()
    started.call("restart")
    assert system_id() == "ctl"
    assert not deploy.plan(site.spec(ctl={"ovsdb": started.remote, "access": started.etc.access}))
