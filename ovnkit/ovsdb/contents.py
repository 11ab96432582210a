"""The contents of a database at one moment: its schema and all its rows, and how transactions of a file change them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import attrs
import msgspec

from ovnkit.ovsdb import wire
from ovnkit.ovsdb.records import write_record
from ovnkit.ovsdb.schema import ColumnType, DatabaseSchema

__all__ = ["Builder", "Contents"]

_NOT_TABLES = frozenset({"_date", "_comment", "_is_diff"})
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TABLE = msgspec.json.Decoder(dict[UUID, msgspec.Raw])
_ZEROS: dict[str, Any] = {"integer": 0, "real": 0, "boolean": False, "string": "", "uuid": ["uuid", str(UUID(int=0))]}
_SECONDS = 1 << 32
"""Early versions counted seconds; their dates are below this (ovsdb(5), _date)."""


@attrs.frozen(eq=False, repr=False)
class Contents:
    """All rows of one database at one moment: of each the JSON of a <row> (RFC 7047 5.1), without its ``_uuid``.

    A table that is in the schema and not in ``rows`` is not known here, as that of a client that does not replicate it.
    """

    schema: DatabaseSchema
    rows: Mapping[str, Mapping[UUID, bytes]]

    def __repr__(self) -> str:
        return f"<Contents {self.schema.name} {self.schema.version}, {sum(map(len, self.rows.values()))} rows>"

    def save(self, path: str | os.PathLike[str], *, comment: str = "") -> None:
        """Write a standalone database file, which ``ovsdb-server`` serves and ``ovsdb-tool`` reads (ovsdb(5)).

        What is at ``path`` is replaced at once, or not at all; only its owner may read it.
        """
        target = Path(path)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.to_bytes(comment=comment))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def to_bytes(self, *, comment: str = "") -> bytes:
        """The bytes of a standalone database file."""
        schema = wire.encode(dict(self.schema.json) or self.schema.to_json())
        transaction: dict[str, Any] = {
            table: {str(uuid): msgspec.Raw(row) for uuid, row in rows.items()}
            for table, rows in self.rows.items()
            if rows
        }
        if not transaction:
            return write_record(schema)
        transaction["_date"] = int(time.time() * 1000)
        if comment:
            transaction["_comment"] = comment
        return write_record(schema) + write_record(wire.encode(transaction))


class _Members:
    """A set or a map that differences are applied to: by what tells its members apart, each member or pair."""

    def __init__(self, type: ColumnType, json: Any) -> None:
        self._type = type
        self._word = "map" if type.is_map else "set"
        self.held = dict(self._members(json))

    def _members(self, json: Any) -> Iterable[tuple[Any, Any]]:
        is_map = self._type.is_map
        members = json[1] if isinstance(json, list) and json and json[0] == self._word else [json]
        for member in members:
            atom = member[0] if is_map else member
            # Of a uuid what stands beside the word.
            yield atom[1] if isinstance(atom, list) else atom, member

    def toggle(self, difference: _Members) -> None:
        """Members that are there go, others come; a pair whose value is another gets that value."""
        held = self.held
        for key, member in difference.held.items():
            known = held.get(key)
            if known is not None and (not self._type.is_map or known == member):
                del held[key]
            else:
                held[key] = member

    def after(self, before: msgspec.Raw | _Members | None) -> _Members:
        """What this difference makes of what was there; None is the default."""
        if before is None:
            # The installed servers take it for the whole value here, which is another one where zero is a default.
            before = _Members(self._type, [self._word, [_ZEROS[self._type.key.type]] if self._type.min else []])
        elif not isinstance(before, _Members):
            before = _Members(self._type, wire.value(before))
        before.toggle(self)
        return before

    def json(self) -> Any:
        return [self._word, list(self.held.values())]


_Cells = dict[str, Any]
"""A row while it is changed: by column its JSON as Raw, or _Members."""


class Builder:
    """Contents that are put together from the transactions of a file."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._rows: dict[str, dict[UUID, bytes | _Cells]] = {}
        self.date: float | None = None
        """When the last transaction was committed, in seconds since 1970."""
        self._set_schema(schema)

    @classmethod
    def from_json(cls, json: bytes) -> Self:
        """From the JSON of a <database-schema>. Raises ValueError where it is none."""
        return cls(_schema_json(json))

    def _set_schema(self, schema: Mapping[str, Any]) -> None:
        self.schema = DatabaseSchema.from_json(schema)
        self._columns = {name: table.columns for name, table in self.schema.tables.items()}

    def convert(self, json: bytes) -> None:
        """Go on under another schema, with what of the rows it has. Raises ValueError where it is none."""
        self._set_schema(_schema_json(json))
        self._rows = {name: rows for name, rows in self._rows.items() if name in self._columns}
        for name, rows in self._rows.items():
            kept = self._columns[name]
            for uuid, row in rows.items():
                cells = _cells(row)
                if not cells.keys() <= kept.keys():
                    rows[uuid] = {column: value for column, value in cells.items() if column in kept}

    def apply(self, json: bytes) -> None:
        """Apply the JSON of a transaction record. Raises ValueError where it cannot be, and then nothing of it is."""
        try:
            self._apply(_OBJECT.decode(json))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, LookupError, TypeError) as exc:
            raise ValueError(f"this is no transaction: {exc}") from exc

    def _apply(self, members: dict[str, msgspec.Raw]) -> None:
        is_diff = wire.value(members.get("_is_diff", msgspec.Raw(b"false"))) is True
        date = wire.value(members.get("_date", msgspec.Raw(b"null")))
        changes = {
            name: self._understood(name, _TABLE.decode(value), is_diff=is_diff)
            for name, value in members.items()
            if name not in _NOT_TABLES
        }
        for name, changed in changes.items():
            rows = self._rows.setdefault(name, {})
            for uuid, row in changed.items():
                if row is None:
                    del rows[uuid]
                elif isinstance(row, bytes):
                    rows[uuid] = row
                else:
                    rows[uuid] = self._changed(_cells(rows[uuid]), row)
        if isinstance(date, int):
            self.date = date / (1 if date < _SECONDS else 1000)

    def _understood(
        self, table: str, changes: dict[UUID, msgspec.Raw], *, is_diff: bool
    ) -> dict[UUID, bytes | _Cells | None]:
        """Of each row None where it goes, its JSON where it is new, and what changes of it."""
        if table not in self._columns:
            raise ValueError(f"there is no table {table!r} in the schema")
        known = self._rows.get(table, {})
        understood: dict[UUID, bytes | _Cells | None] = {}
        for uuid, raw in changes.items():
            json = bytes(raw)
            if json == b"null":
                if uuid not in known:
                    raise ValueError(f"it deletes row {uuid} of {table}, which is not there")
                understood[uuid] = None
            elif json[:1] != b"{":
                raise ValueError(f"row {uuid} of {table} is {json[:80]!r}")
            elif uuid in known:
                understood[uuid] = self._differences(table, _OBJECT.decode(json), is_diff=is_diff)
            else:
                understood[uuid] = json
        return understood

    def _differences(self, table: str, cells: dict[str, msgspec.Raw], *, is_diff: bool) -> _Cells:
        columns = self._columns[table]
        found: _Cells = {}
        for name, raw in cells.items():
            if name not in columns:
                raise ValueError(f"there is no column {name!r} of table {table} in the schema")
            type = columns[name].type
            # One value is told whole, also as a difference.
            found[name] = _members(type, raw) if is_diff and type.max != 1 else raw
        return found

    @staticmethod
    def _changed(cells: _Cells, changes: _Cells) -> _Cells:
        for name, change in changes.items():
            cells[name] = change.after(cells.get(name)) if isinstance(change, _Members) else change
        return cells

    def contents(self) -> Contents:
        """All rows as they are now."""
        rows = {
            name: {
                uuid: row if isinstance(row, bytes) else _json(row) for uuid, row in self._rows.get(name, {}).items()
            }
            for name in self.schema.tables
        }
        return Contents(self.schema, rows)


def _schema_json(json: bytes) -> Mapping[str, Any]:
    schema = wire.value(json)
    if not isinstance(schema, dict):
        raise ValueError("this is no schema of a database")  # noqa: TRY004 - it is of the file
    return schema


def _members(type: ColumnType, raw: msgspec.Raw) -> _Members:
    try:
        return _Members(type, wire.value(raw))
    except (LookupError, TypeError) as exc:
        raise ValueError(f"a difference of a set or map is {bytes(raw)[:80]!r}") from exc


def _cells(row: bytes | _Cells) -> _Cells:
    return _OBJECT.decode(row) if isinstance(row, bytes) else row


def _json(cells: _Cells) -> bytes:
    return wire.encode({name: cell.json() if isinstance(cell, _Members) else cell for name, cell in cells.items()})
