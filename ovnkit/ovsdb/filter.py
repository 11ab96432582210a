"""Filters: which rows ``get``, ``find``, ``wait`` and ``watch`` mean."""

from __future__ import annotations

from typing import Any

from ovnkit.ovsdb.edits import Exactly
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map

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
            value = getattr(row, name)
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
