"""The set-up of the two commands of the README: it says what it installs, and why it cannot go on where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("cat", "chmod", "cksum", "dirname", "env", "grep", "id", "mv", "rm", "sh", "tee", "tr")
PROGRAMS = (
    *("ovs-vswitchd", "ovn-northd", "ovn-controller", "ip", "ethtool", "ping", "udhcpc", "ssh", "sshd"),
    "chromium",
)
NOBODY = 65534


class Machine:
    """A checkout on a machine where only those programs are found that the test puts there."""

    def __init__(self, directory: Path) -> None:
        self.checkout = directory / "checkout"
        self.bin = directory / "bin"
        self.policy = directory / "policy-rc.d"
        self.bin.mkdir()
        (self.checkout / "tests").mkdir(parents=True)
        for name in ("setup.cfg", "pyproject.toml", "README.md", "tests/run.sh"):
            shutil.copy(ROOT / name, self.checkout / name)
        for name in ("examples", "ovnkit"):
            shutil.copytree(ROOT / name, self.checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None, name
            (self.bin / name).symlink_to(found)
        for name in (*PROGRAMS, "python3"):
            self.put(name, "exit 0")

    def put(self, name: str, script: str) -> None:
        """A program of the machine."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def take_away(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def has_environment(self) -> None:
        """The virtual environment of the checkout is there, as the set-up leaves it."""
        (self.checkout / ".venv/bin").mkdir(parents=True)
        (self.checkout / ".venv/bin/python").symlink_to(self.bin / "python3")
        key = self.run("sh", "-c", ". examples/setup.sh; environment_key")
        assert key.returncode == 0, key.stderr
        (self.checkout / ".venv/ovnkit-test").write_text(key.stdout)

    def install(self) -> subprocess.CompletedProcess[str]:
        """The set-up's own part for packages, with the policy for services where the test can see it."""
        return self.run("sh", "-euc", f". examples/setup.sh; policy={self.policy}; install_packages")

    def run(self, *command: str, root: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        if root and os.geteuid() != 0:
            # What as_root() would ask sudo for touches nothing but this directory.
            self.put("id", "echo 0")
        user = None if root or os.geteuid() != 0 else NOBODY
        return subprocess.run(
            command,
            cwd=self.checkout,
            env={"PATH": str(self.bin), "PYTHONDONTWRITEBYTECODE": "1", **variables},
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine() -> Iterator[Machine]:
    # Not pytest's own directory, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="ovnkit-setup-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield Machine(directory)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence at the end."""
    assert done.returncode == 1, done.stdout + done.stderr
    before, mark, sentence = done.stderr.partition("Cannot go on: ")
    assert mark, before
    return sentence


def test_where_everything_is_there_nothing_is_installed(machine: Machine) -> None:
    done = machine.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "==> Distribution packages: all there\n", "")


def test_on_another_distribution_it_says_what_to_install_by_hand(machine: Machine) -> None:
    machine.take_away("ovn-northd", "ethtool")
    # The set-up also looks where only root does, where this machine may have what is missing here.
    done = machine.run("sh", "-euc", f". examples/setup.sh; PATH={machine.bin}; install_packages")
    said = refusal(done)
    assert "install these yourself and run this again: ovn-central ethtool (" in said
    assert "dnf install openvswitch ovn-central" in said


def test_without_root_it_says_who_can_install(machine: Machine) -> None:
    machine.take_away("ovn-northd")
    machine.put("apt-get", "exit 0")
    said = refusal(machine.run("sh", "-euc", ". examples/setup.sh; install_packages", root=False))
    assert "needs root, and there is no sudo" in said
    assert said.rstrip().endswith(": ovn-central")


@pytest.mark.parametrize("script", ["examples/quickstart.sh", "tests/run.sh"])
def test_without_root_both_commands_say_what_needs_it(machine: Machine, script: str) -> None:
    machine.has_environment()
    said = refusal(machine.run("sh", script, root=False))
    assert "network namespaces, which needs root, and there is no sudo; run this as root." in said


def test_the_tests_need_further_programs(machine: Machine) -> None:
    machine.take_away("ssh")
    machine.has_environment()
    said = refusal(machine.run("sh", "tests/run.sh"))
    assert "run this again: openssh-client (" in said
    machine.put("ssh", "exit 0")
    assert machine.install().returncode == 0


def test_packages_are_installed_while_no_service_may_start(machine: Machine) -> None:
    machine.take_away("ovn-northd")
    ask = f'{machine.policy} ovn-central start; echo "$1 while services are answered $?"'
    machine.put("apt-get", f"{ask}; : >{machine.bin}/ovn-northd; chmod +x {machine.bin}/ovn-northd")
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert "Installing distribution packages, without starting their services: ovn-central\n" in done.stdout
    assert "update while services are answered 101\n" in done.stdout
    assert "install while services are answered 101\n" in done.stdout
    assert not machine.policy.exists()


@pytest.mark.parametrize(
    ("ending", "status"), [("exit 100", 1), ("kill -TERM $PPID", 143), ("kill -INT $PPID; sleep 0.1", 130)]
)
def test_the_policy_of_the_machine_comes_back_however_it_ends(machine: Machine, ending: str, status: int) -> None:
    machine.take_away("ovn-northd")
    machine.put("apt-get", f"[ $1 != install ] || {{ {ending}; }}")
    (machine.bin / "sleep").symlink_to(str(shutil.which("sleep")))
    own = "#!/bin/sh\nexit 104\n"
    machine.policy.write_text(own)
    machine.policy.chmod(0o755)
    done = machine.install()
    assert done.returncode == status, done.stdout + done.stderr
    assert machine.policy.read_text() == own
    assert sorted(path.name for path in machine.policy.parent.iterdir()) == ["bin", "checkout", "policy-rc.d"]


def test_without_a_package_mirror_it_says_so(machine: Machine) -> None:
    machine.take_away("ovn-northd")
    machine.put("apt-get", "echo 'E: Temporary failure resolving' >&2; exit 100")
    done = machine.install()
    said = refusal(done)
    assert "trying with the package lists that are there" in done.stdout
    assert "check that this machine reaches its package mirror" in " ".join(said.split())
    assert "install these yourself and run this again: ovn-central" in said


def test_without_a_package_index_it_says_so(machine: Machine) -> None:
    machine.take_away("python3")
    (machine.bin / "python3").symlink_to(sys.executable)
    done = machine.run(
        *("sh", "-euc", ". examples/setup.sh; find_python; make_environment"),
        PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1",
    )  # fmt: skip
    said = refusal(done)
    assert "Making the Python environment .venv" in done.stdout
    assert "check that this machine reaches a Python package index" in said
    assert ".venv/bin/python -m pip install -e '.'" in said


def test_a_python_that_cannot_be_used_is_named(machine: Machine) -> None:
    said = refusal(machine.run("sh", "-euc", ". examples/setup.sh; install_packages", PYTHON="python2.7"))
    assert "PYTHON is set to 'python2.7'" in said
    machine.take_away("python3")
    machine.put("python3", "[ $# -eq 1 ] || case $2 in *platform*) echo 3.9.2;; *) exit 1;; esac")
    said = refusal(machine.run("sh", "-euc", ". examples/setup.sh; install_packages"))
    assert "needs Python 3.11 or newer, and this machine's python3 is 3.9.2" in said
