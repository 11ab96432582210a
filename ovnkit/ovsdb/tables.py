"""Which tables and columns this client can read and this server has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ovnkit.errors import NotMonitored, NotOnServer
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.schema import ColumnSchema
from ovnkit.ovsdb.store import Store

__all__ = ["Tables"]


class Tables:
    """Answers from the live schema and from what is monitored."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check_class(self, row_class: Any) -> None:
        """Raise TypeError for a row of another database, NotOnServer for a table that this server lacks."""
        self._check_database(row_class)
        if row_class._table not in self._store.schema.tables:
            raise NotOnServer(row_class._table, since=row_class._since, found=self._store.schema.version)

    def live_column(self, row_class: type[Row[Any]], name: str) -> ColumnSchema | None:
        """The column in the live schema, None where this server lacks it."""
        return self._store.schema.tables[row_class._table].columns.get(name)

    def has(self, what: Column[Any] | type[Row[Any]]) -> bool:
        """Whether the server has this table or column."""
        row_class: type[Row[Any]] = what.row_class if isinstance(what, Column) else what
        self._check_database(row_class)
        table = self._store.schema.tables.get(row_class._table)
        return table is not None and (not isinstance(what, Column) or what.name in table.columns)

    def filter(self, row_class: Any, columns: dict[str, Any]) -> Filter:
        """A filter whose table and columns can be read here.

        Raises NotMonitored where they are not replicated. A table or column that this server lacks reads as empty.
        """
        self.check_readable(row_class, columns)
        return Filter(row_class, columns)

    def check_readable(self, row_class: Any, columns: Iterable[str]) -> None:
        """Raise TypeError for a row of another database, NotMonitored for a table or column that is not replicated."""
        self._check_database(row_class)
        table = row_class._table
        if table not in self._store.schema.tables:
            return
        replicated = self._store.replicated.get(table)
        if replicated is None:
            raise NotMonitored(table)
        for name in columns:
            if name in replicated.schema.columns and name not in replicated.monitored:
                raise NotMonitored(table, name)

    def _check_database(self, row_class: Any) -> None:
        if not isinstance(row_class, type) or not issubclass(row_class, Row) or not row_class._table:
            raise TypeError(f"{row_class!r} is not a row class")
        if row_class._database is not self._store.database:
            own, other = self._store.database.name, row_class._database.name
            raise TypeError(f"{row_class.__name__} is a table of {other}, not of {own}")

    def rows(self, table: str) -> list[Row[Any]]:
        """The rows of a table by its name. Raises NotOnServer and NotMonitored."""
        if table not in self._store.schema.tables:
            raise NotOnServer(table, found=self._store.schema.version)
        if table not in self._store.replicated:
            raise NotMonitored(table)
        return self._store.rows(table)

    def monitored_rows(self, table: str) -> list[Row[Any]]:
        """The rows of a table; none where it is not replicated."""
        return self._store.rows(table) if table in self._store.replicated else []

    def monitored_row(self, table: str, uuid: UUID) -> Row[Any] | None:
        """One row; None where it is not there or the table is not replicated."""
        return self._store.get(table, uuid) if table in self._store.replicated else None
