"""Making the central services: the databases, their servers, where these listen, and ovn-northd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ovnkit.deploy.central.commands import create_command, join_command
from ovnkit.deploy.central.listeners import insert_listeners, listeners
from ovnkit.deploy.central.mark import no_restore_step
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.timer import timer_step
from ovnkit.deploy.certificates import certificate_change, install, source
from ovnkit.deploy.databases import DATABASES, SOUTHBOUND, Database
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
    a cluster. A listener that is there stays as it is, also one that the spec does not name; so does the election
    timer, unless the spec has one. Safe to repeat.

    ``timeout`` (seconds) holds for each step. See ovsdb(7), "Clustered Database Service Model", and ovn-ctl(8).

    The report says Conflict where members belong to different clusters or have a database of another model than the
    spec's, where the old server of a member whose file is gone is still in the cluster (``replace()``), where a restore
    was interrupted, and where plain TCP would have to become TLS at the same port (``secure()``). Raises Conflict for a
    spec without members, and HostFailed where one cannot be asked, with ``dry_run`` what the report would say.
    """
    services = Services(spec)
    steps = [
        no_restore_step(services.nodes),
        *(step for node in services.nodes for step in certificate_steps(spec, node)),
        *(step for database in DATABASES for step in _database_steps(services, services.nodes, database)),
        *northd_steps(services.nodes),
        *_timer_steps(services),
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
        no_restore_step(services.nodes),
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
    nodes = tuple(nodes)
    steps = [step for node in nodes for step in member_steps(services, node, database, new=True)]
    return [_started_step(nodes, database), *steps, listener_step(services, database)]


def _timer_steps(services: Services) -> list[Step]:
    central = services.spec.central
    if not central.clustered or "election_timer" not in central.given:
        return []
    return [timer_step(services, database, central.election_timer) for database in DATABASES]


def _started_step(nodes: Iterable[Node], database: Database) -> Step:
    """That the members there are run, whatever by: after a power cut none knows a leader before most are back."""

    def down() -> list[Node]:
        return [
            node for node in nodes if node.has_file(database) and not node.runs(node.server(database), as_wanted=False)
        ]

    def start() -> None:
        for node in down():
            node.start(node.server(database))

    return Step(f"whoever has a file of {database.name} serves it", lambda: not down(), start)


def listener_step(services: Services, database: Database) -> Step:
    """What has the servers of a database listen where the spec says."""
    wanted = ", ".join(map(str, listeners(services.spec.central, database)))
    return Step(
        f"{database.name} listens at {wanted}",
        lambda: not _missing_listeners(services, database),
        lambda: _serving(services, database).transact(database, _missing_listeners(services, database)),
    )


def _serving(services: Services, database: Database) -> Node:
    return services.serving(database) or services.nodes[0]


def certificate_steps(spec: Spec, node: Node) -> list[Step]:
    """What brings a node its certificate, where there is TLS."""
    if spec.central.tls is None:
        return []
    wanted = source(spec, f"central-{node.name}")
    return [
        Step(
            f"{node.name} has its certificate",
            lambda: not certificate_change(node.host, node.layout.tls("central"), wanted),
            lambda: install(node.host, node.layout.tls("central"), wanted),
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
    central, raft = services.spec.central, node.raft(database)
    if not central.clustered:
        node.make_file(database, create_command(database, node.layout))
        return
    others = [other for other in services.others(node) if other.has_file(database)]
    if others:
        _check_is_out(services, node, database)
        addresses = [other.raft(database) for other in others]
        node.make_file(database, join_command(database, node.layout, raft=raft, others=addresses))
    elif new:
        command = create_command(database, node.layout, raft=raft, election_timer=central.election_timer)
        node.make_file(database, command)
    else:
        raise Conflict("no cluster to join", f"no other member has a file of {database.name}; create() makes a cluster")


def _check_is_out(services: Services, node: Node, database: Database) -> None:
    """Raise Conflict where the cluster still has a server at the address of a node that is to join it."""
    if any(peer.address == node.raft(database) for peer in services.leading(database).peers):
        raise Conflict(
            "its old server is still a member",
            f"the cluster of {database.name} has one at {node.raft(database)}, whose file is not there any more; a"
            f" second one beside it would count as well. replace() of {node.name} takes the old one out before",
        )


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
    node = _serving(services, database)
    columns = ["_uuid", "target", *(["role"] if database is SOUTHBOUND else [])]
    there = node.select(database, "Connection", columns)
    first = not node.select(database, database.table, ["_uuid"])
    return insert_listeners(database, listeners(services.spec.central, database), there, first=first)
