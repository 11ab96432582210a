"""Settings in files of oslo.config: put into the text that is there, of which everything else stays byte for byte."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from ovnkit.deploy.secret import Secret
from ovnkit.errors import Conflict, InvalidValue

__all__ = ["Setting", "SettingChange", "merge", "values"]

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_ESCAPED: Final = re.compile(r"\\\$|\$\$")
_QUOTES: Final = ("'", '"')
_Read = dict[tuple[str, str], list[str]]


@attrs.frozen(kw_only=True)
class Setting:
    """One option as it is to be.

    ``aliases``: its other names, which go. ``beside``: it is a list, in which others may have items of their own; those
    stay, but for ``instead_of``, which it takes the place of.
    """

    section: str
    name: str
    value: str | Secret
    aliases: frozenset[str] = frozenset()
    beside: bool = False
    instead_of: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """Its value in clear."""
        return self.value.reveal() if isinstance(self.value, Secret) else self.value

    def wanted(self, there: str | None) -> str:
        """What its value is to be where this one is there, None for none."""
        if not self.beside or there is None:
            return self.text
        ours = self.text.split(",")
        others = [item.strip() for item in there.split(",") if item.strip()]
        if set(ours) <= set(others) and not self.instead_of & set(others):
            return there
        return ",".join(ours + [item for item in others if item not in ours and item not in self.instead_of])

    def shown(self, text: str) -> str | Secret:
        """A value of this option, hidden where it is a secret."""
        return Secret(text) if isinstance(self.value, Secret) else text


@attrs.frozen
class SettingChange:
    """An option of a file that is to be changed; ``before`` and ``after`` are None where it is not there."""

    section: str
    name: str
    before: str | Secret | None
    after: str | Secret | None

    def __str__(self) -> str:
        what = f"[{self.section}] {self.name}"
        if self.before is None:
            return f"+ {what} = {self.after}"
        return f"- {what} = {self.before}" if self.after is None else f"~ {what} = {self.before} -> {self.after}"


@attrs.frozen
class _Assignment:
    """An option where it stands: lines from ``start`` to before ``end``."""

    section: str
    name: str
    text: str
    start: int
    end: int


@attrs.define
class _Section:
    name: str
    end: int
    """The line after its last assignment, or after its header."""


def merge(text: str, settings: Sequence[Setting], *, path: str) -> tuple[str, tuple[SettingChange, ...]]:
    """The text of a file with these settings, and what has changed in it; ``path`` is what errors call it.

    An option that is there keeps its place, one that is not comes to the end of its section. The first of several
    assignments of one option is kept, for Neutron takes the last. Values are read back before anything is returned.

    Raises InvalidValue for a value that no line can hold, and Conflict where the text is not oslo.config's.
    """
    for setting in settings:
        _check(setting, path)
    lines = _LINE.findall(text)
    newline = _newline(lines)
    assignments, sections = _parsed(lines, path)
    replaced: dict[int, str] = {}
    dropped: set[int] = set()
    added: dict[int, list[str]] = defaultdict(list)
    appended: dict[str, list[str]] = defaultdict(list)
    changes: list[SettingChange] = []
    for setting in settings:
        section = _key(setting.section)
        found = [one for one in assignments if one.section == section and one.name in {setting.name, *setting.aliases}]
        named = [one for one in found if one.name == setting.name]
        there = _unquoted((named or found)[-1].text) if found else None
        wanted = setting.wanted(there)
        line = f"{setting.name} = {_quoted(wanted)}"
        if len(found) == 1 and named and _says(found[0], wanted):
            continue
        changes += _changes(setting, found, wanted)
        if found:
            first = found[0]
            ends_in_newline = lines[first.end - 1].endswith(("\n", "\r"))
            replaced[first.start] = line + (newline if ends_in_newline else "")
            dropped |= {number for one in found for number in range(one.start, one.end)}
        elif home := next((one for one in sections if one.name == section), None):
            added[home.end].append(line)
        else:
            appended[setting.section].append(line)
    merged = _assembled(lines, replaced, dropped, added, appended, newline)
    _read_back(text, merged, settings, path)
    return merged, tuple(changes)


def values(text: str, *, path: str = "the text") -> Mapping[tuple[str, str], list[str]]:
    """All values of all options, by section and name, as oslo.config reads them before it gives them their types.

    Raises Conflict where the text is not oslo.config's.
    """
    found: _Read = defaultdict(list)
    for one in _parsed(_LINE.findall(text), path)[0]:
        found[one.section, one.name].append(_unquoted(one.text))
    return dict(found)


def _says(there: _Assignment, wanted: str) -> bool:
    # A dollar sign that is not escaped would refer to another option.
    return _unquoted(there.text) == wanted and ("$" not in wanted or there.text == _quoted(wanted))


def _check(setting: Setting, path: str) -> None:
    text = setting.text
    # What is not printable has line ends and NUL among it.
    if not text.isprintable() or text.startswith("["):
        allowed = "one line of printable characters that does not begin with '['"
        column = f"[{setting.section}] {setting.name}"
        value = "***" if isinstance(setting.value, Secret) else text
        raise InvalidValue(table=path, column=column, value=value, allowed=allowed)


def _changes(setting: Setting, found: Sequence[_Assignment], wanted: str) -> list[SettingChange]:
    named = [one for one in found if one.name == setting.name]
    others = [one for one in found if one.name != setting.name]
    changes = [SettingChange(setting.section, one.name, setting.shown(_on_one_line(one.text)), None) for one in others]
    if len(named) == 1 and _says(named[0], wanted):
        return changes
    before = setting.shown(", then ".join(_on_one_line(one.text) for one in named)) if named else None
    return [SettingChange(setting.section, setting.name, before, setting.shown(wanted)), *changes]


def _on_one_line(text: str) -> str:
    """As it is written, for people."""
    words = " ".join(text.split())
    return words if words.isprintable() else repr(words)


def _assembled(
    lines: Sequence[str],
    replaced: Mapping[int, str],
    dropped: set[int],
    added: Mapping[int, list[str]],
    appended: Mapping[str, list[str]],
    newline: str,
) -> str:
    out: list[str] = []
    for number in range(len(lines) + 1):
        for line in added.get(number, ()):
            _end_line(out, newline)
            out.append(line + newline)
        if number in replaced:
            out.append(replaced[number])
        elif number < len(lines) and number not in dropped:
            out.append(lines[number])
    for section, entries in appended.items():
        _end_line(out, newline)
        out.append(f"{newline if out else ''}[{section}]{newline}")
        out += [entry + newline for entry in entries]
    return "".join(out)


def _end_line(out: list[str], newline: str) -> None:
    if out and not out[-1].endswith(("\n", "\r")):
        out[-1] += newline


def _newline(lines: Sequence[str]) -> str:
    first = lines[0] if lines else ""
    return "\r\n" if first.endswith("\r\n") else "\r" if first.endswith("\r") else "\n"


def _key(section: str) -> str:
    """How oslo.config compares the names of sections."""
    return section if section == "DEFAULT" else section.lower()


def _parsed(lines: Sequence[str], path: str) -> tuple[list[_Assignment], list[_Section]]:
    assignments: list[_Assignment] = []
    sections: list[_Section] = []
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
            sections.append(_Section(_key(line[1:-1]), number + 1))
            goes_on = False
        elif line.startswith(("#", ";")):
            goes_on = False
        else:
            assignments.append(_assignment(line, number, sections, path))
            sections[-1].end = number + 1
            goes_on = True
    return assignments, sections


def _assignment(line: str, number: int, sections: Sequence[_Section], path: str) -> _Assignment:
    found = re.match(r"([^=:]*)[=:](.*)", line, re.DOTALL)
    if found is None or not found[1].strip():
        raise _unreadable(path, number, "an option is NAME = VALUE")
    if not sections:
        raise _unreadable(path, number, "an option stands in a section")
    return _Assignment(sections[-1].name, found[1].strip(), found[2].strip(), number, number + 1)


def _unreadable(path: str, number: int, reason: str) -> Conflict:
    # Not the line itself: it may have a secret in it.
    return Conflict("it is no file of oslo.config", f"{path}, line {number + 1}: {reason}")


def _quoted(text: str) -> str:
    """A value as it is written: oslo.config strips blanks and a pair of quotes, and takes ``$NAME`` for a reference."""
    escaped = text.replace("$", r"\$")
    has_quotes = escaped[:1] in _QUOTES and escaped[:1] == escaped[-1:]
    return f'"{escaped}"' if has_quotes or escaped != escaped.strip() else escaped


def _unquoted(text: str) -> str:
    """A value as oslo.config takes it, but that a reference such as ``$state_path`` stays as it is."""
    first, newline, more = text.partition("\n")
    if first[:1] in _QUOTES and first[:1] == first[-1:]:
        first = first[1:-1]
    return _ESCAPED.sub("$", first + newline + more)


def _read_back(before: str, after: str, settings: Sequence[Setting], path: str) -> None:
    """Raise InvalidValue where the new text does not say what is asked, or says something else besides."""
    old, new = dict(values(before, path=path)), dict(values(after, path=path))
    for setting in settings:
        names = [(_key(setting.section), name) for name in (setting.name, *setting.aliases)]
        found = [new.pop(name, []) for name in names]
        there = [old.pop(name, []) for name in names]
        known = there[0] or [value for values in there[1:] for value in values]
        wanted = setting.wanted(known[-1] if known else None)
        if found[0] != [wanted] or any(found[1:]):
            raise _not_read_back(setting, path)
    if old != new:
        raise _not_read_back(settings[0], path)


def _not_read_back(setting: Setting, path: str) -> InvalidValue:
    value = setting.shown(setting.text)
    return InvalidValue(
        table=path,
        column=f"[{setting.section}] {setting.name}",
        value="***" if isinstance(value, Secret) else value,
        allowed="a value that the file can hold and give back",
    )
