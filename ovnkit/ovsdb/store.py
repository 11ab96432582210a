"""The rows of one database in memory: each update applied as a whole, read by any thread."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from ovnkit.errors import ProtocolError
from ovnkit.ovsdb import collector, wire
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.guard import new_lock
from ovnkit.ovsdb.index import Index, IndexKey
from ovnkit.ovsdb.row import Database, ReplicatedTable, Row
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.snapshot import Snapshot
from ovnkit.ovsdb.table import Table
from ovnkit.ovsdb.values import Ref

__all__ = ["RowChange", "Store"]

_Staged = dict[str, dict[UUID, Row[Any] | None]]
_Reindexed = tuple[Index, UUID, Iterable[Any], Iterable[Any]]
"""A row, and what an index knew it by before and after."""

_BULK = 2000
"""From so many rows in one message on, the garbage collector is paused."""


class RowChange(NamedTuple):
    """What became of one row: ``before`` is None for a new row, ``after`` for one that went.

    ``columns`` are those that can differ, None for all of them.
    """

    # A tuple, because a first synchronisation makes one for each row of the database.
    before: Row[Any] | None
    after: Row[Any] | None
    columns: frozenset[str] | None = None

    @property
    def row(self) -> Row[Any]:
        """The row as it is, or as it was before it went."""
        row = self.before if self.after is None else self.after
        assert row is not None
        return row

    @property
    def row_class(self) -> type[Row[Any]]:
        """The class of the row."""
        return type(self.row)

    @property
    def uuid(self) -> UUID:
        """The uuid of the row."""
        return self.row.uuid

    @property
    def table(self) -> str:
        """The table of the row."""
        replicated = self.row._replicated
        assert replicated is not None
        return replicated.schema.name


class Store:
    """The rows of one database, each update applied as a whole; any thread may read.

    ``changed``, a condition on the ``lock`` of all this, is notified after each update. Listeners are called without
    any lock held, in the order of the updates.
    """

    def __init__(
        self, database: type[Database], schema: DatabaseSchema, monitored: Mapping[str, frozenset[str]]
    ) -> None:
        self.database = database
        self.lock = new_lock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self._indexes_made = 0
        self._listeners: list[Callable[[list[RowChange]], None]] = []
        # By id, because a set of weak references takes longer to look through than most updates to apply.
        self._snapshots: dict[int, weakref.ref[Snapshot]] = {}
        self._set_schema(schema, monitored)

    def set_schema(self, schema: DatabaseSchema, monitored: Mapping[str, frozenset[str]]) -> None:
        """The server has another schema from now on. Rows stay until the next dump, but for those of tables that went.

        Whoever has a snapshot, or looks through a table at this moment, has the tables as they were.
        """
        with self.lock:
            kept = self.tables
            self._set_schema(schema, monitored)
            for name, table in self.tables.items():
                if name in kept:
                    table.rows = dict(kept[name].rows)
                    table.declared = tuple(dict.fromkeys((*table.declared, *kept[name].declared)))
            self._snapshots.clear()
            gone = kept.keys() - self.tables.keys()
            changes = [RowChange(row, None) for name in gone for row in kept[name].rows.values()]
            listeners = self._next_version()
        _tell(listeners, changes)

    def _next_version(self) -> list[Callable[[list[RowChange]], None]]:
        """Wake who waits for a change; returns who is to be told of it, without the lock that is held here."""
        self.version += 1
        self.changed.notify_all()
        return list(self._listeners)

    def _set_schema(self, schema: DatabaseSchema, monitored: Mapping[str, frozenset[str]]) -> None:
        self.schema = schema
        self.replicated = {name: ReplicatedTable(schema.tables[name], columns) for name, columns in monitored.items()}
        self.tables = {name: Table(table, self.database.row_class(name)) for name, table in self.replicated.items()}

    # -- reading ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All rows as they are at this moment."""
        with self.lock:
            snapshot = Snapshot(self)
            key = id(snapshot)
            self._snapshots[key] = weakref.ref(snapshot, lambda _: self._snapshots.pop(key, None))
            return snapshot

    def release(self, snapshot: Snapshot) -> None:
        """The snapshot will not be read any more: what rows were need not be kept for it."""
        with self.lock:
            self._snapshots.pop(id(snapshot), None)

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table at this moment."""
        with self.lock:
            return list(self.tables[table].rows.values())

    def get(self, table: str, uuid: UUID) -> Row[Any] | None:
        """One row."""
        with self.lock:
            return self.tables[table].rows.get(uuid)

    def find(self, matches: Filter) -> list[Row[Any]]:
        """The rows that match; none where the table is not replicated."""
        table = self.tables.get(matches.row_class._table)
        return [] if table is None else self.find_in(table, matches, None)

    def find_in(self, table: Table, matches: Filter, before: Mapping[UUID, Row[Any] | None] | None) -> list[Row[Any]]:
        """The rows of a table that match, by an index where there is one.

        ``before`` tells what rows were that a snapshot has to show otherwise than they are.
        """
        for key, value in matches.lookups(table.declared):
            index = self._index(table, key)
            if index is not None:
                found = self._by_index(table, index, value, before)
                return found if not before and matches.is_decided_by(key) else [row for row in found if matches(row)]
        candidates = self.all(table, before)
        return [row for row in candidates if matches(row)] if matches.columns else candidates

    def all(self, table: Table, before: Mapping[UUID, Row[Any] | None] | None) -> list[Row[Any]]:
        """All rows of a table; ``before`` as above."""
        with self.lock:
            if not before:
                return list(table.rows.values())
            kept = [row for uuid, row in table.rows.items() if uuid not in before]
            return kept + [row for row in before.values() if row is not None]

    def referrers(
        self, table: Table, column: str, ref: Ref[Any], before: Mapping[UUID, Row[Any] | None] | None
    ) -> list[Row[Any]]:
        """The rows of a table that refer to a row in one column; ``before`` as above."""
        key = IndexKey((column,), references=True)
        index = self._index(table, key)
        rows = self.all(table, before) if index is None else self._by_index(table, index, ref.uuid, before)
        return [row for row in rows if ref.uuid in key.values(row)]

    def _by_index(
        self, table: Table, index: Index, value: Any, before: Mapping[UUID, Row[Any] | None] | None
    ) -> list[Row[Any]]:
        """The rows that may have a value, all of one moment."""
        with self.lock:
            if not before:
                return [table.rows[uuid] for uuid in index.find(value)]
            found = [table.rows[uuid] for uuid in index.find(value) if uuid not in before]
            return found + [row for row in before.values() if row is not None]

    def declare_index(self, table: str, key: IndexKey) -> None:
        """Have find() look for such an index from now on. It is made when it is first needed."""
        with self.lock:
            held = self.tables[table]
            held.declared = tuple(dict.fromkeys((*held.declared, key)))

    def _index(self, table: Table, key: IndexKey) -> Index | None:
        """An index, made if need be; None while another thread makes it, or where its columns are not replicated."""
        index = table.indexes.get(key)
        if index is None:
            if not set(key.columns) <= table.replicated.monitored:
                return None
            with self.lock:
                if key in table.indexes:
                    return None
                index = table.indexes[key] = Index(key)
                self._indexes_made += 1
                rows = list(table.rows.values())
            try:
                index.fill(rows)
            except BaseException:
                del table.indexes[key]
                raise
            with self.lock:
                index.finish()
        return index if index.complete else None

    # -- listening -------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[list[RowChange]], None], table: str) -> list[Row[Any]]:
        """Call ``listener`` with the changes of each later update; returns what the table holds before the first.

        It is also called without any change when no more will come. A table that is not replicated holds nothing.
        """
        with self.lock:
            self._listeners.append(listener)
            return list(self.tables[table].rows.values()) if table in self.tables else []

    @property
    def has_listeners(self) -> bool:
        """Whether anybody is told of changes."""
        return bool(self._listeners)

    def unlisten(self, listener: Callable[[list[RowChange]], None]) -> None:
        """Stop calling ``listener``."""
        with self.lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def end(self) -> None:
        """Wake everybody who waits for a change: no more will come."""
        with self.lock:
            self.changed.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener([])

    # -- updates ---------------------------------------------------------------------------------------------------

    def apply(self, updates: wire.Updates, *, afresh: bool) -> list[RowChange]:
        """Apply the <table-updates2> of one message; ``afresh`` where it holds the whole content.

        Returns what changed. Raises ValueError where it cannot be applied, and then nothing of it is.
        """
        if sum(map(len, updates.values())) < _BULK:
            return self._apply(updates, afresh=afresh)
        with collector.paused():
            return self._apply(updates, afresh=afresh)

    def _apply(self, updates: wire.Updates, *, afresh: bool) -> list[RowChange]:
        # Nothing else changes the tables, so this needs no lock, and readers wait for the last step alone. Nothing is
        # stored before all of the message has been understood.
        staged, gone, changes = self._understood(updates, afresh=afresh)
        indexes = self._indexes_made
        reindexed = self._reindexed(changes)
        with self.lock:
            if indexes != self._indexes_made:
                reindexed = self._reindexed(changes)
            try:
                self._put(staged, gone, reindexed)
            except BaseException:
                # Ctrl-C, in the thread of a caller. Nobody may see half of it, and to do it again does no harm.
                self._put(staged, gone, reindexed)
                raise
            listeners = self._next_version()
        _tell(listeners, changes)
        return changes

    def _put(self, staged: _Staged, gone: dict[str, list[UUID]], reindexed: list[_Reindexed]) -> None:
        if self._snapshots:
            self._keep_for_snapshots(staged)
        for name, new in staged.items():
            rows = self.tables[name].rows
            # Takes the hashes along; a uuid makes its own anew each time, in Python.
            rows.update(new)  # type: ignore[arg-type]
            for uuid in gone.get(name, ()):
                rows.pop(uuid, None)
        for index, uuid, before_values, after_values in reindexed:
            index.replace(uuid, before_values, after_values)

    def _understood(
        self, updates: wire.Updates, *, afresh: bool
    ) -> tuple[_Staged, dict[str, list[UUID]], list[RowChange]]:
        """The new rows, with None for those that go, the uuids of these, and what changes by that."""
        staged: _Staged = {}
        going: dict[str, list[UUID]] = {}
        changes: list[RowChange] = []
        for name, rows in updates.items():
            table = self.tables.get(name)
            if table is None:
                raise ValueError(f"the server sent rows of table {name!r}, which was not asked for")
            new = staged[name] = table.all_updated(rows)
            known = table.rows
            going[name] = [uuid for uuid, after in new.items() if after is None]
            if known:
                changes += [
                    RowChange(before, after, modified)
                    for uuid, after in new.items()
                    if _differ(before := known.get(uuid), after, modified := _modified(rows[uuid]))
                ]
            else:
                changes += [RowChange(None, after) for after in new.values() if after is not None]
        if afresh:
            for name, table in self.tables.items():
                gone = table.rows.keys() - staged.get(name, {}).keys() if table.rows else ()
                if gone:
                    changes += [RowChange(table.rows[uuid], None) for uuid in gone]
                    staged.setdefault(name, {}).update(dict.fromkeys(gone))
                    going.setdefault(name, []).extend(gone)
        return staged, going, changes

    def _reindexed(self, changes: list[RowChange]) -> list[_Reindexed]:
        """What becomes of the indexes; found out before anything is stored, because a value may prove unreadable."""
        found: list[_Reindexed] = []
        if not self._indexes_made:
            return found
        for change in changes:
            for index in list(self.tables[change.table].indexes.values()):
                if change.columns is not None and change.columns.isdisjoint(index.key.columns):
                    continue
                values = index.key.values
                before = () if change.before is None else values(change.before)
                after = () if change.after is None else values(change.after)
                if before != after:
                    found.append((index, change.uuid, before, after))
        return found

    def _keep_for_snapshots(self, staged: _Staged) -> None:
        for held in list(self._snapshots.values()):
            snapshot = held()
            if snapshot is None:
                continue
            for name, new in staged.items():
                kept, rows = snapshot.before.setdefault(name, {}), self.tables[name].rows
                for uuid in new:
                    if uuid not in kept:
                        kept[uuid] = rows.get(uuid)


def _tell(listeners: Iterable[Callable[[list[RowChange]], None]], changes: list[RowChange]) -> None:
    if changes:
        for listener in listeners:
            listener(changes)


def _modified(update: wire.RowUpdate) -> frozenset[str] | None:
    """The columns that can differ by an update, None for all of them."""
    return None if update.modify is None else frozenset(update.modify)


def _differ(before: Row[Any] | None, after: Row[Any] | None, modified: frozenset[str] | None) -> bool:
    """Whether a row is another than before; it can be in the columns ``modified`` alone, None for all."""
    if before is None or after is None:
        return before is not after
    # Equal values may be written differently: members in another order, defaults left out.
    if before._raw == after._raw:
        return False
    try:
        if modified is None or not modified <= before._columns.keys():
            return before != after
        return any(before._peek(name) != getattr(after, name) for name in modified)
    except ProtocolError:
        # One of them holds what cannot be read, which is no reason not to replace it.
        return True
