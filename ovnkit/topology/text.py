"""Text from the databases, made fit to be shown: names belong to tenants, who may write anything into them."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cells", "natural", "printable", "shortened"]

_ELLIPSIS = "…"


def printable(text: str, *, limit: int | None = None) -> str:
    """``text`` on one line, as it can be read: what is not printable escaped, at most ``limit`` cells wide.

    Control characters, line ends and marks that turn the direction of writing are shown as Python writes them, and so
    are backslashes, to tell them apart. This does not escape for HTML, SVG, DOT or Mermaid: each drawing does that.
    """
    shown = text if text.isprintable() and "\\" not in text else repr(text)[1:-1]
    return shown if limit is None else shortened(shown, limit)


def natural(text: str) -> tuple[object, ...]:
    """What ``text`` is sorted by, so that ``vm2`` comes before ``vm10``."""
    parts = re.split("([0-9]+)", text)
    # Digits are compared by their number and then as text: an int of ten thousand of them is refused by Python.
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return tuple((len(part), part) if index % 2 else part for index, part in enumerate(parts))


def shortened(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` cells, cut in the middle, for names often differ at their ends."""
    # What fits is not cut, however many characters combine in it; of a long text only the beginning is measured.
    if len(text) <= 4 * limit and len(_fitting(text, limit)) == len(text):
        return text
    room = limit - 1
    # Not more characters than cells: marks without end could be piled on one, over the lines above.
    head, tail = _fitting(text[:limit], room - room // 2), _fitting(text[: -limit - 1 : -1], room // 2)[::-1]
    return head + _ELLIPSIS + tail


def cells(text: str) -> int:
    """The columns of a terminal that ``text`` takes: two for a wide character of East Asia, none for what combines."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, room: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > room:
            return text[:index]
    return text
