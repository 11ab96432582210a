"""Anything in a lab that sends and receives packets: pings, TCP transfers and HTTP requests, measured."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ovnkit.errors import LabError, Timeout
from ovnkit.lab import peer
from ovnkit.lab.processes import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ovnkit.lab.processes import Completed, Launcher
    from ovnkit.ovsdb.server import Process

__all__ = ["Endpoint", "PingResult", "Transfer"]

_ROUND_TRIP = re.compile(r"\btime=([0-9.]+) ms")
_STARTUP_SECONDS = 5.0
_POLL_SECONDS = 0.005
_PAUSE_SECONDS = 0.1
_IMPATIENT_SECONDS = 0.2


@attrs.frozen
class PingResult:
    """What came back of some pings. It is true when all were answered."""

    target: str
    sent: int
    times: tuple[float, ...]
    """Round-trip times in milliseconds, one for each answer."""

    @property
    def received(self) -> int:
        """The number of answers."""
        return len(self.times)

    @property
    def average(self) -> float | None:
        """The average round-trip time in milliseconds, None without an answer."""
        return sum(self.times) / len(self.times) if self.times else None

    def __bool__(self) -> bool:
        return self.received == self.sent

    def __str__(self) -> str:
        speed = "" if self.average is None else f", {self.average:.2f} ms"
        return f"{self.target}: {self.received} of {self.sent} answered{speed}"


@attrs.frozen
class Transfer:
    """Bytes sent over one TCP connection, all of which arrived unchanged."""

    size: int
    seconds: float

    @property
    def megabits_per_second(self) -> float:
        """The speed in Mbit/s."""
        return self.size * 8 / self.seconds / 1e6

    def __str__(self) -> str:
        return f"{self.size / 1e6:.1f} MB in {self.seconds:.2f} s, {self.megabits_per_second:.0f} Mbit/s"


class Endpoint:
    """A network namespace with an address in it."""

    def __init__(self, name: str, launcher: Launcher, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.launcher = launcher
        self._started = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def namespace(self) -> str:
        """The name of its network namespace, for ``ip netns exec``."""
        return self.launcher.namespace

    def run(self, command: str | Sequence[str], *, timeout: float = 30.0, check: bool = True) -> Completed:
        """Run a command inside (a string goes to ``sh -c``); its outcome has the output as text.

        Raises LabError when ``check`` is set and the exit status is not 0, Timeout after ``timeout`` seconds.
        """
        return self.launcher.run(command, timeout=timeout, check=check)

    def start(self, argv: Sequence[str]) -> Process:
        """Start a program inside that goes on until it is stopped or the lab ends; its output is in its ``log``."""
        self._started += 1
        log = self.directory / f"{self.name}-{self._started}-{Path(argv[0]).name}.log"
        return self.launcher.start(argv, log=log)

    def ping(
        self, address: str, *, count: int = 1, interval: float = 0.2, timeout: float = 2.0, size: int = 56
    ) -> PingResult:
        """Ping an address ``count`` times, ``interval`` seconds apart; an answer may take ``timeout`` seconds.

        ``size`` is that of the payload in bytes.
        """
        options = ["-n", "-c", str(count), "-i", str(interval), "-W", str(timeout), "-s", str(size)]
        limit = count * (interval + timeout) + _STARTUP_SECONDS
        outcome = self.run([program("ping"), *options, address], timeout=limit, check=False)
        times = tuple(float(milliseconds) for milliseconds in _ROUND_TRIP.findall(outcome.stdout))
        return PingResult(address, count, times)

    def wait_ping(self, address: str, *, timeout: float = 15.0) -> float:
        """Ping until the first answer; the seconds that it took. Raises Timeout."""
        started = time.monotonic()
        while not self.ping(address, timeout=_IMPATIENT_SECONDS):
            if time.monotonic() - started > timeout:
                raise Timeout(f"an answer of {address} to a ping from {self.name}", timeout)
        return time.monotonic() - started

    @contextmanager
    def listen(self, port: int) -> Iterator[None]:
        """Take TCP connections on a port, as the other end of ``tcp``, while the block lasts."""
        with self._peer("listen", str(port)):
            yield

    def tcp(self, address: str, port: int, *, size: int = 1_000_000, timeout: float = 15.0) -> Transfer:
        """Send ``size`` bytes to an endpoint that listens, which answers with their digest.

        Raises LabError unless all arrived unchanged within ``timeout`` seconds.
        """
        argv = _peer_argv("send", address, str(port), str(size), str(timeout))
        return Transfer(**json.loads(self.run(argv, timeout=timeout + _STARTUP_SECONDS).stdout))

    @contextmanager
    def serve(self, body: str, *, port: int = 80) -> Iterator[None]:
        """Answer HTTP requests while the block lasts; ``{client}`` and ``{path}`` in the body are filled in."""
        with self._peer("serve", str(port), body):
            yield

    def http(self, url: str, *, timeout: float = 5.0) -> str:
        """The body of a web page. Raises LabError when there is none within ``timeout`` seconds."""
        return self.run(_peer_argv("get", url, str(timeout)), timeout=timeout + _STARTUP_SECONDS).stdout

    def wait_http(self, url: str, *, timeout: float = 15.0) -> str:
        """The body of a web page, asked for until it is answered; LabError, the last one, after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.http(url, timeout=1.0)
            except LabError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)

    @contextmanager
    def _peer(self, *arguments: str) -> Iterator[Process]:
        process = self.start_peer(*arguments)
        try:
            yield process
        finally:
            process.stop()

    def start_peer(self, *arguments: str) -> Process:
        """Start the far end of ``tcp`` or ``http`` (see ``ovnkit.lab.peer``) and wait until it listens.

        Raises LabError.
        """
        process = self.start(_peer_argv(*arguments))
        deadline = time.monotonic() + _STARTUP_SECONDS
        while peer.READY not in process.last_words():
            if process.wait(_POLL_SECONDS) or time.monotonic() > deadline:
                process.kill()
                raise LabError(f"in {self.namespace}: nothing listens: {process.last_words()}")
        return process


def _peer_argv(*arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", peer.__file__, *arguments]
