"""From the arguments of an operation to columns: what is None is left alone, what is a map is set key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.edits import Put

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["EVACUATED", "OWNER", "given", "integer", "is_owned", "marked", "string_map", "update"]

OWNER = {"ovnkit-owner": "ovnkit"}
"""What ``external_ids`` of every row that ovnkit inserts carry."""

EVACUATED: Final = "ovnkit-evacuated"
"""In ``external_ids`` of a gateway chassis that was put last for a while: the priority that it had."""


def is_owned(row: Any) -> bool:
    """Whether ovnkit inserted this row."""
    return bool(OWNER.items() <= row.external_ids.items())


def marked(columns: Mapping[str, Any], **more: str) -> dict[str, Any]:
    """The columns of a new row: with ovnkit's mark, which says that ovnkit may remove it."""
    return {**columns, "external_ids": {**columns.get("external_ids", {}), **more, **OWNER}}


def given(**columns: Any) -> dict[str, Any]:
    """The columns that an argument was given for."""
    return {name: value for name, value in columns.items() if value is not None}


def update(tx: NorthboundTransaction, row: Any, columns: Mapping[str, Any]) -> None:
    """Set columns of a row; of maps the given keys."""
    tx.update(row, **{name: Put(value) if isinstance(value, dict) else value for name, value in columns.items()})


def string_map(value: object, *, table: str, column: str) -> dict[str, str] | None:
    """The value, which must map strings to strings. Raises InvalidValue."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise InvalidValue(table=table, column=column, value=value, allowed="a mapping of strings to strings")
    return {str(key): str(item) for key, item in value.items()}


def integer(value: object, least: int, most: int, *, table: str, column: str) -> int:
    """The value, which must be an integer in these bounds. Raises InvalidValue."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidValue(table=table, column=column, value=value, allowed=f"an integer from {least} to {most}")
    return value
