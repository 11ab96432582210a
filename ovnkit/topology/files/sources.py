"""Where database files are: files, directories and tar files, looked through by what they hold and not by their names.

Nothing is extracted to the disk, so that what a tar file calls its members does not matter. Of a file that is no
database no more than its beginning is kept.
"""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ovnkit.ovsdb.damage import Damage
from ovnkit.ovsdb.files import START, DatabaseFile, is_database, parse
from ovnkit.ovsdb.records import LARGEST

__all__ = ["Passed", "sources"]

_BLOCK = 512
_BEGINNING = 1 << 16
"""Bytes of a compressed file that are more than enough for the first block of a tar file in it."""
_PIECE = 1 << 13
_LONGEST = 256 << 30
"""Bytes of a tar file after which no more of it is looked at."""
_DEEPEST = 3
"""A must-gather is a tar file that may have tar files of databases in it."""
_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)


@attrs.frozen
class Passed:
    """A file that could be looked at no further, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def sources(path: str | os.PathLike[str]) -> Iterator[DatabaseFile | Damage | Passed]:
    """The databases in a file, a directory or a tar file, and what was in the way. OSError where there is none."""
    start = Path(path)
    if not start.is_dir():
        yield from _file(start)
        return
    unreadable: list[OSError] = []
    # Of a directory the files; links lead out of it, or to what is there anyway.
    for folder, folders, names in os.walk(start, onerror=unreadable.append):
        folders.sort()
        for name in sorted(names):
            place = Path(folder, name)
            try:
                if stat.S_ISREG(place.lstat().st_mode):
                    yield from _file(place)
            except OSError as exc:
                unreadable.append(exc)
    for error in unreadable:
        yield Passed(str(error.filename), error.strerror or str(error))


def _file(path: Path) -> Iterator[DatabaseFile | Damage | Passed]:
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
        file.seek(0)
        if is_database(beginning[:START]):
            if path.stat().st_size > LARGEST:
                yield Passed(str(path), f"larger than {LARGEST} bytes")
            else:
                yield parse(file.read(), str(path))
        elif _is_tar(beginning):
            yield from _archive(file, str(path), 1)


def _archive(file: Any, path: str, depth: int) -> Iterator[DatabaseFile | Damage | Passed]:
    """The databases in a tar file, compressed or not, which is read once from front to back."""
    offset = members = 0
    try:
        # As a stream: nothing is searched for or gone back to, and members that were seen are not kept.
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            for members, member in enumerate(archive):  # noqa: B007 - how many there were before it
                vars(archive)["members"] = []
                offset = member.offset
                if offset + member.size > _LONGEST:
                    yield Passed(path, f"nothing after its first {offset} bytes was looked at")
                    return
                if member.isreg() and not member.issparse():
                    stream: Any = archive.fileobj
                    stream.seek(member.offset_data)
                    yield from _member(_Member(stream, member.size), f"{path}:{member.name}", depth)
    except _BROKEN as exc:
        yield Damage(path, offset, f"the archive is damaged: {exc}", members)


def _member(member: _Member, path: str, depth: int) -> Iterator[DatabaseFile | Damage | Passed]:
    beginning = member.keep(_BEGINNING)
    if is_database(beginning[:START]):
        if member.size > LARGEST:
            yield Passed(path, f"larger than {LARGEST} bytes")
        else:
            yield parse(member.keep(member.size), path)
    elif depth < _DEEPEST and _is_tar(beginning):
        yield from _archive(member, path, depth + 1)
    if member.error is not None:
        raise member.error


class _Member:
    """A member of a tar file, as a file that is read once. What comes before a cut or damage is not lost with it."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream = stream
        self.size = size
        self._left = size
        self._kept = bytearray()
        self.error: Exception | None = None

    def keep(self, most: int) -> bytes:
        """The first so many bytes, or what there is of them; read() still begins with them."""
        while len(self._kept) < most and (part := self._take(min(_PIECE, most - len(self._kept)))):
            self._kept += part
        return bytes(self._kept)

    def read(self, size: int) -> bytes:
        """The next bytes."""
        found = bytes(self._kept[:size])
        del self._kept[:size]
        return found + self._take(size - len(found))

    def _take(self, size: int) -> bytes:
        wanted = min(size, self._left)
        if not wanted or self.error is not None:
            return b""
        try:
            part = bytes(self._stream.read(wanted))
        except _BROKEN as exc:
            part, self.error = b"", exc
        self._left -= len(part)
        if len(part) < wanted and self.error is None:
            self.error = EOFError("it is cut off")
        return part


def _is_tar(beginning: bytes) -> bool:
    try:
        block = _first_block(beginning)
        return len(block) == _BLOCK and bool(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape").name)
    except _BROKEN:
        return False


def _first_block(beginning: bytes) -> bytes:
    inflater: Any
    if beginning.startswith(b"\x1f\x8b"):
        inflater = zlib.decompressobj(wbits=31)
    elif beginning.startswith(b"\xfd7zXZ\0"):
        inflater = lzma.LZMADecompressor()
    else:
        return beginning[:_BLOCK]
    return bytes(inflater.decompress(beginning, _BLOCK))
