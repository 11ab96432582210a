"""Members that leave a cluster, by themselves or because they are dead (ovsdb(7), "Clustered")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from ovnkit.deploy.central.create import certificate_steps, member_steps, northd_steps
from ovnkit.deploy.central.mark import no_restore_step
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.status import Peer
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict

__all__ = ["leave", "replace"]

_END_SECONDS: Final = 30.0


def leave(
    spec: Spec,
    host: str,
    *,
    gone: bool = False,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Have a member leave the cluster, and end its servers and its ovn-northd; its files are renamed, not deleted.

    Then take it out of the spec: ``create()`` tells the ovn-northd of the others, ``deploy.plan(spec).apply()`` the
    chassis. A server that has left never comes back; its host may, as a new one (``join()``). ``gone``: the machine
    does not exist any more, and the others take it out. Safe to repeat. ``timeout`` (seconds) holds for each step.

    The report says Conflict where the others could not go on without it, and Timeout where one that is ``gone`` goes on
    to be heard of.
    Raises KeyError for a host that is no member, Conflict where it is the only one or the database is not clustered,
    and HostFailed where it cannot be asked.
    """
    services = Services(spec)
    node = services.node(host)
    _check_clustered(services)
    if gone:
        steps = [step for database in DATABASES for step in _Dead(services, node, database).steps()]
    else:
        northd = node.northd
        ended = Step(
            f"ovn-northd of {host} has ended",
            lambda: not node.runs(northd, as_wanted=False),
            lambda: node.stop(northd, timeout=timeout),
        )
        leaving = [_Leaving(services, node, database, timeout) for database in DATABASES]
        # What stands in the way of the second database is found before the first one is left.
        steps = [
            *(one.check_step() for one in leaving),
            ended,
            *(step for one in leaving for step in one.steps()),
        ]
    title = f"{host} leaves the central services"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def replace(
    spec: Spec,
    host: str,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Put a new server in the place of one that is dead, which is taken out of the cluster; the host then joins it.

    The host is a new machine, or the old one with what is left of its files, which are renamed; it has the same address
    as before. Others that want to serve there, a machine that comes back from the dead, are not let in. A server that
    is alive is left alone. Arguments: as for ``create()``.

    The report says Conflict where nobody leads, for too few members are left to agree on anything: then start them
    (``create()``), or ``restore()``. Timeout where they go on to hear of a server that cannot be asked: it is alive.
    HostFailed where the host cannot be reached: nothing was changed then. Raises KeyError for a host that is no member,
    and Conflict where the databases are not clustered.
    """
    services = Services(spec)
    node = services.node(host)
    _check_clustered(services)
    dead = [_Dead(services, node, database) for database in DATABASES]
    steps = [
        no_restore_step(services.nodes),
        Step(f"{host} can be reached", lambda: node.host.run(["true"]) == ""),
        *certificate_steps(spec, node),
        *(step for one in dead for step in (*one.steps(), *one.replacement())),
        *northd_steps([node]),
    ]
    title = f"{host} is a new member of the central services"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _check_clustered(services: Services) -> None:
    if not services.spec.central.clustered or len(services.nodes) < 2:
        raise Conflict("no cluster", "there is one member alone, which nobody can take the place of")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def _peers(services: Services, node: Node, database: Database) -> list[Peer]:
    """The servers at the address of a node, as the leader has them. Raises Conflict where nobody leads."""
    return [peer for peer in services.leading(database).peers if peer.address == node.raft(database)]


class _Leaving:
    """One database of a member that is alive, and leaves."""

    def __init__(self, services: Services, node: Node, database: Database, timeout: float) -> None:
        self.services = services
        self.node = node
        self.database = database
        self.timeout = timeout

    def check_step(self) -> Step:
        """That the others can go on."""
        return Step(f"the other members of {self.database.name} can go on without {self.node.name}", self._may)

    def steps(self) -> list[Step]:
        """Leaving, and what is to be done on the host."""
        node, database = self.node, self.database
        server = node.server(database)
        return [
            Step(
                f"{node.name} has left the cluster of {database.name}",
                self._has_left,
                lambda: node.appctl(server, "cluster/leave", database.name),
                lambda: str(node.status(database)),
            ),
            Step(
                f"the server of {database.name} on {node.name} has ended",
                lambda: not node.runs(server, as_wanted=False),
                lambda: node.stop(server, timeout=self.timeout),
            ),
            Step(
                f"the file of {database.name} on {node.name} is renamed",
                lambda: not node.has_file(database),
                lambda: node.put_away(database, f"left-{_now()}"),
            ),
        ]

    def _may(self) -> bool:
        if _peers(self.services, self.node, self.database):
            self.services.check_majority(self.database, self.node)
        return True

    def _has_left(self) -> bool:
        found = self.services.statuses(self.database)
        leading = [one for name, one in found.items() if name != self.node.name and one and one.leader]
        # By what the leader has agreed on with the others, not by what it has just been asked.
        return any(
            not one.uncommitted and all(peer.address != self.node.raft(self.database) for peer in one.peers)
            for one in leading
        )


class _Dead:
    """One database of a host whose server is dead: what takes it out of the cluster, and lets a new one in."""

    def __init__(self, services: Services, node: Node, database: Database) -> None:
        self.services = services
        self.node = node
        self.database = database

    def steps(self) -> list[Step]:
        """What takes the old server out."""
        what = f"the cluster of {self.database.name} has no dead server of {self.node.name}"
        return [Step(what, self._is_out, self._kick, self._seen, self._kick)]

    def replacement(self) -> list[Step]:
        """What lets a new one in."""
        node, name = self.node, self.database.name
        return [
            Step(
                f"the old server of {name} on {node.name} has ended",
                lambda: self._is_ours() or not node.runs(node.server(self.database), as_wanted=False),
                lambda: node.stop(node.server(self.database), timeout=_END_SECONDS),
            ),
            Step(
                f"the file of {name} that is left on {node.name} is renamed",
                lambda: self._is_ours() or not self._is_old_file(),
                lambda: node.put_away(self.database, f"replaced-{_now()}"),
            ),
            *member_steps(self.services, node, self.database, new=False),
        ]

    def _is_ours(self) -> bool:
        """Whether the server of the host is a member that is alive, or is about to become one."""
        status = self.node.status(self.database)
        return bool(status) or (status.problem is None and status.status.startswith("joining"))

    def _is_out(self) -> bool:
        """Raises Conflict where nobody leads."""
        return self._is_ours() or not _peers(self.services, self.node, self.database)

    def _kick(self) -> None:
        """Only what the leader has not heard of for a while: it may be the way to the host that is dead."""
        leading = self.services.leading(self.database)
        leader = self.services.node(leading.host)
        for peer in leading.peers:
            if peer.address == self.node.raft(self.database) and not leading.hears(peer) and not self._is_ours():
                leader.appctl(leader.server(self.database), "cluster/kick", self.database.name, peer.server_id)

    def _is_old_file(self) -> bool:
        """Whether there is a file, which is not that of a server that has yet to join."""
        return self.node.has_file(self.database) and bool(self.node.read_id(self.database, "db-cid"))

    def _seen(self) -> str:
        leading = self.services.leading(self.database)
        heard = [
            f"{leading.host} has heard of it {peer.last_message} ms ago: it is alive"
            for peer in leading.peers
            if peer.address == self.node.raft(self.database) and leading.hears(peer)
        ]
        return "; ".join([*heard, *map(str, self.services.status([self.database]))])
