"""Who leads a clustered database, and how soon the others notice that it does not any more (ovsdb(7))."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ovnkit.deploy.central.create import knows_leader
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.spec_central import check_election_timer
from ovnkit.errors import Conflict

__all__ = ["election_timers", "set_election_timer", "step_down"]


def step_down(
    spec: Spec,
    host: str,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Have a member lead none of the databases: where it does, its server ends cleanly and starts again.

    There is no command that hands leadership over; a clean end does. Others may choose it again later. Arguments: as
    for ``create()``. The report says Timeout where it goes on to lead, for nobody else is there, and HostFailed where
    it cannot be asked. Raises KeyError for a host that is no member.
    """
    services = Services(spec)
    node = services.node(host)
    steps = []
    for database in DATABASES:
        steps += [
            Step(
                f"{host} does not lead {database.name}",
                partial(_does_not_lead, node, database),
                partial(node.start, node.server(database)),
                partial(_seen, node, database),
            ),
            knows_leader(services, node, database),
        ]
    title = f"{host} gives up leadership"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _does_not_lead(node: Node, database: Database) -> bool:
    status = node.status(database)
    if status.problem is not None:
        raise status.problem
    return not status.leader


def _seen(node: Node, database: Database) -> str:
    return str(node.status(database))


def set_election_timer(
    spec: Spec,
    milliseconds: int,
    *,
    databases: Sequence[Database] = DATABASES,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Change how long the members of the clusters wait for a leader that is silent before they elect another one.

    It may at most double at once (ovsdb-server(1), cluster/change-election-timer), so it is changed in steps, each
    waited for. ``databases``: NORTHBOUND, SOUTHBOUND or both. The spec's ``election_timer`` is for clusters that are
    made, or built anew.

    Raises SpecError for what is no election timer, and Conflict where a database is not clustered or nobody leads it.
    """
    check_election_timer(milliseconds)
    services = Services(spec)
    steps = []
    for database in databases:
        leader = services.leader(database)
        now = None if leader is None else leader.status(database).election_timer
        if leader is None or now is None:
            raise Conflict("no leader", f"{database.name} has none, or is not clustered")
        steps += [
            Step(
                f"the election timer of {database.name} is {value} ms",
                partial(_has_timer, services, database, value),
                partial(_change_timer, services, database, value),
                urge=partial(_change_timer, services, database, value),
            )
            for value in election_timers(now, milliseconds)
        ]
    title = f"election timer of {milliseconds} ms"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def election_timers(now: int, wanted: int) -> list[int]:
    """The values, in milliseconds, that lead from one election timer to another; the last one is ``wanted``."""
    values = []
    while now * 2 < wanted:
        now *= 2
        values.append(now)
    return [*values, wanted]


def _has_timer(services: Services, database: Database, value: int) -> bool:
    return any(status.leader and status.election_timer == value for status in services.status([database]))


def _change_timer(services: Services, database: Database, value: int) -> None:
    leader = services.leader(database)
    if leader is not None and not _has_timer(services, database, value):
        leader.appctl(leader.server(database), "cluster/change-election-timer", database.name, str(value))
