"""Nothing lost, nothing twice: replies that never come, servers that stop, requests that never arrive."""

# ruff: noqa: PT012 (leaving the transaction is what raises)

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Closed, Conflict, OutcomeUnknown, Timeout
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.ovsdb import Add, Put, Ref, Remove
from ovnkit.ovsdb.outcome import failure
from ovnkit.ovsdb.server import Server
from tests.cluster import call, select
from tests.ovsdb.proxy import Cut, Proxy

Write = Callable[[NorthboundTransaction, LogicalSwitch], object]


def _insert(tx: NorthboundTransaction, row: LogicalSwitch) -> None:
    tx.insert(LogicalSwitch(name="new"))


def _insert_child(tx: NorthboundTransaction, row: LogicalSwitch) -> None:
    port = tx.insert(LogicalSwitchPort(name="new"))
    tx.update(row, ports=Add(port), external_ids=Put({"a": "9"}))


def _update(tx: NorthboundTransaction, row: LogicalSwitch) -> None:
    tx.update(row, name="renamed")


def _mutate(tx: NorthboundTransaction, row: LogicalSwitch) -> None:
    tx.update(row, external_ids=Put({"a": "9", "c": "3"}), ports=Remove(*row.ports))


def _delete(tx: NorthboundTransaction, row: LogicalSwitch) -> None:
    tx.delete(row)


WRITES: list[Write] = [_insert, _insert_child, _update, _mutate, _delete]


def fill(nb: Northbound) -> LogicalSwitch:
    with nb.transaction() as tx:
        port = tx.insert(LogicalSwitchPort(name="p"))
        tx.insert(LogicalSwitch(name="web", ports=[port], external_ids={"a": "1", "b": "2"}))
    return nb.get(LogicalSwitch, name="web")


def content(nb: Northbound) -> list[Any]:
    """What is in the database, without uuids; a row that is there twice is here twice."""
    switches = [
        (row.name, sorted(nb[ref].name for ref in row.ports), dict(row.external_ids)) for row in nb.find(LogicalSwitch)
    ]
    return [*sorted(switches), *sorted(row.name for row in nb.find(LogicalSwitchPort))]


def expected(write: Write) -> list[Any]:
    web = ("web", ["p"], {"a": "1", "b": "2"})
    results: dict[Write, list[Any]] = {
        _insert: [("new", [], {}), web, "p"],
        _insert_child: [("web", ["new", "p"], {"a": "9", "b": "2"}), "new", "p"],
        _update: [("renamed", ["p"], {"a": "1", "b": "2"}), "p"],
        _mutate: [("web", [], {"a": "9", "b": "2", "c": "3"})],
        _delete: [],
    }
    return results[write]


def in_database(server: Server) -> list[dict[str, Any]]:
    """All switches, asked without ovnkit."""
    return select(server.socket, "OVN_Northbound", "Logical_Switch", ["name"])


def unknown_outcome(proxy: Proxy, cut: Cut, tx: NorthboundTransaction) -> OutcomeUnknown:
    """Submit a transaction whose connection is cut, and cannot be made again before the deadline."""
    proxy.cuts = [cut]
    proxy.refusing = True
    unknown = tx.submit().exception(10)
    proxy.refusing = False
    assert proxy.cuts == []
    assert isinstance(unknown, OutcomeUnknown)
    return unknown


@pytest.mark.parametrize("cuts", [["after"], ["before"], ["before", "before", "after"]], ids="-".join)
@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_connection_is_cut_is_applied_exactly_once(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server, write: Write, cuts: list[Cut]
) -> None:
    row = fill(nb_behind)
    nb_proxy.cuts = list(cuts)
    with nb_behind.transaction() as tx:
        write(tx, row)
    assert nb_proxy.cuts == []
    assert content(nb_behind) == expected(write)
    with Northbound.connect(nb_server.remote, timeout=5) as fresh:
        assert content(fresh) == expected(write)


