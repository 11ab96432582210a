"""S8: a cluster that was rebuilt from a backup at the same address is another cluster."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ovnkit import Northbound
from ovnkit.errors import ConnectionFailed, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import find_program
from tests.cluster import Cluster
from tests.ovsdb.scenarios.clusters import until


def insert(nb: Northbound, name: str, timeout: float | None = None) -> None:
    with nb.transaction(timeout=timeout) as tx:
        tx.insert(LogicalSwitch(name=name))


def names(nb: Northbound) -> list[str]:
    return sorted(row.name for row in nb.find(LogicalSwitch))


def back_up(cluster: Cluster) -> Path:
    """The content as a standalone database, by the tool that operators use for it."""
    backup = cluster.directory / "backup.db"
    program = find_program("ovsdb-tool") or "ovsdb-tool"
    source = cluster.servers[cluster.leader()].database
    subprocess.run([program, "cluster-to-standalone", str(backup), str(source)], check=True, capture_output=True)
    return backup


def rebuild(cluster: Cluster, backup: Path) -> UUID:
    """Make the cluster anew, from the backup, with the same addresses; returns its new id."""
    old = cluster.cluster_id
    for index in cluster.running():
        cluster.kill(index)
    for server in cluster.servers:
        for path in cluster.directory.glob(f"{server.name}.*"):
            path.unlink()
    cluster.schema = backup
    cluster.create()
    assert cluster.cluster_id != old
    return cluster.cluster_id


@pytest.fixture
def backup(nb_cluster: Cluster) -> Path:
    """Taken with three rows in the database; what comes later is not in it."""
    with Northbound.connect(nb_cluster.remote, timeout=10) as nb:
        for name in ("a", "b", "c"):
            insert(nb, name)
        saved = back_up(nb_cluster)
        # The old cluster's log is much longer than that of the new one, which stock clients then call stale.
        for number in range(30):
            insert(nb, f"later{number}")
    return saved


def test_s8_a_rebuilt_cluster_is_noticed_and_synchronised_in_full(nb_cluster: Cluster, backup: Path) -> None:
    with Northbound.connect(nb_cluster.remote, timeout=30) as nb, nb.watch(LogicalSwitch) as events:
        for _ in range(33):
            assert events.next(5).initial
        rebuild(nb_cluster, backup)
        # Never "stale data" for ever.
        until(lambda: nb.state == "ready" and names(nb) == ["a", "b", "c"], 8)
        gone = [events.next(5) for _ in range(30)]
        assert {event.kind for event in gone} == {"delete"}
        assert {event.row.name for event in gone} == {f"later{number}" for number in range(30)}
        insert(nb, "new")
        event = events.next(5)
        assert (event.kind, event.row.name) == ("insert", "new")
    with Northbound.connect(nb_cluster.remote, timeout=10) as fresh:
        assert names(fresh) == ["a", "b", "c", "new"]


def test_s8_a_rebuilt_cluster_is_refused_where_the_id_is_pinned(nb_cluster: Cluster, backup: Path) -> None:
    old = nb_cluster.cluster_id
    with Northbound.connect(nb_cluster.remote, timeout=30, cluster_id=old) as nb:
        before = names(nb)
        new = rebuild(nb_cluster, backup)
        until(lambda: nb.state != "ready", 5)
        began = time.monotonic()
        with pytest.raises((Timeout, ConnectionFailed)) as caught:
            insert(nb, "for the old one", 4)
        assert time.monotonic() - began < 5
        assert "cluster" in str(caught.value)
        # What was read last is still there to be read, and nothing of the other cluster is mixed into it.
        assert names(nb) == before
        assert nb.state == "reconnecting"
        began = time.monotonic()
    assert time.monotonic() - began < 1
    with Northbound.connect(nb_cluster.remote, timeout=10, cluster_id=str(new)) as nb:
        assert names(nb) == ["a", "b", "c"]


@pytest.mark.parametrize("form", [str, UUID])
def test_s8_another_cluster_than_the_pinned_one_is_refused_at_once(nb_cluster: Cluster, form: type[str | UUID]) -> None:
    other = uuid4()
    began = time.monotonic()
    with pytest.raises(ConnectionFailed) as caught:
        Northbound.connect(nb_cluster.remote, timeout=8, cluster_id=form(str(other)))
    assert time.monotonic() - began < 5
    assert str(other) in str(caught.value)
    assert str(nb_cluster.cluster_id) in str(caught.value)


def test_s8_a_write_to_the_old_cluster_whose_reply_was_lost_is_never_applied_twice(
    nb_cluster: Cluster, backup: Path
) -> None:
    """It may have been applied to the old cluster; it is looked up in the new one, and there it is once, as is said."""
    with Northbound.connect(nb_cluster.remote, timeout=30) as nb:
        for index in nb_cluster.running():
            nb_cluster.stop(index)
        tx = nb.transaction(timeout=30)
        tx.insert(LogicalSwitch(name="in flight"))
        answer = tx.submit()
        rebuild(nb_cluster, backup)
        assert answer.exception(30) is None
        insert(nb, "after")
        assert names(nb) == ["a", "after", "b", "c", "in flight"]
