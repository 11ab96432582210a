"""Who leads a clustered database (ovsdb(7), "Clustered Database Service Model")."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ovnkit.deploy.central.create import knows_leader
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import NotFound

__all__ = ["step_down"]


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
    # A server that has just started may not serve the database yet; then it does not lead it either.
    if status.problem is not None and not isinstance(status.problem, NotFound):
        raise status.problem
    return not status.leader


def _seen(node: Node, database: Database) -> str:
    return str(node.status(database))
