"""Waiting for sockets and for time, as `ovs` asks for it."""

from __future__ import annotations

import select
from typing import Any

from ovs.poller import POLLIN

__all__ = ["Poller"]


class Poller:
    """What `ovs` asks to be woken for, added up, and the wait. That of `ovs` stops at file descriptor 1024."""

    def __init__(self, wake: int) -> None:
        self._poll = select.poll()
        self._poll.register(wake, POLLIN)
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

    def block(self) -> bool:
        """Wait; whether something happened before the time was over."""
        if self._wanted != self._registered:
            for number in self._registered.keys() - self._wanted.keys():
                self._poll.unregister(number)
            for number, events in self._wanted.items():
                self._poll.register(number, events)
            self._registered = self._wanted
        self._wanted = {}
        timeout, self._timeout = self._timeout, -1
        return bool(self._poll.poll(timeout))

    def block_again(self, milliseconds: float) -> bool:
        """Wait for the same as the last time."""
        return bool(self._poll.poll(milliseconds))
