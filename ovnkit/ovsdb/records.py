"""The records of a database file: each a line that says how long it is and what its hash is, and then its JSON.

The common structure of ovsdb(5), for standalone and clustered databases. Pure logic, but for decompression.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from typing import Literal, cast

import attrs

__all__ = ["LARGEST", "Flaw", "Kind", "Record", "decompress", "is_gzip", "kind_of", "records", "write_record"]

Kind = Literal["standalone", "clustered"]

LARGEST = 4 << 30
"""Bytes up to which a compressed file is decompressed: one of a few megabytes can be made to fill any memory."""

_KINDS: dict[bytes, Kind] = {b"JSON": "standalone", b"CLUSTER": "clustered"}
_HEADER = re.compile(rb"OVSDB ([A-Z]+) ([1-9][0-9]{0,17}) ([0-9a-fA-F]{40})\n")
_LONGEST_HEADER = 128
_GZIP = b"\x1f\x8b\x08"
_STEP = 1 << 20


@attrs.frozen
class Flaw:
    """What is wrong with a record, and the byte at which the record begins."""

    offset: int
    reason: str


@attrs.frozen
class Record:
    """One good record: the byte at which it begins, and its JSON."""

    offset: int
    json: bytes


def kind_of(start: bytes) -> Kind | None:
    """What kind of database begins with these bytes (20 will do); None where none does."""
    magic, word, _ = (*start.split(b" ", 2), b"", b"")[:3]
    return _KINDS.get(word) if magic == b"OVSDB" else None


def records(data: bytes) -> Iterator[Record | Flaw]:
    """The records of a file in their order. The last one is a Flaw where there is more that is no record."""
    kind = kind_of(data)
    offset = 0
    while offset < len(data):
        header = _HEADER.match(data, offset, offset + _LONGEST_HEADER)
        if header is None or _KINDS.get(cast("bytes", header[1])) != kind:
            yield Flaw(offset, "what should be the first line of a record is none")
            return
        start, length = header.end(), int(header[2])
        if length > len(data) - start:
            yield Flaw(offset, f"a record of {length} bytes ends after {len(data) - start}")
            return
        json = data[start : start + length]
        if hashlib.sha1(json, usedforsecurity=False).hexdigest() != header[3].decode().lower():
            yield Flaw(offset, f"a record of {length} bytes has another hash than its first line says")
            return
        yield Record(offset, json)
        offset = start + length


def write_record(json: bytes) -> bytes:
    """A record of a standalone database, from the JSON of an object."""
    line = json + b"\n"
    return b"OVSDB JSON %d %s\n%s" % (len(line), hashlib.sha1(line, usedforsecurity=False).hexdigest().encode(), line)


def is_gzip(start: bytes) -> bool:
    """Whether a file that begins with these bytes is compressed by gzip."""
    return start.startswith(_GZIP)


def decompress(data: bytes, *, largest: int = LARGEST) -> tuple[bytes, str]:
    """What gzip compressed, as far as it can be read, and what ended that; nothing where all of it could be."""
    found = bytearray()
    rest = data
    while is_gzip(rest):
        inflater = zlib.decompressobj(wbits=31)
        try:
            while rest and not inflater.eof:
                found += inflater.decompress(rest, _STEP)
                rest = inflater.unconsumed_tail or inflater.unused_data
                if len(found) > largest:
                    return bytes(found[:largest]), f"the compressed file holds more than {largest} bytes"
        except zlib.error as exc:
            return bytes(found), f"the compressed file is damaged: {exc}"
        if not inflater.eof:
            found += inflater.flush()
            return bytes(found), "the compressed file is cut off"
    # Of a file that was several, a beginning that is damaged must not pass for the end. Tapes are filled up with zeros.
    return bytes(found), "the compressed file goes on with what is not compressed" if rest.strip(b"\0") else ""
