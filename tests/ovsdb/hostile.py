"""What a hostile server may say, by name, and what a client must still be and do afterwards."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from ovnkit.errors import OvnkitError
from ovnkit.ovsdb import Map, Ref, Row
from ovnkit.ovsdb.schema import BaseType, ColumnType
from tests.ovsdb.fake_server import END, FakeServer, Message, Twist, dump
from tests.ovsdb.kinds import Child, Kinds, KindsClient, kinds

__all__ = [
    "BROKEN_RESULTS",
    "CLOSE_SECONDS",
    "JUNK",
    "LOST_BYTES",
    "NOT_ANSWERS",
    "REFUSALS",
    "RESYNC_SECONDS",
    "SLACK_SECONDS",
    "SOME_JUNK",
    "Hostile",
    "closing",
    "connect",
    "connection_threads",
    "content",
    "each",
    "instead",
    "replace",
    "result",
    "serving",
    "set_up",
]

PROBE_SECONDS = 1.0
RESYNC_SECONDS = 5.0
CLOSE_SECONDS = 2.0
SLACK_SECONDS = 1.0
"""How much later than its deadline something may end on a machine with other work."""
_DEEP = 200_000


def instead(*said: bytes | END) -> Twist:
    """This, whatever should have been said."""
    return lambda _message: said


def replace(**members: Any) -> Twist:
    """The message with other members; None of them is left out where ``...`` is given."""

    def twist(message: Message) -> list[bytes]:
        return [dump({name: value for name, value in {**message, **members}.items() if value is not ...})]

    return twist


def result(change: Callable[[Any], Any]) -> Twist:
    """The reply with another result, made of the right one."""
    return lambda message: [dump({**message, "result": change(message["result"])})]


def _with_member(json: bytes) -> Twist:
    """The message with one member more, in bytes that no encoder would write."""
    return lambda message: [b'{"note":' + json + b"," + dump(message)[1:]]


JUNK: dict[str, Twist] = {
    "hang_up": instead(END.HANG_UP),
    "truncated_then_hang_up": lambda message: [dump(message)[:-7], END.HANG_UP],
    "half_a_character_then_hang_up": instead('{"id": "ж'.encode()[:-1], END.HANG_UP),
    "garbage": instead(bytes(range(256)) * 16),
    "zero_bytes": instead(bytes(4096)),
    "another_protocol": instead(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "tls_alert": instead(b"\x15\x03\x01\x00\x02\x02\x28"),
    "byte_order_mark": lambda message: [b"\xef\xbb\xbf", dump(message)],
    "utf16": lambda message: [dump(message).decode().encode("utf-16")],
    "invalid_utf8_between_messages": lambda message: [b"\xff\xfe", dump(message)],
    "invalid_utf8_in_a_string": _with_member(b'"\xc3("'),
    "invalid_utf8_in_a_key": lambda message: [b'{"\xc3(":1,' + dump(message)[1:]],
    "overlong_utf8": _with_member(b'"\xc0\xaf"'),
    "surrogate_in_utf8": _with_member(b'"\xed\xa0\x80"'),
    "lone_surrogate_escape": _with_member(b'"\\ud800"'),
    "surrogate_escapes_swapped": _with_member(b'"\\udc00\\ud800"'),
    "nul_escape": _with_member(b'"a\\u0000b"'),
    "raw_control_character": _with_member(b'"a\nb"'),
    "unknown_escape": _with_member(b'"\\x41"'),
    "nan": _with_member(b"NaN"),
    "infinity": _with_member(b"-Infinity"),
    "huge_exponent": _with_member(b"1e999999999"),
    "leading_zeros": _with_member(b"007"),
    "trailing_comma": _with_member(b"[1,]"),
    "comment": _with_member(b"1 /* one */"),
    "unquoted_word": _with_member(b"undefined"),
    "number_of_20000_digits": _with_member(b"9" * 20_000),
    "fraction_of_20000_digits": _with_member(b"0." + b"1" * 20_000),
    "arrays_200000_deep": instead(b"[" * _DEEP),
    "objects_200000_deep": instead(b'{"a":' * _DEEP),
    "member_200000_deep": _with_member(b"[" * _DEEP + b"]" * _DEEP),
    "member_2000_deep": _with_member(b"[" * 2000 + b"]" * 2000),
    "closing_brackets": instead(b"]}]}"),
    "crossed_brackets": instead(b'{"id":[}]'),
    "top_array": instead(b"[1, 2]"),
    "message_in_an_array": lambda message: [b"[" + dump(message) + b"]"],
    "message_in_a_string": lambda message: [dump(dump(message).decode())],
    "number": instead(b"5 "),
    "word": instead(b"null "),
    "string": instead(b'"id"'),
    "object": instead(b"{}"),
    "request_without_params": lambda message: [b'{"id": 1, "method": "echo"}', dump(message)],
    "method_is_a_number": instead(b'{"id": null, "method": 5, "params": []}'),
    "method_is_an_object": instead(b'{"id": null, "method": {}, "params": []}'),
    "params_is_null": instead(b'{"id": null, "method": "update3", "params": null}'),
    "params_is_an_object": instead(b'{"id": null, "method": "update3", "params": {"0": 1}}'),
    "duplicate_keys": instead(b'{"id": null, "id": 1, "method": "a", "method": "update3", "params": [], "params": {}}'),
    "reply_without_id": replace(id=...),
    "reply_with_error_and_result": replace(error={"error": "odd"}, result={}),
    "reply_and_request": replace(method="echo", params=[], result={}),
}
"""After any of these a client may go on or connect anew, but it is neither hung nor wrong."""

SOME_JUNK: dict[str, Twist] = {
    name: JUNK[name]
    for name in (
        "hang_up",
        "truncated_then_hang_up",
        "garbage",
        "invalid_utf8_in_a_string",
        "lone_surrogate_escape",
        "number_of_20000_digits",
        "arrays_200000_deep",
        "member_200000_deep",
        "top_array",
        "object",
        "reply_without_id",
    )
}
"""One of each kind, where all of them would say no more."""

LOST_BYTES: dict[str, Twist] = {
    "the_end_is_missing": lambda message: [dump(message)[:-7]],
    "the_end_is_missing_within_a_string": lambda message: [dump(message)[:5]],
    "the_beginning_is_missing": lambda message: [dump(message)[7:]],
    "a_brace_is_missing": lambda message: [dump(message)[:-1]],
    "a_quote_is_missing": lambda message: [dump(message).replace(b'"', b"", 1)],
    "a_quote_too_many": lambda message: [b'{"a"":1}', dump(message)],
    "a_brace_too_many": lambda message: [b'{"a":{}', dump(message)],
    "a_backslash_too_many": lambda message: [b'{"a":"\\"}', dump(message).replace(b'"', b'\\"', 1)],
}
"""The connection goes on, and what follows seems to be part of what was said before."""

NOT_ANSWERS: dict[str, Twist] = {
    "silence": instead(END.SILENCE),
    "truncated_then_silence": lambda message: [dump(message)[:-7], END.SILENCE],
    "no_answer": instead(),
    "id_of_another": lambda message: [dump({**message, "id": f"{message['id']}0"})],
    "id_null": replace(id=None),
    "id_list": replace(id=[1]),
    "id_object": replace(id={}),
    "id_as_string": lambda message: [dump({**message, "id": [str(message["id"])]})],
    "id_true": replace(id=True),
}
"""What was asked is never answered, though echoes may be."""

BROKEN_RESULTS: dict[str, Twist] = {
    "result_null": replace(result=None),
    "result_number": replace(result=5),
    "result_word": replace(result="x"),
    "result_true": replace(result=True),
    "result_empty_array": replace(result=[]),
    "result_empty_object": replace(result={}),
    "result_nested_arrays": replace(result=[[[]]]),
    "result_array_of_null": replace(result=[None]),
    "result_array_of_numbers": replace(result=[1, 2, 3]),
    "result_object_of_null": replace(result={"name": None, "tables": None, "Database": None}),
    "result_object_of_arrays": replace(result={"name": [], "tables": [], "Database": []}),
    "neither_result_nor_error": replace(result=..., error=...),
    "error_number": replace(result=None, error=5),
    "error_array": replace(result=None, error=["error"]),
    "error_empty": replace(result=None, error={}),
    "error_null": replace(result=None, error={"error": None}),
    "error_in_error": replace(result=None, error={"error": {"error": "x"}, "details": []}),
    "error_canceled": replace(result=None, error="canceled"),
}
"""Replies that come with the right id, and say nothing that can be used."""

REFUSALS: dict[str, Twist] = {
    "refused_with_a_word": replace(result=None, error="unknown method"),
    "refused_with_an_object": replace(result=None, error={"error": "unknown database", "details": "no such database"}),
}
"""Replies of the protocol that no server that behaves gives here."""


def content(client: KindsClient) -> dict[str, dict[str, Any]]:
    """All that the client shows but defaults, by uuid; AssertionError for a value of another type than its column's."""
    shown: dict[str, dict[str, Any]] = {}
    rows: list[Row[Any]] = [*client.find(Kinds), *client.find(Child)]
    for row in rows:
        values = {name: getattr(row, name) for name in row._columns}
        for name, value in values.items():
            assert _is_of(row._columns[name].type, value), f"{row._table}.{name} reads as {value!r}"
        shown[str(row.uuid)] = {name: value for name, value in values.items() if not _is_default(value)}
    return shown


