"""Watches tell of each change once, in order, also over a reconnect."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Closed, Timeout, WatchOverflow
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Event, Watch
from ovnkit.ovsdb.server import Server


def insert(nb: Northbound, *names: str) -> None:
    with nb.transaction() as tx:
        for name in names:
            tx.insert(LogicalSwitch(name=name))


def rename(nb: Northbound, old: str, new: str) -> None:
    with nb.transaction() as tx:
        tx.update(nb.get(LogicalSwitch, name=old), name=new)


def delete(nb: Northbound, name: str) -> None:
    with nb.transaction() as tx:
        tx.delete(nb.get(LogicalSwitch, name=name))


def told(event: Event[LogicalSwitch]) -> tuple[str, str | None, str | None]:
    before, after = event.before, event.after
    assert event.row is (before if after is None else after)
    return event.kind, None if before is None else before.name, None if after is None else after.name


def test_a_watch_begins_with_what_is_there(nb: Northbound) -> None:
    insert(nb, "a", "b")
    with nb.watch(LogicalSwitch) as events:
        initial = [events.next(1), events.next(1)]
        assert {told(event) for event in initial} == {("insert", None, "a"), ("insert", None, "b")}
        assert all(event.initial for event in initial)
        insert(nb, "c")
        event = events.next(1)
        assert told(event) == ("insert", None, "c")
        assert not event.initial


def test_rows_enter_change_within_and_leave_a_filter(nb: Northbound) -> None:
    with nb.watch(LogicalSwitch, name="web") as events:
        insert(nb, "other", "web")
        assert told(events.next(1)) == ("insert", None, "web")
        with nb.transaction() as tx:
            tx.update(nb.get(LogicalSwitch, name="web"), external_ids={"k": "v"})
        event = events.next(1)
        assert told(event) == ("update", "web", "web")
        assert event.before is not None
        assert event.after is not None
        assert event.before.external_ids == {}
        assert event.after.external_ids == {"k": "v"}
        rename(nb, "web", "www")
        assert told(events.next(1)) == ("delete", "web", None)
        rename(nb, "other", "web")
        assert told(events.next(1)) == ("insert", None, "web")
        delete(nb, "web")
        assert told(events.next(1)) == ("delete", "web", None)
        with pytest.raises(Timeout):
            events.next(0.05)


def test_one_transaction_is_told_of_row_by_row_and_other_tables_are_not(nb: Northbound) -> None:
    with nb.watch(LogicalSwitchPort) as events:
        with nb.transaction() as tx:
            ports = [tx.insert(LogicalSwitchPort(name=name)) for name in ("p", "q")]
            tx.insert(LogicalSwitch(name="web", ports=ports))
        rows = [events.next(1).after, events.next(1).after]
        assert {row.name for row in rows if row} == {"p", "q"}
        with pytest.raises(Timeout):
            events.next(0.05)


def test_over_a_reconnect_only_the_differences_are_told(nb: Northbound, nb_server: Server) -> None:
    insert(nb, "stays", "goes", "changes")
    with nb.watch(LogicalSwitch) as events:
        for _ in range(3):
            events.next(1)
        nb_server.process.kill()
        # Changed while this client cannot see it.
        nb_server.socket.rename(nb_server.socket.with_suffix(".aside"))
        apart = Server(nb_server.database, nb_server.schema, run_dir=nb_server.run_dir, name="apart")
        with apart, Northbound.connect(apart.remote, timeout=5) as other:
            delete(other, "goes")
            rename(other, "changes", "changed")
            insert(other, "new")
        assert {row.name for row in nb.find(LogicalSwitch)} == {"stays", "goes", "changes"}
        assert nb.state == "reconnecting"
        nb_server.start()
        got = {told(events.next(10)) for _ in range(3)}
        assert got == {("insert", None, "new"), ("delete", "goes", None), ("update", "changes", "changed")}
        with pytest.raises(Timeout):
            events.next(0.1)
    assert {row.name for row in nb.find(LogicalSwitch)} == {"stays", "changed", "new"}


def test_close_ends_a_reader_in_another_thread(nb: Northbound) -> None:
    insert(nb, "a")
    watch = nb.watch(LogicalSwitch)
    seen: list[str] = []

    def read() -> None:
        seen.extend(event.after.name for event in watch if event.after)
        seen.append("ended")

    thread = threading.Thread(target=read)
    thread.start()
    while not seen:
        time.sleep(0.001)
    watch.close()
    thread.join(5)
    assert seen == ["a", "ended"]


def test_after_close_nothing_more_is_told(nb: Northbound) -> None:
    watch = nb.watch(LogicalSwitch)
    insert(nb, "a")
    watch.close()
    with pytest.raises(Closed):
        watch.next(0)
    with nb.watch(LogicalSwitch) as again:
        pass
    with pytest.raises(Closed):
        again.next(0)


def test_closing_the_client_ends_its_watches(nb: Northbound) -> None:
    watch = nb.watch(LogicalSwitch)
    ended = threading.Event()

    def read() -> None:
        assert list(watch) == []
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    nb.close()
    assert ended.wait(5)
    thread.join()
    with pytest.raises(Closed):
        nb.watch(LogicalSwitch)


def test_a_reader_that_falls_too_far_behind_is_told_so(nb: Northbound) -> None:
    events: Watch[Any] = Watch(
        nb._store, nb._tables.filter(LogicalSwitch, {}), closed=lambda: nb.state == "closed", limit=2
    )
    insert(nb, "a", "b", "c")
    with pytest.raises(WatchOverflow) as caught:
        events.next(1)
    assert (caught.value.table, caught.value.limit) == ("Logical_Switch", 2)
    with pytest.raises(WatchOverflow):
        events.next(1)


def test_a_callback_gets_each_event_and_its_exception_stops_nothing(
    nb: Northbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", caught.append)
    names: list[str] = []
    enough = threading.Event()

    def call(event: Event[LogicalSwitch]) -> None:
        assert event.after is not None
        names.append(event.after.name)
        if event.after.name == "bad":
            raise ValueError("no such thing")
        if event.after.name == "last":
            enough.set()

    insert(nb, "first")
    watch = nb.on_change(LogicalSwitch, call)
    insert(nb, "bad")
    insert(nb, "last")
    assert enough.wait(5)
    assert names == ["first", "bad", "last"]
    assert [(args.exc_type, str(args.exc_value)) for args in caught] == [(ValueError, "no such thing")]
    assert caught[0].exc_traceback is not None
    watch.close()
    insert(nb, "unseen")
    time.sleep(0.05)
    assert names == ["first", "bad", "last"]


def test_a_callback_may_use_the_client(nb: Northbound) -> None:
    done = threading.Event()

    def call(event: Event[LogicalSwitch]) -> None:
        if event.after is not None and event.after.name == "web":
            insert(nb, "made by callback")
            done.set()

    with nb.on_change(LogicalSwitch, call):
        insert(nb, "web")
        assert done.wait(5)
        assert len(nb.find(LogicalSwitch, name="made by callback")) == 1


def test_a_watch_on_a_table_that_changes_all_the_time_misses_nothing(nb: Northbound, other_nb: Northbound) -> None:
    def write() -> None:
        for number in range(200):
            insert(other_nb, f"s{number}")

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[str] = []
    with nb.watch(LogicalSwitch) as events:
        while len(seen) < 200:
            after = events.next(5).after
            assert after is not None
            seen.append(after.name)
    writer.join()
    assert sorted(seen) == sorted(f"s{number}" for number in range(200))
