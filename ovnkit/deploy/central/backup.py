"""Backups of the central databases, and building them anew from these (ovsdb(7), "Backing Up and Restoring")."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from ovnkit.deploy.central.commands import create_command
from ovnkit.deploy.central.create import certificate_steps, knows_leader, listener_step, member_steps, northd_steps
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.daemons import run_program
from ovnkit.deploy.databases import DATABASES, NORTHBOUND, SOUTHBOUND, Database
from ovnkit.deploy.host import open_host
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict, InvalidValue, NeedsHost

__all__ = ["Backup", "backup", "restore"]

_MAGIC: Final = "OVSDB "
_BACKUP_SECONDS: Final = 600.0
_RESET: Final = ("ovn-appctl", "-t", "ovn-controller", "sb-cluster-state-reset")
_RESETS: Final[dict[str, str]] = {NORTHBOUND.name: "nb-cluster-state-reset", SOUTHBOUND.name: "sb-cluster-state-reset"}
_IS_CONNECTED: Final = ("ovn-appctl", "-t", "ovn-controller", "connection-status")


@attrs.frozen
class Backup:
    """A backup of one database: its file, and how many bytes it has."""

    database: str
    path: Path
    size: int

    def __str__(self) -> str:
        return f"{self.database}: {self.path}, {self.size} bytes"


def backup(spec: Spec, directory: str | os.PathLike[str]) -> tuple[Backup, ...]:
    """Write both databases, as the leader has them now, into files of a directory that is there.

    ``OVN_Northbound.backup`` and ``OVN_Southbound.backup``, for their owner alone; older ones are replaced, each as a
    whole. Both are standalone databases: ovsdb-tool(1) reads them.

    Raises Conflict where a database has no leader, HostFailed where it cannot be read, OSError for the directory.
    """
    services = Services(spec)
    found = []
    for database in DATABASES:
        leader = services.leader(database)
        if leader is None:
            said = "; ".join(map(str, services.status([database])))
            raise Conflict("no leader", f"{database.name} cannot be read: {said}")
        words = ["ovsdb-client", "backup", f"unix:{leader.layout.socket(database)}", database.name]
        text = leader.host.run(words, timeout=_BACKUP_SECONDS)
        path = _path(directory, database)
        found.append(Backup(database.name, path, _write(path, text)))
    return tuple(found)


def _path(directory: str | os.PathLike[str], database: Database) -> Path:
    return Path(directory) / f"{database.name}.backup"


def _write(path: Path, text: str) -> int:
    data = text.encode("utf-8", "surrogateescape")
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return len(data)


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
    (``sb-cluster-state-reset``); of hosts that the spec gives no access to, the report names the command. Packets are
    forwarded all the while; nothing new is set up until the end. Interrupted, it goes on when it is run again.
    ``timeout`` (seconds) holds for each step.

    Raises InvalidValue for a file that is no backup of its database, OSError where it cannot be read, and what
    ``create()`` raises.
    """
    services = Services(spec)
    texts = {database: _read(_path(directory, database), database) for database in DATABASES}
    restoring = [_Restoring(services, database, text, timeout) for database, text in texts.items()]
    steps = [
        *(step for node in services.nodes for step in certificate_steps(spec, node)),
        *(_stopped(node, timeout) for node in services.nodes),
        *(step for one in restoring for step in one.steps()),
        *northd_steps(services.nodes),
        *(_reset_northd(node, database) for node in services.nodes for database in DATABASES),
        _reset_controllers(spec),
        *(one.finish() for one in restoring),
    ]
    title = f"central services are built anew from {os.fspath(directory)}"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _read(path: Path, database: Database) -> str:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    # The first record of a database file is its schema.
    if not text.startswith(_MAGIC) or f'"name":"{database.name}"' not in text.partition("\n")[2].partition("\n")[0]:
        allowed = f"a backup of {database.name}, as backup() or ovsdb-client(1) writes it"
        raise InvalidValue(table="backup", column=database.name, value=str(path), allowed=allowed)
    return text


