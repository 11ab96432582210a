"""The wire format: where one JSON-RPC message ends, and what is in it. Pure logic.

A message is a JSON object and nothing separates one from the next (RFC 7047 4). Its end is where the braces outside of
strings balance. Only C-speed operations on whole pieces look for it, so that a dump of 100 MB costs little more than
reading it, and each byte is looked at once, however the pieces fall.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import msgspec

__all__ = [
    "Framer",
    "Head",
    "Raw",
    "RowUpdate",
    "Updates",
    "check_text",
    "encode",
    "head",
    "initial",
    "row",
    "update2",
    "update3",
    "updates",
    "value",
    "whole",
]

T = TypeVar("T")
Raw = msgspec.Raw

_STEP = 1 << 20
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"{}'))
_NOT_MEMBERS = bytes(set(range(256)) - set(b"{[,"))
_SMALLEST_MEMBER = 6
"""Bytes for each member that a long message has at least, where it is not made to fill the memory of its reader."""
_STRINGS = re.compile(rb'"[^"]*"')
_OUTSIDE = re.compile(rb"}[ \t\r\n]*(?={)")
_BETWEEN = re.compile(rb'(?<=})(?={")')
_SPACE = b" \t\r\n"
_PLACE = re.compile(r"\(byte (\d+)\)")
_LONGEST_WORD = 64
_DEEPEST = 1000
"""Objects within objects: what decodes them gives up at about as many."""


class Framer:
    """Puts together what arrives in pieces: ``feed()`` takes one and gives the messages that it completes."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaping = False

    @property
    def buffered(self) -> int:
        """How many bytes of a message are here whose end is not."""
        return len(self._parts)

    def check(self) -> None:
        """Raise ValueError where what is here of a message cannot become one, whatever follows.

        It costs as much as decoding it, which feed() does not do.
        """
        try:
            _head.decode(self._parts)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
            # Close to the end it may just be a number or a word that is not all here.
            place = _PLACE.search(str(exc))
            if place and int(place[1]) < len(self._parts) - _LONGEST_WORD:
                raise ValueError(f"a message that has not ended is none: {exc}") from exc

    def feed(self, data: bytes) -> list[bytearray]:
        """The messages that end in ``data``. Raises ValueError where what begins is not a JSON object."""
        messages = []
        start = 0
        # A message can end within the piece only where another begins behind it.
        for boundary in _OUTSIDE.finditer(data):
            if self._count(data[start : boundary.end()]):
                messages.append(self._take(data[start : boundary.end()]))
            elif self._in_string:
                self._keep(data[start : boundary.end()])
            else:
                raise ValueError("an object follows another within a message: some of it is missing")
            start = boundary.end()
        rest = data[start:] if start else data
        if self._count(rest):
            messages.append(self._take(rest))
        else:
            self._keep(rest)
        return messages

    def _take(self, data: bytes) -> bytearray:
        self._keep(data)
        message, self._parts = self._parts, bytearray()
        return message

    def _keep(self, data: bytes) -> None:
        if not self._parts:
            data = data.lstrip(_SPACE)
            if data and data[:1] != b"{":
                raise ValueError(f"a message begins with {data[:20]!r}, which is no JSON object")
        self._parts += data

    def _count(self, data: bytes) -> bool:
        """Whether a message is complete behind ``data``."""
        if self._escaping:
            data = b"\\" + data
        if b"\\" in data:
            # Pairs first, from the left: a quote is escaped where one is left over before it.
            data = data.replace(b"\\\\", b"")
            self._escaping = data.endswith(b"\\")
            data = data.replace(b'\\"', b"")
        else:
            self._escaping = False
        found = data.translate(None, _NOT_STRUCTURE)
        if self._in_string:
            found = b'"' + found
        # Of two quotes side by side it does not matter whether they enclose nothing or separate two strings.
        found = found.replace(b'""', b"")
        if b'"' in found:
            found = _STRINGS.sub(b"", found)
        self._in_string = b'"' in found
        if self._in_string:
            found = found[: found.index(b'"')]
        self._depth += found.count(b"{") - found.count(b"}")
        if self._depth < 0:
            raise ValueError("a message ends that had not begun")
        if self._depth > _DEEPEST:
            raise ValueError(f"a message has more than {_DEEPEST} objects within each other")
        return not self._depth and not self._in_string and bool(found)


