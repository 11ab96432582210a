"""The replica: a subclass of ``ovs.db.idl.Idl`` that keeps rows as they came, and publishes each update as a whole."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import attrs
import ovs.db.idl
from ovs.db.idl import SchemaHelper

from ovnkit.ovsdb import codec
from ovnkit.ovsdb.row import Database, ReplicatedTable, Row
from ovnkit.ovsdb.schema import DatabaseSchema

__all__ = ["Idl", "RowChange", "Snapshot", "Store"]


@attrs.frozen
class RowChange:
    """What became of one row: ``before`` is None for a new row, ``after`` for one that went."""

    before: Row[Any] | None
    after: Row[Any] | None

    @property
    def row_class(self) -> type[Row[Any]]:
        """The class of the row."""
        row = self.before if self.after is None else self.after
        assert row is not None
        return type(row)


class Snapshot:
    """The rows of one moment: what one transaction reads in several steps belongs together."""

    def __init__(self, tables: Mapping[str, Mapping[UUID, Row[Any]]]) -> None:
        self._tables = tables

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table; none where it is not replicated."""
        return list(self._tables.get(table, {}).values())

    def get(self, table: str, uuid: UUID) -> Row[Any] | None:
        """One row; None where it is not there or the table is not replicated."""
        return self._tables.get(table, {}).get(uuid)


