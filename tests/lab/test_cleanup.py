"""However a lab's program ends, nothing of the lab is left; and nothing else is touched."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ovnkit.errors import LabError
from ovnkit.lab import Lab, down
from ovnkit.lab.cleanup import remove_abandoned
from ovnkit.lab.state import LabState
from ovnkit.northbound import LogicalSwitch
from tests.lab.conftest import leftovers

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_possible")]

_PROGRAM = """
import sys, time
from ovnkit.lab import Lab
with Lab(("one", "two"), ("one",), name="mine") as lab:
    print("started", flush=True)
    time.sleep(60)
"""


@contextmanager
def _program(script: str = _PROGRAM) -> Iterator[subprocess.Popen[str]]:
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with program:
        try:
            yield program
        finally:
            program.kill()


def _started(program: subprocess.Popen[str]) -> None:
    assert program.stdout is not None
    assert program.stdout.readline() == "started\n"


def _token(records: Path) -> str:
    """The mark of the lab's processes; empty before there is a lab."""
    for owner in records.glob("*/owner.json"):
        return str(json.loads(owner.read_text())["token"])
    return ""


def _lifelines(owner: int) -> list[int]:
    """The children of the program that watch its end."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "sh" and int(rest.split()[1]) == owner:
            found.append(int(stat.parent.name))
    return found


def _becomes_empty(look: Callable[[], list[str]], *, within: float = 10.0) -> list[str]:
    deadline = time.monotonic() + within
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_nothing_is_left_after_the_block(records: Path) -> None:
    with Lab(("one",), ("one",), name="mine") as lab:
        token = _token(records)
        assert len(leftovers("mine", records, token)) > 5
        assert lab.host("one").vswitch.state == "ready"
    assert leftovers("mine", records, token) == []


def test_nothing_is_left_after_an_exception_in_the_block(records: Path) -> None:
    tokens: list[str] = []

    def fail() -> None:
        with Lab(("one",), (), name="mine"):
            tokens.append(_token(records))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert leftovers("mine", records, *tokens) == []


def test_nothing_is_left_of_a_start_that_fails(records: Path) -> None:
    # The second namespace is in the way.
    subprocess.run(["ip", "netns", "add", "ovnkit-mine-two"], check=True)
    try:
        with pytest.raises(LabError, match="ovnkit-mine-two exists and is not of this lab"):
            Lab(("one", "two"), (), name="mine").start()
        assert Path("/run/netns/ovnkit-mine-two").exists()
    finally:
        subprocess.run(["ip", "netns", "del", "ovnkit-mine-two"], check=True)
    assert leftovers("mine", records, "none") == []


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name
)
def test_a_signal_removes_the_lab_without_another_start(records: Path, number: signal.Signals) -> None:
    with _program() as program:
        _started(program)
        token = _token(records)
        program.send_signal(number)
    assert _becomes_empty(lambda: leftovers("mine", records, token)) == []


def test_killed_ten_times_at_random_moments_the_next_start_removes_everything(records: Path) -> None:
    chance = random.Random(2)
    for _ in range(10):
        with _program() as program:
            time.sleep(chance.uniform(0.2, 1.2))
            for lifeline in _lifelines(program.pid):
                with suppress(ProcessLookupError):
                    os.kill(lifeline, signal.SIGKILL)
            program.kill()
            program.wait()
            token = _token(records)
        with Lab(("next",), (), name="next"):
            assert [path.name for path in records.iterdir()] == ["next"]
        assert leftovers("mine", records, token or "none") == []


def test_a_program_that_forgets_to_stop_its_lab_leaves_nothing(records: Path) -> None:
    script = "from ovnkit.lab import Lab\nlab = Lab(('one',), (), name='mine').start()\nprint('started')"
    with _program(script) as program:
        _started(program)
    assert _becomes_empty(lambda: leftovers("mine", records, "none")) == []


def test_a_kept_lab_runs_on_until_down(records: Path) -> None:
    script = (
        "from ovnkit.lab import Lab\n"
        "with Lab(('one',), (), name='mine') as lab:\n"
        "    lab.keep()\n"
        "    print(lab.host('one').server.socket)"
    )
    with _program(script) as program:
        assert program.stdout is not None
        database = program.stdout.readline().strip()
    token = _token(records)
    assert remove_abandoned() == []
    listing = ["ovs-vsctl", f"--db=unix:{database}", "br-exists", "br-phy"]
    assert subprocess.run(listing, check=False).returncode == 0
    with pytest.raises(LabError, match="was kept; remove it with: ovnkit lab down"):
        Lab(("one",), (), name="mine").start()
    assert down() == ["mine"]
    assert leftovers("mine", records, token) == []
    assert down() == []


def test_two_labs_at_once_do_not_see_each_other(records: Path) -> None:
    with Lab(("one",), ("one",)) as first, Lab(("one",), ("one",)) as second:
        assert first.spec.central.southbound != second.spec.central.southbound
        second.stop()
        assert first.host("one").vsctl("br-exists", "br-ex") == ""
        assert first.southbound.state == "ready"


def test_what_others_have_made_stays(records: Path) -> None:
    """Namespaces and interfaces that are called like those of labs, and processes inside of a lab's namespace."""
    state = LabState.create("other")
    subprocess.run(["ip", "netns", "add", "ovnkit-other-one"], check=True)
    subprocess.run(["ip", "link", "add", "ovnkit-other", "type", "veth", "peer", "name", "ovnkit-othr"], check=True)
    try:
        with Lab(("one",), (), name="mine") as lab:
            inside = f"--net=/run/netns/{lab.host('one').namespace}"
            guest = subprocess.Popen(["nsenter", inside, "sleep", "60"])
        survived = guest.poll() is None
        guest.kill()
        guest.wait()
        assert survived
        assert Path("/run/netns/ovnkit-other-one").exists()
        assert "ovnkit-other" in {name for _, name in socket.if_nameindex()}
        assert LabState.load(state.directory) == state
    finally:
        subprocess.run(["ip", "netns", "del", "ovnkit-other-one"], check=True)
        subprocess.run(["ip", "link", "del", "ovnkit-other"], check=True)


def test_a_lab_can_be_started_again(records: Path) -> None:
    lab = Lab(("one",), (), name="mine")
    for _ in range(2):
        with lab:
            assert lab.host("one").vsctl("br-exists", "br-phy") == ""
    with pytest.raises(LabError, match="not started"):
        lab.northbound.find(LogicalSwitch)
