"""What a server's reply to a transaction means (RFC 7047 4.1.3 and 5.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ovnkit.errors import (
    Conflict,
    ConstraintViolation,
    LockNotHeld,
    PermissionDenied,
    ReferentialViolation,
    TransactionFailed,
)

__all__ = ["DUPLICATE_UUID", "failure"]

DUPLICATE_UUID = "duplicate uuid"

_CLASSES: dict[str, type[TransactionFailed]] = {
    "timed out": Conflict,
    "constraint violation": ConstraintViolation,
    "referential integrity violation": ReferentialViolation,
    "permission error": PermissionDenied,
    "not owner": LockNotHeld,
}


def failure(operations: Sequence[dict[str, Any]], results: Any) -> TransactionFailed | None:
    """The error that a reply reports, None where the transaction was applied.

    Raises ValueError where the reply is none to these operations and does not tell what became of them. So it is where
    an operation on one row reports another count than one. (It cannot happen after a `wait` for the row; the count is a
    cross-check.)
    """
    if not isinstance(results, list):
        raise ValueError(f"the server answered {results!r:.200}")  # noqa: TRY004 - it is about the value
    for index, result in enumerate(results):
        # Constraints that are checked at commit come as one more result than there were operations.
        operation = operations[index] if index < len(operations) else None
        if isinstance(result, dict) and "error" in result:
            return _error(result, operation)
        if operation is not None and not _answers(operation, result):
            raise ValueError(f"the server answered {result!r:.200} to {operation['op']}")
    if len(results) < len(operations):
        raise ValueError(f"the server answered {len(operations)} operations with {results!r:.200}")
    return None


def _error(result: dict[str, Any], operation: dict[str, Any] | None) -> TransactionFailed:
    word, details = result["error"], result.get("details") or ""
    if not isinstance(word, str) or not isinstance(details, str):
        raise ValueError(f"the server answered {result!r:.200}")  # noqa: TRY004 - it is about the value
    place = _place(details, operation)
    if operation is not None and operation["op"] == "wait":
        details = _what_changed(operation)
    return _CLASSES.get(word, TransactionFailed)(word, details, operation, **place)


def _answers(operation: dict[str, Any], result: Any) -> bool:
    if not isinstance(result, dict):
        return False
    if operation["op"] == "insert":
        return isinstance(result.get("uuid"), list)
    if operation["op"] == "select":
        rows = result.get("rows")
        return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if operation["op"] in ("update", "mutate", "delete"):
        return type(result.get("count")) is int and result["count"] == 1
    return True


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Compiled when there is a failure to understand, not by whoever imports this.
_INDEX = (
    r'(?s)rows in "(?P<table>\w+)" table .* for index on columns? (?P<columns>(?:"\w+"(?:, | and )?)+)\.'
    rf"  First row, with UUID (?P<first>{_UUID}), (?P<of_first>[^.]*)\."
    rf"  Second row, with UUID (?P<second>{_UUID}),"
)
_PLACES = (
    rf"Table (?P<table>\w+) column (?P<columns>\w+) row (?P<row>{_UUID}) references",
    rf"cannot delete (?P<table>\w+) row (?P<row>{_UUID}) because",
    r'column "(?P<columns>\w+)"[^"]* table "(?P<table>\w+)"',
    r'table "(?P<table>\w+)"',
    r'"(?P<table>\w+)" table to contain',
)


def _place(details: str, operation: dict[str, Any] | None) -> dict[str, Any]:
    """Table, columns and row of a failure, from the server's text and from the operation."""
    found = re.search(_INDEX, details)
    if found:
        # The row that was there before is the one that is in the way.
        row = found["second"] if "inserted by this transaction" in found["of_first"] else found["first"]
        columns = tuple(re.findall(r"\w+", found["columns"].replace(" and ", " ")))
        return {"table": found["table"], "columns": columns, "row": UUID(row)}
    place: dict[str, Any] = {"row": None if operation is None else _row_of(operation)}
    for pattern in _PLACES:
        found = re.search(pattern, details)
        if found:
            groups = found.groupdict()
            place["table"] = groups["table"]
            if groups.get("columns"):
                place["columns"] = (groups["columns"],)
            if groups.get("row"):
                place["row"] = UUID(groups["row"])
            break
    if "columns" not in place and operation is not None and operation["op"] == "wait":
        place["columns"] = tuple(column for column in operation["columns"] if column != "_uuid")
    return place


def _row_of(operation: dict[str, Any]) -> UUID | None:
    """The row that an operation is about."""
    if "uuid" in operation:
        return UUID(operation["uuid"])
    for condition in operation.get("where", ()):
        if condition[:2] == ["_uuid", "=="] and isinstance(condition[2], list):
            return UUID(condition[2][1])
    return None


def _what_changed(operation: dict[str, Any]) -> str:
    columns = ", ".join(column for column in operation["columns"] if column != "_uuid")
    where = operation["where"]
    if operation["rows"] == []:
        return f"a row with {where} is there already"
    if columns:
        return f"{columns} changed since it was read, or the row is gone"
    if len(where) > 1:
        return f"{where[1][0]} changed since it was read, or the row is gone"
    return "the row is gone"
