"""The connection's thread: messages of any size, what it must not be made to wait for, and where it is not."""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import Future

import pytest

from ovnkit import Northbound, VSwitch
from ovnkit.errors import Closed
from ovnkit.northbound import AddressSet, LogicalSwitch
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Server
from tests.ovsdb.proxy import Proxy

LARGE = "0123456789abcdef" * 2500


def test_a_transaction_larger_than_the_buffers_of_the_socket_is_sent_without_a_pause(nb: Northbound) -> None:
    with nb.transaction(timeout=10) as tx:
        for number in range(20):
            tx.insert(AddressSet(name=f"a{number}", external_ids={"large": LARGE}))
    assert len(nb.find(AddressSet, external_ids={"large": LARGE})) == 20


def test_what_was_submitted_cannot_be_cancelled(nb: Northbound, switch: LogicalSwitch) -> None:
    tx = nb.transaction()
    tx.update(switch, external_ids=Put({"a": "9"}))
    outcome = tx.submit()
    assert not outcome.cancel()
    assert outcome.result(5) is None
    assert nb.wait(LogicalSwitch, external_ids={"a": "9"}, timeout=5).name == "web"


def test_a_callback_of_a_future_is_told_that_it_must_not_wait_for_a_change(
    nb_behind: Northbound, nb_proxy: Proxy
) -> None:
    listening = threading.Event()
    nb_proxy.before_write = lambda: listening.wait(5)
    told: list[str] = []

    def wait(_outcome: Future[None]) -> None:
        try:
            nb_behind.wait(LogicalSwitch, name="never", timeout=5)
        except RuntimeError as exc:
            told.append(str(exc))

    tx = nb_behind.transaction()
    tx.insert(LogicalSwitch(name="web"))
    tx.submit().add_done_callback(wait)
    listening.set()
    # The next one is answered after the callback has returned.
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="next")))
    assert "must not wait" in told[0]


def test_waiting_in_a_forked_child_ends_at_once(nb: Northbound, switch: LogicalSwitch) -> None:
    events = nb.watch(LogicalSwitch)
    events.next(timeout=5)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with pytest.raises(Closed):
                events.next(timeout=5)
            with pytest.raises(Closed, match="fork"):
                nb.wait(LogicalSwitch, name="never", timeout=5)
            status = 0 if nb.state == "closed" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert nb.state == "ready"


def test_one_server_without_the_database_is_passed_over(nb_server: Server, vs: VSwitch) -> None:
    # They are tried in any order.
    for _ in range(6):
        with Northbound.connect(f"{vs.remote},{nb_server.remote}", timeout=10) as nb:
            assert nb.schema.name == "OVN_Northbound"


def test_threads_that_write_at_the_same_time_do_not_keep_each_other_waiting(nb: Northbound) -> None:
    """Some wait for their commit and read the answers meanwhile, others submit; whoever reads leaves it in time."""
    slowest: list[float] = []

    def write(number: int) -> None:
        took = 0.0
        with nb.transaction() as tx:
            ref = tx.insert(LogicalSwitch(name=f"s{number}"))
        draw, end = random.Random(number), time.monotonic() + 3
        while time.monotonic() < end:
            began = time.monotonic()
            tx = nb.transaction()
            tx.update(tx[ref], external_ids=Put({"at": str(began)}))
            if draw.random() < 0.6:
                tx.commit()
            else:
                tx.submit().result(20)
            took = max(took, time.monotonic() - began)
        slowest.append(took)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slowest) == 3
    # Far below the interval of probes, which would end any wait.
    assert max(slowest) < 2.5


def test_a_client_that_is_closed_while_its_thread_is_about_to_look_ends_at_once(nb: Northbound) -> None:
    poller = nb._connection._poller
    closing = threading.Thread(target=nb.close)
    with poller.busy:
        # It goes on as far as here.
        poller.wake()
        time.sleep(0.1)
        closing.start()
        time.sleep(0.1)
    closing.join(2)
    assert not closing.is_alive()
    assert nb.state == "closed"
