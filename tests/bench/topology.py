"""How long it takes to see a large network: the graph, the picture, and the page in a real browser."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ovnkit import topology
from ovnkit.topology import Topology
from tests import tables
from tests.bench.versions import versions
from tests.topology import chromium
from tests.topology.networks import running

_HEADINGS = ("measure", "unit", "ovnkit", "to reach")
_ROUTERS, _SWITCHES, _HOSTS = 10, 200, 50
_RUNS = 5
_Row = tuple[str, ...]
_T = TypeVar("_T")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.topology", description=__doc__)
    parser.add_argument("--ports", type=int, default=10_000, metavar="N", help="so many ports (default: 10,000)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page as well")
    options = parser.parse_args()
    rows = _measured(options.ports)
    size = f"{options.ports:,} ports of {_SWITCHES} switches at {_ROUTERS} routers on {_HOSTS} hosts"
    note = ", ".join(f"{name} {version}" for name, version in versions().items())
    print(tables.aligned(_HEADINGS, rows), f"{size}; {note}", sep="\n\n")
    if options.markdown:
        page = f"{tables.markdown(_HEADINGS, rows)}\n\n{size}; {note}, {tables.commit()}.\n"
        tables.write(options.markdown, page, "topology")
    return 0


def _measured(ports: int) -> list[_Row]:
    print(f"writing {ports:,} ports", file=sys.stderr)
    rows: list[_Row] = []
    with running(routers=_ROUTERS, switches=_SWITCHES, ports=ports, hosts=_HOSTS) as (nb, sb):
        seconds, top = _timed(lambda: topology.of(nb, sb))
    rows.append(_row("the graph, from replicas that are ready", seconds, 2.0))
    seconds, drawn = _timed(lambda: _fresh(top).to_svg())
    rows.append(_row(f"the picture as SVG, folded ({len(drawn) // 1000} kB)", seconds, 0.5))
    seconds, html = _timed(lambda: _fresh(top).to_html())
    rows.append(_row(f"the page as HTML ({len(html) / 1e6:.1f} MB)", seconds))
    with tempfile.TemporaryDirectory() as name, chromium.browser() as browser:
        path = Path(name) / "net.html"
        path.write_text(html, encoding="utf-8")
        opened = browser.page()
        times = [opened.open(path) for _ in range(_RUNS)]
        rows.append(_row("the page in Chromium, until it is painted", statistics.median(times), 3.0))
        opened.key("/")
        began = time.monotonic()
        opened.type(f"vm-{ports - 1}")
        opened.key("Enter")
        rows.append(_row("in it, a port that is folded away: found, unfolded, shown", time.monotonic() - began))
        assert opened.text(".panel h2") == f"vm-{ports - 1}", opened.complaints
        assert not opened.requests, opened.requests
    return rows


def _timed(make: Callable[[], _T]) -> tuple[float, _T]:
    """The median of some runs, in seconds, and what the last one made."""
    times, made = zip(*(_once(make) for _ in range(_RUNS)), strict=True)
    return statistics.median(times), made[-1]


def _once(make: Callable[[], _T]) -> tuple[float, _T]:
    began = time.monotonic()
    made = make()
    return time.monotonic() - began, made


def _fresh(top: Topology) -> Topology:
    """The same with nothing computed yet."""
    return Topology(top.nodes, top.edges, source=top.source)


def _row(what: str, seconds: float, most: float | None = None) -> _Row:
    reached = "" if most is None else f"at most {most:g} s: {'reached' if seconds <= most else 'NOT REACHED'}"
    return what, "s", f"{seconds:.2f}", reached


if __name__ == "__main__":
    sys.exit(main())