def _stopped(node: Node, timeout: float) -> Step:
    northd = node.northd
    return Step(
        f"ovn-northd of {node.name} has ended for it",
        lambda: not node.runs(northd, as_wanted=False),
        lambda: node.stop(northd, timeout=timeout),
    )


def _reset_northd(node: Node, database: Database) -> Step:
    told: list[bool] = []

    def tell() -> None:
        node.appctl(node.northd, _RESETS[database.name])
        told.append(True)

    return Step(f"ovn-northd of {node.name} knows that {database.name} is another cluster", lambda: bool(told), tell)


def _reset_controllers(spec: Spec) -> Step:
    told: list[bool] = []

    def tell() -> None:
        by_hand = []
        for host in spec.hosts:
            if host.access is None:
                by_hand.append(host.name)
            else:
                run_program(open_host(host.access, host.name), _RESET)
        told.append(True)
        if by_hand:
            raise NeedsHost(f"telling ovn-controller of {', '.join(by_hand)}", " ".join(_RESET))

    def connected() -> bool:
        reached = [host for host in spec.hosts if host.access is not None]
        return bool(told) and all(_is_connected(host.access, host.name) for host in reached)

    return Step("every ovn-controller has taken up the new Southbound", connected, tell)


def _is_connected(access: str | Sequence[str] | None, name: str) -> bool:
    assert access is not None
    return run_program(open_host(access, name), _IS_CONNECTED).strip() == "connected"


class _Restoring:
    """One database, built anew."""

    def __init__(self, services: Services, database: Database, text: str, timeout: float) -> None:
        self.services = services
        self.database = database
        self.text = text
        self.timeout = timeout
        # By it another run knows what this one has done.
        self._mark = f"before-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"

    def steps(self) -> list[Step]:
        """From the end of the old servers to the last of the new ones."""
        first, *others = self.services.nodes
        name = self.database.name
        steps = [
            Step(
                f"{name} of {node.name} is put away",
                partial(self._is_away, node),
                partial(self._put_away, node),
            )
            for node in self.services.nodes
        ]
        steps.append(
            Step(
                f"{first.name} has a file of {name} from the backup",
                lambda: first.has_file(self.database),
                lambda: self._make_file(first),
            )
        )
        for node in (first, *others):
            steps += member_steps(self.services, node, self.database, new=False)
        return [*steps, knows_leader(self.services, first, self.database), listener_step(self.services, self.database)]

    def finish(self) -> Step:
        """Forget that it was interrupted, if it was."""
        return Step(f"{self.database.name} is as it was in the backup", self._is_finished, self._finish)

    def _marked(self, node: Node) -> str:
        return f"{node.layout.file(self.database)}.{self._mark}"

    def _is_away(self, node: Node) -> bool:
        return node.has(self._marked(node))

    def _put_away(self, node: Node) -> None:
        node.stop(node.server(self.database), timeout=self.timeout)
        # A mark as well where there was nothing.
        node.host.run(["sh", "-c", '[ -e "$1" ] || : >"$1"', "mark", node.layout.file(self.database)])
        node.put_away(self.database, self._mark)

    def _make_file(self, node: Node) -> None:
        file = node.layout.file(self.database)
        if not self.services.spec.central.clustered:
            node.host.write(file, self.text, mode=0o640)
            return
        source = f"{file}.backup"
        node.host.write(source, self.text, mode=0o600)
        command = create_command(
            self.database,
            node.layout,
            source=source,
            raft=node.raft(self.database),
            election_timer=self.services.spec.central.election_timer,
        )
        try:
            node.make_file(command)
        finally:
            node.host.run(["rm", "-f", "--", source])

    def _is_finished(self) -> bool:
        return not any(self._is_away(node) for node in self.services.nodes)

    def _finish(self) -> None:
        for node in self.services.nodes:
            node.keep_as(self._marked(node), self.database)
