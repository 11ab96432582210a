"""OVSDB locks (RFC 7047 4.1.8 to 4.1.10): advisory, each server's own, lost with the connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ovnkit.errors import Timeout
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.connection import Connection
from ovnkit.ovsdb.deliver import Delivery

__all__ = ["Lock", "Locks"]


class Lock:
    """A lock that was asked for, made by ``client.lock()``. ``with lock:`` waits for it and releases it."""

    def __init__(self, name: str, locks: Locks, on_change: Callable[[bool], object] | None) -> None:
        self.name = name
        self._locks = locks
        self._held = False
        self._changed = threading.Condition()
        self._delivery = None if on_change is None else Delivery(on_change, f"ovnkit lock {name}")

    @property
    def held(self) -> bool:
        """Whether the server said that it is ours, and has not taken it back since."""
        return self._held and self._locks.is_own

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until it is held. Raises Timeout after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        self._locks.check_usable()
        self._locks.check_may_wait()
        with self._changed:
            while not self._held:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Timeout(f"the OVSDB lock {self.name!r}", timeout)
                # Woken by the server's word; looked at now and then, because the client may be closed.
                self._changed.wait(min(left, 0.5))
                self._locks.check_usable()

    def release(self) -> None:
        """Give it back, or give up waiting for it."""
        self._locks.release(self)
        self._set(held=False)
        if self._delivery is not None:
            self._delivery.close()

    def _set(self, *, held: bool) -> None:
        with self._changed:
            if held == self._held:
                return
            self._held = held
            self._changed.notify_all()
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
        self._connection = connection
        self._locks: dict[str, Lock] = {}
        connection.on_connect.append(self._connected)
        connection.idl.on_lock = self._told
        self.check_usable = connection.check_usable
        self.check_may_wait = connection.check_may_wait

    @property
    def is_own(self) -> bool:
        """Whether this process is the one that asked."""
        return self._connection.is_own

    def acquire(self, name: str, on_change: Callable[[bool], object] | None) -> Lock:
        """Ask for a lock. ValueError where this client has asked for it already."""
        if name in self._locks:
            raise ValueError(f"this client has asked for the lock {name!r} already; use what lock() returned then")
        lock = self._locks[name] = Lock(name, self, on_change)
        self._connection.call(lambda: self._ask(lock, "lock"))
        return lock

    def release(self, lock: Lock) -> None:
        """Give a lock back; nothing happens to one that was."""
        if self._locks.get(lock.name) is lock:
            del self._locks[lock.name]
            self._connection.call(lambda: self._ask(lock, "unlock"))

    def _ask(self, lock: Lock, method: str) -> None:
        session = self._connection.idl._session
        key = wire.encode(f"{method} {lock.name}")

        def answered(head: wire.Head | None) -> None:
            # No error can come but that it was asked for before, on another connection of the same kind.
            if method == "lock" and head is not None and self._locks.get(lock.name) is lock:
                result = wire.value(head.result) if head.result else None
                lock._set(held=isinstance(result, dict) and result.get("locked") is True)

        params = wire.encode([lock.name])
        # Without a connection nothing is sent, and the next one begins by asking.
        session.request((key, b'{"method":"%b","params":%b,"id":%b}' % (method.encode(), params, key), answered))

    def _connected(self, begun: bool) -> None:  # noqa: FBT001 - the callback of on_connect
        for lock in list(self._locks.values()):
            lock._set(held=False)
            if begun:
                self._ask(lock, "lock")

    def _told(self, name: str, held: bool) -> None:  # noqa: FBT001 - the callback of on_lock
        lock = self._locks.get(name)
        if lock is not None:
            lock._set(held=held)
