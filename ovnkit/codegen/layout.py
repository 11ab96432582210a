"""Lines of Python that break where a formatter would break them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["WIDTH", "bracketed"]

WIDTH = 120


def bracketed(start: str, items: Sequence[str], end: str, *, indent: int = 0) -> list[str]:
    """``start``, the items and ``end``: on one line if they fit, else the items on one, else a line each."""
    outer, inner = " " * indent, " " * (indent + 4)
    joined = ", ".join(items)
    if len(line := f"{outer}{start}{joined}{end}") <= WIDTH:
        return [line]
    if len(line := f"{inner}{joined}") <= WIDTH:
        return [f"{outer}{start}", line, f"{outer}{end}"]
    lines = [line for item in items for line in _lines(f"{inner}{item},", inner)]
    return [f"{outer}{start}", *lines, f"{outer}{end}"]


def _lines(line: str, indent: str) -> list[str]:
    """A line that is too long is broken before the alternatives of its union type."""
    return [line] if len(line) <= WIDTH else line.replace(" | ", f"\n{indent}| ").split("\n")
