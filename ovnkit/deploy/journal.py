"""A file of JSON lines under the hand of those who write down what they are about to do.

Each line is on the disk before what it tells of is done, so that a program that is killed has written down whatever it
may have done. A line that is not complete was never followed by anything.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ovnkit.errors import InvalidValue

__all__ = ["Journal", "read_journal"]


class Journal:
    """The file, which any thread may write to. ``format`` is its first line; ``kind`` is what errors call it."""

    def __init__(self, path: str | os.PathLike[str], format: str, kind: str) -> None:
        """Open a file, which is made if it is not there, for its owner alone. Raises OSError, and InvalidValue."""
        self.path = Path(path)
        self._lock = threading.Lock()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(self._file, "rb", closefd=False) as file:
                empty = not _lines(file, path, format, kind)
            os.fchmod(self._file, 0o600)
            if empty:
                self.append({"format": format})
        except BaseException:
            os.close(self._file)
            raise

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write an entry; it is on the disk when this returns."""
        with self._lock:
            # A line before it that was cut off by a kill must not swallow this one.
            os.write(self._file, b"\n" + json.dumps(entry).encode() + b"\n")
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_journal(
    path: str | os.PathLike[str], format: str, kind: str, take: Callable[[Mapping[str, Any]], object]
) -> None:
    """Call ``take`` with every entry that is complete, in their order.

    Raises OSError where the file cannot be read, and InvalidValue where it is something else, or where ``take`` can do
    nothing with an entry (AttributeError, LookupError, TypeError, ValueError).
    """
    with Path(path).open("rb") as file:
        lines = _lines(file, path, format, kind)
    for line in lines[1:]:
        entry = _parsed(line)
        if entry is None:
            continue
        try:
            take(entry)
        except (AttributeError, LookupError, TypeError, ValueError) as exc:
            raise InvalidValue(table=kind, column=os.fspath(path), value=line[:40], allowed=format) from exc


def _lines(file: BinaryIO, path: str | os.PathLike[str], format: str, kind: str) -> list[bytes]:
    """The lines of a file; none where it is empty. Raises InvalidValue where it is something else."""
    regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    lines = [line for line in file.read().split(b"\n") if line] if regular else []
    if not regular or (lines and _parsed(lines[0]) != {"format": format}):
        value = lines[0][:40] if lines else "no regular file"
        raise InvalidValue(table=kind, column=os.fspath(path), value=value, allowed=format)
    return lines


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, None where it was cut off: it was not followed by a write."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
