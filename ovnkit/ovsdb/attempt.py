"""One transaction on its way: sent, looked up where the reply was lost, and sent again, until its outcome is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from ovnkit.errors import Closed, Conflict, OutcomeUnknown, OvnkitError, Timeout, TransactionFailed
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.connection import Connection
from ovnkit.ovsdb.outcome import DUPLICATE_UUID, failure
from ovnkit.ovsdb.pending import Operation, Pending, PendingRow
from ovnkit.ovsdb.request import Lost, Reply
from ovnkit.ovsdb.row import ReplicatedTable, Row
from ovnkit.ovsdb.store import Store

__all__ = ["Attempt"]

_SETTLING_OF_CLUSTER = 2.5
_SETTLING = 0.3
"""Seconds after the end of a session in which what was sent on it may still be applied. In a cluster it may be in the
log of a member that is going to be the leader, which commits it with the first entry of its own."""
_LOOK_AGAIN = 0.1
_REPEATED = 0.1
"""Seconds from which on a member of a cluster may have carried out a transaction twice: see _may_be_repeated()."""


class Attempt:
    """The same operations, with the same uuids, however often they have to be sent."""

    def __init__(
        self, connection: Connection, store: Store, pending: Pending, operations: list[Operation], timeout: float
    ) -> None:
        self._connection = connection
        self._store = store
        self._pending = pending
        self._operations = operations
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._sent_before = False
        self._session: object = None
        """That on which it was sent and lost; None when it has ended."""
        self._sent_at = 0.0
        self._lost_at = 0.0
        self._denied_by: set[str] = set()
        self.outcome: Future[None] = Future()
        """None once it was applied, else the typed error. It is set in a thread that reads from the session."""
        # It will be sent: who holds the future cannot cancel that.
        self.outcome.set_running_or_notify_cancel()

    def send(self) -> None:
        """Send it, and see to it that the outcome becomes known before the deadline. Raises Closed."""
        self._sent_at = time.monotonic()
        self._connection.submit(self._operations, self._deadline, self._ended)

    # -- in a thread that reads from the session -----------------------------------------------------------------------

    def _ended(self, reply: Reply) -> None:
        try:
            self._answered(reply)
        except Exception as exc:
            # Whatever a server says, there is an outcome. It may have been applied: nobody can tell from this.
            self._lost(Lost(f"the reply was not understood: {exc!r}", self._connection.session))
            raise

    def _answered(self, reply: Reply) -> None:
        if isinstance(reply, list):
            error = failure(self._operations, reply)
            if error is None or (error.error == DUPLICATE_UUID and (self._sent_before or self._is_clustered)):
                self.outcome.set_result(None)
            elif self._sent_before:
                # The guards are those of the first time: they fail where that was applied after all.
                self._look_up_refused(error)
            elif self._may_be_repeated(error):
                self._look_up_repeated(error)
            else:
                self.outcome.set_exception(error)
        elif isinstance(reply, Lost):
            self._lost(reply)
        elif self._sent_before:
            self._unknown(self._why(reply))
        elif isinstance(reply, Timeout):
            self.outcome.set_exception(type(reply)(reply.waited_for, self._timeout))
        else:
            self.outcome.set_exception(reply)

    def _lost(self, reply: Lost) -> None:
        self._lost_at = time.monotonic()
        self._session = reply.session
        self._sent_before = True
        if self._lost_at >= self._deadline:
            self._unknown(str(reply))
        else:
            # What was sent may still be applied while this looks, so that only a yes counts.
            self._look_up(lambda applied: self.outcome.set_result(None) if applied else self._send_again())

    def _send_again(self) -> None:
        try:
            self.send()
        except Closed as exc:
            self._unknown(str(exc))

    def _look_up_refused(self, error: TransactionFailed) -> None:
        asked_at = time.monotonic()

        def told(applied: bool | None) -> None:  # noqa: FBT001 - a verdict
            if applied is None:
                self._unknown(_CHANGED_SINCE)
            elif applied:
                self.outcome.set_result(None)
            elif self._may_be_stale():
                # A member that is cut off without knowing it goes by old values; another has to say the same.
                self._connection.idl.force_reconnect()
                self._connection.later(time.monotonic() + _LOOK_AGAIN, self._send_again)
            elif asked_at >= self._settled_at:
                self.outcome.set_exception(error)
            elif self._settled_at >= self._deadline:
                self._unknown(_MAY_COME)
            else:
                # What was sent first may still come, and then be no longer refused.
                self._connection.later(self._settled_at, lambda: self._look_up_refused(error))

        self._look_up(told)

    def _may_be_repeated(self, error: TransactionFailed) -> bool:
        """Whether this may be a cluster's refusal of what it has applied.

        A member repeats what it had sent to a leader that is none any more, while the next leader may have that in its
        log. A new row tells for certain; of a change it is only thought of where the answer took its time.
        """
        if not self._is_clustered or not isinstance(error, Conflict):
            return False
        return self._has_inserts or time.monotonic() - self._sent_at > _REPEATED

    def _look_up_repeated(self, error: TransactionFailed) -> None:
        session = self._connection.session

        def told(applied: bool | None) -> None:  # noqa: FBT001 - a verdict
            if self._connection.session is not session:
                # Another member, which may be behind the one that refused it.
                self._sent_before, self._lost_at = True, time.monotonic()
                self._look_up_refused(error)
            elif not applied:
                self.outcome.set_exception(error)
            elif self._has_inserts or all(item.deleted for item in self._items):
                self.outcome.set_result(None)
            else:
                self._unknown(_BY_WHOM)

        self._look_up(told)

    @property
    def _has_inserts(self) -> bool:
        return any(item.base is None for item in self._items)

    @property
    def _is_clustered(self) -> bool:
        return bool(self._connection.idl.clustered)

    def _may_be_stale(self) -> bool:
        """Whether only one member of a cluster has said so far that it was not applied."""
        self._denied_by.add(self._connection.server)
        return self._is_clustered and len(self._denied_by) < min(2, self._connection.servers)

    @property
    def _settled_at(self) -> float:
        """When nothing can be applied any more that was sent on a session that has ended."""
        return self._lost_at + (_SETTLING_OF_CLUSTER if self._is_clustered else _SETTLING)

    def _unknown(self, reason: str) -> None:
        self.outcome.set_exception(OutcomeUnknown(reason, self.resolve))

    def _why(self, reply: Lost | OvnkitError) -> str:
        if not isinstance(reply, Timeout):
            return str(reply)
        # It is the question or the repetition that was not sent.
        trouble = self._connection.trouble
        return f"the reply was lost, and no server could be asked{f' ({trouble})' if trouble else ''}"

    def _look_up(self, then: Callable[[bool | None], object]) -> None:
        lookups = self._lookups()

        def answered(reply: Reply) -> None:
            if isinstance(reply, list):
                try:
                    applied = self._verdict(lookups, reply)
                except OutcomeUnknown as exc:
                    self.outcome.set_exception(exc)
                else:
                    then(applied)
            elif isinstance(reply, Lost) and time.monotonic() < self._deadline:
                # To ask again does no harm.
                self._look_up(then)
            else:
                self._unknown(self._why(reply))

        try:
            self._connection.submit(lookups, self._deadline, answered)
        except Closed as exc:
            self._unknown(str(exc))

    # -- afterwards, in any other thread ---------------------------------------------------------------------------

    def resolve(self, timeout: float) -> bool:
        """Whether it was applied, from the database as it is now. Raises OutcomeUnknown where it cannot be told.

        That it was not is only said when it cannot be any more: the session on which it was sent is ended, and what a
        cluster may have in its logs has had the time to show.
        """
        deadline = time.monotonic() + timeout
        lookups = self._lookups()
        while True:
            asked_at = time.monotonic()
            applied = self._verdict(lookups, self._asked(lookups, deadline))
            if applied is None:
                raise OutcomeUnknown(_CHANGED_SINCE, self.resolve)
            if applied:
                return True
            self._end_session()
            if asked_at >= self._settled_at:
                session = self._connection.session
                if not self._may_be_stale():
                    return False
                self._drop(session)
            if time.monotonic() + _LOOK_AGAIN > deadline:
                raise OutcomeUnknown(_MAY_COME, self.resolve)
            time.sleep(_LOOK_AGAIN)

    def _end_session(self) -> None:
        if self._session is not None:
            self._drop(self._session)
            # If it had ended before, nobody knows when.
            self._lost_at = time.monotonic()
            self._session = None

    def _drop(self, session: object) -> None:
        try:
            self._connection.drop(session)
        except Closed as exc:
            raise OutcomeUnknown(str(exc), self.resolve) from exc

    def _asked(self, lookups: list[Operation], deadline: float) -> list[Any]:
        while True:
            try:
                return self._connection.query(lookups, deadline)
            except Lost as exc:
                if time.monotonic() >= deadline:
                    raise OutcomeUnknown(str(exc), self.resolve) from exc
            except (Closed, Timeout) as exc:
                raise OutcomeUnknown(self._why(exc), self.resolve) from exc

    # -- what is there ---------------------------------------------------------------------------------------------

    def _lookups(self) -> list[Operation]:
        # Asked of the server, because the replica may leave out tables, columns and rows.
        return [
            {"op": "select", "table": item.row._table, "where": [["_uuid", "==", ["uuid", str(item.row.uuid)]]]}
            for item in self._items
        ]

    @property
    def _items(self) -> list[PendingRow]:
        return [item for item in self._pending.items.values() if item.changes_something]

    def _verdict(self, lookups: list[Operation], results: list[Any]) -> bool | None:
        try:
            error = failure(lookups, results)
            if error is not None:
                raise error
            items = self._items
            found = [self._row(item.row, result["rows"]) for item, result in zip(items, results, strict=True)]
            return _applied(zip(items, found, strict=True))
        except Exception as exc:
            raise OutcomeUnknown(f"what the server has there was not understood: {exc}", self.resolve) from exc

    def _row(self, row: Row[Any], selected: list[dict[str, Any]]) -> Row[Any] | None:
        if not selected:
            return None
        schema = self._store.schema.tables[row._table]
        raw = wire.encode(selected[0])
        return type(row)._stored(row.uuid, raw, ReplicatedTable(schema, frozenset(schema.columns)))


_CHANGED_SINCE = "another writer has changed the same columns since"
_BY_WHOM = "the cluster refused it, but the columns are as it leaves them, and another writer may have set the same"
_MAY_COME = "it is not there, but may still come"


def _applied(found: Iterable[tuple[PendingRow, Row[Any] | None]]) -> bool | None:
    """Whether the rows are as the transaction leaves them (True), as they were before it (False), or neither (None).

    A new row decides for the whole transaction, because its uuid was chosen here and is nobody else's. Guards alone
    leave nothing behind, and count as not applied.
    """
    verdicts: set[bool | None] = set()
    for item, now in found:
        if item.base is None:
            return now is not None
        if item.deleted:
            verdicts.add(now is None)
        elif now is None:
            verdicts.add(None)
        else:
            columns = [(getattr(now, name), before, after, name in item.whole) for name, before, after in item.columns]
            if all(_holds(value, before, after, whole=whole) for value, before, after, whole in columns):
                verdicts.add(True)
            elif all(_holds(value, after, before, whole=whole) for value, before, after, whole in columns):
                verdicts.add(False)
            else:
                verdicts.add(None)
    return False if not verdicts else verdicts.pop() if len(verdicts) == 1 else None


def _holds(now: Any, before: Any, after: Any, *, whole: bool) -> bool:
    """Whether a column is as after an edit; where not the ``whole`` was set, only edited members and keys count."""
    if now == after or whole:
        return bool(now == after)
    if isinstance(after, frozenset):
        return (after - before) <= now and not (before - after) & now
    put = {key: value for key, value in after.items() if before.get(key) != value}
    return put.items() <= now.items() and not (before.keys() - after.keys()) & now.keys()
