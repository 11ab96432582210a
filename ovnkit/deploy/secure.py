"""From plain TCP to TLS while everything is at work: every client knows both before the servers change over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from ovnkit.deploy.central.commands import join_command
from ovnkit.deploy.central.create import certificate_steps, knows_leader, northd_steps
from ovnkit.deploy.central.listeners import Listener, listeners, replace_listeners
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.plan import apply_to_hosts, plan_hosts
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.spec_central import Central
from ovnkit.errors import Conflict, Timeout
from ovnkit.remote import format_remotes, parse_remotes

__all__ = ["secure"]

_PAUSE: Final = 0.1


def secure(
    spec: Spec,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Have a cluster that speaks plain TCP speak TLS, as the spec says by now; nothing that it carries notices.

    Every chassis gets its certificate, and learns both ways to Southbound. One server after the other starts again with
    its certificate; one member after the other leaves, and joins with an address that has TLS. Then the listeners
    change over at the same ports, ovn-northd follows, and the chassis forget the plain way. Whoever else connects, such
    as Neutron, has to be told at that moment. Interrupted, it goes on when it is run again. ``timeout`` (seconds) holds
    for each step; the certificates are there already (``certify()``).

    Raises Conflict for a spec without TLS or without members, and what ``central.create()`` raises.
    """
    if spec.central.tls is None:
        raise Conflict("no certificates", "the spec names no directory with them: central.tls")
    services = Services(spec)
    between = attrs.evolve(spec, central=_between(spec.central))
    steps = [
        *(step for node in services.nodes for step in certificate_steps(spec, node)),
        Step(
            "every chassis knows both ways to Southbound",
            lambda: _changed_over(services) or not plan_hosts(between, timeout=timeout),
            lambda: apply_to_hosts(between, timeout=timeout),
        ),
        *(
            step
            for database in DATABASES
            for node in services.nodes
            for step in _member_steps(services, node, database, timeout)
        ),
        *(_listening(services, database) for database in DATABASES),
        *northd_steps(services.nodes),
        Step(
            "every chassis knows the way with TLS alone",
            lambda: not plan_hosts(spec, timeout=timeout),
            lambda: apply_to_hosts(spec, timeout=timeout),
        ),
    ]
    title = "the cluster comes to speak TLS"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _between(central: Central) -> Central:
    """Where chassis find Southbound before and after; ovnkit itself comes in by the plain way."""
    southbound = _plain(central.southbound)
    return Central(
        tls=central.tls,
        insecure=True,
        northbound=_plain(central.northbound),
        southbound=f"{southbound},{central.southbound}",
        southbound_admin=southbound,
    )


def _plain(remotes: str) -> str:
    """The same servers without TLS."""
    found = (attrs.evolve(one, scheme="tcp") if one.scheme == "ssl" else one for one in parse_remotes(remotes))
    return format_remotes(tuple(found))


def _changed_over(services: Services) -> bool:
    return all(_listens(services, database) for database in DATABASES)


def _listens(services: Services, database: Database) -> bool:
    wanted, plain = _targets(services, database)
    found = {row["target"] for row in _serving(services, database).select(database, "Connection", ["target"])}
    return {one.target for one in wanted} <= found and not {one.target for one in plain} & found


def _targets(services: Services, database: Database) -> tuple[tuple[Listener, ...], tuple[Listener, ...]]:
    """The listeners that are to be, and those in plain TCP that they follow."""
    central = services.spec.central
    return listeners(central, database), listeners(attrs.evolve(central, tls=None, rbac=False, insecure=True), database)


def _serving(services: Services, database: Database) -> Node:
    """A node that can be asked, also while another one is on its way."""
    return services.serving(database) or services.nodes[0]


def _listening(services: Services, database: Database) -> Step:
    wanted, plain = _targets(services, database)

    def change() -> None:
        node = _serving(services, database)
        columns = ["_uuid", "target", "inactivity_probe", "max_backoff"]
        there = node.select(database, "Connection", columns)
        node.transact(database, replace_listeners(database, wanted, plain, there))

    shown = ", ".join(map(str, wanted))
    return Step(f"{database.name} listens at {shown}", lambda: _listens(services, database), change)


def _member_steps(services: Services, node: Node, database: Database, timeout: float) -> list[Step]:
    """One member after the other: it serves with its certificate, and is reached by the others with TLS."""
    server = node.server(database)
    rejoining = _Rejoining(services, node, database, timeout)
    return [
        Step(
            f"{node.name} serves {database.name} with its certificate",
            lambda: rejoining.is_away() or node.runs(server),
            lambda: node.start(server),
        ),
        Step(
            f"{node.name} reaches the other members of {database.name} with TLS",
            rejoining.is_done,
            rejoining.rejoin,
            lambda: str(node.status(database)),
        ),
        knows_leader(services, node, database),
    ]


class _Rejoining:
    """A member that leaves with its plain address, and joins with another one."""

    def __init__(self, services: Services, node: Node, database: Database, timeout: float) -> None:
        self.services = services
        self.node = node
        self.database = database
        self.timeout = timeout

    def is_done(self) -> bool:
        """Whether the others know it by an address with TLS."""
        if not self.services.spec.central.clustered:
            return True
        status = self.node.status(self.database)
        return bool(status) and status.status == "cluster member" and status.address == self.node.raft(self.database)

    def is_away(self) -> bool:
        """Whether it was interrupted between leaving and coming back."""
        node, database = self.node, self.database
        return not node.has_file(database) or (
            self.services.spec.central.clustered and self._is_plain() and not self._is_listed()
        )

    def rejoin(self) -> None:
        """Leave, and join; each part of it only where it is not done. Raises Conflict where it is alone."""
        node, database = self.node, self.database
        server = node.server(database)
        if node.has_file(database) and self._is_plain():
            if len(self.services.nodes) == 1:
                raise Conflict("nobody to join", f"{node.name} is the only member; add another one first")
            if self._is_listed():
                self._leave()
            node.stop(server, timeout=self.timeout)
            node.put_away(database, f"plain-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        if not node.has_file(database):
            others = [one.address for one in self._others()]
            node.make_file(database, join_command(database, node.layout, raft=node.raft(database), others=others))
        if not node.runs(server):
            node.start(server)

    def _leave(self) -> None:
        node, database = self.node, self.database
        self._until(lambda: bool(node.status(database)), "to know a leader")
        self.services.check_majority(database, node, address=node.local_address(database))
        node.appctl(node.server(database), "cluster/leave", database.name)
        self._until(lambda: not self._is_listed(), "to leave the cluster")

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self.timeout
        while not happened():
            if time.monotonic() > deadline:
                raise Timeout(f"{self.database.name} of {self.node.name} {what}", self.timeout)
            time.sleep(_PAUSE)

    def _is_plain(self) -> bool:
        return self.node.local_address(self.database) != self.node.raft(self.database)

    def _is_listed(self) -> bool:
        """Whether the others still have it as a member by its plain address."""
        plain = self.node.local_address(self.database)
        return any(peer.address == plain for one in self._others() for peer in one.peers)

    def _others(self) -> list[MemberStatus]:
        found = self.services.statuses(self.database)
        return [status for name, status in found.items() if name != self.node.name and status]
