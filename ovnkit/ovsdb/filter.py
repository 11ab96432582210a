"""Filters: which rows ``get``, ``find``, ``wait`` and ``watch`` mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ovnkit.ovsdb.edits import Exactly
from ovnkit.ovsdb.index import IndexKey
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map, Ref

__all__ = ["Filter"]


class Filter:
    """Column values that a row must have: a set contains all given members, a map has the given items, None is unset.

    Raises TypeError for an unknown column and InvalidValue for a value of the wrong type, when it is made.
    """

    def __init__(self, row_class: type[Row[Any]], columns: dict[str, Any]) -> None:
        self.row_class = row_class
        self.columns = columns
        self._tests = [
            (
                name,
                row_class._normalise(name, value.value if isinstance(value, Exactly) else value),
                isinstance(value, Exactly),
            )
            for name, value in columns.items()
        ]

    def __call__(self, row: Row[Any]) -> bool:
        """Whether the row matches."""
        for name, wanted, exactly in self._tests:
            value = row._peek(name)
            if value == wanted:
                continue
            if exactly:
                return False
            if isinstance(wanted, frozenset):
                if not wanted <= value:
                    return False
            elif not (isinstance(wanted, Map) and wanted.items() <= value.items()):
                return False
        return True

    def lookups(self, keys: tuple[IndexKey, ...]) -> Iterator[tuple[IndexKey, Any]]:
        """The indexes that would do, and the value to look up in each; the best first."""
        equal = {name: value for name, value, _ in self._tests if not isinstance(value, (frozenset, Map))}
        for key in keys:
            if key.key is not None:
                wanted = next((value for name, value, _ in self._tests if name == key.columns[0]), None)
                if isinstance(wanted, Map) and key.key in wanted:
                    yield key, wanted[key.key]
            elif all(name in equal for name in key.columns):
                values = tuple(equal[name] for name in key.columns)
                yield key, values[0] if len(values) == 1 else values
        for name, wanted, _ in self._tests:
            member = next(iter(wanted), None) if isinstance(wanted, frozenset) else wanted
            if isinstance(member, Ref):
                yield IndexKey((name,), references=True), member.uuid

    def is_decided_by(self, key: IndexKey) -> bool:
        """Whether every row that one of lookups() finds in this index matches."""
        return key.key is None and not key.references and len(key.columns) == len(self._tests)
