"""From plain TCP to TLS while everything is at work: every client knows both before the servers change over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import attrs

from ovnkit.deploy.central.commands import join_command
from ovnkit.deploy.central.create import certificate_steps, knows_leader, northd_steps
from ovnkit.deploy.central.listeners import listeners, replace_listeners
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.plan import apply_to_hosts, plan_hosts
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.spec_central import Central
from ovnkit.errors import Conflict, Timeout

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
        *(step for database in DATABASES for step in _serving(services, database)),
        *(_rejoined(services, node, database, timeout) for database in DATABASES for node in services.nodes),
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
    plain = Central(members=central.members, insecure=True)
    both = f"{plain.southbound},{central.southbound}"
    return Central(
        tls=central.tls,
        insecure=True,
        northbound=plain.northbound,
        southbound=both,
        southbound_admin=plain.southbound,
    )


def _changed_over(services: Services) -> bool:
    return all(_listens(services, database) for database in DATABASES)


def _listens(services: Services, database: Database) -> bool:
    wanted = {listener.target for listener in listeners(services.spec.central, database)}
    found = {row["target"] for row in services.nodes[0].select(database, "Connection", ["target"])}
    return wanted <= found


def _listening(services: Services, database: Database) -> Step:
    wanted = listeners(services.spec.central, database)
    plain = listeners(attrs.evolve(services.spec.central, tls=None, rbac=False, insecure=True), database)
    node = services.nodes[0]

    def change() -> None:
        there = node.select(database, "Connection", ["_uuid", "target"])
        node.transact(database, replace_listeners(database, wanted, plain, there))

    shown = ", ".join(map(str, wanted))
    return Step(f"{database.name} listens at {shown}", lambda: _listens(services, database), change)


def _serving(services: Services, database: Database) -> list[Step]:
    steps = []
    for node in services.nodes:
        server = node.server(database)
        steps += [
            Step(
                f"{node.name} serves {database.name} with its certificate",
                partial(node.runs, server),
                partial(node.start, server),
            ),
            knows_leader(services, node, database),
        ]
    return steps


def _rejoined(services: Services, node: Node, database: Database, timeout: float) -> Step:
    member = _Rejoining(services, node, database, timeout)
    return Step(
        f"{node.name} reaches the other members of {database.name} with TLS",
        member.is_done,
        member.rejoin,
        lambda: str(node.status(database)),
    )


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

    def rejoin(self) -> None:
        """Leave, and join; each part of it only where it is not done. Raises Conflict where it is alone."""
        node, database = self.node, self.database
        server = node.server(database)
        if node.has_file(database) and node.local_address(database) != node.raft(database):
            if len(self.services.nodes) == 1:
                raise Conflict("nobody to join", f"{node.name} is the only member; add another one first")
            if node.runs(server, as_wanted=False):
                self._leave()
            node.put_away(database, f"plain-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        if not node.has_file(database):
            others = [one.address for one in self._others().values()]
            node.make_file(join_command(database, node.layout, raft=node.raft(database), others=others))
        node.start(server)

    def _leave(self) -> None:
        node, database = self.node, self.database
        server = node.server(database)
        plain = node.local_address(database)
        node.appctl(server, "cluster/leave", database.name)
        deadline = time.monotonic() + self.timeout
        while any(peer.address == plain for one in self._others().values() for peer in one.peers):
            if time.monotonic() > deadline:
                raise Timeout(f"{node.name} to leave the cluster of {database.name}", self.timeout)
            time.sleep(_PAUSE)
        node.stop(server, timeout=self.timeout)

    def _others(self) -> dict[str, MemberStatus]:
        return {
            name: status
            for name, status in self.services.statuses(self.database).items()
            if name != self.node.name and status
        }
