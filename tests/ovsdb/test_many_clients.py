"""Many clients in one process, opened, used and closed many times, leave nothing behind."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ovs.stream import Stream

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from tests.process import Usage, usage

pytestmark = pytest.mark.alone

CLIENTS = 50
MIB = 1 << 20
GROWTH = 12 * MIB
"""What the allocators keep swings by some MiB; clients that stay, with their schema, would be 250 times 100 KiB."""


@pytest.fixture
def filled(nb_server: Server) -> Server:
    """A database with something to replicate."""
    with Northbound.connect(nb_server.remote, timeout=10) as nb, nb.transaction() as tx:
        for number in range(100):
            tx.insert(LogicalSwitch(name=f"s{number}", external_ids={"k": "v" * 50}))
    return nb_server


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        # All of its threads are there from the beginning.
        list(threads.map(lambda _: time.sleep(0.01), range(64)))
        yield threads


def use(nb: Northbound, number: int) -> None:
    """All that a client starts threads, sockets and callbacks for."""
    watch = nb.on_change(LogicalSwitch, lambda _: None)
    states = nb.on_state(lambda _: None)
    lock = nb.lock(f"lock{number}")
    events = nb.watch(LogicalSwitch, name="s1")
    assert events.next(5).initial
    switch = nb.get(LogicalSwitch, name=f"s{number}")
    nb.transact(lambda tx: tx.update(tx[switch.ref], other_config={"used at": str(time.monotonic())}))
    assert nb.find(LogicalSwitch, external_ids={"k": "v" * 50})
    lock.wait(timeout=5)
    assert lock.held
    if number % 2:
        # Others are closed with all of it open.
        watch.close()
        states.close()
        events.close()
        lock.release()


def one_round(server: Server, pool: ThreadPoolExecutor) -> list[weakref.ref[Any]]:
    """Open all, have all open at the same time, use all, close all."""
    clients = list(pool.map(lambda _: Northbound.connect(server.remote, timeout=20), range(CLIENTS)))
    list(pool.map(use, clients, range(CLIENTS)))
    assert all(client.state == "ready" for client in clients)
    traces = [weakref.ref(client) for client in clients]
    list(pool.map(Northbound.close, clients))
    return traces


def settled(threads: int, timeout: float = 5.0) -> Usage:
    """What is in use once threads that are about to end have ended."""
    deadline = time.monotonic() + timeout
    while threading.active_count() != threads and time.monotonic() < deadline:
        time.sleep(0.02)
    # Only now, for what a thread held is garbage when it has ended.
    return usage()


def rounds_leave_nothing(server: Server, pool: ThreadPoolExecutor, rounds: int) -> None:
    schemes = set(Stream._SOCKET_METHODS)
    before = usage()
    # What is made once and kept (imports, caches, the heap that is reused) is made in the first rounds.
    for _ in range(max(3, rounds // 10)):
        one_round(server, pool)
    warm = settled(len(before.threads))
    traces: list[weakref.ref[Any]] = []
    for _ in range(rounds):
        traces = one_round(server, pool)
    after = settled(len(before.threads))
    assert after.threads == before.threads
    assert after.sockets == before.sockets
    assert after.descriptors == warm.descriptors
    assert set(Stream._SOCKET_METHODS) == schemes
    gc.collect()
    assert [trace() for trace in traces if trace() is not None] == []
    # One object that stays for each client would be fifty in each round.
    assert after.blocks - warm.blocks < CLIENTS * rounds / 2
    assert after.resident - warm.resident < GROWTH, f"{(after.resident - warm.resident) / MIB:.1f} MiB more"


def test_fifty_clients_opened_used_and_closed_leave_nothing_behind(filled: Server, pool: ThreadPoolExecutor) -> None:
    rounds_leave_nothing(filled, pool, rounds=5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fifty_clients_opened_used_and_closed_a_hundred_times_leave_nothing_behind(
    filled: Server, pool: ThreadPoolExecutor
) -> None:
    rounds_leave_nothing(filled, pool, rounds=100)


def test_clients_that_are_dropped_without_a_close_are_closed_at_the_end_of_the_server(filled: Server) -> None:
    """A thread keeps its client; a server that goes away does not make more of them."""
    before = usage()
    clients = [Northbound.connect(filled.remote, timeout=10) for _ in range(10)]
    filled.kill()
    deadline = time.monotonic() + 5
    while any(client.state != "reconnecting" for client in clients):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(1.5)
    assert usage().threads.count(f"ovnkit {filled.remote}") == len(clients)
    for client in clients:
        client.close()
    after = settled(len(before.threads) - 1)
    assert after.sockets == before.sockets


def test_clients_of_threads_that_have_ended_leave_no_descriptor_behind(filled: Server) -> None:
    """The uuid1() that ovs calls for each Idl keeps a file of libuuid open for each thread that calls it, for good."""

    def connect_once() -> None:
        thread = threading.Thread(target=lambda: Northbound.connect(filled.remote, timeout=10).close())
        thread.start()
        thread.join()

    connect_once()
    before = usage()
    for _ in range(10):
        connect_once()
    assert settled(len(before.threads)).descriptors == before.descriptors
