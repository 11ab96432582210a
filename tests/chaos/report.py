"""The table of a campaign, for a terminal and for the documentation."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from tests import tables
from tests.chaos.campaign import Result
from tests.chaos.crew import Library

__all__ = ["markdown", "text"]

_HEADINGS = (
    "fault", "on", "faults", "writers", "acknowledged", "unknown, resolved", "lost", "doubled", "false failures",
    "unresolved", "longest gap", "duration", "holds", "commit",
)  # fmt: skip


def text(results: Sequence[Result], library: Library, seed: int) -> str:
    """Aligned columns, and below them what does not hold."""
    table = tables.aligned(_HEADINGS, [_cells(result) for result in results])
    return f"{table}\n\n{_made_with(library, seed)}"


def markdown(results: Sequence[Result], library: Library, seed: int) -> str:
    """The same as a table of Markdown."""
    table = tables.markdown(_HEADINGS, [_cells(result) for result in results])
    return f"{table}\n\n{_made_with(library, seed)}\n"


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.trial.title,
        result.trial.on,
        f"{result.faults:,}",
        str(result.trial.writers),
        f"{result.acknowledged:,}",
        f"{result.unknown - result.unresolved:,}",
        str(result.lost),
        str(result.doubled),
        str(result.false_failures),
        str(result.unresolved),
        "" if result.gap is None else f"{result.gap:.1f} s",
        f"{result.seconds:.0f} s",
        "no" if result.broken else "yes",
        tables.commit(),
    )


def _made_with(library: Library, seed: int) -> str:
    server = subprocess.run(["ovsdb-server", "--version"], capture_output=True, text=True, check=False).stdout
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{'control: ' if library != 'ovnkit' else ''}{library} {_version(library)}",
        f"ovs {version('ovs')}",
        server.splitlines()[0] if server else "",
        f"Python {platform.python_version()}",
        f"Linux {platform.release().split('-')[0]} on {os.cpu_count()} cores, {memory:.0f} GB",
    ]
    return f"Seed {seed}; {'; '.join(parts)}."


def _version(library: Library) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "from the checkout"
