"""Work of several steps, each of which looks whether it is done before it does anything: so it can be run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

import attrs

from ovnkit.errors import OvnkitError, Timeout

__all__ = ["SequenceReport", "Step", "StepResult", "StepState", "carry_out", "foresee"]

_PAUSE: Final = 0.1
_URGE_EVERY: Final = 5
"""Looks, before the first urge as well."""

StepState = Literal["already done", "done", "to do", "failed", "not begun"]


@attrs.frozen
class Step:
    """One step. ``done`` looks whether anything is left of it; ``do`` does it, None where there is only to wait.

    ``seen`` says what stands in the way while it is not done; ``urge`` is called now and then while it is waited for.
    """

    what: str
    done: Callable[[], bool]
    do: Callable[[], object] | None = None
    seen: Callable[[], str] | None = None
    urge: Callable[[], object] | None = None


@attrs.frozen
class StepResult:
    """What became of one step, and how long it took, in seconds."""

    what: str
    state: StepState
    seconds: float = 0.0
    problem: OvnkitError | None = None

    def __str__(self) -> str:
        took = f" ({self.seconds:.1f} s)" if self.state == "done" else ""
        problem = "" if self.problem is None else f": {self.problem}"
        text = f"{self.what}{took}{problem}"
        # It has names that others gave.
        return f"{self.state:<12}  {text if text.isprintable() else repr(text)}"


@attrs.frozen
class SequenceReport:
    """All steps, in their order. ``ok`` when nothing failed; truthy when nothing is left to do."""

    title: str
    steps: tuple[StepResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(step.state != "failed" for step in self.steps)

    @property
    def problem(self) -> OvnkitError | None:
        """Why the step that failed did, None where none did."""
        return next((step.problem for step in self.steps if step.problem is not None), None)

    def __bool__(self) -> bool:
        return all(step.state in ("already done", "done") for step in self.steps)

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"  {step}" for step in self.steps)))


def foresee(title: str, steps: Sequence[Step]) -> SequenceReport:
    """Which steps would be taken: from the first that is not done on, all. Writes nothing. Raises what looking does."""
    results: list[StepResult] = []
    for step in steps:
        waiting = any(result.state == "to do" for result in results)
        results.append(StepResult(step.what, "to do" if waiting or not step.done() else "already done"))
    return SequenceReport(title, tuple(results))


def carry_out(
    title: str,
    steps: Sequence[Step],
    *,
    timeout: float,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Take one step after another, and wait until each is done; each has ``timeout`` seconds for that.

    It ends with the first that fails. Run again, it goes on there. ``progress`` is called with each result.
    """
    results: list[StepResult] = []
    for step in steps:
        failed = any(result.state == "failed" for result in results)
        results.append(StepResult(step.what, "not begun") if failed else _take(step, timeout))
        if progress is not None:
            progress(results[-1])
    return SequenceReport(title, tuple(results))


def _take(step: Step, timeout: float) -> StepResult:
    began = time.monotonic()
    try:
        if step.done():
            return StepResult(step.what, "already done")
        if step.do is not None:
            step.do()
        looks = 0
        while not step.done():
            looks += 1
            if step.urge is not None and looks % _URGE_EVERY == 0:
                step.urge()
            if time.monotonic() - began > timeout:
                seen = "" if step.seen is None else f"; {step.seen()}"
                raise Timeout(f"{step.what}{seen}", timeout)
            time.sleep(_PAUSE)
    except OvnkitError as exc:
        return StepResult(step.what, "failed", time.monotonic() - began, exc)
    return StepResult(step.what, "done", time.monotonic() - began)
