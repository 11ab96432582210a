"""The cluster for tests does to real servers what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch
from tests.cluster import Cluster, call

ROOT = Path(__file__).parent.parent

DIES = """
import os, signal, sys
from pathlib import Path
from tests.cluster import Cluster
with Cluster(Path(sys.argv[1])) as cluster:
    print(*(cluster.pid(index) for index in cluster.running()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def insert(cluster: Cluster, index: int, name: str) -> str:
    """A switch, without ovnkit; returns its uuid."""
    operation = {"op": "insert", "table": "Logical_Switch", "row": {"name": name}}
    (result,) = call(cluster.servers[index].socket, "transact", [cluster.database, operation], timeout=10)
    return str(result["uuid"][1])


def follow_leader(cluster: Cluster) -> None:
    """Ends by the TimeoutError of the first moment without a leader."""
    while True:
        cluster.leader(timeout=0.1)
        time.sleep(0.02)


def test_all_members_have_one_leader_and_one_content(cluster: Cluster) -> None:
    leader = cluster.leader()
    assert sorted([leader, *cluster.followers()]) == cluster.running() == [0, 1, 2]
    assert {cluster.status(index).cluster_id for index in range(3)} == {cluster.cluster_id}
    uuids = {insert(cluster, index, "same") for index in range(3)}
    rows = cluster.select(leader, "Logical_Switch", ["name"])
    assert [row["name"] for row in rows] == ["same"] * 3
    assert {row["_uuid"][1] for row in rows} == uuids
    with Northbound.connect(cluster.remote, timeout=10) as nb:
        assert len(nb.find(LogicalSwitch, name="same")) == 3
    cluster.check()


def test_a_killed_leader_is_followed_by_another_and_comes_back(cluster: Cluster) -> None:
    insert(cluster, 0, "before")
    killed = cluster.leader()
    cluster.kill(killed)
    leader = cluster.leader()
    assert leader != killed
    assert killed not in cluster.running()
    insert(cluster, leader, "meanwhile")
    cluster.restart(killed)
    assert cluster.status(killed).joined
    # What a member has missed comes after it has joined.
    deadline = time.monotonic() + 10
    while len(cluster.select(killed, "Logical_Switch", ["name"])) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stopped_leader_loses_its_role_and_goes_on_as_a_follower(cluster: Cluster) -> None:
    stopped = cluster.leader()
    cluster.stop(stopped)
    leader = cluster.leader()
    assert leader != stopped
    assert stopped in cluster.running()
    assert stopped not in cluster.followers()
    cluster.cont(stopped)
    cluster.wait_joined(stopped)
    assert cluster.leader() == leader


def test_leadership_goes_over_without_a_fault(cluster: Cluster) -> None:
    before = cluster.leader()
    after = cluster.transfer_leadership()
    assert after != before
    assert cluster.leader() == after
    assert cluster.running() == [0, 1, 2]


def test_a_member_crashes_at_the_point_that_it_was_told(cluster: Cluster) -> None:
    leader = cluster.leader()
    cluster.failure_test(leader, "crash-before-sending-append-request")
    with pytest.raises(OSError, match=r"closed the connection|reset"):
        insert(cluster, leader, "lost")
    assert cluster.servers[leader].process.wait(5)
    assert cluster.servers[leader].process.returncode not in (None, 0)
    cluster.restart_all()
    assert cluster.running() == [0, 1, 2]
    cluster.check()


def test_a_clean_exit_leaves_the_others(cluster: Cluster) -> None:
    gone = cluster.leader()
    cluster.exit(gone)
    assert cluster.servers[gone].process.returncode == 0
    assert cluster.leader() != gone
    assert gone not in cluster.running()
    cluster.restart(gone)
    assert cluster.status(gone).joined


def test_a_lost_majority_is_no_leader_until_it_is_back(cluster: Cluster) -> None:
    for index in cluster.followers():
        cluster.kill(index)
    with pytest.raises(TimeoutError, match="no leader"):
        follow_leader(cluster)
    cluster.restart_all()
    insert(cluster, cluster.leader(), "later")


def test_a_member_that_was_away_is_waited_for_until_it_has_everything(cluster: Cluster) -> None:
    away = cluster.followers()[0]
    cluster.stop(away)
    insert(cluster, cluster.leader(), "meanwhile")
    with pytest.raises(TimeoutError, match="caught up"):
        cluster.wait_caught_up(timeout=0.2)
    cluster.cont(away)
    cluster.wait_caught_up()
    assert "meanwhile" in str(cluster.select(away, "Logical_Switch"))


def test_no_server_outlives_a_program_that_was_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 3
    deadline = time.monotonic() + 5
    while any(_is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    # One that waits to be reaped by the machine's init has ended.
    return state != "Z"
