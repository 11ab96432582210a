"""What a command has found, printed or written into a file whose suffix says how."""

from __future__ import annotations

import argparse
import codecs
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["PLAIN", "add_output", "give"]

PLAIN = "ovnkit.plain"
"""The error handler of a stream whose encoding has no lines and arrows: they are drawn with what it has."""

_PLAIN = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "→": "->", "…": "..."})


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(PLAIN, _plain)


def add_output(parser: argparse.ArgumentParser, *suffixes: str) -> None:
    """``--json`` and ``-o``; ``suffixes`` are those that the result of the command knows beside .json and .txt."""
    known = (*suffixes, ".json", ".txt")
    one_of = f"{', '.join(known[:-1])} or .txt"

    def path(text: str) -> str:
        if Path(text).suffix not in known:
            raise argparse.ArgumentTypeError(f"{text!r} must end in {one_of}")
        return text

    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-o", "--output", type=path, metavar="FILE", help=f"write it into a file: {one_of} says how")


def give(options: argparse.Namespace, found: Any) -> None:
    """Print it, or write it where ``-o`` says. Raises OSError."""
    if options.output is None:
        print(_json(found) if options.json else found)
    elif hasattr(found, "save"):
        found.save(options.output)
    else:
        _save(found, Path(options.output))


def _save(found: Any, path: Path) -> None:
    forms: dict[str, Callable[[Any], str]] = {".html": _page, ".json": _json, ".txt": str}
    path.write_text(forms[path.suffix](found) + "\n", encoding="utf-8")


def _json(found: Any) -> str:
    return json.dumps(found.to_dict(), indent=2)


def _page(found: Any) -> str:
    """What is a part of a page, as a page of its own."""
    title = html.escape(repr(found).strip("<>"))
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n{found.to_html()}'
