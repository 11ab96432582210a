"""What an operation changed, or would change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, Literal

import attrs

from ovnkit.errors import _is_secret
from ovnkit.ovsdb.values import Ref

__all__ = ["Changes", "ColumnChange"]


@attrs.frozen
class ColumnChange:
    """One column of one row. ``name`` is what people call the row.

    ``column`` is None for a row that is inserted empty or deleted. ``before`` is None for a row that is new, ``after``
    for one that goes.
    """

    action: Literal["insert", "update", "delete"]
    table: str
    row: Ref[Any]
    column: str | None
    before: Any
    after: Any
    name: str = attrs.field(default="", eq=False)

    def __str__(self) -> str:
        return self.text({})

    def text(self, names: Mapping[Ref[Any], str]) -> str:
        """Lines as people read them: keys of maps and members of sets one by one, references by these names."""
        where = f"{self.table} {self.name}".rstrip()
        if self.column is None:
            return f"{'+' if self.action == 'insert' else '-'} {where}"
        lines = _lines(self.column, self.before, self.after, names)
        return "\n".join(f"{sign} {where} {line}" for sign, line in lines)


def _lines(column: str, before: Any, after: Any, names: Mapping[Ref[Any], str]) -> Iterable[tuple[str, str]]:
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}, key=str):
            if old.get(key) != new.get(key):
                lines = _lines(f"{column}:{key}", old.get(key), new.get(key), names)
                yield from ((sign, f"{column}:{key} = ***") for sign, _ in lines) if _is_secret(key) else lines
    elif isinstance(before, Set) or isinstance(after, Set):
        old, new = before or frozenset(), after or frozenset()
        yield from (("-", f"{column}: {member}") for member in sorted(_plain(member, names) for member in old - new))
        yield from (("+", f"{column}: {member}") for member in sorted(_plain(member, names) for member in new - old))
    elif before is None:
        yield "+", f"{column} = {_plain(after, names)}"
    elif after is None:
        yield "-", f"{column} = {_plain(before, names)}"
    else:
        yield "~", f"{column} = {_plain(before, names)} -> {_plain(after, names)}"


def _plain(value: object, names: Mapping[Ref[Any], str]) -> str:
    if isinstance(value, Ref):
        return f"{value.row_class._table} {names.get(value) or str(value.uuid)[:8]}"
    return value if isinstance(value, str) and value and value.isprintable() else repr(value)


class Changes(list[ColumnChange]):
    """The list of what was changed; empty and falsy when nothing had to change.

    ``ref`` is the row that the operation is about, None where there is none (it was removed, or never there).
    """

    def __init__(self, changes: Iterable[ColumnChange] = (), *, ref: Ref[Any] | None = None) -> None:
        super().__init__(changes)
        self.ref = ref

    def __str__(self) -> str:
        names = {change.row: change.name for change in self}
        return "\n".join(change.text(names) for change in self) or "no changes"

    def __repr__(self) -> str:
        return f"Changes({list(self)!r}, ref={self.ref!r})"