@pytest.mark.parametrize("write", WRITES)
def test_a_submitted_write_whose_reply_is_lost_for_longer_than_its_deadline_is_unknown_until_it_is_looked_up(
    nb_behind: Northbound, nb_proxy: Proxy, write: Write
) -> None:
    row = fill(nb_behind)
    cuts: list[tuple[Cut, bool]] = [("before", False), ("after", True)]
    for cut, applied in cuts:
        tx = nb_behind.transaction(timeout=0.3)
        write(tx, row)
        unknown = unknown_outcome(nb_proxy, cut, tx)
        assert unknown.resolve(10) is applied
        assert unknown.resolve(10) is applied
    assert content(nb_behind) == expected(write)
    assert len(nb_proxy.writes) == 3


@pytest.mark.parametrize("cut", ["after", "before", "half"])
@pytest.mark.parametrize("write", WRITES)
def test_a_submitted_write_whose_connection_is_cut_is_seen_through(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound, write: Write, cut: Cut
) -> None:
    row = fill(nb_behind)
    nb_proxy.cuts = [cut]
    tx = nb_behind.transaction()
    write(tx, row)
    assert tx.submit().exception(10) is None
    assert nb_proxy.cuts == []
    assert content(nb_behind) == expected(write)
    assert len(nb_proxy.writes) == (2 if cut == "after" else 3)
    other_nb.transact(lambda tx: tx.insert(LogicalSwitch(name="barrier")))
    other_nb.transact(lambda tx: tx.delete(tx.get(LogicalSwitch, name="barrier")))
    assert content(other_nb) == expected(write)


def test_submitted_writes_that_are_cut_together_are_each_applied_once(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    nb_proxy.cuts = [None, None, "after"]
    futures = []
    for number in range(20):
        tx = nb_behind.transaction()
        tx.insert(LogicalSwitch(name=f"s{number:02}"))
        futures.append(tx.submit())
    assert [future.exception(10) for future in futures] == [None] * 20
    assert nb_proxy.cuts == []
    assert nb_proxy.connections > 1
    assert content(nb_behind) == [(f"s{number:02}", [], {}) for number in range(20)]


def test_a_conflict_with_what_a_lost_write_has_done_itself_is_success(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server
) -> None:
    """Its own first sending has changed what it guards, and that only shows after it was looked up."""
    row = fill(nb_behind)
    nb_proxy.cuts = ["before"]
    applied_late: list[list[dict[str, Any]]] = []

    def apply_first_sending() -> None:
        # As a server does that takes up late what a lost connection has left: after the look-up, before the repetition.
        if len(nb_proxy.writes) == 3:
            first = nb_proxy.writes[1]
            results = call(nb_server.socket, "transact", ["OVN_Northbound", *first])
            assert failure(first, results) is None
            applied_late.append(first)

    nb_proxy.before_write = apply_first_sending
    tx = nb_behind.transaction()
    tx.update(row, name="mine")
    assert tx.submit().exception(10) is None
    assert len(applied_late) == 1
    assert nb_proxy.writes[1] == nb_proxy.writes[2] == applied_late[0]
    assert nb_behind[row.ref].name == "mine"


def test_a_lost_write_that_comes_after_its_repetition_was_refused_is_success(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server, other_nb: Northbound
) -> None:
    """What was reported as not applied must not appear later."""
    fill(nb_behind)
    happened: list[str] = []

    def block() -> None:
        if len(nb_proxy.writes) == 3:
            other_nb.transact(lambda tx: tx.insert(LogicalSwitch(name="block")))
            happened.append("blocked")

    def come_late(message: dict[str, Any]) -> None:
        results = message.get("result")
        # The answer to the look-up after that: it says that nothing is there.
        if happened == ["blocked"] and results == [{"rows": []}]:
            other_nb.transact(lambda tx: tx.delete(tx.get(LogicalSwitch, name="block")))
            first = nb_proxy.writes[1]
            assert failure(first, call(nb_server.socket, "transact", ["OVN_Northbound", *first])) is None
            happened.append("came late")

    nb_proxy.before_write, nb_proxy.tamper = block, come_late
    nb_proxy.cuts = ["before"]
    tx = nb_behind.transaction()
    tx.check_none(LogicalSwitch, name="block")
    tx.insert(LogicalSwitch(name="new"))
    assert tx.submit().exception(10) is None
    assert happened == ["blocked", "came late"]
    assert [row["name"] for row in in_database(nb_server) if row["name"] != "web"] == ["new"]


def test_a_submitted_write_that_conflicts_with_another_after_a_cut_ends_as_conflict_or_unknown(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound
) -> None:
    row = fill(nb_behind)
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)

    def change() -> None:
        nb_proxy.before_write = lambda: None
        with other_nb.transaction() as tx:
            tx.update(theirs, external_ids=Put({"a": "theirs"}))

    nb_proxy.before_write = change
    nb_proxy.cuts = ["before"]
    tx = nb_behind.transaction()
    tx.insert(LogicalSwitch(name="half"))
    tx.update(row, external_ids=Put({"a": "mine"}))
    assert isinstance(tx.submit().exception(10), Conflict)
    nb_behind.wait(LogicalSwitch, external_ids={"a": "theirs"}, timeout=5)
    assert [row.name for row in nb_behind.find(LogicalSwitch)] == ["web"]


