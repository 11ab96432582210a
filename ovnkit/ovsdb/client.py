"""The typed client of one database: reading, waiting, watching and transactions."""

from __future__ import annotations

import importlib
import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Self, TypeVar
from uuid import UUID

import attrs

from ovnkit.errors import (
    Conflict,
    ConnectionFailed,
    InvalidValue,
    NotADatabase,
    NotFound,
    NotUnique,
    ProtocolError,
    QuorumLost,
    Timeout,
)
from ovnkit.ovsdb import codec, streams
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.connection import Connection, State
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.deliver import Delivery, report
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.exchange import fetch_schema
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.guard import new_lock
from ovnkit.ovsdb.index import IndexKey
from ovnkit.ovsdb.lock import Lock, Locks, NotExclusive
from ovnkit.ovsdb.offline import Offline, store_of
from ovnkit.ovsdb.replica import Idl
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.selection import Monitor, Select
from ovnkit.ovsdb.store import Store
from ovnkit.ovsdb.tables import Tables
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.ovsdb.watch import Event, Watch
from ovnkit.places import default_remote
from ovnkit.remote import Tls, format_remotes, parse_remotes

if TYPE_CHECKING:
    from ovnkit.ovsdb.typing import Readable, Waitable

__all__ = ["Client", "Monitor", "Progress"]

D = TypeVar("D", bound=Database)
TX = TypeVar("TX", bound=Transaction[Any])
T = TypeVar("T")
R = TypeVar("R", bound=Row[Any])
P = ParamSpec("P")
K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)


_PROGRESS_EVERY = 0.1


@attrs.frozen
class Progress:
    """How far the first synchronisation has come: bytes received, and seconds since connect() was called."""

    bytes: int
    seconds: float
    state: State


