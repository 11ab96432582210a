"""Programs of a lab: marked as its own, in their namespaces, and restartable where they are daemons."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import attrs

from ovnkit.errors import LabError, MissingBinary, Timeout
from ovnkit.lab.requirements import install_command
from ovnkit.lab.state import MARKER, LabState
from ovnkit.ovsdb.server import Process, enter_namespace, find_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Completed", "Daemon", "Launcher", "program"]

Completed = subprocess.CompletedProcess[str]


def program(name: str, env: Mapping[str, str] | None = None) -> str:
    """The path of a program, on the ``PATH`` of ``env`` if it is given. Raises MissingBinary."""
    path = find_program(name, env)
    if path is None:
        raise MissingBinary((name,), install_command([name]))
    return path


@attrs.frozen
class Launcher:
    """Runs programs in one namespace of a lab; each carries the lab's mark, by which it is found again."""

    state: LabState
    namespace: str
    variables: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its programs: this program's own, the variables, and the lab's mark."""
        return {**os.environ, **self.variables, MARKER: self.state.token}

    def program(self, name: str) -> str:
        """The path of a program, as its programs would find it. Raises MissingBinary."""
        return program(name, self.environment)

    def start(self, argv: Sequence[str], *, log: Path, cwd: Path | None = None) -> Process:
        """Start a program that goes on until the lab ends."""
        return Process(argv, log=log, env=self.environment, namespace=self.namespace, cwd=cwd, die_with_parent=False)

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = 30.0,
        check: bool = True,
        stdin: str | None = None,
        cwd: Path | None = None,
    ) -> Completed:
        """Run a command (a string goes to ``sh -c``) and return its outcome with its output as text.

        Raises LabError when ``check`` is set and its exit status is not 0, Timeout after ``timeout`` seconds.
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        with subprocess.Popen(
            [*enter_namespace(self.namespace), *argv],
            env=self.environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            try:
                output, errors = child.communicate(stdin, timeout=timeout)
            except BaseException as error:
                # Its own children as well: they hold the pipes.
                os.killpg(child.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise Timeout(f"{_shown(command)} in {self.namespace}", timeout) from None
                raise
        if check and child.returncode:
            said = (errors or output).strip()
            raise LabError(f"in {self.namespace}: {_shown(command)} ended with status {child.returncode}: {said}")
        return Completed(argv, child.returncode, output, errors)


def _shown(command: str | Sequence[str]) -> str:
    return command if isinstance(command, str) else " ".join(command)


class Daemon:
    """A daemon of a lab. It may be stopped, killed and started again; its log is appended to."""

    def __init__(self, launcher: Launcher, argv: Sequence[str], *, log: Path) -> None:
        self.log = log
        self._launcher = launcher
        self._argv = tuple(argv)
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process of the last start. Raises LabError when there was none."""
        if self._process is None:
            raise LabError(f"{self._argv[0]} is not started")
        return self._process

    @property
    def command(self) -> tuple[str, ...]:
        """The command line that starts it."""
        return self._argv

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start it; a running one is left alone."""
        if not self.running:
            self._process = self._launcher.start(self._argv, log=self.log)

    def stop(self) -> None:
        """End it (SIGTERM) and wait for its end."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill it (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
