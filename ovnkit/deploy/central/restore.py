"""Building the central databases anew from a backup (ovsdb(7), "Backing Up and Restoring a Database")."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final, get_args

from ovnkit.deploy.central.backup import backup_path, read_backup
from ovnkit.deploy.central.commands import create_command
from ovnkit.deploy.central.create import certificate_steps, listener_step, member_steps, northd_steps
from ovnkit.deploy.central.mark import Mark, Phase
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.daemons import run_program
from ovnkit.deploy.databases import DATABASES, NORTHBOUND, SOUTHBOUND, Database
from ovnkit.deploy.host import CommandHost, open_host
from ovnkit.deploy.hosts import on_each
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import HostFailed, NeedsHost, OvnkitError

__all__ = ["reset_controllers", "restore"]

_RESET: Final = ("ovn-appctl", "-t", "ovn-controller", "sb-cluster-state-reset")
_RESETS: Final[Mapping[Database, str]] = {NORTHBOUND: "nb-cluster-state-reset", SOUTHBOUND: "sb-cluster-state-reset"}
_IS_CONNECTED: Final = ("ovn-appctl", "-t", "ovn-controller", "connection-status")


def restore(
    spec: Spec,
    directory: str | os.PathLike[str],
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Build both databases anew from the backups in a directory, in the place of what is there.

    Everything written since the backups is gone; what there was stays beside, as ``FILE.before-…``. A cluster made anew
    is another cluster: ovn-northd starts again, and every ovn-controller is told to forget the old one
    (``reset_controllers()``, which can be run again for hosts that could not be reached). Packets are forwarded all the
    while; nothing new is set up until the end. Interrupted, it goes on when it is run again with the same backup, and
    until then ``create()`` makes nothing. ``timeout`` (seconds) holds for each step.

    All members have to be reached: take those that are gone for good out of the spec before, and keep them from coming
    back. Raises InvalidValue for a file that is no whole backup of its database, OSError where it cannot be read, and
    what ``create()`` raises. The report says Conflict where the restore of another backup was interrupted.
    """
    services = Services(spec)
    texts = {database: read_backup(backup_path(directory, database), database) for database in DATABASES}
    restoring = _Restoring(services, texts, timeout)
    steps = [*restoring.steps(), _controllers_step(spec)]
    title = f"central services are built anew from {os.fspath(directory)}"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def reset_controllers(
    spec: Spec,
    *,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Have every ovn-controller forget the Southbound cluster that it knew, and wait until it has taken up the new one.

    For hosts that could not be reached while ``restore()`` did so (ovn-controller(8), sb-cluster-state-reset); to tell
    one twice harms nothing. The report says HostFailed, with all hosts where it failed, or NeedsHost with the command
    for those that the spec gives no access to.
    """
    steps = [_controllers_step(spec)]
    title = "every ovn-controller forgets the old Southbound"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _controllers_step(spec: Spec) -> Step:
    told: list[HostSpec] = []

    def tell() -> None:
        reached = [host for host in spec.hosts if host.access is not None]
        outcomes = on_each(reached, lambda host: run_program(_opened(host), _RESET))
        failed = [one for one in outcomes if isinstance(one, OvnkitError)]
        told.extend(reached)
        if failed:
            names = ", ".join(one.host for one in failed if isinstance(one, HostFailed))
            words = "; ".join(map(str, failed))
            raise HostFailed(names, "telling ovn-controller, also by reset_controllers(),", None, words)
        by_hand = [host.name for host in spec.hosts if host.access is None]
        if by_hand:
            raise NeedsHost(f"telling ovn-controller of {', '.join(by_hand)}", " ".join(_RESET))

    def connected() -> bool:
        return bool(told or not spec.hosts) and all(found is True for found in on_each(told, _is_connected))

    return Step("every ovn-controller has taken up the new Southbound", connected, tell)


def _opened(host: HostSpec) -> CommandHost:
    assert host.access is not None
    return open_host(host.access, host.name)


def _is_connected(host: HostSpec) -> bool:
    return run_program(_opened(host), _IS_CONNECTED).strip() == "connected"


class _Restoring:
    """Both databases, built anew on all nodes. Steps are done where the marks on the nodes say so."""

    def __init__(self, services: Services, texts: Mapping[Database, str], timeout: float) -> None:
        self.services = services
        self.texts = texts
        self.timeout = timeout
        content = "".join(texts[database] for database in DATABASES).encode("utf-8", "surrogateescape")
        self.mark = Mark(hashlib.sha256(content).hexdigest()[:12])

    def steps(self) -> list[Step]:
        """From the end of the old servers to the removal of the marks."""
        first, *_ = nodes = self.services.nodes
        steps = [
            *(step for node in nodes for step in certificate_steps(self.services.spec, node)),
            *(self._away_step(node) for node in nodes),
            Step(
                f"{first.name} has the databases of the backup",
                partial(self._is, first, "made"),
                partial(self._make, first),
            ),
        ]
        for database in DATABASES:
            for node in nodes:
                steps += member_steps(self.services, node, database, new=False)
            steps.append(listener_step(self.services, database))
        return [
            *steps,
            *northd_steps(nodes),
            *(self._northd_reset(node, database) for node in nodes for database in DATABASES),
            Step("the restore is complete", self._is_complete, self._complete),
        ]

    def _away_step(self, node: Node) -> Step:
        what = f"{node.name} has put its databases away"
        return Step(what, partial(self._is, node, "away"), partial(self._put_away, node))

    def _is(self, node: Node, phase: Phase) -> bool:
        """Whether a node has come so far, or all of them have."""
        phases = get_args(Phase)
        found = self.mark.phase(node)
        if self.mark.phase(self.services.nodes[0]) == "complete":
            return True
        return found is not None and phases.index(found) >= phases.index(phase)

    def _put_away(self, node: Node) -> None:
        self.mark.write(node, "begun")
        node.stop(node.northd, timeout=self.timeout)
        for database in DATABASES:
            node.stop(node.server(database), timeout=self.timeout)
        for database in DATABASES:
            node.put_away(database, f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        self.mark.write(node, "away")

    def _make(self, node: Node) -> None:
        central = self.services.spec.central
        for database, text in self.texts.items():
            file = node.layout.file(database)
            if not central.clustered:
                node.upload(file, text)
                continue
            source = f"{file}.backup"
            node.upload(source, text)
            raft = node.raft(database)
            command = create_command(
                database, node.layout, source=source, raft=raft, election_timer=central.election_timer
            )
            try:
                node.make_file(database, command)
            finally:
                node.host.run(["rm", "-f", "--", source])
        self.mark.write(node, "made")

    def _northd_reset(self, node: Node, database: Database) -> Step:
        told: list[bool] = []

        def tell() -> None:
            node.appctl(node.northd, _RESETS[database])
            told.append(True)

        return Step(
            f"ovn-northd of {node.name} knows that {database.name} is another cluster", lambda: bool(told), tell
        )

    def _is_complete(self) -> bool:
        return all(self.mark.phase(node) is None for node in self.services.nodes)

    def _complete(self) -> None:
        # The first one's goes last: as long as it is there, it says that nothing else is left to do.
        first, *others = self.services.nodes
        self.mark.write(first, "complete")
        for node in (*others, first):
            self.mark.remove(node)
