"""A real RAFT cluster of ovsdb-server on Unix sockets: made, hurt, healed, looked at and taken away by a test."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import attrs

from ovnkit.ovsdb.server import Server, find_program, find_schema

__all__ = ["Cluster", "Status", "call", "select"]

_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 2.0
_DECODER = json.JSONDecoder()

T = TypeVar("T")


@attrs.frozen
class Status:
    """What ``cluster/status`` says of one member."""

    cluster_id: UUID
    server_id: UUID
    address: str
    status: str
    """``cluster member``, or what keeps it from being one."""
    role: str
    """leader, follower or candidate."""
    term: int
    leader: str
    """``self``, the beginning of a server id, or ``unknown``."""
    text: str

    @property
    def joined(self) -> bool:
        """Whether it is a member that knows a leader."""
        return self.status == "cluster member" and self.leader != "unknown"


class Cluster:
    """``members`` servers of one clustered database, numbered from 0, each with its Unix sockets in ``directory``.

    ``schema`` is the name of an installed schema file or a path. ``election_timer`` is in seconds. Every process dies
    with the program that started it. ::

        with Cluster(tmp_path) as cluster:
            nb = Northbound.connect(cluster.remote)
            cluster.kill(cluster.leader())
            cluster.leader()            # waits for the next one
            cluster.restart_all()
    """

    def __init__(
        self,
        directory: Path,
        *,
        members: int = 3,
        schema: str | Path = "ovn-nb.ovsschema",
        election_timer: float = 1.0,
        name: str = "s",
        timeout: float = 30.0,
    ) -> None:
        self.directory = directory.absolute()
        self.schema = Path(schema) if "/" in str(schema) else find_schema(str(schema))
        self.database = str(json.loads(self.schema.read_text())["name"])
        self.election_timer = election_timer
        self.timeout = timeout
        self.servers = [
            Server(self.directory / f"{name}{number}.db", self.schema, run_dir=self.directory, name=f"{name}{number}")
            for number in range(1, members + 1)
        ]
        self._stopped: set[int] = set()

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            return self.create()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self) -> Self:
        """Make the databases, start the servers, and wait until all are members that know the leader."""
        self.directory.mkdir(parents=True, exist_ok=True)
        timer = f"--election-timer={round(self.election_timer * 1000)}"
        first = self.servers[0]
        _tool(timer, "create-cluster", str(first.database), str(self.schema), self.raft_address(0))
        first.start()
        self.leader()
        for index, server in enumerate(self.servers[1:], start=1):
            addresses = self.raft_address(index), self.raft_address(0)
            _tool("join-cluster", str(server.database), self.database, *addresses)
            server.launch()
        for server in self.servers[1:]:
            server.wait_ready()
        self.wait_joined()
        return self

    def close(self) -> None:
        """Kill every server. The files stay, for whoever wants to look at them."""
        for server in self.servers:
            server.kill()

    # -- for clients -----------------------------------------------------------------------------------------------

    @property
    def remote(self) -> str:
        """All members, as a client's connection string."""
        return ",".join(server.remote for server in self.servers)

    def remote_of(self, *indexes: int) -> str:
        """Some members, as a client's connection string."""
        return ",".join(self.servers[index].remote for index in indexes)

    @property
    def cluster_id(self) -> UUID:
        """The id of the cluster, from its first database file."""
        return UUID(_tool("db-cid", str(self.servers[0].database)).strip())

    # -- faults ----------------------------------------------------------------------------------------------------

    def kill(self, index: int) -> None:
        """SIGKILL; returns when the process has ended."""
        self.servers[index].kill()
        self._stopped.discard(index)

    def exit(self, index: int) -> None:
        """Have a member end cleanly, which hands leadership over; it stays in the cluster."""
        self.control(index, "exit")
        if not self.servers[index].process.wait(self.timeout):
            raise TimeoutError(f"{self.servers[index].name} did not exit")

    def stop(self, index: int) -> None:
        """SIGSTOP."""
        self.servers[index].process.signal(signal.SIGSTOP)
        self._stopped.add(index)

    def cont(self, index: int) -> None:
        """SIGCONT."""
        self.servers[index].process.signal(signal.SIGCONT)
        self._stopped.discard(index)

    def restart(self, index: int, *, wait: bool = True) -> None:
        """Start a member that has ended, on the same sockets and files; ``wait``: until it knows the leader."""
        self.launch(index)
        self.servers[index].wait_ready()
        if wait:
            self.wait_joined(index)

    def launch(self, index: int) -> None:
        """Start a member that has ended without waiting for anything."""
        server = self.servers[index]
        # A killed server leaves its sockets behind.
        for path in (server.control, Path(self.raft_address(index).removeprefix("unix:"))):
            if not server.running:
                path.unlink(missing_ok=True)
        server.launch()

    def restart_to_crash(self, index: int, point: str) -> None:
        """Start a follower that is to crash at a point as soon as the leader speaks to it.

        The leader is stopped until the follower knows where to die, for less than an election.
        """
        leader = self.leader()
        self.stop(leader)
        try:
            self.restart(index, wait=False)
            self.failure_test(index, point)
        finally:
            self.cont(leader)

    def restart_all(self) -> None:
        """Start all members that have ended, let those that are stopped go on, and wait until all know the leader."""
        for index in list(self._stopped):
            self.cont(index)
        for index in range(len(self.servers)):
            self.launch(index)
        for server in self.servers:
            server.wait_ready()
        self.wait_joined()

    def failure_test(self, index: int, point: str) -> str:
        """``cluster/failure-test``: crash-before-sending-append-request, stop-raft-rpc, clear, and so on."""
        return self.control(index, "cluster/failure-test", point)

    def transfer_leadership(self, index: int | None = None) -> int:
        """Have the leader hand leadership over; returns the next leader.

        A member takes it only where its log is as long as the leader's, so it is asked again until it has happened.
        """
        before = self.leader() if index is None else index
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            self.failure_test(before, "transfer-leadership")
            asked = time.monotonic()
            while time.monotonic() - asked < 1.0:
                now = self._leader()
                if now is not None and now != before:
                    return now
                time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"{self.servers[before].name} did not hand leadership over")

    # -- looking ---------------------------------------------------------------------------------------------------

    def raft_address(self, index: int) -> str:
        """Where a member listens to the others."""
        return f"unix:{self.directory / self.servers[index].name}.raft"

    def pid(self, index: int) -> int:
        return self.servers[index].process.pid

    def running(self) -> list[int]:
        """The members that run, stopped ones included."""
        return [index for index, server in enumerate(self.servers) if server.running]

    def control(self, index: int, command: str, *arguments: str, timeout: float = _ANSWER_SECONDS) -> str:
        """What a member answers to a command of ``ovs-appctl``."""
        return str(call(self.servers[index].control, command, list(arguments), timeout=timeout))

    def status(self, index: int) -> Status:
        """What a member knows of the cluster. Raises OSError where it does not answer."""
        text = self.control(index, "cluster/status", self.database)
        lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(" "))
        return Status(
            cluster_id=_full_id(lines.get("Cluster ID", "")),
            server_id=_full_id(lines.get("Server ID", "")),
            address=lines.get("Address", ""),
            status=lines.get("Status", ""),
            role=lines.get("Role", ""),
            term=int(lines.get("Term", 0)),
            leader=lines.get("Leader", "unknown"),
            text=text,
        )

    def leader(self, timeout: float | None = None) -> int:
        """The member that leads, as soon as there is one. Raises TimeoutError."""
        return self._until(self._leader, "no leader", timeout)

    def followers(self, timeout: float | None = None) -> list[int]:
        """The members that run, go on and do not lead, as soon as there is a leader."""
        leader = self.leader(timeout)
        return [index for index in self.running() if index != leader and index not in self._stopped]

    def wait_joined(self, *indexes: int, timeout: float | None = None) -> None:
        """Wait until these members, or all that run, know the leader. Raises TimeoutError."""

        def joined() -> bool | None:
            asked = [index for index in indexes or self.running() if index not in self._stopped]
            found = [self._ask(index) for index in asked]
            return all(status is not None and status.joined for status in found) or None

        self._until(joined, "members do not know a leader", timeout)

    def wait_caught_up(self, timeout: float | None = None) -> None:
        """Wait until all members are connected and have all that the leader has now. Raises TimeoutError."""
        wanted: list[int] = []

        def caught_up() -> bool | None:
            leader = self._leader()
            status = None if leader is None else self._ask(leader)
            if status is None:
                return None
            if not wanted:
                wanted.append(int(re.findall(r"^Log: \[\d+, (\d+)\]", status.text, re.MULTILINE)[0]) - 1)
            # In parentheses: a connection that is not there.
            members = [self._ask(index) for index in self.running()]
            connected = all(member is not None and "(->" not in member.text for member in members)
            has = [int(index) for index in re.findall(r" match_index=(\d+)", status.text)]
            return (connected and len(has) == len(self.servers) and min(has) >= wanted[0]) or None

        self._until(caught_up, "members have not caught up", timeout)

    def select(self, index: int, table: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """All rows of a table as this member answers, in JSON form; ``_uuid`` is always among the columns."""
        return select(self.servers[index].socket, self.database, table, columns)

    def check(self) -> None:
        """Check the files of all members with ``ovsdb-tool check-cluster``. Raises CalledProcessError."""
        _tool("check-cluster", *(str(server.database) for server in self.servers))

    def _ask(self, index: int) -> Status | None:
        try:
            return self.status(index)
        except OSError:
            return None

    def _leader(self) -> int | None:
        asked = [index for index in self.running() if index not in self._stopped]
        found = {index: status for index in asked if (status := self._ask(index)) is not None}
        leaders = [index for index, status in found.items() if status.role == "leader"]
        # A leader that was cut off goes on to believe that it is one for a while.
        return max(leaders, key=lambda index: found[index].term) if leaders else None

    def _until(self, look: Callable[[], T | None], what: str, timeout: float | None) -> T:
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                words = [f"{server.name}: {server.process.last_words()[-300:]}" for server in self.servers[:1]]
                raise TimeoutError(f"{what} after {seconds:g} s; {'; '.join(words)}")
            time.sleep(_POLL_SECONDS)
        return found


def call(path: Path, method: str, params: list[Any], *, timeout: float = _ANSWER_SECONDS) -> Any:
    """The result of one JSON-RPC request on a Unix socket. Raises OSError where there is none, or an error."""
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(json.dumps({"method": method, "params": params, "id": 0}).encode())
        data = bytearray()
        while True:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            part = connection.recv(1 << 20)
            if not part:
                raise OSError(f"{path} closed the connection before it answered {method}")
            data += part
            if not part.rstrip().endswith(b"}"):
                continue
            try:
                reply, _ = _DECODER.raw_decode(data.decode())
            except ValueError:
                continue
            if reply.get("error") is not None:
                raise OSError(f"{path} answered {method} with {reply['error']}")
            return reply["result"]


def select(
    path: Path, database: str, table: str, columns: Sequence[str] | None = None, *, timeout: float = 30.0
) -> list[dict[str, Any]]:
    """All rows of a table, in JSON form. ``_uuid`` is always among the columns: select gives distinct rows only."""
    operation: dict[str, Any] = {"op": "select", "table": table, "where": []}
    if columns is not None:
        operation["columns"] = sorted({"_uuid", *columns})
    (result,) = call(path, "transact", [database, operation], timeout=timeout)
    if "error" in result:
        raise OSError(f"{path} answered a select of {table} with {result}")
    rows: list[dict[str, Any]] = result["rows"]
    return rows


def _full_id(text: str) -> UUID:
    """The whole id out of ``5f8a (5f8a9c1e-...)``; zero where there is none yet."""
    _, bracket, rest = text.partition("(")
    return UUID(rest.rstrip(")")) if bracket else UUID(int=0)


def _tool(*arguments: str) -> str:
    program = find_program("ovsdb-tool") or "ovsdb-tool"
    done = subprocess.run([program, "-vconsole:off", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    return done.stdout
