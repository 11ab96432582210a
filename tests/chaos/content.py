"""The content of a whole database in a form that compares: from a server by select, or from a client's replica."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from tests.cluster import call

__all__ = ["Content", "canonical", "differences", "server_content"]

Content: TypeAlias = dict[str, dict[str, dict[str, Any]]]
"""Columns by uuid by table."""

_HIDDEN = {"_uuid", "_version"}


def server_content(path: Path, database: str) -> Content:
    """All rows and columns of all tables, asked of the server itself in one transaction."""
    schema = call(path, "get_schema", [database], timeout=10)
    tables = list(schema["tables"])
    selects = [{"op": "select", "table": table, "where": []} for table in tables]
    results = call(path, "transact", [database, *selects], timeout=30)
    return {
        table: {
            row["_uuid"][1]: {column: canonical(value) for column, value in row.items() if column not in _HIDDEN}
            for row in result["rows"]
        }
        for table, result in zip(tables, results, strict=True)
    }


def canonical(value: Any) -> tuple[str, ...]:
    """A column's JSON as sorted members; a lone atom and a set of one are the same to OVSDB."""
    members = value[1] if isinstance(value, list) and value and value[0] in ("set", "map") else [value]
    return tuple(sorted(json.dumps(member) for member in members))


def differences(server: Content, replica: Content) -> Iterator[str]:
    """Where a replica is not what the server holds."""
    for table in sorted(server.keys() | replica.keys()):
        there, here = server.get(table, {}), replica.get(table, {})
        for uuid in sorted(there.keys() | here.keys()):
            if uuid not in here or uuid not in there:
                yield f"{table} {uuid}: only {'on the server' if uuid in there else 'in the replica'}"
            elif there[uuid] != here[uuid]:
                names = [name for name in there[uuid] if there[uuid][name] != here[uuid].get(name)]
                shown = ", ".join(f"{name}: {there[uuid][name]} and {here[uuid].get(name)}" for name in names)
                yield f"{table} {uuid}: server and replica differ in {shown}"
