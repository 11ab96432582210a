"""Tables of measurements in the pages: each has its place between two comments, and rows that can be renewed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["aligned", "commit", "markdown", "write"]

Cells = Sequence[str]


def aligned(headings: Cells, rows: Sequence[Cells]) -> str:
    """Columns for a terminal."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in (headings, *rows))


def markdown(headings: Cells, rows: Sequence[Cells]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ("---",) * len(headings), *rows))


def write(path: Path, table: str, mark: str, *, keep: bool = False) -> None:
    """Put a table into the place in a page that ``mark`` names; without one the table is the whole file.

    ``keep``: the rows of the table that is there stay, but for those whose first two cells are in the new one.
    """
    begin, end = f"<!-- begin: {mark} -->\n", f"<!-- end: {mark} -->"
    page = path.read_text() if path.exists() else ""
    before, found, rest = page.partition(begin)
    there, ends, after = rest.partition(end)
    if keep:
        table = _merged(there, table)
    path.write_text(f"{before}{begin}{table}{end}{after}" if found and ends else table)


def _merged(there: str, table: str) -> str:
    """The rows of both, in the order of those that are there."""
    rows = {_subject(line): line for text in (there, table) for line in text.splitlines() if line.startswith("| ")}
    rest = [line for line in table.splitlines() if not line.startswith("| ")]
    return "\n".join([*rows.values(), *rest, ""])


def _subject(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|")[1:3])


def commit() -> str:
    """That of the checkout, tests and all."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=10", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""
