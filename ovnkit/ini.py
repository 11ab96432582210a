"""Files of oslo.config, as Neutron's are: which options they set, and where each stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from ovnkit.errors import Conflict

__all__ = ["Assignment", "Section", "lines_of", "section_key", "standing", "unquoted", "values"]

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_ESCAPED: Final = re.compile(r"\\\$|\$\$")
_QUOTES: Final = ("'", '"')


def values(text: str, *, path: str = "the text") -> Mapping[tuple[str, str], list[str]]:
    """All values of all options, by section and name, as oslo.config reads them before it gives them their types.

    Raises Conflict where the text is not oslo.config's.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in standing(lines_of(text), path)[0]:
        found[one.section, one.name].append(unquoted(one.text))
    return dict(found)


@attrs.frozen
class Assignment:
    """An option where it stands: lines from ``start`` to before ``end``."""

    section: str
    name: str
    text: str
    start: int
    end: int


@attrs.define
class Section:
    """A section of a file, by the name that oslo.config compares."""

    name: str
    end: int
    """The line after its last assignment, or after its header."""


def lines_of(text: str) -> list[str]:
    """The lines of a file, each with its end."""
    return _LINE.findall(text)


def section_key(section: str) -> str:
    """How oslo.config compares the names of sections."""
    return section if section == "DEFAULT" else section.lower()


def standing(lines: Sequence[str], path: str) -> tuple[list[Assignment], list[Section]]:
    """The options and sections of a file, in their order; ``path`` is what errors call it. Raises Conflict."""
    assignments: list[Assignment] = []
    sections: list[Section] = []
    goes_on = False
    for number, raw in enumerate(lines):
        line = raw.rstrip()
        if not line:
            goes_on = False
        elif line.startswith((" ", "\t")):
            if not goes_on:
                raise _unreadable(path, number, "it goes on with what is not there")
            last = assignments.pop()
            assignments.append(attrs.evolve(last, text=f"{last.text}\n{line.lstrip()}", end=number + 1))
            sections[-1].end = number + 1
        elif line.startswith("["):
            if not line.endswith("]") or len(line) <= len("[]"):
                raise _unreadable(path, number, "a section is [NAME]")
            sections.append(Section(section_key(line[1:-1]), number + 1))
            goes_on = False
        elif line.startswith(("#", ";")):
            goes_on = False
        else:
            assignments.append(_assignment(line, number, sections, path))
            sections[-1].end = number + 1
            goes_on = True
    return assignments, sections


def _assignment(line: str, number: int, sections: Sequence[Section], path: str) -> Assignment:
    found = re.match(r"([^=:]*)[=:](.*)", line, re.DOTALL)
    if found is None or not found[1].strip():
        raise _unreadable(path, number, "an option is NAME = VALUE")
    if not sections:
        raise _unreadable(path, number, "an option stands in a section")
    return Assignment(sections[-1].name, found[1].strip(), found[2].strip(), number, number + 1)


def _unreadable(path: str, number: int, reason: str) -> Conflict:
    # Not the line itself: it may have a secret in it.
    return Conflict("it is no file of oslo.config", f"{path}, line {number + 1}: {reason}")


def unquoted(text: str) -> str:
    """A value as oslo.config takes it, but that a reference such as ``$state_path`` stays as it is."""
    first, newline, more = text.partition("\n")
    if first[:1] in _QUOTES and first[:1] == first[-1:]:
        first = first[1:-1]
    return _ESCAPED.sub("$", first + newline + more)
