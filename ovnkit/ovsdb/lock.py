"""OVSDB locks (RFC 7047 4.1.8 to 4.1.10): advisory, each server's own, lost with the connection."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ovnkit.errors import Closed, Timeout
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.connection import Connection, State
from ovnkit.ovsdb.deliver import Delivery
from ovnkit.ovsdb.guard import new_lock

__all__ = ["Lock", "Locks", "NotExclusive"]


class NotExclusive(UserWarning):
    """A lock that two clients can hold at once: it was asked of a member of a cluster that need not be the leader."""


_ID = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""An <id> of RFC 7047 3.1, which is all that a server takes."""


class Lock:
    """A lock that was asked for, made by ``client.lock()``. ``with lock:`` waits for it and releases it."""

    def __init__(self, name: str, locks: Locks) -> None:
        self.name = name
        self._locks = locks
        self._held = False
        self._asked = False
        """Whether it was asked for in this session."""
        self._answered = False
        self._over = False
        self._refusal = ""
        self._guard = new_lock()
        self._changed = threading.Condition(self._guard)
        self._delivery: Delivery[bool] | None = None

    @property
    def held(self) -> bool:
        """Whether the server said that it is ours, and has not taken it back since."""
        return self._held and self._locks.connection.is_own

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until it is held. Raises Timeout after ``timeout`` seconds, and Closed."""
        deadline = time.monotonic() + timeout
        connection = self._locks.connection
        connection.check_usable()
        connection.check_may_wait()
        with self._guard:
            while not self._held:
                connection.check_usable()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Timeout(f"the OVSDB lock {self.name!r}{self._why()}", timeout)
                # Woken by what happens; looked at now and then, because a callback may hold up the end of the client.
                self._changed.wait(min(left, 0.5))

    def _why(self) -> str:
        connection = self._locks.connection
        if connection.state == "ready":
            return f" ({self._refusal})" if self._refusal else ""
        trouble = connection.trouble
        return f"; state: {connection.state}" + (f" ({trouble})" if trouble else "")

    def release(self) -> None:
        """Give it back, or give up waiting for it. A client that was closed has given it back already."""
        self._locks.release(self)
        self._end()

    def _end(self) -> None:
        """It will not be held any more: wake who waits, and have the last change delivered."""
        with self._guard:
            self._over = True
        self._set(held=False)
        with self._guard:
            self._changed.notify_all()
        if self._delivery is not None:
            self._delivery.close()

    def _set(self, *, held: bool) -> None:
        with self._guard:
            if held == self._held or (held and self._over):
                return
            self._held = held
            self._changed.notify_all()
            # In here, so that the order of what is told is that of what happened.
            if self._delivery is not None:
                self._delivery.put(held)

    def __enter__(self) -> Self:
        self.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Locks:
    """All locks of one connection: asked for anew in each session with a server."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._locks: dict[str, Lock] = {}
        self._numbers = itertools.count(1)
        connection.on_session.append(self._session_changed)
        connection.idl.on_lock = self._told
        connection.listen(self._state_changed)

    def acquire(self, name: str, on_change: Callable[[bool], object] | None) -> Lock:
        """Ask for a lock. ValueError for a name that is no <id>, and where this client has asked for it already."""
        if not _ID.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a lock: letters, digits and _ can, not beginning with a digit")
        lock = Lock(name, self)
        if self._locks.setdefault(name, lock) is not lock:
            raise ValueError(f"this client has asked for the lock {name!r} already; use what lock() returned then")
        if on_change is not None:
            lock._delivery = Delivery(on_change, f"ovnkit lock {name}")
        try:
            self.connection.call(lambda: self._ask(lock))
        finally:
            # Closed meanwhile: whoever ends all locks may have missed this one.
            if self.connection.closing:
                lock._end()
        return lock

    def release(self, lock: Lock) -> None:
        """Give a lock back; nothing happens to one that was."""
        if self._locks.get(lock.name) is lock:
            del self._locks[lock.name]
            with contextlib.suppress(Closed):
                self.connection.call(lambda: self._send("unlock", lock.name, lambda _: None))

    def _ask(self, lock: Lock) -> None:
        if lock._asked or self._locks.get(lock.name) is not lock:
            return

        def answered(head: wire.Head | None) -> None:
            if head is None or not lock._asked:
                return
            lock._answered = True
            result: Any = wire.value(head.result) if head.result else None
            if isinstance(result, dict):
                lock._set(held=result.get("locked") is True)
            else:
                lock._refusal = f"the server answered {bytes(head.error).decode(errors='replace')}"

        # Without a connection nothing is sent, and the next one begins by asking.
        lock._asked = self._send("lock", lock.name, answered)

    def _send(self, method: str, name: str, answered: Callable[[wire.Head | None], object]) -> bool:
        # Of its own number, because the reply to an earlier one may still be on the way.
        key = b'"%b %d"' % (method.encode(), next(self._numbers))
        data = b'{"method":"%b","params":%b,"id":%b}' % (method.encode(), wire.encode([name]), key)
        session: Any = self.connection.idl._session
        return bool(session.request((key, data, answered)))

    def _session_changed(self, begun: bool) -> None:  # noqa: FBT001 - the callback of on_session
        for lock in list(self._locks.values()):
            lock._asked = lock._answered = False
            lock._set(held=False)
            if begun:
                self._ask(lock)

    def _state_changed(self, state: State) -> None:
        if state == "closed":
            for lock in list(self._locks.values()):
                lock._end()

    def _told(self, name: str, held: bool) -> None:  # noqa: FBT001 - the callback of on_lock
        lock = self._locks.get(name)
        # Before the reply it is about an earlier request, for a lock that was given up since.
        if lock is not None and lock._answered:
            lock._set(held=held)
