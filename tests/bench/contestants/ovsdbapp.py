"""ovsdbapp, on the `ovs` of the interpreter that runs this.

Debian's interpreter has an `ovs` with a JSON parser in C and no ovsdbapp; that one is then found at ``--site``.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ovs.json

# Behind the interpreter's own modules, so that its `ovs` stays the one that is used.
if "--site" in sys.argv:
    sys.path.append(sys.argv[sys.argv.index("--site") + 1])

from ovsdbapp.backend.ovs_idl import connection as ovsdbapp_connection
from ovsdbapp.backend.ovs_idl import event as ovsdbapp_event
from ovsdbapp.schema.ovn_northbound import impl_idl

from tests.bench import dataset
from tests.bench.contestants import serve

TIMEOUT = 600
THREADS = 8


class Ovsdbapp:
    """One API object on a connection of its own."""

    def parser(self) -> str:
        """Whether JSON is parsed in C or in Python."""
        return "C" if ovs.json.PARSER == "C" else "Python"

    def connect(self, remote: str) -> dict[str, Any]:
        before = serve.memory()
        began = time.perf_counter()
        idl = ovsdbapp_connection.OvsdbIdl.from_server(remote, dataset.DATABASE)
        self.connection: Any = ovsdbapp_connection.Connection(idl, timeout=TIMEOUT)
        self.api: Any = impl_idl.OvnNbApiIdlImpl(self.connection)
        spent = time.perf_counter() - began
        return {"seconds": spent, "before": before["rss"], **serve.memory()}

    def wait_for(self, switch: str) -> None:
        while self.api.db_find("Logical_Switch", ("name", "=", switch)).execute(check_error=True) == []:
            time.sleep(0.01)

    def read_column(self) -> dict[str, Any]:
        rows = self.api.tables["Logical_Switch_Port"].rows
        found: list[object] = []
        spent = serve.seconds(lambda: found.extend(row.addresses for row in rows.values()))
        return {"seconds": spent, "rows": sum(1 for value in found if value)}

    def read_all(self) -> dict[str, Any]:
        def read() -> None:
            for table in self.api.tables.values():
                names = list(table.columns)
                for row in table.rows.values():
                    for name in names:
                        getattr(row, name)

        return {"seconds": serve.seconds(read)}

    def get(self, names: list[str]) -> dict[str, Any]:
        return serve.median_of_calls(lambda name: self.api.lookup("Logical_Switch_Port", name), names)

    def bulk(self, tag: str, transactions: int) -> float:
        batches = dataset.Batches(tag, transactions)

        def write() -> None:
            for switch, ports in batches.ports.items():
                with self.api.transaction(check_error=True) as txn:
                    for name, columns in ports:
                        txn.add(self.api.lsp_add(switch, name, **columns))

        return serve.seconds(write)

    def insert(self, count: int, in_flight: int, name: str) -> float:
        def one(number: int) -> None:
            self.api.db_create("Logical_Switch", name=name).execute(check_error=True)

        return self._write(one, count, in_flight)

    def update(self, count: int, in_flight: int, value: str) -> float:
        names = [dataset.port_name(number) for number in range(count)]

        def one(number: int) -> None:
            self.api.db_set("Logical_Switch_Port", names[number], ("addresses", [value])).execute(check_error=True)

        return self._write(one, count, in_flight)

    def _write(self, one: Callable[[int], None], count: int, in_flight: int) -> float:
        """It sends one transaction at a time; calls from several threads are the most that can be done about it."""

        def one_by_one() -> None:
            for number in range(count):
                one(number)

        if in_flight == 1:
            return serve.seconds(one_by_one)
        with ThreadPoolExecutor(THREADS) as pool:
            return serve.seconds(lambda: list(pool.map(one, range(count))))

    def open_watch(self) -> None:
        self.spent: list[int] = []
        self.enough = threading.Event()
        self.wanted = 0
        handler = ovsdbapp_event.RowEventHandler()
        handler.watch_event(_Stamped(self))
        # From here on: the rows that are there already are nobody's event.
        self.connection.idl.notify = handler.notify

    def collect(self, count: int) -> dict[str, Any]:
        self.wanted = count
        if len(self.spent) < count and not self.enough.wait(TIMEOUT):
            raise TimeoutError(f"{len(self.spent)} events of {count}")
        return serve.latencies(self.spent)


class _Stamped(ovsdbapp_event.RowEvent):  # type: ignore[misc]
    """A row whose external_ids say when they were written."""

    def __init__(self, owner: Ovsdbapp) -> None:
        super().__init__((self.ROW_UPDATE,), "Logical_Switch_Port", None)
        self.owner = owner

    def run(self, event: Any, row: Any, old: Any) -> None:
        stamp = row.external_ids.get(dataset.STAMP)
        if stamp is not None:
            self.owner.spent.append(time.monotonic_ns() - int(stamp))
            if len(self.owner.spent) >= self.owner.wanted > 0:
                self.owner.enough.set()


if __name__ == "__main__":
    serve.serve(Ovsdbapp())
