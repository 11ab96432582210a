"""The bench runs: every contestant does what is measured, and one that does less is found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ovnkit.ovsdb.server import Server, find_program, find_schema
from tests.bench import dataset, writing
from tests.bench.children import Child, Contestants
from tests.bench.course import Course, fill
from tests.bench.raw import Raw
from tests.bench.table import FLOOR, OURS, OVSDBAPP

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]
RUNS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("--ports", "200", "400", "--only", "sync", "read", "growth", "import"): (
        "first full sync",
        "resident memory after it",
        "one column of every port, first time",
        "every column of every row",
        "get by indexed name",
        "import of Northbound and a row class",
        "import ovnkit alone",
        "growth of the sync's ratio to the floor",
        "memory for each added port",
    ),
    ("--ports", "200", "--only", "bulk", "single", "flight", "watch"): (
        "400 ports in 2 transactions",
        "insert of one row, one after another",
        "update of one row, one after another",
        "insert of one row, 64 in flight",
        "update of one row, 64 in flight",
        "from write to another's watch",
    ),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    with Server(tmp_path / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="nb") as running:
        yield running


@pytest.fixture
def control(server: Server) -> Iterator[Raw]:
    with closing(Raw(server.remote)) as raw:
        fill(raw, 0, dataset.PORTS_PER_SWITCH)
        yield raw


@pytest.mark.timeout(200)
@pytest.mark.parametrize("arguments", RUNS)
def test_every_measure_is_in_the_table_with_a_figure_of_ovnkit(
    arguments: tuple[str, ...], server: Server, tmp_path: Path
) -> None:
    markdown = tmp_path / "table.md"
    command = [sys.executable, "-m", "tests.bench", *arguments, "--quick", "--markdown", str(markdown)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in markdown.read_text().splitlines() if line.startswith("| ")]
    figures = [(cells[0].removeprefix("| "), cells[2]) for cells in rows]
    for measure in RUNS[arguments]:
        found = [figure for name, figure in figures if name.startswith(measure)]
        assert found, f"{measure}: not in the table\n{done.stdout}"
        assert "-" not in found, f"{measure}: {found}"


@pytest.mark.parametrize("name", [OURS, OVSDBAPP, FLOOR])
def test_a_contestant_writes_what_it_is_told_to(name: str, server: Server, control: Raw) -> None:
    with Child(name) as child:
        child.ask("connect", remote=server.remote)
        for in_flight in (1, 64):
            assert child.ask("insert", count=70, in_flight=in_flight, name=f"new-{in_flight}") > 0
            address = dataset.address_of(f"value-{in_flight}")
            assert child.ask("update", count=70, in_flight=in_flight, value=address) > 0
            for table, column, value in (
                ("Logical_Switch", "name", f"new-{in_flight}"),
                ("Logical_Switch_Port", "addresses", address),
            ):
                where = [[column, "==", value]]
                (found,) = control.transact({"op": "select", "table": table, "where": where, "columns": ["_uuid"]})
                assert len(found["rows"]) == 70


def test_a_contestant_that_writes_less_is_found(server: Server, control: Raw) -> None:
    batches = dataset.Batches("short", 1)
    ((switch, ports),) = batches.ports.items()
    inserts = [dataset.insert_port(name, columns) for name, columns in ports[1:]]
    control.transact(*inserts, dataset.insert_switch(switch, [name for name, _ in ports[1:]]))
    contestants = Contestants(server.remote)
    course = Course(
        remote=server.remote,
        ports=dataset.PORTS_PER_SWITCH,
        entrants=(),
        slow=frozenset(),
        rounds=1,
        rows=1,
        transactions=1,
        watch_seconds=1.0,
        control=control,
        contestants=contestants,
    )
    with pytest.raises(RuntimeError, match="has 199 ports, not 200"):
        writing._check(course, batches)


def test_the_error_of_a_contestant_is_raised_with_its_traceback(server: Server, control: Raw) -> None:
    with Child(FLOOR) as child:
        child.ask("connect", remote=server.remote)
        with pytest.raises(RuntimeError, match=r"(?s)raw floor.*no_such_thing"):
            child.ask("no_such_thing")
        # It goes on afterwards.
        assert child.ask("update", count=1, in_flight=1, value="x") > 0


def test_an_operation_that_fails_is_not_counted_as_written(server: Server, control: Raw) -> None:
    bad = {"op": "insert", "table": "Logical_Switch", "row": {"name": 5}}
    for in_flight in (1, 8):
        with pytest.raises(RuntimeError):
            control.stream([control.transaction([bad])] * 8, in_flight)


def test_the_data_set_is_the_same_in_every_run() -> None:
    first, second = (list(dataset.switches(200, 400)) for _ in range(2))
    assert first == second
    assert [len(operations) for operations in first] == [dataset.PORTS_PER_SWITCH + 1]


def test_a_contestant_that_is_stopped_ends_with_the_bench(tmp_path: Path) -> None:
    script = (
        "from tests.bench.children import Child; import os, signal\n"
        "child = Child('raw floor'); child.ask('wait_for', switch=''); child.pause()\n"
        "print(child._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    process = Path("/proc", done.stdout.strip())
    end = time.monotonic() + 10
    while process.exists() and "State:\tZ" not in (process / "status").read_text():
        assert time.monotonic() < end, (process / "status").read_text()
        time.sleep(0.01)
