"""Indexes: which rows have a value, without looking through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import attrs

from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map, Ref

__all__ = ["Index", "IndexKey"]


@attrs.frozen(cache_hash=True)
class IndexKey:
    """What an index goes by: the values of columns, of one key of a map column, or each row that a column refers to."""

    columns: tuple[str, ...]
    key: Any = None
    references: bool = False

    def values(self, row: Row[Any]) -> Iterable[Any]:
        """What a row is found by."""
        if self.references:
            return {ref.uuid for ref in _refs(row._peek(self.columns[0])) if isinstance(ref, Ref)}
        if self.key is not None:
            value = row._peek(self.columns[0]).get(self.key)
            return () if value is None else (value,)
        if len(self.columns) == 1:
            return (row._peek(self.columns[0]),)
        return (tuple(row._peek(name) for name in self.columns),)


class Index:
    """The rows of one table by what an IndexKey says. Whoever calls it holds the lock of the store, but for fill()."""

    def __init__(self, key: IndexKey) -> None:
        self.key = key
        self.complete = False
        """Until then changes are kept back: the rows that were there are still being looked through."""
        self._backlog: list[tuple[UUID, Iterable[Any], Iterable[Any]]] = []
        # Almost every value belongs to one row, which needs no set.
        self._entries: dict[Any, UUID | set[UUID]] = {}

    def fill(self, rows: Iterable[Row[Any]]) -> None:
        """Take in the rows that were there."""
        values = self.key.values
        for row in rows:
            self._add(row.uuid, values(row))

    def finish(self) -> None:
        """Catch up with what happened meanwhile."""
        self.complete = True
        for change in self._backlog:
            self.replace(*change)
        self._backlog.clear()

    def replace(self, uuid: UUID, before: Iterable[Any], after: Iterable[Any]) -> None:
        """A row is found by the values ``after`` from now on, no longer by those ``before``."""
        if not self.complete:
            self._backlog.append((uuid, before, after))
            return
        self._discard(uuid, before)
        self._add(uuid, after)

    def find(self, value: Any) -> Iterable[UUID]:
        """The rows that have this value."""
        found = self._entries.get(value)
        return () if found is None else (found,) if isinstance(found, UUID) else found

    def _add(self, uuid: UUID, values: Iterable[Any]) -> None:
        entries = self._entries
        for value in values:
            held = entries.setdefault(value, uuid)
            if isinstance(held, set):
                held.add(uuid)
            elif held != uuid:
                entries[value] = {held, uuid}

    def _discard(self, uuid: UUID, values: Iterable[Any]) -> None:
        entries = self._entries
        for value in values:
            held = entries.get(value)
            if isinstance(held, set):
                held.discard(uuid)
                if not held:
                    del entries[value]
            elif held == uuid:
                del entries[value]


def _refs(value: Any) -> Iterator[Any]:
    if isinstance(value, frozenset):
        yield from value
    elif isinstance(value, Map):
        yield from value.keys()
        yield from value.values()
    else:
        yield value
