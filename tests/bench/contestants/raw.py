"""The floor: a socket that reads the bytes or sends the operations, which were made before the clock starts."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.bench import dataset
from tests.bench.contestants import serve
from tests.bench.raw import Raw

_END = b"all of it has come"
_STAMP = re.compile(rb'"stamp","(\d+)"')
_NEVER = "00000000-0000-0000-0000-000000000000"


class Floor:
    """Does what a client does on the wire."""

    def connect(self, remote: str) -> dict[str, Any]:
        before = serve.memory()
        began = time.perf_counter()
        self.raw = Raw(remote)
        schema = self.raw.call("get_schema", [dataset.DATABASE])
        tables = {name: [{"columns": list(table["columns"])}] for name, table in schema["tables"].items()}
        monitor = self.raw.request("monitor_cond_since", [dataset.DATABASE, "bench", tables, _NEVER])
        # Replies come in the order of the requests: after that of the echo there is nothing more to read.
        self.raw.socket.sendall(monitor + self.raw.request("echo", [_END.decode()]))
        size = self.raw.read_until(_END)
        spent = time.perf_counter() - began
        after = serve.memory()
        # What follows is written by a connection that watches nothing.
        self.raw.close()
        self.raw = Raw(remote)
        return {"seconds": spent, "before": before["rss"], **after, "bytes": size}

    def wait_for(self, switch: str) -> None:
        """It has no replica that could lag behind."""

    def bulk(self, tag: str, transactions: int) -> float:
        batches = dataset.Batches(tag, transactions)
        requests: list[bytes] = []
        for switch, ports in batches.ports.items():
            inserts = [dataset.insert_port(name, columns) for name, columns in ports]
            members = dataset.references([name for name, _ in ports])
            own = [["_uuid", "==", ["uuid", dataset.row_uuid(switch)]]]
            add = {"op": "mutate", "table": "Logical_Switch", "where": own, "mutations": [["ports", "insert", members]]}
            requests.append(self.raw.transaction([*inserts, add]))
        return serve.seconds(lambda: self.raw.stream(requests, 1))

    def insert(self, count: int, in_flight: int, name: str) -> float:
        row = {"op": "insert", "table": "Logical_Switch", "row": {"name": name}}
        requests = [self.raw.transaction([row]) for _ in range(count)]
        return serve.seconds(lambda: self.raw.stream(requests, in_flight))

    def update(self, count: int, in_flight: int, value: str) -> float:
        requests = [
            self.raw.transaction([_edit(dataset.port_name(number), {"addresses": value})]) for number in range(count)
        ]
        return serve.seconds(lambda: self.raw.stream(requests, in_flight))

    def open_watch(self) -> None:
        tables = {"Logical_Switch_Port": [{"columns": ["external_ids"], "select": {"initial": False}}]}
        self.raw.call("monitor_cond_since", [dataset.DATABASE, "watch", tables, _NEVER])

    def collect(self, count: int) -> dict[str, Any]:
        spent: list[int] = []
        rest = b""
        while len(spent) < count:
            data = rest + self.raw.socket.recv(1 << 16)
            now = time.monotonic_ns()
            end = 0
            for match in _STAMP.finditer(data):
                spent.append(now - int(match[1]))
                end = match.end()
            rest = data[end:]
        return serve.latencies(spent)

    def write_paced(self, count: int, rate: float, rows: int) -> float:
        """Put the time into one row after another; returns how many seconds that took."""
        began = time.monotonic()
        for number in serve.paced(count, rate):
            where = [["_uuid", "==", ["uuid", dataset.row_uuid(dataset.port_name(number % rows))]]]
            mutations: list[Any] = [
                ["external_ids", "delete", ["set", [dataset.STAMP]]],
                ["external_ids", "insert", ["map", [[dataset.STAMP, str(time.monotonic_ns())]]]],
            ]
            operation = {"op": "mutate", "table": "Logical_Switch_Port", "where": where, "mutations": mutations}
            self.raw.exchange(self.raw.transaction([operation]))
        return time.monotonic() - began


def _edit(name: str, row: dict[str, Any]) -> dict[str, Any]:
    where = [["_uuid", "==", ["uuid", dataset.row_uuid(name)]]]
    return {"op": "update", "table": "Logical_Switch_Port", "where": where, "row": row}


if __name__ == "__main__":
    serve.serve(Floor())
