"""A marker that stands for a secret, and the places where it must not turn up."""

from __future__ import annotations

import logging
import stat
import traceback
from collections.abc import Iterable
from pathlib import Path

__all__ = ["MARKER", "Lines", "leaks_in_errors", "leaks_in_files", "leaks_in_processes"]

MARKER = "hush-5e7d0c1fa2"
"""In the values of columns, and in the file of a private key."""

_KEPT = 20


class Lines(logging.Handler):
    """Counts what is logged by anybody at any level, looks for the marker in it, and keeps the last few lines."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.number = 0
        self.last: list[str] = []
        self.leaks: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self.number += 1
        self.last = [*self.last[1 - _KEPT :], line]
        if MARKER in line:
            self.leaks.append(f"in a line of the log: {line}")


def leaks_in_errors(errors: Iterable[BaseException]) -> list[str]:
    """Errors that show the marker, in any form in which they are printed."""
    found = []
    for error in errors:
        shown = [str(error), repr(error), "".join(traceback.format_exception(error))]
        found += [f"in {type(error).__name__}: {text}" for text in shown if MARKER in text][:1]
    return found


def leaks_in_processes(pids: Iterable[int]) -> list[str]:
    """Processes that show the marker to whoever lists them."""
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids}
    return [f"in the arguments of {pid}: {line}" for pid, line in lines.items() if MARKER in line]


def leaks_in_files(directory: Path) -> list[str]:
    """Files with the marker in them that everybody may read."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return [
        f"in {path.name}, which is readable by all"
        for path in files
        if path.stat().st_mode & stat.S_IROTH and MARKER.encode() in path.read_bytes()
    ]
