"""What a member says of itself and of its cluster: ``cluster/status`` and ``_Server`` (ovsdb-server(1), (5))."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from uuid import UUID

import attrs

from ovnkit.errors import NotFound, OvnkitError, ProtocolError

__all__ = ["MemberStatus", "Peer", "Role", "read_status"]

Role = Literal["leader", "follower", "candidate"]
_ROLES: Final[Mapping[str, Role]] = {role: role for role in get_args(Role)}
_SILENT_ELECTIONS: Final = 3
_SHORTEST_SILENCE: Final = 3000
"""Milliseconds: a leader hears of every member three times in the time of an election."""

_PEER: Final = re.compile(r"    (?P<id>[0-9a-f]{4}) \([0-9a-f]{4} at (?P<address>\S+?)\)(?P<rest>.*)")
_LAST_MESSAGE: Final = re.compile(r"last msg (\d+) ms ago")
_MATCH_INDEX: Final = re.compile(r"match_index=(\d+)")
_FULL_ID: Final = re.compile(r"\(([0-9a-f-]{36})\)")


@attrs.frozen(kw_only=True)
class Peer:
    """One server of a cluster as a member sees it.

    ``server_id``: the first four digits. ``last_message``: milliseconds since it was heard of, None where it was not.
    ``match_index``: how far the leader knows it to be, None for what a follower says.
    """

    server_id: str
    address: str
    is_self: bool
    match_index: int | None = None
    last_message: int | None = None


@attrs.frozen(kw_only=True)
class MemberStatus:
    """One database at one member. Truthy when it serves: it runs, is connected, and knows a leader.

    ``problem``: why nothing could be learnt of it. ``status``: ``cluster member``, or what keeps it from being one;
    empty for a standalone database, as is all that is about clusters. ``election_timer``: milliseconds. ``entries``:
    how many changes are in its log, and how many of them are not committed, and not applied.
    """

    host: str
    database: str
    model: str = ""
    connected: bool = False
    leader: bool = False
    schema_version: str = ""
    cluster_id: UUID | None = None
    server_id: UUID | None = None
    address: str = ""
    status: str = ""
    role: Role | None = None
    term: int = 0
    leader_id: str = ""
    election_timer: int | None = None
    log: tuple[int, int] = (0, 0)
    uncommitted: int = 0
    unapplied: int = 0
    peers: tuple[Peer, ...] = ()
    problem: OvnkitError | None = None

    @property
    def clustered(self) -> bool:
        """Whether the database is one of a cluster."""
        return self.model == "clustered"

    def hears(self, peer: Peer) -> bool:
        """Whether this leader has heard of another server lately, or is it itself."""
        if peer.is_self:
            return True
        limit = max(_SHORTEST_SILENCE, _SILENT_ELECTIONS * (self.election_timer or 0))
        return peer.last_message is not None and peer.last_message < limit

    def __bool__(self) -> bool:
        return self.problem is None and self.connected

    def __str__(self) -> str:
        head = f"{self.host} {self.database}"
        if self.problem is not None:
            return f"{head}: {self.problem}"
        if not self.clustered:
            return f"{head}: {self.model}, schema {self.schema_version}"
        state = self.role if self.status == "cluster member" else self.status
        heard = f"{len(self.peers)} servers, term {self.term}, election timer {self.election_timer} ms"
        return f"{head}: {state}{'' if self.connected else ', not connected'}; {heard}, schema {self.schema_version}"


def read_status(host: str, database: str, said: str) -> MemberStatus:
    """The status out of what a server said: rows of ``_Server`` (in JSON), the schema's version, ``cluster/status``.

    ``problem`` is NotFound where the server does not serve the database, as in the first moment after its start, and
    ProtocolError for what cannot be read.
    """
    try:
        rows, version, cluster = said.split("\0")
        (row, *_) = json.loads(rows)[0]["rows"] or [None]
        if row is None:
            return MemberStatus(host=host, database=database, problem=NotFound("Database", {"name": database}))
        asked = cluster if row["model"] == "clustered" else ""
        return _member_status(host, database, row=row, schema_version=version.strip(), cluster=asked)
    except (LookupError, ValueError) as exc:
        problem = ProtocolError(f"{database} of {host}", f"it says {said!r:.200}")
        problem.__cause__ = exc
        return MemberStatus(host=host, database=database, problem=problem)


def _member_status(
    host: str, database: str, *, row: Mapping[str, Any], schema_version: str, cluster: str
) -> MemberStatus:
    """The status out of the row of ``_Server`` (in JSON form) and of what ``cluster/status`` says, if anything."""
    status = MemberStatus(
        host=host,
        database=database,
        model=row["model"],
        connected=row["connected"],
        leader=row["leader"],
        schema_version=schema_version,
        cluster_id=_uuid(row["cid"]),
        server_id=_uuid(row["sid"]),
    )
    if not cluster:
        return status
    lines = dict(line.split(": ", 1) for line in cluster.splitlines() if ": " in line and not line.startswith(" "))
    first, following = (int(number) for number in lines["Log"].strip("[]").split(","))
    return attrs.evolve(
        status,
        cluster_id=status.cluster_id or _full_id(lines["Cluster ID"]),
        server_id=status.server_id or _full_id(lines["Server ID"]),
        address=lines["Address"],
        status=lines["Status"],
        role=_ROLES.get(lines["Role"]),
        term=int(lines["Term"]),
        leader_id=lines["Leader"],
        election_timer=int(lines["Election timer"]) if "Election timer" in lines else None,
        log=(first, following),
        uncommitted=int(lines.get("Entries not yet committed", 0)),
        unapplied=int(lines.get("Entries not yet applied", 0)),
        peers=tuple(_peer(found) for line in cluster.splitlines() if (found := _PEER.match(line))),
    )


def _peer(found: re.Match[str]) -> Peer:
    rest = found["rest"]
    match, message = _MATCH_INDEX.search(rest), _LAST_MESSAGE.search(rest)
    return Peer(
        server_id=found["id"],
        address=found["address"],
        is_self="(self)" in rest,
        match_index=int(match[1]) if match else None,
        last_message=int(message[1]) if message else None,
    )


def _uuid(value: Any) -> UUID | None:
    """A uuid out of an optional column in JSON form."""
    return UUID(value[1]) if value[0] == "uuid" else None


def _full_id(text: str) -> UUID | None:
    found = _FULL_ID.search(text)
    return UUID(found[1]) if found else None
