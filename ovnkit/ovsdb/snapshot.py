"""What a transaction reads: the rows of one moment, while the replica goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.ovsdb.store import Store

__all__ = ["Snapshot"]


class Snapshot:
    """The rows of one moment: what one transaction reads in several steps belongs together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.tables = store.tables
        """Those of the schema of that moment; they change no more once there is another."""
        self.before: dict[str, dict[UUID, Row[Any] | None]] = {}
        """What rows were that have changed since, by table; None for those that were not there."""

    def _before(self, table: str) -> dict[UUID, Row[Any] | None]:
        # Not get(): an update may come before the table is looked at.
        return self.before.setdefault(table, {})

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table; none where it is not replicated."""
        held = self.tables.get(table)
        return [] if held is None else self._store.all(held, self._before(table))

    def get(self, table: str, uuid: UUID) -> Row[Any] | None:
        """One row; None where it is not there or the table is not replicated."""
        with self._store.lock:
            before = self.before.get(table, {})
            if uuid in before:
                return before[uuid]
            return self.tables[table].rows.get(uuid) if table in self.tables else None

    def find(self, matches: Filter) -> list[Row[Any]]:
        """The rows that match; none where the table is not replicated."""
        name = matches.row_class._table
        held = self.tables.get(name)
        return [] if held is None else self._store.find_in(held, matches, self._before(name))

    def referrers(self, row_class: type[Row[Any]], column: str, ref: Ref[Any]) -> list[Row[Any]]:
        """The rows of a table that refer to a row in one column."""
        name = row_class._table
        held = self.tables.get(name)
        return [] if held is None else self._store.referrers(held, column, ref, self._before(name))
