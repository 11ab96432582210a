"""The directory of an authority: keys and certificates in pairs that no reader ever sees mixed.

``NAME`` is a link to ``.NAME@SERIAL``, a directory with ``key.pem`` and ``cert.pem``. A new pair is written whole into
one of its own, and then the link is replaced. What it led to before stays until the next change, for readers that are
on their way.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import attrs

from ovnkit.deploy.pki.certificate import Certificate, show, trust
from ovnkit.errors import Conflict, InvalidValue
from ovnkit.remote import Tls

__all__ = ["AUTHORITY", "NEXT_AUTHORITY", "Identity", "Store"]

AUTHORITY: Final = "ca"
NEXT_AUTHORITY: Final = "next-ca"
_TRUSTED: Final = "cacert.pem"
_KEY: Final = "key.pem"
_CERTIFICATE: Final = "cert.pem"


@attrs.frozen(kw_only=True)
class Identity:
    """A key with its certificate, and what its owner trusts: PEM files. ``changed``: whether this call did so."""

    name: str
    key: Path
    cert: Path
    ca: Path
    certificate: Certificate
    changed: bool = False

    def __str__(self) -> str:
        return f"{'changed' if self.changed else 'kept':<7}  {self.name}: {self.certificate}"

    @property
    def tls(self) -> Tls:
        """The settings of a client that has these files."""
        return Tls(self.key, self.cert, self.ca)


class Store:
    """The directory under the hand of one who has locked it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def opened(cls, directory: str | os.PathLike[str], *, make: bool = False) -> Iterator[Self]:
        """Wait until nobody else is at work there. ``make`` makes the directory, for its owner alone.

        Raises OSError, and InvalidValue for a directory that another user could change.
        """
        path = Path(directory)
        if make:
            with suppress(FileExistsError):
                path.mkdir(mode=0o700)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _check(path, os.fstat(handle))
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield cls(path)
        finally:
            os.close(handle)

    def identity(self, name: str) -> Identity | None:
        """What is there under a name. Raises OSError, InvalidValue, and Conflict for what is no pair of ours."""
        link = self._link(name)
        if not link.is_symlink():
            return None
        key, cert = link / _KEY, link / _CERTIFICATE
        return Identity(name=name, key=key, cert=cert, ca=self.path / _TRUSTED, certificate=show(cert, key=key)[0])

    def identities(self) -> list[Identity]:
        """All that are there, in the order of their names."""
        names = sorted(path.name for path in self.path.iterdir() if path.is_symlink() and path.name[0] != ".")
        return [identity for name in names if (identity := self.identity(name)) is not None]

    def trusted(self) -> tuple[Certificate, ...]:
        """The authorities that are trusted, the signing one among them; none before there is one."""
        path = self.path / _TRUSTED
        return show(path) if path.exists() else ()

    def write_trusted(self, authorities: Iterable[Certificate]) -> None:
        """Replace what is trusted."""
        temporary = self.path / f".{_TRUSTED}@new"
        temporary.unlink(missing_ok=True)
        _write(temporary, trust(*authorities).encode(), 0o644)
        temporary.replace(self.path / _TRUSTED)
        self._flush()

    def write(self, name: str, key: bytes, certificate: Certificate, *, link: str | None = None) -> Identity:
        """Put a new pair in the place of what is there under a name, or under ``link``."""
        place = self._link(link or name)
        self.sweep(name)
        version = self.path / f".{name}@{certificate.serial}"
        version.mkdir(mode=0o755)
        _write(version / _KEY, key, 0o600)
        _write(version / _CERTIFICATE, certificate.pem.encode(), 0o644)
        _flush(version)
        temporary = self.path / f".{place.name}@new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(version.name)
        temporary.replace(place)
        self._flush()
        identity = self.identity(place.name)
        assert identity is not None
        return attrs.evolve(identity, changed=True)

    def move(self, name: str, to: str) -> None:
        """Have a pair take the place of another one."""
        (self.path / name).replace(self.path / to)
        self._flush()

    def sweep(self, name: str) -> None:
        """Remove the pairs of a name that nothing leads to."""
        led_to = {path.readlink().name for path in self.path.iterdir() if path.is_symlink()}
        for version in self.path.glob(f".{name}@*"):
            if version.is_dir() and not version.is_symlink() and version.name not in led_to:
                shutil.rmtree(version)

    def _link(self, name: str) -> Path:
        """Where a pair is found. Raises Conflict where something else is there."""
        link = self.path / name
        if link.exists() and not link.is_symlink():
            raise Conflict("the name is taken", f"{link} is none of the certificates that are made here")
        return link

    def _flush(self) -> None:
        _flush(self.path)


def _check(path: Path, found: os.stat_result) -> None:
    allowed = "a directory that belongs to whoever runs this, and that nobody else can write (chmod go-w)"
    if found.st_uid != os.geteuid():
        value = f"{path}, of uid {found.st_uid}"
    elif stat.S_IMODE(found.st_mode) & 0o022:
        value = f"{path}, mode {stat.S_IMODE(found.st_mode):04o}"
    else:
        return
    raise InvalidValue(table="pki", column="directory", value=value, allowed=allowed)


def _write(path: Path, content: bytes, mode: int) -> None:
    """A new file, on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
