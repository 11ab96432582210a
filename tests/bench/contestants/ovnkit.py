"""ovnkit, as a program would use it."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any

from ovnkit import Northbound
from ovnkit.errors import Conflict
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.northbound.rows import NB
from ovnkit.ovsdb import Add, Put, Ref
from tests.bench import dataset
from tests.bench.contestants import serve

TIMEOUT = 600.0


class Ovnkit:
    """One client."""

    def connect(self, remote: str) -> dict[str, Any]:
        before = serve.memory()
        began = time.perf_counter()
        self.nb = Northbound.connect(remote, timeout=TIMEOUT)
        spent = time.perf_counter() - began
        return {"seconds": spent, "before": before["rss"], **serve.memory()}

    def wait_for(self, switch: str) -> None:
        self.nb.wait(LogicalSwitch, name=switch)

    def read_column(self) -> dict[str, Any]:
        found: list[object] = []
        spent = serve.seconds(lambda: found.extend(port.addresses for port in self.nb.find(LogicalSwitchPort)))
        return {"seconds": spent, "rows": sum(1 for value in found if value)}

    def read_all(self) -> dict[str, Any]:
        tables = [row_class._table for row_class in NB.tables.values() if self.nb.has(row_class)]

        def read() -> None:
            for table in tables:
                for row in self.nb.rows(table):
                    for name in row._columns:
                        if row._readable(name):
                            getattr(row, name)

        return {"seconds": serve.seconds(read)}

    def get(self, names: list[str]) -> dict[str, Any]:
        return serve.median_of_calls(lambda name: self.nb.get(LogicalSwitchPort, name=name), names)

    def bulk(self, tag: str, transactions: int) -> float:
        batches = dataset.Batches(tag, transactions)

        def write() -> None:
            for switch, ports in batches.ports.items():
                with self.nb.transaction() as tx:
                    new = [tx.insert(LogicalSwitchPort(name=name, **columns)) for name, columns in ports]
                    tx.update(tx.get(LogicalSwitch, name=switch), ports=Add(*new))

        return serve.seconds(write)

    def insert(self, count: int, in_flight: int, name: str) -> float:
        def begin(number: int) -> Any:
            tx = self.nb.transaction()
            tx.insert(LogicalSwitch(name=name))
            return tx

        return self._write(begin, count, in_flight)

    def update(self, count: int, in_flight: int, value: str) -> float:
        names = [dataset.port_name(number) for number in range(count)]

        def begin(number: int) -> Any:
            tx = self.nb.transaction()
            tx.update(tx.get(LogicalSwitchPort, name=names[number]), addresses={value})
            return tx

        return self._write(begin, count, in_flight)

    def _write(self, begin: Any, count: int, in_flight: int) -> float:
        def one_by_one() -> None:
            for number in range(count):
                begin(number).commit()

        def many() -> None:
            flying: deque[Future[None]] = deque()
            for number in range(count):
                if len(flying) == in_flight:
                    flying.popleft().result()
                flying.append(begin(number).submit())
            for future in flying:
                future.result()

        return serve.seconds(one_by_one if in_flight == 1 else many)

    def open_watch(self) -> None:
        self.watch = self.nb.watch(LogicalSwitchPort)
        present = len(self.nb.find(LogicalSwitchPort))
        for _ in range(present):
            assert self.watch.next(timeout=TIMEOUT).initial

    def collect(self, count: int) -> dict[str, Any]:
        spent: list[int] = []
        while len(spent) < count:
            stamp = self.watch.next(timeout=TIMEOUT).row.external_ids.get(dataset.STAMP)
            if stamp is not None:
                spent.append(time.monotonic_ns() - int(stamp))
        return serve.latencies(spent)

    def write_paced(self, count: int, rate: float, rows: int) -> float:
        """Put the time into one row after another; returns how many seconds that took."""
        found = [self.nb.get(LogicalSwitchPort, name=dataset.port_name(number)).ref for number in range(rows)]
        sent: list[tuple[Ref[LogicalSwitchPort], str, Future[None]]] = []
        began = time.monotonic()
        for number in serve.paced(count, rate):
            ref, stamp = found[number % rows], str(time.monotonic_ns())
            tx = self.nb.transaction()
            tx.update(self.nb[ref], external_ids=Put({dataset.STAMP: stamp}))
            sent.append((ref, stamp, tx.submit()))
        spent = time.monotonic() - began
        for ref, stamp, future in sent:
            try:
                future.result()
            except Conflict:
                # The row's turn came again before its last change was back: late, and measured as late.
                self.nb.transact(partial(_put, ref=ref, stamp=stamp))
        return spent


def _put(tx: NorthboundTransaction, *, ref: Ref[LogicalSwitchPort], stamp: str) -> None:
    tx.update(tx[ref], external_ids=Put({dataset.STAMP: stamp}))


if __name__ == "__main__":
    serve.serve(Ovnkit())
