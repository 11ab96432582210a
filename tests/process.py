"""What this process uses: memory, descriptors, threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
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
    sockets: int
    """Those of the descriptors that are sockets."""
    threads: tuple[str, ...]
    blocks: int
    """What Python has allocated, in number: it does not depend on which pages the allocators could give back."""


def usage() -> Usage:
    """What is in use now; garbage is taken away first, and what the allocator keeps is given back."""
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    names = tuple(sorted(thread.name for thread in threading.enumerate()))
    open_files: list[str] = []
    for path in Path("/proc/self/fd").iterdir():
        # The listing of the directory itself is closed by now.
        with contextlib.suppress(OSError):
            open_files.append(str(path.readlink()))
    sockets = sum(target.startswith("socket:") for target in open_files)
    return Usage(resident, len(open_files), sockets, names, sys.getallocatedblocks())
