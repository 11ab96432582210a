"""One table of ratios, from one run on one data set: ovnkit, ovsdbapp, and a socket that does nothing else.

``python -m tests.bench [--ports 10000]``; every figure is the best of three interleaved runs, in seconds.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ovsdbapp.backend.ovs_idl import connection as ovsdbapp_connection
from ovsdbapp.schema.ovn_northbound import impl_idl

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.server import Server, find_schema

PORTS_PER_SWITCH = 200
ROWS = 300
TIMEOUT = 600.0


class Raw:
    """A socket that sends operations and reads bytes, and does nothing else."""

    def __init__(self, remote: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(remote.removeprefix("unix:"))

    def call(self, method: str, params: list[Any]) -> bytes:
        """One request, and the bytes of its reply."""
        self.socket.sendall(json.dumps({"method": method, "params": params, "id": 1}).encode())
        data = bytearray()
        depth = 0
        while True:
            part = self.socket.recv(1 << 20)
            data += part
            # Braces in strings do not matter here: the data set has none.
            depth += part.count(b"{") - part.count(b"}")
            if depth == 0:
                return bytes(data)

    def close(self) -> None:
        self.socket.close()


def insert_switch(name: str, ports: int) -> list[dict[str, Any]]:
    """The operations for a switch with ports."""
    uuids = [str(uuid.uuid4()) for _ in range(ports)]
    operations: list[dict[str, Any]] = [
        {"op": "insert", "table": "Logical_Switch_Port", "uuid": own, "row": port_row(f"{name}-{index}")}
        for index, own in enumerate(uuids)
    ]
    row = {"name": name, "ports": ["set", [["uuid", own] for own in uuids]]}
    return [*operations, {"op": "insert", "table": "Logical_Switch", "row": row}]


def port_row(name: str) -> dict[str, Any]:
    """A port as OpenStack makes them."""
    ids = [["neutron:port_name", name], ["neutron:device_id", name * 2], ["neutron:revision_number", "4"]]
    return {"name": name, "addresses": f"fa:16:3e:00:00:01 10.0.0.{len(name)}", "external_ids": ["map", ids]}


@contextmanager
def ovsdbapp_api(remote: str) -> Iterator[Any]:
    """ovsdbapp's API object on a connection of its own."""
    idl = ovsdbapp_connection.OvsdbIdl.from_server(remote, "OVN_Northbound")
    connection = ovsdbapp_connection.Connection(idl, timeout=int(TIMEOUT))
    # The class keeps the first connection for all its objects.
    api_class: Any = type("Api", (impl_idl.OvnNbApiIdlImpl,), {"_ovsdb_connection": None})
    try:
        yield api_class(connection)
    finally:
        connection.stop()


def sync_raw(remote: str) -> None:
    raw = Raw(remote)
    schema = json.loads(raw.call("get_schema", ["OVN_Northbound"]))["result"]
    tables = {name: [{"columns": list(table["columns"])}] for name, table in schema["tables"].items()}
    raw.call("monitor_cond_since", ["OVN_Northbound", "bench", tables, str(uuid.UUID(int=0))])
    raw.close()


def sync_ovnkit(remote: str) -> None:
    with Northbound.connect(remote, timeout=TIMEOUT) as nb:
        assert nb.state == "ready"


def sync_ovsdbapp(remote: str) -> None:
    with ovsdbapp_api(remote) as api:
        assert api.tables


def find_nbctl(remote: str) -> None:
    command = ["ovn-nbctl", f"--db={remote}", "--bare", "--columns=name", "find", "Logical_Switch", "name=s0"]
    subprocess.run(command, check=True, capture_output=True)


def write_raw(remote: str) -> Callable[[], None]:
    raw = Raw(remote)

    def write() -> None:
        for _ in range(ROWS):
            insert = {"op": "insert", "table": "Logical_Switch", "row": {"name": "one"}}
            raw.call("transact", ["OVN_Northbound", insert])

    return write


def write_ovnkit(nb: Northbound) -> Callable[[], None]:
    def write() -> None:
        for _ in range(ROWS):
            with nb.transaction() as tx:
                tx.insert(LogicalSwitch(name="one"))

    return write


def write_ovsdbapp(api: Any) -> Callable[[], None]:
    def write() -> None:
        for _ in range(ROWS):
            api.db_create("Logical_Switch", name="one").execute(check_error=True)

    return write


def best(*rivals: Callable[[], object], times: int = 3) -> list[float]:
    """The shortest time of each, from interleaved runs."""
    found = [float("inf")] * len(rivals)
    for _ in range(times):
        for index, rival in enumerate(rivals):
            began = time.perf_counter()
            rival()
            found[index] = min(found[index], time.perf_counter() - began)
    return found


def show(measure: str, raw: float, ovnkit: float, ovsdbapp: float, other: str = "") -> None:
    ratios = f"{ovnkit / raw:>9.1f}{ovsdbapp / ovnkit:>12.1f}"
    print(f"{measure:<34}{raw:>9.3f}{ovnkit:>9.3f}{ovsdbapp:>9.3f}{ratios}  {other}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, default=10_000)
    ports: int = parser.parse_args().ports
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as server:
            raw = Raw(server.remote)
            for index in range(ports // PORTS_PER_SWITCH):
                raw.call("transact", ["OVN_Northbound", *insert_switch(f"s{index}", PORTS_PER_SWITCH)])
            raw.close()
            measure(server.remote, ports)
    return 0


def measure(remote: str, ports: int) -> None:
    print(f"{ports} logical switch ports; seconds, best of 3")
    print(f"{'':<34}{'raw':>9}{'ovnkit':>9}{'ovsdbapp':>9}{'/ raw':>9}{'ovsdbapp /':>12}")
    raw, ovnkit, ovsdbapp, nbctl = best(
        lambda: sync_raw(remote),
        lambda: sync_ovnkit(remote),
        lambda: sync_ovsdbapp(remote),
        lambda: find_nbctl(remote),
        times=3 if ports <= 10_000 else 1,
    )
    show("first full sync", raw, ovnkit, ovsdbapp, f"ovn-nbctl find: {nbctl:.3f}")
    with Northbound.connect(remote, timeout=TIMEOUT) as nb, ovsdbapp_api(remote) as api:
        began = time.perf_counter()
        total = sum(len(port.addresses) for port in nb.find(LogicalSwitchPort))
        print(f"one column of {total} rows, first time: {time.perf_counter() - began:.3f}")
        raw, ovnkit, ovsdbapp = best(write_raw(remote), write_ovnkit(nb), write_ovsdbapp(api))
        show(f"{ROWS} transactions of one row", raw, ovnkit, ovsdbapp)


if __name__ == "__main__":
    sys.exit(main())
