"""What this process uses: memory, descriptors, threads."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import attrs

__all__ = ["Usage", "usage"]

_PAGE = os.sysconf("SC_PAGE_SIZE")


@attrs.frozen
class Usage:
    """A moment of this process."""

    resident: int
    """Bytes."""
    descriptors: int
    threads: tuple[str, ...]


def usage() -> Usage:
    """What is in use now, garbage taken away first."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    names = tuple(sorted(thread.name for thread in threading.enumerate()))
    # Its own listing of the directory is not among them.
    return Usage(resident, len(os.listdir("/proc/self/fd")) - 1, names)  # noqa: PTH208
