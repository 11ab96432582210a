"""Watching rows: each change once and in order, with the row before and after."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

import attrs

from ovnkit.errors import Closed, ProtocolError, Timeout, WatchOverflow
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.guard import new_lock
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.store import RowChange, Store

__all__ = ["Event", "Watch"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@attrs.frozen
class Event(Generic[R_co]):
    """A row entered the filter (insert), changed within it (update) or left it (delete).

    ``before`` is None for insert, ``after`` for delete. ``initial`` marks what was there when the watch began.
    """

    kind: Literal["insert", "update", "delete"]
    before: R_co | None
    after: R_co | None
    initial: bool = False

    @property
    def row(self) -> R_co:
        """The row as it is, or as it was before it left."""
        row = self.before if self.after is None else self.after
        assert row is not None
        return row


class Watch(Generic[R]):
    """The events of one table. Iterate, or call ``next(timeout=)``; ``close()`` ends it, also from another thread.

    Differences over a reconnect are events like all others. A reader that falls ``limit`` changes behind gets
    WatchOverflow.
    """

    def __init__(self, store: Store, matches: Filter, *, closed: Callable[[], bool], limit: int = 1_000_000) -> None:
        self._store = store
        self._matches = matches
        self._client_closed = closed
        self._limit = limit
        self._changes: deque[RowChange] = deque()
        self._guard = new_lock()
        self._arrived = threading.Condition(self._guard)
        self._overflown = False
        self._closed = False
        # Held while listening begins, so that no change is taken in before what was there.
        with self._guard:
            present = store.listen(self._take_in, matches.row_class._table)
            self._initial: deque[Any] = deque(present)

    def _take_in(self, changes: list[RowChange]) -> None:
        row_class = self._matches.row_class
        with self._guard:
            for change in changes:
                if change.row_class is row_class:
                    self._changes.append(change)
            if len(self._changes) > self._limit:
                self._overflown = True
                self._changes.clear()
                self._store.unlisten(self._take_in)
            self._arrived.notify_all()

    def next(self, timeout: float | None = None) -> Event[R]:
        """The next event; waits for one, at most ``timeout`` seconds, then raises Timeout. After close(): Closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = None if self._closed else self._next_present()
            if event is not None:
                return event
            with self._guard:
                while self._closed or not self._changes:
                    if self._overflown:
                        raise WatchOverflow(self._matches.row_class._table, self._limit)
                    if self._closed or self._client_closed():
                        raise Closed(self._matches.row_class._table, "the watch was closed")
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise Timeout(f"a change of {self._matches.row_class._table}", timeout or 0.0)
                    self._arrived.wait(left)
                change = self._changes.popleft()
            event = self._event(change)
            if event is not None:
                return event

    def _next_present(self) -> Event[R] | None:
        while self._initial:
            row = self._initial.popleft()
            if self._is_in(row):
                return Event("insert", None, row, initial=True)
        return None

    def _is_in(self, row: Row[Any] | None) -> bool:
        try:
            return row is not None and self._matches(row)
        except ProtocolError:
            # What cannot be read matches nothing; once the server has said it rightly, the row comes in.
            return False

    def _event(self, change: RowChange) -> Event[R] | None:
        before: Any = change.before if self._is_in(change.before) else None
        after: Any = change.after if self._is_in(change.after) else None
        if before is None:
            return None if after is None else Event("insert", None, after)
        return Event("delete", before, None) if after is None else Event("update", before, after)

    def close(self) -> None:
        """Stop watching; a waiting reader gets Closed, an iteration ends."""
        self._closed = True
        self._store.unlisten(self._take_in)
        self._take_in([])

    def __iter__(self) -> Iterator[Event[R]]:
        while True:
            try:
                yield self.next()
            except Closed:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
