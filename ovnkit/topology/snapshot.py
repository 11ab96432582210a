"""Snapshots: the databases of a network as they were at one moment, to keep, to compare and to share."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs

from ovnkit.errors import InvalidValue
from ovnkit.northbound.client import Northbound
from ovnkit.ovsdb import files
from ovnkit.ovsdb.contents import Contents
from ovnkit.southbound.client import Southbound
from ovnkit.topology.network import Network
from ovnkit.vswitch.client import VSwitch

__all__ = ["Snapshot", "snapshot"]

_OTHERS = frozenset({".bz2", ".db", ".gz", ".json", ".tar", ".xz", ".zip", ".zst"})
"""What somebody who names a file so does not mean a directory by."""


@attrs.frozen(eq=False, repr=False)
class Snapshot:
    """What the databases of a network held. ``anonymized``: with other names and addresses, and without secrets."""

    nb: Contents | None
    sb: Contents | None
    vswitches: tuple[Contents, ...]
    taken: datetime
    anonymized: bool = False

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self._named())
        return f"<Snapshot {self.taken:%Y-%m-%d %H:%M:%S} UTC of {names}{' (anonymized)' if self.anonymized else ''}>"

    def network(self) -> Network:
        """Read-only clients of it."""
        clients = dict(self._named())
        return Network(
            nb=None if self.nb is None else Northbound.over(self.nb, self._name("nb")),
            sb=None if self.sb is None else Southbound.over(self.sb, self._name("sb")),
            vswitches=tuple(
                VSwitch.over(contents, self._name(name)) for name, contents in clients.items() if name[0] == "v"
            ),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write database files, which ``open_files`` reads and ``ovsdb-server`` serves; only their owner may read them.

        ``path`` ends in ``.tar.gz`` or ``.tgz`` for a tar file, which is replaced as a whole; anything else is a
        directory, which is made if need be. Its files are ``nb.db``, ``sb.db`` and a ``vswitch1.db`` for each host.

        Raises InvalidValue for the suffix of a file of another kind, and OSError.
        """
        target = Path(path)
        if target.name.endswith((".tar.gz", ".tgz")):
            self._save_archive(target)
        elif target.suffix in _OTHERS:
            allowed = "NAME.tar.gz or NAME.tgz, or a directory"
            raise InvalidValue(table="snapshot", column="path", value=str(path), allowed=allowed)
        else:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, contents in self._named():
                contents.save(target / f"{name}.db", comment=self._name(name))
        return target

    def _save_archive(self, target: Path) -> None:
        try:
            handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        except OSError as exc:
            exc.filename = str(target.parent)
            raise
        try:
            with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                for name, contents in self._named():
                    data = contents.to_bytes(comment=self._name(name))
                    member = tarfile.TarInfo(f"{target.name.split('.')[0]}/{name}.db")
                    member.size, member.mtime, member.mode = len(data), int(self.taken.timestamp()), 0o600
                    archive.addfile(member, io.BytesIO(data))
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _named(self) -> Iterator[tuple[str, Contents]]:
        if self.nb is not None:
            yield "nb", self.nb
        if self.sb is not None:
            yield "sb", self.sb
        for number, contents in enumerate(self.vswitches, start=1):
            yield f"vswitch{number}", contents

    def _name(self, name: str) -> str:
        return f"{name} of the snapshot of {self.taken:%Y-%m-%d %H:%M:%S} UTC"


def snapshot(
    nb: Northbound | None = None,
    sb: Southbound | None = None,
    vswitches: Iterable[VSwitch] = (),
    *,
    anonymize: bool = False,
) -> Snapshot:
    """What these databases hold now, each at one moment.

    ``anonymize``: names, addresses, the values of external_ids and options and other texts are replaced, the same by
    the same, so that what belongs together still does, and networks keep their sizes; secrets, certificates and the
    paths of keys are left out. Uuids and numbers stay. Raises NotMonitored for a client that does not replicate all
    columns of a table.
    """
    read = [None if client is None else files.contents_of(client) for client in (nb, sb, *vswitches)]
    if anonymize:
        # It takes in every word of the three databases.
        from ovnkit.topology.anonymity import anonymous

        others = iter(anonymous([contents for contents in read if contents is not None]))
        read = [None if contents is None else next(others) for contents in read]
    hosts = tuple(contents for contents in read[2:] if contents is not None)
    return Snapshot(read[0], read[1], hosts, datetime.now(UTC), anonymize)
