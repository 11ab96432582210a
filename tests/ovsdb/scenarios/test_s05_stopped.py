"""S5: a server that is stopped with a transaction in flight, on every kind of connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from tests.ovsdb.authority import LOOPBACK, Authority, TlsServer, free_port
from tests.ovsdb.conftest import StartServer, Stopped
from tests.ovsdb.scenarios.test_s04_replies import in_database

pytestmark = pytest.mark.alone

PROBE_SECONDS = 1.0
SLACK_SECONDS = 0.6
STOPPED_SECONDS = 4.0

Probing = tuple[Server, Northbound]


@contextmanager
def _unix(directory: Path, server: Server) -> Iterator[Probing]:
    with server, Northbound.connect(server.remote, timeout=15, probe_interval=PROBE_SECONDS) as nb:
        yield server, nb


@contextmanager
def _tcp(directory: Path, server: Server) -> Iterator[Probing]:
    port = free_port()
    listener = Server(
        directory / "tcp.db", server.schema, run_dir=directory, name="tcp", listen=[f"ptcp:{port}:127.0.0.1"]
    )
    with listener, Northbound.connect(f"tcp:127.0.0.1:{port}", timeout=15, probe_interval=PROBE_SECONDS) as nb:
        yield listener, nb


@contextmanager
def _tls(directory: Path, server: Server) -> Iterator[Probing]:
    (directory / "tls").mkdir()
    authority = Authority(directory / "ca")
    with TlsServer(directory / "tls", authority, *LOOPBACK) as listener:
        tls = authority.tls("client")
        with Northbound.connect(listener.tls_remote, tls=tls, timeout=15, probe_interval=PROBE_SECONDS) as nb:
            yield listener, nb


TRANSPORTS: dict[str, Callable[[Path, Server], AbstractContextManager[Probing]]] = {
    "unix": _unix,
    "tcp": _tcp,
    "tls": _tls,
}


@pytest.fixture(params=TRANSPORTS)
def probing(request: pytest.FixtureRequest, start_server: StartServer, tmp_path: Path) -> Iterator[Probing]:
    """A server, and a client that probes it."""
    with TRANSPORTS[request.param](tmp_path, start_server("ovn-nb.ovsschema")) as pair:
        yield pair


def test_s5_a_stopped_server_is_noticed_and_what_was_in_flight_is_applied_once(
    probing: Probing, stopped_server: Stopped
) -> None:
    server, nb = probing
    states: list[tuple[float, str]] = []
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="before")))
    watch = nb.on_state(lambda state: states.append((time.monotonic(), state)))
    in_flight = nb.transaction(timeout=15)
    in_flight.insert(LogicalSwitch(name="in flight"))
    refused: list[str] = []
    unknown: dict[str, OutcomeUnknown] = {}
    with stopped_server(server):
        began = time.monotonic()
        answer = in_flight.submit()
        while time.monotonic() - began < STOPPED_SECONDS:
            name = f"s{len(refused) + len(unknown)}"
            try:
                with nb.transaction(timeout=0.1) as tx:
                    tx.insert(LogicalSwitch(name=name))
                pytest.fail("a stopped server has answered")
            except Timeout:
                refused.append(name)
            except OutcomeUnknown as exc:
                unknown[name] = exc
            # Reads go on.
            assert nb.get(LogicalSwitch, name="before").name == "before"
    lost = next(at for at, state in states if state == "reconnecting")
    assert lost - began <= 2 * PROBE_SECONDS + SLACK_SECONDS
    assert answer.exception(15) is None
    applied = ["in flight", *(name for name, exc in unknown.items() if exc.resolve(15))]
    assert refused
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="last")))
    assert in_database(server) == sorted([*applied, "before", "last"])
    time.sleep(0.5)
    assert in_database(server) == sorted([*applied, "before", "last"])
    watch.close()


def test_s5_a_commit_that_may_wait_long_enough_is_applied_once(probing: Probing, stopped_server: Stopped) -> None:
    server, nb = probing
    with stopped_server(server):
        tx = nb.transaction(timeout=30)
        tx.insert(LogicalSwitch(name="patient"))
        committer = threading.Thread(target=tx.commit)
        committer.start()
        time.sleep(2 * PROBE_SECONDS + SLACK_SECONDS)
    committer.join(20)
    assert not committer.is_alive()
    assert in_database(server) == ["patient"]
    assert [row.name for row in nb.find(LogicalSwitch)] == ["patient"]
    assert nb.state == "ready"


def test_s5_a_server_that_is_only_slow_is_not_dropped(probing: Probing, stopped_server: Stopped) -> None:
    server, nb = probing
    states: list[str] = []
    with closing(nb.on_state(states.append)):
        for number in range(4):
            with stopped_server(server):
                time.sleep(0.7 * PROBE_SECONDS)
            nb.transact(lambda tx, number=number: tx.insert(LogicalSwitch(name=f"s{number}")))  # type: ignore[misc]
    assert "reconnecting" not in states
    assert len(nb.find(LogicalSwitch)) == 4
