"""The compatibility run: ``python -m tests.compat [--release SUITE] [--python 3.N] [--markdown FILE]``.

Runs the demo and the live tests with the daemons of each release, and on each Python with the installed daemons.
Prints one table, and exits with 1 where something failed. As root, for the roots and the labs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs

from ovnkit.errors import LabError
from ovnkit.lab.binaries import Binaries, versions
from tests import tables
from tests.compat.pythons import PYTHONS, environment, find_python
from tests.compat.roots import RELEASES, Release, Unavailable, make_root

_CHECKOUT = Path(__file__).parents[2]
_LIVE = ("ovsdb", "northbound", "southbound", "vswitch", "deploy", "lab")
_NOT_LIVE = ("lab/test_binaries.py", "lab/test_requirements.py", "deploy/test_ssh.py")
"""They are about the installed programs."""
_AT_ONCE = ("-n", "auto", "-m", "not long and not lab and not alone")
_ONE_BY_ONE = ("-m", "not long and (lab or alone)")
"""Labs, and what kills servers or counts seconds: about the daemons, hardly about the interpreter."""
_HEADINGS = ("daemons of", "Python", "OVN", "Open vSwitch", "demo", "live tests", "duration", "commit")


@attrs.frozen
class Subject:
    """What is tried: daemons, and the interpreter."""

    daemons: str
    python: str


@attrs.define
class Row:
    """What was found."""

    subject: Subject
    ovn: str = ""
    ovs: str = ""
    demo: str = ""
    tests: str = ""
    seconds: float = 0.0
    failed: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """As in the table."""
        subject = self.subject
        duration = f"{self.seconds:.0f} s" if self.seconds else ""
        return subject.daemons, subject.python, self.ovn, self.ovs, self.demo, self.tests, duration, tables.commit()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("--release", action="append", choices=[release.suite for release in RELEASES], help="only this")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="only this; both options are repeatable")
    parser.add_argument("--cache", type=Path, default=_cache(), metavar="DIR", help="of roots and environments")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="renew these rows in this page as well")
    parser.add_argument("-k", metavar="NAME", help="only these of the tests")
    options = parser.parse_args(arguments)
    everything = options.release is None and options.python is None
    cells: list[tuple[str, ...]] = []
    failed = False
    for row in _rows(
        [release for release in RELEASES if everything or release.suite in (options.release or ())],
        [version for version in PYTHONS if everything or version in (options.python or ())],
        options.cache,
        options.k,
    ):
        cells.append(row.cells)
        failed |= row.failed
        if options.markdown is not None:
            tables.write(options.markdown, tables.markdown(_HEADINGS, cells) + "\n", "compat", keep=True)
    print(tables.aligned(_HEADINGS, cells))
    return 1 if failed else 0


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "ovnkit"


def _rows(releases: list[Release], pythons: list[str], cache: Path, only: str | None) -> Iterator[Row]:
    for release in releases:
        subject = Subject(release.title, f"{sys.version_info[0]}.{sys.version_info[1]}")
        yield _tried(subject, partial(_with_release, release, cache), (_AT_ONCE, _ONE_BY_ONE), only)
    for version in pythons:
        subject = Subject("this machine", version)
        yield _tried(subject, partial(_with_python, version, cache), (_AT_ONCE,), only)


def _with_release(release: Release, cache: Path) -> dict[str, str]:
    root = make_root(release.suite, cache, _say)
    env = {**os.environ, **Binaries.of(root).environment(cache / f"{release.suite}-starters")}
    found = versions(env)
    for name, version, expected in zip(("OVN", "Open vSwitch"), found, (release.ovn, release.ovs), strict=True):
        if not version.startswith(f"{expected}."):
            _say(f"{release.title} has {name} {version}, no longer {expected}")
    # The interpreter that runs this has ovnkit and what its tests need.
    return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}


def _with_python(version: str, cache: Path) -> dict[str, str]:
    roots = [cache / release.suite for release in reversed(RELEASES)]
    if not any(root.is_dir() for root in roots):
        roots = [make_root(RELEASES[-1].suite, cache, _say)]
    bin_directory = environment(find_python(version, roots, cache), version, cache)
    return {**os.environ, "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}"}


def _tried(
    subject: Subject, prepare: Callable[[], Mapping[str, str]], parts: tuple[tuple[str, ...], ...], only: str | None
) -> Row:
    row = Row(subject)
    began = time.monotonic()
    _say(f"{subject.daemons}, Python {subject.python}")
    try:
        env = prepare()
        row.ovn, row.ovs = versions(env)
    except (Unavailable, LabError) as exc:
        row.tests = f"SKIPPED: {exc}"
        _say(row.tests)
        return row
    # A skipped test fails, but for those that may be.
    env = {**env, "CI": "true", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(_CHECKOUT)}
    demo = subprocess.run(["python", "-m", "ovnkit", "lab", "demo"], env=env, cwd=_CHECKOUT, check=False)
    row.demo = "FAILED" if demo.returncode else "passed"
    passed = failed = 0
    for number, part in enumerate(parts):
        counts = _run_tests(part, env, only, Path(f"compat-{os.getpid()}-{number}.xml"))
        passed, failed = passed + counts[0], failed + counts[1]
    row.failed = bool(demo.returncode or failed)
    row.tests = f"{passed:,} passed" + (f", {failed} FAILED" if failed else "")
    row.seconds = time.monotonic() - began
    return row


def _run_tests(part: tuple[str, ...], env: Mapping[str, str], only: str | None, report: Path) -> tuple[int, int]:
    """Run one part of the live tests; returns how many passed, and how many did not."""
    chosen = [f"tests/{name}" for name in _LIVE] + [f"--ignore=tests/{name}" for name in _NOT_LIVE]
    command = ["python", "-m", "pytest", "-p", "no:cacheprovider", "-q", f"--junitxml={report}", *part, *chosen]
    if only is not None:
        command += ["-k", only]
    done = subprocess.run(command, env=env, cwd=_CHECKOUT, check=False)
    try:
        suite = ET.parse(_CHECKOUT / report).getroot()[0]
    except (OSError, ET.ParseError):
        return 0, 1
    (_CHECKOUT / report).unlink()
    tests, skipped, *bad = (int(suite.get(key, 0)) for key in ("tests", "skipped", "failures", "errors"))
    failed = sum(bad)
    # 5: none of this part was chosen.
    return tests - skipped - failed, failed or int(done.returncode not in (0, 5))


def _say(words: str) -> None:
    print(f"==> {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
