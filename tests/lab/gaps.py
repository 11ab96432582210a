"""How long packets stay away while something is done to the network that carries them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from ovnkit.lab.endpoint import Endpoint

__all__ = ["Pings", "pings"]

_REPLY = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from ", re.MULTILINE)
_INTERVAL = 0.1
_SETTLE_SECONDS = 1.0


@attrs.define
class Pings:
    """Answers to echo requests, one sent every 0.1 s."""

    log: Path
    replies: list[float] = attrs.field(factory=list[float])

    @property
    def longest_gap(self) -> float:
        """The longest time without an answer, in seconds."""
        return max(after - before for before, after in zip(self.replies, self.replies[1:], strict=False))

    def read(self) -> list[float]:
        """When the answers came so far."""
        return [float(stamp) for stamp in _REPLY.findall(self.log.read_text())]


@contextmanager
def pings(source: Endpoint, address: str, *, recovery: float = 30.0) -> Iterator[Pings]:
    """Ping while the block runs, and afterwards until answers come again; ``replies`` are complete then."""
    process = source.start(["ping", "-n", "-D", "-i", str(_INTERVAL), address])
    seen = Pings(process.log)
    try:
        _wait_for_answers(seen, time.time(), recovery)
        yield seen
        _wait_for_answers(seen, time.time() + _SETTLE_SECONDS, recovery)
    finally:
        process.stop()
    seen.replies = seen.read()


def _wait_for_answers(seen: Pings, since: float, limit: float) -> None:
    deadline = time.time() + limit
    while len([stamp for stamp in seen.read() if stamp > since]) < 5:
        assert time.time() < deadline, f"no answers within {limit:g} s"
        time.sleep(_INTERVAL)
