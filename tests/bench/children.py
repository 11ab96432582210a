"""The contestants' processes, as seen by the program that lets them compete."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ovnkit.ovsdb.server import find_program
from tests.bench.table import C_PARSER, FLOOR, NBCTL, OURS, OVSDBAPP

__all__ = ["Child", "Contestants", "missing"]

ROOT = Path(__file__).parents[2]
DEBIAN_PYTHON = "/usr/bin/python3"

# A process that is stopped would never see that there is nobody left to go on with.
_DIE_WITH_PARENT = [find_program("setpriv") or "setpriv", "--pdeathsig", "KILL", "--"]
_COMMANDS = {
    OURS: [sys.executable, "-m", "tests.bench.contestants.ovnkit"],
    OVSDBAPP: [sys.executable, "-m", "tests.bench.contestants.ovsdbapp"],
    C_PARSER: [
        DEBIAN_PYTHON,
        "-m",
        "tests.bench.contestants.ovsdbapp",
        "--site",
        sysconfig.get_path("purelib"),
    ],
    FLOOR: [sys.executable, "-m", "tests.bench.contestants.raw"],
}


def missing() -> dict[str, str]:
    """The contestants that are not on this machine, and why."""
    found: dict[str, str] = {}
    if find_program("ovn-nbctl") is None:
        found[NBCTL] = "ovn-nbctl is not installed (Debian: ovn-common)"
    try:
        with Child(C_PARSER) as child:
            if child.ask("parser") != "C":
                found[C_PARSER] = f"the ovs of {DEBIAN_PYTHON} has no JSON parser in C (Debian: python3-openvswitch)"
    except (OSError, RuntimeError) as exc:
        reason = str(exc).strip().splitlines()[-1]
        found[C_PARSER] = f"{DEBIAN_PYTHON} cannot run ovsdbapp (Debian: python3-openvswitch): {reason}"
    return found


class Child:
    """One contestant's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*_DIE_WITH_PARENT, *_COMMANDS[name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )

    def send(self, do: str, **arguments: Any) -> None:
        """Ask for something; ``receive()`` gives the answer."""
        assert self._process.stdin is not None
        # A process that could not start says why in the answer.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()

    def receive(self) -> Any:
        """The answer. Raises RuntimeError with the traceback of the process."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self.name} ended: {self._errors.read()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer["result"]

    def ask(self, do: str, **arguments: Any) -> Any:
        """Ask for something, and wait for the answer."""
        self.send(do, **arguments)
        return self.receive()

    def pause(self) -> None:
        """Take no time from others."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process, and wait for its end."""
        self.resume()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._errors.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Contestants:
    """Those that stay connected to one server, for measures that do not begin with connecting."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self._children: dict[str, Child] = {}

    def adopt(self, child: Child) -> None:
        """Keep one that is connected."""
        self._children[child.name] = child

    def get(self, name: str) -> Child:
        """A connected contestant."""
        if name not in self._children:
            child = self._children[name] = Child(name)
            child.ask("connect", remote=self.remote)
        return self._children[name]

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[Child]:
        """A contestant, while all others are stopped."""
        child = self.get(name)
        others = [other for other in self._children.values() if other is not child]
        for other in others:
            other.pause()
        try:
            yield child
        finally:
            for other in others:
                other.resume()

    def see(self, switch: str) -> None:
        """Wait until all have caught up with the server so far that they see a switch."""
        for child in self._children.values():
            child.send("wait_for", switch=switch)
        for child in self._children.values():
            child.receive()

    def close(self) -> None:
        """End all processes: each size of the data set is measured by new ones."""
        for child in self._children.values():
            child.close()
        self._children.clear()
