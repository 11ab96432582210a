"""Rules about the files of the central databases, and about the clusters that these are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from shlex import quote
from typing import Final

from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES
from ovnkit.deploy.preflight.facts import Unread
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule

__all__ = ["CLUSTER_RULES"]

_ELSEWHERE: Final = "the central databases run elsewhere"
_NO_MEMBER: Final = "the spec does not name it as a member of the central services"
_NO_CLUSTER: Final = "the central databases are not clustered"
_STATUS: Final = "ovsdb-server(1), cluster/status"
_SLOW: Final = 20.0
_BEATS: Final = 3
"""How many times a leader is heard of in the time of an election."""
_BEHIND: Final = 100


@rule(
    "database-sync",
    about="any",
    severity="error",
    what="The disk of the central databases takes a write within 20 ms.",
    why="Every transaction waits until the leader and half of the others have it on their disks, and a server does"
    " nothing else meanwhile: where it takes a third of the election timer (an error), a leader's signs of life come"
    " late, and others are elected again and again.",
    remedy="Give /var/lib/ovn a fast disk of its own; `ovnkit central election-timer FILE MILLISECONDS`",
    document="ovsdb(7), Clustered Database Service Model",
)
def _database_sync(subject: Subject) -> Answer:
    if not subject.runs_central:
        return needless(_ELSEWHERE)
    took = subject.facts.sync.value
    if took is None:
        raise Unread("it was not tried, for no database is there, and the spec does not say that one is to be")
    seen = f"{took:.1f} ms"
    central = subject.spec.central
    if central.clustered and took >= central.election_timer / _BEATS:
        mend = f"a faster disk, or: ovnkit central election-timer FILE {2 * central.election_timer}"
        seen = f"{seen}, with an election timer of {central.election_timer} ms"
        return broken(seen, mend, severity="error")
    return broken(seen, "a faster disk", severity="warning") if took > _SLOW else holds(seen)


@rule(
    "database-file",
    about="any",
    severity="error",
    what="No file of a database is mounted by itself.",
    why="From time to time ovsdb-server writes a smaller file beside it, and puts that in its place. With a mount that"
    " cannot be done: the file grows until the disk is full.",
    remedy="Give the container the directory, not the file: `-v /var/lib/ovn:/var/lib/ovn`",
    document="ovsdb-server(1), ovsdb-server/compact; rename(2)",
)
def _database_file(subject: Subject) -> Answer:
    servers = subject.facts.running("ovsdb-server")
    found = [f"{path} of {server}" for server in servers for path in server.pinned]
    if found:
        return broken(", ".join(found), "mount the directory instead of the file", severity="error")
    return holds("none is" if servers else "no server runs yet")


@rule(
    "central-schema",
    about="any",
    severity="warning",
    what="The central databases have the schemas that are installed on their hosts.",
    why="Packages that are upgraded bring a schema, and nobody converts a clustered database to it. What is new in the"
    " release does not work until then; with an older release on one host, a conversion would end that member.",
    remedy="`ovnkit central convert FILE DIRECTORY`, when all members have the release",
    document="ovsdb(7), Upgrading or Downgrading a Database",
)
def _central_schema(subject: Subject) -> Answer:
    return _by_status(subject, lambda one: _schema_trouble(subject, one), clustered=False)


def _schema_trouble(subject: Subject, status: MemberStatus) -> tuple[str, str] | None:
    installed = subject.facts.schemas.value.get(status.database)
    if installed is None:
        raise Unread(f"no schema of {status.database} is installed")
    if installed == status.schema_version:
        return None
    mend = "ovnkit central convert FILE DIRECTORY, when all members have the release"
    return f"{status.database} has {status.schema_version}, and {installed} is installed", mend


@rule(
    "cluster-member",
    about="any",
    severity="error",
    what="The host's servers are members of their clusters, connected, and know who leads.",
    why="One that is not serves nobody: its clients go to others, and one failure more may be too many.",
    remedy="`ovnkit central create FILE`; `ovnkit central replace FILE HOST` for one whose files are lost",
    document=_STATUS,
)
def _cluster_member(subject: Subject) -> Answer:
    return _by_status(subject, lambda one: _member_trouble(subject, one), severity="error")


def _member_trouble(subject: Subject, status: MemberStatus) -> tuple[str, str] | None:
    if not status.clustered:
        return f"{status.database} is {status.model}", "ovnkit central restore FILE DIRECTORY, of a backup"
    if status.connected and status.status == "cluster member":
        return None
    why = "it has yet to join" if status.status.startswith("joining") else "it knows of no majority"
    return f"{status}: {why}", f"ovnkit central create FILE, or: ovnkit central replace FILE {quote(subject.name)}"


@rule(
    "cluster-servers",
    about="any",
    severity="warning",
    what="The servers of a cluster are the members that the spec names, each once, and the leader hears of them.",
    why="Who is listed counts for the majority, alive or not: a dead server, or one that was made anew beside its old"
    " self, uses up a failure that the cluster could have borne.",
    remedy="`ovnkit central leave FILE HOST --gone`; `ovnkit central replace FILE HOST`; of one that the spec does not"
    " name `ovn-appctl -t SOCKET cluster/kick DATABASE SERVER`",
    document=_STATUS,
)
def _cluster_servers(subject: Subject) -> Answer:
    return _by_status(subject, lambda one: _server_trouble(subject, one))


def _server_trouble(subject: Subject, status: MemberStatus) -> tuple[str, str] | None:
    if status.status != "cluster member":
        raise Unread(str(status))
    central, database = subject.spec.central, next(one for one in DATABASES if one.name == status.database)
    wanted = {central.raft(member, database): member.host for member in central.members}
    listed = [peer.address for peer in status.peers]
    for address, host in wanted.items():
        if address not in listed:
            return f"{status.database} has no server at {address}", f"ovnkit central join FILE {quote(host)}"
    for peer in status.peers:
        kick = f"ovn-appctl -t {database.stem}.ctl cluster/kick {status.database} {peer.server_id}"
        host = quote(wanted.get(peer.address, ""))
        if listed.count(peer.address) > 1 or peer.address not in wanted:
            often = "more than once" if peer.address in wanted else "which the spec does not name"
            return f"{status.database} has {peer.server_id} at {peer.address}, {often}", kick
        if status.leader and not status.hears(peer):
            mend = f"ovnkit central create FILE, or: ovnkit central replace FILE {host}"
            return f"{status.database} does not hear of {host} at {peer.address}", mend
    return None


@rule(
    "cluster-log",
    about="any",
    severity="warning",
    what="The host's servers have committed and applied what is in their logs, all but a hundred entries.",
    why="One that is that far behind shows its clients what was, and cannot take over.",
    remedy="A faster disk or network; `ovnkit central replace FILE HOST` where it does not catch up",
    document=_STATUS,
)
def _cluster_log(subject: Subject) -> Answer:
    return _by_status(subject, _log_trouble)


def _log_trouble(status: MemberStatus) -> tuple[str, str] | None:
    if max(status.uncommitted, status.unapplied) <= _BEHIND:
        return None
    seen = f"{status.database}: {status.uncommitted} entries not committed, {status.unapplied} not applied"
    return seen, "look again; where it does not catch up: ovnkit central replace"


def _by_status(
    subject: Subject,
    trouble: Callable[[MemberStatus], tuple[str, str] | None],
    *,
    severity: str = "warning",
    clustered: bool = True,
) -> Answer:
    """What is the matter with the databases of a member; unknown where one cannot be asked and no other has any."""
    if subject.member is None:
        return needless(_NO_MEMBER)
    if clustered and not subject.spec.central.clustered:
        return needless(_NO_CLUSTER)
    statuses = subject.services.value
    found = [one for status in statuses if not status.problem for one in _said(trouble(status))]
    if found:
        seen, mends = "; ".join(seen for seen, _ in found), dict.fromkeys(mend for _, mend in found)
        return broken(seen, "; ".join(mends), severity="error" if severity == "error" else "warning")
    for status in statuses:
        if status.problem is not None:
            raise Unread(str(status))
    return holds("; ".join(map(str, statuses)))


def _said(found: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    if found is not None:
        yield found


CLUSTER_RULES: Final[tuple[Rule, ...]] = (
    _database_sync,
    _database_file,
    _central_schema,
    _cluster_member,
    _cluster_servers,
    _cluster_log,
)
