"""Hosts behind OpenSSH: commands, files, and the database through a forwarded socket. A real sshd, without a port."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.errors import HostFailed, Timeout
from tests.deploy.site import Site

_PRIVILEGE_SEPARATION = Path("/run/sshd")


@attrs.frozen
class Ssh:
    """Where ssh is told to start an sshd of its own instead of connecting."""

    directory: Path

    def refuse(self) -> None:
        """Let nobody in any more."""
        (self.directory / "authorized_keys").write_text("", encoding="utf-8")


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ssh]:
    programs = {name: shutil.which(name) for name in ("ssh", "sshd", "ssh-keygen")}
    if None in programs.values() or os.geteuid() != 0:
        pytest.skip(f"it takes root and all of {', '.join(programs)}")
    own = tmp_path / "ssh"
    own.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run([programs["ssh-keygen"] or "", "-q", "-t", "ed25519", "-N", "", "-f", own / name], check=True)
    shutil.copy(own / "user.pub", own / "authorized_keys")
    (own / "sshd_config").write_text(
        f"HostKey {own}/host\nAuthorizedKeysFile {own}/authorized_keys\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nAllowStreamLocalForwarding yes\n",
        encoding="utf-8",
    )
    (own / "ssh_config").write_text(
        f"Host *\n  User root\n  IdentityFile {own}/user\n  UserKnownHostsFile {own}/known\n"
        f"  StrictHostKeyChecking accept-new\n  ProxyCommand {programs['sshd']} -i -f {own}/sshd_config\n",
        encoding="utf-8",
    )
    wrapper = own / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {programs["ssh"]} -F {own}/ssh_config "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    made = not _PRIVILEGE_SEPARATION.exists()
    _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    try:
        yield Ssh(own)
    finally:
        if made:
            _PRIVILEGE_SEPARATION.rmdir()


def forwarding() -> str:
    return subprocess.run(["pgrep", "-f", "ovnkit-ssh-"], capture_output=True, text=True, check=False).stdout


def test_commands_and_files_of_a_host_behind_ssh(ssh: Ssh, tmp_path: Path) -> None:
    host = deploy.open_host("ssh://hv1", "hv1")
    words = ["a b", "$HOME", "'", "*", "é\n"]
    assert host.run(["printf", "%s|", *words]) == "".join(f"{word}|" for word in words)
    path = str(tmp_path / "a name")
    assert host.read(path) is None
    host.write(path, "text\n", mode=0o600)
    assert host.read(path) == "text\n"
    with pytest.raises(HostFailed, match="ended with status 3"):
        host.run(["sh", "-c", "exit 3"])
    ssh.refuse()
    with pytest.raises(HostFailed, match="Permission denied") as caught:
        host.run(["true"])
    assert caught.value.status == 255


def test_hosts_behind_ssh_are_planned_deployed_and_undone_with_their_files(ssh: Ssh, site: Site) -> None:
    etc = ssh.directory / "etc"
    (etc / "openvswitch").mkdir(parents=True)
    with (ssh.directory / "sshd_config").open("a", encoding="utf-8") as file:
        file.write(f"SetEnv OVS_SYSCONFDIR={etc} OVN_SYSCONFDIR={etc}\n")
    record = ssh.directory / "record"
    before = site.everything()
    spec = site.spec(ctl={"ovsdb": f"ssh://root@ctl{site.hosts['ctl'].socket}"})
    assert deploy.loads(deploy.dumps(spec)) == spec
    assert spec.host("ctl").access == "ssh://root@ctl"
    assert deploy.plan(spec).apply(undo_record=record)
    assert site.ids("ctl")["system-id"] == "ctl"
    assert (etc / "openvswitch" / "system-id.conf").read_text(encoding="utf-8") == "ctl\n"
    assert not deploy.plan(spec)
    assert deploy.undo(record).ok
    assert site.everything() == before
    assert not (etc / "openvswitch" / "system-id.conf").exists()
    assert forwarding() == ""


def test_a_host_that_lets_nobody_in_is_reported_and_delays_no_other(ssh: Ssh, site: Site) -> None:
    ssh.refuse()
    report = deploy.plan(site.spec(ctl={"ovsdb": f"ssh://ctl{site.hosts['ctl'].socket}"})).apply()
    (failed,) = report.failed
    assert isinstance(failed.problem, HostFailed)
    assert "Permission denied" in str(failed.problem)
    assert failed.step == "files"
    assert site.ids("cmp1")["system-id"] == "cmp1"


def test_a_database_that_is_not_there_ends_at_the_deadline(ssh: Ssh, site: Site) -> None:
    spec = site.spec(ctl={"ovsdb": f"ssh://ctl{site.directory}/none.sock", "access": None})
    began = time.monotonic()
    (failed,) = deploy.plan(spec, timeout=2).apply().failed
    assert time.monotonic() - began < 15
    assert isinstance(failed.problem, Timeout)
    assert failed.step == "read"
    assert forwarding() == ""


def test_ssh_that_cannot_be_run_is_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "none"))
    plan = deploy.plan(site.spec(ctl={"ovsdb": "ssh://ctl", "access": None}))
    problem = plan.hosts[0].problem
    assert isinstance(problem, HostFailed)
    assert problem.status is None


def test_preflight_of_a_host_behind_ssh_connects_once_for_its_database_and_once_for_all_else(
    ssh: Ssh, site: Site
) -> None:
    log = ssh.directory / "connections"
    wrapper = ssh.directory / "bin" / "ssh"
    lines = wrapper.read_text(encoding="utf-8").splitlines()
    wrapper.write_text("\n".join((lines[0], f"echo >>{log}", *lines[1:], "")), encoding="utf-8")
    spec = site.spec(ctl={"ovsdb": f"ssh://hv1{site.directory}/ctl.sock"})
    (ctl,) = deploy.preflight(spec, "ctl").hosts
    assert ctl.problem is None
    assert ctl.finding("ovs-database").state == "ok"
    assert os.uname().nodename in ctl.finding("hostname").seen
    assert len(log.read_text(encoding="utf-8").splitlines()) == 2
    ssh.refuse()
    (ctl,) = deploy.preflight(spec, "ctl", timeout=10).hosts
    assert isinstance(ctl.problem, HostFailed)
    assert ctl.finding("hostname").state == "unknown"
