"""Bringing the central databases to another schema while they serve (ovsdb(7), "Upgrading or Downgrading")."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Final

from ovnkit.deploy.central.backup import backup
from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict

__all__ = ["convert"]

_CONVERSION_SECONDS: Final = 600.0


def convert(
    spec: Spec,
    directory: str | os.PathLike[str],
    *,
    schemas: Mapping[Database, str] | None = None,
    downgrade: bool = False,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Convert both databases to the schemas that are installed on the members, after a backup into ``directory``.

    The servers do it themselves, in one transaction: where it cannot be done, they go on to serve what they had, with
    the schema that they had. Clients connect again. Of a cluster all members need a release that knows the schema,
    before any of them is converted. ``schemas``: the text of other schemas than the installed ones. ``downgrade``: also
    to an older schema, which drops what that does not have. ``timeout`` (seconds) holds for each step.

    Raises Conflict where members have different schemas installed, nobody leads a database or its schema is newer, and
    HostFailed where a member cannot be asked. A schema that the content does not fit is a step that failed.
    """
    services = Services(spec)
    conversions = [
        _Conversion(services, database, None if schemas is None else schemas.get(database), downgrade=downgrade)
        for database in DATABASES
        if schemas is None or database in schemas
    ]
    saved: list[bool] = []
    steps = [
        Step(
            f"there is a backup in {os.fspath(directory)}",
            lambda: bool(saved) or not any(one.is_needed() for one in conversions),
            lambda: saved.append(bool(backup(spec, directory))),
        ),
        *(step for one in conversions for step in one.steps()),
    ]
    title = "schemas of the central databases"
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


class _Conversion:
    """One database, and the schema that it is to have."""

    def __init__(self, services: Services, database: Database, text: str | None, *, downgrade: bool) -> None:
        self.services = services
        self.database = database
        self.text = text
        self.wanted = wanted = self._installed() if text is None else str(json.loads(text)["version"])
        found = self._leader().status(database).schema_version
        if not downgrade and _numbers(wanted) < _numbers(found):
            why = f"{database.name} has {found}, not {wanted}; downgrade=True drops what that does not have"
            raise Conflict("an older schema", why)

    def steps(self) -> list[Step]:
        """The conversion itself."""
        return [
            Step(
                f"{self.database.name} has its schema",
                lambda: not self.is_needed(),
                self._convert,
                lambda: "; ".join(map(str, self.services.status([self.database]))),
            )
        ]

    def is_needed(self) -> bool:
        """Whether the database has another schema."""
        leader = self._leader()
        if self.text is not None:
            return leader.status(self.database).schema_version != self.wanted
        words = ["ovsdb-client", "needs-conversion", self._socket(leader), leader.layout.schema(self.database)]
        return leader.host.run(words).strip() != "no"

    def _convert(self) -> None:
        leader = self._leader()
        words = ["ovsdb-client", "convert", self._socket(leader)]
        if self.text is None:
            leader.host.run([*words, leader.layout.schema(self.database)], timeout=_CONVERSION_SECONDS)
            return
        path = f"{leader.layout.run}/{self.database.stem}.wanted.ovsschema"
        leader.upload(path, self.text)
        try:
            leader.host.run([*words, path], timeout=_CONVERSION_SECONDS)
        finally:
            leader.host.run(["rm", "-f", "--", path])

    def _leader(self) -> Node:
        return self.services.node(self.services.leading(self.database).host)

    def _socket(self, node: Node) -> str:
        return f"unix:{node.layout.socket(self.database)}"

    def _installed(self) -> str:
        """The version that is installed on all members."""
        found = {
            node.name: node.host.run(["ovsdb-tool", "schema-version", node.layout.schema(self.database)]).strip()
            for node in self.services.nodes
        }
        if len(set(found.values())) > 1:
            versions = ", ".join(f"{name} {version}" for name, version in found.items())
            raise Conflict("different releases", f"the schemas of {self.database.name} that are installed: {versions}")
        return found[self.services.nodes[0].name]


def _numbers(version: str) -> tuple[int, ...]:
    """The parts of a version of a schema, which are numbers (RFC 7047, 3.1)."""
    return tuple(int(part) for part in version.split("."))
