"""A lab with the programs of a root directory: run with the root's own libraries, found before the installed ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ovnkit.errors import LabError, MissingBinary
from ovnkit.lab import Lab, check
from ovnkit.lab.binaries import NEEDED, Binaries, versions
from ovnkit.ovsdb.server import Server, find_program, find_schema
from tests.lab.roots import fill


@pytest.fixture(scope="module")
def installed() -> None:
    if any(find_program(name) is None for name in NEEDED):
        pytest.skip("Open vSwitch and OVN are not installed")


@pytest.fixture(scope="module")
def root(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a distribution would install, of the programs that this machine has."""
    root = tmp_path_factory.mktemp("root")
    fill(root)
    # As update-alternatives does: an absolute link to another one, which only means the right thing inside the root.
    daemon = root / "usr/bin/ovs-vswitchd"
    daemon.rename(root / "usr/bin/ovs-vswitchd.plain")
    alternatives = root / "etc/alternatives"
    alternatives.mkdir(parents=True)
    daemon.symlink_to("/etc/alternatives/ovs-vswitchd")
    (alternatives / "ovs-vswitchd").symlink_to("../../usr/bin/ovs-vswitchd.plain")
    return root


def mapped(pid: int) -> set[str]:
    """The files that a process runs: its program, its loader and its libraries."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[-1] for line in lines if " r-xp " in line and "/" in line}


def test_a_server_runs_with_the_program_the_libraries_and_the_schema_of_its_root(root: Path, tmp_path: Path) -> None:
    env = Binaries.of(root).environment(tmp_path / "starters")
    schema = find_schema("ovn-nb.ovsschema", env)
    with Server(tmp_path / "nb.db", schema, run_dir=tmp_path, name="nb", env=env) as server:
        files = mapped(server.process.pid)
    assert schema == root / "usr/share/ovn/ovn-nb.ovsschema"
    assert str(root / "usr/bin/ovsdb-server") in files
    assert len(files) > 3
    assert [file for file in files if not file.startswith(str(root))] == []


def test_its_programs_know_their_names(root: Path, tmp_path: Path) -> None:
    """By its name a daemon calls its pidfile and its control socket, behind which ovs-appctl looks for it."""
    env = Binaries.of(root).environment(tmp_path)
    for name in NEEDED:
        starter = find_program(name, env)
        assert starter == str(tmp_path / name)
        said = subprocess.run([tmp_path / name, "--version"], check=True, capture_output=True, text=True).stdout
        assert said.startswith(name)


def test_versions_are_those_of_the_root(root: Path, tmp_path: Path) -> None:
    installed = subprocess.run(["ovn-northd", "--version"], check=True, capture_output=True, text=True).stdout
    ovn, ovs = versions(Binaries.of(root).environment(tmp_path))
    assert f"ovn-northd {ovn}" in installed
    assert re.match(r"[234]\.\d+\.\d+", ovs)


def test_a_root_without_a_loader_runs_with_the_libraries_of_this_machine(root: Path, tmp_path: Path) -> None:
    """As ``make install DESTDIR=`` leaves it."""
    destination = tmp_path / "it's /usr/local"
    for directory in ("bin", "share"):
        shutil.copytree(root / "usr" / directory, destination / "usr/local" / directory, symlinks=True)
    shutil.copytree(root / "etc", destination / "etc", symlinks=True)
    (destination / "etc/alternatives/ovs-vswitchd").unlink()
    (destination / "etc/alternatives/ovs-vswitchd").symlink_to("/usr/local/bin/ovs-vswitchd.plain")
    env = Binaries.of(destination).environment(tmp_path / "starters")
    assert find_schema("vswitch.ovsschema", env) == destination / "usr/local/share/openvswitch/vswitch.ovsschema"
    with Server(tmp_path / "db", find_schema("vswitch.ovsschema", env), run_dir=tmp_path, env=env) as server:
        files = mapped(server.process.pid)
    assert str(destination / "usr/local/bin/ovsdb-server") in files
    assert any("libc.so" in file and not file.startswith(str(tmp_path)) for file in files)
    assert versions(env)[1].count(".") == 2


@pytest.mark.parametrize("use", [Binaries.of, check, lambda root: Lab(binaries=root)], ids=["of", "check", "Lab"])
def test_all_that_a_root_lacks_is_in_one_error(root: Path, tmp_path: Path, use: Callable[[Path], object]) -> None:
    shutil.copytree(root / "usr/share", tmp_path / "usr/share")
    shutil.copytree(root / "usr/bin", tmp_path / "usr/bin", ignore=shutil.ignore_patterns("ovn-*"), symlinks=True)
    with pytest.raises(MissingBinary, match=re.escape(str(tmp_path))) as caught:
        use(tmp_path)
    # The link leads into a directory that is not there.
    assert caught.value.names == ("ovs-vswitchd", "ovn-northd", "ovn-controller", "ovn-appctl")
    assert caught.value.install == f"make install DESTDIR={tmp_path} (of Open vSwitch and OVN)"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n')
    with pytest.raises(MissingBinary) as caught:
        use(tmp_path)
    assert caught.value.install == f"chroot {tmp_path} zypper install -y openvswitch ovn-central ovn-host ovn"


@pytest.mark.parametrize("wrong", ["none", "usr/bin"])
def test_what_is_no_root_is_told_from_one_that_lacks_programs(root: Path, wrong: str) -> None:
    with pytest.raises(LabError, match=rf"{wrong} is no root directory: there is no usr/bin or usr/sbin below it"):
        Lab(binaries=root / wrong)


def test_schemas_that_a_root_lacks_are_missed(root: Path, tmp_path: Path) -> None:
    for directory in ("usr/bin", "etc", "usr/share/ovn"):
        shutil.copytree(root / directory, tmp_path / directory, symlinks=True)
    with pytest.raises(LabError, match=r"no schema vswitch\.ovsschema in .*/usr/share/openvswitch"):
        Binaries.of(tmp_path)


def test_links_in_a_circle_are_no_program(tmp_path: Path) -> None:
    directory = tmp_path / "usr/bin"
    directory.mkdir(parents=True)
    (directory / "ovs-vsctl").symlink_to("ovs-appctl")
    (directory / "ovs-appctl").symlink_to("/usr/bin/ovs-vsctl")
    with pytest.raises(MissingBinary) as caught:
        Binaries.of(tmp_path)
    assert caught.value.names == NEEDED


@pytest.mark.lab
@pytest.mark.usefixtures("lab_possible", "records")
def test_a_lab_runs_all_daemons_of_the_root(root: Path) -> None:
    with Lab(hosts=("ctl",), binaries=root) as lab:
        host, central = lab.host("ctl"), lab.central
        daemons = (
            host.vswitchd.process,
            host.controller.process,
            host.server.process,
            central.northbound_server.process,
            central.southbound_server.process,
            central.northd.process,
        )
        for daemon in daemons:
            foreign = [file for file in mapped(daemon.pid) if not file.startswith(str(root))]
            assert (daemon.argv[0], foreign) == (daemon.argv[0], [])
        # What its users run on a host as well, with the sockets of that host.
        assert f"ovs-vsctl (Open vSwitch) {lab.versions[1]}" in host.run("ovs-vsctl --version").stdout
        assert "br-phy" in host.run("ovs-vsctl show").stdout
        lab.northbound.add_switch("web")
        lab.northbound.sync("sb", timeout=10)
        host.restart_controller()
        deadline = time.monotonic() + 5
        while str(root / "usr/bin/ovn-controller") not in mapped(host.controller.process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.01)
