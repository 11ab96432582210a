"""The database of a host from where ovnkit runs: directly, or through a socket that OpenSSH forwards."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ovnkit.deploy.host import open_host
from ovnkit.errors import HostFailed, InvalidRemote
from ovnkit.places import default_remote
from ovnkit.remote import Remote, parse_remotes

__all__ = ["check_ovsdb", "reached", "servers_of", "ssh_access"]

_SSH: Final = re.compile(r"(ssh://[^/]+)(/[!-~]*)?")
_SOCKET: Final = "/run/openvswitch/db.sock"
_PAUSE: Final = 0.02


def ssh_access(ovsdb: str | None) -> str | None:
    """The host of ``ssh://[USER@]HOST[:PORT][/SOCKET]``, as ``open_host()`` takes it; None for any other."""
    found = None if ovsdb is None else _SSH.fullmatch(ovsdb)
    return None if found is None else found[1]


def check_ovsdb(ovsdb: str) -> None:
    """Raise InvalidValue or InvalidRemote for what is no way to a database."""
    access = ssh_access(ovsdb)
    if access is not None:
        open_host(access, "")
    elif ovsdb.startswith("ssh:"):
        raise InvalidRemote(ovsdb, "ssh://[USER@]HOST[:PORT][/SOCKET] is what it takes")
    else:
        parse_remotes(ovsdb)


def servers_of(ovsdb: str | None) -> tuple[Remote, ...]:
    """The servers of a connection string, None for the default socket; none where ssh leads to one."""
    if ssh_access(ovsdb) is not None:
        return ()
    return parse_remotes(default_remote("Open_vSwitch") if ovsdb is None else ovsdb)


@contextmanager
def reached(ovsdb: str | None, *, timeout: float) -> Iterator[str | None]:
    """The connection string to use for the database of a host, while the block lasts.

    For ``ssh://`` that is a socket of this user's own, which OpenSSH forwards; it has ``timeout`` seconds for that.
    Raises HostFailed.
    """
    access = ssh_access(ovsdb)
    if ovsdb is None or access is None:
        yield ovsdb
        return
    there = ovsdb.removeprefix(access) or _SOCKET
    with tempfile.TemporaryDirectory(prefix="ovnkit-ssh-") as directory, tempfile.TemporaryFile() as said:
        here = Path(directory) / "db.sock"
        program, *words = open_host(access, access).prefix
        argv = [program, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{here}:{there}", *words]
        child = _started(access, argv, said)
        try:
            _wait(child, here, access, said, timeout)
            yield f"unix:{here}"
        finally:
            child.terminate()
            child.wait()


def _started(name: str, argv: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    try:
        return subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=said, start_new_session=True)
    except OSError as exc:
        raise HostFailed(name, "ssh", None, str(exc)) from exc


def _wait(child: subprocess.Popen[bytes], socket: Path, name: str, said: IO[bytes], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not socket.exists():
        status = child.poll()
        if status is None and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            continue
        said.seek(0)
        output = said.read().decode(errors="replace")
        raise HostFailed(name, "ssh", status, output or f"no connection within {timeout:g} s")
