"""The promises of every writing operation, checked on a real server: run twice, dry run, and what really changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any
from uuid import UUID

import pytest

from ovnkit.errors import NotMonitored, OvnkitError
from ovnkit.ovsdb import Changes, Client, ColumnChange, Map, Ref, Row, codec

__all__ = ["Call", "Snapshot", "check_operation", "checked", "clear", "difference", "snapshot"]

Call = Callable[[Any, bool], Changes]
"""An operation with its arguments: ``lambda on, dry_run: on.add_switch("web", dry_run=dry_run)``.

``on`` is a client or a transaction.
"""

Snapshot = dict[Ref[Any], dict[str, Any]]
"""The columns of every row of a database."""


def check_operation(client: Client[Any, Any], call: Call) -> Changes:
    """Run an operation in every way there is, and then for good; returns what it changed.

    Checked: a dry run changes nothing and names exactly the changes that the operation then makes, on the client and in
    a transaction; these are exactly the differences that the database shows; the second run changes nothing and is
    about the same row. An operation that refuses does so in the same words in every way, changes nothing, and its error
    is raised.
    """
    before = snapshot(client)
    try:
        expected = call(client, True)
    except OvnkitError as refusal:
        _check_refused(client, call, refusal, before)
        raise
    assert snapshot(client) == before, "a dry run has changed the database"
    _check_in_transaction(client, call, expected)
    assert snapshot(client) == before, "a discarded transaction has changed the database"

    made = call(client, False)
    after = snapshot(client)
    assert _unnamed(made) == _unnamed(expected), "the dry run named other changes"
    assert set(made) == set(difference(before, after)), "the changes are not what the database shows"
    assert len(set(made)) == len(made), "a change is named twice"
    assert made.ref is None or made.ref in after, "the operation is about a row that is not there"

    assert call(client, True) == [], "a dry run after the operation sees something to do"
    again = call(client, False)
    assert again == [], "the second run has changed something"
    assert again.ref == made.ref, "the second run is about another row"
    assert snapshot(client) == after, "the second run has changed the database"
    return made


def checked(client: Client[Any, Any], operation: str, *args: Any, **arguments: Any) -> Changes:
    """As check_operation(), for an operation by its name: ``checked(nb, "add_switch", "web")``."""
    return check_operation(client, lambda on, dry_run: getattr(on, operation)(*args, dry_run=dry_run, **arguments))


def _check_refused(client: Client[Any, Any], call: Call, refusal: OvnkitError, before: Snapshot) -> None:
    def refuses(on: Any, *, dry_run: bool) -> None:
        with pytest.raises(OvnkitError) as caught:
            call(on, dry_run)
        assert (caught.type, str(caught.value)) == (type(refusal), str(refusal)), "refused in other words"

    tx = client.transaction()
    for dry_run in (True, False):
        refuses(tx, dry_run=dry_run)
        assert tx.changes() == [], "a refused operation has left something in its transaction"
    tx.discard()
    refuses(client, dry_run=False)
    assert snapshot(client) == before, "a refused operation has changed the database"


def _check_in_transaction(client: Client[Any, Any], call: Call, expected: Changes) -> None:
    tx = client.transaction()
    assert _unnamed(call(tx, True)) == _unnamed(expected), "a dry run in a transaction names other changes"
    assert tx.changes() == [], "a dry run has left something in its transaction"
    joined = call(tx, False)
    assert _unnamed(joined) == _unnamed(expected), "in a transaction the operation makes other changes"
    assert set(tx.changes()) == set(joined), "the transaction holds other changes than the operation has named"
    again = call(tx, False)
    assert again == [], "the second run in a transaction has changed something"
    assert again.ref == joined.ref, "the second run in a transaction is about another row"
    tx.discard()


def snapshot(client: Client[Any, Any]) -> Snapshot:
    """Every monitored row of the database."""
    return {row.ref: row._values() for row_class in _readable(client) for row in client.find(row_class)}


def difference(before: Snapshot, after: Snapshot) -> Iterator[ColumnChange]:
    """The changes that lead from one snapshot to another."""
    for ref in before.keys() - after.keys():
        yield ColumnChange("delete", _table(ref), ref, None, None, None)
    for ref, columns in after.items():
        table = _table(ref)
        if ref in before:
            for name, value in columns.items():
                if value != before[ref][name]:
                    yield ColumnChange("update", table, ref, name, before[ref][name], value)
            continue
        written = {name: value for name, value in columns.items() if value != _default(ref.row_class, name)}
        for name, value in written.items():
            yield ColumnChange("insert", table, ref, name, None, value)
        if not written:
            yield ColumnChange("insert", table, ref, None, None, None)


def clear(client: Client[Any, Any], *, keep: Collection[type[Row[Any]]] = ()) -> None:
    """Empty the database. The rows of tables in ``keep`` stay, with no column set."""
    with client.transaction() as tx:
        for row_class in _readable(client):
            for row in client.find(row_class):
                if row_class in keep:
                    tx.update(row, **{name: _default(row_class, name) for name in row._values()})
                elif row_class._root:
                    tx.delete(row)


def _readable(client: Client[Any, Any]) -> Iterator[Any]:
    row_class: Any
    for row_class in client._database.tables.values():
        try:
            client.find(row_class)
        except NotMonitored:
            continue
        if client.has(row_class):
            yield row_class


def _table(ref: Ref[Any]) -> str:
    table: str = ref.row_class._table
    return table


def _default(row_class: Any, name: str) -> Any:
    return codec.default(row_class._column(name).type, row_class._database.row_class)


def _unnamed(changes: Changes) -> set[ColumnChange | Any]:
    """Changes with new rows numbered in the order in which they are named, since each run chooses their uuids anew."""
    numbers: dict[UUID, UUID] = {}
    for change in changes:
        if change.action == "insert":
            numbers.setdefault(change.row.uuid, UUID(int=len(numbers) + 1))

    def renamed(value: Any) -> Any:
        if isinstance(value, Ref):
            return Ref(value.row_class, numbers.get(value.uuid, value.uuid))
        if isinstance(value, frozenset):
            return frozenset(map(renamed, value))
        if isinstance(value, Map):
            return Map((renamed(key), renamed(item)) for key, item in value.items())
        return value

    found: set[ColumnChange | Any] = {
        ColumnChange(
            change.action,
            change.table,
            renamed(change.row),
            change.column,
            renamed(change.before),
            renamed(change.after),
        )
        for change in changes
    }
    found.add(("ref", renamed(changes.ref)))
    return found
