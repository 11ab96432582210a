"""Guards: no update is lost, however many write at the same moment."""

# ruff: noqa: PT012 (leaving the transaction is what raises)

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import (
    Conflict,
    ConstraintViolation,
    TransactionFailed,
)
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.ovsdb import Add, Exactly, Put, Remove
from ovnkit.ovsdb.server import Server
from tests.ovsdb.proxy import Proxy


def names(nb: Northbound) -> set[str]:
    return {row.name for row in nb.find(LogicalSwitch)}


# -- guards --------------------------------------------------------------------------------------------------------


def test_an_update_of_what_another_writer_changed_is_a_conflict(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    with other_nb.transaction() as tx:
        tx.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), name="other")
    with pytest.raises(Conflict, match="name changed since it was read") as caught, nb.transaction() as tx:
        tx.update(switch, name="mine")
        tx.insert(LogicalSwitch(name="beside"))
    assert caught.value.table == "Logical_Switch"
    assert names(nb) == {"other"}


def test_other_columns_of_the_row_may_change_meanwhile(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    with other_nb.transaction() as tx:
        tx.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), other_config={"mcast_snoop": "true"})
    with nb.transaction() as tx:
        tx.update(switch, name="mine")
    row = nb.get(LogicalSwitch)
    assert row.name == "mine"
    assert row.other_config == {"mcast_snoop": "true"}


def test_members_and_keys_change_beside_other_writers(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)
    with other_nb.transaction() as tx:
        tx.update(theirs, ports=Add(tx.insert(LogicalSwitchPort(name="theirs"))), external_ids=Put({"c": "3"}))
    with nb.transaction() as tx:
        mine = tx.insert(LogicalSwitchPort(name="mine"))
        tx.update(switch, ports=Add(mine), external_ids=Put({"a": "one", "d": "4"}))
    with other_nb.transaction() as tx:
        (gone,) = (ref for ref in theirs.ports if other_nb[ref].name == "p")
        tx.update(theirs, ports=Remove(gone), external_ids=Remove("b"))
    row = nb.wait(LogicalSwitch, external_ids=Exactly({"a": "one", "c": "3", "d": "4"}), timeout=5)
    assert {nb[port].name for port in row.ports} == {"q", "mine", "theirs"}


@pytest.mark.parametrize(("theirs", "mine"), [({"a": "9"}, {"a": "5"}), ({"new": "9"}, {"new": "5"})])
def test_one_key_written_by_two_is_a_conflict(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch, theirs: dict[str, str], mine: dict[str, str]
) -> None:
    with other_nb.transaction() as tx:
        tx.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), external_ids=Put(theirs))
    with pytest.raises(Conflict, match="external_ids changed"), nb.transaction() as tx:
        tx.update(switch, external_ids=Put(mine))
    assert nb.wait(LogicalSwitch, external_ids=theirs, timeout=5).external_ids == {"a": "1", "b": "2", **theirs}


def test_a_key_taken_away_by_two_is_a_conflict_only_where_its_value_changed(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    with other_nb.transaction() as tx:
        tx.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), external_ids=Put({"a": "9"}))
    with pytest.raises(Conflict), nb.transaction() as tx:
        tx.update(switch, external_ids=Remove("a"))
    with nb.transaction() as tx:
        tx.update(switch, external_ids=Remove("b"))
    nb.wait(LogicalSwitch, external_ids=Exactly({"a": "9"}), timeout=5)


@pytest.mark.parametrize("change", [{"name": "x"}, {"ports": Add()}, {"external_ids": Put({"a": "9"})}])
def test_a_row_that_another_client_deleted_cannot_be_written(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound, change: dict[str, Any]
) -> None:
    with nb_behind.transaction() as tx:
        tx.insert(LogicalSwitch(name="web", external_ids={"a": "1"}))
    row = nb_behind.get(LogicalSwitch, name="web")
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)

    def delete() -> None:
        with other_nb.transaction() as tx:
            tx.delete(theirs)

    nb_proxy.before_write = delete
    with pytest.raises(Conflict, match="gone"), nb_behind.transaction() as tx:
        tx.insert(LogicalSwitch(name="half"))
        if change == {"ports": Add()}:
            change = {"ports": Add(tx.insert(LogicalSwitchPort(name="p")))}
        tx.update(row, **change)
    nb_proxy.before_write = lambda: None
    other_nb.wait_gone(LogicalSwitch, name="web", timeout=5)
    assert names(other_nb) == set()
    with pytest.raises(Conflict, match="gone"), nb_behind.transaction() as tx:
        tx.update(row, name="x")
    assert names(other_nb) == set()


