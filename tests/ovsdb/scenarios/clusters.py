"""Where a client is in a cluster, and what a cluster holds, seen without ovnkit."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from tests.cluster import Cluster, select

__all__ = ["member_of_the_only_client", "says_connected", "switch_names", "until"]


def until(holds: Callable[[], object], timeout: float, what: str = "") -> float:
    """Wait until it holds; returns the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < timeout, what or f"not within {timeout:g} s"
        time.sleep(0.01)
    return time.monotonic() - began


def sessions(cluster: Cluster, index: int) -> int:
    """How many clients are connected to a member."""
    found = re.search(r"\bsessions:(\d+)", cluster.control(index, "memory/show"))
    return int(found[1]) if found else 0


def member_of_the_only_client(cluster: Cluster) -> int:
    """The member that the one client is connected to."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [index for index in cluster.running() if sessions(cluster, index)]
        return len(found) == 1

    until(look, 10, "not exactly one member with a client")
    return found[0]


def says_connected(cluster: Cluster, index: int) -> bool:
    """What a member tells its clients: it takes a few elections that fail until it says that it is cut off."""
    rows = select(cluster.servers[index].socket, "_Server", "Database", ["name", "connected"])
    return any(row["connected"] for row in rows if row["name"] == cluster.database)


def switch_names(cluster: Cluster, index: int | None = None) -> list[str]:
    """The names of all switches as a member answers; a row that is there twice is here twice."""
    asked = cluster.leader() if index is None else index
    return sorted(row["name"] for row in cluster.select(asked, "Logical_Switch", ["name"]))
