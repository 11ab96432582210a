"""The undo record: what was there before, written down before it is changed.

One line of JSON for each host and attempt, appended and synced before anything is sent, so that a program that is
killed has recorded whatever it may have done. A line that is not complete was never followed by a write.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from ovnkit.errors import InvalidValue

__all__ = ["Record", "Touched", "read_record"]

_FORMAT = "ovnkit undo record 1"


@attrs.frozen
class Touched:
    """What was changed on one host, from its first change to its last.

    ``keys``: for each key of ``external_ids`` its value before and after, None where it is absent; ``files`` the same
    for the text of files. ``ovsdb`` and ``access``: how the host is reached.
    """

    host: str
    ovsdb: str | None
    keys: Mapping[str, tuple[str | None, str | None]] = attrs.field(factory=dict)
    access: str | tuple[str, ...] | None = None
    files: Mapping[str, tuple[str | None, str | None]] = attrs.field(factory=dict)

    def then(self, later: Touched) -> Touched:
        """What was changed from here to the end of a later change.

        Where the later change did not begin with what the earlier one had left, somebody else has written meanwhile, or
        the earlier one was never carried out: the way back then leads to where the later one began.
        """
        return attrs.evolve(later, keys=_joined(self.keys, later.keys), files=_joined(self.files, later.files))


def _joined(
    earlier: Mapping[str, tuple[str | None, str | None]], later: Mapping[str, tuple[str | None, str | None]]
) -> dict[str, tuple[str | None, str | None]]:
    joined = dict(earlier)
    for key, (before, after) in later.items():
        known = joined.get(key)
        joined[key] = (known[0] if known is not None and known[1] == before else before, after)
    return joined


class Record:
    """The file under the hand of those who write it, from any thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a record, which is made if it is not there, for its owner alone. Raises OSError, and InvalidValue."""
        self.path = Path(path)
        self._lock = threading.Lock()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(self._file, "rb", closefd=False) as file:
                empty = not _lines(file, self.path)
            os.fchmod(self._file, 0o600)
            if empty:
                self._append({"format": _FORMAT})
        except BaseException:
            os.close(self._file)
            raise

    def note(self, touched: Touched) -> None:
        """Write down what is about to be changed; it is on the disk when this returns."""
        self._append(attrs.asdict(touched))

    def note_undone(self, host: str) -> None:
        """Write down that a host is as it was."""
        self._append({"host": host, "undone": True})

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            # A line before it that was cut off by a kill must not swallow this one.
            os.write(self._file, b"\n" + json.dumps(line).encode() + b"\n")
            os.fsync(self._file)


def read_record(path: str | os.PathLike[str]) -> dict[str, Touched]:
    """What a record says was changed and not undone, by host. Raises OSError, and InvalidValue where it is none."""
    found: dict[str, Touched] = {}
    with Path(path).open("rb") as file:
        lines = _lines(file, path)
    for line in lines[1:]:
        entry = _parsed(line)
        if entry is None:
            continue
        try:
            if entry.get("undone"):
                found.pop(entry["host"], None)
                continue
            touched = _touched(entry)
        except (AttributeError, LookupError, TypeError, ValueError) as exc:
            value = line[:40]
            raise InvalidValue(table="undo record", column=os.fspath(path), value=value, allowed=_FORMAT) from exc
        known = found.get(touched.host)
        found[touched.host] = touched if known is None else known.then(touched)
    return found


def _touched(entry: Mapping[str, Any]) -> Touched:
    keys, files = (
        {name: (before, after) for name, (before, after) in entry[kind].items()} for kind in ("keys", "files")
    )
    access = tuple(entry["access"]) if isinstance(entry["access"], list) else entry["access"]
    return Touched(entry["host"], entry["ovsdb"], keys, access, files)


def _lines(file: BinaryIO, path: str | os.PathLike[str]) -> list[bytes]:
    """The lines of a record; none where the file is empty. Raises InvalidValue where it is something else."""
    regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    lines = [line for line in file.read().split(b"\n") if line] if regular else []
    if not regular or (lines and _parsed(lines[0]) != {"format": _FORMAT}):
        value = lines[0][:40] if lines else "no regular file"
        raise InvalidValue(table="undo record", column=os.fspath(path), value=value, allowed=_FORMAT)
    return lines


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, None where it was cut off: it was not followed by a write."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
