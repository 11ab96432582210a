"""What commands have found, as values for JSON. Values of keys that are secrets are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import attrs

from ovnkit.deploy import Check, FileChange, HostResult, Undone
from ovnkit.errors import OvnkitError, _is_secret
from ovnkit.ovsdb.changes import ColumnChange
from ovnkit.ovsdb.values import Ref

__all__ = ["changes", "checks", "hosts", "problem", "undone"]


def hosts(results: Iterable[HostResult]) -> list[dict[str, Any]]:
    """What changes, or was changed, host by host."""
    return [
        {
            "name": result.host.name,
            "ovsdb": result.host.ovsdb,
            "changes": changes(result.changes),
            "files": [_file(change) for change in result.files],
            "step": result.step,
            "problem": problem(result.problem),
        }
        for result in results
    ]


def undone(results: Iterable[Undone]) -> list[dict[str, Any]]:
    """What was taken back, host by host."""
    return [
        {
            "name": result.host,
            "changes": changes(result.changes),
            "kept": [
                {"key": kept.key, "found": _masked(kept.key, kept.found), "left": _masked(kept.key, kept.left)}
                for kept in result.kept
            ],
            "problem": problem(result.problem),
        }
        for result in results
    ]


def checks(found: Iterable[Check]) -> list[dict[str, Any]]:
    """What was looked at."""
    return [attrs.asdict(check) for check in found]


def problem(error: OvnkitError | None) -> dict[str, str] | None:
    """An error: its class and what it says."""
    return None if error is None else {"error": type(error).__name__, "message": str(error)}


def changes(found: Iterable[ColumnChange]) -> list[dict[str, Any]]:
    """Columns of rows, and of maps one key after another."""
    return [entry for change in found for entry in _entries(change)]


def _entries(change: ColumnChange) -> Iterable[dict[str, Any]]:
    head = {"action": change.action, "table": change.table, "row": change.name or None, "column": change.column}
    before, after = change.before, change.after
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}, key=str):
            if old.get(key) != new.get(key):
                values = {"before": _masked(key, old.get(key)), "after": _masked(key, new.get(key))}
                yield {**head, "key": _plain(key), **values}
    else:
        yield {**head, "before": _plain(before), "after": _plain(after)}


def _file(change: FileChange) -> dict[str, Any]:
    return attrs.asdict(change)


def _masked(key: object, value: object) -> Any:
    return "***" if value is not None and _is_secret(key) else _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, Set):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, Ref):
        return str(value.uuid)
    return value
