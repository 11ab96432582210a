"""S6 and S7: a follower that is cut off with a client on it, and a cluster that has lost its majority."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown, QuorumLost, Timeout
from ovnkit.northbound import LogicalSwitch
from tests.cluster import Cluster
from tests.ovsdb.scenarios.clusters import member_of_the_only_client, says_connected, switch_names, until

pytestmark = pytest.mark.alone


def insert(nb: Northbound, name: str, timeout: float | None = None) -> None:
    with nb.transaction(timeout=timeout) as tx:
        tx.insert(LogicalSwitch(name=name))


@pytest.fixture
def nb_of_cluster(nb_cluster: Cluster) -> Iterator[Northbound]:
    with Northbound.connect(nb_cluster.remote, timeout=30, probe_interval=1) as nb:
        yield nb


@pytest.fixture
def follower(nb_cluster: Cluster, nb_of_cluster: Northbound) -> int:
    """The member that the client is on, which does not lead."""
    member = member_of_the_only_client(nb_cluster)
    while nb_cluster.leader() == member:
        nb_cluster.transfer_leadership()
    # Whoever does not ask for the leader stays where it is when leadership moves.
    assert member_of_the_only_client(nb_cluster) == member
    return member


def test_s6_a_client_leaves_a_follower_that_is_cut_off_and_its_write_is_applied_once(
    nb_cluster: Cluster, nb_of_cluster: Northbound, follower: int
) -> None:
    states: list[str] = []
    insert(nb_of_cluster, "before")
    with closing(nb_of_cluster.on_state(states.append)), ThreadPoolExecutor(1) as pool:
        nb_cluster.failure_test(follower, "stop-raft-rpc")
        began = time.monotonic()
        pending = pool.submit(insert, nb_of_cluster, "pending")
        # What the follower says of itself is not true any more, and the client says so.
        until(lambda: "reconnecting" in states, 4.5, "the client stays on a follower that is cut off")
        pending.result(20)
        assert time.monotonic() - began < 8
        assert nb_of_cluster.state == "ready"
        assert member_of_the_only_client(nb_cluster) != follower
        assert switch_names(nb_cluster) == ["before", "pending"]
        nb_cluster.failure_test(follower, "clear")
        nb_cluster.wait_joined()
        insert(nb_of_cluster, "after")
    # Nor does the healed follower bring the write that it was given a second time.
    until(lambda: len(switch_names(nb_cluster, follower)) >= 3, 5)
    time.sleep(0.5)
    assert switch_names(nb_cluster, follower) == ["after", "before", "pending"]
    assert sorted(row.name for row in nb_of_cluster.find(LogicalSwitch)) == ["after", "before", "pending"]
    nb_cluster.check()


def test_s6_a_write_that_may_not_wait_for_the_move_says_what_became_of_it(
    nb_cluster: Cluster, nb_of_cluster: Northbound, follower: int
) -> None:
    nb_cluster.failure_test(follower, "stop-raft-rpc")
    with pytest.raises(OutcomeUnknown) as caught:
        insert(nb_of_cluster, "hasty", 0.5)
    # Decided by the others, while the follower is cut off, and not differently when it is back.
    first = caught.value.resolve(10)
    nb_cluster.failure_test(follower, "clear")
    nb_cluster.wait_joined()
    insert(nb_of_cluster, "after")
    time.sleep(1)
    assert switch_names(nb_cluster) == (["after", "hasty"] if first else ["after"])


@pytest.mark.parametrize("leader_survives", [True, False])
def test_s7_without_a_majority_calls_end_at_their_deadline_and_it_comes_back_by_itself(
    nb_cluster: Cluster, nb_of_cluster: Northbound, leader_survives: bool
) -> None:
    insert(nb_of_cluster, "before")
    leader, followers = nb_cluster.leader(), nb_cluster.followers()
    lost = followers if leader_survives else [leader, followers[0]]
    for index in lost:
        nb_cluster.kill(index)
    told: dict[str, BaseException] = {}
    refused: list[QuorumLost] = []
    used, since = time.process_time(), time.monotonic()
    # A leader needs 3 to 6 s (three timers of 1 to 2 s) to say that it is cut off; a call of 1 s comes after that.
    while (elapsed := time.monotonic() - since) < 6 or (not refused and elapsed < 15):
        name = f"s{len(told)}"
        began = time.monotonic()
        with pytest.raises((QuorumLost, OutcomeUnknown)) as caught:
            insert(nb_of_cluster, name, 1.0)
        assert 0.9 <= time.monotonic() - began < 1.5
        told[name] = caught.value
        if isinstance(caught.value, QuorumLost):
            refused.append(caught.value)
        assert nb_of_cluster.get(LogicalSwitch, name="before").name == "before"
    # A busy loop would use all of it.
    assert time.process_time() - used < 0.05 * (time.monotonic() - since)
    assert refused, "that nothing was sent is known once the members say that they have no leader"
    assert "cut off" in str(refused[-1])
    for index in lost:
        nb_cluster.launch(index)
    restarted = time.monotonic()
    insert(nb_of_cluster, "after")
    assert time.monotonic() - restarted < 5
    nb_cluster.wait_joined()
    applied = [name for name, exc in told.items() if isinstance(exc, OutcomeUnknown) and exc.resolve(10)]
    assert switch_names(nb_cluster) == sorted([*applied, "after", "before"])


def test_s7_a_first_connect_without_a_majority_ends_at_its_deadline(nb_cluster: Cluster) -> None:
    leader = nb_cluster.leader()
    for index in nb_cluster.followers():
        nb_cluster.kill(index)
    until(lambda: not says_connected(nb_cluster, leader), 15)
    began = time.monotonic()
    with pytest.raises(Timeout) as caught:
        Northbound.connect(nb_cluster.remote, timeout=4)
    assert 3.9 <= time.monotonic() - began < 5
    assert str(caught.value)
