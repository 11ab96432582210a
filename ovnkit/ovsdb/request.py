"""One transaction on its way to the server, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ovnkit.errors import OvnkitError
from ovnkit.ovsdb import wire

__all__ = ["Lost", "Reply", "Request"]

_CANCELED = "canceled"
"""The answer where the database went away or was converted meanwhile (ovsdb-server(7)); it may have been applied."""


class Lost(Exception):
    """The transaction was sent, and its reply will not come. Never leaves the engine.

    ``session`` is that on which it was sent, None where it has ended.
    """

    def __init__(self, reason: str, session: object = None) -> None:
        super().__init__(reason)
        self.session = session


Reply = list[Any] | Lost | OvnkitError
"""The results of a transaction, or why there are none."""


def _nobody(_reply: Reply) -> None:
    """Whom a request keeps in memory that is over."""


class Request:
    """A transaction on its way, and who wants to know what became of it."""

    __slots__ = ("data", "deadline", "done", "key", "number", "over", "session")

    def __init__(self, number: int, key: bytes, data: bytes, deadline: float, done: Callable[[Reply], object]) -> None:
        self.number = number
        self.key = key
        self.data = data
        self.deadline = deadline
        self.done = done
        self.over = False
        self.session: object = None

    def __lt__(self, other: Request) -> bool:
        return (self.deadline, self.number) < (other.deadline, other.number)

    def end(self, reply: Reply) -> None:
        """Say what became of it, once."""
        if not self.over:
            self.over = True
            done, self.done = self.done, _nobody
            done(reply)

    def answer(self, head: wire.Head | None) -> None:
        """The server's reply; None where the connection was lost before it. Raises ValueError where it is none."""
        if head is None:
            self.end(Lost("the connection was lost before the reply came"))
            return
        try:
            result = wire.value(head.result) if head.result else None
            if result is None and head.error:
                error = wire.value(head.error)
                if isinstance(error, dict):
                    result = [error]
                elif isinstance(error, str) and error != _CANCELED:
                    result = [{"error": error}]
                else:
                    result = error
        except ValueError as exc:
            self.end(Lost(f"the reply was not understood: {exc}", self.session))
            raise
        if isinstance(result, list):
            self.end(result)
        else:
            # It may have been applied: nobody can tell from this.
            reason = f"the server answered {result!r:.200}"
            self.end(Lost(reason, self.session))
            raise ValueError(reason)  # noqa: TRY004 - of a value, not of a type in Python
