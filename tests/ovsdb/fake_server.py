"""An OVSDB server in Python that speaks just enough of the protocol, and lies, stammers or is silent when told to."""

from __future__ import annotations

import contextlib
import enum
import fcntl
import json
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

from tests.ovsdb.kinds import KINDS

__all__ = ["END", "FakeServer", "Message", "Said", "Twist", "dump"]

Message = dict[str, Any]


class END(enum.Enum):
    """What can happen to a connection in place of bytes."""

    HANG_UP = 1
    """It is closed."""
    SILENCE = 2
    """It stays open, and nothing is said or answered on it any more."""


Said = Iterable[bytes | END]
Twist = Callable[[Message], Said]
"""From what should have been said to what is said."""

_ZERO_ID = str(UUID(int=0))
_DECODER = json.JSONDecoder()
_OPTIONAL = {"min": 0, "max": 1}
_SERVER_SCHEMA: Message = {
    "name": "_Server",
    "version": "1.2.0",
    "tables": {
        "Database": {
            "columns": {
                "name": {"type": "string"},
                "model": {"type": {"key": {"type": "string", "enum": ["set", ["standalone", "clustered", "relay"]]}}},
                "connected": {"type": "boolean"},
                "leader": {"type": "boolean"},
                "schema": {"type": {"key": "string", **_OPTIONAL}},
                "cid": {"type": {"key": "uuid", **_OPTIONAL}},
                "sid": {"type": {"key": "uuid", **_OPTIONAL}},
                "index": {"type": {"key": "integer", **_OPTIONAL}},
            }
        }
    },
}


def dump(message: Any) -> bytes:
    """A message as bytes."""
    return json.dumps(message, ensure_ascii=False).encode()


