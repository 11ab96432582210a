"""What a server's reply to a transaction means (RFC 7047 4.1.3 and 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

    Also an error where an operation on one row reports another count than one: that row was gone. (It cannot happen
    after a `wait` for the row; the count is a cross-check.)
    """
    for index, result in enumerate(results if isinstance(results, list) else ()):
        # Constraints that are checked at commit come as one more result than there were operations.
        operation = operations[index] if index < len(operations) else None
        if isinstance(result, dict) and "error" in result:
            word, details = str(result["error"]), result.get("details", "")
            if operation is not None and operation["op"] == "wait":
                details = _what_changed(operation)
            return _CLASSES.get(word, TransactionFailed)(word, details, operation)
    if not isinstance(results, list) or len(results) < len(operations):
        return TransactionFailed(
            "protocol error", f"the server answered {len(operations)} operations with {results!r:.200}"
        )
    for operation, result in zip(operations, results, strict=False):
        if operation["op"] in ("update", "mutate", "delete") and result != {"count": 1}:
            return TransactionFailed("count", f"the operation answered {result!r:.200} instead of 1 row", operation)
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
