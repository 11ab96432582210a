"""S20: nothing grows, nothing leaks, and the soak itself would find it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server, find_schema
from tests.process import Usage
from tests.soak.secrets import MARKER, Lines, leaks_in_errors, leaks_in_files, leaks_in_processes
from tests.soak.soak import MIB, Report, Sample, rise

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
def test_s20_a_minute_of_writes_and_reconnects_leaves_nothing_behind() -> None:
    """In a process of its own, because what pytest keeps of the log would grow as well."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes", "1"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    reconnects = re.search(r" (\d+) reconnects", done.stdout)
    assert reconnects is not None
    assert int(reconnects[1]) >= 10


def report(resident: list[float], *, descriptors: int = 10, threads: int = 3, lines: int = 0) -> Report:
    """A run of ten minutes with a sample each minute."""
    made = Report(600.0, reconnects=120, writes=120_000, events=1, lines=lines)
    for minute, mebibytes in enumerate(resident):
        names = tuple(f"thread {number}" for number in range(threads))
        made.samples.append(Sample(60.0 * minute, Usage(int(mebibytes * MIB), descriptors, 2, names, 0)))
    return made


def test_memory_that_grows_is_found() -> None:
    # What it grows by in the beginning does not count.
    assert report([40.0, 60.0, 70.0] + [80.0] * 8).judge(200) == []
    assert report([80.0 + 0.05 * minute for minute in range(11)]).judge(200) == []
    (words,) = report([80.0 + 0.2 * minute for minute in range(11)]).judge(200)
    assert "memory has grown by 2.00 MiB" in words


def test_descriptors_and_threads_that_grow_are_found() -> None:
    for which in ("descriptors", "threads"):
        grown = report([80.0] * 11)
        use = grown.samples[-1].usage
        threads = (*use.threads, "new") if which == "threads" else use.threads
        more = Usage(use.resident, use.descriptors + (which == "descriptors"), use.sockets, threads, use.blocks)
        grown.samples.append(Sample(600.0, more))
        (words,) = grown.judge(200)
        assert words.startswith(which)


def test_a_flood_of_lines_and_a_lack_of_writes_are_found() -> None:
    (words,) = report([80.0] * 11, lines=5_000).judge(200)
    assert "lines" in words
    (words,) = report([80.0] * 11).judge(400)
    assert "writes" in words


def test_the_slope_of_a_line_is_found_through_noise() -> None:
    assert rise([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == 2.0
    assert rise([(0.0, 1.0)]) == 0.0
    assert abs(rise([(float(x), 7.0 + (-1) ** x) for x in range(100)])) < 0.01


def test_a_secret_is_found_where_it_must_not_be(tmp_path: Path) -> None:
    lines = Lines()
    lines.handle(logging.LogRecord("x", logging.DEBUG, "", 0, "the password is %s", (MARKER,), None))
    lines.handle(logging.LogRecord("x", logging.DEBUG, "", 0, "nothing", (), None))
    assert (lines.number, len(lines.leaks)) == (2, 1)
    assert leaks_in_errors([ValueError("fine"), ValueError(MARKER)]) == [f"in ValueError: {MARKER}"]
    (tmp_path / "open").write_text(MARKER)
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "closed").write_text(MARKER)
    (tmp_path / "closed").chmod(0o600)
    assert leaks_in_files(tmp_path) == ["in open, which is readable by all"]
    with subprocess.Popen([sys.executable, "-c", "input()", MARKER], stdin=subprocess.PIPE) as process:
        try:
            # A program that has just begun has no arguments for a moment.
            deadline = time.monotonic() + 5
            while not leaks_in_processes([process.pid]):
                assert time.monotonic() < deadline
        finally:
            process.communicate(b"\n")


@pytest.mark.parametrize("key", ["password", "secret", "api-token"])
def test_s20_a_value_whose_key_says_that_it_is_secret_is_not_shown(tmp_path: Path, key: str) -> None:
    with (
        Server(tmp_path / "n.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="n") as server,
        Northbound.connect(server.remote, timeout=10) as nb,
    ):
        row = nb.transact(lambda tx: tx[tx.insert(LogicalSwitch(name="web", external_ids={key: MARKER}))])
        assert row.external_ids[key] == MARKER
        assert MARKER not in repr(row)
        with pytest.raises(InvalidValue) as caught:
            LogicalSwitch(external_ids={key: f"{MARKER}\0"})
        assert leaks_in_errors([caught.value]) == []
