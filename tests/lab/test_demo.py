"""The demo, by its command: what it shows holds, it fails when something does not, and it goes as it came."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import pytest

from ovnkit.ovsdb.server import find_program
from tests.lab.foreign import foreign_ovs, run_directories

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_possible")]

_MARK = "OVNKIT_TEST_DEMO"
_TIMED = re.compile(r"\[ *(?P<seconds>\d+\.\d\d) s\] (?P<text>.*)")
_PROOFS = (
    "the hosts are fit for it: no errors on 3 hosts; left by the agent on ctl: ports int-br-ex, phy-br-ex",
    "the cluster is as the spec says: 28 of 28 checks hold",
    "DHCP lease that OVN answered, no DHCP server anywhere: 10.0.0.12/24 from 10.0.0.1",
    "VM to VM across hosts over geneve, ping: 10.0.0.12: 3 of 3 answered",
    "VM to VM across hosts over geneve, TCP: 5.0 MB in ",
    "metadata address from vm1, answered on its own host: host=cmp1 client=10.0.0.11",
    "metadata address from vm2, answered on its own host: host=cmp2 client=10.0.0.12",
    "VM to the outside through SNAT: 203.0.113.1: 3 of 3 answered",
    "outside to VM by its floating IP: 203.0.113.100: 3 of 3 answered",
    "the agent's patch ports removed, OVN's kept: their OpenFlow ports as before, patch-",
    "outside to VM by its floating IP, after that: 203.0.113.100: 3 of 3 answered",
    "a second plan is empty: 3 hosts: 0 to change, 3 as they should be",
    "verified again, with the provider network: 29 of 29 checks hold",
)


@attrs.frozen
class Machine:
    """What a lab makes on this machine, as seen by one test: its own records, and marked processes."""

    records: Path
    elsewhere: Path
    """Its working directory, and where its temporary files go."""
    token: str
    variables: dict[str, str] = attrs.field(factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        here = {"TMPDIR": str(self.elsewhere), "HOME": str(self.elsewhere), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **here, **self.variables, _MARK: self.token, "PYTHONPATH": os.pathsep.join(sys.path)}

    def ovnkit(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*before, *_COMMAND, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.elsewhere,
            check=False,
            timeout=100,
        )

    @contextmanager
    def demo(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The demo as it runs; it is ended with the block."""
        command = [*_COMMAND, "lab", "demo", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=self.environment,
            cwd=self.elsewhere,
            start_new_session=True,
        ) as program:
            try:
                yield program
            finally:
                program.kill()

    def processes(self) -> dict[int, str]:
        """Everything that was started by a command of this test, at whatever remove."""
        mark = f"{_MARK}={self.token}".encode()
        found: dict[int, str] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                continue
        return found

    def files(self) -> list[str]:
        """What lies where labs are recorded, and where their programs could have left something."""
        return [str(path) for place in (self.records, self.elsewhere) for path in place.rglob("*")]


_COMMAND = (sys.executable, "-P", "-m", "ovnkit")


