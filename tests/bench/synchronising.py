"""The first full sync, the memory that it takes, and reading what came."""

from __future__ import annotations

import statistics
import time
from typing import Any

from tests.bench import dataset
from tests.bench.children import Child
from tests.bench.course import Course
from tests.bench.table import C_PARSER, FLOOR, NBCTL, OURS, OVSDBAPP, Line, Verdict, ratio

__all__ = ["Synchronised", "measure"]

FULL_SIZE = 100_000
"""The number of ports that limits in seconds and bytes are meant for."""

_NAMES = 2000
_MEGABYTE = 1e6


class Synchronised:
    """What the contestants reported, run after run."""

    def __init__(self) -> None:
        self.reports: dict[str, list[dict[str, Any]]] = {}

    def best(self, key: str) -> dict[str, float]:
        """The lowest figure of each contestant that has it."""
        return {
            name: min(report[key] for report in reports)
            for name, reports in self.reports.items()
            if all(key in report for report in reports)
        }

    def median(self, key: str) -> dict[str, float]:
        return {
            name: statistics.median(report[key] for report in reports)
            for name, reports in self.reports.items()
            if all(key in report for report in reports)
        }


def measure(course: Course, *, read: bool) -> Synchronised:
    """Connect each contestant, alone and in a new process; with ``read`` it then reads everything."""
    found = Synchronised()
    course.contestants.close()
    for number in range(course.rounds):
        for name in course.entrants:
            if number and name in course.slow:
                continue
            report = _find(course) if name == NBCTL else _connect(course, name, read=read)
            found.reports.setdefault(name, []).append(report)
    return found


def _find(course: Course) -> dict[str, Any]:
    began = time.perf_counter()
    course.nbctl("find", "Logical_Switch_Port", f"name={dataset.port_name(0)}")
    return {"seconds": time.perf_counter() - began}


def _connect(course: Course, name: str, *, read: bool) -> dict[str, Any]:
    # A server keeps its answer for as long as anybody watches the same columns: nobody may.
    with Child(name) as child:
        report: dict[str, Any] = child.ask("connect", remote=course.remote)
        if read and name != FLOOR:
            column = child.ask("read_column")
            if column["rows"] != course.ports:
                raise RuntimeError(f"{name} read {column['rows']} ports of {course.ports}")
            report["column"] = column["seconds"]
            report["all"] = child.ask("read_all")["seconds"]
            report["get"] = child.ask("get", names=course.some_names(_NAMES))["microseconds"]
    return report


def lines(found: Synchronised, ports: int) -> dict[str, Line]:
    """The lines of the table, by the names of the measures."""
    full = ports == FULL_SIZE
    seconds, rss, peak = found.best("seconds"), _megabytes(found.median("rss")), _megabytes(found.median("peak"))
    faster = ratio(seconds, OVSDBAPP, OURS)
    sync = (
        Verdict.at_most(1.35, ratio(seconds, OURS, FLOOR), "x the raw floor"),
        Verdict.at_least(10, faster, "x faster than ovsdbapp"),
        Verdict.at_most(1, ratio(seconds, OURS, NBCTL), "x one ovn-nbctl find"),
    )
    memory = (
        *([Verdict.at_most(200, rss.get(OURS), "MB")] if full else []),
        Verdict.at_most(0.333, ratio(rss, OURS, OVSDBAPP), "x ovsdbapp"),
    )
    column, everything, get = found.best("column"), found.best("all"), found.best("get")
    return {
        "sync": Line("first full sync", "s", seconds, sync),
        "memory": Line("resident memory after it", "MB", rss, memory),
        "peak": Line("the most during it", "MB", peak),
        "column": Line("one column of every port, first time", "s", column, _only(0.6, column, "s", full=full)),
        "all": Line("every column of every row", "s", everything, _only(3, everything, "s", full=full)),
        "get": Line("get by indexed name", "µs", get, (Verdict.at_most(20, get.get(OURS), "µs"),)),
    }


def _only(limit: float, values: dict[str, float], unit: str, *, full: bool) -> tuple[Verdict, ...]:
    return (Verdict.at_most(limit, values.get(OURS), unit),) if full else ()


def _megabytes(values: dict[str, float]) -> dict[str, float]:
    return {name: value / _MEGABYTE for name, value in values.items()}


SLOW = frozenset({OVSDBAPP, C_PARSER})
"""Those that take minutes where others take seconds."""
