"""Members that leave a cluster, by themselves or because they are dead (ovsdb(7), "Clustered")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ovnkit.deploy.central.create import member_steps, northd_steps
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict

__all__ = ["leave", "replace"]


def leave(
    spec: Spec,
    host: str,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Have a member leave the cluster, and end its servers and its ovn-northd; its files are renamed, not deleted.

    Then take it out of the spec: ``create()`` tells the ovn-northd of the others, ``deploy.plan(spec).apply()`` the
    chassis. A server that has left never comes back; its host may, as a new one (``join()``). Safe to repeat.
    ``timeout`` (seconds) holds for each step.

    Raises KeyError for a host that is no member, Conflict where it is the only one or the database is not clustered,
    HostFailed where it cannot be asked; then ``replace()`` is for it.
    """
    services = Services(spec)
    node = services.node(host)
    _check_clustered(services)
    northd = node.northd
    ended = Step(
        f"ovn-northd of {host} has ended",
        lambda: not node.runs(northd, as_wanted=False),
        lambda: node.stop(northd, timeout=timeout),
    )
    steps = [
        ended,
        *(step for database in DATABASES for step in _leave_steps(services, node, database, timeout)),
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
    as before. Others that want to serve there, a machine that comes back from the dead, are not let in. Arguments: as
    for ``create()``.

    A server that is alive is left alone. The report says Timeout where too few members are left to agree on anything:
    then ``restore()`` is what helps. Raises KeyError for a host that is no member, and Conflict where the databases are
    not clustered.
    """
    services = Services(spec)
    node = services.node(host)
    _check_clustered(services)
    replacing = [_Replacing(services, node, database) for database in DATABASES]
    steps = [
        *(step for one in replacing for step in one.steps()),
        *northd_steps([node]),
    ]
    title = f"{host} is a new member of the central services"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _check_clustered(services: Services) -> None:
    if not services.spec.central.clustered or len(services.nodes) < 2:
        raise Conflict("no cluster", "there is one member alone, which nobody can take the place of")


def _leave_steps(services: Services, node: Node, database: Database, timeout: float) -> list[Step]:
    server = node.server(database)

    def has_left() -> bool:
        others = [status for name, status in services.statuses(database).items() if name != node.name and status]
        here = [peer for status in others for peer in status.peers if peer.address == node.raft(database)]
        return bool(others) and not here

    return [
        Step(
            f"{node.name} has left the cluster of {database.name}",
            has_left,
            lambda: node.appctl(server, "cluster/leave", database.name),
            seen=lambda: str(node.status(database)),
        ),
        Step(
            f"the server of {database.name} on {node.name} has ended",
            lambda: not node.runs(server, as_wanted=False),
            lambda: node.stop(server, timeout=timeout),
        ),
        Step(
            f"the file of {database.name} on {node.name} is renamed",
            lambda: not node.has_file(database),
            lambda: node.put_away(database, f"left-{_now()}"),
        ),
    ]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


class _Replacing:
    """One database of the host whose server is dead."""

    def __init__(self, services: Services, node: Node, database: Database) -> None:
        self.services = services
        self.node = node
        self.database = database

    def steps(self) -> list[Step]:
        """All steps, in their order."""
        name, host = self.database.name, self.node.name
        return [
            Step(
                f"the cluster of {name} has no dead server of {host}", self._is_out, self._kick, self._seen, self._kick
            ),
            Step(
                f"the file of {name} that is left on {host} is renamed",
                self._has_no_old_file,
                lambda: self.node.put_away(self.database, f"replaced-{_now()}"),
            ),
            *member_steps(self.services, self.node, self.database, new=False),
        ]

    def _peers(self) -> list[str]:
        """The servers of the cluster at the address of the host, by those who know a leader."""
        found = {}
        for name, status in self.services.statuses(self.database).items():
            if name != self.node.name and status:
                found = {peer.server_id: peer for peer in status.peers if peer.address == self.node.raft(self.database)}
                if status.leader:
                    break
        return list(found)

    def _is_alive(self) -> bool:
        return bool(self.node.status(self.database))

    def _is_out(self) -> bool:
        return not self._peers() or self._is_alive()

    def _kick(self) -> None:
        leader = self.services.leader(self.database)
        if leader is not None:
            for server in self._peers():
                leader.appctl(leader.server(self.database), "cluster/kick", self.database.name, server)

    def _has_no_old_file(self) -> bool:
        return self._is_alive() or not self.node.has_file(self.database) or bool(self._peers())

    def _seen(self) -> str:
        return "; ".join(map(str, self.services.status([self.database])))
