"""What was on its way when the leader of a cluster died."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown
from ovnkit.northbound import LogicalSwitch
from tests.cluster import Cluster, call


def test_a_transaction_that_a_member_still_has_in_hand_is_not_resolved_as_not_applied(nb_cluster: Cluster) -> None:
    with Northbound.connect(nb_cluster.remote_of(nb_cluster.followers()[0]), timeout=30) as nb:
        nb_cluster.kill(nb_cluster.leader())
        tx = nb.transaction(timeout=0.3)
        tx.insert(LogicalSwitch(name="x"))
        with pytest.raises(OutcomeUnknown) as caught:
            tx.commit()
        applied = caught.value.resolve(20)
        nb_cluster.leader()
        # Twice the election timer is how long a member keeps it.
        time.sleep(3)
        assert len(nb.find(LogicalSwitch, name="x")) == applied


def test_a_request_that_went_to_the_dead_leader_is_answered_by_a_busy_new_one(nb_cluster: Cluster) -> None:
    """While it sends entries at least every third of an election timer, ovsdb-server 3.1 does not look for it."""
    followers = nb_cluster.followers()
    stop = threading.Event()
    taken: dict[int, float] = {}
    load = {"op": "insert", "table": "Logical_Switch", "row": {"name": "load"}}

    def keep_busy() -> None:
        while not stop.wait(0.02):
            for index in followers:
                with suppress(OSError):
                    call(nb_cluster.servers[index].socket, "transact", [nb_cluster.database, load], timeout=1)

    def write(index: int, nb: Northbound) -> None:
        began = time.monotonic()
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name=f"mine-{index}")))
        taken[index] = time.monotonic() - began

    with ExitStack() as stack:
        clients = [
            stack.enter_context(Northbound.connect(nb_cluster.remote_of(index), timeout=30)) for index in followers
        ]
        nb_cluster.failure_test(nb_cluster.leader(), "crash-before-sending-append-request")
        writers = [threading.Thread(target=write, args=pair) for pair in zip(followers, clients, strict=True)]
        for writer in writers:
            writer.start()
        time.sleep(0.1)
        nb_cluster.leader()
        busy = threading.Thread(target=keep_busy)
        busy.start()
        for writer in writers:
            writer.join(8)
        stop.set()
        for thread in (busy, *writers):
            thread.join()
    assert max(taken.values()) < 5, taken
