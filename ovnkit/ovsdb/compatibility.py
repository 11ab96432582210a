"""What the engine uses of `ovs` beyond what `ovs` documents, and whether the installed release has it.

The protocol of `ovs` is driven and its parsing is replaced through members that it may change without notice. Each is
named here, with its parameters where it is called or overridden, so that a release that changes one is refused in words
and not found out by a replica that is wrong. The oldest, a middle and the newest release that this was tested with are
run by ``tox -e ovs36,ovs37,ovs40``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from ovnkit.errors import UnsupportedOvs

__all__ = ["ATTRIBUTES", "FUNCTIONS", "OLDEST", "check", "missing"]

OLDEST = "3.6"
"""The oldest release of `ovs` that setup.cfg admits."""

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    # Overridden.
    "ovs.db.idl:ColumnDefaultDict.__init__": ("self", "table"),
    "ovs.db.idl:ColumnDefaultDict.__missing__": ("self", "column"),
    "ovs.db.idl:Idl.__init__": ("self", "remote", "schema_helper", "probe_interval", "leader_only"),
    "ovs.db.idl:Idl._Idl__check_server_db": ("self",),
    "ovs.db.idl:Idl._Idl__clear": ("self",),
    "ovs.db.idl:Idl._Idl__parse_update": ("self", "update", "version", "tables"),
    "ovs.db.idl:Idl._Idl__send_monitor_request": ("self", "max_version"),
    "ovs.db.idl:Idl._Idl__txn_abort_all": ("self",),
    "ovs.db.idl:Idl.restart_fsm": ("self",),
    "ovs.db.idl:Idl.run": ("self",),
    "ovs.db.idl:Idl.wait": ("self", "poller"),
    "ovs.jsonrpc:Connection.__init__": ("self", "stream"),
    "ovs.jsonrpc:Connection.close": ("self",),
    "ovs.jsonrpc:Connection.get_backlog": ("self",),
    "ovs.jsonrpc:Connection.recv_wait": ("self", "poller"),
    "ovs.jsonrpc:Connection.run": ("self",),
    "ovs.jsonrpc:Connection.send": ("self", "msg"),
    "ovs.jsonrpc:Connection.wait": ("self", "poller"),
    "ovs.jsonrpc:Session.recv": ("self",),
    "ovs.jsonrpc:Session.run": ("self",),
    "ovs.stream:Stream.__init__": ("self", "socket", "name", "status"),
    "ovs.stream:Stream._recv": ("self", "n"),
    "ovs.stream:Stream._send": ("self", "buf"),
    "ovs.stream:Stream.check_connection_completion": ("sock",),
    "ovs.stream:Stream.close": ("self",),
    "ovs.stream:Stream.connect": ("self",),
    "ovs.stream:Stream.recv": ("self", "n"),
    "ovs.stream:Stream.wait": ("self", "poller", "wait"),
    "ovs.stream:TCPStream._open": ("suffix", "dscp"),
    "ovs.stream:UnixStream._open": ("suffix", "dscp"),
    "ovs.stream:UnixStream.needs_probes": (),
    "ovs.db.custom_index:IndexedRows.index_create": ("self", "name"),
    "ovs.db.custom_index:MultiColumnIndex.__init__": ("self", "name"),
    "ovs.db.custom_index:MultiColumnIndex.add": ("self", "row"),
    "ovs.db.custom_index:MultiColumnIndex.add_columns": ("self", "columns"),
    "ovs.db.custom_index:MultiColumnIndex.clear": ("self",),
    "ovs.db.custom_index:MultiColumnIndex.remove": ("self", "row"),
    # Called.
    "ovs.db.custom_index:MultiColumnIndex.index_entry_from_row": ("self", "row"),
    "ovs.db.data:Datum.default": ("type_",),
    "ovs.db.data:Datum.from_json": ("type_", "json"),
    "ovs.db.idl:Idl._Idl__do_parse_update": ("self", "table_updates", "version", "tables"),
    "ovs.db.idl:Idl.close": ("self",),
    "ovs.db.idl:Idl.cond_change": ("self", "table_name", "cond"),
    "ovs.db.idl:Idl.cooperative_yield": ("self",),
    "ovs.db.idl:Idl.force_reconnect": ("self",),
    "ovs.db.idl:Idl.notify": ("self", "event", "row", "updates"),
    "ovs.db.idl:Idl.sync_conditions": ("self",),
    "ovs.db.idl:IdlTable.schema_tables": ("cls", "idl", "schema"),
    "ovs.db.idl:Row.__init__": ("self", "idl", "table", "uuid", "data"),
    "ovs.db.idl:SchemaHelper.__init__": ("self", "location", "schema_json"),
    "ovs.db.idl:SchemaHelper.get_idl_schema": ("self",),
    "ovs.db.idl:SchemaHelper.register_columns": ("self", "table", "columns"),
    "ovs.db.types:AtomicType.default_atom": ("self",),
    "ovs.jsonrpc:Connection.error": ("self", "error"),
    "ovs.jsonrpc:Message.create_notify": ("method", "params"),
    "ovs.jsonrpc:Message.create_reply": ("result", "id"),
    "ovs.jsonrpc:Message.from_json": ("json",),
    "ovs.jsonrpc:Message.to_json": ("self",),
    "ovs.jsonrpc:Session.force_reconnect": ("self",),
    "ovs.jsonrpc:Session.get_name": ("self",),
    "ovs.jsonrpc:Session.get_seqno": ("self",),
    "ovs.jsonrpc:Session.is_connected": ("self",),
    "ovs.jsonrpc:Session.pick_remote": ("self",),
    "ovs.jsonrpc:Session.recv_wait": ("self", "poller"),
    "ovs.jsonrpc:Session.wait": ("self", "poller"),
    "ovs.reconnect:Reconnect.activity": ("self", "now"),
    "ovs.reconnect:Reconnect.get_probe_interval": ("self",),
    "ovs.reconnect:Reconnect.receive_attempted": ("self", "now"),
    "ovs.reconnect:Reconnect.set_backoff_free_tries": ("self", "backoff_free_tries"),
    "ovs.reconnect:Reconnect.set_probe_interval": ("self", "probe_interval"),
    "ovs.socket_util:inet_connect_active": ("sock", "address", "family", "dscp"),
    "ovs.stream:Stream.recv_wait": ("self", "poller"),
    "ovs.stream:Stream.register_method": ("method", "cls"),
    "ovs.stream:Stream.run_wait": ("self", "poller"),
    "ovs.stream:Stream.send": ("self", "buf"),
    "ovs.stream:Stream.send_wait": ("self", "poller"),
    "ovs.timeval:msec": (),
}
"""Functions and methods, as ``module:name``, with the names of their parameters in order."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "ovs.db.idl": ("OVSDB_UPDATE", "Notice", "ROW_CREATE", "ROW_DELETE", "ROW_UPDATE"),
    "ovs.db.idl:Idl": (
        "IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED",
        "IDL_S_MONITORING",
        "IDL_S_SERVER_MONITOR_REQUESTED",
        "IDL_S_SERVER_SCHEMA_REQUESTED",
        "_db",
        "_db_change_aware_request_id",
        "_lock_request_id",
        "_last_seqno",
        "_min_index",
        "_monitor_cancel_request_id",
        "_monitor_request_id",
        "_outstanding_txns",
        "_request_id",
        "_server_db_table",
        "_server_monitor_request_id",
        "_server_schema_request_id",
        "_session",
        "change_seqno",
        "cond_changed",
        "cond_seqno",
        "last_id",
        "leader_only",
        "readonly",
        "server_tables",
        "state",
        "tables",
        "txn",
        "uuid",
    ),
    "ovs.db.idl:Row": ("_data", "_idl", "_table", "uuid"),
    "ovs.jsonrpc": ("EOF",),
    "ovs.jsonrpc:Connection": ("received_bytes", "status", "stream"),
    "ovs.jsonrpc:Session": ("next_remote", "reconnect", "remotes", "rpc"),
    "ovs.reconnect:Reconnect": ("max_backoff", "min_backoff", "state"),
    "ovs.stream:Stream": ("W_CONNECT", "W_RECV", "W_SEND", "_SOCKET_METHODS"),
}
"""Other members of modules, classes and objects."""

