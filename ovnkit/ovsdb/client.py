"""The typed client of one database: reading, waiting, watching and transactions."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Protocol, Self, TypeVar

import tenacity

from ovnkit.errors import Conflict, InvalidValue, NotFound, NotOnServer, NotUnique, Timeout
from ovnkit.ovsdb import streams
from ovnkit.ovsdb.connection import Connection, State
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.handshake import fetch_schema
from ovnkit.ovsdb.operations import conditions
from ovnkit.ovsdb.replica import Store
from ovnkit.ovsdb.row import Column, Database, Row
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.tables import Tables
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.ovsdb.watch import Event, Watch
from ovnkit.remote import Tls, default_remote, format_remotes, parse_remotes

if TYPE_CHECKING:
    from ovnkit.ovsdb.typing import Readable, Waitable

__all__ = ["Client", "Monitor"]

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Database)
TX = TypeVar("TX", bound=Transaction[Any])
T = TypeVar("T")
R = TypeVar("R", bound=Row[Any])
P = ParamSpec("P")
K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)


class _Items(Protocol[K_co, V_co]):
    """A mapping whose keys may be of a narrower type, which Mapping does not permit."""

    def items(self) -> Iterable[tuple[K_co, V_co]]: ...


Monitor = _Items[type[Row[D]], Sequence[Column[Any]] | Mapping[str, Any] | None]
"""What to replicate, a mapping from tables: all columns (None), some (a sequence), or rows with one column's value."""


