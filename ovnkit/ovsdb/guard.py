"""A lock for threads that may be interrupted (Ctrl-C), which never leaves it locked."""

from __future__ import annotations

import sys
import threading
from typing import Any

__all__ = ["Guard", "new_lock"]

_RLock: Any = type(threading.RLock())


class Guard(_RLock):  # type: ignore[misc]
    """An RLock for ``with``. Of a Condition on it, enter the lock and not the Condition, whose own exit is Python.

    From Python 3.14 on, what a signal handler raises may come between the call that locks and the ``with`` that would
    unlock. Here it comes within ``__enter__``, which sees to it. The exit is that of RLock, which is in C and done with
    before anything is raised.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        try:
            self.acquire()
        except BaseException:
            try:  # noqa: SIM105 - suppress() is Python, and could be interrupted in its turn
                self.release()
            except RuntimeError:
                # Not ours: it was interrupted while it waited.
                pass
            raise


def new_lock() -> Any:
    """A lock that only ``with`` locks: a Guard, or what is as good there and quicker below Python 3.14."""
    return Guard() if sys.version_info >= (3, 14) else threading.RLock()