class Store:
    """The rows of one database, each update applied as a whole; any thread may read.

    ``changed`` is notified after each update. Listeners are called without any lock held, in the order of the updates.
    """

    def __init__(
        self, database: type[Database], schema: DatabaseSchema, monitored: Mapping[str, frozenset[str]]
    ) -> None:
        self.database = database
        self.schema = schema
        self.changed = threading.Condition(threading.RLock())
        self.version = 0
        self.replicated = {name: ReplicatedTable(schema.tables[name], columns) for name, columns in monitored.items()}
        self._tables: dict[str, dict[UUID, Row[Any]]] = {name: {} for name in monitored}
        self._listeners: list[Callable[[list[RowChange]], None]] = []
        self._snapshots: weakref.WeakSet[Snapshot] = weakref.WeakSet()

    def snapshot(self) -> Snapshot:
        """All rows as they are at this moment; while it lives, tables that change are copied."""
        with self.changed:
            snapshot = Snapshot(dict(self._tables))
            self._snapshots.add(snapshot)
            return snapshot

    def release(self, snapshot: Snapshot) -> None:
        """The snapshot will not be read any more: tables need not be copied for it."""
        with self.changed:
            self._snapshots.discard(snapshot)

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table at this moment."""
        with self.changed:
            return list(self._tables[table].values())

    def get(self, table: str, uuid: UUID) -> Row[Any] | None:
        """One row."""
        with self.changed:
            return self._tables[table].get(uuid)

    def listen(self, listener: Callable[[list[RowChange]], None], table: str) -> list[Row[Any]]:
        """Call ``listener`` with the changes of each later update; returns what the table holds before the first.

        It is also called without any change when no more will come. A table that is not replicated holds nothing.
        """
        with self.changed:
            self._listeners.append(listener)
            return list(self._tables.get(table, {}).values())

    def unlisten(self, listener: Callable[[list[RowChange]], None]) -> None:
        """Stop calling ``listener``."""
        with self.changed:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def end(self) -> None:
        """Wake everybody who waits for a change: no more will come."""
        with self.changed:
            self.changed.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener([])

    def apply(self, updates: Mapping[str, Any], *, afresh: bool) -> bool:
        """Apply the <table-updates2> of one message; ``afresh`` where it holds the whole content.

        True if anything changed.
        """
        # Nothing else changes the tables, so this needs no lock, and readers wait for the last step alone. Nothing is
        # stored before all of the message has been understood.
        changes: list[RowChange] = []
        staged: dict[str, dict[UUID, Row[Any] | None]] = {}
        for name, rows in updates.items():
            known, new = self._tables[name], staged.setdefault(name, {})
            for text, update in rows.items():
                uuid = UUID(text)
                before = known.get(uuid)
                new[uuid] = after = self._updated(name, uuid, before, update)
                if _differ(before, after):
                    changes.append(RowChange(before, after))
        if afresh:
            gone = {name: known.keys() - staged.get(name, {}).keys() for name, known in self._tables.items()}
            for name, uuids in gone.items():
                changes += [RowChange(self._tables[name][uuid], None) for uuid in uuids]
                staged.setdefault(name, {}).update(dict.fromkeys(uuids))
        with self.changed:
            for name, rows in staged.items():
                if rows and len(self._snapshots):
                    self._tables[name] = dict(self._tables[name])
                table = self._tables[name]
                for uuid, row in rows.items():
                    if row is None:
                        table.pop(uuid, None)
                    else:
                        table[uuid] = row
            self.version += 1
            self.changed.notify_all()
            listeners = list(self._listeners)
        if changes:
            for listener in listeners:
                listener(changes)
        return bool(changes)

    def _updated(self, name: str, uuid: UUID, before: Row[Any] | None, update: Mapping[str, Any]) -> Row[Any] | None:
        replicated = self.replicated[name]
        raw: dict[str, Any]
        if "delete" in update:
            return None
        if "modify" in update:
            if before is None:
                raise ValueError(f"the server modified row {uuid} of {name}, which it had not told of")
            raw = dict(before._raw)
            for column, diff in update["modify"].items():
                type = replicated.schema.columns[column].type
                old = raw.get(column)
                if old is None:
                    # A row comes without the columns that have their defaults.
                    old = codec.encode(codec.default(type, self.database.row_class))
                raw[column] = codec.apply_diff(type, old, diff)
        else:
            raw = update["insert"] if "insert" in update else update["initial"]
        return self.database.row_class(name)._stored(uuid, raw, replicated)


def _differ(before: Row[Any] | None, after: Row[Any] | None) -> bool:
    if before is None or after is None:
        return before is not after
    # Equal values may be written differently: members in another order, defaults left out.
    return before._raw != after._raw and before != after


# The members that are overridden here are private to it, so that only their full names reach them.
_Stock: Any = ovs.db.idl.Idl


class Idl(ovs.db.idl.Idl):  # type: ignore[misc]
    """Keeps the rows of ``store`` in step with the server. The protocol is that of ``ovs``.

    With ``stock_rows`` the tables of ``ovs.db.idl.Idl`` are kept as well, for code written for it, such as ovsdbapp.
    """

    def __init__(
        self,
        remote: str,
        schema_json: Mapping[str, Any],
        store: Store,
        *,
        leader_only: bool = False,
        probe_interval: int | None = None,
        stock_rows: bool = False,
    ) -> None:
        helper = SchemaHelper(None, schema_json)
        for name, table in store.replicated.items():
            helper.register_columns(name, sorted(table.monitored))
        super().__init__(remote, helper, probe_interval=probe_interval, leader_only=leader_only)
        self.store = store
        self.in_doubt: BaseException | None = None
        self._stock_rows = stock_rows
        self._afresh = True

    def monitor_only(self, conditions: Mapping[str, Iterable[Any]]) -> None:
        """Set the <condition>s of tables; before the first run()."""
        for table, where in conditions.items():
            self.cond_change(table, list(where))

    def _Idl__clear(self) -> None:  # noqa: N802
        self._afresh = True
        if self._stock_rows:
            _Stock._Idl__clear(self)

    def _Idl__do_parse_update(self, updates: Any, version: Any, tables: Any) -> None:  # noqa: N802
        if tables is self.server_tables:
            _Stock._Idl__do_parse_update(self, updates, version, tables)
            return
        if self.in_doubt is not None:
            return
        try:
            if version not in (ovs.db.idl.OVSDB_UPDATE2, ovs.db.idl.OVSDB_UPDATE3):
                raise ValueError(f"the server sends {version!r}, which is older than monitor_cond of Open vSwitch 2.6")
            # Stock parsing adds defaults to the rows it is given.
            if self.store.apply(_copied(updates) if self._stock_rows else updates, afresh=self._afresh):
                self.change_seqno += 1
            self._afresh = False
            if self._stock_rows:
                _Stock._Idl__do_parse_update(self, updates, version, tables)
        except Exception as exc:  # noqa: BLE001
            # The replica may differ from the server from here on: whoever drives run() starts again from nothing.
            self.in_doubt = exc


def _copied(updates: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {uuid: {kind: dict(row) if row else row for kind, row in update.items()} for uuid, update in rows.items()}
        for name, rows in updates.items()
    }
