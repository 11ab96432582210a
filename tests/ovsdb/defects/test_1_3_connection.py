"""What ovsdbapp's connection gets wrong: reads behind a hung server, writes after their timeout, bad values."""

# ruff: noqa: PT012 (leaving the transaction is what raises)

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue, OutcomeUnknown, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from tests.ovsdb.conftest import Stopped
from tests.ovsdb.proxy import Proxy


def insert(nb: Northbound, name: str, timeout: float | None = None) -> None:
    with nb.transaction(timeout=timeout) as tx:
        tx.insert(LogicalSwitch(name=name))


def names(nb: Northbound) -> list[str]:
    return sorted(row.name for row in nb.find(LogicalSwitch))


def test_defect_1_3_reads_go_on_while_the_server_hangs(
    nb: Northbound, nb_server: Server, stopped_server: Stopped
) -> None:
    insert(nb, "web")
    longest = 0.0
    with stopped_server(nb_server), ThreadPoolExecutor(1) as pool:
        write = pool.submit(insert, nb, "late", 1.0)
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            began = time.monotonic()
            assert nb.get(LogicalSwitch, name="web").name == "web"
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.001)
        assert isinstance(write.exception(5), OutcomeUnknown)
    assert longest < 0.2


def test_defect_1_3_nothing_appears_after_a_timeout_that_said_not_applied(
    nb_server: Server, other_nb: Northbound, stopped_server: Stopped
) -> None:
    told: dict[str, BaseException] = {}
    with Northbound.connect(nb_server.remote, timeout=10, probe_interval=1) as nb:
        with stopped_server(nb_server):
            ends = time.monotonic() + 3.5
            while time.monotonic() < ends:
                name = f"s{len(told)}"
                with pytest.raises((Timeout, OutcomeUnknown)) as caught:
                    insert(nb, name, 0.1)
                told[name] = caught.value
        applied = {name for name, error in told.items() if isinstance(error, OutcomeUnknown) and error.resolve(10)}
        refused = {name for name, error in told.items() if isinstance(error, Timeout)}
        # Both kinds are there: what was on its way when the server stopped, and what came after that was noticed.
        assert refused
        assert len(refused) < len(told)
        insert(nb, "last")
        assert set(names(nb)) == applied | {"last"}
    other_nb.wait(LogicalSwitch, name="last", timeout=5)
    time.sleep(0.3)
    assert set(names(other_nb)) == applied | {"last"}


def test_defect_1_3_a_caller_waits_for_its_timeout_and_not_twice_that(
    nb: Northbound, nb_server: Server, stopped_server: Stopped
) -> None:
    with stopped_server(nb_server), ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        writes = [pool.submit(insert, nb, f"s{number}", 0.5) for number in range(4)]
        for write in writes:
            assert isinstance(write.exception(5), (OutcomeUnknown, Timeout))
        assert 0.5 <= time.monotonic() - began < 0.9


def test_defect_1_3_a_timeout_of_the_first_connect_can_be_printed(nb_server: Server, stopped_server: Stopped) -> None:
    with stopped_server(nb_server), pytest.raises(Timeout) as caught:
        Northbound.connect(nb_server.remote, timeout=0.3)
    assert nb_server.remote in str(caught.value)
    assert "OVN_Northbound" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_defect_1_3_a_bad_value_does_not_wedge_the_connection(nb: Northbound) -> None:
    insert(nb, "web")
    loose: Any = nb
    with pytest.raises(InvalidValue, match=r"Logical_Switch\.external_ids"), loose.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), external_ids="not-a-map")
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(insert, nb, "of another thread", 5.0).result(5)
    insert(nb, "next", 5)
    assert time.monotonic() - began < 1
    assert names(nb) == ["next", "of another thread", "web"]
    used = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - used < 0.1


def test_defect_1_3_a_bad_value_through_ovsdbapp_does_not_wedge_the_connection(nb: Northbound) -> None:
    insert(nb, "web")
    with pytest.raises(Exception) as caught:  # noqa: PT011 (of ovsdbapp's choosing, but for a timeout)
        nb.ovsdbapp.db_set("Logical_Switch", "web", ("external_ids", "not-a-map")).execute(check_error=True)
    assert "imeout" not in type(caught.value).__name__
    began = time.monotonic()
    insert(nb, "next", 5)
    nb.ovsdbapp.ls_add("third").execute(check_error=True)
    assert time.monotonic() - began < 1
    assert names(nb) == ["next", "third", "web"]
    used = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - used < 0.1


def test_defect_1_3_a_bad_scalar_is_refused(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    insert(nb_behind, "web")
    sent = len(nb_proxy.transacts)
    loose: Any = nb_behind
    with pytest.raises(InvalidValue, match=r"Logical_Switch\.name: 5 .*allowed: "), loose.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), name=5, external_ids={"beside": "it"})
    assert len(nb_proxy.transacts) == sent
    assert nb_behind.get(LogicalSwitch).external_ids == {}


def test_defect_1_3_a_failed_statement_leaves_nothing_of_its_transaction(nb: Northbound) -> None:
    """ovsdbapp goes on with the other commands of the transaction, and returns None."""
    loose: Any = LogicalSwitch
    with pytest.raises(InvalidValue), nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="first"))
        tx.insert(loose(name=None))
    assert names(nb) == []


def test_defect_1_3_a_second_client_has_a_connection_of_its_own(
    nb: Northbound, other_nb: Northbound, nb_server: Server
) -> None:
    nb.close()
    insert(other_nb, "web")
    assert other_nb.state == "ready"
    assert names(other_nb) == ["web"]


def test_defect_1_3_writers_do_not_wait_for_each_other(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    """ovsdbapp sends one transaction at a time, each behind the round trip of the one before."""
    nb_proxy.holding = True
    together = [nb_behind.transaction() for _ in range(10)]
    for number, tx in enumerate(together):
        tx.insert(LogicalSwitch(name=f"s{number}"))
    answers = [tx.submit() for tx in together]
    deadline = time.monotonic() + 5
    while len(nb_proxy.writes) < 10:
        assert time.monotonic() < deadline, "they are not on their way together"
        time.sleep(0.002)
    assert not any(answer.done() for answer in answers)
    nb_proxy.holding = False
    for answer in answers:
        answer.result(5)
    assert len(names(nb_behind)) == 10
