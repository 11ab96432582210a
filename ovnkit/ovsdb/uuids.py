"""Random uuids for new rows, drawn many at a time: each call to the kernel also hands over to another thread."""

from __future__ import annotations

import os
from uuid import UUID

from ovnkit.ovsdb.guard import new_lock

__all__ = ["Uuids"]

_AT_ONCE = 256
_FREE = ~(0xF << 76 | 0x3 << 62)
_VERSION_4 = 0x4 << 76 | 0x2 << 62
"""The bits by which it is told that all others are random (RFC 9562, 5.4)."""


class Uuids:
    """A source of uuids (RFC 9562, version 4) for one client; any thread may draw."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._drawn = b""
        self._used = 0

    def draw(self) -> UUID:
        """One that nobody else has."""
        with self._lock:
            if self._used == len(self._drawn):
                self._drawn, self._used = os.urandom(16 * _AT_ONCE), 0
            own = self._drawn[self._used : self._used + 16]
            self._used += 16
        return UUID(int=int.from_bytes(own, "big") & _FREE | _VERSION_4)
