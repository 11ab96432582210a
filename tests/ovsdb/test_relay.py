"""A relay in front of a server: read, watched and written through, and left when it is cut off from its source."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import ConstraintViolation, OutcomeUnknown, OvnkitError, QuorumLost, Timeout
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.server import Process, Server, find_program


def until(condition: Callable[[], bool], timeout: float = 15.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Relay:
    """``ovsdb-server relay:DATABASE:REMOTE``, which has the content in memory and passes writes on."""

    def __init__(self, source: Server, directory: Path) -> None:
        self.socket = directory / "relay.sock"
        self.process = Process(
            [
                find_program("ovsdb-server") or "ovsdb-server",
                f"--remote=punix:{self.socket}",
                f"--unixctl={directory}/relay.ctl",
                "-vconsole:info",
                "-vsyslog:off",
                f"relay:OVN_Northbound:{source.remote}",
            ],
            log=directory / "relay.log",
        )
        until(self.socket.exists)

    @property
    def remote(self) -> str:
        return f"unix:{self.socket}"

    def stop(self) -> None:
        self.process.stop()


@pytest.fixture
def relay(nb_server: Server, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(nb_server, tmp_path)
    yield relay
    relay.stop()


def test_through_a_relay_a_client_reads_writes_and_watches(nb: Northbound, relay: Relay) -> None:
    nb.add_switch("web")
    with Northbound.connect(relay.remote, timeout=10) as client, client.watch(LogicalSwitch) as watch:
        assert watch.next(timeout=5).row.name == "web"
        client.add_switch_port("web", "vm1")
        assert client.get(LogicalSwitchPort, name="vm1").ref in client.get(LogicalSwitch, name="web").ports
        assert watch.next(timeout=5).kind == "update"
        nb.wait(LogicalSwitchPort, name="vm1", timeout=5)
        nb.add_switch("db")
        assert watch.next(timeout=5).row.name == "db"
        client.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="db"), name="store"))
        assert watch.next(timeout=5).row.name == "store"
        with client.transaction() as tx:
            tx.delete(tx.get(LogicalSwitch, name="store"))
        assert watch.next(timeout=5).kind == "delete"
        tx = client.transaction()
        tx.insert(LogicalSwitch(name="x", ports=[tx.insert(LogicalSwitchPort(name="vm1"))]))
        with pytest.raises(ConstraintViolation):
            tx.commit()
        client.ovsdbapp.ls_add("app").execute(check_error=True)
        nb.wait(LogicalSwitch, name="app", timeout=5)


def test_many_writes_through_a_relay_are_each_applied_once(nb: Northbound, relay: Relay) -> None:
    with Northbound.connect(relay.remote, timeout=10) as client:
        futures = []
        for number in range(200):
            tx = client.transaction()
            tx.insert(LogicalSwitch(name=f"s{number}"))
            futures.append(tx.submit())
        for future in futures:
            future.result(10)
        # A reply may come before the relay has the change.
        until(lambda: len(client.find(LogicalSwitch)) == 200)
    until(lambda: len(nb.find(LogicalSwitch)) == 200)
    assert len({row.name for row in nb.find(LogicalSwitch)}) == 200


def test_what_was_written_is_read_at_once(nb: Northbound, relay: Relay) -> None:
    with Northbound.connect(relay.remote, timeout=10) as client:
        for number in range(50):
            with client.transaction() as tx:
                ref = tx.insert(LogicalSwitch(name=f"s{number}"))
            assert client[ref].name == f"s{number}"


def test_a_relay_that_is_cut_off_says_so_and_is_left_for_another(
    nb_server: Server, relay: Relay, tmp_path: Path
) -> None:
    # For 30 seconds after it lost its source a relay says nothing of it (ovsdb-server 3.1).
    other = Server(tmp_path / "other.db", nb_server.schema, run_dir=tmp_path, name="other")
    with (
        other,
        Northbound.connect(relay.remote, timeout=10) as client,
        # A server that is not there at first, so that this one begins with the relay.
        Northbound.connect(f"{relay.remote},unix:{tmp_path}/later.sock", timeout=10) as movable,
    ):
        client.add_switch("web")
        nb_server.stop()
        (tmp_path / "later.sock").symlink_to(other.socket)
        with pytest.raises(OvnkitError) as unsure, client.transaction(timeout=0.3) as tx:
            tx.insert(LogicalSwitch(name="late"))
        assert isinstance(unsure.value, (OutcomeUnknown, Timeout))
        until(lambda: client.state == "reconnecting" and "relay is cut off" in client.trouble, 45)
        assert client.get(LogicalSwitch, name="web").name == "web"
        with pytest.raises(QuorumLost, match="cut off"), client.transaction(timeout=0.5) as tx:
            tx.insert(LogicalSwitch(name="later"))
        with pytest.raises(QuorumLost, match="relay is cut off"):
            Northbound.connect(relay.remote, timeout=1)
        until(lambda: movable.state == "ready" and movable.find(LogicalSwitch) == [])
        movable.add_switch("there")
        nb_server.start()
        until(lambda: client.state == "ready")
        assert client.trouble == ""
        client.add_switch("db")
        assert {row.name for row in client.find(LogicalSwitch)} >= {"web", "db"}


def test_a_relay_that_has_no_content_yet_is_waited_for(nb_server: Server, tmp_path: Path) -> None:
    nb_server.stop()
    relay = Relay(nb_server, tmp_path)
    try:
        with pytest.raises(Timeout, match="no content of OVN_Northbound yet"):
            Northbound.connect(relay.remote, timeout=0.5)
        starting = threading.Timer(0.3, nb_server.start)
        starting.start()
        with Northbound.connect(relay.remote, timeout=15) as client:
            client.add_switch("web")
        starting.join()
    finally:
        relay.stop()


def test_a_relay_that_is_stopped_is_found_out(relay: Relay, nb_server: Server) -> None:
    with Northbound.connect(f"{relay.remote}", timeout=10, probe_interval=1) as client:
        client.add_switch("web")
        relay.process.signal(signal.SIGSTOP)
        until(lambda: client.state == "reconnecting", 4)
        relay.process.signal(signal.SIGCONT)
        until(lambda: client.state == "ready")
        client.add_switch("db")


def test_a_relay_will_not_do_where_only_the_leader_will(relay: Relay) -> None:
    # As with ovn-nbctl, which needs --no-leader-only there.
    with pytest.raises(Timeout, match="this relay is not the leader"):
        Northbound.connect(relay.remote, timeout=2, leader_only=True)
