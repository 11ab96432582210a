"""Sequences: what is done is not done again, what failed is where it goes on, and a plan writes nothing."""

from __future__ import annotations

import time

import pytest

from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.errors import NotFound, Timeout


class World:
    """What steps change: a set of words."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.did: list[str] = []

    def step(self, word: str, *, error: bool = False) -> Step:
        def do() -> None:
            if error:
                raise NotFound("Bridge", {"name": word})
            self.did.append(word)
            self.there.add(word)

        return Step(word, lambda: word in self.there, do)


def states(report: SequenceReport) -> list[str]:
    return [result.state for result in report.steps]


def test_every_step_is_taken_once_and_in_order() -> None:
    world = World("b")
    seen: list[StepResult] = []
    steps = [world.step(word) for word in "abc"]
    report = carry_out("words", steps, timeout=1, progress=seen.append)
    assert states(report) == ["done", "already done", "done"]
    assert world.did == ["a", "c"]
    assert tuple(seen) == report.steps
    assert report.ok
    assert report
    assert states(carry_out("words", steps, timeout=1)) == ["already done"] * 3
    assert world.did == ["a", "c"]


def test_a_plan_has_all_steps_from_the_first_that_is_not_done() -> None:
    world = World("a", "c")
    report = foresee("words", [world.step(word) for word in "abc"])
    assert states(report) == ["already done", "to do", "to do"]
    assert world.did == []
    assert report.ok
    assert not report


def test_it_ends_with_the_step_that_fails_and_goes_on_there() -> None:
    world = World()
    report = carry_out("words", [world.step("a"), world.step("b", error=True), world.step("c")], timeout=1)
    assert states(report) == ["done", "failed", "not begun"]
    assert isinstance(report.problem, NotFound)
    assert not report.ok
    assert states(carry_out("words", [world.step(word) for word in "abc"], timeout=1)) == [
        "already done",
        "done",
        "done",
    ]


def test_what_only_waits_ends_at_its_deadline_and_says_what_is_in_the_way() -> None:
    began = time.monotonic()
    report = carry_out("words", [Step("rain", lambda: False, seen=lambda: "the sun shines")], timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 2
    assert isinstance(report.problem, Timeout)
    assert "rain; the sun shines" in str(report)


def test_another_fault_passes() -> None:
    def broken() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        carry_out("words", [Step("x", broken)], timeout=1)


def test_it_prints_as_a_list() -> None:
    world = World("a")
    report = carry_out("words", [world.step("a"), world.step("b", error=True), world.step("c")], timeout=1)
    assert str(report).split("\n") == [
        "words",
        "  already done  a",
        f"  failed        b: {report.problem}",
        "  not begun     c",
    ]


def test_while_it_waits_it_urges_now_and_then() -> None:
    urges: list[int] = []
    step = Step("in time", lambda: len(urges) == 2, urge=lambda: urges.append(1))
    assert states(carry_out("words", [step], timeout=5)) == ["done"]
    assert len(urges) == 2


def test_what_is_done_is_not_urged() -> None:
    def never() -> None:
        raise AssertionError

    assert carry_out("words", [Step("there", lambda: True, urge=never)], timeout=1)
