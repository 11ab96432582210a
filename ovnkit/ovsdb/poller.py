"""Waiting for sockets and for time, as `ovs` asks for it, and which of two threads does it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from ovs.poller import POLLIN

from ovnkit.ovsdb.guard import new_lock

__all__ = ["Poller"]

_LONGEST_SECONDS = 3600.0


class Poller:
    """What `ovs` asks to be woken for, added up, and the wait. That of `ovs` stops at file descriptor 1024.

    While the thread of a connection waits in block(), another can wait in its place: wait_instead().
    """

    def __init__(self) -> None:
        self.busy = new_lock()
        """Held by the thread that reads and sees to things, and by nobody while that of the connection waits."""
        self.woken = False
        """Whether wake() was called since calm_down()."""
        self.wakes_at = 0.0
        """When the wait ends at the latest (``time.monotonic()``)."""
        self._in_place = 0
        """The thread that waits in place of that of the connection."""
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._epoll = select.epoll()
        self._instead = select.poll()
        self._taken = False
        self._session: object = None
        self._registered: dict[int, int] = {}
        self._wanted: dict[int, int] = {}
        self._timeout = float("inf")

    def fd_wait(self, fd: Any, events: int) -> None:
        """Wake when something happens to a descriptor."""
        number = fd if isinstance(fd, int) else fd.fileno()
        self._wanted[number] = self._wanted.get(number, 0) | events

    def timer_wait(self, milliseconds: float) -> None:
        """Wake after so long at the latest."""
        self._timeout = max(0, min(self._timeout, milliseconds))

    def immediate_wake(self) -> None:
        """Do not wait at all."""
        self._timeout = 0

    def settle(self, session: object) -> None:
        """Have block() wait for what was asked for. Descriptors are the same only within one ``session``."""
        wanted, self._wanted = self._wanted, {}
        seconds, self._timeout = min(self._timeout / 1000, _LONGEST_SECONDS), float("inf")
        self.wakes_at = time.monotonic() + seconds
        if self._taken or session is None or session is not self._session or wanted != self._registered:
            # All anew, for of a descriptor that was closed, nobody can say what it stands for by now.
            self._epoll.close()
            self._epoll, self._instead = select.epoll(), select.poll()
            for number, events in {**wanted, self._wake_read.fileno(): POLLIN}.items():
                self._epoll.register(number, events)
                self._instead.register(number, events)
            self._session, self._registered, self._taken = session, wanted, False

    def block(self) -> bool:
        """Wait; whether something happened before the time was over."""
        left = self.wakes_at - time.monotonic()
        return left > 0 and bool(self._epoll.poll(left))

    def wake(self) -> None:
        """Have whoever waits, or is about to, look at what there is to do; any thread may call it."""
        if not self.woken:
            self.woken = True
            # Full: it will wake anyway. Closed: there is nobody to wake.
            with contextlib.suppress(OSError):
                self._wake_write.send(b"x")

    def calm_down(self) -> None:
        """Be ready to be woken again. Not before ``busy`` is held: who waits in place ends when it is woken."""
        if self.woken:
            with contextlib.suppress(BlockingIOError):
                self._wake_read.recv(4096)
            # After that, for who finds it set from here on has left what there is to do where the next turn looks.
            self.woken = False

    # -- for another thread ----------------------------------------------------------------------------------------

    @property
    def is_in_place(self) -> bool:
        """Whether this thread is the one that waits in place of that of the connection."""
        return threading.get_ident() == self._in_place

    def wait_instead(self, take_in: Callable[[], object], done: Callable[[], bool]) -> None:
        """Wait in place of the thread in block(), and take in what arrives, until it is done or there is more to do."""
        with self.busy:
            if list(self._registered.values()) != [POLLIN]:
                # It waits for more than that a server says something.
                return
            self._taken = True
            self._in_place = threading.get_ident()
            try:
                going = self._watch_session(0)
                while going and not done() and not self.woken:
                    left = self.wakes_at - time.monotonic()
                    going = left > 0 and bool(self._instead.poll(int(left * 1000) + 1))
                    if going and not self.woken:
                        take_in()
            finally:
                # First, because an assignment cannot be interrupted.
                self._in_place = 0
                # If this does not come to its end, the next settle() sees to it.
                self._taken = not self._watch_session(POLLIN)

    def _watch_session(self, events: int) -> bool:
        """What of the session block() waits for, besides wake(); False where its socket was closed meanwhile."""
        try:
            for number in self._registered:
                self._epoll.modify(number, events)
        except (OSError, ValueError):
            return False
        return True

    def close(self) -> None:
        """Give the descriptors back to the system."""
        self._epoll.close()
        self._wake_read.close()
        self._wake_write.close()
