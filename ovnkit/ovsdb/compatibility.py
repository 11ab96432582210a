"""What the engine uses of `ovs` beyond what `ovs` documents, and whether the installed release has it.

The protocol of `ovs` is driven and its parsing is replaced through members that it may change without notice. Each is
named here, with its parameters where it is called or overridden, so that a release that changes one is refused in words
and not found out by a replica that is wrong. The oldest, a middle and the newest release that this was tested with are
run by ``tox -e ovs36,ovs37,ovs40``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ovnkit.errors import UnsupportedOvs

__all__ = ["ATTRIBUTES", "FUNCTIONS", "OLDEST", "check", "missing"]

OLDEST = "3.6"
"""The oldest release of `ovs` that setup.cfg admits."""

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    # Overridden.
    "ovs.db.idl:Idl.__init__": ("self", "remote", "schema_helper", "probe_interval", "leader_only"),
    "ovs.db.idl:Idl._Idl__check_server_db": ("self",),
    "ovs.db.idl:Idl._Idl__clear": ("self",),
    "ovs.db.idl:Idl._Idl__send_monitor_request": ("self", "max_version"),
    "ovs.db.idl:Idl._Idl__parse_update": ("self", "update", "version", "tables"),
    "ovs.db.idl:Idl._Idl__txn_abort_all": ("self",),
    "ovs.db.idl:Idl.restart_fsm": ("self",),
    "ovs.db.idl:Idl.run": ("self",),
    "ovs.db.idl:Idl.wait": ("self", "poller"),
    "ovs.db.idl:ColumnDefaultDict.__init__": ("self", "table"),
    "ovs.db.idl:ColumnDefaultDict.__missing__": ("self", "column"),
    "ovs.jsonrpc:Connection.__init__": ("self", "stream"),
    "ovs.jsonrpc:Connection.close": ("self",),
    "ovs.jsonrpc:Connection.error": ("self", "error"),
    "ovs.jsonrpc:Connection.get_backlog": ("self",),
    "ovs.jsonrpc:Connection.recv_wait": ("self", "poller"),
    "ovs.jsonrpc:Connection.run": ("self",),
    "ovs.jsonrpc:Connection.send": ("self", "msg"),
    "ovs.jsonrpc:Connection.wait": ("self", "poller"),
    "ovs.jsonrpc:Session.recv": ("self",),
    "ovs.jsonrpc:Session.run": ("self",),
    "ovs.stream:Stream.recv": ("self", "n"),
    "ovs.stream:TCPStream._open": ("suffix", "dscp"),
    "ovs.stream:UnixStream._open": ("suffix", "dscp"),
    # Called.
    "ovs.db.custom_index:MultiColumnIndex.index_entry_from_row": ("self", "row"),
    "ovs.db.idl:Idl._Idl__do_parse_update": ("self", "table_updates", "version", "tables"),
    "ovs.db.idl:Idl.cond_change": ("self", "table_name", "cond"),
    "ovs.db.idl:Idl.force_reconnect": ("self",),
    "ovs.db.idl:Idl.notify": ("self", "event", "row", "updates"),
    "ovs.db.idl:Idl.sync_conditions": ("self",),
    "ovs.db.idl:IdlTable.schema_tables": ("cls", "idl", "schema"),
    "ovs.db.idl:Row.__init__": ("self", "idl", "table", "uuid", "data"),
    "ovs.jsonrpc:Message.create_notify": ("method", "params"),
    "ovs.jsonrpc:Message.create_reply": ("result", "id"),
    "ovs.jsonrpc:Message.from_json": ("json",),
    "ovs.jsonrpc:Session.force_reconnect": ("self",),
    "ovs.jsonrpc:Session.get_seqno": ("self",),
    "ovs.jsonrpc:Session.is_connected": ("self",),
    "ovs.jsonrpc:Session.pick_remote": ("self",),
    "ovs.reconnect:Reconnect.activity": ("self", "now"),
    "ovs.reconnect:Reconnect.get_probe_interval": ("self",),
    "ovs.reconnect:Reconnect.receive_attempted": ("self", "now"),
    "ovs.reconnect:Reconnect.set_backoff_free_tries": ("self", "backoff_free_tries"),
    "ovs.reconnect:Reconnect.set_probe_interval": ("self", "probe_interval"),
    "ovs.socket_util:inet_connect_active": ("sock", "address", "family", "dscp"),
    "ovs.stream:Stream.register_method": ("method", "cls"),
}
"""Functions and methods, as ``module:name``, with the names of their parameters in order."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "ovs.db.idl": ("Notice", "OVSDB_UPDATE", "ROW_CREATE", "ROW_DELETE", "ROW_UPDATE"),
    "ovs.db.idl:Idl": (
        "IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED",
        "IDL_S_MONITORING",
        "IDL_S_SERVER_MONITOR_REQUESTED",
        "IDL_S_SERVER_SCHEMA_REQUESTED",
        "_db",
        "_min_index",
        "_monitor_request_id",
        "_request_id",
        "_server_db_table",
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
    "ovs.db.idl:Idl._session": ("next_remote", "reconnect", "remotes", "rpc"),
    "ovs.db.idl:Idl._session.reconnect": ("max_backoff", "min_backoff"),
    "ovs.jsonrpc": ("EOF",),
    "ovs.stream:Stream": ("_SOCKET_METHODS",),
}
"""Other members of modules and classes; of Idl, and of its session, also those that only an object has."""

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
        holder = _find(owner)
        if holder is not None and owner.endswith(":Idl"):
            holder = _idl(holder)
        for name in names:
            if holder is None or not hasattr(holder, name):
                yield f"{owner}{'.' if ':' in owner else ':'}{name}"


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variable


def _find(name: str) -> Any:
    """A module, or a member of one as ``module:name.name``; None where it is not there."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for step in path.split(".") if path else ():
        if step == "_session":
            found = _idl(found)
        found = _member(found, step)
        if found is None:
            return None
    return found


def _member(holder: Any, name: str) -> Any:
    # A static method, as it is written and not as it is bound.
    try:
        return inspect.getattr_static(holder, name)
    except AttributeError:
        return getattr(holder, name, None)


def _idl(idl_class: Any) -> Any:
    """An Idl that connects to nothing: it would do so in run()."""
    helper = importlib.import_module("ovs.db.idl").SchemaHelper(None, _SCHEMA)
    helper.register_all()
    try:
        return idl_class("unix:/nonexistent", helper)
    except Exception:  # noqa: BLE001
        # Whatever it is that cannot be made this way any more, it is not what the engine knows.
        return None


def _release() -> str:
    version = _find("ovs.version:VERSION")
    return version if isinstance(version, str) else "of an unknown release"
