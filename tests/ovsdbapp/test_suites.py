"""ovsdbapp's own functional suites end with ovnkit's replica as they do with that of ovs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit.ovsdb.server import find_program
from tests.ovsdbapp.compare import Outcomes, counts, differences

ROOT = Path(__file__).parents[2]
SECONDS = 200
PROGRAMS = ("ovsdb-server", "ovs-vswitchd", "ovn-northd", "ovn-controller")


class Run:
    """The suites on one replica, in a process of its own."""

    def __init__(self, replica: str, directory: Path, suites: tuple[str, ...] = ()) -> None:
        self.replica = replica
        self.results = directory / f"{replica}.json"
        self.log = directory / f"{replica}.log"
        # Sockets are made in TMPDIR, and their paths must be short.
        self.scratch = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.ovsdbapp.run", replica, str(self.results), *suites],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.scratch), "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def outcomes(self) -> Outcomes:
        """Wait for the end of the run."""
        try:
            status = self.process.wait(SECONDS)
            assert status == 0, f"{self.replica}: status {status}\n{self.log.read_text(errors='replace')[-3000:]}"
            found: Outcomes = {test: tuple(outcome) for test, outcome in json.loads(self.results.read_text()).items()}
            return found
        finally:
            self.end()

    def end(self) -> None:
        """End what is still running: the daemons that the suites start outlive a suite that is killed."""
        self.process.kill()
        self.process.wait()
        for pidfile in self.scratch.rglob("*.pid"):
            pid = int(pidfile.read_text())
            if str(self.scratch) in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.scratch, ignore_errors=True)


@pytest.fixture
def programs() -> None:
    """What the suites start."""
    missing = [program for program in PROGRAMS if find_program(program) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture
def runs(programs: None, tmp_path: Path) -> Iterator[dict[str, Run]]:
    """Both replicas at the same time."""
    both = {replica: Run(replica, tmp_path) for replica in ("stock", "ovnkit")}
    yield both
    for run in both.values():
        run.end()


def once_more(stock: Outcomes, ours: Outcomes, directory: Path) -> Outcomes:
    """What failed with the replica of ovs alone, once more: a row is missing there for a moment while it changes."""
    alone = [test for test, (outcome, _) in stock.items() if outcome == "failed" and ours.get(test) == ("passed", "")]
    if not alone:
        return stock
    run = Run("stock", directory, tuple(test.removeprefix("ovsdbapp.tests.functional.") for test in alone))
    return {**stock, **run.outcomes()}


@pytest.mark.timeout(2 * SECONDS + 40)
def test_every_functional_test_of_ovsdbapp_ends_as_it_does_with_the_replica_of_ovs(
    runs: dict[str, Run], tmp_path: Path
) -> None:
    stock, ours = runs["stock"].outcomes(), runs["ovnkit"].outcomes()
    stock = once_more(stock, ours, tmp_path)
    differing = differences(stock, ours)
    assert not differing, "\n\n".join([f"{len(differing)} of {len(stock)} tests end differently", *differing])
    # All of the suites were there: an import that fails is one failure for both.
    assert counts(stock)["passed"] > 390, counts(stock)
    print(f"the same with both: {counts(stock)}")
