"""How findings speak of rows: names that tenants chose, lists that could be long, arguments of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any, Final

from ovnkit.ovsdb.row import Row
from ovnkit.topology.text import natural, printable

__all__ = ["argument", "listed", "name_of", "named", "quoted", "shown"]

_LONGEST: Final = 60
_MOST: Final = 5
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*", re.ASCII)
_NAMES: Final = ("name", "logical_port", "chassis_name", "ip_prefix", "external_ip", "cidr", "match", "ip")


def shown(name: str) -> str:
    """A name in a sentence: on one line, and short."""
    return printable(name, limit=_LONGEST) if name else '""'


def named(row: Row[Any]) -> str:
    """The name of a row in a sentence."""
    return shown(name_of(row) or str(row.uuid))


def name_of(row: Row[Any]) -> str:
    """What a row is known by; "" where it is its uuid alone."""
    named = (str(getattr(row, column) or "") for column in _NAMES if column in row._columns)
    return next(filter(None, named), "")


def listed(names: Iterable[str]) -> str:
    """Names in a sentence, of many the first, in order."""
    ordered = sorted(set(names), key=natural)
    first = ", ".join(shown(name) for name in ordered[:_MOST])
    return first if len(ordered) <= _MOST else f"{first} and {len(ordered) - _MOST} more"


def argument(row: Row[Any]) -> str:
    """A row as the argument of a command: its name where that cannot be taken for anything else, else its uuid."""
    name = name_of(row)
    return name if _PLAIN.fullmatch(name) and len(name) <= _LONGEST else str(row.uuid)


def quoted(text: str) -> str:
    """A text that is no name of a row as the argument of a command, so that a shell takes it for nothing else."""
    if _PLAIN.fullmatch(text):
        return text
    return "NAME" if text.startswith("-") else shlex.quote(shown(text))
