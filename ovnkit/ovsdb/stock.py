"""The rows of ``ovs.db.idl``, made of the same bytes as ours, for code that was written for them, such as ovsdbapp."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ovs.db.error
from ovs.db.data import Datum
from ovs.db.idl import ROW_CREATE, ROW_DELETE, ROW_UPDATE, ColumnDefaultDict, Notice
from ovs.db.idl import Row as StockRow

from ovnkit.ovsdb import wire
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.store import RowChange

__all__ = ["apply", "fill"]


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


def fill(idl: Any, rows: dict[str, Iterable[Row[Any]]]) -> None:
    """Give every table its rows, all at once and without notices; its indexes are there already."""
    for name, present in rows.items():
        table = idl.tables[name]
        made = {row.uuid: [StockRow(idl, table, row.uuid, _LazyColumns(table, row._raw))] for row in present}
        table.rows.data.update(made)
        for index in table.rows.indexes.values():
            index.values.update(index.index_entry_from_row(row) for (row,) in made.values())


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
            row = rows[uuid]
            del rows[uuid]
            old = {name: row._data[name] for name in _changed(change.before, change.after) if name in table.columns}
            row.__dict__["_data"] = _LazyColumns(table, change.after._raw)
            rows[uuid] = row
            notices.append(Notice(ROW_UPDATE, row, StockRow(idl, table, uuid, old)))
    return notices


def _changed(before: Row[Any], after: Row[Any]) -> set[str]:
    old, new = wire.value(before._raw), wire.value(after._raw)
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}
