"""What the installed man pages say about tables, columns and keys: ovn-nb(5), ovn-sb(5), ovs-vswitchd.conf.db(5).

They are made by one program from one kind of source, so that few of roff's requests occur.
"""

from __future__ import annotations

import functools
import gzip
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["Section", "find_page", "installed_sections", "plain", "sections"]

_DIRECTORIES = ("/usr/local/share/man", "/usr/share/man")
_TABLE = re.compile(r'\.SH "(\w+) TABLE"')
_ENTRY = re.compile(r'\.IP "\\fB(\w+)(?: : (.*?))?\\fR: (.*)"$')
_ESCAPE = re.compile(r"\\(?:\[char(\d+)\]|\((..)|f(?:\[\w*\]|.)|(.))")
_CHARACTERS = {
    "aq": "'", "bu": "•", "cq": "'", "dq": '"', "em": "—", "en": "-", "ge": "≥", "le": "≤", "lq": '"', "mu": "x",
    "oq": "'", "rq": '"', "->": "→", "<=": "≤", ">=": "≥",
}  # fmt: skip
_WIDTH = 100
_STEP = 4


@attrs.frozen
class Section:
    """What a page says about a table, a column of it, or a key of a column that is a map. ``type`` is in its words."""

    table: str
    column: str | None
    key: str | None
    type: str
    text: str


def find_page(name: str) -> Path | None:
    """The file of an installed man page of section 5, in ``MANPATH`` or where distributions put it."""
    chosen = [directory for directory in os.environ.get("MANPATH", "").split(os.pathsep) if directory]
    for directory in (*chosen, *_DIRECTORIES):
        for ending in ("5.gz", "5"):
            path = Path(directory, "man5", f"{name}.{ending}")
            if path.is_file():
                return path
    return None


def installed_sections(name: str) -> dict[tuple[str, str | None, str | None], str] | None:
    """The texts of an installed page by table, column and key; None where it is not installed. Raises OSError."""
    path = find_page(name)
    return None if path is None else _sections_of(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _sections_of(path: Path, _changed: int) -> dict[tuple[str, str | None, str | None], str]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", errors="replace") as page:
        text = page.read()
    return {(section.table, section.column, section.key): section.text for section in sections(text)}


def sections(page: str) -> Iterator[Section]:
    """What a page says, in its order. A key that is described twice, for two kinds of rows, comes once."""
    found: dict[tuple[str, str | None, str | None], list[str]] = {}
    types: dict[tuple[str, str | None, str | None], str] = {}
    lines: list[str] = []
    table = ""
    for line in page.splitlines():
        if line.startswith(".SH "):
            heading = _TABLE.match(line)
            table = heading[1] if heading else ""
            lines = found.setdefault((table, None, None), [])
        elif line.startswith((".SS ", ".ST ")):
            # The summary, the details, and headings among these. What follows belongs to no column.
            lines = []
        elif entry := _ENTRY.match(line):
            subject = table, entry[1], plain(entry[2]) if entry[2] else None
            types.setdefault(subject, plain(entry[3]))
            lines = found.setdefault(subject, [])
            if lines:
                lines.append(".PP")
        else:
            lines.append(line)
    for subject, described in found.items():
        if subject[0]:
            yield Section(*subject, types.get(subject, ""), _text(described))


def _text(lines: list[str]) -> str:
    writer = _Writer()
    for line in lines:
        writer.take(line)
    return writer.text()


@attrs.define
class _Writer:
    """Makes paragraphs of the lines of a section."""

    _done: list[str] = attrs.field(factory=list)
    _words: list[str] = attrs.field(factory=list)
    _level: int = 0
    _mark: str = ""
    _hangs: bool = False
    _term: str = ""
    _as_is: bool = False
    _drawing: bool = False

    def take(self, line: str) -> None:
        request, _, argument = line.partition(" ")
        if request == ".PE":
            self._drawing = False
        elif self._drawing:
            return
        elif request == ".PS":
            self._end()
            self._drawing = True
        elif request in (".nf", ".fi"):
            self._end()
            self._as_is = request == ".nf"
        elif request in (".PP", ".IP", ".TP", ".TQ", ".RS", ".RE", ".br"):
            self._end()
            self._begin(request, argument)
        elif line.startswith((".", "'")):
            return
        elif self._as_is:
            self._done.append(" " * _STEP * (self._level + 1) + plain(line))
        elif self._term:
            self._done += ([""] if self._term == ".TP" else []) + [" " * _STEP * self._level + plain(line)]
            self._term, self._hangs = "", True
        else:
            self._words.append(plain(line))

    def _begin(self, request: str, argument: str) -> None:
        if request == ".RS":
            self._level += 1
        elif request == ".RE":
            self._level -= 1
            self._hangs = False
        elif request in (".TP", ".TQ"):
            self._term = request
        elif request == ".PP":
            self._hangs = False
        elif request == ".IP" and argument:
            self._mark = plain(argument.strip('"')) + " "

    def _end(self) -> None:
        words = " ".join(self._words).split()
        self._words.clear()
        if words:
            margin = " " * _STEP * (self._level + self._hangs)
            if not (self._hangs and self._done and self._is_term(self._done[-1])):
                self._done.append("")
            hanging = margin + " " * len(self._mark)
            first = margin + self._mark
            self._done += textwrap.wrap(
                " ".join(words), _WIDTH, initial_indent=first, subsequent_indent=hanging, break_on_hyphens=False
            )
        self._mark = ""

    def _is_term(self, line: str) -> bool:
        return bool(line) and len(line) - len(line.lstrip()) == _STEP * self._level

    def text(self) -> str:
        self._end()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._done)).strip("\n")


def plain(text: str) -> str:
    """Text of a page without roff's escapes."""

    def character(match: re.Match[str]) -> str:
        number, name, other = match.groups()
        if number:
            return chr(int(number))
        if name:
            return _CHARACTERS.get(name, "?")
        return {"e": "\\", "-": "-", " ": " ", "&": "", "^": "", "|": ""}.get(other, other) if other else ""

    return _ESCAPE.sub(character, text).replace("``", '"').replace("''", '"')
