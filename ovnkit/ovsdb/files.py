"""Database files, read without a server: standalone and clustered ones, backups, and what gzip made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs

from ovnkit.errors import NotADatabase, NotMonitored
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.contents import Builder, Contents
from ovnkit.ovsdb.damage import Damage
from ovnkit.ovsdb.raft import MemberLog, Membership
from ovnkit.ovsdb.records import Flaw, Kind, Record, decompress, is_gzip, kind_of, records

__all__ = ["START", "DatabaseFile", "contents_of", "is_database", "parse", "read", "save"]

START = 512
"""How many bytes of the beginning of a file tell whether it is a database."""


@attrs.frozen(eq=False)
class DatabaseFile:
    """What one file holds.

    ``name`` is that of the database, ``contents`` what is in it (None where the file has no schema: it was cut off
    within its first record, or is that of a server that has not joined its cluster yet). ``records`` counts the good
    ones, ``damage`` says what came after them. ``membership`` is what a clustered one says of its cluster, None for a
    standalone one. ``date`` is that of the last transaction.
    """

    path: str
    kind: Kind
    name: str | None
    contents: Contents | None = attrs.field(repr=False)
    records: int
    damage: Damage | None = None
    membership: Membership | None = None
    date: datetime | None = None


def is_database(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a database, compressed or not."""
    return kind_of(decompress(start)[0] if is_gzip(start) else start) is not None


def read(path: str | os.PathLike[str]) -> DatabaseFile:
    """Read a database file, up to the first damage if there is any, as ``ovsdb-server`` would.

    Takes standalone files, the output of ``ovsdb-client backup``, clustered files, and all of these compressed by gzip
    (ovsdb(5)). Raises NotADatabase for any other file, and OSError.
    """
    return parse(Path(path).read_bytes(), os.fspath(path))


def parse(data: bytes, path: str = "") -> DatabaseFile:
    """The same for the bytes of a file; ``path`` is for messages."""
    data, cut = decompress(data) if is_gzip(data) else (data, "")
    kind = kind_of(data)
    if kind is None:
        raise NotADatabase(path, "this is no database file, which begins with 'OVSDB JSON' or 'OVSDB CLUSTER'")
    parsed = _standalone(records(data)) if kind == "standalone" else _clustered(records(data))
    flaw = parsed.flaw
    if cut:
        flaw = Flaw(len(data) if flaw is None else flaw.offset, cut)
    builder = parsed.builder
    return DatabaseFile(
        path,
        kind,
        parsed.name,
        None if builder is None else builder.contents(),
        parsed.count,
        None if flaw is None else Damage(path, flaw.offset, flaw.reason, parsed.count),
        parsed.membership,
        None if builder is None else _moment(builder.date),
    )


def _moment(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        # It has no meaning for the contents, whatever it is.
        return None


def contents_of(client: Client[Any, Any]) -> Contents:
    """All that a client has of its database at this moment.

    Of Southbound a client does not have Logical_Flow, MAC_Binding and FDB, unless it was told to. Raises NotMonitored
    where columns of a table are missing, or a table that others refer to, for without them it would be no database.
    """
    store = client._store
    snapshot = store.snapshot()
    rows: dict[str, dict[UUID, bytes]] = {}
    for name, table in snapshot.tables.items():
        for column, facts in table.replicated.schema.columns.items():
            if column not in table.replicated.monitored:
                raise NotMonitored(name, column)
            for base in (facts.type.key, facts.type.value):
                if base is not None and base.ref_type == "strong" and base.ref_table not in snapshot.tables:
                    raise NotMonitored(str(base.ref_table))
        rows[name] = {row.uuid: row._raw for row in snapshot.rows(name)}
    schema = store.schema
    store.release(snapshot)
    return Contents(schema, rows)


def save(client: Client[Any, Any], path: str | os.PathLike[str]) -> None:
    """Write what a client has of its database to a standalone file, for a private ``Server`` to serve.

    Raises NotMonitored as ``contents_of`` does.
    """
    contents_of(client).save(path, comment=f"saved from {client.remote}")


@attrs.define
class _Parsed:
    name: str | None = None
    builder: Builder | None = None
    count: int = 0
    flaw: Flaw | None = None
    membership: Membership | None = None


def _standalone(found: Iterator[Record | Flaw]) -> _Parsed:
    parsed = _Parsed()
    for record in found:
        if isinstance(record, Flaw):
            parsed.flaw = record
            break
        try:
            if parsed.builder is None:
                parsed.builder = Builder.from_json(record.json)
                parsed.name = parsed.builder.schema.name
            else:
                parsed.builder.apply(record.json)
        except ValueError as exc:
            parsed.flaw = Flaw(record.offset, str(exc))
            break
        parsed.count += 1
    return parsed


def _clustered(found: Iterator[Record | Flaw]) -> _Parsed:
    parsed = _Parsed()
    log: MemberLog | None = None
    for record in found:
        if isinstance(record, Flaw):
            parsed.flaw = record
            break
        try:
            if log is None:
                log = MemberLog(record.json)
            else:
                log.add(record.json, record.offset)
        except ValueError as exc:
            parsed.flaw = Flaw(record.offset, str(exc))
            break
        parsed.count += 1
    if log is not None:
        parsed.flaw = log.finish() or parsed.flaw
        parsed.name, parsed.builder, parsed.membership = log.name, log.builder, log.membership
    return parsed
