"""The thread that drives the replica and carries transactions to the server."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from ovs.db.idl import Transaction as IdlTransaction
from ovs.jsonrpc import Message
from ovs.poller import POLLIN, Poller

from ovnkit.errors import Closed, Timeout
from ovnkit.ovsdb import streams
from ovnkit.ovsdb.replica import Idl, Store

__all__ = ["Connection", "Lost", "State"]

log = logging.getLogger(__name__)

T = TypeVar("T")
State = Literal["connecting", "synchronising", "ready", "reconnecting", "closed"]

_BACKOFF = (1000, 2000)
"""Milliseconds between attempts to connect: the shortest and the longest."""
_FAVOUR_SECONDS = 5.0
_LONGEST_SLEEP_SECONDS = 3600.0
_ZERO_ID = "00000000-0000-0000-0000-000000000000"


class Lost(Exception):
    """The transaction was sent, and its reply will not come. Never leaves the engine."""


class _Poll:
    """``select.poll()`` that adds up what is asked of a descriptor, as ``ovs`` does: first to write, then to read.

    That of ``ovs`` is made of ``select.select()``, which stops at file descriptor 1024.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._events: dict[int, int] = {}
        self.poll = self._poll.poll

    def register(self, fd: Any, events: int) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        self._events[number] = self._events.get(number, 0) | events
        self._poll.register(number, self._events[number])


class _Request:
    """A transaction on its way. `ovs` calls the two members that it would call of its own transactions."""

    def __init__(self, operations: list[dict[str, Any]], deadline: float) -> None:
        self.operations = operations
        self.deadline = deadline
        self.future: Future[Any] = Future()
        self.sent_as: Any = None

    def _process_reply(self, message: Message) -> None:
        if message.type == Message.T_ERROR:
            self.future.set_result([message.error if isinstance(message.error, dict) else {"error": message.error}])
        else:
            self.future.set_result(message.result)

    def _abort(self, status: Any) -> None:
        if status == IdlTransaction.TRY_AGAIN and not self.future.done():
            self.future.set_exception(Lost("the connection was lost before the reply came"))

    _status = property(None, _abort)


