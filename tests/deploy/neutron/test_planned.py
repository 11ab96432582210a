"""Neutron's files are in the plan of a spec, written by its apply, and given back by undo; no secret is shown."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import MetadataAgent, NeutronSpec, Secret, Spec
from ovnkit.deploy import work as work_module
from ovnkit.deploy.rendered import Rendered, below
from ovnkit.errors import NeedsHost
from tests.deploy.site import Site, running

MARKER = "marker-secret-4711"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path, ("ctl", "cmp1")) as found:
        yield found


@pytest.fixture
def spec(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """Hosts of this machine, whose ``/etc/neutron`` is below a directory of the test."""

    def rendered(spec: Spec, host: str) -> tuple[Rendered, ...]:
        files = below(deploy.render(spec, host), str(tmp_path / host))
        for file in files:
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
        return files

    monkeypatch.setattr(work_module, "render", rendered)
    place = {"access": ("env", f"OVS_SYSCONFDIR={tmp_path}", f"OVN_SYSCONFDIR={tmp_path}")}
    metadata = MetadataAgent(nova_host="192.0.2.1", shared_secret=Secret(MARKER))
    neutron = NeutronSpec(servers=["ctl"], metadata=metadata)
    return attrs.evolve(site.spec(ctl=place, cmp1=place), neutron=neutron)


def test_what_is_planned_is_written_and_taken_back(spec: Spec, tmp_path: Path) -> None:
    main = tmp_path / "ctl" / "etc" / "neutron" / "neutron.conf"
    main.parent.mkdir(parents=True)
    main.write_text("[DEFAULT]\n# mine\nauth_strategy = keystone\n")
    main.chmod(0o640)
    plan = deploy.plan(spec)
    shown = f"{plan}{plan!r}"
    assert "[DEFAULT] core_plugin = ml2" in shown
    assert MARKER not in shown
    record = tmp_path / "record"
    report = plan.apply(undo_record=record)
    assert report, str(report)
    assert MARKER not in f"{report}{report!r}"
    assert "core_plugin = ml2" in main.read_text()
    assert "# mine\nauth_strategy = keystone" in main.read_text()
    agents = list(tmp_path.glob("*/etc/neutron/neutron_ovn_metadata_agent.ini"))
    assert len(agents) == 2
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and MARKER in path.read_text(errors="replace")]
    assert sorted(holding) == sorted([*agents, record])
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    assert not deploy.plan(spec)

    # Somebody edits one of them, whose text is not shown.
    agents[0].write_text(agents[0].read_text() + "# later\n")
    undone = deploy.undo(record)
    assert undone.ok
    assert MARKER not in f"{undone}{undone!r}"
    (kept,) = [kept for several in undone.kept.values() for kept in several]
    assert kept.key == str(agents[0])
    assert main.read_text() == "[DEFAULT]\n# mine\nauth_strategy = keystone\n"
    assert stat.S_IMODE(main.stat().st_mode) == 0o640
    assert not agents[1].exists()


def test_somebody_else_may_bring_them(spec: Spec, tmp_path: Path) -> None:
    assert spec.neutron is not None
    elsewhere = attrs.evolve(spec, neutron=attrs.evolve(spec.neutron, files="elsewhere"))
    assert deploy.plan(elsewhere).apply()
    assert not list(tmp_path.rglob("neutron.conf"))


def test_of_a_host_without_access_it_says_what_to_run(spec: Spec) -> None:
    hosts = [attrs.evolve(host, access=None) for host in spec.hosts]
    plan = deploy.plan(attrs.evolve(spec, hosts=hosts))
    assert [type(result.problem) for result in plan.hosts] == [NeedsHost, NeedsHost]
    assert "ovnkit render FILE ctl" in str(plan.hosts[0].problem)
