"""What a fault needs to be inflicted, and what is noted of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import attrs

from tests.chaos.crew import Crew
from tests.chaos.proxy import CuttingProxy
from tests.chaos.targets import ClusterTarget, StandaloneTarget, Target
from tests.chaos.writer import Oracle

__all__ = ["Scene", "longest_gap"]

_RECOVERY_SECONDS = 60.0


@attrs.define
class Scene:
    """A target with writers on it."""

    target: Target
    crew: Crew
    rng: random.Random
    wanted: int
    """How many faults."""
    brief: bool
    """Short outages, for a run of seconds."""
    say: Callable[[str], None]
    patience: float = 1.0
    """How many times as long as ovnkit's writers those of the control need until they write again."""
    proxy: CuttingProxy | None = None
    faults: int = 0
    events: list[float] = attrs.field(factory=list[float])
    """When a fault began from which clients have to recover, or when an outage that they have to wait out ended."""
    evidence: list[str] = attrs.field(factory=list[str])
    trouble: list[str] = attrs.field(factory=list[str])

    @property
    def cluster(self) -> ClusterTarget:
        assert isinstance(self.target, ClusterTarget)
        return self.target

    @property
    def standalone(self) -> StandaloneTarget:
        assert isinstance(self.target, StandaloneTarget)
        return self.target

    def event(self) -> float:
        """Now is when recovery begins."""
        now = time.monotonic()
        self.events.append(now)
        return now

    def recovered(self, since: float) -> None:
        """Wait until every writer has had a write acknowledged since then."""
        if not self.crew.wait_acknowledged(since, _RECOVERY_SECONDS):
            self.trouble.append(f"a writer had nothing acknowledged for {_RECOVERY_SECONDS:g} s after a fault")

    def rest(self, most: float) -> None:
        """Let the writers write for a while, up to ``most`` seconds."""
        time.sleep(self.rng.uniform(0.1 * most, most))

    def until(self, end: float) -> None:
        """Wait for a moment."""
        time.sleep(max(0.0, end - time.monotonic()))

    def counted(self) -> None:
        """One fault more."""
        self.faults += 1
        if self.faults % 10 == 0:
            self.say(f"{self.faults} of {self.wanted}")


def longest_gap(oracles: list[Oracle], events: list[float]) -> float:
    """The longest time that a writer had to wait for its next acknowledged write, from the event that it waited out."""
    longest = 0.0
    for oracle in oracles:
        for start, end in oracle.gaps:
            inside = [event for event in events if start < event < end]
            longest = max(longest, end - (inside[0] if inside else start))
    return longest