def expected(server: FakeServer) -> dict[str, dict[str, Any]]:
    """What a client should show of the server's content."""
    shown: dict[str, dict[str, Any]] = {}
    for row_class in (Kinds, Child):
        for uuid, row in server.content[row_class._table].items():
            values = {name: _plain(row_class._columns[name].type, value) for name, value in row.items()}
            shown[uuid] = {name: value for name, value in values.items() if not _is_default(value)}
    return shown


def _plain(type_: ColumnType, json: Any) -> Any:
    if isinstance(json, list) and json[0] == "map":
        return Map(json[1])
    members = json[1] if isinstance(json, list) else [json]
    if type_.max == 1:
        return members[0] if members else None
    return frozenset(members)


def _is_default(value: Any) -> bool:
    zeros: tuple[Any, ...] = ("", 0, 0.0, None, frozenset(), frozenset([0]), Map(), UUID(int=0))
    return any(type(value) is type(zero) and value == zero for zero in zeros) or value is False


_TYPES: dict[str, type] = {"integer": int, "real": float, "boolean": bool, "string": str}


def _is_of(type_: ColumnType, value: Any) -> bool:
    if type_.value is not None:
        return isinstance(value, Map) and all(
            _is_atom(type_.key, k) and _is_atom(type_.value, v) for k, v in value.items()
        )
    if type_.is_scalar:
        return _is_atom(type_.key, value)
    if type_.is_optional:
        return value is None or _is_atom(type_.key, value)
    return isinstance(value, frozenset) and all(_is_atom(type_.key, member) for member in value)


