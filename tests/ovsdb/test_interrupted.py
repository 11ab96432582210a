"""A program that is interrupted while it waits (Ctrl-C in Jupyter) goes on with the same client."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.index import Index
from ovnkit.ovsdb.server import Server

ROUNDS = 150


class Interrupted(BaseException):
    """As KeyboardInterrupt, which would end the tests."""


@contextmanager
def interrupts(after: Callable[[], float]) -> Iterator[Callable[[], None]]:
    """Gives what has this thread, the main one, interrupted after so many seconds."""

    def interrupt(*_: object) -> None:
        if armed.is_set():
            armed.clear()
            raise Interrupted

    armed = threading.Event()
    main = threading.get_ident()
    assert main == threading.main_thread().ident
    todo: SimpleQueue[float | None] = SimpleQueue()

    def send() -> None:
        while (seconds := todo.get()) is not None:
            time.sleep(seconds)
            signal.pthread_kill(main, signal.SIGUSR1)

    def arm() -> None:
        armed.set()
        todo.put(after())

    earlier = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield arm
    finally:
        armed.clear()
        todo.put(None)
        sender.join()
        signal.signal(signal.SIGUSR1, earlier)


def test_a_commit_that_is_interrupted_at_any_moment_leaves_a_client_that_works(
    nb: Northbound, nb_server: Server
) -> None:
    # What the callers' threads take in is kept as indexes as well.
    nb.find(LogicalSwitch, name="none")
    draw = random.Random(3)
    interrupted = 0
    with interrupts(lambda: draw.uniform(0, 0.002)) as arm:
        for number in range(ROUNDS):
            try:
                arm()
                for part in range(3):
                    with nb.transaction(timeout=10) as tx:
                        tx.insert(LogicalSwitch(name=f"s{number}-{part}"))
            except Interrupted:
                interrupted += 1
    assert interrupted > 0
    with nb.transaction(timeout=10) as tx:
        last = tx.insert(LogicalSwitch(name="last"))
    assert nb.wait(LogicalSwitch, name="last", timeout=10).ref == last
    with Northbound.connect(nb_server.remote, timeout=10) as other:
        there = {row.uuid: row for row in other.find(LogicalSwitch)}
    assert {row.uuid: row for row in nb.find(LogicalSwitch)} == there
    for row in there.values():
        assert nb.find(LogicalSwitch, name=row.name) == [row]


def test_nobody_sees_half_of_an_update_that_is_interrupted_while_it_is_stored(
    nb: Northbound, switch: LogicalSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nb.get(LogicalSwitch, name=switch.name) == switch
    replace = Index.replace
    reader = threading.get_ident()

    def interrupted_once(self: Index, *change: object) -> None:
        if threading.get_ident() == reader:
            monkeypatch.undo()
            raise Interrupted
        replace(self, *change)  # type: ignore[arg-type]

    monkeypatch.setattr(Index, "replace", interrupted_once)
    # An answer that is there at once may be taken in by the thread of the client: then it is the next one.
    number = 0
    for number in range(ROUNDS):
        try:
            nb.transact(lambda tx, new=f"renamed-{number}": tx.update(tx[switch.ref], name=new))  # type: ignore[misc]
        except Interrupted:
            break
    assert nb.get(LogicalSwitch, name=f"renamed-{number}").ref == switch.ref
    assert nb.find(LogicalSwitch, name="web" if number == 0 else f"renamed-{number - 1}") == []
    with nb.transaction(timeout=10) as tx:
        tx.update(nb[switch.ref], external_ids=Put({"after": "it"}))
    assert nb.get(LogicalSwitch, name=f"renamed-{number}").external_ids["after"] == "it"
    assert Index.replace is replace, "no update was taken in by the thread that waited for it"


def test_a_caller_that_waits_reads_for_itself_and_for_nobody_else(nb: Northbound) -> None:
    """Changes go to listeners in the order in which they come, so that there the thread of the client does it."""
    reading: list[int] = []
    apply = nb._store.apply

    def noted(*update: object, afresh: bool) -> object:
        reading.append(threading.get_ident())
        return apply(*update, afresh=afresh)  # type: ignore[arg-type]

    nb._store.apply = noted  # type: ignore[method-assign, assignment]
    for number in range(ROUNDS):
        with nb.transaction() as tx:
            tx.insert(LogicalSwitch(name=f"s{number}"))
    assert threading.get_ident() in reading
    reading.clear()
    with nb.watch(LogicalSwitch) as events:
        for number in range(ROUNDS):
            with nb.transaction() as tx:
                tx.insert(LogicalSwitch(name=f"t{number}"))
        assert len({events.next(timeout=5).row.name for _ in range(2 * ROUNDS)}) == 2 * ROUNDS
    assert len(reading) == ROUNDS
    assert threading.get_ident() not in reading
