"""One table of ratios, from one run on one data set: ovnkit, ovsdbapp, ovn-nbctl, and a socket that does nothing else.

``python -m tests.bench --ports 10000 100000 300000 --markdown table.md``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ovnkit.ovsdb.server import Server, find_schema
from tests import tables
from tests.bench import growth, importing, synchronising, watching, writing
from tests.bench.children import Contestants, missing
from tests.bench.course import Course, fill
from tests.bench.dataset import PORTS_PER_SWITCH
from tests.bench.raw import Raw
from tests.bench.synchronising import SLOW, Synchronised
from tests.bench.table import COLUMNS, NBCTL, Line, as_markdown, as_text
from tests.bench.versions import versions

MEASURES = ("sync", "read", "bulk", "single", "flight", "watch", "import", "growth")
DEFAULT_PORTS = [10_000]

_SMALL = 10_000
"""Up to so many ports nobody is slow."""
_LARGE = 100_000
"""With more ports those that are slow take part only if they are asked to."""


def main() -> int:
    options = _options()
    absent = missing()
    notes = [f"Not measured: {name}. {reason}." for name, reason in absent.items()]
    for note in notes:
        _say(f"SKIPPED: {note}")
    sections: dict[str, list[Line]] = {}
    synchronised: dict[int, Synchronised] = {}
    with _server() as server, closing(Raw(server.remote)) as control:
        if "bulk" in options.only:
            entrants = tuple(name for name in COLUMNS if name not in absent)
            with _course(server.remote, 0, entrants, options, control) as course:
                _say("writing into an empty database")
                sections["an empty database"] = [writing.bulk(course)]
        before = 0
        for ports in sorted(options.ports):
            _say(f"{ports:,} ports: writing them")
            fill(control, before, ports)
            before = ports
            left_out = absent.keys() | ({*SLOW, NBCTL} if ports > _LARGE and not options.slow else set())
            entrants = tuple(name for name in COLUMNS if name not in left_out)
            with _course(server.remote, ports, entrants, options, control) as course:
                title = f"{ports:,} ports in {ports // PORTS_PER_SWITCH:,} switches"
                sections[title] = _measure(course, options.only, synchronised)
    general: list[Line] = []
    if "growth" in options.only and len(synchronised) > 1:
        general += growth.lines(synchronised)
    if "import" in options.only:
        _say("importing")
        general += importing.measure(3 if options.quick else 11)
    if general:
        sections["of any size"] = general
    print(as_text(sections))
    if options.markdown:
        tables.write(options.markdown, as_markdown(sections, versions(), notes), "bench")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ports", type=int, nargs="+", default=DEFAULT_PORTS, help="sizes of the data set")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=MEASURES, help="some measures")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table there as well; into a page, between its marks"
    )
    parser.add_argument("--quick", action="store_true", help="short series, each once: to see that all of it runs")
    parser.add_argument(
        "--slow", action="store_true", help=f"ovsdbapp and ovn-nbctl with more than {_LARGE:,} ports: takes minutes"
    )
    options = parser.parse_args()
    for ports in options.ports:
        if ports <= 0 or ports % PORTS_PER_SWITCH:
            parser.error(f"--ports: a switch has {PORTS_PER_SWITCH} ports, and {ports} is no multiple of it")
    return options


@contextmanager
def _server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ovnkit-") as name:
        directory = Path(name)
        with Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as server:
            yield server


@contextmanager
def _course(
    remote: str, ports: int, entrants: tuple[str, ...], options: argparse.Namespace, control: Raw
) -> Iterator[Course]:
    contestants = Contestants(remote)
    try:
        yield Course(
            remote=remote,
            ports=ports,
            entrants=entrants,
            slow=frozenset() if ports <= _SMALL else SLOW,
            rounds=1 if options.quick else 3,
            rows=50 if options.quick else 300,
            transactions=2 if options.quick else 20,
            watch_seconds=1.0 if options.quick else 5.0,
            control=control,
            contestants=contestants,
        )
    finally:
        contestants.close()


def _measure(course: Course, only: tuple[str, ...], synchronised: dict[int, Synchronised]) -> list[Line]:
    found: list[Line] = []
    if {"sync", "read", "growth"} & set(only):
        _say(f"{course.ports:,} ports: the first sync")
        synchronised[course.ports] = synchronising.measure(course, read="read" in only)
        lines = synchronising.lines(synchronised[course.ports], course.ports)
        found += [lines[name] for name in ("sync", "memory", "peak")]
        found += [lines[name] for name in ("column", "all", "get") if "read" in only]
    if "bulk" in only:
        _say(f"{course.ports:,} ports: transactions of many rows")
        found.append(writing.bulk(course))
    if "single" in only:
        _say(f"{course.ports:,} ports: transactions of one row")
        found += writing.one_by_one(course)
    if "flight" in only:
        _say(f"{course.ports:,} ports: transactions of one row, many in flight")
        found += writing.pipelined(course)
    if "watch" in only:
        _say(f"{course.ports:,} ports: watching")
        found += watching.measure(course)
    return found


def _say(what: str) -> None:
    """Progress, and what is left out: not part of the table."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
