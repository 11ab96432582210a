"""From the schemas of several releases to one set of facts that holds for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from ovnkit.codegen.facts import ColumnFacts, DatabaseFacts, TableFacts
from ovnkit.ovsdb.schema import BaseType, ColumnType

__all__ = ["FactsError", "History", "Release", "merge", "read_history", "read_releases"]


class FactsError(ValueError):
    """The schemas contradict each other or the history."""


@attrs.frozen
class Release:
    """One database's schema in one release ("24.03" of OVN, "3.5" of OVS)."""

    number: str
    product: Literal["OVN", "OVS"]
    schema: Mapping[str, Any]


@attrs.frozen
class History:
    """What is known of a database's releases beside their schemas: versions, and what came and went with each.

    Items are ``Table``, ``Table.column`` and ``Table.column=word``.
    """

    versions: dict[str, str] = attrs.field(factory=dict)
    came: dict[str, str] = attrs.field(factory=dict)
    went: dict[str, str] = attrs.field(factory=dict)


def read_releases(directory: Path) -> dict[str, list[Release]]:
    """The schemas in ``directory``, a folder ``ovn-RELEASE`` or ``ovs-RELEASE`` each, by database, oldest first."""
    releases: dict[str, list[Release]] = {}
    for path in sorted(directory.glob("ov[ns]-*/*.ovsschema")):
        product, _, number = path.parent.name.partition("-")
        schema = json.loads(path.read_text(encoding="utf-8"))
        releases.setdefault(schema["name"], []).append(Release(number, "OVN" if product == "ovn" else "OVS", schema))
    if not releases:
        raise FactsError(f"{directory} holds no ovn-RELEASE/*.ovsschema or ovs-RELEASE/*.ovsschema")
    for schemas in releases.values():
        schemas.sort(key=lambda release: _order(release.number))
    return releases


def read_history(text: str) -> dict[str, History]:
    """Histories by database, from lines of ``database release version``, then ``+item`` or ``-item`` per change."""
    histories: dict[str, History] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        database, release, version, *items = words
        history = histories.setdefault(database, History())
        history.versions[release] = version
        for item in items:
            (history.came if item.startswith("+") else history.went)[item[1:]] = release
    return histories


def merge(releases: list[Release], history: History) -> DatabaseFacts:
    """One database's facts: what any release has, as wide as any has it. Raises FactsError at a contradiction."""
    newest = releases[-1]
    versions = {release.number: release.schema["version"] for release in releases}
    for number, version in versions.items():
        if history.versions.get(number, version) != version:
            raise FactsError(f"schema {number} is {version}, the history says {history.versions[number]}")
    versions |= history.versions
    span = _Span([release.number for release in releases], history)
    tables = []
    for name in sorted(_names(releases, _tables), key=str.casefold):
        present = [release for release in releases if name in _tables(release)]
        since, until = span.of(name, [release.number for release in present])
        latest = _tables(present[-1])[name]
        tables.append(
            TableFacts(
                name,
                tuple(_columns(name, present, span)),
                latest.get("isRoot", False) or not any("isRoot" in table for table in _tables(present[-1]).values()),
                latest.get("maxRows"),
                tuple(tuple(index) for index in latest.get("indexes", [])),
                since,
                until,
            )
        )
    ordered = {number: versions[number] for number in sorted(versions, key=_order)}
    return DatabaseFacts(newest.schema["name"], newest.product, ordered, tuple(tables))


@attrs.frozen
class _Span:
    """When things came and went: within the gap that the schemas leave, as the history says."""

    numbers: list[str]
    history: History

    def of(self, item: str, present: list[str]) -> tuple[str | None, str | None]:
        first, last = self.numbers.index(present[0]), self.numbers.index(present[-1])
        if present != self.numbers[first : last + 1]:
            raise FactsError(f"{item} went and came back: it is in {', '.join(present)}")
        return (
            self._between(item, self.history.came, first - 1, first),
            self._between(item, self.history.went, last, last + 1),
        )

    def _between(self, item: str, known: Mapping[str, str], before: int, after: int) -> str | None:
        number = known.get(item)
        if before < 0 or after == len(self.numbers):
            if number is not None:
                raise FactsError(f"{item} changed in {number} says the history, but no schema here shows it")
            return None
        if number is None:
            return self.numbers[after]
        if not _order(self.numbers[before]) < _order(number) <= _order(self.numbers[after]):
            raise FactsError(
                f"{item} changed in {number} says the history, "
                f"but between {self.numbers[before]} and {self.numbers[after]} say the schemas"
            )
        return number


def _columns(table: str, releases: list[Release], span: _Span) -> Iterable[ColumnFacts]:
    def columns(release: Release) -> Mapping[str, Any]:
        return _tables(release)[table]["columns"]  # type: ignore[no-any-return]

    # In the newest schema's order, which its authors chose for readers.
    for name in _names(releases[::-1], columns):
        present = [release for release in releases if name in columns(release)]
        numbers = [release.number for release in present]
        came_with_table = numbers[0] == releases[0].number
        since, until = span.of(f"{table}.{name}", numbers)
        types = [ColumnType.from_json(columns(release)[name]["type"]) for release in present]
        latest = columns(present[-1])[name]
        yield ColumnFacts(
            name,
            _widest(f"{table}.{name}", types),
            None if came_with_table else since,
            None if numbers[-1] == releases[-1].number else until,
            immutable=not any(columns(release)[name].get("mutable", True) for release in present),
            ephemeral=latest.get("ephemeral", False),
            gone=_gone_words(f"{table}.{name}", dict(zip(numbers, types, strict=True)), span),
        )


def _gone_words(item: str, types: Mapping[str, ColumnType], span: _Span) -> dict[str, str]:
    gone = {}
    words = {str(word) for type in types.values() for word in _enum(type)}
    for word in sorted(words):
        present = [number for number, type in types.items() if word in _enum(type)]
        if present[-1] != list(types)[-1]:
            _, until = span.of(f"{item}={word}", present)
            gone[word] = until or ""
    return gone


def _enum(type: ColumnType) -> frozenset[Any]:
    return (type.key.enum or frozenset()) | ((type.value and type.value.enum) or frozenset())


def _widest(item: str, types: list[ColumnType]) -> ColumnType:
    if len({type.value is None for type in types}) > 1:
        raise FactsError(f"{item} is a map in some releases only")
    values = [type.value for type in types if type.value is not None]
    return ColumnType(
        _widest_base(item, [type.key for type in types]),
        _widest_base(item, values) if values else None,
        min(type.min for type in types),
        _outermost(max, [type.max for type in types]),
    )


def _widest_base(item: str, bases: list[BaseType]) -> BaseType:
    if len({(base.type, base.ref_table) for base in bases}) > 1:
        raise FactsError(f"{item} holds another type in some releases")
    enums = [base.enum for base in bases]
    return BaseType(
        bases[-1].type,
        None if None in enums else frozenset[Any]().union(*(enum for enum in enums if enum is not None)),
        _outermost(min, [base.minimum for base in bases]),
        _outermost(max, [base.maximum for base in bases]),
        _outermost(min, [base.min_length for base in bases]),
        _outermost(max, [base.max_length for base in bases]),
        bases[-1].ref_table,
        bases[-1].ref_type,
    )


def _outermost(choose: Callable[[list[Any]], Any], limits: list[Any]) -> Any:
    return None if None in limits else choose(limits)


def _tables(release: Release) -> Mapping[str, Any]:
    return release.schema["tables"]  # type: ignore[no-any-return]


def _names(releases: Iterable[Release], of: Callable[[Release], Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for release in releases for name in of(release)))


def _order(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))
