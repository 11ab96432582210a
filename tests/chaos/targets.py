"""What the campaign writes to: a cluster of three, or a standalone server in its place."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Self, TypeAlias

from ovnkit.ovsdb.server import Server, find_schema
from tests.chaos.content import Content, differences, server_content
from tests.cluster import Cluster

__all__ = ["DATABASE", "ClusterTarget", "StandaloneTarget", "Target"]

DATABASE = "OVN_Northbound"
_SCHEMA = "ovn-nb.ovsschema"
_AGREE_SECONDS = 15.0
_SETTLE_SECONDS = 1.0


class ClusterTarget:
    """Three members."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory, schema=_SCHEMA, election_timer=1.0)

    def __enter__(self) -> Self:
        self.cluster.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.close()

    @property
    def remote(self) -> str:
        return self.cluster.remote

    @property
    def sockets(self) -> list[Path]:
        return [server.socket for server in self.cluster.servers]

    def sessions(self, index: int) -> int:
        """How many clients are connected to a member."""
        found = re.search(r"\bsessions:(\d+)", self.cluster.control(index, "memory/show"))
        return int(found[1]) if found else 0

    def busiest_follower(self) -> int:
        """The follower with the most clients.

        A leader that has them all hands leadership over, as often as there are members: some clients go after it.
        """
        attempts = len(self.sockets)
        while True:
            attempts -= 1
            follower = max(self.cluster.followers(), key=self.sessions)
            if attempts == 0 or self.sessions(follower):
                return follower
            self.cluster.transfer_leadership()

    def content(self) -> Content:
        """What all members hold. Raises AssertionError where they do not come to agree."""
        if len(self.cluster.running()) < len(self.cluster.servers):
            # ovsdb-server 3.1 may end by itself some time after ``stop-raft-rpc``: that is a fault like the others.
            self.cluster.restart_all()
        # What was reported as not applied is not to appear later, from a server that had it in hand.
        time.sleep(_SETTLE_SECONDS)
        deadline = time.monotonic() + _AGREE_SECONDS
        while True:
            truth, *others = (server_content(path, DATABASE) for path in self.sockets)
            wrong = next((words for other in others for words in differences(truth, other)), None)
            if wrong is None:
                return truth
            assert time.monotonic() < deadline, f"members of the cluster do not come to hold the same: {wrong}"
            time.sleep(0.02)

    def check(self) -> None:
        """``ovsdb-tool check-cluster`` over the files of all members."""
        self.cluster.check()


class StandaloneTarget:
    """One server without RAFT."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory / "nb.db", find_schema(_SCHEMA), run_dir=directory, name="nb")

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    @property
    def remote(self) -> str:
        return self.server.remote

    @property
    def sockets(self) -> list[Path]:
        return [self.server.socket]

    def stop(self) -> None:
        self.server.process.signal(signal.SIGSTOP)

    def cont(self) -> None:
        self.server.process.signal(signal.SIGCONT)

    def content(self) -> Content:
        """What it holds."""
        return server_content(self.server.socket, DATABASE)

    def check(self) -> None:
        """The file can be read back: a server that starts on it holds the same."""
        before = self.content()
        self.server.kill()
        self.server.start()
        assert not list(differences(before, self.content())), "the file holds something else than the server did"


Target: TypeAlias = ClusterTarget | StandaloneTarget
