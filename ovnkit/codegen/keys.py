"""The keys of map columns that OVN and OVS document, from their man pages."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ovnkit.codegen.facts import DIRECTORY, MANUALS
from ovnkit.codegen.schemas import FactsError
from ovnkit.ovsdb.manual import plain, sections

__all__ = ["FORMATS", "KEYS", "Formats", "Keys", "collect_keys", "keys_text", "read_formats", "read_keys"]

FORMATS = "formats.txt"
KEYS = "keys.txt"
"""The files, beside those of the facts."""

Keys = Mapping[tuple[str, str, str], Mapping[str, str]]
"""By database, table and column: the keys, each with the format of its values, empty for any string."""

_DATABASES = {page: database for database, page in MANUALS.items()}
_CONTROLLER = "ovn-controller"
_CONTROLLER_KEY = re.compile(
    r"(?m)^\\fB(external_ids|other_config):([^\s\\]*(?:\\-[^\s\\]*)*)\\fR(?: in the \\fB(\w+)\\fR|$)"
)
_KEY = re.compile(r"[A-Za-z0-9_:.-]+")
_WRITTEN_BY_DAEMONS = re.compile(r"(?:\w+_)?(?:status|statistics)|capabilities")
_PLACEHOLDER = re.compile(r"TYPE|NAME|_n_")


def collect_keys(directory: Path) -> Keys:
    """The keys in the man pages of ``directory``: those of the newest release in its order, then those of older ones.

    It holds ``ovn-RELEASE/`` and ``ovs-RELEASE/`` with ``*.5.gz`` and ``ovn-controller.8.gz``. Raises FactsError where
    there are none.
    """
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    pages = sorted(directory.glob("ov[ns]-*/*.[58].gz"), key=_newest_first)
    for page in pages:
        for column, key, format in _keys_of(page):
            found.setdefault(column, {}).setdefault(key, format)
    if not found:
        raise FactsError(f"{directory} holds no ovn-RELEASE/*.5.gz or ovs-RELEASE/*.5.gz with keys")
    return dict(sorted(found.items()))


def keys_text(keys: Keys) -> str:
    """The keys as they stand in their file: a line for each column."""
    lines = [
        " ".join(
            [database, f"{table}.{column}", *(f"{key}={format}" if format else key for key, format in known.items())]
        )
        for (database, table, column), known in keys.items()
    ]
    return (
        "\n".join(
            ["# The keys that man pages document: database, column, keys with the format of their values.", *lines]
        )
        + "\n"
    )


def read_keys(path: Path = DIRECTORY / KEYS) -> Keys:
    """What keys_text() wrote; nothing where there is no such file."""
    keys: dict[tuple[str, str, str], dict[str, str]] = {}
    for line in _lines(path):
        database, column, *known = line.split()
        table, _, name = column.partition(".")
        pairs = (item.partition("=") for item in known)
        keys[database, table, name] = {key: format for key, _, format in pairs}
    return keys


Formats = Mapping[tuple[str, str], str]
"""By database and ``Table.column``, ``Table.map:key``, ``Table.map/keys`` or ``Table.map/values``."""


def read_formats(path: Path = DIRECTORY / FORMATS) -> Formats:
    """The formats of columns, which are kept by hand; none where there is no such file."""
    formats = {}
    for line in _lines(path):
        database, item, format = line.split()
        formats[database, item] = format
    return formats


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _newest_first(path: Path) -> tuple[bool, list[int], str]:
    release = path.parent.name.partition("-")[2]
    # Those of ovn-controller(8) after the pages of the databases.
    return path.name.startswith(_CONTROLLER), [-int(part) for part in release.split(".")], path.name


_Found = tuple[tuple[str, str, str], str, str]


def _keys_of(path: Path) -> Iterator[_Found]:
    name = path.name.removesuffix(".gz").rpartition(".")[0]
    text = gzip.decompress(path.read_bytes()).decode()
    if name == _CONTROLLER:
        for column, key, table in _CONTROLLER_KEY.findall(text):
            yield from _if_plain(("Open_vSwitch", table or "Open_vSwitch", column), plain(key), "")
    elif name in _DATABASES:
        for section in sections(text):
            if section.column and section.key:
                format = "" if _WRITTEN_BY_DAEMONS.fullmatch(section.column) else _format(section.type)
                yield from _if_plain((_DATABASES[name], section.table, section.column), section.key, format)


def _if_plain(column: tuple[str, str, str], key: str, format: str) -> Iterator[_Found]:
    if _KEY.fullmatch(key) and not _PLACEHOLDER.search(key):
        yield column, key, format


def _format(type: str) -> str:
    """The format that a page means: ``optional string, containing an integer, in range 1 to 4,095``."""
    text = type.removeprefix("optional string, ")
    if text == type:
        return ""
    if match := re.fullmatch(r"containing an integer(?:, (?:in range ([\d,]+) to ([\d,]+)|at least ([\d,]+)))?", text):
        low, high = (match[1] or match[3] or "").replace(",", ""), (match[2] or "").replace(",", "")
        return f"number({low},{high})".replace("(,)", "").replace(",)", ")")
    if match := re.fullmatch(r"(?:either|one of|must be) (.*)", text):
        words = [word for word in re.split(r",? or |, ", match[1]) if word]
        return "flag" if sorted(words) == ["false", "true"] else f"words({','.join(words)})"
    return ""
