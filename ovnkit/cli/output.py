"""What a command has found, printed or written into a file whose suffix says how."""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["add_output", "give"]


def add_output(parser: argparse.ArgumentParser, *suffixes: str) -> None:
    """``--json`` and ``-o``; ``suffixes`` are those that the result of the command knows beside .json and .txt."""
    one_of = ", ".join((*suffixes, ".json"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"write it into a file: {one_of} or .txt says how")


def give(options: argparse.Namespace, found: Any) -> None:
    """Print it, or write it where ``-o`` says. Raises InvalidValue for a suffix that it does not know, and OSError."""
    if options.output is None:
        print(_json(found) if options.json else found)
    elif hasattr(found, "save"):
        found.save(options.output)
    else:
        _save(found, Path(options.output))


def _save(found: Any, path: Path) -> None:
    from ovnkit.errors import InvalidValue

    forms: dict[str, Callable[[Any], str]] = {".json": _json, ".txt": str}
    if hasattr(found, "to_html"):
        forms[".html"] = _page
    if path.suffix not in forms:
        raise InvalidValue(table="-o", column="suffix", value=path.name, allowed=", ".join(sorted(forms)))
    path.write_text(forms[path.suffix](found) + "\n", encoding="utf-8")


def _json(found: Any) -> str:
    return json.dumps(found.to_dict(), indent=2)


def _page(found: Any) -> str:
    """What is a part of a page, as a page of its own."""
    title = html.escape(repr(found).strip("<>"))
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n{found.to_html()}'
