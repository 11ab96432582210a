"""What was measured on what."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from ovnkit.ovsdb.server import find_program

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Versions of all that takes part, the processor and the date."""
    packages = {name: importlib.metadata.version(name) for name in ("ovs", "ovsdbapp", "msgspec")}
    return {
        **packages,
        "python": platform.python_version(),
        "ovsdb-server": _version("ovsdb-server"),
        "ovn-nbctl": _version("ovn-nbctl"),
        "on": f"{os.cpu_count()} cores of {_processor()}",
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def _version(program: str) -> str:
    path = find_program(program)
    if path is None:
        return "(not installed)"
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "(unknown)"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
