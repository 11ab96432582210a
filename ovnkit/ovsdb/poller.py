"""Waiting for sockets and for time, as `ovs` asks for it."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any

from ovs.poller import POLLIN

__all__ = ["Poller"]


class Poller:
    """What `ovs` asks to be woken for, added up, and the wait. That of `ovs` stops at file descriptor 1024.

    While one thread waits in block(), another can take over what it waits for: take_over(), wait_instead(),
    give_back(). Both are woken by wake().
    """

    def __init__(self) -> None:
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self.woken = False
        """Whether wake() was called since calm_down()."""
        self._epoll = select.epoll()
        self._instead = select.poll()
        self._taken = False
        self._session: object = None
        self._registered: dict[int, int] = {}
        self._wanted: dict[int, int] = {}
        self._timeout: float = -1

    @property
    def timeout(self) -> float:
        """Milliseconds that the wait will take at most."""
        return self._timeout

    def fd_wait(self, fd: Any, events: int) -> None:
        """Wake when something happens to a descriptor."""
        number = fd if isinstance(fd, int) else fd.fileno()
        self._wanted[number] = self._wanted.get(number, 0) | events

    def timer_wait(self, milliseconds: float) -> None:
        """Wake after so long at the latest."""
        self._timeout = max(0, milliseconds if self._timeout < 0 else min(self._timeout, milliseconds))

    def immediate_wake(self) -> None:
        """Do not wait at all."""
        self._timeout = 0

    def settle(self, session: object) -> None:
        """Have block() wait for what was asked for. Descriptors are the same only within one ``session``."""
        wanted, self._wanted = self._wanted, {}
        if self._taken or session is None or session is not self._session or wanted != self._registered:
            # All anew, for of a descriptor that was closed, nobody can say what it stands for by now.
            self._epoll.close()
            self._epoll, self._instead = select.epoll(), select.poll()
            for number, events in {**wanted, self._wake_read.fileno(): POLLIN}.items():
                self._epoll.register(number, events)
                self._instead.register(number, events)
            self._session, self._registered, self._taken = session, wanted, False

    def wake(self) -> None:
        """Have whoever waits, or is about to, look at what there is to do; any thread may call it."""
        if not self.woken:
            self.woken = True
            # Full: it will wake anyway. Closed: there is nobody to wake.
            with contextlib.suppress(OSError):
                self._wake_write.send(b"x")

    def calm_down(self) -> None:
        """Be ready to be woken again."""
        if self.woken:
            with contextlib.suppress(BlockingIOError):
                self._wake_read.recv(4096)
            # After that, for who finds it set from here on has left what there is to do where the next turn looks.
            self.woken = False

    def block(self) -> bool:
        """Wait; whether something happened before the time was over."""
        timeout, self._timeout = self._timeout, -1
        return self.block_again(timeout)

    def block_again(self, milliseconds: float) -> bool:
        """Wait for the same as the last time."""
        return bool(self._epoll.poll(milliseconds / 1000 if milliseconds >= 0 else None))

    # -- for another thread ----------------------------------------------------------------------------------------

    def take_over(self) -> bool:
        """Have block() wait for wake() alone; False where it waits for more than that a server says something."""
        if list(self._registered.values()) != [POLLIN]:
            return False
        self._taken = True
        return self._modify(0)

    def _modify(self, events: int) -> bool:
        try:
            for number in self._registered:
                self._epoll.modify(number, events)
        except OSError:
            # It was closed meanwhile. The next settle() sees to it.
            return False
        return True

    def wait_instead(self, milliseconds: float) -> bool:
        """Wait for what was taken over; whether something happened before the time was over."""
        return bool(self._instead.poll(milliseconds))

    def give_back(self) -> None:
        """Have block() wait for all of it again. If this does not come to its end, the next settle() does it."""
        self._taken = not self._modify(POLLIN)

    def close(self) -> None:
        """Give the descriptors back to the system."""
        self._epoll.close()
        self._wake_read.close()
        self._wake_write.close()
