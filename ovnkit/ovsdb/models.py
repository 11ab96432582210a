"""What the row classes of a database say, as a schema."""

from __future__ import annotations

from typing import Any

import attrs

from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.schema import BaseType, ColumnSchema, DatabaseSchema, TableSchema

__all__ = ["schema_of"]


def schema_of(database: type[Database], release: str | None = None) -> DatabaseSchema:
    """The schema that the row classes of a database make, such as ``schema_of(NB)``; ``to_json()`` writes it out.

    That of the newest release, or of an older one (``"25.03"``), whose columns then are as wide as those of any
    release. Raises ValueError for a release that the classes do not know.
    """
    releases = list(database.releases)
    number = releases[-1] if release is None else release
    if number not in releases:
        raise ValueError(f"{database.name} is known of the releases {', '.join(releases)}, not of {number}")
    span = _Releases(releases, number)
    tables = [span.table(row_class) for row_class in database.tables.values() if span.has(row_class)]
    return DatabaseSchema(database.name, database.releases[number], {table.name: table for table in tables})


@attrs.frozen
class _Releases:
    order: list[str]
    chosen: str

    def has(self, row_class: type[Row[Any]]) -> bool:
        return self._within(row_class._since, row_class._until)

    def table(self, row_class: type[Row[Any]]) -> TableSchema:
        columns = [
            self._column(column) for column in row_class._columns.values() if self._within(column.since, column.until)
        ]
        return TableSchema(
            row_class._table,
            {column.name: column for column in columns},
            row_class._root,
            row_class._indexes,
            row_class._max_rows,
        )

    def _column(self, column: Column[Any]) -> ColumnSchema:
        type = attrs.evolve(column.type, key=self._base(column.type.key, column))
        return ColumnSchema(column.name, type, not column.immutable, column.ephemeral)

    def _base(self, base: BaseType, column: Column[Any]) -> BaseType:
        if base.enum is None or not column.gone:
            return base
        return attrs.evolve(
            base, enum=frozenset(word for word in base.enum if self._within(None, column.gone.get(str(word))))
        )

    def _within(self, since: str | None, until: str | None) -> bool:
        at = self.order.index
        return (since is None or at(since) <= at(self.chosen)) and (until is None or at(self.chosen) < at(until))
