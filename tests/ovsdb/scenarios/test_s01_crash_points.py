"""S1: a member dies at each of the points that RAFT has for it, while every kind of write is in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.ovsdb import Add, Put
from tests.chaos.faults import CRASH_POINTS
from tests.cluster import Cluster, call
from tests.ovsdb.scenarios.clusters import switch_names

pytestmark = pytest.mark.alone

SNAPSHOT = "crash-before-sending-install-snapshot-reply"
ON_LEADER = {"crash-before-sending-append-request", "crash-after-sending-append-request"}
"""Where the client is on the leader; for all others it is on a follower."""

Write = Callable[[NorthboundTransaction], object]


def _count(tx: NorthboundTransaction) -> None:
    row = tx.get(LogicalSwitch, name="counted")
    tx.update(row, external_ids=Put({"count": str(int(row.external_ids["count"]) + 1)}))


WRITES: dict[str, Write] = {
    "insert": lambda tx: tx.insert(LogicalSwitch(name="inserted")),
    "set": lambda tx: tx.update(tx.get(LogicalSwitch, name="set"), name="was set"),
    "mutate": lambda tx: tx.update(
        tx.get(LogicalSwitch, name="mutated"), ports=Add(tx.insert(LogicalSwitchPort(name="p")))
    ),
    "count": _count,
    "delete": lambda tx: tx.delete(tx.get(LogicalSwitch, name="deleted")),
}


@pytest.fixture
def patient_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Heartbeats reach the crash points as well: the longer they take, the surer it is a write that does."""
    with Cluster(tmp_path / "cluster", election_timer=2.0) as cluster:
        yield cluster


def fill(nb: Northbound) -> None:
    with nb.transaction() as tx:
        for name in ("set", "mutated", "deleted"):
            tx.insert(LogicalSwitch(name=name))
        tx.insert(LogicalSwitch(name="counted", external_ids={"count": "1"}))


def crash(cluster: Cluster, point: str, writes: dict[str, Write]) -> None:
    """Have a member die at a point with these writes in flight, bring it back, and wait for all of them to end well."""
    leader = cluster.leader()
    follower = cluster.followers()[0]
    client_on = leader if point in ON_LEADER else follower
    dies = leader if CRASH_POINTS[point][0] == "leader" else follower
    with Northbound.connect(cluster.remote_of(client_on), timeout=60) as nb, ThreadPoolExecutor(len(writes)) as pool:
        fill(nb)
        cluster.wait_joined()
        together = threading.Barrier(len(writes) + 1)

        def commit(write: Write) -> None:
            together.wait(10)
            nb.transact(write)

        running = [pool.submit(commit, write) for write in writes.values()]
        if point == SNAPSHOT:
            _away_during_a_snapshot(cluster, dies, point, lambda: together.wait(10))
        else:
            cluster.failure_test(dies, point)
            together.wait(10)
        process = cluster.servers[dies].process
        assert process.wait(20), f"no crash at {point}"
        assert process.returncode != 0
        assert CRASH_POINTS[point][1] in process.last_words()
        cluster.restart_all()
        for future in running:
            future.result(60)


def _away_during_a_snapshot(cluster: Cluster, follower: int, point: str, write: Callable[[], object]) -> None:
    """The client's own member comes back to a leader that has a snapshot for it, and dies before it says so."""
    cluster.kill(follower)
    # The client is on that member alone and cannot write now; what another writes makes the snapshot a newer one.
    operation = {"op": "insert", "table": "Address_Set", "row": {"name": "meanwhile"}}
    call(cluster.servers[cluster.leader()].socket, "transact", [cluster.database, operation], timeout=10)
    write()
    cluster.control(cluster.leader(), "ovsdb-server/compact", timeout=10.0)
    cluster.restart_to_crash(follower, point)


def check(cluster: Cluster, writes: dict[str, Write]) -> None:
    """Each write has had its effect once."""
    expected = {
        "inserted": "insert" in writes,
        "set": "set" not in writes,
        "was set": "set" in writes,
        "mutated": True,
        "counted": True,
        "deleted": "delete" not in writes,
    }
    assert switch_names(cluster) == sorted(name for name, there in expected.items() if there)
    rows = {row["name"]: row for row in cluster.select(cluster.leader(), "Logical_Switch")}
    assert rows["counted"]["external_ids"] == ["map", [["count", "2" if "count" in writes else "1"]]]
    assert len(cluster.select(cluster.leader(), "Logical_Switch_Port", ["name"])) == ("mutate" in writes)
    cluster.check()


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_s1_every_kind_of_write_is_applied_once_whatever_dies_where(patient_cluster: Cluster, point: str) -> None:
    crash(patient_cluster, point, WRITES)
    check(patient_cluster, WRITES)


@pytest.mark.long
@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_s1_each_kind_of_write_alone_is_applied_once_whatever_dies_where(tmp_path: Path, point: str, kind: str) -> None:
    with Cluster(tmp_path / "cluster", election_timer=4.0) as cluster:
        writes = {kind: WRITES[kind]}
        crash(cluster, point, writes)
        check(cluster, writes)
