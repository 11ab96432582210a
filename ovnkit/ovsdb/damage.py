"""Damage to a database file, as a value: how far it could be read, and what came then."""

from __future__ import annotations

import attrs

__all__ = ["Damage"]


@attrs.frozen
class Damage:
    """A place from which on a file cannot be read.

    ``path`` is the file (``ARCHIVE:MEMBER`` within a tar file), ``offset`` the byte at which the first bad record
    begins (of the decompressed file), ``reason`` what is wrong with it, ``records`` how many were read before it.
    """

    path: str
    offset: int
    reason: str
    records: int

    def __str__(self) -> str:
        return f"{self.path}: {self.reason} at byte {self.offset}, after {self.records} good records"
