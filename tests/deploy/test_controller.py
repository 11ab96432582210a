"""Whether an ovn-controller runs, by what ovn-appctl says on its host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovnkit.deploy.controller import Controller
from ovnkit.deploy.site import Site
from ovnkit.errors import HostFailed
from ovnkit.southbound import Chassis
from tests.deploy.site import Site as Servers


def running(site: Servers, directory: Path, says: str, status: int) -> bool:
    """On a host whose ovn-appctl says this and ends so."""
    program = directory / "ovn-appctl"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n", encoding="utf-8")
    program.chmod(0o755)
    spec = site.spec(ctl={"access": ["env", f"PATH={directory}:/usr/bin:/bin"]})
    with Site(spec, "ctl", tls=None, timeout=10) as found:
        return Controller(found).is_running("ctl")


@pytest.mark.parametrize(
    ("says", "status", "runs"),
    [
        ("23.03.1", 0, True),
        ("ovn-appctl: cannot read pidfile ovn-controller.pid (No such file or directory)", 1, False),
        ('ovn-appctl: cannot connect to "ovn-controller.7.ctl" (Connection refused)', 1, False),
        ("ovn-appctl: ovn-controller: transaction error (Connection reset by peer)", 1, True),
    ],
)
def test_what_it_says_is_understood(site: Servers, tmp_path: Path, says: str, status: int, runs: bool) -> None:
    assert running(site, tmp_path, says, status) is runs


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("ovn-appctl: cannot read pidfile ovn-controller.pid (Permission denied)", 1),
        ("sh: ovn-appctl: not found", 127),
        ("ssh: connect to host gw1 port 22: No such file or directory", 255),
        ("Cannot connect to the Docker daemon", 1),
    ],
)
def test_where_nobody_can_be_asked_it_does_not_guess(site: Servers, tmp_path: Path, says: str, status: int) -> None:
    with pytest.raises(HostFailed):
        running(site, tmp_path, says, status)


def test_without_access_a_chassis_that_is_registered_runs(site: Servers) -> None:
    with Site(site.spec(), "ctl", tls=None, timeout=10) as found:
        assert not Controller(found).is_running("ctl")
        site.add_chassis("ctl", encap_ip="192.0.2.1")
        found.sb.wait(Chassis, name="ctl", timeout=10)
        assert Controller(found).is_running("ctl")