class Client(Generic[D, TX]):
    """A connection to one database, with a replica of it. Any thread may use it.

    Reads come from the replica and never wait for the server; while disconnected they give the last complete state, and
    ``state`` says so.
    """

    _database: ClassVar[type[Database]]
    _unmonitored: ClassVar[frozenset[str]] = frozenset()
    _transaction_class: ClassVar[type[Any]]

    @classmethod
    def connect(
        cls,
        remote: str | None = None,
        *,
        tls: Tls | None = None,
        timeout: float = 30.0,
        monitor: Monitor[D] | None = None,
        leader_only: bool = False,
    ) -> Self:
        """Connect, and return when the replica is complete.

        ``remote``: comma-separated ``tcp:HOST:PORT``, ``ssl:HOST:PORT`` or ``unix:PATH`` (ovsdb(7)); without it the
        database's environment variable, then the distribution's socket. ``timeout`` (seconds) is also the default
        deadline of later calls. ``monitor`` narrows what is replicated. ``leader_only``: of a cluster, only the leader
        will do.

        Raises InvalidRemote, ConnectionFailed where waiting cannot help, and Timeout.
        """
        began = time.monotonic()
        remotes = parse_remotes(default_remote(cls._database.name) if remote is None else remote)
        dialer = Dialer(remotes, tls)
        # In any order, so that the members of a cluster share the clients.
        shuffled = random.sample(remotes, len(remotes))
        first, schema_json = fetch_schema(shuffled, cls._database.name, dialer, timeout=timeout)
        shuffled.sort(key=lambda remote: remote != first)
        schema = DatabaseSchema.from_json(schema_json)
        monitored, where = _monitored(cls._database, schema, monitor, cls._unmonitored)
        store = Store(cls._database, schema, monitored)
        known_as = format_remotes(remotes)
        names = streams.stream_names(shuffled, dialer)
        connection = Connection(known_as, names, schema_json, store, leader_only=leader_only, conditions=where)
        client = cls(known_as, connection, store, dialer, timeout=timeout)
        try:
            client._wait_ready(timeout - (time.monotonic() - began), timeout)
        except BaseException:
            client.close()
            raise
        return client

    def __init__(self, remote: str, connection: Connection, store: Store, dialer: Dialer, *, timeout: float) -> None:
        """Use connect()."""
        self.remote = remote
        self._dialer = dialer
        self._connection = connection
        self._store = store
        self._tables = Tables(store)
        self._timeout = timeout

    def _wait_ready(self, left: float, timeout: float) -> None:
        changed = self._store.changed
        with changed:
            if not changed.wait_for(lambda: self.state in ("ready", "closed"), max(0.0, left)):
                raise Timeout(
                    f"the first complete replica of {self._database.name} from {self.remote}; state: {self.state}",
                    timeout,
                )
        self._connection.check_usable()

    @property
    def state(self) -> State:
        """connecting, synchronising, ready, reconnecting or closed (as it is in a forked child)."""
        return self._connection.state if self._connection.is_own else "closed"

    @property
    def trouble(self) -> str:
        """Why it is not ready at the moment; empty when it is."""
        return self._dialer.trouble

    @property
    def schema(self) -> DatabaseSchema:
        """The live schema of the server."""
        return self._store.schema

    def has(self, what: Column[Any] | type[Row[D]]) -> bool:
        """Whether this server has a table or a column: ``nb.has(LogicalSwitch.ports)``."""
        return self._tables.has(what)

    # -- reading ---------------------------------------------------------------------------------------------------

    def find(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> list[T]:
        """All rows that match. A set contains the given members, a map has the given items, None is unset."""
        found: list[Any] = self._find(self._tables.filter(table, columns))
        return found

    def get(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> T:
        """The one row that matches. Raises NotFound or NotUnique."""
        matches = self._tables.filter(table, columns)
        found: list[Any] = self._find(matches)
        if not found:
            raise NotFound(matches.row_class._table, dict(columns))
        if len(found) > 1:
            raise NotUnique(matches.row_class._table, dict(columns), tuple(row.uuid for row in found))
        return found[0]  # type: ignore[no-any-return]

    def __getitem__(self, ref: Ref[R]) -> R:
        """The row that a reference names. Raises NotFound."""
        table = self._tables.filter(ref.row_class, {}).row_class._table
        row: Any = self._tables.monitored_row(table, ref.uuid)
        self._connection.check_usable()
        if row is None:
            raise NotFound(table, {"_uuid": str(ref.uuid)})
        return row  # type: ignore[no-any-return]

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table by OVSDB's name, also of one that is newer than the models: see ``row.extra``.

        Raises NotOnServer and NotMonitored.
        """
        self._connection.check_usable()
        return self._tables.rows(table)

    def _find(self, matches: Filter) -> list[Row[Any]]:
        self._connection.check_usable()
        return [row for row in self._tables.monitored_rows(matches.row_class._table) if matches(row)]

    def wait(self, table: Waitable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> T:
        """The first row that matches, as soon as there is one. Raises Timeout after ``timeout`` seconds."""
        timeout, matches = self._waiting_for(table, columns)

        def look() -> Row[Any] | None:
            return next(iter(self._find(matches)), None)

        return self._wait(look, timeout, f"a row of {matches.row_class._table} with {matches.columns}")  # type: ignore[return-value]

    def wait_gone(self, table: Waitable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> None:
        """Wait until no row matches. Raises Timeout after ``timeout`` seconds."""
        timeout, matches = self._waiting_for(table, columns)
        self._wait(
            lambda: not self._find(matches) or None, timeout, f"{matches.row_class._table} without {matches.columns}"
        )

    def _waiting_for(self, table: Any, columns: dict[str, Any]) -> tuple[float, Filter]:
        timeout = columns.pop("timeout", None)
        return self._timeout if timeout is None else timeout, self._tables.filter(table, columns)

    def _wait(self, look: Callable[[], T | None], timeout: float, what: str) -> T:
        """Look after each change of the replica until there is something to see."""
        deadline = time.monotonic() + timeout
        store = self._store
        self._connection.check_usable()
        self._connection.check_may_wait()
        while True:
            with store.changed:
                version = store.version
            found = look()
            if found is not None:
                return found
            with store.changed:
                left = deadline - time.monotonic()
                closed = self.state == "closed"
                if closed or left <= 0:
                    self._connection.check_usable()
                    raise Timeout(f"{what}; state: {self.state}", timeout)
                store.changed.wait_for(lambda v=version: store.version != v or self.state == "closed", left)  # type: ignore[misc]

    def watch(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> Watch[T]:
        """Events of the rows that match, beginning with what is there, marked ``initial``."""
        self._connection.check_usable()
        matches = self._tables.filter(table, columns)
        return Watch(self._store, matches, closed=lambda: self.state == "closed")

    def on_change(self, table: Readable[D, ..., T], call: Callable[[Event[T]], object]) -> Watch[T]:
        """Call ``call(event)`` for each change of a table, in a thread of its own; close() the result to stop.

        An exception in ``call`` goes to ``threading.excepthook`` with its traceback, and the next event is delivered.
        """
        watch = self.watch(table)

        def deliver() -> None:
            for event in watch:
                try:
                    call(event)
                except Exception as exc:  # noqa: BLE001
                    arguments = (type(exc), exc, exc.__traceback__, threading.current_thread())
                    threading.excepthook(threading.ExceptHookArgs(arguments))

        threading.Thread(target=deliver, name=f"ovnkit on_change {self._database.name}", daemon=True).start()
        return watch

    # -- writing ---------------------------------------------------------------------------------------------------

    def transaction(self, comment: str | None = None, *, timeout: float | None = None, durable: bool = False) -> TX:
        """An atomic transaction, for ``with``; leaving it commits.

        ``comment`` goes to the server's log, ``timeout`` (seconds) is the deadline of the commit, ``durable`` has a
        standalone server write to the disk before it answers (a cluster always does).
        """
        self._connection.check_usable()
        tx: TX = self._transaction_class(
            self._connection,
            self._store,
            comment=comment,
            timeout=self._timeout if timeout is None else timeout,
            durable=durable,
        )
        return tx

    def transact(
        self,
        body: Callable[[TX], T],
        comment: str | None = None,
        *,
        timeout: float | None = None,
        durable: bool = False,
    ) -> T:
        """Run ``body(tx)`` and commit; on Conflict run it again on fresh rows, until the timeout (seconds) is near."""
        seconds = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds

        def once() -> T:
            left = max(0.0, deadline - time.monotonic())
            with self.transaction(comment, timeout=left, durable=durable) as tx:
                return body(tx)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_from_commit),
            # The rest of the time is for the answer to the last attempt.
            stop=tenacity.stop_before_delay(0.9 * seconds),
            wait=tenacity.wait_random_exponential(multiplier=0.002, max=0.25),
            reraise=True,
        )(once)

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the session and its thread. Watches end; later calls raise Closed."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.remote} {self.state}>"


def _from_commit(exc: BaseException) -> bool:
    """A Conflict that the server found can be healed by reading again; one that an operation raised cannot."""
    return isinstance(exc, Conflict) and exc.operation is not None


def _monitored(
    database: type[Database], schema: DatabaseSchema, monitor: Monitor[Any] | None, left_out: Iterable[str]
) -> tuple[dict[str, frozenset[str]], dict[str, list[Any]]]:
    """The live columns to replicate by table, and the <condition>s."""
    if monitor is None:
        tables = {name: frozenset(table.columns) for name, table in schema.tables.items() if name not in set(left_out)}
        return tables, {}
    tables, where = {}, {}
    for row_class, what in monitor.items():
        if row_class._database is not database:
            raise TypeError(f"{row_class.__name__} is a table of {row_class._database.name}, not of {database.name}")
        if row_class._table not in schema.tables:
            continue
        live = frozenset(schema.tables[row_class._table].columns)
        tables[row_class._table] = live
        if isinstance(what, Mapping):
            if len(what) != 1:
                allowed = "one column: of several conditions a server gives the rows that meet any"
                raise InvalidValue(table=row_class._table, column="monitor", value=dict(what), allowed=allowed)
            values = {name: row_class._normalise(name, value) for name, value in what.items()}
            for name in values.keys() - live:
                raise NotOnServer(row_class._table, name, since=row_class._columns[name].since, found=schema.version)
            where[row_class._table] = conditions(values)
        elif what is not None:
            for column in what:
                if column.row_class is not row_class:
                    raise TypeError(f"{column!r} is not a column of {row_class.__name__}")
            tables[row_class._table] = live & {column.name for column in what}
    return tables, where
