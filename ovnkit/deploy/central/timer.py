"""How soon the members of a cluster notice that nobody leads any more: the election timer (ovsdb-server(1))."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial

from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.spec_central import check_election_timer
from ovnkit.errors import Conflict, HostFailed

__all__ = ["next_timer", "set_election_timer", "timer_step"]


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

    It may at most double at once (cluster/change-election-timer), so it is changed as often as it takes.
    ``databases``: NORTHBOUND, SOUTHBOUND or both. Where the spec has an ``election_timer``, ``create()`` and
    ``deploy.plan(spec).apply()`` bring it back to that. Arguments: as for ``create()``.

    Raises SpecError for what is no election timer, and Conflict where a database is not clustered or nobody leads it.
    """
    check_election_timer(milliseconds)
    services = Services(spec)
    for database in databases:
        if _timer(services, database) is None:
            raise Conflict("no leader", f"{database.name} has none, or is not clustered")
    steps = [timer_step(services, database, milliseconds) for database in databases]
    title = f"election timer of {milliseconds} ms"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def timer_step(services: Services, database: Database, milliseconds: int) -> Step:
    """What brings the election timer of a database to a value, by as many changes as it takes."""

    def urge() -> None:
        # The server takes no change while it has one that is not committed.
        with contextlib.suppress(HostFailed):
            _change(services, database, milliseconds)

    return Step(
        f"the election timer of {database.name} is {milliseconds} ms",
        lambda: _timer(services, database) == milliseconds,
        partial(_change, services, database, milliseconds),
        lambda: f"it is {_timer(services, database) or 'unknown'}",
        urge,
    )


def next_timer(now: int, wanted: int) -> int:
    """The value, in milliseconds, that is next on the way from one election timer to another."""
    return min(2 * now, wanted)


def _timer(services: Services, database: Database) -> int | None:
    """The election timer that the leader has, None where nobody leads."""
    leader = services.leader(database)
    return None if leader is None else leader.status(database).election_timer


def _change(services: Services, database: Database, wanted: int) -> None:
    leader, now = services.leader(database), _timer(services, database)
    if leader is not None and now is not None and now != wanted:
        value = str(next_timer(now, wanted))
        leader.appctl(leader.server(database), "cluster/change-election-timer", database.name, value)
