"""The rows of one table of the replica, and what an update makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ovnkit.ovsdb import codec, wire
from ovnkit.ovsdb.index import Index, IndexKey
from ovnkit.ovsdb.row import ReplicatedTable, Row

__all__ = ["Table"]

_CHECKED = 1 << 20
"""Bytes of a row up to which it is read when it comes. For a longer one that would take its size once more."""


class Table:
    """The rows of one table, with its indexes."""

    def __init__(self, replicated: ReplicatedTable, row_class: type[Row[Any]]) -> None:
        self.replicated = replicated
        self.row_class = row_class
        self.rows: dict[UUID, Row[Any]] = {}
        self.indexes: dict[IndexKey, Index] = {}
        known = row_class._columns.keys()
        unique = [IndexKey(columns) for columns in replicated.schema.indexes if known >= set(columns)]
        # What people look rows up by, also where the schema does not make it unique.
        named = [IndexKey(("name",))] if "name" in known else []
        self.declared: tuple[IndexKey, ...] = tuple(dict.fromkeys(unique + named))

    def all_updated(self, updates: Mapping[UUID, wire.RowUpdate]) -> dict[UUID, Row[Any] | None]:
        """All rows after an update, None for those that go. Raises ValueError where it cannot be applied."""
        rows: dict[UUID, Row[Any] | None] = {}
        stored, replicated = self.row_class._stored, self.replicated
        for uuid, update in updates.items():
            raw = bytes(update.initial)
            # Most of what ever comes is a dump, and of a row in it nothing else needs to be looked at.
            plain = raw[:1] == b"{" and update.modify is None and not update.delete
            rows[uuid] = stored(uuid, raw, replicated) if plain else self.updated(uuid, update)
        return rows

    def updated(self, uuid: UUID, update: wire.RowUpdate) -> Row[Any] | None:
        """The row after a <row-update2>, None where it goes. Raises ValueError where it cannot be applied."""
        raw = bytes(update.initial) or bytes(update.insert)
        if (update.modify is not None or update.delete) and (raw or (update.modify is not None and update.delete)):
            raise ValueError(f"the server tells two things of row {uuid} of {self.replicated.schema.name}")
        if not raw:
            if update.delete:
                return None
            before = self.rows.get(uuid)
            if before is None or update.modify is None:
                name = self.replicated.schema.name
                raise ValueError(f"the server modified row {uuid} of {name}, which it had not told of")
            return self._modified(before, update.modify)
        if raw[:1] != b"{":
            raise ValueError(f"row {uuid} of {self.replicated.schema.name} is {raw[:80]!r}")
        row = self.row_class._stored(uuid, raw, self.replicated)
        if update.insert and self.row_class._columns and len(raw) <= _CHECKED:
            # Whether all of it can be read; what it says is found out when it is asked for.
            self.row_class._whole_reader()(raw)
        return row

    def _modified(self, before: Row[Any], difference: Mapping[str, Any]) -> Row[Any]:
        cells = wire.row(before._raw)
        for name, diff in difference.items():
            type = self.replicated.schema.columns[name].type
            if type.max == 1:
                cells[name] = diff
                continue
            # A row comes without the columns that have their defaults.
            refer = before._database.row_class if before._table else (lambda _table: Row)
            old = wire.value(cells[name]) if name in cells else codec.encode(codec.default(type, refer))
            cells[name] = wire.Raw(wire.encode(codec.apply_diff(type, old, wire.value(diff))))
        after = self.row_class._stored(before._uuid, wire.encode(cells), self.replicated)
        # What has been read of the row before need not be read again.
        after.__dict__.update(before.__dict__)
        for name in difference:
            after.__dict__.pop(name, None)
        if len(after._raw) <= _CHECKED:
            for name in difference.keys() & after._columns.keys():
                after.__dict__[name] = after._read(after._columns[name])
        return after
