"""The state of a client, in words and callbacks; probes, forks, progress, and an end that always comes."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Closed, OutcomeUnknown, OvnkitError, Timeout
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.client import Progress
from ovnkit.ovsdb.server import Server
from tests.cluster import Cluster
from tests.ovsdb.hostile import impatient
from tests.ovsdb.proxy import Proxy


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def stop(nb_server: Server) -> Iterator[Callable[[], None]]:
    """Stops the server; it goes on at the end."""
    yield lambda: os.kill(nb_server.process.pid, signal.SIGSTOP)
    nb_server.process.signal(signal.SIGCONT)


def go_on(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGCONT)


# -- state and trouble ---------------------------------------------------------------------------------------------


def test_states_are_told_in_order_over_a_restart_and_end_with_closed(nb: Northbound, nb_server: Server) -> None:
    told: queue.Queue[tuple[str, str]] = queue.Queue()
    nb.on_state(lambda state: told.put((state, threading.current_thread().name)))
    assert (nb.state, nb.trouble) == ("ready", "")
    nb_server.stop()
    assert told.get(timeout=5) == ("reconnecting", "ovnkit on_state OVN_Northbound")
    until(lambda: "No such file" in nb.trouble or "refused" in nb.trouble)
    nb_server.start()
    assert told.get(timeout=10)[0] == "ready"
    assert nb.trouble == ""
    nb.close()
    assert told.get(timeout=5)[0] == "closed"
    assert told.empty()
    until(lambda: not any("on_state" in thread.name for thread in threading.enumerate()))
    assert nb.state == "closed"


def test_the_state_that_is_told_is_the_one_to_be_seen(nb: Northbound, nb_server: Server) -> None:
    found: list[tuple[str, str]] = []
    begun = threading.Event()

    def call(state: str) -> None:
        found.append((state, nb.state))
        begun.set()

    nb.on_state(call)
    nb_server.stop()
    assert begun.wait(5)
    assert found[0] == ("reconnecting", "reconnecting")


def test_an_exception_in_a_callback_is_reported_and_harms_nothing(
    nb: Northbound, nb_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", reported.put)
    told: queue.Queue[str] = queue.Queue()

    def call(state: str) -> None:
        told.put(state)
        raise LookupError(state)

    handle = nb.on_state(call)
    other: queue.Queue[str] = queue.Queue()
    nb.on_state(other.put)
    nb_server.stop()
    nb_server.start()
    for wanted in ("reconnecting", "ready"):
        assert told.get(timeout=10) == wanted
        assert other.get(timeout=10) == wanted
        failure = reported.get(timeout=5)
        assert (failure.exc_type, str(failure.exc_value)) == (LookupError, wanted)
        assert failure.exc_traceback is not None
    handle.close()
    nb.add_switch("web")


def test_a_callback_that_is_closed_is_told_no_more(nb: Northbound, nb_server: Server) -> None:
    told: queue.Queue[str] = queue.Queue()
    handle = nb.on_state(told.put)
    handle.close()
    handle.close()
    nb_server.stop()
    until(lambda: nb.state == "reconnecting")
    until(lambda: not any("on_state" in thread.name for thread in threading.enumerate()))
    assert told.empty()


def test_a_callback_may_use_the_client_and_close_it(nb: Northbound, nb_server: Server) -> None:
    done: queue.Queue[object] = queue.Queue()

    def call(state: str) -> None:
        if state == "ready":
            nb.add_switch("web")
            done.put(nb.get(LogicalSwitch, name="web").name)
            nb.close()
        if state == "closed":
            done.put(state)

    nb.on_state(call)
    nb_server.stop()
    nb_server.start()
    assert done.get(timeout=10) == "web"
    assert done.get(timeout=10) == "closed"
    assert nb.state == "closed"


def test_a_timeout_says_what_the_trouble_is(nb: Northbound, nb_server: Server) -> None:
    nb.add_switch("db")
    nb_server.stop()
    until(lambda: nb.state == "reconnecting" and nb.trouble != "")
    trouble = r"ovn-nb\.sock: (No such file or directory|Connection refused)"
    with pytest.raises(Timeout, match=rf"reconnecting.*{trouble}"):
        nb.wait(LogicalSwitch, name="web", timeout=0.1)
    with pytest.raises(Timeout, match=rf"reconnecting.*{trouble}"):
        nb.wait_gone(LogicalSwitch, name="db", timeout=0.1)
    with pytest.raises(Timeout, match=rf"not sent.*{trouble}"), nb.transaction(timeout=0.1) as tx:
        tx.insert(LogicalSwitch(name="web"))
    with pytest.raises(Timeout, match=rf"rotation.*reconnecting.*{trouble}"):
        nb.lock("rotation").wait(timeout=0.1)


# -- probes --------------------------------------------------------------------------------------------------------


def test_a_stopped_server_is_found_out_on_a_unix_socket_and_is_back_when_it_goes_on(
    nb_server: Server, stop: Callable[[], None]
) -> None:
    with Northbound.connect(nb_server.remote, timeout=10, probe_interval=1) as nb:
        told: queue.Queue[str] = queue.Queue()
        nb.on_state(told.put)
        nb.add_switch("web")
        stop()
        began = time.monotonic()
        assert told.get(timeout=5) == "reconnecting"
        assert 0.9 <= time.monotonic() - began <= 2.5
        assert "did not answer a probe" in nb.trouble
        assert nb.get(LogicalSwitch, name="web").name == "web"
        go_on(nb_server)
        assert told.get(timeout=5) == "ready"
        assert nb.trouble == ""
        nb.add_switch("db")


def test_without_probes_a_stopped_server_is_waited_for(nb_server: Server, stop: Callable[[], None]) -> None:
    with Northbound.connect(nb_server.remote, timeout=10, probe_interval=0) as nb:
        stop()
        time.sleep(2.5)
        assert nb.state == "ready"
        go_on(nb_server)
        nb.add_switch("web")


def test_a_quiet_connection_is_kept(nb_proxy: Proxy) -> None:
    with Northbound.connect(nb_proxy.remote, timeout=10, probe_interval=1) as nb:
        connections = nb_proxy.connections
        time.sleep(3.5)
        assert (nb.state, nb_proxy.connections) == ("ready", connections)


# -- progress ------------------------------------------------------------------------------------------------------


def test_progress_tells_of_more_and_more_bytes_and_last_that_it_is_ready(nb: Northbound, nb_proxy: Proxy) -> None:
    with nb.transaction() as tx:
        ports = [tx.insert(LogicalSwitchPort(name=f"port-{number:05}")) for number in range(400)]
        tx.insert(LogicalSwitch(name="web", ports=ports))
    nb_proxy.chop = 200
    told: list[Progress] = []
    with Northbound.connect(nb_proxy.remote, timeout=20, progress=told.append) as client:
        assert len(client.find(LogicalSwitchPort)) == 400
    assert len(told) >= 2
    assert [progress.bytes for progress in told] == sorted(progress.bytes for progress in told)
    assert [progress.seconds for progress in told] == sorted(progress.seconds for progress in told)
    assert told[-1].state == "ready"
    assert told[-1].bytes > 20_000
    assert {progress.state for progress in told[:-1]} <= {"connecting", "synchronising"}
    assert "synchronising" in {progress.state for progress in told[:-1]}


def test_an_exception_in_progress_ends_the_attempt(nb_server: Server) -> None:
    before = set(threading.enumerate())

    def progress(_progress: Progress) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        Northbound.connect(nb_server.remote, timeout=5, progress=progress)
    until(lambda: set(threading.enumerate()) <= before)


# -- forks ---------------------------------------------------------------------------------------------------------


def in_child(work: Callable[[], str]) -> str:
    """What a forked child says, which has three seconds for it."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(3)
            os.write(write, work().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(pid, 0)
    return text


def test_in_a_forked_child_every_call_says_closed_at_once(nb: Northbound) -> None:
    nb.add_switch("web")
    api = nb.ovsdbapp
    lock = nb.lock("rotation")
    lock.wait(timeout=5)
    watch = nb.watch(LogicalSwitch)
    assert watch.next(timeout=5).initial
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="child"))
    row = nb.get(LogicalSwitch, name="web")
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: nb.get(LogicalSwitch, name="web"),
        "find": lambda: nb.find(LogicalSwitch),
        "[]": lambda: nb[row.ref],
        "rows": lambda: nb.rows("Logical_Switch"),
        "wait": lambda: nb.wait(LogicalSwitch, name="none", timeout=5),
        "wait_gone": lambda: nb.wait_gone(LogicalSwitch, name="web", timeout=5),
        "watch": lambda: nb.watch(LogicalSwitch),
        "on_change": lambda: nb.on_change(LogicalSwitch, print),
        "on_state": lambda: nb.on_state(print),
        "next": lambda: watch.next(timeout=5),
        "lock": lambda: nb.lock("another"),
        "lock.wait": lambda: lock.wait(timeout=5),
        "transaction": nb.transaction,
        "commit": tx.commit,
        "transact": lambda: nb.transact(lambda tx: tx.insert(LogicalSwitch(name="child")), timeout=5),
        "ovsdbapp": lambda: api.ls_add("child").execute(check_error=True, log_errors=False),
    }

    def work() -> str:
        said = []
        for name, call in calls.items():
            try:
                call()
            except Closed as exc:
                said.append(name if "another process" in str(exc) or name == "next" else f"{name}: {exc}")
            except BaseException as exc:  # noqa: BLE001 - it is told below
                said.append(f"{name}: {exc!r}")
            else:
                said.append(f"{name}: nothing")
        said += [f"{nb.state} {lock.held}"]
        lock.release()
        nb.close()
        return "\n".join(said)

    assert in_child(work).split("\n") == [*calls, "closed False"]
    # The parent goes on: with its session, its lock and its watch.
    assert lock.held
    nb.add_switch("parent")
    assert watch.next(timeout=5).row.name == "parent"
    assert {row.name for row in nb.find(LogicalSwitch)} == {"web", "parent"}
    lock.release()


