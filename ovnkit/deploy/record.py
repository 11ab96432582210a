"""The undo record: what was there before, written down before it is changed; one line for each host and attempt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import attrs

from ovnkit.deploy.journal import Journal, read_journal

__all__ = ["Record", "Touched", "read_record", "touched"]

_FORMAT: Final = "ovnkit undo record 1"
_KIND: Final = "undo record"


@attrs.frozen
class Touched:
    """What was changed on one host, from its first change to its last.

    ``keys``: for each key of ``external_ids`` its value before and after, None where it is absent; ``files`` the same
    for the text of files, ``ssl`` for the files that its SSL row names, and ``certificates`` for the fingerprints of a
    certificate and of its authority, by their paths; no key is in here. ``ovsdb`` and ``access``: how the host is
    reached.
    """

    host: str
    ovsdb: str | None
    keys: Mapping[str, tuple[str | None, str | None]] = attrs.field(factory=dict)
    access: str | tuple[str, ...] | None = None
    files: Mapping[str, tuple[str | None, str | None]] = attrs.field(factory=dict)
    ssl: tuple[Mapping[str, str] | None, Mapping[str, str] | None] | None = None
    certificates: Mapping[str, tuple[str | None, str | None]] = attrs.field(factory=dict)

    def then(self, later: Touched) -> Touched:
        """What was changed from here to the end of a later change.

        Where the later change did not begin with what the earlier one had left, somebody else has written meanwhile, or
        the earlier one was never carried out: the way back then leads to where the later one began.
        """
        ssl = later.ssl or self.ssl
        if self.ssl and later.ssl and self.ssl[1] == later.ssl[0]:
            ssl = (self.ssl[0], later.ssl[1])
        keys, files = _joined(self.keys, later.keys), _joined(self.files, later.files)
        # What has been rotated meanwhile is still what was brought.
        certificates = {
            path: (self.certificates.get(path, pair)[0], pair[1]) for path, pair in later.certificates.items()
        }
        certificates = {**self.certificates, **certificates}
        return attrs.evolve(later, keys=keys, files=files, ssl=ssl, certificates=certificates)


def _joined(
    earlier: Mapping[str, tuple[str | None, str | None]], later: Mapping[str, tuple[str | None, str | None]]
) -> dict[str, tuple[str | None, str | None]]:
    joined = dict(earlier)
    for key, (before, after) in later.items():
        known = joined.get(key)
        joined[key] = (known[0] if known is not None and known[1] == before else before, after)
    return joined


class Record(Journal):
    """The undo record under the hand of those who write it, from any thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a record, which is made if it is not there, for its owner alone. Raises OSError, and InvalidValue."""
        super().__init__(path, _FORMAT, _KIND)

    def note(self, touched: Touched) -> None:
        """Write down what is about to be changed; it is on the disk when this returns."""
        self.append(attrs.asdict(touched))

    def note_undone(self, host: str) -> None:
        """Write down that a host is as it was."""
        self.append({"host": host, "undone": True})


def read_record(path: str | os.PathLike[str]) -> dict[str, Touched]:
    """What a record says was changed and not undone, by host. Raises OSError, and InvalidValue where it is none."""
    found: dict[str, Touched] = {}

    def take(entry: Mapping[str, Any]) -> None:
        if entry.get("undone"):
            found.pop(entry["host"], None)
            return
        later = touched(entry)
        known = found.get(later.host)
        found[later.host] = later if known is None else known.then(later)

    read_journal(path, _FORMAT, _KIND, take)
    return found


def touched(entry: Mapping[str, Any]) -> Touched:
    """What an entry says. Raises AttributeError, LookupError, TypeError or ValueError where it is something else."""
    # A record of an earlier version has fewer.
    keys, files, certificates = (
        {name: (before, after) for name, (before, after) in found.items()}
        for found in (entry["keys"], entry["files"], entry.get("certificates", {}))
    )
    access = tuple(entry["access"]) if isinstance(entry["access"], list) else entry["access"]
    ssl = None if entry.get("ssl") is None else (entry["ssl"][0], entry["ssl"][1])
    return Touched(entry["host"], entry["ovsdb"], keys, access, files, ssl, certificates)