class FakeServer:
    """One database of scalars, sets and maps on a Unix socket, for any number of clients.

    What it says is named after the request that it answers, or the notification that it is: ``get_schema``,
    ``monitor_cond_since``, ``update3``, ``transact``, …; ``_Server`` stands behind the name where that database is
    meant, and a transaction that only selects is a ``select``.
    """

    def __init__(self, path: Path, schema: Message = KINDS) -> None:
        self.path = path
        self.schema = schema
        self.content: dict[str, dict[str, dict[str, Any]]] = {table: {} for table in schema["tables"]}
        self.said: list[str] = []
        """The names of all that was to be said, twisted or not."""
        self.connections = 0
        self.closing_at_once = False
        """Close each new connection as soon as it is there."""
        self.deaf = False
        """Accept connections, and neither read nor write."""
        self.forgetful = False
        """Answer writes as if they were applied."""
        self.monitors: dict[str, Any] = {}
        """The newest client's name for its monitor of each database."""
        self.pieces: Callable[[bytes], Iterable[bytes]] | None = None
        """How what is said is cut; each piece is sent when the one before has been read."""
        self._twists: dict[str, tuple[Twist, int]] = {}
        self._sessions: list[_Session] = []
        self._lock = threading.RLock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._ended = False
        self._threads: list[threading.Thread] = []

    @property
    def remote(self) -> str:
        return f"unix:{self.path}"

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        # A listener that is shut down wakes accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for thread in self._threads:
            thread.join()
        for session in self._sessions:
            session.close()
        self._listener.close()

    # -- misbehaving -----------------------------------------------------------------------------------------------

    def twist(self, name: str, twist: Twist, *, times: int = 1) -> None:
        """Say something else where ``name`` is due, so many times."""
        self._twists[name] = (twist, times)

    def heal(self) -> None:
        """From here on all is as it should be. Connections stay as they are."""
        self._twists.clear()
        self.closing_at_once = self.deaf = self.forgetful = False
        self.pieces = None

    def hang_up(self) -> None:
        """Close all connections."""
        for session in list(self._sessions):
            session.hang_up()

    def say(self, *said: bytes | END) -> None:
        """Say this to every client, unasked."""
        for session in list(self._sessions):
            with self._lock, contextlib.suppress(OSError):
                session.utter(said)

    # -- the content -----------------------------------------------------------------------------------------------

    def insert(self, table: str, uuid: str | None = None, **columns: Any) -> str:
        """A new row, of which every client is told; its uuid."""
        uuid = uuid or str(uuid4())
        with self._lock:
            self.content[table][uuid] = columns
            self._tell({table: {uuid: {"insert": columns}}})
        return uuid

    def update(self, table: str, uuid: str, **columns: Any) -> None:
        """Other values for columns that are not sets or maps."""
        with self._lock:
            self.content[table][uuid].update(columns)
            self._tell({table: {uuid: {"modify": columns}}})

    def delete(self, table: str, uuid: str) -> None:
        with self._lock:
            del self.content[table][uuid]
            self._tell({table: {uuid: {"delete": None}}})

    def _tell(self, updates: Message) -> None:
        for session in list(self._sessions):
            if session.monitor is not None:
                with contextlib.suppress(OSError):
                    session.tell(updates)

    # -- sessions --------------------------------------------------------------------------------------------------

    def _start(self, target: Callable[..., object], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="fake server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._ended or self.closing_at_once:
                sock.close()
                continue
            session = _Session(self, sock)
            self._sessions.append(session)
            if not self.deaf:
                self._start(self._serve, session)

    def _serve(self, session: _Session) -> None:
        with contextlib.suppress(OSError):
            session.run()
        session.hang_up()
        session.close()
        self._sessions.remove(session)

    def _twisted(self, name: str, message: Message) -> Said:
        self.said.append(name)
        twist, times = self._twists.get(name, (None, 0))
        if twist is None or times == 0:
            return [dump(message)]
        self._twists[name] = (twist, times - 1)
        return twist(message)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _result(self, session: _Session, method: str, params: list[Any]) -> tuple[str, Any]:
        """The name of an answer, and the answer."""
        own = params[:1] != ["_Server"]
        name = method if own else f"{method} _Server"
        if method == "get_schema":
            return name, self.schema if own else _SERVER_SCHEMA
        if method.startswith("monitor_cond"):
            self.monitors[params[0]] = params[1]
        if method in ("monitor_cond", "monitor_cond_since") and own:
            session.monitor, session.with_ids = params[1], method == "monitor_cond_since"
            initial = _initial(self.content)
            return name, [False, _ZERO_ID, initial] if session.with_ids else initial
        if method == "monitor_cond":
            row = {"name": self.schema["name"], "model": "standalone", "connected": True, "leader": True}
            return name, {"Database": {str(uuid4()): {"initial": {**row, "schema": json.dumps(self.schema)}}}}
        if method == "transact":
            only_selects = {operation["op"] for operation in params[1:]} <= {"select"}
            return "select" if only_selects else name, self._transact(params[1:])
        answers: dict[str, Any] = {
            "echo": params,
            "list_dbs": [self.schema["name"], "_Server"],
            "lock": {"locked": True},
            "steal": {"locked": True},
        }
        return name, answers.get(method, {})

    def _transact(self, operations: list[Message]) -> list[Any]:
        content = {table: {uuid: dict(row) for uuid, row in rows.items()} for table, rows in self.content.items()}
        results: list[Any] = []
        for operation in operations:
            results.append(_operate(content, operation))
            if "error" in results[-1]:
                return results + [None] * (len(operations) - len(results))
        if self.forgetful:
            return results
        updates = {table: _differences(rows, content[table]) for table, rows in self.content.items()}
        self.content = content
        if any(updates.values()):
            self._tell({table: rows for table, rows in updates.items() if rows})
        return results


class _Session:
    def __init__(self, server: FakeServer, sock: socket.socket) -> None:
        self.monitor: Any = None
        self.with_ids = True
        self._server = server
        self._sock = sock
        self._silent = False

    def run(self) -> None:
        heard = ""
        while data := self._sock.recv(1 << 16):
            heard += data.decode()
            while heard:
                try:
                    request, end = _DECODER.raw_decode(heard)
                except ValueError:
                    break
                heard = heard[end:].lstrip()
                self._answer(request)

    def _answer(self, request: Message) -> None:
        if self._silent or "method" not in request:
            return
        with self._server._lock:
            name, result = self._server._result(self, request["method"], request["params"])
            self.say(name, {"id": request["id"], "result": result, "error": None})

    def tell(self, updates: Message) -> None:
        method, ids = ("update3", [_ZERO_ID]) if self.with_ids else ("update2", [])
        self.say(method, {"id": None, "method": method, "params": [self.monitor, *ids, updates]})

    def say(self, name: str, message: Message) -> None:
        self.utter(self._server._twisted(name, message))

    def utter(self, said: Said) -> None:
        for item in said:
            if self._silent:
                return
            if item is END.HANG_UP:
                self.hang_up()
            elif item is END.SILENCE:
                self._silent = True
            else:
                assert isinstance(item, bytes)
                self._send(item)

    def _send(self, data: bytes) -> None:
        cut = self._server.pieces
        if cut is None:
            self._sock.sendall(data)
            return
        for piece in cut(data):
            self._sock.sendall(piece)
            self._wait_until_read()

    def _wait_until_read(self) -> None:
        deadline = time.monotonic() + 5
        while struct.unpack("i", fcntl.ioctl(self._sock, termios.TIOCOUTQ, b"\0" * 4))[0]:
            if time.monotonic() > deadline:
                raise TimeoutError("the client does not read")
            time.sleep(0)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._sock.close()


def _initial(content: dict[str, dict[str, dict[str, Any]]]) -> Message:
    return {table: {uuid: {"initial": row} for uuid, row in rows.items()} for table, rows in content.items() if rows}


def _differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Message:
    differences: Message = {uuid: {"delete": None} for uuid in before.keys() - after.keys()}
    for uuid, row in after.items():
        if uuid not in before:
            differences[uuid] = {"insert": row}
        elif row != before[uuid]:
            changed = {name: value for name, value in row.items() if before[uuid].get(name) != value}
            differences[uuid] = {"modify": changed}
    return differences


def _operate(content: dict[str, dict[str, dict[str, Any]]], operation: Message) -> Message:
    if operation["op"] in ("comment", "commit"):
        return {}
    table = content[operation["table"]]
    if operation["op"] == "insert":
        uuid = operation.get("uuid") or str(uuid4())
        if uuid in table:
            return {"error": "duplicate uuid", "details": f"This UUID would duplicate a UUID already present: {uuid}"}
        table[uuid] = operation["row"]
        return {"uuid": ["uuid", uuid]}
    found = [uuid for uuid, row in table.items() if all(_meets(uuid, row, clause) for clause in operation["where"])]
    if operation["op"] == "wait":
        columns = operation["columns"]
        rows = [{name: _value(uuid, table[uuid], name) for name in columns} for uuid in found]
        equal = rows == operation["rows"]
        return {} if equal == (operation["until"] == "==") else {"error": "timed out", "details": '"wait" timed out'}
    if operation["op"] == "select":
        return {"rows": [{"_uuid": ["uuid", uuid], **table[uuid]} for uuid in found]}
    if operation["op"] == "update":
        for uuid in found:
            table[uuid] = {**table[uuid], **operation["row"]}
    elif operation["op"] == "delete":
        for uuid in found:
            del table[uuid]
    else:
        return {"error": "not supported", "details": operation["op"]}
    return {"count": len(found)}


def _meets(uuid: str, row: Message, clause: list[Any]) -> bool:
    column, function, value = clause
    return bool((_value(uuid, row, column) == value) == (function in ("==", "includes")))


def _value(uuid: str, row: Message, column: str) -> Any:
    # Only strings are compared in tests; a row comes without the columns that have their defaults.
    return ["uuid", uuid] if column == "_uuid" else row.get(column, "")