class Connection:
    """One session with one database, kept up by a thread of its own."""

    def __init__(
        self,
        remote: str,
        names: list[streams.StreamName],
        schema_json: Mapping[str, Any],
        store: Store,
        *,
        leader_only: bool,
        conditions: Mapping[str, Iterable[Any]],
    ) -> None:
        self._remote = remote
        self._names = names
        self._store = store
        self._idl = Idl(",".join(names), schema_json, store, leader_only=leader_only)
        self._idl.monitor_only(conditions)
        session = self._idl._session
        session.reconnect.set_backoff(*_BACKOFF)
        # Begin with the one that is known to answer.
        session.remotes, session.next_remote = list(names), 0
        session.pick_remote()
        self._next_favour = 0.0
        self._queue: deque[_Request] = deque()
        self._unanswered: list[_Request] = []
        self._closing = False
        self._was_ready = False
        self._pid = os.getpid()
        self.state: State = "connecting"
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"ovnkit {remote}", daemon=True)
        self._thread.start()

    def submit(self, operations: list[dict[str, Any]], deadline: float) -> Future[Any]:
        """Send a transaction as soon as the replica is complete; the future is the list of results.

        It fails with Timeout where nothing was sent before the deadline (``time.monotonic()``), with Lost where it was
        sent but the reply cannot come or did not come in time.
        """
        self.check_usable()
        request = _Request(operations, deadline)
        self._queue.append(request)
        self._wake()
        if self.state == "closed":
            # The thread may have looked at the queue for the last time before this request was in it.
            self._fail_queued()
        return request.future

    def result(self, future: Future[T]) -> T:
        """Wait for the result. RuntimeError in the thread that brings results, which would wait for itself."""
        self.check_may_wait()
        return future.result()

    def check_may_wait(self) -> None:
        """Raise RuntimeError in the thread that brings results and changes."""
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "a callback of a future must not wait for a commit or a change; call submit(), or use another thread"
            )

    @property
    def is_own(self) -> bool:
        """Whether the thread is one of this process, not of the one that this was forked from."""
        return os.getpid() == self._pid

    def check_usable(self) -> None:
        """Raise Closed after close() and in a forked child."""
        if not self.is_own:
            raise Closed(self._remote, "this client was made in another process; connect again after a fork")
        if self._closing:
            raise Closed(self._remote, "this client was closed; connect again")

    def close(self) -> None:
        """End the thread and the session. What is in flight fails as Lost."""
        self._closing = True
        if self.is_own:
            self._wake()
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def _wake(self) -> None:
        # Full: the thread will wake anyway. Closed: there is nobody to wake.
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        finally:
            self._closing = True
            self.state = "closed"
            self._idl.close()
            streams.forget(self._names)
            self._fail_all()
            self._wake_read.close()
            self._wake_write.close()
            self._store.end()

    def _turn(self) -> None:
        self._idl.run()
        if self._idl.in_doubt is not None:
            log.error("the replica may differ from the server and is fetched again: %r", self._idl.in_doubt)
            self._idl.in_doubt = None
            self._idl.last_id = _ZERO_ID
            self._idl.force_reconnect()
        self._note_state()
        self._send_queued()
        next_deadline = self._expire()
        poller: Any = Poller()
        poller.poll = _Poll()
        self._idl.wait(poller)
        poller.fd_wait(self._wake_read.fileno(), POLLIN)
        if next_deadline is not None:
            left = min(max(0.0, next_deadline - time.monotonic()), _LONGEST_SLEEP_SECONDS)
            poller.timer_wait(int(left * 1000) + 1)
        poller.block()
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def _note_state(self) -> None:
        connected = self._idl._session.is_connected()
        ready = connected and self._idl.state == Idl.IDL_S_MONITORING
        self._was_ready |= ready
        if ready and time.monotonic() >= self._next_favour:
            # Each server may be tried once at once, but one that drops us again and again is not.
            self._next_favour = time.monotonic() + _FAVOUR_SECONDS
            self._idl._session.reconnect.set_backoff_free_tries(len(self._names) + 1)
        state: State
        if ready:
            state = "ready"
        elif self._was_ready:
            state = "reconnecting"
        else:
            state = "synchronising" if connected else "connecting"
        if state != self.state:
            self.state = state
            with self._store.changed:
                self._store.changed.notify_all()

    def _send_queued(self) -> None:
        while self._queue and self.state == "ready":
            request = self._queue.popleft()
            if request.deadline <= time.monotonic():
                self._expire_unsent(request)
                continue
            message = Message.create_request("transact", [self._idl._db.name, *request.operations])
            if self._idl._session.send(message):
                self._queue.appendleft(request)
                return
            request.sent_as = message.id
            self._idl._outstanding_txns[message.id] = request
            self._unanswered.append(request)

    def _expire(self) -> float | None:
        """Fail what is past its deadline; returns the next deadline."""
        now = time.monotonic()
        self._unanswered = [request for request in self._unanswered if not request.future.done()]
        for request in self._unanswered:
            if request.deadline <= now:
                self._idl._outstanding_txns.pop(request.sent_as, None)
                request.future.set_exception(Lost("the server did not answer in time"))
        # A copy: other threads append to the queue.
        for request in list(self._queue):
            if request.deadline <= now:
                self._queue.remove(request)
                self._expire_unsent(request)
        deadlines = [request.deadline for request in (*self._unanswered, *self._queue) if not request.future.done()]
        return min(deadlines, default=None)

    def _expire_unsent(self, request: _Request) -> None:
        request.future.set_exception(Timeout("a connection to send the transaction on; it was not sent", 0.0))

    def _fail_all(self) -> None:
        for request in self._unanswered:
            if not request.future.done():
                request.future.set_exception(Lost("the client was closed"))
        self._fail_queued()

    def _fail_queued(self) -> None:
        # Whoever takes a request out of the queue ends it.
        with contextlib.suppress(IndexError):
            while True:
                request = self._queue.popleft()
                request.future.set_exception(Closed(self._remote, "the client was closed; nothing was sent"))
