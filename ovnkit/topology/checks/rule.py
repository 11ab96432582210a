"""What a rule is, what it finds, and what becomes of it: a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal
from uuid import UUID

import attrs

from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref
from ovnkit.topology.checks.wording import name_of
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable

__all__ = ["DATABASES", "SEVERITIES", "Database", "Finding", "Found", "FoundRow", "Rule", "Severity", "found", "rule"]

Severity = Literal["error", "warning", "info", "unknown"]
Database = Literal["nb", "sb", "hosts"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info", "unknown")
"""From the worst on; "unknown" is what nobody can tell from what is in the databases."""

DATABASES: Final[dict[Database, str]] = {"nb": "Northbound", "sb": "Southbound", "hosts": "the hosts' Open_vSwitch"}


@attrs.frozen(kw_only=True)
class FoundRow:
    """A row that a finding is about. ``host``: the system-id of the host whose Open_vSwitch it is in, else ""."""

    database: str
    table: str
    uuid: UUID
    name: str
    host: str = ""
    ref: Ref[Any] = attrs.field(repr=False, eq=False)

    def __str__(self) -> str:
        return f"{self.table} {self.name or self.uuid}"


@attrs.frozen
class Found:
    """What the function of a rule yields: what was seen, the rows, and the command that mends it, or what to do.

    ``severity`` where it is another than the rule's; ``host``: the system-id of the host that the rows are of.
    """

    text: str
    rows: tuple[Row[Any], ...]
    remedy: str
    severity: Severity | None = None
    host: str = ""


def found(text: str, *rows: Row[Any], remedy: str, severity: Severity | None = None, host: str = "") -> Found:
    """The rule does not hold for these rows."""
    return Found(text, rows, remedy, severity, host)


@attrs.frozen(kw_only=True)
class Finding:
    """What a rule has found.

    ``rule`` is its id. ``severity``: an error stops traffic, or something that was asked for; a warning may do so
    later, or in some cases; an info is good to know; "unknown" is what cannot be told. ``text`` says what was seen,
    ``why`` why it matters, ``remedy`` the command that mends it or what to do, ``source`` where the rule comes from.
    """

    rule: str
    severity: Severity
    title: str
    text: str
    why: str
    remedy: str
    source: str
    rows: tuple[FoundRow, ...] = ()

    def __str__(self) -> str:
        return f"{self.severity} {self.rule}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        own = attrs.asdict(self, recurse=False)
        rows = [
            {"database": row.database, "host": row.host, "table": row.table, "uuid": str(row.uuid), "name": row.name}
            for row in self.rows
        ]
        return {**own, "rows": rows}


@attrs.frozen(kw_only=True)
class Rule:
    """One thing that is to hold in a network.

    ``severity`` is the worst that it says. ``title``: what is wrong where it does not hold; ``why`` that matters;
    ``remedy``: what mends it, with names in capitals for what depends on the network; ``source``: the man page or the
    incident behind it; ``example``: what it says of one case. ``needs``: the databases without which it is not asked.
    """

    id: str
    severity: Severity
    title: str
    why: str
    remedy: str
    source: str
    example: str
    needs: tuple[Database, ...] = ("nb",)
    check: Callable[[Tables], Iterable[Found]] = attrs.field(repr=False)

    def missing(self, tables: Tables) -> str:
        """What it needs and was not given, in words; "" where it can be asked."""
        known = {"nb": tables.nb.known, "sb": tables.sb.known, "hosts": bool(tables.hosts)}
        return " and ".join(DATABASES[database] for database in self.needs if not known[database])

    def findings(self, tables: Tables) -> list[Finding]:
        """What it finds. Raises NotMonitored where a client has left out what it looks at."""
        return [self._finding(one) for one in self.check(tables)]

    def _finding(self, one: Found) -> Finding:
        return Finding(
            rule=self.id,
            severity=one.severity or self.severity,
            title=self.title,
            # What a rule has not made fit to be shown is so at the latest here.
            text=one.text if one.text.isprintable() else printable(one.text),
            why=self.why,
            remedy=one.remedy,
            source=self.source,
            rows=tuple(_row(row, one.host) for row in one.rows),
        )


def rule(
    id: str,
    *,
    severity: Severity,
    title: str,
    why: str,
    remedy: str,
    source: str,
    example: str,
    needs: tuple[Database, ...] = ("nb",),
) -> Callable[[Callable[[Tables], Iterable[Found]]], Rule]:
    """Make a function that looks through the tables a rule."""

    def made(check: Callable[[Tables], Iterable[Found]]) -> Rule:
        return Rule(
            id=id,
            severity=severity,
            title=title,
            why=why,
            remedy=remedy,
            source=source,
            example=example,
            needs=needs,
            check=check,
        )

    return made


def _row(row: Row[Any], host: str) -> FoundRow:
    return FoundRow(
        database=row._database.name,
        table=row._table,
        uuid=row.uuid,
        name=name_of(row),
        host=host if row._database.name == "Open_vSwitch" else "",
        ref=row.ref,
    )
