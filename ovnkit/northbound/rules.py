"""Rules: rows without a name in a column of their parent, known by what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.northbound.columns import marked, update
from ovnkit.northbound.identity import one

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction
    from ovnkit.ovsdb.values import Ref

__all__ = ["find_rules", "put_rule", "remove_rules"]

_Same = Callable[[str, Any, Any], bool]
"""Whether two values of a column mean the same."""


def _equal(_name: str, one: Any, other: Any) -> bool:
    return bool(one == other)


def find_rules(
    tx: NorthboundTransaction, parent: Any, column: str, identity: Mapping[str, Any], *, same: _Same = _equal
) -> list[Any]:
    """The rules of this identity in a column of their parent, in a fixed order."""
    rows = [tx[ref] for ref in sorted(getattr(tx[parent.ref], column))]
    return [row for row in rows if all(same(name, getattr(row, name), value) for name, value in identity.items())]


def put_rule(
    tx: NorthboundTransaction,
    parent: Any,
    column: str,
    row_class: Any,
    identity: Mapping[str, Any],
    columns: Mapping[str, Any],
    *,
    same: _Same = _equal,
) -> Ref[Any]:
    """Update the rule of this identity, or insert it. Raises NotUnique."""
    table = row_class._table
    row = one(find_rules(tx, parent, column, identity, same=same), table, **{parent._table: parent.name}, **identity)
    if row is not None:
        changed = {name: value for name, value in columns.items() if not same(name, getattr(row, name), value)}
        update(tx, row, changed)
        return row.ref  # type: ignore[no-any-return]
    # What a column has by itself needs not be written, and not be on the server.
    own = {name: value for name, value in identity.items() if value != row_class._columns[name].default}
    new: Ref[Any] = tx.insert(row_class(**marked({**own, **columns})))
    # The whole set, so that the same rule, added at the same moment, is a conflict.
    tx.update(parent, **{column: getattr(tx[parent.ref], column) | {new}})
    return new


def remove_rules(
    tx: NorthboundTransaction, parent: Any, column: str, identity: Mapping[str, Any], *, same: _Same = _equal
) -> None:
    """Delete the rule of this identity, or with an identity that is meant to be of several, all of them."""
    for row in find_rules(tx, parent, column, identity, same=same):
        tx.delete(row)