class Head(msgspec.Struct, gc=False):
    """A message of JSON-RPC whose contents are not decoded yet; empty where a member is missing."""

    id: Raw = Raw()
    method: str | None = None
    params: Raw = Raw()
    result: Raw = Raw()
    error: Raw = Raw()


class RowUpdate(msgspec.Struct, gc=False):
    """A <row-update2> (ovsdb-server(7), 4.1.14): one of its members is there."""

    initial: Raw = Raw()
    insert: Raw = Raw()
    modify: dict[str, Raw] | None = None
    delete: Raw = Raw()


Updates = dict[str, dict[UUID, RowUpdate]]
"""<table-updates2>: by table and row."""

_head = msgspec.json.Decoder(Head)
_updates = msgspec.json.Decoder(Updates)
_update3 = msgspec.json.Decoder(tuple[str, str, Updates])
_update2 = msgspec.json.Decoder(tuple[str, Raw])
_initial = msgspec.json.Decoder(tuple[bool, str, Updates])
_row = msgspec.json.Decoder(dict[str, Raw])
_any = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""JSON as bytes."""


def whole(data: bytes) -> list[tuple[Head, bytes]] | None:
    """The messages in ``data``, each with what it was read from; None where a Framer has to find out.

    What arrives is almost always a few whole messages, and to see that they can be read is to have read them.
    """
    if not data.endswith(b"}") or not data.isascii():
        return None
    try:
        # Such a boundary can also be the end of a string; but then neither side of it can be read.
        return [(_head.decode(message), message) for message in _BETWEEN.split(data)]
    except (msgspec.MsgspecError, RecursionError):
        return None


def _translated(decode: Callable[[Any], T]) -> Callable[[Any], T]:
    """The same, with ValueError for everything that is not what it should be."""

    def decoded(data: Any) -> T:
        try:
            return decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
            raise ValueError(f"{exc}: {bytes(memoryview(data)[:80])!r}") from exc

    return decoded


head = _translated(_head.decode)
"""A message as a Head."""
_value = _translated(_any.decode)
updates = _translated(_updates.decode)
"""<table-updates2>."""
update3 = _translated(_update3.decode)
"""The parameters of an ``update3``: the monitor's id, the id of the transaction, <table-updates2>."""
update2 = _translated(_update2.decode)
"""The parameters of an ``update2``: the monitor's id, <table-updates2>."""
initial = _translated(_initial.decode)
"""The reply to ``monitor_cond_since``: whether the id was found, the id of the transaction, <table-updates2>."""
row = _translated(_row.decode)
"""A <row>, its columns not decoded yet."""


def value(data: bytes | bytearray | Raw) -> Any:
    """Any JSON, as Python's own types."""
    view = memoryview(data)
    if len(view) > _STEP:
        members = 0
        for start in range(0, len(view), _STEP):
            members += len(bytes(view[start : start + _STEP]).translate(None, _NOT_MEMBERS))
        if members * _SMALLEST_MEMBER > len(view):
            # Empty objects take 25 times their JSON in Python.
            raise ValueError(f"{len(view)} bytes of hardly anything but brackets and commas")
    return _value(data)


def check_text(message: bytes | bytearray) -> None:
    """Raise ValueError where a message is not UTF-8; what is skipped while decoding is not looked at otherwise."""
    if message.isascii():
        return
    # In steps, because a long text with a single emoji in it would take four times its size.
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(message)
    for start in range(0, len(view), _STEP):
        decoder.decode(view[start : start + _STEP], final=start + _STEP >= len(view))