def test_an_unknown_outcome_says_that_nobody_could_be_asked(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    nb_proxy.before_cut = lambda: setattr(nb_proxy, "refusing", True)
    nb_proxy.cuts = ["after"]
    tx = nb_behind.transaction(timeout=0.3)
    tx.insert(LogicalSwitch(name="new"))
    unknown = tx.submit().exception(10)
    assert isinstance(unknown, OutcomeUnknown)
    with pytest.raises(OutcomeUnknown, match=r"no server could be asked \(.*proxy.sock: ") as caught:
        unknown.resolve(0.1)
    assert "not sent" not in str(caught.value)
    nb_proxy.refusing = False
    assert caught.value.resolve(10) is True


def test_an_update_that_another_writer_has_covered_since_stays_unknown(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound
) -> None:
    row = fill(nb_behind)
    tx = nb_behind.transaction(timeout=0.3)
    tx.update(row, name="mine")
    unknown = unknown_outcome(nb_proxy, "after", tx)
    with other_nb.transaction() as other:
        other.update(other_nb.wait(LogicalSwitch, name="mine", timeout=5), name="theirs")
    with pytest.raises(OutcomeUnknown, match="another writer") as caught:
        unknown.resolve(5)
    with pytest.raises(OutcomeUnknown):
        caught.value.resolve(5)


def test_what_became_of_a_write_is_found_out_beyond_what_is_monitored(nb_proxy: Proxy, other_nb: Northbound) -> None:
    fill(other_nb)
    monitor = {LogicalSwitch: {"name": "web"}}
    with Northbound.connect(nb_proxy.remote, timeout=10, monitor=monitor) as narrow:
        nb_proxy.cuts = ["after"]
        with narrow.transaction() as tx:
            tx.insert(LogicalSwitch(name="not seen here", external_ids={"x": "y"}))
        nb_proxy.cuts = ["after"]
        with narrow.transaction() as tx:
            port = tx.insert(LogicalSwitchPort(name="in a table that is not replicated"))
            tx.update(narrow.get(LogicalSwitch), ports=Add(port))
    assert nb_proxy.cuts == []
    assert len(nb_proxy.writes) == 2
    other_nb.wait(LogicalSwitch, name="not seen here", timeout=5)
    assert len(other_nb.find(LogicalSwitch)) == 2
    assert len(other_nb.find(LogicalSwitchPort)) == 2


def test_guards_alone_are_asked_again(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    row = fill(nb_behind)
    nb_proxy.cuts = ["after"]
    with nb_behind.transaction() as tx:
        tx.check(row)
    assert nb_proxy.cuts == []
    assert len(nb_proxy.writes) == 3


def test_what_was_taken_back_does_not_hide_the_outcome(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    row = fill(nb_behind)
    with nb_behind.transaction() as tx:
        other = tx.insert(LogicalSwitch(name="other"))
    nb_proxy.cuts = ["before"]
    with nb_behind.transaction() as tx:
        tx.update(row, name="x")
        tx.update(row, name="web")
        tx.update(nb_behind[other], name="changed")
    assert sorted(row.name for row in nb_behind.find(LogicalSwitch)) == ["changed", "web"]


def test_transact_counts_a_lost_reply_once(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    """A counter shows a repetition that sets would hide."""
    row = fill(nb_behind)

    def count(tx: NorthboundTransaction) -> None:
        now = tx[row.ref]
        tx.update(now, external_ids=Put({"a": str(int(now.external_ids["a"]) + 1)}))

    for number in range(4):
        nb_proxy.cuts = ["after"] if number % 2 else ["before"]
        nb_behind.transact(count)
    assert nb_behind[row.ref].external_ids["a"] == "5"


@pytest.fixture
def stopped(nb_server: Server) -> Iterator[Callable[[int], None]]:
    """Sends SIGSTOP and SIGCONT to the server, which goes on in any case at the end."""
    yield lambda number: os.kill(nb_server.process.pid, number)
    if nb_server.running:
        os.kill(nb_server.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("write", WRITES)
def test_a_stopped_server_leaves_the_outcome_unknown_at_the_deadline(
    nb: Northbound, stopped: Callable[[int], None], write: Write
) -> None:
    row = fill(nb)
    stopped(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="did not answer in time") as caught, nb.transaction(timeout=0.3) as tx:
        write(tx, row)
    assert 0.3 <= time.monotonic() - began < 2
    # Reads do not wait for a server that hangs.
    assert nb.get(LogicalSwitch, name="web") == row
    with pytest.raises(OutcomeUnknown):
        caught.value.resolve(0.1)
    stopped(signal.SIGCONT)
    assert caught.value.resolve(10) is True
    assert content(nb) == expected(write)


def test_of_two_that_conflict_while_the_server_is_stopped_one_is_found_to_be_applied(
    nb: Northbound, other_nb: Northbound, stopped: Callable[[int], None]
) -> None:
    row = fill(nb)
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)
    stopped(signal.SIGSTOP)
    first = other_nb.transaction()
    first.update(theirs, external_ids=Put({"a": "theirs"}))
    answer = first.submit()
    time.sleep(0.05)
    with pytest.raises(OutcomeUnknown) as caught, nb.transaction(timeout=0.2) as tx:
        tx.insert(LogicalSwitch(name="new"))
        tx.update(row, external_ids=Put({"a": "mine"}))
    stopped(signal.SIGCONT)
    # The server may take up either first, and then refuses the other.
    mine = caught.value.resolve(10)
    assert (answer.exception(10) is None) is not mine
    assert nb[row.ref].external_ids["a"] == ("mine" if mine else "theirs")
    assert len(nb.find(LogicalSwitch, name="new")) == mine


def test_what_was_not_sent_is_a_timeout_and_never_appears(nb: Northbound, nb_server: Server) -> None:
    row = fill(nb)
    nb_server.stop()
    while nb.state == "ready":
        time.sleep(0.005)
    began = time.monotonic()
    with pytest.raises(Timeout, match="not sent") as caught, nb.transaction(timeout=0.2) as tx:
        tx.insert(LogicalSwitch(name="new"))
    assert caught.value.seconds == 0.2
    assert 0.2 <= time.monotonic() - began < 2
    with pytest.raises(Timeout), nb.transaction(timeout=0) as tx:
        tx.delete(row)
    nb_server.start()
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="later")))
    assert sorted(row.name for row in nb.find(LogicalSwitch)) == ["later", "web"]


def test_what_waits_for_a_server_is_sent_when_it_is_back(nb: Northbound, nb_server: Server) -> None:
    nb_server.process.kill()
    while nb.state == "ready":
        time.sleep(0.005)
    futures = []
    for number in range(5):
        tx = nb.transaction(timeout=20)
        tx.insert(LogicalSwitch(name=f"s{number}"))
        futures.append(tx.submit())
    nb_server.start()
    for future in futures:
        assert future.result(20) is None
    assert len(nb.find(LogicalSwitch)) == 5


def test_closing_the_client_leaves_what_was_sent_unknown_and_the_rest_unsent(
    nb: Northbound, stopped: Callable[[int], None]
) -> None:
    stopped(signal.SIGSTOP)
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="sent"))
    sent = tx.submit()
    time.sleep(0.1)
    nb.close()
    unknown = sent.exception(5)
    assert isinstance(unknown, OutcomeUnknown)
    with pytest.raises(OutcomeUnknown):
        unknown.resolve(1)


