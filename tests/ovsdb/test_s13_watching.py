"""S13: what watches, callbacks and locks make of a hostile server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OvnkitError, Timeout
from ovnkit.ovsdb import Event
from tests.ovsdb.fake_server import Message, Twist, dump
from tests.ovsdb.hostile import BROKEN_RESULTS, RESYNC_SECONDS, SOME_JUNK, Hostile, each, replace, set_up
from tests.ovsdb.kinds import Child, Kinds


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


def spoil(column: str, value: Any) -> Twist:
    """The update with another value in one column of each of its rows."""

    def twist(message: Message) -> list[bytes]:
        monitor, last_id, updates = message["params"]
        told = {
            table: {
                uuid: {kind: {**row, column: value} for kind, row in change.items()} for uuid, change in rows.items()
            }
            for table, rows in updates.items()
        }
        return [dump({**message, "params": [monitor, last_id, told]})]

    return twist


@pytest.mark.parametrize("filtered", [True, False])
def test_s13_a_watch_tells_of_rows_once_they_are_told_rightly(filtered: bool, hostile: Hostile) -> None:
    columns: dict[str, Any] = {"string": "new"} if filtered else {}
    with hostile.client.watch(Kinds, **columns) as watch:
        hostile.server.twist("update3", spoil("string", ["set", ["a", "b"]]))
        uuid = hostile.server.insert("Kinds", string="new")
        hostile.server.insert("Kinds", string="new", integer=2)
        hostile.server.hang_up()
        seen: dict[str, Any] = {}
        deadline = time.monotonic() + RESYNC_SECONDS
        while time.monotonic() < deadline and {*seen.values()} != {0, 2}:
            row = watch.next(timeout=RESYNC_SECONDS).after
            assert row is not None
            try:
                if row.string == "new":
                    seen[str(row.uuid)] = row.integer
            except OvnkitError:
                continue
        assert seen[uuid] == 0
        assert sorted(seen.values()) == [0, 2]


def test_s13_a_callback_is_called_after_rows_that_were_told_wrongly(hostile: Hostile) -> None:
    called = threading.Event()

    def on_change(event: Event[Child]) -> None:
        if event.after is not None and event.after.toy == "ball":
            called.set()

    watch = hostile.client.on_change(Child, on_change)
    hostile.server.twist("update3", spoil("toy", 5))
    hostile.server.insert("Child", name="wrong")
    hostile.server.insert("Child", name="right", toy="ball")
    assert called.wait(RESYNC_SECONDS)
    watch.close()


@each(SOME_JUNK, BROKEN_RESULTS)
def test_s13_a_watch_gives_what_became_of_the_rows_after_any_nonsense(twist: Twist, hostile: Hostile) -> None:
    with hostile.client.watch(Child) as watch:
        assert watch.next(timeout=1).initial
        hostile.server.twist("update3", twist)
        first = hostile.server.insert("Child", name="first")
        second = hostile.server.insert("Child", name="second")
        hostile.server.hang_up()
        seen = {str(event.after.uuid) for event in (watch.next(timeout=5), watch.next(timeout=5)) if event.after}
        assert seen == {first, second}
        with pytest.raises(Timeout):
            watch.next(timeout=0.01)


LOCKED: dict[str, Twist] = {
    "locked_is_a_word": replace(result={"locked": "yes"}),
    "locked_is_a_number": replace(result={"locked": 1}),
    "locked_is_null": replace(result={"locked": None}),
    "not_locked": replace(result={"locked": False}),
}


@each(SOME_JUNK, BROKEN_RESULTS, LOCKED)
def test_s13_a_lock_is_held_only_when_the_server_says_so(twist: Twist, hostile: Hostile) -> None:
    # Where the twist leaves an answer to be read, it says no.
    hostile.server.twist("lock", lambda message: twist({**message, "result": {"locked": False}}))
    lock = hostile.client.lock("mine")
    if lock.held:
        # It came back on another connection, where it was answered rightly.
        assert hostile.server.connections > 2
    hostile.server.heal()
    hostile.server.hang_up()
    lock.wait(timeout=RESYNC_SECONDS)
    assert lock.held
    hostile.check_shows()
    hostile.check_lives()


@pytest.mark.parametrize(
    "said", [b"[]", b"[null]", b"[5]", b'["other"]', b'[["mine"]]', b'[{"mine":1}]', b"null", b"5"]
)
@pytest.mark.parametrize("method", [b"locked", b"stolen"])
def test_s13_news_of_a_lock_that_are_none_do_not_change_it(method: bytes, said: bytes, hostile: Hostile) -> None:
    lock = hostile.client.lock("mine")
    lock.wait(timeout=RESYNC_SECONDS)
    hostile.server.say(b'{"id":null,"method":"%b","params":%b}' % (method, said))
    hostile.server.insert("Child", name="after it")
    hostile.check_shows()
    lock.wait(timeout=RESYNC_SECONDS)
    hostile.check_writes()
