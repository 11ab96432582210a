"""What ovsdb-server makes of database files: one server that serves one file after the other."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from ovnkit.ovsdb import codec
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.server import Server
from tests.cluster import call

__all__ = ["Authority", "Rows", "rows_of"]

Rows = dict[str, dict[UUID, Any]]
"""By table and uuid the row, its sets and maps in order."""

_BASE = {"name": "Base", "version": "1.0.0", "tables": {"Base": {"columns": {"base": {"type": "string"}}}}}


class Authority:
    """Tells the rows of a file as the installed ovsdb-server serves them; the file is left as it is."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        schema = directory / "base.ovsschema"
        schema.write_text(json.dumps(_BASE))
        self.server = Server(directory / "base.db", schema, run_dir=directory, name="reader")

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def rows(self, file: Path | bytes, *, settled: bool = False) -> Rows:
        """All rows of a file. ``settled``: once all that the only member of a cluster has is applied."""
        copy = self._directory / "copy.db"
        if isinstance(file, bytes):
            copy.write_bytes(file)
        else:
            shutil.copy(file, copy)
        call(self.server.control, "ovsdb-server/add-db", [str(copy)])
        (name,) = set(call(self.server.socket, "list_dbs", [])) - {"Base", "_Server"}
        try:
            deadline = time.monotonic() + 10
            while settled and time.monotonic() < deadline:
                if "not yet applied: 0" in call(self.server.control, "cluster/status", [name]):
                    break
                time.sleep(0.01)
            schema = DatabaseSchema.from_json(call(self.server.socket, "get_schema", [name]))
            asked = {table: {"columns": list(facts.columns)} for table, facts in schema.tables.items()}
            told = call(self.server.socket, "monitor", [name, None, asked])
        finally:
            call(self.server.control, "ovsdb-server/remove-db", [name])
        found = {table: {UUID(uuid): told["new"] for uuid, told in rows.items()} for table, rows in told.items()}
        return _plain(schema, found)


def rows_of(contents: Contents | None) -> Rows:
    """The same of contents that were read without a server."""
    assert contents is not None
    rows = {
        table: {uuid: json.loads(row) for uuid, row in rows.items()} for table, rows in contents.rows.items() if rows
    }
    return _plain(contents.schema, rows)


def _plain(schema: DatabaseSchema, rows: dict[str, dict[UUID, dict[str, Any]]]) -> Rows:
    found: Rows = {}
    for table, own in rows.items():
        columns = schema.tables[table].columns
        empty = {
            name: _value(codec.encode(codec.default(facts.type, lambda _: Row))) for name, facts in columns.items()
        }
        found[table] = {
            uuid: {name: _value(value) for name, value in sorted(row.items()) if _value(value) != empty[name]}
            for uuid, row in own.items()
        }
    return found


def _value(value: Any) -> Any:
    """The members of a set or map, or the one value, in order."""
    members = value[1] if isinstance(value, list) and value[0] in ("set", "map") else [value]
    return sorted(members, key=repr)
