"""The operations of a transaction (RFC 7047 5.2), built from what is pending. Pure logic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ovnkit.ovsdb.codec import encode
from ovnkit.ovsdb.pending import Operation, Pending, PendingRow
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map

__all__ = ["build", "conditions", "wait_absent", "wait_columns"]


def build(pending: Pending, *, comment: str | None, durable: bool) -> list[Operation]:
    """All operations, guards first. Every update, mutate and delete is preceded by a `wait` for its row."""
    waits: list[Operation] = list(pending.guards)
    inserts: list[Operation] = []
    writes: list[Operation] = []
    deletes: list[Operation] = []
    checks: list[Operation] = []
    for item in pending.items.values():
        if item.base is None:
            row = {name: encode(value) for name, _, value in item.columns}
            inserts.append({"op": "insert", "table": item.row._table, "uuid": str(item.row.uuid), "row": row})
        elif item.deleted:
            waits.append(_wait_row(item.base))
            deletes.append({"op": "delete", "table": item.row._table, "where": _where(item.row)})
        else:
            _update(item, waits, writes, checks)
    operations = waits + inserts + writes + deletes + checks
    if operations and comment is not None:
        operations.append({"op": "comment", "comment": comment})
    if operations and durable:
        operations.append({"op": "commit", "durable": True})
    return operations


def _where(row: Row[Any]) -> list[Any]:
    return [["_uuid", "==", ["uuid", str(row.uuid)]]]


def _update(item: PendingRow, waits: list[Operation], writes: list[Operation], checks: list[Operation]) -> None:
    base = item.base
    assert base is not None
    table = base._table
    where = _where(base)
    changed = list(item.columns)
    whole = {name: after for name, _, after in changed if name in item.whole}
    if whole:
        waits.append(wait_columns(base, list(whole)))
        writes.append(
            {"op": "update", "table": table, "where": where, "row": {name: encode(v) for name, v in whole.items()}}
        )
    mutations: list[Any] = []
    for name, before, after in changed:
        if name in item.whole:
            continue
        if isinstance(before, Map):
            replaced = {key: value for key, value in before.items() if after.get(key) != value}
            put = {key: value for key, value in after.items() if before.get(key) != value}
            if replaced:
                waits.append(_wait_row(base, [name, "includes", encode(Map(replaced))]))
                mutations.append([name, "delete", encode(frozenset(replaced))])
            if put:
                mutations.append([name, "insert", encode(Map(put))])
                # An insert into a map never overwrites: that the value is the new one shows that the key was absent.
                checks.append(_wait_row(base, [name, "includes", encode(Map(put))]))
        else:
            if before - after:
                mutations.append([name, "delete", encode(before - after)])
            if after - before:
                mutations.append([name, "insert", encode(after - before)])
    if mutations:
        if not whole:
            waits.append(_wait_row(base))
        writes.append({"op": "mutate", "table": table, "where": where, "mutations": mutations})


def _wait_row(row: Row[Any], *conditions: list[Any]) -> Operation:
    uuid = ["uuid", str(row.uuid)]
    return {
        "op": "wait",
        "table": row._table,
        "where": [["_uuid", "==", uuid], *conditions],
        "columns": ["_uuid"],
        "until": "==",
        "rows": [{"_uuid": uuid}],
        "timeout": 0,
    }


def wait_columns(row: Row[Any], names: list[str]) -> Operation:
    """Abort where any of these columns differs from what was read, or the row is gone."""
    return {
        "op": "wait",
        "table": row._table,
        "where": _where(row),
        "columns": names,
        "until": "==",
        "rows": [{name: encode(getattr(row, name)) for name in names}],
        "timeout": 0,
    }


def wait_absent(row_class: type[Row[Any]], columns: dict[str, Any], *, but: Iterable[UUID] = ()) -> Operation:
    """Abort where there is a row with these (normalised) columns, other than the rows ``but``."""
    others = [["_uuid", "!=", ["uuid", str(uuid)]] for uuid in but]
    return {
        "op": "wait",
        "table": row_class._table,
        "where": conditions(columns) + others,
        "columns": ["_uuid"],
        "until": "==",
        "rows": [],
        "timeout": 0,
    }


def conditions(columns: dict[str, Any]) -> list[list[Any]]:
    """The <condition>s that select rows with these (normalised) columns."""
    return [
        [name, "includes" if isinstance(value, (frozenset, Map)) else "==", encode(value)]
        for name, value in columns.items()
    ]
