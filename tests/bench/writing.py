"""Writing: many rows in a transaction, and many transactions of one row."""

from __future__ import annotations

import time

from tests.bench import dataset
from tests.bench.course import Course
from tests.bench.table import C_PARSER, FLOOR, NBCTL, OURS, OVSDBAPP, Line, Verdict, ratio

__all__ = ["bulk", "one_by_one", "pipelined"]

IN_FLIGHT = 64
_LARGE, _SAMPLE = 100_000, 2
"""With so many ports one transaction of ovn-nbctl takes half a minute, most of it to copy what is there: so many stand
for all."""
_CLIENTS = (FLOOR, OURS, OVSDBAPP, C_PARSER)


def bulk(course: Course) -> Line:
    """Transactions of 200 new ports each."""

    def run(name: str) -> float:
        tag = course.unique(name.replace(" ", "-").replace(",", ""))
        measured = _SAMPLE if name == NBCTL and course.ports >= _LARGE else course.transactions
        batches = dataset.Batches(tag, measured)
        course.control.transact(*[dataset.insert_switch(switch) for switch in batches.switches])
        course.settle()
        if name == NBCTL:
            spent = _chained(course, batches)
        else:
            with course.contestants.alone(name) as child:
                spent = child.ask("bulk", tag=tag, transactions=course.transactions)
        _check(course, batches)
        course.control.transact(*[dataset.delete_switch(switch) for switch in batches.switches])
        return spent * course.transactions / measured

    # The slow ones come later, so that the others need not wait for them to catch up.
    best = course.interleaved([name for name in course.among(*_CLIENTS) if name not in course.slow], run)
    best |= course.interleaved([name for name in course.among(*_CLIENTS) if name in course.slow], run, rounds=1)
    best |= course.interleaved(course.among(NBCTL), run, rounds=1)
    verdicts = (
        Verdict.at_most(2.5, ratio(best, OURS, FLOOR), "x the raw floor"),
        Verdict.at_least(5, ratio(best, OVSDBAPP, OURS), "x faster than ovsdbapp"),
        Verdict.at_most(1, ratio(best, OURS, NBCTL), "x ovn-nbctl"),
    )
    name = f"{course.transactions * dataset.PORTS_PER_SWITCH:,} ports in {course.transactions} transactions"
    return Line(name, "s", best, verdicts)


def _chained(course: Course, batches: dataset.Batches) -> float:
    """One process for each transaction, all its commands chained."""
    transactions: list[list[str]] = []
    for switch, ports in batches.ports.items():
        arguments: list[str] = []
        for name, columns in ports:
            addresses = f'addresses="{columns["addresses"][0]}"'
            maps = [f"{column}={_map(columns[column])}" for column in ("external_ids", "options")]
            arguments += ["--", "lsp-add", switch, name]
            arguments += ["--", "set", "Logical_Switch_Port", name, addresses, *maps]
        transactions.append(arguments)
    began = time.perf_counter()
    for arguments in transactions:
        course.nbctl(*arguments[1:])
    return time.perf_counter() - began


def _map(items: dict[str, str]) -> str:
    """As ovn-nbctl takes it."""
    return "{" + ",".join(f'"{key}"="{value}"' for key, value in items.items()) + "}"


def _check(course: Course, batches: dataset.Batches) -> None:
    """It is all there: nobody wins by writing less."""
    for switch in batches.switches:
        select = {"op": "select", "table": "Logical_Switch", "where": [["name", "==", switch]], "columns": ["ports"]}
        ports = course.control.transact(select)[0]["rows"][0]["ports"]
        if len(ports[1]) != dataset.PORTS_PER_SWITCH:
            raise RuntimeError(f"{switch} has {len(ports[1])} ports, not {dataset.PORTS_PER_SWITCH}")
    name, columns = batches.ports[batches.switches[-1]][-1]
    where = [["name", "==", name]]
    row = course.control.transact({"op": "select", "table": "Logical_Switch_Port", "where": where})[0]["rows"][0]
    if row["addresses"] != columns["addresses"][0] or dict(row["external_ids"][1]) != columns["external_ids"]:
        raise RuntimeError(f"the last port is not as it should be: {row}")


def one_by_one(course: Course) -> list[Line]:
    """Transactions of one row, each after the answer to the one before."""
    found: list[Line] = []
    for operation in ("insert", "update"):
        rate = _rates(course, operation, 1)
        verdict = Verdict.any_of(
            Verdict.at_least(4, ratio(rate, OURS, OVSDBAPP), "x ovsdbapp"),
            Verdict.at_least(0.6, ratio(rate, OURS, FLOOR), "of the raw floor"),
        )
        name = f"{operation} of one row, one after another"
        found.append(Line(name, "1/s", rate, (verdict,), higher_is_better=True))
    return found


def pipelined(course: Course) -> list[Line]:
    """Transactions of one row, many unanswered."""
    found: list[Line] = []
    for operation in ("insert", "update"):
        rate = _rates(course, operation, IN_FLIGHT)
        verdict = Verdict.at_least(12, ratio(rate, OURS, OVSDBAPP), "x ovsdbapp")
        name = f"{operation} of one row, {IN_FLIGHT} in flight"
        found.append(Line(name, "1/s", rate, (verdict,), higher_is_better=True))
    return found


def _rates(course: Course, operation: str, in_flight: int) -> dict[str, float]:
    """Transactions a second."""
    counts = {name: min(course.rows, course.ports) for name in _CLIENTS}
    if in_flight > 1:
        # A series of the fast ones would be over before it is under way.
        counts |= {name: min(10 * course.rows, course.ports) for name in (FLOOR, OURS)}

    def run(name: str) -> float:
        value = course.unique("value")
        if operation == "update":
            value = dataset.address_of(value)
        what = {"name": value} if operation == "insert" else {"value": value}
        with course.contestants.alone(name) as child:
            spent: float = child.ask(operation, count=counts[name], in_flight=in_flight, **what)
        table, column = ("Logical_Switch", "name") if operation == "insert" else ("Logical_Switch_Port", "addresses")
        # A select without the uuid would show equal rows as one.
        select = {"op": "select", "table": table, "where": [[column, "==", value]], "columns": ["_uuid"]}
        rows = course.control.transact(select)[0]["rows"]
        if len(rows) != counts[name]:
            raise RuntimeError(f"{name}: {len(rows)} rows instead of {counts[name]}")
        if operation == "insert":
            course.control.transact(dataset.delete_switch(value))
        return spent

    best = course.interleaved(course.among(*_CLIENTS), run)
    return {name: counts[name] / spent for name, spent in best.items()}
