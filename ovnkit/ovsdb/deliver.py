"""Callbacks of users: called outside of any lock, in a thread of their own, in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Delivery", "report"]

T = TypeVar("T")

_END: Any = object()


def report(exc: BaseException) -> None:
    """Hand an exception of a callback to ``threading.excepthook``, so that it is not lost."""
    threading.excepthook(threading.ExceptHookArgs((type(exc), exc, exc.__traceback__, threading.current_thread())))


class Delivery(Generic[T]):
    """Calls ``call`` with each value that is put, until close(), or until ``last`` was delivered."""

    def __init__(self, call: Callable[[T], object], name: str, *, last: T | None = None) -> None:
        self._call = call
        self._last = last
        self._values: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.on_close: Callable[[], object] = lambda: None
        threading.Thread(target=self._deliver, name=name, daemon=True).start()

    def put(self, value: T) -> None:
        """Deliver a value; returns at once."""
        self._values.put(value)

    def close(self) -> None:
        """Deliver no more than has been put."""
        self.on_close()
        self._values.put(_END)

    def _deliver(self) -> None:
        while (value := self._values.get()) is not _END:
            try:
                self._call(value)
            except Exception as exc:  # noqa: BLE001 - it is the callback's, and must not be lost
                report(exc)
            if value == self._last:
                return
