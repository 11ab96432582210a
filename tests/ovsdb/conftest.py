"""Real servers, clients of them, and a proxy in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.server import Server, find_program, find_schema
from tests.cluster import Cluster
from tests.ovsdb.kinds import KindsClient, write_to
from tests.ovsdb.proxy import Proxy


class StartServer(Protocol):
    """Starts a server for a schema, by the name of its file or its path."""

    def __call__(self, schema: str, name: str = "") -> Server: ...


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts an ovsdb-server for a schema, in a directory of its own."""
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    servers: list[Server] = []

    def start(schema: str, name: str = "") -> Server:
        path = Path(schema) if "/" in schema else find_schema(schema)
        name = name or path.stem
        server = Server(tmp_path / f"{name}.db", path, run_dir=tmp_path, name=name)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


class Stopped(Protocol):
    """``with stopped(server):`` the server does not run, but its connections stay open."""

    def __call__(self, server: Server) -> AbstractContextManager[None]: ...


@pytest.fixture
def stopped_server() -> Stopped:
    @contextmanager
    def stop(server: Server) -> Iterator[None]:
        server.process.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.process.signal(signal.SIGCONT)

    return stop


@pytest.fixture
def nb_server(start_server: StartServer) -> Server:
    return start_server("ovn-nb.ovsschema")


@pytest.fixture
def sb_server(start_server: StartServer) -> Server:
    return start_server("ovn-sb.ovsschema")


@pytest.fixture
def vs_server(start_server: StartServer) -> Server:
    return start_server("vswitch.ovsschema")


@pytest.fixture
def kinds_server(start_server: StartServer, tmp_path: Path) -> Server:
    return start_server(str(write_to(tmp_path)))


@pytest.fixture
def nb(nb_server: Server) -> Iterator[Northbound]:
    with Northbound.connect(nb_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def other_nb(nb_server: Server) -> Iterator[Northbound]:
    """Another writer."""
    with Northbound.connect(nb_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def sb(sb_server: Server) -> Iterator[Southbound]:
    with Southbound.connect(sb_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def vs(vs_server: Server) -> Iterator[VSwitch]:
    with VSwitch.connect(vs_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def kinds_client(kinds_server: Server) -> Iterator[KindsClient]:
    with KindsClient.connect(kinds_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def nb_proxy(nb_server: Server, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path / "proxy.sock", nb_server.socket) as proxy:
        yield proxy


@pytest.fixture
def nb_behind(nb_proxy: Proxy) -> Iterator[Northbound]:
    """A client whose messages go through the proxy."""
    with Northbound.connect(nb_proxy.remote, timeout=10) as client:
        yield client


@pytest.fixture
def nb_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three members of a clustered Northbound database."""
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    with Cluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def switch(nb: Northbound) -> LogicalSwitch:
    """A switch with two ports and two keys, as it was read."""
    with nb.transaction() as tx:
        ports = [tx.insert(LogicalSwitchPort(name=name)) for name in ("p", "q")]
        tx.insert(LogicalSwitch(name="web", ports=ports, external_ids={"a": "1", "b": "2"}))
    return nb.get(LogicalSwitch, name="web")