def _is_atom(base: BaseType, value: Any) -> bool:
    if base.type == "uuid":
        return isinstance(value, UUID if base.ref_table is None else Ref)
    if type(value) is not _TYPES[base.type]:
        return False
    return not isinstance(value, float) or math.isfinite(value)


def each(*twists: dict[str, Twist]) -> pytest.MarkDecorator:
    """A test for each of these."""
    params = [pytest.param(twist, id=name) for named in twists for name, twist in named.items()]
    return pytest.mark.parametrize("twist", params)


class Hostile:
    """A server, a client of it, and what must hold whatever the server has said."""

    def __init__(self, server: FakeServer, client: KindsClient) -> None:
        self.server = server
        self.client = client

    def check_shows(self, *, within: float = RESYNC_SECONDS) -> None:
        """The client comes to show what the server holds."""
        deadline = time.monotonic() + within
        shown: Any = None
        while time.monotonic() < deadline:
            try:
                shown = content(self.client)
            except OvnkitError as exc:
                shown = exc
            if shown == expected(self.server) and self.client.state == "ready":
                return
            time.sleep(0.005)
        self.check_lives()
        raise AssertionError(f"{self.client.state} after {within} s, showing {shown!r:.2000}")

    def check_lives(self) -> None:
        """It has its thread, and is not closed."""
        assert self.client.state != "closed"
        assert connection_threads(self.client), "the thread of the connection has died"

    def check_writes(self) -> None:
        """A write gets through, and is shown."""
        with self.client.transaction(timeout=RESYNC_SECONDS) as tx:
            tx.insert(kinds(string="written afterwards"))
        self.check_shows()


def connection_threads(client: KindsClient) -> list[threading.Thread]:
    """The threads of a client that are alive."""
    return [
        thread for thread in threading.enumerate() if thread.name.startswith("ovnkit") and client.remote in thread.name
    ]


def connect(server: FakeServer, *, timeout: float = RESYNC_SECONDS) -> KindsClient:
    return KindsClient.connect(server.remote, timeout=timeout, probe_interval=PROBE_SECONDS)


@contextlib.contextmanager
def closing(client: KindsClient) -> Iterator[KindsClient]:
    """Close in the end, which must not take long."""
    try:
        yield client
    finally:
        began = time.monotonic()
        client.close()
        seconds = time.monotonic() - began
        assert seconds < CLOSE_SECONDS, f"close() took {seconds:.1f} s"
        assert not connection_threads(client)


@contextlib.contextmanager
def impatient(patience: float = PROBE_SECONDS) -> Iterator[None]:
    """Clients wait for first replies not as long as elsewhere (seconds).

    Whoever does this in several threads does it around them as well: the last to end may not be the first to begin.
    """
    answers = mock.patch("ovnkit.ovsdb.replica._PATIENCE_WITH_ANSWERS", patience)
    dumps = mock.patch("ovnkit.ovsdb.replica._PATIENCE_WITH_DUMPS", patience * 1000)
    with answers, dumps:
        yield


@contextlib.contextmanager
def serving(directory: Path, *, patience: float = PROBE_SECONDS) -> Iterator[FakeServer]:
    """A server with three rows, whose clients do not wait long."""
    with impatient(patience), FakeServer(directory / "s") as server:
        server.insert("Kinds", string="black", integer=1, texts=["map", [["a", "1"], ["b", "}{"]]])
        server.insert("Kinds", string="жёлтый", real=0.5, strings=["set", ["x", "y"]])
        server.insert("Child", name="ann")
        yield server


@contextlib.contextmanager
def set_up(directory: Path) -> Iterator[Hostile]:
    """Such a server, and a client that shows its rows; both behave so far."""
    with serving(directory) as server, closing(connect(server)) as client:
        hostile = Hostile(server, client)
        hostile.check_shows()
        yield hostile
