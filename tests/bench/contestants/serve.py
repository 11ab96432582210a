"""What a contestant's process does: it answers one request a line, and measures itself."""

from __future__ import annotations

import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["latencies", "median_of_calls", "memory", "paced", "seconds", "serve"]

_LONGEST_SERIES_SECONDS = 3.0


def serve(contestant: object) -> None:
    """Call the methods that the lines of the standard input name, and print what they return, until it ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"result": getattr(contestant, request.pop("do"))(**request)}
        except Exception:  # noqa: BLE001
            reply = {"error": traceback.format_exc()}
        print(json.dumps(reply), flush=True)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def memory() -> dict[str, int]:
    """Resident memory of this process in bytes: as it is (``rss``), and the most that it was (``peak``)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"rss": int(status["VmRSS"].split()[0]) * 1024, "peak": int(status["VmHWM"].split()[0]) * 1024}


def median_of_calls(call: Callable[[str], object], names: list[str]) -> dict[str, Any]:
    """Median of the microseconds that ``call(name)`` takes; a series that is too slow ends early."""
    spent: list[int] = []
    end = time.monotonic() + _LONGEST_SERIES_SECONDS
    for name in names:
        began = time.perf_counter_ns()
        call(name)
        spent.append(time.perf_counter_ns() - began)
        if time.monotonic() > end:
            break
    return {"microseconds": statistics.median(spent) / 1000, "calls": len(spent)}


def paced(count: int, rate: float) -> Iterator[int]:
    """Numbers from 0, each when its time has come: ``rate`` of them a second."""
    began = time.monotonic()
    for number in range(count):
        early = began + number / rate - time.monotonic()
        if early > 0:
            time.sleep(early)
        yield number


def latencies(nanoseconds: list[int]) -> dict[str, Any]:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(nanoseconds)
    return {
        "median": statistics.median(ordered) / 1e6,
        "p99": ordered[len(ordered) * 99 // 100] / 1e6,
        "count": len(ordered),
    }
