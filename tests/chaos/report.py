"""The table of a campaign, for a terminal and for the documentation."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.chaos.campaign import Result
from tests.chaos.crew import Library

__all__ = ["markdown", "text", "write"]

_HEADINGS = (
    "fault", "on", "faults", "writers", "acknowledged", "unknown, resolved", "lost", "doubled", "false failures",
    "unresolved", "longest gap", "duration", "holds", "commit",
)  # fmt: skip


def text(results: Sequence[Result], library: Library, seed: int) -> str:
    """Aligned columns, and below them what does not hold."""
    rows = [_HEADINGS, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", _made_with(library, seed)])


def markdown(results: Sequence[Result], library: Library, seed: int) -> str:
    """The same as a table of Markdown."""
    rows = [_HEADINGS, ("---",) * len(_HEADINGS), *(_cells(result) for result in results)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", _made_with(library, seed), ""])


def write(path: Path, table: str, library: Library, *, keep: bool = False) -> None:
    """Put a table into the page's own place for it, between two comments; without one the table is the whole file.

    ``keep``: the rows of the table that is there stay where the new one has none of that fault.
    """
    begin, end = f"<!-- begin: {library} -->\n", f"<!-- end: {library} -->"
    page = path.read_text() if path.exists() else ""
    before, found, rest = page.partition(begin)
    there, ends, after = rest.partition(end)
    if keep:
        table = _merged(there, table)
    path.write_text(f"{before}{begin}{table}{end}{after}" if found and ends else table)


def _merged(there: str, table: str) -> str:
    """The rows of both, of two of one fault the new one, in the order of those that are there."""
    rows = {_fault(line): line for text in (there, table) for line in text.splitlines() if line.startswith("| ")}
    rest = [line for line in table.splitlines() if not line.startswith("| ")]
    return "\n".join([*rows.values(), *rest, ""])


def _fault(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|")[1:3])


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
        _commit(),
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


def _commit() -> str:
    """That of the checkout, campaign and all."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=10", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""
