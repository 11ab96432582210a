"""Settings in files of oslo.config: put into the text that is there, of which everything else stays byte for byte."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from ovnkit.deploy.secret import Secret
from ovnkit.errors import InvalidValue
from ovnkit.ini import Assignment, lines_of, section_key, standing, unquoted, values

__all__ = ["Setting", "SettingChange", "merge"]

_QUOTES: Final = ("'", '"')


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


def merge(text: str, settings: Sequence[Setting], *, path: str) -> tuple[str, tuple[SettingChange, ...]]:
    """The text of a file with these settings, and what has changed in it; ``path`` is what errors call it.

    An option that is there keeps its place, one that is not comes to the end of its section. The first of several
    assignments of one option is kept, for Neutron takes the last. Values are read back before anything is returned.

    Raises InvalidValue for a value that no line can hold, and Conflict where the text is not oslo.config's.
    """
    for setting in settings:
        _check(setting, path)
    lines = lines_of(text)
    newline = _newline(lines)
    assignments, sections = standing(lines, path)
    replaced: dict[int, str] = {}
    dropped: set[int] = set()
    added: dict[int, list[str]] = defaultdict(list)
    appended: dict[str, list[str]] = defaultdict(list)
    changes: list[SettingChange] = []
    for setting in settings:
        section = section_key(setting.section)
        found = [one for one in assignments if one.section == section and one.name in {setting.name, *setting.aliases}]
        named = [one for one in found if one.name == setting.name]
        there = unquoted((named or found)[-1].text) if found else None
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


def _says(there: Assignment, wanted: str) -> bool:
    # A dollar sign that is not escaped would refer to another option.
    return unquoted(there.text) == wanted and ("$" not in wanted or there.text == _quoted(wanted))


def _check(setting: Setting, path: str) -> None:
    text = setting.text
    # What is not printable has line ends and NUL among it.
    if not text.isprintable() or text.startswith("["):
        allowed = "one line of printable characters that does not begin with '['"
        column = f"[{setting.section}] {setting.name}"
        value = "***" if isinstance(setting.value, Secret) else text
        raise InvalidValue(table=path, column=column, value=value, allowed=allowed)


def _changes(setting: Setting, found: Sequence[Assignment], wanted: str) -> list[SettingChange]:
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


def _quoted(text: str) -> str:
    """A value as it is written: oslo.config strips blanks and a pair of quotes, and takes ``$NAME`` for a reference."""
    escaped = text.replace("$", r"\$")
    has_quotes = escaped[:1] in _QUOTES and escaped[:1] == escaped[-1:]
    return f'"{escaped}"' if has_quotes or escaped != escaped.strip() else escaped


def _read_back(before: str, after: str, settings: Sequence[Setting], path: str) -> None:
    """Raise InvalidValue where the new text does not say what is asked, or says something else besides."""
    old, new = dict(values(before, path=path)), dict(values(after, path=path))
    for setting in settings:
        names = [(section_key(setting.section), name) for name in (setting.name, *setting.aliases)]
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