def test_closing_ends_the_session_also_where_a_child_has_inherited_it(nb: Northbound, other_nb: Northbound) -> None:
    nb.lock("rotation").wait(timeout=5)
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        # Holds all that it was given, until it is told to go.
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    try:
        nb.close()
        other_nb.lock("rotation").wait(timeout=3)
    finally:
        os.close(write)
        os.waitpid(pid, 0)
        os.close(read)


# -- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["idle", "stopped", "gone"])
def test_closing_is_prompt(nb: Northbound, nb_server: Server, stop: Callable[[], None], what: str) -> None:
    nb.add_switch("web")
    if what == "stopped":
        stop()
    elif what == "gone":
        nb_server.stop()
        until(lambda: nb.state == "reconnecting")
    began = time.monotonic()
    nb.close()
    nb.close()
    assert time.monotonic() - began < 0.5
    assert nb.state == "closed"


def test_closing_ends_what_is_in_flight(nb: Northbound, stop: Callable[[], None]) -> None:
    nb.add_switch("web")
    stop()
    ended: queue.Queue[BaseException | None] = queue.Queue()

    def commit(name: str) -> None:
        try:
            with nb.transaction(timeout=30) as tx:
                tx.insert(LogicalSwitch(name=name))
        except OvnkitError as exc:
            ended.put(exc)
        else:
            ended.put(None)

    threads = [threading.Thread(target=commit, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    tx = nb.transaction(timeout=30)
    tx.insert(LogicalSwitch(name="submitted"))
    future = tx.submit()
    session: Any = nb._connection.idl._session
    until(lambda: len(session.requests) == 5)
    began = time.monotonic()
    nb.close()
    assert time.monotonic() - began < 0.5
    for thread in threads:
        thread.join(2)
    for _ in threads:
        # It was sent: whether the server will do it nobody can know.
        assert isinstance(ended.get(timeout=1), OutcomeUnknown)
    assert isinstance(future.exception(timeout=1), OutcomeUnknown)


def test_closing_in_a_callback_of_a_future(nb: Northbound) -> None:
    done: queue.Queue[str] = queue.Queue()
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="web"))

    def close(_: object) -> None:
        nb.close()
        done.put(threading.current_thread().name)

    tx.submit().add_done_callback(close)
    done.get(timeout=5)
    until(lambda: nb.state == "closed")


