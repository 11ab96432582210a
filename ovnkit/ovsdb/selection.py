"""What a client replicates of a database: from ``connect(monitor=…)`` and the live schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ovnkit.errors import InvalidValue, NotOnServer
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.operations import conditions
from ovnkit.ovsdb.replica import Selection
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.schema import DatabaseSchema

__all__ = ["Monitor", "Select"]

D = TypeVar("D", bound=Database)
K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)


class _Items(Protocol[K_co, V_co]):
    """A mapping whose keys may be of a narrower type, which Mapping does not permit."""

    def items(self) -> Iterable[tuple[K_co, V_co]]: ...


Monitor = _Items[type[Row[D]], Sequence[Column[Any]] | Mapping[str, Any] | None]
"""What to replicate, a mapping from tables: all columns (None), some (a sequence), or rows with one column's value."""


class Select:
    """What to replicate of a database, for whatever schema the server has."""

    def __init__(self, database: type[Database], monitor: Monitor[Any] | None, left_out: Iterable[str]) -> None:
        self._database = database
        self._monitor = monitor
        self._left_out = frozenset(left_out)

    def __call__(self, schema: DatabaseSchema) -> Selection:
        """Raises TypeError for tables and columns of others, InvalidValue and NotOnServer."""
        if self._monitor is None:
            tables = {name: table for name, table in schema.tables.items() if name not in self._left_out}
            return Selection({name: frozenset(table.columns) for name, table in tables.items()})
        columns, where = {}, {}
        for row_class, what in self._monitor.items():
            if row_class._database is not self._database:
                other = row_class._database.name
                raise TypeError(f"{row_class.__name__} is a table of {other}, not of {self._database.name}")
            if row_class._table not in schema.tables:
                continue
            live = frozenset(schema.tables[row_class._table].columns)
            columns[row_class._table] = live
            if isinstance(what, Mapping):
                where[row_class._table] = _condition(row_class, what, live, schema.version)
            elif what is not None:
                for column in what:
                    if column.row_class is not row_class:
                        raise TypeError(f"{column!r} is not a column of {row_class.__name__}")
                columns[row_class._table] = live & {column.name for column in what}
        return Selection(columns, where)


def _condition(row_class: type[Row[Any]], what: Mapping[str, Any], live: frozenset[str], version: str) -> list[Any]:
    if len(what) != 1:
        allowed = "one column: of several conditions a server gives the rows that meet any"
        raise InvalidValue(table=row_class._table, column="monitor", value=dict(what), allowed=allowed)
    values = {name: row_class._normalise(name, value) for name, value in what.items()}
    for name in values.keys() - live:
        raise NotOnServer(row_class._table, name, since=row_class._columns[name].since, found=version)
    return conditions(values)
