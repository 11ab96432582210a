"""The rows of ``ovs.db.idl``, made of the same bytes as ours, for code that was written for them, such as ovsdbapp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import ovs.db.error
from ovs.db.custom_index import IndexedRows, MultiColumnIndex
from ovs.db.data import Datum
from ovs.db.idl import ROW_CREATE, ROW_DELETE, ROW_UPDATE, ColumnDefaultDict, Notice
from ovs.db.idl import Row as StockRow

from ovnkit.ovsdb import wire
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.store import RowChange

__all__ = ["apply", "fill", "keep_indexes", "prepare"]


class _LazyColumns(ColumnDefaultDict):  # type: ignore[misc]
    """The committed columns of a row, each made when it is first read."""

    __slots__ = ("_cells", "_raw")

    def __init__(self, table: Any, raw: bytes) -> None:
        super().__init__(table)
        self._raw = raw
        self._cells: dict[str, Any] | None = None

    def _json(self) -> dict[str, Any]:
        if self._cells is None:
            self._cells = dict(wire.value(self._raw))
        return self._cells

    def __missing__(self, name: str) -> Any:
        json = self._json().get(name)
        datum = None
        if json is not None:
            try:
                datum = Datum.from_json(self._table.columns[name].type, json)
            except ovs.db.error.Error:
                # A word that is newer than the schema at hand: stock reads the default.
                datum = None
        if datum is None:
            datum = _default(self._table.columns[name].type)
        self[name] = datum
        return datum

    def get(self, name: str, default: Any = None) -> Any:
        column = self._table.columns.get(name)
        if column is None or (name not in self._json() and (not column.type.n_min or column.type.is_map())):
            return default
        return self[name]


def _default(type: Any) -> Any:
    # That of `ovs` has an atom in the place of the value where a value is required.
    required = type.n_min and not type.is_map()
    return Datum(type, {type.key.type.default_atom(): None}) if required else Datum.default(type)


class _Index(MultiColumnIndex):  # type: ignore[misc]
    """An index that also takes in the rows that are there when it is made, and outlives transactions that fail.

    A transaction of `ovs` puts a row where it is to be as soon as an indexed column is written, and forgets that when
    it is sent or aborted. Until the update comes the row's own value does not say under which it is found.
    """

    def __init__(self, name: str, rows: Any) -> None:
        self._moved: dict[UUID, Any] = {}
        super().__init__(name)
        self._rows = rows

    def add_column(self, column: str, *arguments: Any, **named: Any) -> None:
        super().add_column(column, *arguments, **named)
        self._fill()

    def add_columns(self, *columns: str) -> None:
        super().add_columns(*columns)
        self._fill()

    def add(self, row: Any) -> None:
        if not all(hasattr(row, column.column) for column in self.columns):
            # As in `ovs`: a new row whose columns are not set yet comes later.
            return
        entry = self.index_entry_from_row(row)
        self.values.add(entry)
        if row._idl.txn is not None:
            self._moved[row.uuid] = entry
            row._idl.unsettled.add(self)

    def remove(self, row: Any) -> None:
        self.values.discard(self._moved.pop(row.uuid, None) or self.index_entry_from_row(row))

    def settle(self) -> None:
        """Put back what no update has moved: no transaction is under way any more."""
        for uuid, entry in self._moved.items():
            self.values.discard(entry)
            if uuid in self._rows:
                self.values.add(self.index_entry_from_row(self._rows[uuid]))
        self._moved.clear()

    def clear(self) -> None:
        super().clear()
        self._moved.clear()

    def _fill(self) -> None:
        self.clear()
        self.values.update(self.index_entry_from_row(row) for row in list(self._rows.values()))


class _Rows(IndexedRows):  # type: ignore[misc]
    def index_create(self, name: str) -> _Index:
        if name in self.indexes:
            raise ValueError(f"an index named {name} exists already")
        index = self.indexes[name] = _Index(name, self)
        return index


def prepare(idl: Any) -> None:
    """Give every table rows whose indexes can be made at any time."""
    for table in idl.tables.values():
        table.rows = _Rows(table)


def fill(idl: Any, rows: dict[str, Iterable[Row[Any]]]) -> None:
    """Give every table its rows, all at once and without notices; its indexes are there already."""
    for name, present in rows.items():
        table = idl.tables[name]
        made = {row.uuid: [StockRow(idl, table, row.uuid, _LazyColumns(table, row._raw))] for row in present}
        table.rows.data.update(made)
        for index in table.rows.indexes.values():
            index.values.update(index.index_entry_from_row(row) for (row,) in made.values())


def keep_indexes(earlier: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
    """Give tables of another schema the indexes of those before, where their columns are still there."""
    for name, table in tables.items():
        for index in earlier[name].rows.indexes.values() if name in earlier else ():
            if all(column.column in table.columns for column in index.columns):
                table.rows.index_create(index.name).columns.extend(index.columns)


def apply(idl: Any, changes: list[RowChange]) -> list[Any]:
    """Do the same to the tables of ``idl``; returns the notices, for ``idl.notify()``."""
    notices = []
    for change in changes:
        table = idl.tables.get(change.table)
        if table is None:
            continue
        rows, uuid = table.rows, change.uuid
        idl.cooperative_yield()
        if change.before is None:
            assert change.after is not None
            row = rows[uuid] = StockRow(idl, table, uuid, _LazyColumns(table, change.after._raw))
            notices.append(Notice(ROW_CREATE, row))
        elif change.after is None:
            row = rows[uuid]
            del rows[uuid]
            notices.append(Notice(ROW_DELETE, row))
        else:
            # The row stays where it is: another thread may be looking for it.
            row = rows[uuid]
            changed = _changed(change.before, change.after) & table.columns.keys()
            moving = [index for index in rows.indexes.values() if any(part.column in changed for part in index.columns)]
            old = {name: row._data[name] for name in changed}
            for index in moving:
                index.remove(row)
            row.__dict__["_data"] = _LazyColumns(table, change.after._raw)
            for index in moving:
                index.add(row)
            notices.append(Notice(ROW_UPDATE, row, StockRow(idl, table, uuid, old)))
    return notices


def _changed(before: Row[Any], after: Row[Any]) -> set[str]:
    old, new = wire.value(before._raw), wire.value(after._raw)
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}