def test_closing_the_client_fails_what_was_not_sent(nb: Northbound, nb_server: Server) -> None:
    nb_server.process.kill()
    while nb.state == "ready":
        time.sleep(0.005)
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="unsent"))
    unsent = tx.submit()
    nb.close()
    assert isinstance(unsent.exception(5), Closed)


def test_closing_the_client_leaves_what_was_being_looked_up_unknown(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    fill(nb_behind)
    nb_proxy.cuts = ["after"]
    nb_proxy.refusing = True
    tx = nb_behind.transaction()
    tx.insert(LogicalSwitch(name="lost"))
    lost = tx.submit()
    while nb_behind.state == "ready":
        time.sleep(0.005)
    waiting = nb_behind.transaction()
    waiting.insert(LogicalSwitch(name="unsent"))
    unsent = waiting.submit()
    assert not lost.done()
    nb_behind.close()
    unknown = lost.exception(5)
    assert isinstance(unknown, OutcomeUnknown)
    assert isinstance(unsent.exception(5), Closed)
    with pytest.raises(OutcomeUnknown, match="closed"):
        unknown.resolve(1)


def test_every_write_that_is_submitted_while_the_client_is_closed_ends(nb_server: Server) -> None:
    """As applied, as not sent or as unknown, and what is said of it is right."""
    applied: set[str] = set()
    unsent: set[str] = set()
    for round_ in range(10):
        client = Northbound.connect(nb_server.remote, timeout=10)
        futures: dict[str, Future[None]] = {}
        enough = threading.Event()

        def submit(
            thread: int,
            round_: int = round_,
            client: Northbound = client,
            futures: dict[str, Future[None]] = futures,
            enough: threading.Event = enough,
        ) -> None:
            for number in range(10_000):
                name = f"{round_}-{thread}-{number}"
                try:
                    tx = client.transaction()
                    tx.insert(LogicalSwitch(name=name))
                    futures[name] = tx.submit()
                except Closed:
                    unsent.add(name)
                    return
                if number == 20:
                    enough.set()

        threads = [threading.Thread(target=submit, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(10)
        client.close()
        for thread in threads:
            thread.join()
        for name, future in futures.items():
            error = future.exception(5)
            assert error is None or isinstance(error, Closed | OutcomeUnknown)
            if error is None:
                applied.add(name)
            elif isinstance(error, Closed):
                unsent.add(name)
    there = {row["name"] for row in in_database(nb_server)}
    assert applied <= there
    assert unsent.isdisjoint(there)


def test_a_conflict_after_a_cut_is_a_conflict(nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound) -> None:
    row = fill(nb_behind)
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)

    def change() -> None:
        nb_proxy.before_write = lambda: None
        with other_nb.transaction() as tx:
            tx.update(theirs, name="theirs")

    nb_proxy.before_write = change
    nb_proxy.cuts = ["after"]
    with pytest.raises((Conflict, OutcomeUnknown)), nb_behind.transaction() as tx:
        tx.update(row, name="mine")
        tx.insert(LogicalSwitch(name="half"))
    nb_behind.wait(LogicalSwitch, name="theirs", timeout=5)
    assert [row.name for row in nb_behind.find(LogicalSwitch)] == ["theirs"]


def test_a_reference_from_a_lost_insert_is_good(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    nb_proxy.cuts = ["after"]
    new: Ref[LogicalSwitch] = nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    assert nb_behind[new].name == "web"
