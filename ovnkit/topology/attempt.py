"""Where a database was looked for and with what outcome: the steps of ``connect()``, as values and in words."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from ovnkit.places import Place
from ovnkit.remote import Remote

__all__ = ["Attempt", "attempt", "failed", "in_words"]

_DEFAULT_PORT = 6640


@attrs.frozen
class Attempt:
    """One place where a database was looked for. Prints itself on one line.

    ``database`` is OVSDB's name of it, ``source`` who names the place, ``remote`` the connection string ("" where none
    was found out), ``trouble`` why it is not the one that is used ("" where it is), ``errno`` the system's number for
    that where there is one.
    """

    database: str
    source: str
    remote: str
    trouble: str = ""
    errno: int | None = None

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.source, self.remote)))
        return f"{self.database}: {where}: {self.trouble or 'connected'}"


def attempt(database: str, place: Place) -> Attempt:
    """Of a place that was used, or where there was nothing to be tried."""
    trouble = place.trouble if isinstance(place.trouble, str) else _of_path(place.trouble)
    code = None if isinstance(place.trouble, str) else place.trouble.errno
    return Attempt(database, place.source, place.remote, trouble, code)


def failed(database: str, place: Place, failures: Mapping[Remote, OSError]) -> Attempt:
    """Of a place where no server could be connected to."""
    several = len(failures) > 1
    reasons = [
        f"{remote}: {in_words(remote, exc)}" if several else in_words(remote, exc) for remote, exc in failures.items()
    ]
    return Attempt(database, place.source, place.remote, "; ".join(reasons), next(iter(failures.values())).errno)


def in_words(remote: Remote, exc: OSError) -> str:
    """Why a connection cannot be opened, and what to do about it."""
    match exc.errno:
        case errno.EACCES | errno.EPERM if remote.scheme == "unix":
            reason = _denied(Path(remote.path))
        case errno.ENOENT:
            reason = "there is no such socket"
        case errno.ECONNREFUSED if remote.scheme == "unix":
            reason = "no server listens at this socket any more; start it again"
        case errno.ECONNREFUSED:
            reason = "no server listens there; set-connection of ovn-nbctl and ovn-sbctl tells one to"
            if remote.port == _DEFAULT_PORT:
                reason += ". Northbound is usually at port 6641, and Southbound at 6642"
        case None | errno.ETIMEDOUT:
            reason = "no answer; is the address right, and does a firewall let this through?"
            return reason if isinstance(exc, TimeoutError) else str(exc)
        case _:
            reason = exc.strerror or str(exc)
    return f"{_name(exc)}: {reason}"


def _name(exc: OSError) -> str:
    return errno.errorcode.get(exc.errno or 0, "error")


def _of_path(exc: OSError) -> str:
    path = Path(exc.filename)
    if exc.errno in (errno.EACCES, errno.EPERM):
        return f"{_name(exc)}: {_denied(path)}"
    return f"{_name(exc)}: {f'there is no {path}' if exc.errno == errno.ENOENT else exc.strerror}"


def _denied(path: Path) -> str:
    """Which part of a path is in the way, whose it is, and who may pass."""
    for part in (*reversed(path.parents), path):
        try:
            found = part.stat()
        except OSError:
            break
        is_directory = stat.S_ISDIR(found.st_mode)
        is_socket = stat.S_ISSOCK(found.st_mode)
        needed = os.X_OK if is_directory else os.W_OK if is_socket else os.R_OK
        if os.access(part, needed, effective_ids=True):
            continue
        group = _group(found.st_gid)
        mode = stat.S_IMODE(found.st_mode)
        remedy = "run as root, with sudo"
        # The bit of the group that stands for what is needed.
        if mode & (needed << 3):
            remedy += f", or join the group {group}"
        return f"{part} belongs to {_user(found.st_uid)}:{group}, mode {mode:04o}; {remedy}"
    return "this is not permitted; run as root, with sudo"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
