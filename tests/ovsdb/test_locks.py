"""OVSDB locks: who holds one, who is told of it, and what a transaction makes of it."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import select
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from ovnkit import Northbound
from ovnkit.errors import Closed, LockNotHeld, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.lock import Lock, NotExclusive
from ovnkit.ovsdb.server import Server
from tests.cluster import Cluster


class Gate:
    """Passes on what is said; all of it, nothing but what is about locks, or nothing and no connection."""

    def __init__(self, path: Path, upstream: Path) -> None:
        self.path = path
        self.only_locks, self.cut, self.refuse = threading.Event(), threading.Event(), threading.Event()
        self._upstream = upstream
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(0.01)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                with client:
                    if not self.refuse.is_set() and not self.cut.is_set():
                        self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._upstream))
            while not self._ended.is_set() and not self.cut.is_set():
                for sock in select.select([client, server], [], [], 0.01)[0]:
                    data = sock.recv(1 << 16)
                    if not data:
                        return
                    if sock is client:
                        server.sendall(data)
                    elif not self.only_locks.is_set() or b'"locked"' in data:
                        client.sendall(data)


def until(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def steal(server: Server, name: str) -> subprocess.Popen[bytes]:
    """A client that has taken a lock by force, and keeps it until its input ends."""
    client = subprocess.Popen(["ovsdb-client", "steal", server.remote, name], stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline()
    return client


def end(client: subprocess.Popen[bytes]) -> None:
    client.terminate()
    client.communicate(timeout=5)


def test_one_of_two_clients_holds_a_lock_and_release_hands_it_over(nb: Northbound, other_nb: Northbound) -> None:
    first = nb.lock("rotation")
    first.wait(timeout=5)
    second = other_nb.lock("rotation")
    with pytest.raises(Timeout):
        second.wait(timeout=0.1)
    assert (first.held, second.held) == (True, False)
    first.release()
    assert not first.held
    second.wait(timeout=5)
    assert second.held


def test_closing_a_client_hands_its_lock_over(nb: Northbound, other_nb: Northbound) -> None:
    first = nb.lock("rotation")
    first.wait(timeout=5)
    second = other_nb.lock("rotation")
    nb.close()
    second.wait(timeout=5)
    assert not first.held


def test_one_who_gives_up_waiting_is_passed_over(nb: Northbound, other_nb: Northbound, nb_server: Server) -> None:
    holder = nb.lock("rotation")
    holder.wait(timeout=5)
    waiting = other_nb.lock("rotation")
    with Northbound.connect(nb_server.remote, timeout=5) as third:
        patient = third.lock("rotation")
        waiting.release()
        holder.release()
        patient.wait(timeout=5)
    assert not waiting.held


def test_a_lock_as_context_is_held_inside_and_free_afterwards(nb: Northbound, other_nb: Northbound) -> None:
    with nb.lock("rotation") as lock:
        assert lock.held
    assert not lock.held
    with other_nb.lock("rotation") as lock:
        assert lock.held


def test_locks_of_several_names_are_independent(nb: Northbound, other_nb: Northbound) -> None:
    names = [f"lock_{number}" for number in range(20)]
    odd = [nb.lock(name) for name in names[::2]]
    even = [other_nb.lock(name) for name in names[1::2]]
    for lock in odd + even:
        lock.wait(timeout=5)
    contended = [nb.lock(name) for name in names[1::2]]
    for lock in even[:5]:
        lock.release()
    for lock in contended[:5]:
        lock.wait(timeout=5)
    assert not any(lock.held for lock in contended[5:])
    assert all(lock.held for lock in odd + even[5:])


@pytest.mark.parametrize("name", ["", "with spaces", "with-hyphen", "7th", "Schloß", 'a"', "a\n"])
def test_a_name_that_no_server_takes_is_refused(nb: Northbound, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a lock"):
        nb.lock(name)


def test_what_the_server_answers_instead_is_in_the_timeout(nb: Northbound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovnkit.ovsdb.lock._ID", re.compile(".*"))
    with pytest.raises(Timeout, match=r"with-hyphen.*syntax error"):
        nb.lock("with-hyphen").wait(timeout=0.3)


def test_asking_twice_is_an_error_until_it_is_released(nb: Northbound) -> None:
    lock = nb.lock("rotation")
    with pytest.raises(ValueError, match="asked for the lock 'rotation' already"):
        nb.lock("rotation")
    lock.release()
    lock.release()
    nb.lock("rotation").wait(timeout=5)


def test_of_many_threads_that_ask_for_one_lock_one_gets_it(nb: Northbound) -> None:
    start = threading.Barrier(8)

    def ask(name: str) -> Lock | None:
        start.wait()
        try:
            return nb.lock(name)
        except ValueError:
            return None

    with ThreadPoolExecutor(8) as pool:
        for turn in range(30):
            found = list(pool.map(ask, [f"lock_{turn}"] * 8))
            assert sum(lock is not None for lock in found) == 1


def test_a_lock_that_is_asked_for_again_at_once_is_not_taken_for_the_one_before(
    nb: Northbound, other_nb: Northbound
) -> None:
    for turn in range(50):
        # Its reply, that it is held, is still on the way.
        nb.lock(f"lock_{turn}").release()
        other = other_nb.lock(f"lock_{turn}")
        again = nb.lock(f"lock_{turn}")
        other.release()
        again.release()
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="after"))
    holder = other_nb.lock("rotation")
    holder.wait(timeout=5)
    for _ in range(50):
        nb.lock("rotation").release()
        assert not nb.lock("rotation").held
        nb._locks._locks["rotation"].release()


def test_on_change_is_told_in_a_thread_of_its_own(nb: Northbound, other_nb: Northbound) -> None:
    told: queue.Queue[tuple[bool, str]] = queue.Queue()
    holder = other_nb.lock("rotation")
    holder.wait(timeout=5)
    lock = nb.lock("rotation", lambda held: told.put((held, threading.current_thread().name)))
    assert told.empty()
    holder.release()
    assert told.get(timeout=5) == (True, "ovnkit lock rotation")
    lock.release()
    assert told.get(timeout=5)[0] is False
    until(lambda: not any(thread.name == "ovnkit lock rotation" for thread in threading.enumerate()))


def test_a_lock_that_is_stolen_is_not_held_until_the_thief_is_gone(nb: Northbound, nb_server: Server) -> None:
    told: queue.Queue[bool] = queue.Queue()
    lock = nb.lock("rotation", told.put)
    lock.wait(timeout=5)
    assert told.get(timeout=5) is True
    thief = steal(nb_server, "rotation")
    try:
        assert told.get(timeout=5) is False
        assert not lock.held
        tx = nb.transaction()
        tx.insert(LogicalSwitch(name="web"))
        tx.check_lock(lock)
        with pytest.raises(LockNotHeld, match="rotation"):
            tx.commit()
    finally:
        end(thief)
    assert told.get(timeout=5) is True
    assert lock.held
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        tx.check_lock(lock)
    assert [row.name for row in nb.find(LogicalSwitch)] == ["web"]


def test_a_transaction_that_checks_a_lock_is_applied_by_its_holder_only(nb: Northbound, other_nb: Northbound) -> None:
    mine = nb.lock("rotation")
    mine.wait(timeout=5)
    theirs = other_nb.lock("rotation")
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="mine"))
        tx.check_lock(mine)
    tx = other_nb.transaction()
    tx.insert(LogicalSwitch(name="theirs"))
    tx.check_lock(theirs)
    with pytest.raises(LockNotHeld) as caught:
        tx.commit()
    assert caught.value.operation == {"op": "assert", "lock": "rotation"}
    mine.release()
    theirs.wait(timeout=5)
    # What was released is checked like one that another has.
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="late"))
    tx.check_lock(mine)
    with pytest.raises(LockNotHeld):
        tx.commit()
    assert {row.name for row in nb.find(LogicalSwitch)} == {"mine"}


def test_a_lock_goes_with_the_connection_and_is_asked_for_again(
    nb: Northbound, nb_server: Server, other_nb: Northbound
) -> None:
    told: queue.Queue[bool] = queue.Queue()
    lock = nb.lock("rotation", told.put)
    lock.wait(timeout=5)
    assert told.get(timeout=5) is True
    nb_server.stop()
    assert told.get(timeout=5) is False
    assert not lock.held
    with pytest.raises(Timeout, match=r"rotation.*reconnecting"):
        lock.wait(timeout=0.05)
    asked_meanwhile = nb.lock("another")
    nb_server.start()
    lock.wait(timeout=10)
    asked_meanwhile.wait(timeout=10)
    assert told.get(timeout=5) is True


def test_a_lock_that_was_granted_before_the_replica_is_complete_goes_with_that_connection_too(
    nb_server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "gate.sock"
    with Gate(path, nb_server.socket) as gate, Northbound.connect(f"unix:{path}", timeout=5) as nb:
        lock = nb.lock("rotation")
        lock.wait(timeout=5)
        gate.only_locks.set()
        gate.cut.set()
        until(lambda: not lock.held)
        gate.cut.clear()
        # Granted in the next session, whose dump does not come.
        lock.wait(timeout=10)
        assert nb.state == "reconnecting"
        gate.refuse.set()
        gate.cut.set()
        until(lambda: not lock.held)


def test_while_the_server_does_not_answer_waiting_ends_in_a_timeout(nb: Northbound, nb_server: Server) -> None:
    os.kill(nb_server.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Timeout, match="the OVSDB lock 'rotation'") as caught:
            nb.lock("rotation").wait(timeout=0.2)
        assert caught.value.seconds == 0.2
        assert time.monotonic() - began < 1
    finally:
        os.kill(nb_server.process.pid, signal.SIGCONT)


def test_closing_the_client_wakes_who_waits_and_leaves_no_thread(nb: Northbound, other_nb: Northbound) -> None:
    holder = other_nb.lock("rotation")
    holder.wait(timeout=5)
    told: queue.Queue[bool] = queue.Queue()
    own = nb.lock("own", told.put)
    own.wait(timeout=5)
    lock = nb.lock("rotation", told.put)
    ended: queue.Queue[float] = queue.Queue()

    def wait() -> None:
        with pytest.raises(Closed):
            lock.wait(timeout=30)
        ended.put(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    closed_at = time.monotonic()
    nb.close()
    thread.join(5)
    assert ended.get(timeout=1) - closed_at < 0.3
    assert [told.get(timeout=5), told.get(timeout=5)] == [True, False]
    assert not own.held
    until(lambda: not any(thread.name.startswith("ovnkit lock") for thread in threading.enumerate()))
    with pytest.raises(Closed):
        own.wait()


def test_releasing_after_close_is_nothing_special(nb: Northbound) -> None:
    with nb.lock("rotation") as lock:
        nb.close()
    assert not lock.held
    with pytest.raises(Closed):
        nb.lock("another")


def test_waiting_in_the_thread_that_brings_the_answer_is_refused(nb: Northbound) -> None:
    lock = nb.lock("rotation")
    with pytest.raises(RuntimeError, match="must not wait"):
        nb._connection.call(lambda: lock.wait(timeout=5)).result(5)


def test_in_a_cluster_a_lock_of_any_member_is_warned_of_and_that_of_the_leader_is_not(
    tmp_path: Path, nb: Northbound
) -> None:
    with Cluster(tmp_path, members=1) as cluster:
        with Northbound.connect(cluster.remote, timeout=10) as any_member:
            with pytest.warns(NotExclusive, match="'rotation' of its own; connect with leader_only=True") as caught:
                any_member.lock("rotation")
            assert [warning.filename for warning in caught] == [__file__]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Northbound.connect(cluster.remote, timeout=10, leader_only=True) as leader:
                leader.lock("rotation").wait(timeout=10)
            # That of a standalone server is the only one.
            nb.lock("rotation")