def test_closing_in_the_thread_of_the_connection(nb: Northbound) -> None:
    nb._connection.call(nb.close).result(5)
    until(lambda: nb.state == "closed")


def test_closing_in_a_callback_of_a_change(nb: Northbound, other_nb: Northbound) -> None:
    done: queue.Queue[str] = queue.Queue()

    def close(_: object) -> None:
        nb.close()
        done.put(nb.state)

    nb.on_change(LogicalSwitch, close)
    # Of another client: what this one has in flight may lose its reply to the close.
    with other_nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
    assert done.get(timeout=5) == "closed"


def test_many_close_at_once(nb: Northbound) -> None:
    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        list(pool.map(lambda _: nb.close(), range(16)))
        assert time.monotonic() - began < 1
    assert nb.state == "closed"


def test_on_state_while_the_client_closes_leaves_no_thread(nb_server: Server) -> None:
    before = set(threading.enumerate())
    for _ in range(20):
        nb = Northbound.connect(nb_server.remote, timeout=5)
        closer = threading.Thread(target=nb.close)
        closer.start()
        while True:
            try:
                nb.on_state(lambda _: None)
            except Closed:
                break
        closer.join()
    until(lambda: set(threading.enumerate()) <= before)


def test_a_second_server_is_tried_when_the_first_is_cut_off(nb_server: Server, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        remote = f"unix:{tmp_path}/silent.sock,{nb_server.remote}"
        with Northbound.connect(remote, timeout=20, probe_interval=1) as nb:
            nb.add_switch("web")
            assert nb.get(LogicalSwitch, name="web").name == "web"


@pytest.mark.parametrize("probe_interval", [1, 0])
def test_a_member_that_was_silent_is_passed_over_the_next_time(nb_cluster: Cluster, probe_interval: float) -> None:
    """A stopped server still accepts connections, and each would take two probes, or a patience, to be given up."""
    stopped, *others = nb_cluster.followers()
    remote = nb_cluster.remote_of(nb_cluster.leader(), stopped, *others)
    with impatient(10 if probe_interval else 1), Northbound.connect(remote, probe_interval=probe_interval) as nb:
        connection = nb._connection
        nb_cluster.stop(stopped)
        taken: list[float] = []
        for _ in range(7):
            session, began = connection.session, time.monotonic()
            connection.drop(session)
            until(lambda left=session: nb.state == "ready" and connection.session is not left)  # type: ignore[misc]
            taken.append(time.monotonic() - began)
        nb_cluster.cont(stopped)
    # Of three rounds of two that serve it is tried in the first and the third.
    assert sum(seconds > 1 for seconds in taken) <= 2
