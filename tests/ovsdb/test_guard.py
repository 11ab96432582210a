"""Whenever a thread is interrupted that locks and unlocks, it leaves the lock to others."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from ovnkit.ovsdb.guard import Guard, new_lock
from tests.ovsdb.test_interrupted import Interrupted, interrupts

ROUNDS = 300


def once(lock: Guard) -> None:
    with lock:
        pass


def nested(lock: Guard) -> None:
    with lock, lock:
        pass


def notifying(lock: Guard) -> None:
    changed = threading.Condition(lock)
    with lock:
        changed.notify_all()


def is_free(lock: Guard) -> bool:
    """Whether another thread could have it."""
    free: list[bool] = []

    def look() -> None:
        free.append(lock.acquire(blocking=False))
        if free[0]:
            lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return free[0]


@pytest.mark.parametrize("use", [once, nested, notifying])
def test_an_interrupt_leaves_it_unlocked(use: Callable[[Guard], None]) -> None:
    draw = random.Random(5)
    interrupted = 0
    with interrupts(lambda: draw.uniform(0, 0.0005)) as arm:
        for _ in range(ROUNDS):
            lock = Guard()
            try:
                arm()
                while True:
                    use(lock)
            except Interrupted:
                interrupted += 1
            assert is_free(lock)
    assert interrupted == ROUNDS


def test_who_is_interrupted_while_waiting_does_not_unlock_for_another() -> None:
    lock = Guard()
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    with interrupts(lambda: 0.02) as arm:
        arm()
        with pytest.raises(Interrupted):
            once(lock)
    assert not is_free(lock)
    done.set()
    holder.join()
    assert is_free(lock)


def test_a_lock_is_an_rlock_to_a_condition() -> None:
    lock = new_lock()
    with lock, lock:
        assert not threading.Condition(lock).wait(0.001)
    assert is_free(lock)
