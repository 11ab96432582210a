"""A real ovn-northd between two databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ovnkit.ovsdb.server import Process, find_program

__all__ = ["northd_running", "skip_without_northd"]


def skip_without_northd() -> None:
    """Skip on a developer's machine that has none; in CI its start fails."""
    if find_program("ovn-northd") is None and "CI" not in os.environ:
        pytest.skip("ovn-northd is not installed")


@contextmanager
def northd_running(directory: Path, northbound: str, southbound: str) -> Iterator[Process]:
    """An ovn-northd for these remotes, with its files in ``directory``."""
    process = Process(
        [
            str(find_program("ovn-northd")),
            f"--ovnnb-db={northbound}",
            f"--ovnsb-db={southbound}",
            f"--unixctl={directory / 'northd.ctl'}",
            f"--pidfile={directory / 'northd.pid'}",
            "--no-chdir",
            "-vconsole:info",
            "-vsyslog:off",
        ],
        log=directory / "northd.log",
        env={**os.environ, "OVN_RUNDIR": str(directory), "OVS_RUNDIR": str(directory)},
    )
    try:
        yield process
    finally:
        process.stop()
