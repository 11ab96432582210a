"""A machine that cannot run a lab hears of all that is missing, in one error with its remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovnkit.errors import MissingBinary
from ovnkit.lab.requirements import PROGRAMS, check_programs, install_command
from ovnkit.ovsdb.server import find_program

_CHECK = """
from ovnkit.errors import LabError
from ovnkit.lab import Lab
try:
    Lab().start()
except LabError as error:
    print(type(error).__name__, error)
"""


def _start_lab(*prefix: str) -> str:
    command = [*prefix, sys.executable, "-c", _CHECK]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "apt-get install -y --no-install-recommends openvswitch-switch ovn-host"),
        (
            {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"},
            "apt-get install -y --no-install-recommends openvswitch-switch ovn-host",
        ),
        ({"ID": "fedora"}, "dnf install -y openvswitch ovn-host"),
        ({"ID": "centos", "ID_LIKE": "rhel fedora"}, "dnf install -y openvswitch ovn-host"),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "zypper install -y openvswitch ovn-host"),
    ],
)  # fmt: skip
def test_the_command_is_that_of_the_distribution(release: dict[str, str], command: str) -> None:
    assert install_command(["ovsdb-server", "ovs-vswitchd", "ovn-controller"], release) == command


def test_an_unknown_distribution_hears_what_to_look_for() -> None:
    assert "Open vSwitch, OVN (central and host)" in install_command(["ip"], {"ID": "nixos"})


def test_all_missing_programs_are_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("no-such-daemon", "no-such-tool")
    monkeypatch.setitem(PROGRAMS, names[0], ("package-a", "package-a", "package-a"))
    monkeypatch.setitem(PROGRAMS, names[1], ("package-b", "package-b", "package-b"))
    with pytest.raises(MissingBinary, match="not installed: no-such-daemon, no-such-tool; install with: ") as caught:
        check_programs()
    assert caught.value.names == names
    assert caught.value.install == install_command(names)


@pytest.fixture
def user_namespaces() -> None:
    """Skips where the kernel permits no user namespaces, as in a chroot."""
    outcome = subprocess.run(["unshare", "-U", "true"], check=False, capture_output=True, text=True)
    if outcome.returncode:
        pytest.skip(f"no user namespaces here: {outcome.stderr.strip()}")


@pytest.mark.usefixtures("lab_possible")
@pytest.mark.lab
class TestOnThisMachine:
    def test_a_missing_daemon_is_named_with_the_command_that_installs_it(self) -> None:
        hide = f'mount --bind /dev/null {find_program("ovn-controller")} && exec "$0" "$@"'
        said = _start_lab("unshare", "-m", "sh", "-c", hide)
        assert said.startswith("MissingBinary not installed: ovn-controller; install with: ")
        assert "ovn-host" in said

    @pytest.mark.may_skip
    @pytest.mark.usefixtures("user_namespaces")
    def test_without_root_it_says_how_to_go_on(self) -> None:
        said = _start_lab("unshare", "-U")
        assert said.startswith("MissingPrivilege the lab makes network namespaces, which needs root; run it as root")
        assert "unshare -rnm" in said

    def test_a_root_without_capabilities_hears_which(self) -> None:
        said = _start_lab("setpriv", "--bounding-set=-net_admin")
        assert said.startswith("MissingPrivilege root lacks CAP_NET_ADMIN here")

    def test_a_missing_tun_device_is_named_with_the_command_that_makes_it(self) -> None:
        said = _start_lab("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$0" "$@"')
        assert said.startswith("MissingPrivilege /dev/net/tun is not there; make it: modprobe tun")

    def test_a_kernel_without_veth_pairs_is_named(self, tmp_path: Path) -> None:
        real = find_program("ip")
        # Such a kernel cannot be had here; this is what iproute2 says of one.
        fake = tmp_path / "ip"
        fake.write_text(
            "#!/bin/sh\ncommands=$(cat)\n"
            'case "$commands" in *veth*) echo "Error: Unknown device type." >&2; exit 2;; esac\n'
            f'printf "%s\\n" "$commands" | exec {real} "$@"\n'
        )
        fake.chmod(0o755)
        said = _start_lab("env", f"PATH={tmp_path}:{os.environ['PATH']}")
        assert said.startswith("MissingPrivilege the kernel lacks network namespaces, veth pairs or bridges")
        assert "modprobe -a veth bridge tun" in said

    @pytest.mark.may_skip
    @pytest.mark.usefixtures("user_namespaces")
    def test_it_runs_without_root_in_a_user_namespace(self) -> None:
        script = "from ovnkit.lab import Lab\nwith Lab(('h',), ()) as lab: print(lab.host('h').vsctl('list-br'))"
        inside = 'mount -t tmpfs tmpfs /run && exec "$@"'
        command = ["unshare", "-rnm", "sh", "-c", inside, "sh", sys.executable, "-c", script]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1] == "br-phy"
