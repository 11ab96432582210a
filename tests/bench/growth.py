"""Whether a row costs the same in a large database as in a small one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from tests.bench.synchronising import Synchronised
from tests.bench.table import FLOOR, OURS, Line, Verdict, ratio

__all__ = ["lines"]

_LIMIT_PERCENT = 15


def lines(found: Mapping[int, Synchronised]) -> list[Line]:
    """Compares the sizes that were measured; fewer than two cannot be compared."""
    sizes = sorted(found)
    ratios = [ratio(found[size].best("seconds"), OURS, FLOOR) for size in sizes]
    known = [value for value in ratios if value is not None]
    span = f"{sizes[0]:,} to {sizes[-1]:,} ports" if sizes else ""
    line = Line(
        f"growth of the sync's ratio to the floor, {span}", "%", _ours(_spread(known)), (_verdict(_spread(known)),)
    )
    memory = [found[size].median("rss").get(OURS) for size in sizes]
    points = [(size, rss) for size, rss in zip(sizes, memory, strict=True) if rss is not None]
    slopes = [(more - less) / (large - small) for (small, less), (large, more) in pairwise(points)]
    each = [
        Line(f"memory for each added port, {small:,} to {large:,}", "bytes", {OURS: slope})
        for ((small, _), (large, _)), slope in zip(pairwise(points), slopes, strict=True)
    ]
    last = Line("difference between these", "%", _ours(_spread(slopes)), (_verdict(_spread(slopes)),))
    return [line, *each, last]


def _spread(values: list[float]) -> float | None:
    """By how many percent the largest is above the smallest."""
    return (max(values) / min(values) - 1) * 100 if len(values) > 1 else None


def _verdict(spread: float | None) -> Verdict:
    return Verdict.at_most(_LIMIT_PERCENT, spread, "%")


def _ours(value: float | None) -> dict[str, float]:
    return {} if value is None else {OURS: value}
