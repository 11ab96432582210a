"""ovsdbapp on board: its API objects on a client's own connection and thread, and our replica for its Connection."""

from __future__ import annotations

import atexit
import time
import traceback
from concurrent.futures import Future
from typing import Any

from ovs.db.idl import ROW_CREATE, Notice
from ovsdbapp.backend.ovs_idl import idlutils
from ovsdbapp.backend.ovs_idl.connection import OvsdbIdl
from ovsdbapp.event import RowEventHandler
from ovsdbapp.exceptions import TimeoutException

from ovnkit.ovsdb import replica
from ovnkit.ovsdb.connection import Connection, State
from ovnkit.ovsdb.guard import new_lock

__all__ = ["Idl", "api_on"]


class Idl(replica.Idl, OvsdbIdl):  # type: ignore[misc]
    """The replica as ovsdbapp's own ``Connection`` takes it: ``Connection(Idl.from_server(…), timeout=…)``.

    As with that of ``ovs``, rows that are still there after a reconnect with a full dump are told as created once more;
    unlike there, changed ones are told as updated and those that went as deleted.
    """

    _dumps = 0

    def _Idl__parse_update(self, update: Any, version: str, tables: Any = None) -> None:  # noqa: N802
        whole = not tables and self._afresh
        self._dumps += whole
        before: list[tuple[Any, Any]] = []
        if whole and self._dumps > 1:
            before = [(row, row._data) for table in self.tables.values() for row in table.rows.values()]
        super()._Idl__parse_update(update, version, tables)
        for row, data in before:
            # A row that has changed has other data, one that went is in no table.
            if row._data is data and row._table.rows.get(row.uuid) is row:
                self._notify(Notice(ROW_CREATE, row))


class _OnBoard:
    """What ovsdbapp's API needs of its ``Connection``, carried by the connection of a client."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self.idl = connection.idl
        self.timeout = timeout
        self.lock = new_lock()
        self.is_running: bool | None = None

    def start(self) -> bool:
        """It runs already."""
        return False

    def stop(self, timeout: float | None = None) -> bool:
        """Not here: the connection belongs to the client."""
        raise RuntimeError("this connection belongs to a client of ovnkit; close that")

    def queue_txn(self, txn: Any) -> None:
        """Commit a transaction of ovsdbapp in the connection's thread."""
        self._connection.check_may_wait()
        deadline = time.monotonic() + txn.timeout
        outcome = self._connection.call(lambda: self._commit(txn, deadline))
        outcome.add_done_callback(lambda done: txn.results.put(_failed(done) if done.exception() else done.result()))

    def _commit(self, txn: Any, deadline: float) -> Any:
        """Commit, and see to the connection meanwhile. ovsdbapp alone would wait for an answer as long as it takes."""

        def attend() -> None:
            self._connection.check_usable()
            if time.monotonic() >= deadline:
                raise TimeoutException(commands=txn.commands, timeout=txn.timeout, cause="no answer in time")
            self._connection.attend()

        with self.lock:
            self.idl.meanwhile = attend
            try:
                # What had to wait too long for its turn has been given up already.
                attend()
                return txn.do_commit()
            finally:
                self.idl.meanwhile = None
                self.idl.settle()

    def force_reconnect(self) -> None:
        """Have the session begin anew."""
        self._connection.call(self.idl.force_reconnect)


def _failed(done: Future[Any]) -> Any:
    """What ovsdbapp takes for a failure, and raises where the result is taken."""
    exc = done.exception()
    return idlutils.ExceptionResult(ex=exc, tb="".join(traceback.format_exception(exc)))


def api_on(connection: Connection, api_class: type[Any], timeout: float) -> Any:
    """An object of an API class of ovsdbapp on this connection, with the rows that it reads."""
    carrier = _OnBoard(connection, timeout)
    # Of a class of its own, because a class of ovsdbapp keeps the first connection for all its objects.
    own: Any = type(api_class.__name__, (api_class,), {"_ovsdb_connection": None})

    def board() -> Any:
        idl: Any = carrier.idl
        idl.make_stock_rows()
        api = own(carrier, start=False)
        carrier.is_running = True
        handler = idl.notify_handler = RowEventHandler()
        idl.notify = handler.notify

        def end(state: State) -> None:
            if state == "closed":
                handler.shutdown()
                # Which would keep it until the end of the process.
                atexit.unregister(handler.shutdown)

        connection.listen(end)
        connection.guard = carrier.lock
        return api

    connection.check_may_wait()
    return connection.call(board).result()
