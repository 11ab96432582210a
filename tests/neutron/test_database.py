"""Bringing Neutron's own database to its release, by the neutron-db-manage of today's Neutron."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import attrs
import pytest

from ovnkit.deploy import Spec, plan_files, render, upgrade_neutron_database
from ovnkit.deploy.host import open_host
from ovnkit.deploy.rendered import below
from ovnkit.errors import HostFailed
from tests.deploy.neutron.clouds import cloud
from tests.neutron.managing import put_program

pytestmark = [
    pytest.mark.may_skip,
    pytest.mark.skipif(importlib.util.find_spec("neutron") is None, reason="tox -e neutron installs Neutron"),
]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A cloud whose controller has Neutron's files and its program; the database is empty."""
    put_program(tmp_path)
    main = tmp_path / "etc/neutron/neutron.conf"
    main.parent.mkdir(parents=True)
    main.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/neutron.db\n")
    found = cloud()
    files = below(render(found, "ctl"), str(tmp_path))
    for file in files:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    plan_files(files, open_host("local", "ctl")).apply()
    access = ("env", f"PATH={tmp_path}/bin:{os.environ['PATH']}")
    return attrs.evolve(found, hosts=[attrs.evolve(host, access=access) for host in found.hosts])


def asked(tmp_path: Path) -> list[str]:
    """What neutron-db-manage was told, without its files."""
    path = tmp_path / "asked"
    return [line.partition("ml2_conf.ini ")[2] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_database_is_brought_to_its_release_once(spec: Spec, tmp_path: Path) -> None:
    report = upgrade_neutron_database(spec)
    assert [step.state for step in report.steps] == ["already done", "done"], str(report)
    assert asked(tmp_path) == ["heads", "current", "has_offline_migrations", "stamp heads", "current"]
    again = upgrade_neutron_database(spec, dry_run=True)
    assert {step.state for step in again.steps} == {"already done"}, str(again)
    assert asked(tmp_path)[5:] == ["heads", "current"]


def test_a_change_that_fails_is_an_error_without_the_password(spec: Spec, tmp_path: Path) -> None:
    # The first change that SQLite cannot do.
    put_program(tmp_path, upgrade="upgrade")
    report = upgrade_neutron_database(spec)
    assert isinstance(report.problem, HostFailed)
    assert "No support for ALTER of constraints in SQLite" in str(report.problem)
    path = tmp_path / "etc/neutron/neutron.conf"
    path.write_text(path.read_text().replace("sqlite:///", "sqlite://neutron:Marker-4711@nowhere/"))
    broken = upgrade_neutron_database(spec)
    assert isinstance(broken.problem, HostFailed)
    assert "4711" not in f"{broken} {broken.problem!r} {broken.problem.output} {broken.problem.__cause__}"
