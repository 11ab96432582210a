"""How far work on many hosts has come, as events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

import attrs

__all__ = ["Event", "Step", "Steps"]

Step = Literal["files", "read", "compare", "record", "write", "done", "failed"]
"""What is being done on a host: read its files and write them, read its database, compare it with the spec, write down
the way back, change it."""


@attrs.frozen
class Event:
    """A host has come to a step. ``finished`` of ``hosts`` are done or have failed."""

    host: str
    step: Step
    finished: int
    hosts: int


class Steps:
    """Counts the steps of all hosts and tells of each, one at a time, from whichever thread it is taken in."""

    def __init__(self, hosts: int, tell: Callable[[Event], object] | None) -> None:
        self._hosts = hosts
        self._tell = tell
        self._lock = threading.Lock()
        self._finished = 0
        self._at: dict[str, Step] = {}

    def take(self, host: str, step: Step) -> None:
        """A host has come to a step."""
        with self._lock:
            self._at[host] = step
            self._finished += step in ("done", "failed")
            if self._tell is not None:
                self._tell(Event(host, step, self._finished, self._hosts))

    def of(self, host: str) -> Step:
        """The step at which a host is, "read" before its first."""
        return self._at.get(host, "read")