@pytest.fixture
def machine(records: Path, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(records, tmp_path / "elsewhere", token=os.urandom(8).hex())
    made.elsewhere.mkdir()
    yield made
    made.ovnkit("lab", "down")
    assert _still(made.processes) == {}
    assert made.files() == []


def _still(look: Callable[[], Collection[object]], *, within: float = 15.0) -> Collection[object]:
    """What is left of something that goes by itself."""
    deadline = time.monotonic() + within
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _network() -> set[str]:
    """All network namespaces and interfaces of this machine."""
    namespaces = {path.name for path in Path("/run/netns").iterdir()}
    return namespaces | {name for _, name in socket.if_nameindex()}


@contextmanager
def _network_as_before() -> Iterator[None]:
    """What has come in the block is gone, or goes: it may be another lab's."""
    before = _network()
    yield
    new = _network() - before
    assert _still(lambda: new & _network(), within=60) == set()


def _read_to(program: subprocess.Popen[str], text: str) -> str:
    """The output up to the line with that text."""
    assert program.stdout is not None
    seen = ""
    for line in program.stdout:
        seen += line
        if text in line:
            return seen
    pytest.fail(f"the demo has ended without {text!r}: {seen}")


def _ends(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit status and what it still has said."""
    output, errors = program.communicate(timeout=100)
    return program.returncode, output, errors


def _lab(machine: Machine) -> str:
    (directory,) = machine.records.iterdir()
    return directory.name


def test_all_that_it_shows_holds_and_nothing_is_left(machine: Machine) -> None:
    started = time.monotonic()
    with _network_as_before():
        outcome = machine.ovnkit("lab", "demo")
        assert (machine.processes(), machine.files()) == ({}, [])
    assert time.monotonic() - started < 20
    assert (outcome.returncode, outcome.stderr) == (0, "")
    lines = [(float(line["seconds"]), line["text"]) for line in map(_TIMED.match, outcome.stdout.splitlines()) if line]
    assert [seconds for seconds, _ in lines] == sorted(seconds for seconds, _ in lines)
    proofs = [text for _, text in lines if text.startswith("ok  ")]
    assert len(proofs) == len(_PROOFS)
    for shown, expected in zip(proofs, _PROOFS, strict=True):
        assert shown.startswith(f"ok  {expected}")
    assert "FAILED" not in outcome.stdout
    assert lines[-1][1] == "all of it held"

    shown_things = [line.strip() for line in outcome.stdout.splitlines() if line.startswith(" ")]
    assert "+ Open_vSwitch external_ids:ovn-bridge-mappings = physnet1:br-ex" in shown_things
    assert "3 hosts: 3 to change, 0 as they should be" in shown_things
    assert "- Port int-br-ex" in shown_things
    assert "- Port phy-br-ex" in shown_things
    assert "├── floating ip 203.0.113.100  <-> 10.0.0.11" in shown_things
    assert max(len(line) for line in outcome.stdout.splitlines() if line.startswith(" ")) <= 100


def test_kept_it_runs_on_and_what_it_says_of_looking_around_works(machine: Machine) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**machine.environment, "PATH": path}

    def shell(*script: str) -> str:
        command = ["sh", "-ec", "\n".join(script)]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    with _network_as_before():
        outcome = machine.ovnkit("lab", "demo", "--keep")
        assert (outcome.returncode, outcome.stderr) == (0, "")
        _, _, rest = outcome.stdout.partition("the lab stays up. To look around:\n")
        *looks, down = (line.strip() for line in rest.splitlines() if line.startswith(" "))
        said = shell(*looks)
        for expected in ("router", "localnet", "provnet-outside", "hostname: cmp1", "Bridge br-ex", "ovn-northd.log"):
            assert expected in said
        assert said.count("3 packets transmitted, 3 received") == 2
        assert machine.processes()
        assert re.fullmatch(r"1 lab removed: \w+\n", shell(down))
        assert (machine.processes(), machine.files()) == ({}, [])
    assert machine.ovnkit("lab", "down").stdout == "no lab is running\n"


def test_ctrl_c_in_the_middle_leaves_nothing(machine: Machine) -> None:
    with _network_as_before(), machine.demo() as program:
        _read_to(program, "one transaction")
        # As a terminal does: to everything in the foreground.
        os.killpg(program.pid, signal.SIGINT)
        status, _, errors = _ends(program)
        assert (status, errors) == (130, "ovnkit: interrupted\n")
        assert (machine.processes(), machine.files()) == ({}, [])


def test_sigterm_in_the_middle_leaves_nothing(machine: Machine) -> None:
    with _network_as_before(), machine.demo() as program:
        _read_to(program, "one transaction")
        program.terminate()
        status, _, _ = _ends(program)
        assert status == -signal.SIGTERM
        assert _still(machine.processes) == {}
        assert machine.files() == []


def test_it_ends_quietly_when_nobody_reads_on(machine: Machine) -> None:
    with _network_as_before(), machine.demo() as program:
        _read_to(program, "the plan:")
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert (program.wait(20), program.stderr.read()) == (1, "")
        assert (machine.processes(), machine.files()) == ({}, [])


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("follower", ["down", "demo"])
def test_killed_ten_times_at_random_moments_the_next_command_removes_everything(
    machine: Machine, follower: str
) -> None:
    """Half of the times together with the process that watches over the lab."""
    chance = random.Random(f"killed, then {follower}")
    with _network_as_before():
        for number in range(10):
            with machine.demo() as program:
                time.sleep(chance.uniform(0.1, 4.5))
                if number % 2:
                    for pid, name in machine.processes().items():
                        if name == "sh" and os.getsid(pid) == pid:
                            os.kill(pid, signal.SIGKILL)
                program.kill()
                program.wait()
            assert machine.ovnkit("lab", follower).returncode == 0
            assert _still(machine.processes, within=2) == {}
            assert machine.files() == []


@pytest.mark.parametrize("killed", [False, True], ids=["to the end", "killed"])
def test_another_open_vswitch_is_not_touched(machine: Machine, killed: bool) -> None:
    with foreign_ovs() as (directory, state):
        before = state()
        # All that a program of the lab finds there if it is not told otherwise.
        machine.variables.update(run_directories(directory))
        if killed:
            with machine.demo() as program:
                _read_to(program, "one transaction")
                program.kill()
                program.wait()
            machine.ovnkit("lab", "down")
            assert _still(machine.processes) == {}
        else:
            assert machine.ovnkit("lab", "demo").returncode == 0
        assert state() == before


def test_without_root_it_says_what_is_missing(machine: Machine) -> None:
    script = (
        "import os, sys, ovnkit.lab.demo; from ovnkit.cli import main; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main(['lab', 'demo']))"
    )
    command = [sys.executable, "-P", "-c", script]
    outcome = subprocess.run(command, capture_output=True, text=True, env=machine.environment, check=False)
    assert outcome.returncode == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("ovnkit: the lab makes network namespaces, which needs root; run it as root")
    assert machine.files() == []


def test_without_ovn_controller_it_says_how_to_install_it(machine: Machine) -> None:
    directories = {*os.environ["PATH"].split(os.pathsep), str(Path(str(find_program("ovn-controller"))).parent)}
    everywhere = {path.resolve() for path in (Path(one, "ovn-controller") for one in directories) if path.exists()}
    hide = " && ".join([*(f"mount --bind /dev/null {path}" for path in everywhere), 'exec "$0" "$@"'])
    outcome = machine.ovnkit("lab", "demo", before=("unshare", "-m", "sh", "-c", hide))
    assert outcome.returncode == 1
    (line,) = outcome.stderr.splitlines()
    assert re.fullmatch(r"ovnkit: not installed: ovn-controller; install with: .*ovn-host", line)
    assert machine.files() == []


def test_it_fails_when_a_packet_has_no_answer(machine: Machine) -> None:
    """The responder of metadata on one host is gone."""
    with machine.demo() as program:
        seen = _read_to(program, "ok  DHCP lease")
        inode = Path("/run/netns", f"ovnkit-{_lab(machine)}-metadata-metadata-tenant-cmp2").stat().st_ino
        for pid in machine.processes():
            # Others come and go meanwhile.
            with suppress(FileNotFoundError):
                if Path(f"/proc/{pid}/ns/net").stat().st_ino == inode:
                    os.kill(pid, signal.SIGKILL)
        status, rest, _ = _ends(program)
    failed = [line for line in (seen + rest).splitlines() if "FAILED" in line]
    assert status == 1
    assert len(failed) == 1
    assert "FAILED  metadata address from vm2, answered on its own host: " in failed[0]
    assert rest.endswith("NOT all of it held\n")


def test_it_fails_when_a_host_is_not_as_the_spec_says(machine: Machine) -> None:
    """Somebody takes from the gateway what makes it one: seen by the second plan and by verification."""
    with machine.demo() as program:
        _read_to(program, "ok  VM to VM across hosts over geneve, TCP")
        database = f"--db=unix:{machine.records}/{_lab(machine)}/ctl/db.sock"
        command = ["ovs-vsctl", database, "remove", "Open_vSwitch", ".", "external_ids", "ovn-cms-options"]
        subprocess.run(command, check=True)
        status, rest, _ = _ends(program)
    failed = [line.partition("FAILED  ")[2] for line in rest.splitlines() if "FAILED" in line]
    assert status == 1
    assert [line.partition(":")[0] for line in failed] == [
        "a second plan is empty",
        "verified again, with the provider network",
    ]
    assert "+ Open_vSwitch external_ids:ovn-cms-options = enable-chassis-as-gw" in rest
    assert rest.endswith("NOT all of it held\n")


def test_it_fails_and_ends_when_it_cannot_go_on(machine: Machine) -> None:
    """Somebody has a network namespace of the name that a virtual machine is to get."""
    with machine.demo() as program:
        _read_to(program, "ctl gets")
        namespace = f"ovnkit-{_lab(machine)}-vm1"
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        try:
            status, rest, errors = _ends(program)
            assert Path("/run/netns", namespace).exists()
        finally:
            subprocess.run(["ip", "netns", "del", namespace], check=True)
    assert (status, errors) == (1, "")
    assert f"FAILED  the demo cannot go on: network namespace {namespace} exists" in rest
    assert rest.endswith("NOT all of it held\n")
