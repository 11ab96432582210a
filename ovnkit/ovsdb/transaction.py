"""Transactions: reads that see their own writes, and one commit that ends as applied, not applied or unknown."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar

from ovnkit.errors import (
    InvalidValue,
    NotFound,
    NotOnServer,
    NotUnique,
    TransactionFailed,
)
from ovnkit.ovsdb import codec
from ovnkit.ovsdb.attempt import Attempt
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.connection import Connection
from ovnkit.ovsdb.edits import Exactly
from ovnkit.ovsdb.lock import Lock
from ovnkit.ovsdb.operations import build, wait_absent, wait_columns
from ovnkit.ovsdb.pending import Operation, Pending, PendingRow, View
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.schema import STRING
from ovnkit.ovsdb.store import Store
from ovnkit.ovsdb.tables import Tables
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.ovsdb.typing import Editable, Readable

__all__ = ["Transaction"]

D = TypeVar("D", bound=Database)
T = TypeVar("T")
R = TypeVar("R", bound=Row[Any])
P = ParamSpec("P")


class Transaction(Generic[D]):
    """An atomic change of one database, made by ``client.transaction()``.

    Leaving ``with`` commits, an exception discards. For one thread at a time.
    """

    def __init__(
        self,
        connection: Connection,
        store: Store,
        *,
        comment: str | None,
        timeout: float,
        durable: bool,
    ) -> None:
        self._connection = connection
        self._store = store
        self._tables = Tables(store)
        if comment is not None:
            refer = store.database.row_class
            comment = codec.normalise_atom(STRING, comment, refer, table="transaction", column="comment")
        self._comment = comment
        self._timeout = timeout
        self._durable = durable
        self._view = View(store)
        self._pending = Pending(store.database)
        self._done = False

    # -- reading ---------------------------------------------------------------------------------------------------

    def find(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> list[T]:
        """All rows that match, as this transaction would leave them."""
        matches = self._tables.filter(table, columns)
        rows: list[Any] = self._view.find(matches, self._pending)
        return rows

    def get(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> T:
        """The one row that matches. Raises NotFound or NotUnique."""
        matches = self._tables.filter(table, columns)
        found: list[Any] = self._view.find(matches, self._pending)
        if not found:
            raise NotFound(matches.row_class._table, dict(columns))
        if len(found) > 1:
            raise NotUnique(matches.row_class._table, dict(columns), tuple(row.uuid for row in found))
        return found[0]  # type: ignore[no-any-return]

    def __getitem__(self, ref: Ref[R]) -> R:
        """The row that a reference names. Raises NotFound, and NotMonitored unless it was inserted here."""
        table = ref.row_class._table
        if (table, ref.uuid) not in self._pending.items:
            self._tables.filter(ref.row_class, {})
        row: Any = self._view.get(table, ref.uuid, self._pending)
        if row is None:
            raise NotFound(table, {"_uuid": str(ref.uuid)})
        return row  # type: ignore[no-any-return]

    # -- writing ---------------------------------------------------------------------------------------------------

    def _insert(self, row: R) -> Ref[R]:
        self._check_open()
        self._tables.check_class(type(row))
        if row._uuid is not None:
            raise InvalidValue(
                table=row._table, column="_uuid", value=row.uuid, allowed="a row made in Python; this one is stored"
            )
        item = self._pending.insert(row, self._connection.uuids.draw())
        try:
            # Also what equals OVSDB's default, which need not be legal.
            for name, value in row.__dict__.items():
                self._check_value(item.row, name, value)
        except BaseException:
            self._pending.delete(item.row)
            raise
        ref: Ref[Any] = item.row.ref
        return ref

    def update(self, row: Editable[D, P], /, *args: P.args, **columns: P.kwargs) -> None:
        """Set columns of a row that was read, or edit members of them with Add, Remove and Put.

        Columns whose value does not change are left out. The old values are guarded: if another writer changed them
        since they were read, the commit raises Conflict. Raises InvalidValue before anything is sent.
        """
        self._check_open()
        own: Any = row
        self._tables.check_class(type(own))
        if own._uuid is None:
            raise InvalidValue(
                table=own._table, column="_uuid", value=None, allowed="a row that was read, or use insert()"
            )
        item = self._pending.items.get((own._table, own.uuid))
        new = item is None
        if item is not None and item.deleted:
            raise NotFound(own._table, {"_uuid": str(own.uuid)})
        trial = PendingRow(own, inserted=False) if item is None else item.copy()
        outdated = []
        for name, value in columns.items():
            column = type(own)._column(name)
            if item is not None and item.outdates(own, name, value):
                outdated.append(name)
            before = getattr(trial.row, name) if column.is_checked else None
            trial.set(name, value)
            if column.is_checked:
                column.check_format(value, before)
            self._check_value(trial.row, name, getattr(trial.row, name), base=trial.base)
        if not new or any(True for _ in trial.columns):
            self._pending.put(trial)
        if outdated:
            self._pending.guards.append(wait_columns(own, outdated))

    def delete(self, row: Row[D] | Ref[Row[D]]) -> None:
        """Delete a row, and take it out of the sets that hold it. Weak references to it are emptied by the server."""
        self._check_open()
        current: Any = self[row if isinstance(row, Ref) else row.ref]
        for referrer, name in list(self._pending.referrers(self._view, current, strong=True)):
            self._pending.edit(referrer).release(name, current.ref)
        self._pending.delete(current)

    def check(self, row: Row[D]) -> None:
        """Guard a whole row: the commit raises Conflict if any column differs from what this snapshot says.

        Of a row that this transaction has changed itself, what it was before counts.
        """
        self._check_open()
        self._tables.check_class(type(row))
        item = self._pending.items.get((row._table, row.uuid))
        as_read = item.base if item is not None and item.comes_from(row) else row
        if as_read is not None:
            live = self._store.schema.tables[row._table].columns
            names = [name for name in row._columns if name in live and row._readable(name)]
            self._pending.guards.append(wait_columns(as_read, names))

    def check_none(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> None:
        """Guard an absence: the commit raises Conflict if there is a row with these columns by then.

        For inserts into tables whose schema has no unique index. A set counts where it includes the given members. Rows
        that this transaction has deleted or changed away by now do not count.
        """
        self._check_open()
        matches = self._tables.filter(table, columns)
        own = matches.row_class
        if any(isinstance(value, Exactly) for value in columns.values()):
            raise TypeError("check_none() takes plain values")
        self._tables.check_class(own)
        values = {name: own._normalise(name, value) for name, value in columns.items()}
        for name in values:
            if self._tables.live_column(own, name) is None:
                raise NotOnServer(own._table, name, since=own._column(name).since, found=self._store.schema.version)
        own_rows = self._pending.of(own._table).values()
        gone = [
            item.row.uuid
            for item in own_rows
            if item.base is not None and matches(item.base) and (item.deleted or not matches(item.row))
        ]
        self._pending.guards.append(wait_absent(own, values, but=gone))

    def check_lock(self, lock: Lock) -> None:
        """Guard a lock of this client: the commit raises LockNotHeld if the server says that another has it by then."""
        self._check_open()
        self._pending.guards.append({"op": "assert", "lock": lock.name})

    def _check_value(self, row: Row[Any], name: str, value: Any, *, base: Row[Any] | None = None) -> None:
        column = row._columns[name]
        live = self._tables.live_column(type(row), name)
        if live is None:
            if value != codec.default(column.type, self._store.database.row_class):
                raise NotOnServer(row._table, name, since=column.since, found=self._store.schema.version)
            return
        if base is not None and not live.mutable and value != getattr(base, name):
            raise InvalidValue(
                table=row._table, column=name, value=value, allowed="no change after the row is inserted"
            )
        codec.check_limits(live.type, value, table=row._table, column=name)

    # -- committing ------------------------------------------------------------------------------------------------

    def changes(self) -> Changes:
        """What the commit would change, rows that the server removes by itself included."""
        return Changes(self._pending.settled(self._view).changes())

    def _joined(self, body: Callable[[Any], Ref[Any] | None], *, dry_run: bool) -> Changes:
        """Run an operation as part of this transaction, all of it or nothing; returns what it adds to the changes."""
        self._check_open()
        savepoint = self._pending.copy()
        before = savepoint.settled(self._view)
        try:
            ref = body(self)
            changes = Changes(self._pending.settled(self._view).changes(before), ref=ref)
        except BaseException:
            self._pending = savepoint
            raise
        if dry_run:
            self._pending = savepoint
        return changes

    def operations(self) -> list[Operation]:
        """The operations of RFC 7047 that the commit would send; empty when there is nothing to do."""
        return build(self._pending, comment=self._comment, durable=self._durable)

    def commit(self) -> None:
        """Commit and wait for the outcome.

        Raises Conflict, ConstraintViolation, ReferentialViolation, PermissionDenied or Unreferenced when nothing was
        applied, Timeout when nothing was sent, and OutcomeUnknown when it cannot be told within the timeout.
        """
        self._connection.check_may_wait()
        outcome = self.submit()
        self._connection.take_in_until(outcome)
        outcome.result()

    def submit(self) -> Future[None]:
        """Commit without waiting. The future ends as commit() would.

        Its callbacks are called in a thread that reads from the server, and must not wait for the client.
        """
        self._check_open()
        self._pending.check_referenced()
        operations = self.operations()
        self._end()
        if not operations:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        attempt = Attempt(self._connection, self._store, self._pending, operations, self._timeout)
        attempt.send()
        return attempt.outcome

    def discard(self) -> None:
        """Give up what was not committed."""
        self._end()

    def _end(self) -> None:
        self._done = True
        self._view.end()

    def _check_open(self) -> None:
        if self._done:
            raise TransactionFailed("transaction is over", "it was committed or discarded; open a new one")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        elif not self._done:
            self.commit()