_SCHEMA = {"name": "A", "version": "1.0.0", "tables": {"A": {"columns": {"a": {"type": "string"}}}}}


@cache
def check() -> None:
    """Raise UnsupportedOvs where the installed `ovs` lacks what the engine needs. It costs milliseconds, once."""
    lacking = missing()
    if lacking:
        raise UnsupportedOvs(found=_release(), missing=tuple(lacking), oldest=OLDEST)


def missing() -> list[str]:
    """What the installed `ovs` lacks, each as a phrase."""
    return [*_missing_functions(), *_missing_attributes()]


def _missing_functions() -> Iterator[str]:
    for name, expected in FUNCTIONS.items():
        function = _find(name)
        if function is None:
            yield name
            continue
        found = inspect.signature(inspect.unwrap(getattr(function, "__func__", function))).parameters
        if tuple(found)[: len(expected)] != expected or any(map(_is_required, list(found.values())[len(expected) :])):
            yield f"{name}({', '.join(expected)}), which is ({', '.join(found)})"


def _missing_attributes() -> Iterator[str]:
    for owner, names in ATTRIBUTES.items():
        holder = _object(owner)
        for name in names:
            if not hasattr(holder, name):
                yield f"{owner}{'.' if ':' in owner else ':'}{name}"


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variable


def _find(name: str) -> Any:
    """A module, or a member of one as ``module:name.name``, as it is written there; None where it is not there."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for step in path.split(".") if path else ():
        # A static method as it is written and not as it is bound.
        found = inspect.getattr_static(found, step, None)
    return found


def _object(owner: str) -> Any:
    """What has the attributes: a module, a class, or an object where only such have them. None where there is none."""
    make: Mapping[str, Callable[[], Any]] = {
        "ovs.db.idl:Idl": _idl,
        "ovs.db.idl:Row": _row,
        "ovs.jsonrpc:Connection": lambda: _find("ovs.jsonrpc:Connection")(SimpleNamespace(name="")),
        "ovs.jsonrpc:Session": lambda: _idl()._session,
        "ovs.reconnect:Reconnect": lambda: _idl()._session.reconnect,
    }
    try:
        return make[owner]() if owner in make else _find(owner)
    except Exception:  # noqa: BLE001
        # Whatever it is that cannot be made this way any more, it is not what the engine knows.
        return None


def _idl() -> Any:
    """An Idl that connects to nothing: it would do so in run()."""
    helper = _find("ovs.db.idl:SchemaHelper")(None, _SCHEMA)
    helper.register_all()
    return _find("ovs.db.idl:Idl")("unix:/nonexistent", helper)


def _row() -> Any:
    idl = _idl()
    return _find("ovs.db.idl:Row")(idl, idl.tables["A"], UUID(int=0), {})


def _release() -> str:
    version = _find("ovs.version:VERSION")
    return version if isinstance(version, str) else "of an unknown release"
