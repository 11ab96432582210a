"""What a client has in the place of a connection when its rows come from a file or a snapshot."""

from __future__ import annotations

from typing import Literal

from ovnkit.errors import Closed, ReadOnly
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.row import Database
from ovnkit.ovsdb.store import Store
from ovnkit.ovsdb.wire import Raw, RowUpdate

__all__ = ["Offline", "store_of"]


class Offline:
    """No connection at all: reads are answered, everything else is refused by ReadOnly, and at once."""

    is_own = True
    tls = None

    def __init__(self, remote: str, trouble: str) -> None:
        self._remote = remote
        self.trouble = trouble
        """What of the file could not be read."""
        self.state: Literal["file", "closed"] = "file"

    def check_usable(self) -> None:
        """Raise Closed after close()."""
        if self.state == "closed":
            raise Closed(self._remote, "this client was closed; open the file again")

    def refusal(self, what: str) -> ReadOnly:
        """The error for what needs a server."""
        return ReadOnly(self._remote, what)

    def close(self) -> None:
        """Later calls raise Closed."""
        self.state = "closed"


def store_of(database: type[Database], contents: Contents) -> Store:
    """A store with these rows, which stay as they are."""
    schema = contents.schema
    known = {name: frozenset(table.columns) for name, table in schema.tables.items() if name in contents.rows}
    store = Store(database, schema, known)
    updates = {
        table: {uuid: RowUpdate(initial=Raw(row)) for uuid, row in rows.items()}
        for table, rows in contents.rows.items()
    }
    store.apply(updates, afresh=True)
    return store
