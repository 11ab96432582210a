"""A writer that owns its rows, and its oracle: what was acknowledged, refused, unknown and then resolved."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, MutableSequence
from threading import Event
from uuid import UUID

import attrs

from tests.chaos.driver import Driver, How, Refused, Unknown
from tests.chaos.model import Change, InsertSet, InsertSwitch, State, applied, next_change
from tests.chaos.verdict import Findings, Refusal, judge_row

__all__ = ["Oracle", "Writer"]

_LONG_GAP = 0.2
_SLOW = 4.0
_CATCH_UP_SECONDS = 5.0
_RESOLVE_SECONDS = 60.0
_MOST_REFUSED = 20
_HOWS: tuple[How, ...] = ("patient", "patient", "patient", "hasty", "submitted")
_PAUSE_AFTER_REFUSAL = 0.01


@attrs.define
class Oracle:
    """What one writer was told. Everything here can travel to another process."""

    writer: str
    rows: dict[str, State] = attrs.field(factory=dict[str, State])
    uuids: dict[str, UUID] = attrs.field(factory=dict[str, UUID])
    deleted: set[str] = attrs.field(factory=set[str])
    refused: dict[str, list[Refusal]] = attrs.field(factory=dict[str, "list[Refusal]"])
    """Changes that were reported as not applied, by row."""
    unresolved: set[str] = attrs.field(factory=set[str])
    acknowledged: int = 0
    unknown: int = 0
    stale: int = 0
    """How often the client did not show its own writer's last change at once."""
    words: Counter[str] = attrs.field(factory=Counter[str])
    unexpected: Counter[str] = attrs.field(factory=Counter[str])
    slow: list[str] = attrs.field(factory=list[str])
    """The calls that took long, and how they ended."""
    gaps: list[tuple[float, float]] = attrs.field(factory=list[tuple[float, float]])
    findings: Findings = attrs.field(factory=Findings)
    """What was seen to be wrong before the end."""


class Writer:
    """Makes one change after another. ``progress[slot]`` is the time of the last acknowledged one."""

    def __init__(
        self,
        name: str,
        driver: Driver,
        *,
        seed: str,
        most_rows: int,
        progress: MutableSequence[float],
        slot: int,
    ) -> None:
        self.oracle = Oracle(name)
        self._driver = driver
        self._rng = random.Random(seed)
        self._most_rows = most_rows
        self._progress = progress
        self._slot = slot
        self._number = 0
        self._last_acknowledged = 0.0

    def run(self, stop: Event) -> None:
        """Write until told to stop; the last gap ends there."""
        self._last_acknowledged = time.monotonic()
        while not stop.is_set():
            self._step()
        self._note_gap(time.monotonic())

    def _step(self) -> None:
        self._number += 1
        oracle = self.oracle
        change = next_change(self._rng, oracle.rows, f"{oracle.writer}.{self._number}", most_rows=self._most_rows)
        if change.name not in oracle.rows or self._agrees(change.name):
            self._perform(change, self._rng.choice(_HOWS))

    def _perform(self, change: Change, how: How) -> None:
        began = time.monotonic()
        word = self._try(change, how)
        took = time.monotonic() - began
        if took > _SLOW:
            self.oracle.slow.append(f"{change} ({how}) took {took:.1f} s: {word}")

    def _try(self, change: Change, how: How) -> str:
        """Do a change and note what becomes of it; returns that in words."""
        oracle = self.oracle
        try:
            uuid = self._driver.apply(change, oracle.uuids.get(change.name), how)
        except Refused as exc:
            self._refuse(change, exc)
            return exc.word
        except Unknown as exc:
            oracle.unknown += 1
            outcome = self._resolve(exc)
            if outcome is None:
                oracle.unresolved.add(change.name)
                oracle.rows.pop(change.name, None)
                return "never resolved"
            if outcome:
                self._accept(change, exc.uuid)
                return f"{exc}; resolved as applied"
            self._note_refusal(change, f"{exc}; resolved as not applied")
            oracle.words["resolved as not applied"] += 1
            return f"{exc}; resolved as not applied"
        self._accept(change, uuid)
        oracle.acknowledged += 1
        now = time.monotonic()
        self._note_gap(now)
        self._last_acknowledged = now
        self._progress[self._slot] = now
        return "applied"

    def _accept(self, change: Change, uuid: UUID | None) -> None:
        oracle = self.oracle
        after = applied(oracle.rows.get(change.name), change)
        if after is None:
            oracle.rows.pop(change.name, None)
            oracle.deleted.add(change.name)
        else:
            oracle.rows[change.name] = after
            if isinstance(change, (InsertSwitch, InsertSet)) and uuid is not None:
                oracle.uuids[change.name] = uuid

    def _refuse(self, change: Change, exc: Refused) -> None:
        (self.oracle.words if exc.expected else self.oracle.unexpected)[exc.word] += 1
        self._note_refusal(change, exc.word)
        time.sleep(_PAUSE_AFTER_REFUSAL)

    def _note_refusal(self, change: Change, word: str) -> None:
        refusals = self.oracle.refused.setdefault(change.name, [])
        refusals.append(Refusal(change, word))
        del refusals[:-_MOST_REFUSED]

    def _resolve(self, unknown: Unknown) -> bool | None:
        deadline = time.monotonic() + _RESOLVE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                return unknown.resolve(min(left, 5.0))
            except Unknown as exc:
                unknown = exc
                time.sleep(_PAUSE_AFTER_REFUSAL)
        self.oracle.words[f"unresolved: {unknown}"] += 1
        return None

    def _agrees(self, name: str) -> bool:
        """Whether the client shows the row as it must be. What stays wrong is a finding, and is then taken as it is."""
        oracle = self.oracle
        expected = oracle.rows[name]
        uuid = oracle.uuids[name]

        def seen() -> State | None:
            return self._driver.read(type(expected), uuid)

        actual = seen()
        if actual == expected:
            return True
        actual = self._wait_for(expected, seen)
        if actual == expected:
            oracle.stale += 1
            return True
        oracle.findings += judge_row(name, expected, actual, oracle.refused.get(name, []))
        # It is a finding already, and this waiting was not for the server.
        self._last_acknowledged = time.monotonic()
        if actual is None:
            del oracle.rows[name]
            oracle.deleted.add(name)
        else:
            oracle.rows[name] = actual
        return False

    def _wait_for(self, expected: State, seen: Callable[[], State | None]) -> State | None:
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while (actual := seen()) != expected and time.monotonic() < deadline:
            time.sleep(0.002)
        return actual

    def _note_gap(self, now: float) -> None:
        if now - self._last_acknowledged > _LONG_GAP:
            self.oracle.gaps.append((self._last_acknowledged, now))