class Client(Generic[D, TX]):
    """A connection to one database, with a replica of it. Any thread may use it.

    Reads come from the replica and never wait for the server; while disconnected they give the last complete state, and
    ``state`` says so.
    """

    _database: ClassVar[type[Database]]
    _unmonitored: ClassVar[frozenset[str]] = frozenset()
    _transaction_class: ClassVar[type[Any]]
    _ovsdbapp: ClassVar[str | None] = None
    """The module that has ovsdbapp's API class for this database."""

    @classmethod
    def connect(
        cls,
        remote: str | None = None,
        *,
        tls: Tls | None = None,
        timeout: float = 30.0,
        monitor: Monitor[D] | None = None,
        leader_only: bool = False,
        cluster_id: UUID | str | None = None,
        probe_interval: float = 5.0,
        progress: Callable[[Progress], object] | None = None,
    ) -> Self:
        """Connect, and return when the replica is complete.

        ``remote``: comma-separated ``tcp:HOST:PORT``, ``ssl:HOST:PORT`` or ``unix:PATH`` (ovsdb(7)); without it the
        database's environment variable, then the distribution's socket. ``timeout`` (seconds) is also the default
        deadline of later calls. ``monitor`` narrows what is replicated. ``leader_only``: of a cluster, only the leader
        will do. ``cluster_id`` pins the cluster: another one at the same address is refused.

        After ``probe_interval`` seconds of silence (0: never, else 1 or more) the server is asked whether it is still
        there; without an answer in as long again the connection is dropped, and another server tried. A server that
        composes a large dump does nothing else, so during the first synchronisation it may be silent for a minute.
        ``progress`` is called about ten times a second until the replica is complete.

        Raises InvalidRemote, ConnectionFailed where waiting cannot help, and Timeout.
        """
        began = time.monotonic()
        if probe_interval and not probe_interval >= 1:
            raise InvalidValue(
                table="connect", column="probe_interval", value=probe_interval, allowed="0, or 1 second or more"
            )
        pinned = _uuid(cluster_id)
        remotes = parse_remotes(default_remote(cls._database.name) if remote is None else remote)
        dialer = Dialer(remotes, tls)
        # In any order, so that the members of a cluster share the clients.
        shuffled = random.sample(remotes, len(remotes))
        first, schema_json = fetch_schema(shuffled, cls._database.name, dialer, timeout=timeout)
        shuffled.sort(key=lambda remote: remote != first)
        select = Select(cls._database, monitor, cls._unmonitored)
        try:
            schema = DatabaseSchema.from_json(schema_json)
        except ValueError as exc:
            raise ProtocolError(str(first), str(exc)) from exc
        selection = select(schema)
        store = Store(cls._database, schema, selection.columns)
        names = streams.stream_names(shuffled, dialer)
        probe = int(probe_interval * 1000)
        try:
            idl = Idl(",".join(names), None, probe, leader_only, store=store, select=select, pinned=pinned)
        except ValueError as exc:
            streams.forget(names)
            raise ProtocolError(str(first), str(exc)) from exc
        for table, where in selection.conditions.items():
            idl.cond_change(table, list(where))
        known_as = format_remotes(remotes)
        connection = Connection(known_as, names, idl, dialer)
        client = cls(known_as, connection, store, timeout=timeout)
        try:
            connection.start()
            client._wait_ready(began, timeout, progress)
        except BaseException:
            client.close()
            raise
        return client

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read a database file without a server; what is returned is read-only, and its ``state`` is ``file``.

        Standalone and clustered files, backups, and any of these compressed by gzip. All tables are there. What a
        damaged file holds before the damage is read, and ``trouble`` says what was wrong. Raises NotADatabase, also for
        a file of another database, and OSError.
        """
        from ovnkit.ovsdb import files

        found = files.read(path)
        if found.contents is None or found.name != cls._database.name:
            what = f"of {found.name}" if found.contents is not None else "without a schema"
            raise NotADatabase(found.path, f"this is a file {what}, not of {cls._database.name}")
        return cls.over(found.contents, found.path, trouble="" if found.damage is None else str(found.damage))

    @classmethod
    def over(cls, contents: Contents, name: str, *, trouble: str = "") -> Self:
        """A read-only client over contents that are here already; ``name`` is what they are called in messages."""
        return cls(name, Offline(name, trouble), store_of(cls._database, contents), timeout=0.0)

    def __init__(self, remote: str, connection: Connection | Offline, store: Store, *, timeout: float) -> None:
        """Use connect() or open()."""
        self.remote = remote
        self._link = connection
        self._store = store
        self._tables = Tables(store)
        self._timeout = timeout
        self._locks: Any = None if isinstance(connection, Offline) else Locks(connection)
        self._app: Any = None
        self._app_lock = new_lock()

    @property
    def _connection(self) -> Connection:
        if isinstance(self._link, Offline):
            raise self._link.refusal("this")
        return self._link

    def _live(self, what: str) -> Connection:
        """The connection, for what needs one. Raises Closed, and ReadOnly where there is none."""
        self._link.check_usable()
        if isinstance(self._link, Offline):
            raise self._link.refusal(what)
        return self._link

    def _wait_ready(self, began: float, timeout: float, progress: Callable[[Progress], object] | None) -> None:
        changed, connection = self._store.changed, self._live("waiting")
        session = connection.idl._session
        while True:
            with self._store.lock:
                left = began + timeout - time.monotonic()
                patience = min(left, _PROGRESS_EVERY)
                settled = changed.wait_for(lambda: self.state in ("ready", "closed"), max(0.0, patience))
            if progress is not None:
                progress(Progress(session.received_bytes, time.monotonic() - began, self.state))
            if settled:
                connection.check_usable()
                return
            if len(connection.idl.foreign) == len(parse_remotes(self.remote)):
                raise ConnectionFailed(self.remote, self.trouble)
            if left <= 0:
                what = f"the first complete replica of {self._database.name} from {self.remote}"
                kind = Timeout if connection.idl.has_quorum else QuorumLost
                raise kind(f"{what}{self._why()}", timeout)

    def _why(self) -> str:
        trouble = self.trouble
        return f"; state: {self.state}" + (f" ({trouble})" if trouble else "")

    @property
    def state(self) -> State:
        """connecting, synchronising, ready, reconnecting or closed (as it is in a forked child).

        Of a client over a file or a snapshot: file, until it is closed.
        """
        return self._link.state if self._link.is_own else "closed"

    @property
    def trouble(self) -> str:
        """Why it is not ready at the moment, in words; empty when it is. Of a file, what of it could not be read."""
        return self._link.trouble

    @property
    def tls(self) -> Tls | None:
        """The TLS settings that it was connected with; None for a connection without."""
        return self._link.tls

    def on_state(self, call: Callable[[State], object]) -> Delivery[State]:
        """Call ``call(state)`` for each change of ``state``, in a thread of its own; close() the result to stop.

        An exception in ``call`` goes to ``threading.excepthook`` with its traceback, and the next state is delivered.
        """
        connection = self._live("on_state()")
        delivery: Delivery[State] = Delivery(call, f"ovnkit on_state {self._database.name}", last="closed")
        delivery.on_close = lambda: connection.unlisten(delivery.put)
        if connection.listen(delivery.put) == "closed":
            # Meanwhile: whoever told the others of it did not know of this one.
            delivery.put("closed")
        return delivery

    def lock(self, name: str, on_change: Callable[[bool], object] | None = None) -> Lock:
        """Ask for an OVSDB lock (RFC 7047 4.1.8); ``wait()`` on what is returned waits until it is held.

        Such locks are advisory, and they are each server's own: two clients of a cluster can hold the same one on two
        members. Use them with ``leader_only=True``, and have each transaction assert it with ``tx.check_lock(lock)``.
        The lock is lost with the connection and asked for again. ``on_change(held)`` is called in a thread of its own.

        Gives the warning NotExclusive in a cluster without ``leader_only``.
        """
        idl = self._live("lock()").idl
        if idl.cid is not None and not idl.leader_only:
            what = f"each member of cluster {idl.cid} has a lock {name!r} of its own; connect with leader_only=True"
            warnings.warn(what, NotExclusive, stacklevel=2)
        lock: Lock = self._locks.acquire(name, on_change)
        return lock

    def index(self, column: Column[Any], *, key: Any = None) -> None:
        """Have get() and find() by this column, or by this key of a map column, look up instead of looking through.

        Columns called ``name`` and the schema's own indexes need no such call. The index is made when it is first
        needed: ``nb.index(LogicalSwitchPort.external_ids, key="neutron:port_name")``. Raises NotMonitored, InvalidValue
        for a key of another type, and TypeError for a column that holds a set.
        """
        if column.type.is_map != (key is not None):
            what = "needs key=, the key of a map" if column.type.is_map else "has no keys"
            raise TypeError(f"{column!r} {what}")
        if column.type.is_set:
            raise TypeError(f"{column!r} holds a set; an index goes by one value")
        self._tables.check_readable(column.row_class, (column.name,))
        if key is not None:
            refer = self._database.row_class
            key = codec.normalise_atom(column.type.key, key, refer, table=column.table, column=column.name)
        if self.has(column):
            self._store.declare_index(column.table, IndexKey((column.name,), key))

    @property
    def schema(self) -> DatabaseSchema:
        """The live schema of the server."""
        return self._store.schema

    @property
    def version(self) -> int:
        """A number that is another one after each change of the replica."""
        return self._store.version

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
        self._link.check_usable()
        if row is None:
            raise NotFound(table, {"_uuid": str(ref.uuid)})
        return row  # type: ignore[no-any-return]

    def rows(self, table: str) -> list[Row[Any]]:
        """All rows of a table by OVSDB's name, also of one that is newer than the models: see ``row.extra``.

        Raises NotOnServer and NotMonitored.
        """
        self._link.check_usable()
        return self._tables.rows(table)

    def _find(self, matches: Filter) -> list[Row[Any]]:
        self._link.check_usable()
        return self._store.find(matches)

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
        self._live("waiting").check_may_wait()
        while True:
            with store.lock:
                version = store.version
            found = look()
            if found is not None:
                return found
            with store.lock:
                left = deadline - time.monotonic()
                closed = self.state == "closed"
                if closed or left <= 0:
                    self._link.check_usable()
                    raise Timeout(f"{what}{self._why()}", timeout)
                store.changed.wait_for(lambda v=version: store.version != v or self.state == "closed", left)  # type: ignore[misc]

    def watch(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> Watch[T]:
        """Events of the rows that match, beginning with what is there, marked ``initial``."""
        self._live("watch()")
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
                except Exception as exc:  # noqa: BLE001 - it is the callback's, and must not be lost
                    report(exc)

        threading.Thread(target=deliver, name=f"ovnkit on_change {self._database.name}", daemon=True).start()
        return watch

    # -- writing ---------------------------------------------------------------------------------------------------

    def transaction(self, comment: str | None = None, *, timeout: float | None = None, durable: bool = False) -> TX:
        """An atomic transaction, for ``with``; leaving it commits.

        ``comment`` goes to the server's log, ``timeout`` (seconds) is the deadline of the commit, ``durable`` has a
        standalone server write to the disk before it answers (a cluster always does).
        """
        connection = self._live("a transaction")
        tx: TX = self._transaction_class(
            connection,
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

        # It takes asyncio along, which is most of the time that an import of ovnkit would take.
        import tenacity

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

    @property
    def ovsdbapp(self) -> Any:
        """The API object of ovsdbapp for this database, on this client's connection and thread.

        It is made when it is first asked for, and with it the rows that ovsdbapp reads. Its transactions have the
        timeout of this client, and while one of them waits for its commit, the rows of ovsdbapp wait as well.
        Events: ``client.ovsdbapp.idl.notify_handler.watch_event(event)``.
        """
        if self._ovsdbapp is None:
            raise TypeError(f"ovsdbapp has no API for {self._database.name}")
        with self._app_lock:
            if self._app is None:
                from ovnkit.ovsdb.app import api_on

                api_class = importlib.import_module(self._ovsdbapp).Api
                self._app = api_on(self._live("ovsdbapp"), api_class, self._timeout)
            return self._app

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the session and its thread. Watches end; later calls raise Closed."""
        self._link.close()

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


def _uuid(cluster_id: UUID | str | None) -> UUID | None:
    try:
        return UUID(cluster_id) if isinstance(cluster_id, str) else cluster_id
    except ValueError:
        raise InvalidValue(table="connect", column="cluster_id", value=cluster_id, allowed="a uuid") from None
