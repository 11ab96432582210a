"""From a write by one client to the moment when another's watch shows it."""

from __future__ import annotations

from typing import Any

from tests.bench import dataset
from tests.bench.children import Child
from tests.bench.course import Course
from tests.bench.table import C_PARSER, FLOOR, OURS, OVSDBAPP, Line, Verdict

__all__ = ["measure"]

RATE = 1000
_ROWS = 1000

# ovsdbapp cannot write that fast: its watch is shown what the socket writes.
_WRITERS = {OURS: OURS, OVSDBAPP: FLOOR, C_PARSER: FLOOR, FLOOR: FLOOR}


def measure(course: Course) -> list[Line]:
    """A thousand changes a second, each of another row."""
    found: dict[str, dict[str, Any]] = {}
    written: dict[str, float] = {}
    count, rows = int(RATE * course.watch_seconds), min(_ROWS, course.ports)
    for name in course.among(*_WRITERS):
        with Child(_WRITERS[name]) as writer, course.contestants.alone(name) as watcher:
            writer.ask("connect", remote=course.remote)
            watcher.ask("open_watch")
            watcher.send("collect", count=count)
            written[name] = count / writer.ask("write_paced", count=count, rate=RATE, rows=rows)
            found[name] = watcher.receive()
        course.settle()
    _forget_stamps(course)
    median = {name: report["median"] for name, report in found.items()}
    p99 = {name: report["p99"] for name, report in found.items()}
    rate = f"{round(min(written.values()), -1):,.0f} changes a second" if written else "changes"
    verdict = Verdict.at_most(1.5, median.get(OURS), "ms")
    if written and min(written.values()) < 0.95 * RATE:
        limit = f"{verdict.limit}, with {RATE:,} changes a second"
        verdict = Verdict(limit, f"{verdict.found} at {rate}", reached=False)
    return [
        Line(f"from write to another's watch, {rate}", "ms", median, (verdict,)),
        Line("the same, 99th percentile", "ms", p99),
    ]


def _forget_stamps(course: Course) -> None:
    mutations = [["external_ids", "delete", ["set", [dataset.STAMP]]]]
    course.control.transact({"op": "mutate", "table": "Logical_Switch_Port", "where": [], "mutations": mutations})
