"""What differs between two runs of the same suites."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Outcomes", "counts", "differences"]

Outcomes = Mapping[str, tuple[str, str]]
"""Of each test, by its id: how it ended, and why it did not pass."""

_NOT_RUN = ("not run", "")


def differences(stock: Outcomes, ours: Outcomes) -> list[str]:
    """One text for each test that ended differently, with the reasons that were given."""
    found: list[str] = []
    for test in sorted(stock.keys() | ours.keys()):
        (expected, stock_reason), (outcome, our_reason) = stock.get(test, _NOT_RUN), ours.get(test, _NOT_RUN)
        if outcome != expected:
            found.append(f"{test}: {expected} with ovs, {outcome} with ovnkit\n{stock_reason}{our_reason}".strip())
    return found


def counts(outcomes: Outcomes) -> dict[str, int]:
    """How many tests ended in each way."""
    ways = [outcome for outcome, _ in outcomes.values()]
    return {way: ways.count(way) for way in sorted(set(ways))}
