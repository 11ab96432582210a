"""The record of a take-over: what was on the host before, written down before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from ovnkit.deploy.journal import Journal, read_journal
from ovnkit.deploy.record import Touched, touched
from ovnkit.deploy.remains import Remains, read_remains
from ovnkit.deploy.spec import HostSpec
from ovnkit.errors import InvalidValue

__all__ = ["TakeOverRecord", "TakenOver", "note_given_back", "read_take_over"]

_FORMAT: Final = "ovnkit take-over record 1"
_KIND: Final = "take-over record"


@attrs.frozen(kw_only=True)
class TakenOver:
    """What a record says of its host: what was there, and which keys of the chassis were changed.

    ``start`` is the command that starts ovn-controller there; ``finished``: the take-over came to its end.
    """

    host: str
    ovsdb: str | None
    access: str | tuple[str, ...] | None
    start: tuple[str, ...]
    remains: Remains
    keys: Touched | None = None
    finished: bool = False


class TakeOverRecord(Journal):
    """The record of one host under the hand of those who write it."""

    def __init__(self, path: str | os.PathLike[str], host: HostSpec, start: tuple[str, ...]) -> None:
        """Open a record, which is made if it is not there, for its owner alone.

        Raises OSError, and InvalidValue where it is something else, or the record of another host.
        """
        super().__init__(path, _FORMAT, _KIND)
        self.host = host
        self.start = start
        try:
            self.known = read_take_over(path)
            if self.known is not None and self.known.host != host.name:
                allowed = f"a record of host {host.name}; each host has one of its own"
                raise InvalidValue(table=_KIND, column=os.fspath(path), value=self.known.host, allowed=allowed)
        except BaseException:
            self.close()
            raise

    def covers(self, remains: Remains) -> bool:
        """Whether all of it is written down."""
        return self.known is not None and self.known.remains.then(remains) == self.known.remains

    def note(self, remains: Remains) -> None:
        """Write down what is there; it is on the disk when this returns. What is written down already stays so."""
        if not self.covers(remains):
            host = self.host
            reached = {"host": host.name, "ovsdb": host.ovsdb, "access": host.access, "start": self.start}
            self._take({**reached, "remains": attrs.asdict(remains)})

    def note_keys(self, keys: Mapping[str, tuple[str | None, str | None]]) -> None:
        """Write down which keys of the chassis are about to be changed."""
        self._take(attrs.asdict(Touched(self.host.name, self.host.ovsdb, keys, self.host.access)))

    def note_finished(self) -> None:
        """Write down that the host is taken over, and looked at."""
        self._take({"host": self.host.name, "finished": True})

    def _take(self, entry: Mapping[str, Any]) -> None:
        self.append(entry)
        self.known = read_take_over(self.path)


def note_given_back(path: str | os.PathLike[str]) -> None:
    """Write down that the host is as it was. Raises OSError, and InvalidValue."""
    journal = Journal(path, _FORMAT, _KIND)
    try:
        journal.append({"given back": True})
    finally:
        journal.close()


def read_take_over(path: str | os.PathLike[str]) -> TakenOver | None:
    """What a record says, None where nothing was changed, or all is given back.

    Raises OSError, and InvalidValue where it is no such record.
    """
    found: list[TakenOver] = []

    def take(entry: Mapping[str, Any]) -> None:
        if entry.get("given back"):
            found.clear()
        elif "remains" in entry:
            later = _taken_over(entry)
            found[:] = [attrs.evolve(one, remains=one.remains.then(later.remains)) for one in found] or [later]
        elif entry.get("finished"):
            found[:] = [attrs.evolve(one, finished=True) for one in found]
        else:
            keys = touched(entry)
            found[:] = [attrs.evolve(one, keys=keys if one.keys is None else one.keys.then(keys)) for one in found]

    read_journal(Path(path), _FORMAT, _KIND, take)
    return found[0] if found else None


def _taken_over(entry: Mapping[str, Any]) -> TakenOver:
    access = tuple(entry["access"]) if isinstance(entry["access"], list) else entry["access"]
    return TakenOver(
        host=entry["host"],
        ovsdb=entry["ovsdb"],
        access=access,
        start=tuple(entry["start"]),
        remains=read_remains(entry["remains"]),
    )
