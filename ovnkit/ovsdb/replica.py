"""The replica: a subclass of ``ovs.db.idl.Idl`` that keeps rows as they came, and publishes each update as a whole."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import attrs
import ovs.db.error
import ovs.db.idl
from ovs.db.idl import SchemaHelper
from ovs.jsonrpc import Message

from ovnkit.ovsdb import collector, compatibility, stock, wire
from ovnkit.ovsdb.row import Database
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.session import fast_session, plain
from ovnkit.ovsdb.store import Store

__all__ = ["Idl", "Selection"]

log = logging.getLogger(__name__)

_ZERO_ID = str(UUID(int=0))
_PATIENCE_WITH_DUMPS = 60_000
"""Milliseconds that a server may be silent while it composes a dump: it does nothing else meanwhile."""
_PATIENCE_WITH_ANSWERS = 10.0
"""Seconds that a server may take to answer what it answers from memory."""
_UPDATES_AT_ONCE = 500
"""After so many others get their turn, however fast they come."""
_MEANWHILE = 50
"""Milliseconds after which a transaction of `ovs` looks up from waiting."""
_SCHEMA_REQUEST = "schema"
_NO_ERROR = (b"null", b'"unknown method"')
"""Errors that `ovs` knows how to go on from are not among those of a monitor."""
_BACKOFF = (100, 1000)
"""Milliseconds between attempts to connect: the shortest and the longest."""

# The members that are overridden here are private to it, so that only their full names reach them.
_Stock: Any = ovs.db.idl.Idl

# With random uuids: for uuid1() libuuid opens a file in each thread that asks, and keeps it when the thread has ended.
_make_idl: Any = FunctionType(
    _Stock.__init__.__code__,
    {**_Stock.__init__.__globals__, "uuid": SimpleNamespace(UUID=UUID, uuid1=uuid4)},
    argdefs=_Stock.__init__.__defaults__,
)


@attrs.frozen
class Selection:
    """What is replicated: the columns of each table, and the <condition>s for its rows."""

    columns: Mapping[str, frozenset[str]]
    conditions: Mapping[str, Iterable[Any]] = attrs.field(factory=dict)


class Idl(ovs.db.idl.Idl):  # type: ignore[misc]
    """Keeps a Store in step with the server. The protocol is that of ``ovs``.

    Where no ``store`` is given it is a drop-in for ``ovs.db.idl.Idl``, with rows of that kind. With one they come only
    after make_stock_rows(). ``select`` says, for the live schema, what to replicate.
    """

    _session: Any
    server_tables: Any

    def __init__(
        self,
        remote: str,
        schema_helper: Any,
        probe_interval: int | None = None,
        leader_only: bool = True,  # noqa: FBT001, FBT002 - as in ovs
        *,
        store: Store | None = None,
        select: Callable[[DatabaseSchema], Selection] | None = None,
        pinned: UUID | None = None,
    ) -> None:
        compatibility.check()
        if schema_helper is None:
            assert store is not None
            schema_helper = _helper(store.schema.json, {name: t.monitored for name, t in store.replicated.items()})
        self._db: Any
        try:
            _make_idl(self, remote, schema_helper, probe_interval=probe_interval, leader_only=leader_only)
        except (ovs.db.error.Error, AttributeError, LookupError, TypeError) as exc:
            raise ValueError(f"this is no schema of a database: {exc}") from exc
        self.has_stock_rows = store is None
        if self.has_stock_rows:
            stock.prepare(self)
        self._min_index = 0
        self.store = _store_of(self._db) if store is None else store
        self.on_lock: Callable[[str, bool], object] | None = None
        self.in_doubt: BaseException | None = None
        self.trouble = ""
        self.has_quorum = True
        self.clustered = False
        self.cid: UUID | None = None
        self.sessions = 0
        self._session_seqno: int | None = None
        self.meanwhile: Callable[[], object] | None = None
        """Called in each run() of a transaction of `ovs` that waits for its answer, and ends that by an exception."""
        self.unsettled: set[Any] = set()
        """The indexes that a transaction of `ovs` has changed."""
        self._select = select
        self._pinned = pinned
        self._afresh = True
        self.foreign: set[str] = set()
        """The servers that belong to another cluster than the one that is pinned."""
        self._step: Any = None
        self._step_began = 0.0
        self._step_probes = 0
        self._left: Any = None
        fast_session(self._session, self._understand)
        # ovs waits 1 to 8 seconds, a cluster elects another leader in 1 to 2.
        self._session.reconnect.min_backoff, self._session.reconnect.max_backoff = _BACKOFF
        if probe_interval is not None:
            self._session.reconnect.set_probe_interval(probe_interval)
        self._probe_interval = self._session.reconnect.get_probe_interval()

    # -- what drives it --------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """As in `ovs`; whatever does not make sense leads to another connection and a full resync."""
        if self.txn is not None:
            # A transaction of `ovs` that failed while it was composed is left behind, and would be for ever.
            self.txn.abort()
        self.settle()
        if self.meanwhile is not None:
            self.meanwhile()
        try:
            changed = bool(super().run())
        except Exception as exc:  # noqa: BLE001 - anything may follow from what a server says
            self.in_doubt = exc
            changed = True
        self._watch_steps()
        if self.in_doubt is not None:
            self._start_again(self.in_doubt)
            self.in_doubt = None
        return changed

    def settle(self) -> None:
        """Have the indexes of stock rows say what the rows say, where no transaction is under way."""
        if self.unsettled and self.txn is None and not self._outstanding_txns:
            for index in self.unsettled:
                index.settle()
            self.unsettled.clear()

    def take_in(self) -> bool:
        """Take in what has arrived, as run() does but quicker; False where there is something for run() to do."""
        session, rpc = self._session, self._session.rpc
        if rpc is None or rpc is self._left or self.txn is not None or self._last_seqno != session.get_seqno():
            return False
        rpc.run()
        try:
            for _ in range(_UPDATES_AT_ONCE):
                message = session.recv()
                if message is None:
                    break
                if message.method != "update3" or self.state != self.IDL_S_MONITORING:
                    session.put_back = rpc, message
                    return False
                _, transaction, updates = message.params
                self._Idl__parse_update(updates, "update3")
                self.last_id = transaction
        except Exception as exc:  # noqa: BLE001 - as in run()
            self.in_doubt = exc
        return self.in_doubt is None and not rpc.status and not rpc.has_more

    def wait(self, poller: Any) -> None:
        """As in `ovs`, without spinning while conditions wait for a connection."""
        if self.meanwhile is not None:
            poller.timer_wait(_MEANWHILE)
        if self.cond_changed and self._session.is_connected() and self._request_id is None:
            poller.immediate_wake()
        if self._step in self._ANSWERED_FROM_MEMORY:
            poller.timer_wait(int(_PATIENCE_WITH_ANSWERS * 1000))
        self._session.wait(poller)
        self._session.recv_wait(poller)

    _ANSWERED_FROM_MEMORY = (
        ovs.db.idl.Idl.IDL_S_SERVER_SCHEMA_REQUESTED,
        ovs.db.idl.Idl.IDL_S_SERVER_MONITOR_REQUESTED,
    )

    def _watch_steps(self) -> None:
        step = self.state if self._session.is_connected() else None
        if step != self._step:
            self._step, self._step_began = step, time.monotonic()
            self._step_probes = self._session.probes_answered
            dump = step is not None and step > self.IDL_S_SERVER_MONITOR_REQUESTED and step != self.IDL_S_MONITORING
            patience = max(self._probe_interval, _PATIENCE_WITH_DUMPS) if dump else self._probe_interval
            self._session.reconnect.set_probe_interval(patience if self._probe_interval else 0)
        elif step in self._ANSWERED_FROM_MEMORY and time.monotonic() - self._step_began > _PATIENCE_WITH_ANSWERS:
            self.in_doubt = TimeoutError("the server does not answer")
            self._session.silent.add(self._session.get_name())
        elif step not in (None, self.IDL_S_MONITORING) and self._session.probes_answered - self._step_probes > 1:
            # A server answers in order, and the second probe at the latest came after what this step asked.
            self.in_doubt = ValueError("the server answers probes, but not what it was asked before")

    def _start_again(self, why: BaseException) -> None:
        self.trouble = f"the replica may differ from the server and is fetched again: {why}"
        log.warning("%s: %s", self._session.get_name(), self.trouble)
        self.last_id = _ZERO_ID
        self._afresh = True
        self._left = self._session.rpc
        # Without the favour of reconnecting at once, because the next connection may well end the same way.
        self._session.force_reconnect()

    def force_reconnect(self) -> None:
        """As in `ovs`. What still arrives before that is not read: `ovs` would take it for a reason to stay."""
        self._left = self._session.rpc
        super().force_reconnect()

    def restart_fsm(self) -> None:
        """As in `ovs`: the replica is fetched, in a new session or because the server has another schema."""
        seqno = self._session.get_seqno()
        if seqno != self._session_seqno:
            self._session_seqno = seqno
            self.sessions += 1
        self.trouble = ""
        super().restart_fsm()

    def _Idl__txn_abort_all(self) -> None:  # noqa: N802
        _Stock._Idl__txn_abort_all(self)
        self._session.abandon()

    # -- what the server says --------------------------------------------------------------------------------------

    def _understand(self, head: wire.Head, data: bytes | bytearray) -> Message | None:
        """A message as run() of `ovs` expects it, the contents of the database decoded no further than to rows."""
        if head.method == "update3":
            return Message.create_notify("update3", list(wire.update3(head.params)))
        if head.method == "update2":
            monitor, updates = wire.update2(head.params)
            if monitor == str(self.uuid):
                return Message.create_notify("update2", [monitor, wire.updates(updates)])
        elif head.method in ("locked", "stolen") and self.on_lock is not None:
            for name in wire.value(head.params):
                self.on_lock(str(name), head.method == "locked")
        elif head.method is None and head.result and self._answers(head, self._monitor_request_id):
            if self.state == self.IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED:
                with collector.paused():
                    answer = list(wire.initial(head.result))
                if answer[0] and self.last_id == _ZERO_ID:
                    raise ValueError("the server says that it goes on, where nothing was known")
                return Message.create_reply(answer, self._monitor_request_id)
            return Message.create_reply(wire.updates(head.result), self._monitor_request_id)
        if head.error and self._answers(head, self._monitor_request_id) and bytes(head.error) not in _NO_ERROR:
            raise ValueError(f"the server refuses to be monitored: {bytes(head.error)[:200]!r}")
        return plain(data) if self._is_expected(head) else None

    _NOTIFICATIONS = ("update", "update2", "update3", "monitor_canceled", "locked", "stolen")

    def _is_expected(self, head: wire.Head) -> bool:
        """Whether `ovs` would do anything about a message; others are not decoded. ValueError where it is none."""
        if head.method is not None:
            if head.result or head.error or bytes(memoryview(head.params)[:1]) != b"[":
                raise ValueError("a message is neither a request nor a reply")
            return head.method in self._NOTIFICATIONS
        key = bytes(head.id)
        if key in (b"", b"null") or head.params or not (head.result or head.error):
            raise ValueError("a message is neither a request nor a reply")
        waiting = (
            self._request_id,
            self._monitor_request_id,
            self._server_schema_request_id,
            self._server_monitor_request_id,
            self._db_change_aware_request_id,
            self._monitor_cancel_request_id,
            self._lock_request_id,
            *self._outstanding_txns,
        )
        return any(number is not None and key == wire.encode(number) for number in waiting)

    @staticmethod
    def _answers(head: wire.Head, request_id: Any) -> bool:
        return request_id is not None and bytes(head.id) == wire.encode(request_id)

    def _Idl__clear(self) -> None:  # noqa: N802
        # What is not in the dump that follows goes then, all in one step.
        self._afresh = True
        self.cond_seqno = 0

    def _Idl__parse_update(self, update: Any, version: str, tables: Any = None) -> None:  # noqa: N802
        if tables:
            _Stock._Idl__do_parse_update(self, update, version, tables)
            return
        if version == ovs.db.idl.OVSDB_UPDATE:
            raise ValueError("the server is older than monitor_cond, which came with Open vSwitch 2.6")
        if self.in_doubt is not None:
            return
        told = self._monitor_request_id is None and self.state > self.IDL_S_SERVER_MONITOR_REQUESTED
        if not told and self.state != self.IDL_S_MONITORING:
            raise ValueError("the server tells of changes before it has told what there is")
        changes = self.store.apply(update, afresh=self._afresh)
        self._afresh = False
        if changes:
            self.change_seqno += 1
        if self.has_stock_rows:
            for notice in stock.apply(self, changes):
                self._notify(notice)

    def _notify(self, notice: Any) -> None:
        try:
            self.notify(*notice)
        except Exception as exc:  # noqa: BLE001 - it is not the replica's, and must not be lost
            arguments = (type(exc), exc, exc.__traceback__, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(arguments))

    def make_stock_rows(self) -> None:
        """Have rows as ``ovs.db.idl`` has them, from now on."""
        if not self.has_stock_rows:
            self.has_stock_rows = True
            stock.prepare(self)
            self._fill_stock_rows()

    def _fill_stock_rows(self) -> None:
        stock.fill(self, {name: self.store.rows(name) for name in self.tables if name in self.store.tables})

    # -- whether this is the right server --------------------------------------------------------------------------

    def _Idl__check_server_db(self) -> bool:  # noqa: N802
        rows = self.server_tables[self._server_db_table].rows if self._server_db_table in self.server_tables else {}
        database = next((row for row in rows.values() if row.name == self._db.name), None)
        reason = f"it has no database {self._db.name}" if database is None else self._refusal(database)
        self.clustered = database is not None and database.model != "standalone"
        self.has_quorum = database is None or database.model == "standalone" or bool(database.connected)
        if reason:
            if self.trouble != reason:
                log.info("%s: %s; trying another server", self._session.get_name(), reason)
            self.trouble = reason
            return False
        self.foreign.clear()
        return True

    def _refusal(self, database: Any) -> str:
        """Why this server will not do; nothing where it does."""
        if database.model == "standalone":
            if self._pinned is not None:
                self.foreign.add(self._session.get_name())
                return f"it is a standalone server, not a member of cluster {self._pinned}"
            if self.cid is not None:
                self._forget_cluster(None)
            return ""
        what = "member of the cluster" if database.model == "clustered" else "relay"
        if not database.schema:
            return f"this {what} has not joined yet"
        cid = database.cid[0] if database.cid else None
        if self._pinned is not None and cid != self._pinned:
            self.foreign.add(self._session.get_name())
            return f"it belongs to cluster {cid}, not to {self._pinned}"
        if cid != self.cid:
            self._forget_cluster(cid)
        if not database.connected:
            return f"this {what} is cut off from the others"
        if self.leader_only and not database.leader:
            return f"this {what} is not the leader"
        if database.index:
            if database.index[0] < self._min_index:
                return f"this {what} has older data than was seen before"
            self._min_index = database.index[0]
        return ""

    def _forget_cluster(self, cid: UUID | None) -> None:
        """What is at this address now is another cluster: its log begins anew, and so does the replica."""
        if self.cid is not None:
            what = cid or "a standalone server"
            log.warning("%s: cluster %s is now %s: full resync", self._session.get_name(), self.cid, what)
        self.cid = cid
        self._min_index = 0
        self.last_id = _ZERO_ID

    # -- the schema ------------------------------------------------------------------------------------------------

    def _Idl__send_monitor_request(self, max_version: Any = ovs.db.idl.Monitor.monitor_cond_since) -> None:  # noqa: N802
        # Before each dump, because a standalone server does not tell when its schema was converted.
        if self._select is None:
            _Stock._Idl__send_monitor_request(self, max_version)
            return

        def answered(head: wire.Head | None) -> None:
            if head is not None:
                self._follow_schema(head)
                _Stock._Idl__send_monitor_request(self, max_version)

        request = wire.encode({"method": "get_schema", "params": [self._db.name], "id": _SCHEMA_REQUEST})
        self._session.request((wire.encode(_SCHEMA_REQUEST), request, answered))

    def _follow_schema(self, head: wire.Head) -> None:
        """Go over to the live schema where it has changed (``ovsdb-client convert``, another server)."""
        assert self._select is not None
        json = wire.value(head.result) if head.result else None
        if not isinstance(json, dict):
            raise ValueError(f"the server does not tell its schema: {bytes(head.error)[:200]!r}")  # noqa: TRY004
        if json == self.store.schema.json:
            return
        schema = DatabaseSchema.from_json(json)
        selection = self._select(schema)
        db = _helper(json, selection.columns).get_idl_schema()
        self._db, self.readonly = db, db.readonly
        earlier: Any = self.tables
        self.tables: Any = ovs.db.idl.IdlTable.schema_tables(self, db)
        for table, where in selection.conditions.items():
            self.cond_change(table, list(where))
        # In this order: without it the conditions are part of the request.
        self.last_id = _ZERO_ID
        self.sync_conditions()
        self.store.set_schema(schema, selection.columns)
        if self.has_stock_rows:
            stock.prepare(self)
            stock.keep_indexes(earlier, self.tables)
            self._fill_stock_rows()


def _helper(json: Mapping[str, Any], columns: Mapping[str, frozenset[str]]) -> Any:
    helper = SchemaHelper(None, dict(json))
    for name, names in columns.items():
        helper.register_columns(name, sorted(names))
    return helper


def _store_of(db: Any) -> Store:
    """A store for what a schema of `ovs` says, whatever the database is."""
    schema = DatabaseSchema.from_json(db.to_json())
    anonymous = type("_Anonymous", (Database,), {"name": schema.name})
    return Store(anonymous, schema, {name: frozenset(table.columns) for name, table in schema.tables.items()})