def test_a_row_deleted_by_two_at_the_same_moment_is_a_conflict(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound
) -> None:
    with nb_behind.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
    theirs = other_nb.wait(LogicalSwitch, name="web", timeout=5)

    def delete() -> None:
        with other_nb.transaction() as tx:
            tx.delete(theirs)

    nb_proxy.before_write = delete
    with pytest.raises(Conflict, match="the row is gone"), nb_behind.transaction() as tx:
        tx.delete(nb_behind.get(LogicalSwitch, name="web"))


def test_check_guards_a_whole_row(nb: Northbound, other_nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        tx.check(switch)
        tx.insert(LogicalSwitch(name="db"))
    with other_nb.transaction() as tx:
        tx.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), other_config={"k": "v"})
    with pytest.raises(Conflict, match="other_config"), nb.transaction() as tx:
        tx.check(switch)
        tx.insert(LogicalSwitch(name="app"))
    assert names(nb) == {"web", "db"}


def test_check_of_a_row_that_this_transaction_changed_goes_by_what_was_read(
    nb: Northbound, switch: LogicalSwitch
) -> None:
    with nb.transaction() as tx:
        tx.update(switch, name="www")
        tx.check(tx[switch.ref])
        tx.check(tx[tx.insert(LogicalSwitch(name="db"))])
    assert names(nb) == {"www", "db"}


def test_check_none_guards_an_absence(nb: Northbound, other_nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.check_none(LogicalSwitch, name="web", external_ids={"k": "v"})
        tx.insert(LogicalSwitch(name="web", external_ids={"k": "v", "l": "w"}))
    with pytest.raises(Conflict, match="is there already"), other_nb.transaction() as tx:
        tx.check_none(LogicalSwitch, name="web", external_ids={"k": "v"})
        tx.insert(LogicalSwitch(name="web"))
    with other_nb.transaction() as tx:
        tx.check_none(LogicalSwitch, name="web", external_ids={"k": "w"})
        tx.check_none(LogicalSwitch, name="web", copp=None, external_ids={"z": ""})
        with pytest.raises(TypeError):
            tx.check_none(LogicalSwitch, external_ids=Exactly({"k": "v"}))
    assert names(nb) == {"web"}


def test_a_snapshot_older_than_what_is_pending_is_guarded_by_its_own_values(
    nb: Northbound, switch: LogicalSwitch
) -> None:
    with nb.transaction() as tx:
        tx.update(switch, name="newer", external_ids=Put({"a": "9"}))
    fresh = nb.get(LogicalSwitch, name="newer")
    changes: list[Any] = [{"name": "from the old name"}, {"external_ids": Put({"a": "5"})}]
    for late in changes:
        with pytest.raises(Conflict), nb.transaction() as tx:
            tx.update(fresh, other_config={"k": "v"})
            tx.update(switch, **late)
    with nb.transaction() as tx:
        tx.update(fresh, other_config={"k": "v"})
        tx.update(switch, external_ids=Put({"c": "3"}))
        tx.update(tx[switch.ref], name="at last")
    row = nb.get(LogicalSwitch)
    assert row.name == "at last"
    assert row.external_ids == {"a": "9", "b": "2", "c": "3"}


# -- several writers -----------------------------------------------------------------------------------------------


def test_transact_runs_again_on_conflict_until_it_fits(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    runs: list[str] = []

    def body(tx: NorthboundTransaction) -> str:
        row = tx[switch.ref]
        if not runs:
            with other_nb.transaction() as other:
                other.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), name="theirs")
        runs.append(row.name)
        tx.update(row, name=row.name + "+mine")
        return row.name

    assert nb.transact(body) == runs[-1]
    assert nb.get(LogicalSwitch).name == "theirs+mine"
    assert runs[0] == "web"
    assert len(runs) >= 2


