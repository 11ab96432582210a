"""The thread that drives the replica and carries transactions to the server."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from ovnkit.errors import Closed, QuorumLost, Timeout
from ovnkit.ovsdb import streams, wire
from ovnkit.ovsdb.deadlines import Deadlines
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.poller import Poller
from ovnkit.ovsdb.replica import Idl
from ovnkit.ovsdb.request import Lost, Reply, Request
from ovnkit.ovsdb.uuids import Uuids
from ovnkit.remote import Tls

__all__ = ["Connection", "Operation", "State"]

log = logging.getLogger(__name__)

T = TypeVar("T")
State = Literal["connecting", "synchronising", "ready", "reconnecting", "closed", "file"]
Operation = dict[str, Any]

_FAVOUR_SECONDS = 5.0
_PATIENCE_OF_CLOSE = 5.0
_TOGETHER = 256
_PATIENCE = 2.5
"""Seconds that a member of a cluster may take to answer a transaction."""
_LOOK_AT_PATIENCE = 0.5


_forks = 0


def _forked() -> None:
    global _forks  # noqa: PLW0603 - how often this process is a child: there is no other place for that
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class Connection:
    """One session with one database, kept up by a thread of its own."""

    def __init__(self, remote: str, names: list[streams.StreamName], idl: Idl, dialer: Dialer) -> None:
        self._remote = remote
        self._names = names
        self.idl = idl
        self._dialer = dialer
        self._store = idl.store
        self._name = self._store.schema.name
        session = idl._session
        # Begin with the one that is known to answer.
        session.remotes, session.next_remote = list(names), 0
        session.pick_remote()
        self._next_favour = 0.0
        self._numbers = itertools.count(1)
        self._queue: deque[Request] = deque()
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._deadlines = Deadlines()
        self._closing = False
        self._was_ready = False
        self._forks = _forks
        self.uuids = Uuids()
        self._sessions = 0
        self._in_session = False
        self.state: State = "connecting"
        self.on_session: list[Callable[[bool], object]] = []
        """Called in the thread: with True when a session with a server begins, with False when it is lost."""
        self._state_listeners: list[Callable[[State], object]] = []
        self._poller = Poller()
        self.guard: Any = contextlib.nullcontext()
        """Held while the replica changes, for the sake of readers of its stock rows."""
        self._thread = threading.Thread(target=self._run, name=f"ovnkit {remote}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    # -- for any thread --------------------------------------------------------------------------------------------

    def submit(self, operations: Sequence[Operation], deadline: float, done: Callable[[Reply], object]) -> None:
        """Send a transaction as soon as the replica is complete, and call ``done`` with what became of it.

        It is called in a thread that reads from the session: with the list of results, with Timeout or Closed where
        nothing was sent (before the deadline in terms of ``time.monotonic()``), or with Lost where it was sent but the
        reply cannot come or did not come in time.
        """
        self.check_usable()
        number = next(self._numbers)
        key = b'"t%d"' % number
        data = b'{"method":"transact","params":%b,"id":%b}' % (wire.encode([self._name, *operations]), key)
        request = Request(number, key, data, deadline, done)
        # Before the look at the state, so that it is no later one, which may not be ready.
        session = self.session
        # The only one is sent by the thread that asks, which saves waking the other. Of many, that would hand over
        # between the threads for each one; they go together.
        alone = not self._queue and not self.idl._session.requests
        if not alone or self.state != "ready" or not self._send(request, session=session):
            self._queue.append(request)
            self._poller.wake()
            if self.state == "closed":
                # The thread may have looked at the queue for the last time before this request was in it.
                self._fail_queued()

    def _send(self, *requests: Request, session: object) -> bool:
        """Send requests on this session; False where it is not there any more."""
        for request in requests:
            request.session = session
        asked = [(request.key, request.data, request.answer) for request in requests]
        if not self.idl._session.request(*asked, rpc=session):
            return False
        for request in requests:
            request.data = b""
        if self._deadlines.add(*requests) < self._poller.wakes_at or self.idl._session.get_backlog():
            self._poller.wake()
        return True

    def query(self, operations: Sequence[Operation], deadline: float) -> list[Any]:
        """Send a transaction and wait for the results. Raises Timeout, Closed or Lost."""
        self.check_may_wait()
        future: Future[Reply] = Future()
        self.submit(operations, deadline, future.set_result)
        reply = future.result()
        if isinstance(reply, list):
            return reply
        raise reply

    def take_in_until(self, outcome: Future[Any]) -> None:
        """Read what the server says in this thread, which is going to wait for this outcome and for nothing else.

        It saves handing over from thread to thread, twice for each transaction of a caller that waits for each. As soon
        as there is anything else to do, that is left to the thread of the connection, and this returns.
        """
        alone = len(self.idl._session.requests) == 1 and not self._store.has_listeners
        if alone and not self.idl.has_stock_rows:
            self._poller.wait_instead(self._take_in_instead, outcome.done)

    def _take_in_instead(self) -> None:
        try:
            if not self._take_in():
                self._poller.wake()
        except BaseException as exc:
            # Ctrl-C, or the like: of what was being taken in, some may be lost.
            self.idl.in_doubt = exc
            self._poller.wake()
            raise

    def later(self, moment: float, function: Callable[[], object]) -> None:
        """Have the thread call ``function`` at a moment of ``time.monotonic()``; at once when the client is closed."""
        request = Request(next(self._numbers), b"", b"", moment, lambda _: function())
        if self._deadlines.add(request) < self._poller.wakes_at:
            self._poller.wake()

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Have the thread call ``function`` between two turns."""
        self.check_usable()
        future: Future[T] = Future()
        self._calls.append((function, future))
        self._poller.wake()
        if self.state == "closed":
            self._fail_queued()
        return future

    def listen(self, listener: Callable[[State], object]) -> State:
        """Call ``listener`` in the thread with each new state from now on; returns the present one."""
        with self._store.lock:
            self._state_listeners.append(listener)
            return self.state

    def unlisten(self, listener: Callable[[State], object]) -> None:
        """Stop calling ``listener``."""
        with self._store.lock:
            if listener in self._state_listeners:
                self._state_listeners.remove(listener)

    @property
    def session(self) -> object:
        """What stands for the present session with a server; another object for each."""
        return self.idl._session.rpc

    @property
    def server(self) -> str:
        """The server of the present session, or the one that is tried next."""
        return str(self.idl._session.get_name())

    @property
    def servers(self) -> int:
        """How many servers there are."""
        return len(self._names)

    def drop(self, session: object) -> None:
        """End a session, if it is the present one, and go to another server. Raises Closed."""
        self.check_may_wait()
        self.call(lambda: self.idl.force_reconnect() if self.session is session else None).result()

    @property
    def tls(self) -> Tls | None:
        """The TLS settings of all its connections."""
        return self._dialer.tls

    @property
    def trouble(self) -> str:
        """Why it is not ready; nothing when it is."""
        if self.state == "ready":
            return ""
        found = (self.idl.trouble, self.idl._session.trouble, self._dialer.trouble)
        return "; ".join(dict.fromkeys(trouble for trouble in found if trouble))

    def check_may_wait(self) -> None:
        """Raise RuntimeError in a thread that is just bringing results and changes."""
        if self._is_reading():
            raise RuntimeError(
                "a callback of a future must not wait for a commit or a change; call submit(), or use another thread"
            )

    def _is_reading(self) -> bool:
        return threading.current_thread() is self._thread or self._poller.is_in_place

    @property
    def closing(self) -> bool:
        """Whether close() was called, or the thread has ended."""
        return self._closing

    @property
    def is_own(self) -> bool:
        """Whether the thread is one of this process, not of the one that this was forked from."""
        return self._forks == _forks

    def check_usable(self) -> None:
        """Raise Closed after close() and in a forked child."""
        if self._forks != _forks:
            raise Closed(self._remote, "this client was made in another process; connect again after a fork")
        if self._closing:
            raise Closed(self._remote, "this client was closed; connect again")

    def close(self) -> None:
        """End the thread and the session. What is in flight fails as Lost."""
        self._closing = True
        if self.is_own:
            self._poller.wake()
            if not self._is_reading():
                # A callback that does not return would hold it up; what is left then ends by itself.
                self._thread.join(_PATIENCE_OF_CLOSE)

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        finally:
            self._closing = True
            with self._poller.busy:
                self._end()

    def _end(self) -> None:
        self._end_session()
        self._set_state("closed")
        # In this order: what another thread sends meanwhile is either refused or told of here.
        self.idl.close()
        self.idl._Idl__txn_abort_all()
        for request in self._deadlines.all():
            request.end(Closed(self._remote, "the client was closed"))
        streams.forget(self._names)
        self._fail_queued()
        self._poller.close()
        self._store.end()

    def _turn(self) -> None:
        poller = self._poller
        with poller.busy:
            poller.calm_down()
            if self._closing:
                # That may be what it was woken for.
                return
            self._prepare()
            poller.settle(self.session)
        # As long as only updates and replies arrive, nothing else has to be looked at.
        while poller.block() and not poller.woken:
            with poller.busy:
                if not self._take_in():
                    break

    def _prepare(self) -> None:
        """Do all that there is to do, and find out what to wait for."""
        with self.guard:
            self.idl.run()
        next_deadline = self.attend()
        if self._calls:
            self._make_calls()
            next_deadline = self.attend()
        poller = self._poller
        self._watch_patience(poller)
        self.idl.wait(poller)
        poller.timer_wait((next_deadline - time.monotonic()) * 1000)
        if self._queue and self.state == "ready":
            # It came in after the last look, when nobody was there to be woken.
            poller.immediate_wake()

    def _take_in(self) -> bool:
        with self.guard:
            return self.idl.take_in()

    def _make_calls(self) -> None:
        while self._calls:
            function, future = self._calls.popleft()
            try:
                future.set_result(function())
            except Exception as exc:  # noqa: BLE001 - whoever waits gets it
                future.set_exception(exc)

    def attend(self) -> float:
        """In the thread: note the state, send what waits, and fail what is late; returns the next deadline."""
        self._note_state()
        self._send_queued()
        return self._expire()

    def _note_state(self) -> None:
        idl = self.idl
        connected = idl._session.is_connected()
        if self._sessions != idl.sessions:
            self._sessions = idl.sessions
            self._in_session = True
            self._tell_of_session(begun=True)
        if self._in_session and not connected:
            self._end_session()
        state: State
        if connected and idl.state == Idl.IDL_S_MONITORING:
            state = "ready"
            self._was_ready = True
            idl.trouble = idl._session.trouble = ""
            if time.monotonic() >= self._next_favour:
                # Each server may be tried once at once, but one that drops us again and again is not.
                self._next_favour = time.monotonic() + _FAVOUR_SECONDS
                idl._session.reconnect.set_backoff_free_tries(len(self._names) + 1)
        elif self._was_ready:
            state = "reconnecting"
        else:
            state = "synchronising" if connected else "connecting"
        self._set_state(state)

    def _end_session(self) -> None:
        if self._in_session:
            self._in_session = False
            self._tell_of_session(begun=False)

    def _tell_of_session(self, *, begun: bool) -> None:
        for listener in list(self.on_session):
            listener(begun)

    def _set_state(self, state: State) -> None:
        if state == self.state:
            return
        with self._store.lock:
            self.state = state
            self._store.changed.notify_all()
            listeners = list(self._state_listeners)
        for listener in listeners:
            listener(state)

    def _send_queued(self) -> None:
        while self._queue and self.state == "ready":
            together: list[Request] = []
            # Others append to it meanwhile.
            for _ in range(min(len(self._queue), _TOGETHER)):
                request = self._queue.popleft()
                if request.deadline <= time.monotonic():
                    self._expire_unsent(request)
                else:
                    together.append(request)
            if together and not self._send(*together, session=self.session):
                self._queue.extendleft(reversed(together))
                return

    def _watch_patience(self, poller: Poller) -> None:
        """Leave a member of a cluster that does not answer while it answers probes.

        One that becomes the leader may hold on to what it had forwarded to the leader before, as long as it is busy.
        What is lost by that is looked up and sent again, so that it does no harm where the member was merely slow.
        """
        if not self.idl.clustered or self.state != "ready":
            return
        poller.timer_wait(_LOOK_AT_PATIENCE * 1000)
        since = self.idl._session.waiting_since
        waited = 0.0 if since is None else time.monotonic() - since
        if waited > _PATIENCE:
            self.idl.trouble = f"a transaction was not answered for {waited:.1f} s; trying another server"
            log.info("%s: %s", self._remote, self.idl.trouble)
            self.idl._session.silent.add(self.server)
            self.idl.force_reconnect()
            poller.immediate_wake()

    def _expire(self) -> float:
        """Fail what is past its deadline; returns the next deadline."""
        now = time.monotonic()
        late, next_deadline = self._deadlines.late(now, len(self.idl._session.requests))
        for request in late:
            # What comes for it later is nobody's.
            self.idl._session.requests.pop(request.key, None)
            request.end(Lost("the server did not answer in time", request.session))
        # A copy: other threads append to the queue.
        for request in list(self._queue):
            if request.deadline <= now:
                self._queue.remove(request)
                self._expire_unsent(request)
            else:
                next_deadline = min(next_deadline, request.deadline)
        return next_deadline

    def _expire_unsent(self, request: Request) -> None:
        what = "a connection to send the transaction on; it was not sent"
        if self.trouble:
            what += f" ({self.trouble})"
        request.end(Timeout(what, 0.0) if self.idl.has_quorum else QuorumLost(what, 0.0))

    def _fail_queued(self) -> None:
        # Whoever takes a request out of the queue ends it.
        with contextlib.suppress(IndexError):
            while True:
                self._queue.popleft().end(Closed(self._remote, "the client was closed; nothing was sent"))
        with contextlib.suppress(IndexError):
            while True:
                _, future = self._calls.popleft()
                future.set_exception(Closed(self._remote, "the client was closed"))
