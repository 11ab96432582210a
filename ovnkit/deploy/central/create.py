"""Making the central services: the databases, their servers, where these listen, and ovn-northd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ovnkit.deploy.central.commands import create_command, join_command
from ovnkit.deploy.central.listeners import insert_listeners, listeners
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.certificates import certificate_change, install, source
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict

__all__ = ["certificate_steps", "create", "join", "knows_leader", "listener_step", "member_steps", "northd_steps"]


def create(
    spec: Spec,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Make the central services that a spec describes, and bring what is there to what it says.

    For each member: the files of the databases (a cluster is made once; who finds one joins it), the servers, and
    ovn-northd. What runs by another command line is started again, one member after the other, which nobody notices in
    a cluster. A listener that is there stays as it is, also one that the spec does not name. Safe to repeat.

    ``timeout`` (seconds) holds for each step. See ovsdb(7), "Clustered Database Service Model", and ovn-ctl(8).

    The report says Conflict where members belong to different clusters, or where there is a file of another model than
    the spec's; nothing was changed there. Raises Conflict for a spec without members, and HostFailed where one cannot
    be asked, with ``dry_run`` what the report would say.
    """
    services = Services(spec)
    steps = [
        *(step for node in services.nodes for step in certificate_steps(spec, node)),
        *(step for database in DATABASES for step in _database_steps(services, services.nodes, database)),
        *northd_steps(services.nodes),
    ]
    title = f"central services on {', '.join(node.name for node in services.nodes)}"
    return _done(title, steps, timeout=timeout, dry_run=dry_run, progress=progress)


def join(
    spec: Spec,
    host: str,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Make a host, which the spec has among its members by now, a member of the cluster that is there.

    ovn-northd of the others starts again, with the new connection strings; the hosts' ``ovn-remote`` follows by
    ``deploy.plan(spec).apply()``. Arguments and errors: as for ``create()``; KeyError for a host that is no member.
    """
    services = Services(spec)
    node = services.node(host)
    steps = [
        *certificate_steps(spec, node),
        *(step for database in DATABASES for step in member_steps(services, node, database, new=False)),
        *northd_steps([node, *services.others(node)]),
    ]
    return _done(f"{host} joins the central services", steps, timeout=timeout, dry_run=dry_run, progress=progress)


def _done(
    title: str,
    steps: list[Step],
    *,
    timeout: float,
    dry_run: bool,
    progress: Callable[[StepResult], object] | None,
) -> SequenceReport:
    if dry_run:
        return foresee(title, steps)
    return carry_out(title, steps, timeout=timeout, progress=progress)


def _database_steps(services: Services, nodes: Iterable[Node], database: Database) -> list[Step]:
    steps = [step for node in nodes for step in member_steps(services, node, database, new=True)]
    return [*steps, listener_step(services, database)]


def listener_step(services: Services, database: Database) -> Step:
    """What has the servers of a database listen where the spec says."""
    wanted = ", ".join(map(str, listeners(services.spec.central, database)))
    return Step(
        f"{database.name} listens at {wanted}",
        lambda: not _missing_listeners(services, database),
        lambda: services.nodes[0].transact(database, _missing_listeners(services, database)),
    )


def certificate_steps(spec: Spec, node: Node) -> list[Step]:
    """What brings a node its certificate, where there is TLS."""
    files = node.tls
    if files is None:
        return []
    wanted = source(spec, f"central-{node.name}")
    return [
        Step(
            f"{node.name} has its certificate",
            lambda: not certificate_change(node.host, files, wanted),
            lambda: install(node.host, files, wanted),
        )
    ]


def member_steps(services: Services, node: Node, database: Database, *, new: bool) -> list[Step]:
    """What makes a node a member with a database; ``new``: where no member has one, it makes the first."""
    return [
        Step(
            f"{node.name} has a file of {database.name}",
            lambda: node.has_file(database),
            lambda: _make_file(services, node, database, new=new),
        ),
        Step(
            f"{node.name} serves {database.name}",
            lambda: node.runs(node.server(database)),
            lambda: node.start(node.server(database)),
        ),
        knows_leader(services, node, database),
    ]


def knows_leader(services: Services, node: Node, database: Database) -> Step:
    """That a node serves a database, and is connected to its cluster if it is of one."""
    what = "knows a leader" if services.spec.central.clustered else "answers"
    return Step(
        f"{database.name} of {node.name} {what}",
        lambda: _serves(services, node, database),
        seen=lambda: str(node.status(database)),
    )


def northd_steps(nodes: Iterable[Node]) -> list[Step]:
    """What has ovn-northd run on nodes."""
    return [
        Step(f"ovn-northd runs on {node.name}", partial(_northd_runs, node), partial(_start_northd, node))
        for node in nodes
    ]


def _northd_runs(node: Node) -> bool:
    return node.runs(node.northd)


def _start_northd(node: Node) -> None:
    node.start(node.northd)


def _make_file(services: Services, node: Node, database: Database, *, new: bool) -> None:
    central = services.spec.central
    if not central.clustered:
        node.make_file(create_command(database, node.layout))
        return
    others = [other.raft(database) for other in services.others(node) if other.has_file(database)]
    if others:
        node.make_file(join_command(database, node.layout, raft=node.raft(database), others=others))
    elif new:
        command = create_command(database, node.layout, raft=node.raft(database), election_timer=central.election_timer)
        node.make_file(command)
    else:
        raise Conflict("no cluster to join", f"no other member has a file of {database.name}; create() makes a cluster")


def _serves(services: Services, node: Node, database: Database) -> bool:
    """Whether it knows a leader. Raises Conflict where it is of another cluster than the others, or of none."""
    status = node.status(database)
    if status.problem is None and status.clustered != services.spec.central.clustered:
        wanted = "clustered" if services.spec.central.clustered else "standalone"
        raise Conflict("another kind of database", f"{database.name} of {node.name} is {status.model}, not {wanted}")
    for other in services.status([database]):
        if status.cluster_id and other.cluster_id and status.cluster_id != other.cluster_id:
            raise Conflict(
                "two clusters",
                f"{database.name} of {node.name} is of cluster {status.cluster_id}, that of {other.host} of"
                f" {other.cluster_id}. Put the file of the wrong one away and run this again",
            )
    return bool(status) and (status.status in ("", "cluster member"))


def _missing_listeners(services: Services, database: Database) -> list[dict[str, object]]:
    node = services.nodes[0]
    there = node.select(database, "Connection", ["target"])
    first = not node.select(database, database.table, ["_uuid"])
    return insert_listeners(database, listeners(services.spec.central, database), there, first=first)