def test_transact_gives_up_at_its_timeout_and_hands_on_other_errors(nb: Northbound, switch: LogicalSwitch) -> None:
    stale = switch
    with nb.transaction() as tx:
        tx.update(switch, name="changed")

    with pytest.raises(Conflict):
        nb.transact(lambda tx: tx.update(stale, name="mine"), timeout=0.2)
    runs: list[NorthboundTransaction] = []

    def refuse(tx: NorthboundTransaction) -> None:
        runs.append(tx)
        raise Conflict("conflict", "cannot be changed into what is asked")

    with pytest.raises(Conflict, match="cannot be changed"):
        nb.transact(refuse)
    assert len(runs) == 1


def test_two_deployers_that_edit_the_same_value_lose_nothing(nb_server: Server) -> None:
    """One item in a comma-separated value each, many times, at the same moment."""
    with Northbound.connect(nb_server.remote, timeout=10) as nb, nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web", external_ids={"list": ""}))

    def deploy(who: str) -> None:
        with Northbound.connect(nb_server.remote, timeout=60) as client:
            for number in range(40):

                def body(tx: NorthboundTransaction, item: str = f"{who}{number}") -> None:
                    row = tx.get(LogicalSwitch, name="web")
                    items = [*filter(None, row.external_ids["list"].split(",")), item]
                    tx.update(row, external_ids=Put({"list": ",".join(items)}))

                client.transact(body)

    threads = [threading.Thread(target=deploy, args=(who,)) for who in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Northbound.connect(nb_server.remote, timeout=10) as nb:
        items = nb.get(LogicalSwitch).external_ids["list"].split(",")
    assert sorted(items) == sorted(f"{who}{number}" for who in "ab" for number in range(40))


def test_many_transactions_in_flight_end_each_as_its_own(nb: Northbound, switch: LogicalSwitch) -> None:
    futures: list[Future[None]] = []
    for number in range(300):
        tx = nb.transaction()
        # Every third has a port whose name is taken.
        name = "p" if number % 3 == 2 else f"port{number}"
        tx.insert(LogicalSwitch(name=f"s{number}", ports=[tx.insert(LogicalSwitchPort(name=name))]))
        futures.append(tx.submit())
    for number, future in enumerate(futures):
        if number % 3 == 2:
            assert isinstance(future.exception(10), ConstraintViolation)
        else:
            assert future.result(10) is None
    assert len(nb.find(LogicalSwitch)) == 201


def test_many_threads_write_through_one_client(nb: Northbound) -> None:
    errors: list[BaseException] = []

    def write(who: int) -> None:
        try:
            for number in range(40):
                with nb.transaction() as tx:
                    tx.insert(LogicalSwitch(name=f"{who}-{number}"))
        except BaseException as exc:
            errors.append(exc)
            raise

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(names(nb)) == 320


def test_nothing_to_do_ends_at_once(nb: Northbound) -> None:
    with nb.transaction() as tx:
        pass
    assert nb.transaction().submit().result(0) is None
    with pytest.raises(TransactionFailed):
        tx.commit()


def test_a_callback_of_a_future_is_told_that_it_must_not_wait(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    # The answer comes when the callback is there: else it would run here, where waiting is allowed.
    listening = threading.Event()
    nb_proxy.before_write = lambda: listening.wait(5)
    outcome: list[object] = []
    ended = threading.Event()

    def react(_: Future[None]) -> None:
        try:
            nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="from callback")))
        except RuntimeError as exc:
            outcome.append(exc)
        tx = nb_behind.transaction()
        tx.insert(LogicalSwitch(name="submitted"))
        tx.submit().add_done_callback(lambda _: ended.set())

    tx = nb_behind.transaction()
    tx.insert(LogicalSwitch(name="web"))
    tx.submit().add_done_callback(react)
    listening.set()
    assert ended.wait(5)
    assert len(outcome) == 1
    assert names(nb_behind) >= {"web", "submitted"}
