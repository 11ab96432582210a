"""Preflight of a cluster at work, with TLS and role-based access control: members, certificates, keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import Spec
from ovnkit.lab import Lab
from tests.lab.three_controllers import CONTROLLERS, three_controllers

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def cluster(lab_possible: None, records_of_module: Path) -> Iterator[tuple[Lab, Spec]]:
    with three_controllers() as found:
        yield found


def test_a_secured_cluster_is_as_it_should_be(cluster: tuple[Lab, Spec]) -> None:
    _, spec = cluster
    report = deploy.preflight(spec, rules=[rule for rule in deploy.RULES if rule.id != "database-disk"])
    assert report.ok, report
    assert {host.host for host in report.hosts} == {*CONTROLLERS, *(host.name for host in spec.hosts)}
    for host in report.hosts:
        if any(chassis.name == host.host for chassis in spec.hosts):
            certificate = ("private-key", "certificate-name", "certificate-end", "southbound-reachable")
            assert {host.finding(name).state for name in certificate} == {"ok"}, host
        central = {host.finding(name).state for name in ("member-address", "central-ports", "members", "open-files")}
        assert central == ({"ok"} if host.host in CONTROLLERS else {"not needed"}), host
        clustered = {host.finding(name).state for name in ("cluster-member", "cluster-servers", "cluster-log")}
        assert clustered == ({"ok"} if host.host in CONTROLLERS else {"not needed"}), host
    assert report.hosts[0].finding("certificate-name").seen == f"it is for {spec.hosts[0].system_id}"


def test_a_key_that_others_may_read_and_a_name_that_is_another_are_seen(cluster: tuple[Lab, Spec]) -> None:
    lab, spec = cluster
    name = spec.hosts[-1].name
    key, *_ = _keys(lab, name)
    key.chmod(0o644)
    try:
        (found,) = deploy.preflight(spec, name).hosts
        assert found.finding("private-key").state == "error"
        assert "mode 644" in found.finding("private-key").seen
        lab.host(name).run(found.finding("private-key").remedy)
        (mended,) = deploy.preflight(spec, name).hosts
        assert mended.finding("private-key").state == "ok"
    finally:
        key.chmod(0o600)
    other = attrs.evolve(spec.hosts[-1], system_id="another")
    renamed = attrs.evolve(spec, hosts=[*spec.hosts[:-1], other])
    (found,) = deploy.preflight(renamed, name).hosts
    assert {found.finding(rule).state for rule in ("system-id", "certificate-name")} == {"error", "warning"}


def _keys(lab: Lab, host: str) -> list[Path]:
    return [path for path in lab.host(host).directory.rglob("key.pem") if "chassis" in str(path)]
