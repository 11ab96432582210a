"""Backups of the central databases (ovsdb(7), "Backing Up and Restoring a Database")."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from ovnkit.deploy.central.services import Services
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.spec import Spec
from ovnkit.errors import InvalidValue

__all__ = ["Backup", "backup", "backup_path", "read_backup"]

_HEADER: Final = b"OVSDB JSON "
_LONGEST_HEADER: Final = 100
_BACKUP_SECONDS: Final = 600.0


@attrs.frozen
class Backup:
    """A backup of one database: its file, and how many bytes it has."""

    database: str
    path: Path
    size: int

    def __str__(self) -> str:
        return f"{self.database}: {self.path}, {self.size} bytes"


def backup(spec: Spec, directory: str | os.PathLike[str]) -> tuple[Backup, ...]:
    """Write both databases, as the leader has them now, into files of a directory that is there.

    ``OVN_Northbound.backup`` and ``OVN_Southbound.backup``, for their owner alone; older ones are replaced, each as a
    whole. Both are standalone databases: ovsdb-tool(1) reads them.

    Raises Conflict where a database has no leader, HostFailed where it cannot be read, OSError for the directory; older
    backups are as they were then.
    """
    services = Services(spec)
    texts = {}
    for database in DATABASES:
        leader = services.node(services.leading(database).host)
        words = ["ovsdb-client", "backup", f"unix:{leader.layout.socket(database)}", database.name]
        texts[database] = leader.host.run(words, timeout=_BACKUP_SECONDS)
    # Both are read before the first is replaced: a pair is of one time.
    return tuple(
        Backup(database.name, backup_path(directory, database), _write(backup_path(directory, database), text))
        for database, text in texts.items()
    )


def backup_path(directory: str | os.PathLike[str], database: Database) -> Path:
    """Where in a directory the backup of a database is."""
    return Path(directory) / f"{database.name}.backup"


def _write(path: Path, text: str) -> int:
    data = text.encode("utf-8", "surrogateescape")
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return len(data)


def read_backup(path: Path, database: Database) -> str:
    """The text of a backup, whole and of this database: every record is checked, as ovsdb-server does.

    Raises InvalidValue for anything else, of which ovsdb-server would take what it can, and OSError.
    """
    data = path.read_bytes()
    records = list(_records(data))
    schema = f'"name":"{database.name}"'.encode()
    if len(records) < 2 or None in records or schema not in (records[0] or b""):
        allowed = f"a whole backup of {database.name}, as backup() or ovsdb-client(1) writes it"
        raise InvalidValue(table="backup", column=database.name, value=str(path), allowed=allowed)
    return data.decode("utf-8", "surrogateescape")


def _records(data: bytes) -> Iterator[bytes | None]:
    """The records of a database file, each with its length and SHA-1 before it; None for what is none (ovsdb(5))."""
    place = 0
    while place < len(data):
        header, newline, _ = data[place : place + _LONGEST_HEADER].partition(b"\n")
        words = header.removeprefix(_HEADER).split()
        if not newline or not header.startswith(_HEADER) or len(words) != 2 or not words[0].isdigit():
            yield None
            return
        begin = place + len(header) + 1
        place = begin + int(words[0])
        record = data[begin:place]
        yield record if hashlib.sha1(record, usedforsecurity=False).hexdigest().encode() == words[1] else None
