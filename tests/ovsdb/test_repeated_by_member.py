"""A member of a cluster repeats by itself what it had sent to a leader that is none any more.

If the next leader had that in its log, the member refuses the repetition, and so what it has applied. It takes a rare
order of events, so a proxy plays the member: it has the server carry out what it passes on once before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, OutcomeUnknown
from ovnkit.northbound import LogicalSwitch
from tests.cluster import Cluster, call
from tests.ovsdb.proxy import Proxy

LONG = 0.15


@pytest.fixture
def proxy(nb_cluster: Cluster, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path / "member.sock", nb_cluster.servers[nb_cluster.leader()].socket) as proxy:
        yield proxy


@pytest.fixture
def nb(proxy: Proxy) -> Iterator[Northbound]:
    with Northbound.connect(proxy.remote, timeout=20) as nb:
        nb.add_switch("web")
        yield nb


def repeat(proxy: Proxy, cluster: Cluster, seconds: float = 0.0) -> None:
    """Have the next write carried out twice, with so much time between."""
    socket = cluster.servers[cluster.leader()].socket

    def first() -> None:
        proxy.before_write = lambda: None
        for result in call(socket, "transact", [cluster.database, *proxy.transacts[-1]], timeout=5):
            assert "error" not in result
        time.sleep(seconds)

    proxy.before_write = first


@pytest.mark.parametrize("seconds", [0.0, LONG])
def test_an_insert_is_applied(nb: Northbound, proxy: Proxy, nb_cluster: Cluster, seconds: float) -> None:
    repeat(proxy, nb_cluster, seconds)
    with nb.transaction() as tx:
        ref = tx.insert(LogicalSwitch(name="new"))
    nb.wait(LogicalSwitch, name="new", timeout=5)
    assert [row.ref for row in nb.find(LogicalSwitch, name="new")] == [ref]


@pytest.mark.parametrize("seconds", [0.0, LONG])
def test_a_change_beside_an_insert_is_applied(
    nb: Northbound, proxy: Proxy, nb_cluster: Cluster, seconds: float
) -> None:
    repeat(proxy, nb_cluster, seconds)
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), other_config={"a": "1"})
        tx.insert(LogicalSwitch(name="new"))
    nb.wait(LogicalSwitch, name="web", other_config={"a": "1"}, timeout=5)


def test_a_deletion_is_applied(nb: Northbound, proxy: Proxy, nb_cluster: Cluster) -> None:
    repeat(proxy, nb_cluster, LONG)
    with nb.transaction() as tx:
        tx.delete(tx.get(LogicalSwitch, name="web"))
    nb.wait_gone(LogicalSwitch, name="web", timeout=5)


def test_a_change_alone_is_unknown_and_resolved_as_applied(nb: Northbound, proxy: Proxy, nb_cluster: Cluster) -> None:
    repeat(proxy, nb_cluster, LONG)
    with pytest.raises(OutcomeUnknown, match="another writer may have set the same") as caught, nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), other_config={"a": "1"})
    assert caught.value.resolve(5)


@pytest.mark.parametrize("seconds", [0.0, LONG])
def test_a_conflict_with_another_writer_is_a_conflict(
    nb: Northbound, proxy: Proxy, nb_cluster: Cluster, seconds: float
) -> None:
    with Northbound.connect(nb_cluster.remote, timeout=20) as other:

        def interfere() -> None:
            proxy.before_write = lambda: None
            other.add_switch("web", other_config={"a": "2"})
            time.sleep(seconds)

        proxy.before_write = interfere
        tx = nb.transaction()
        tx.update(tx.get(LogicalSwitch, name="web"), other_config={"a": "1"})
        tx.insert(LogicalSwitch(name="new"))
        with pytest.raises(Conflict):
            tx.commit()
    assert not nb.find(LogicalSwitch, name="new")


def test_a_counter_of_two_writers_goes_on(nb: Northbound, nb_cluster: Cluster) -> None:
    """The same value by another writer is no repetition: the answer came at once."""
    row = nb.get(LogicalSwitch, name="web")
    with Northbound.connect(nb_cluster.remote, timeout=20) as other:
        other.add_switch("web", other_config={"n": "1"})
    nb.wait(LogicalSwitch, name="web", other_config={"n": "1"}, timeout=5)
    with pytest.raises(Conflict), nb.transaction() as tx:
        tx.update(row, other_config={"n": "1"})
