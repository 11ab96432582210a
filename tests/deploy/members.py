"""Hosts for the central services on this machine: each with its own directories, at its own loopback address."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from ovnkit.deploy import Central, CommandHost, Member, Spec, open_host

__all__ = ["Members", "members"]

_NUMBERS = itertools.count(1)


@attrs.frozen
class Members:
    """``count`` hosts, called s1, s2 and so on; nothing runs on them yet."""

    directory: Path
    names: tuple[str, ...]
    addresses: Mapping[str, str]

    def access(self, name: str) -> tuple[str, ...]:
        """The words before a command that run it with the directories of a host."""
        place = self.place(name)
        kinds = {"RUNDIR": place, "DBDIR": place, "LOGDIR": place, "SYSCONFDIR": place}
        return ("env", *(f"{family}_{kind}={path}" for family in ("OVN", "OVS") for kind, path in kinds.items()))

    def place(self, name: str) -> Path:
        """The directory of a host."""
        return self.directory / name

    def host(self, name: str) -> CommandHost:
        return open_host(self.access(name), name)

    def spec(self, *names: str, **fields: Any) -> Spec:
        """A spec of these hosts, or of all, whose clients come by sockets.

        All members of a cluster listen at the same port, which on one machine only the first would get.
        """
        chosen = names or self.names
        made = [Member(host=name, address=self.addresses[name], access=self.access(name)) for name in chosen]
        remotes = {
            database: ",".join(f"unix:{self.place(name)}/{stem}.sock" for name in chosen)
            for database, stem in (("northbound", "ovnnb_db"), ("southbound", "ovnsb_db"))
        }
        wanted: dict[str, Any] = {"members": made, "insecure": True, **remotes, **fields}
        return Spec(central=Central(**wanted))

    def listening(self, name: str, **fields: Any) -> Spec:
        """A spec of one host, which listens at its address."""
        member = Member(host=name, address=self.addresses[name], access=self.access(name))
        wanted: dict[str, Any] = {"members": [member], **fields}
        return Spec(central=Central(**wanted))

    def pid(self, name: str, daemon: str) -> int:
        """The process of a daemon, by its pidfile."""
        return int((self.place(name) / f"{daemon}.pid").read_text())

    def kill(self, name: str, daemon: str) -> None:
        """SIGKILL, after which its monitor does not start it again; returns when it is gone."""
        pid = self.pid(name, daemon)
        os.kill(pid, signal.SIGKILL)
        _wait_gone(pid)

    def close(self) -> None:
        """Kill everything that has left a pidfile."""
        for path in self.directory.glob("*/*.pid"):
            text = path.read_text().strip()
            if text.isdigit() and path.stem in _command_line(int(text)):
                _end(int(text))


@contextmanager
def members(count: int = 3) -> Iterator[Members]:
    """Hosts on this machine until the block ends, when all their daemons are killed."""
    # Short: the path of a Unix socket in it has at most 107 bytes. Nobody else on this machine has these addresses.
    with tempfile.TemporaryDirectory(prefix="ovnkit-m-") as directory:
        names = tuple(f"s{number}" for number in range(1, count + 1))
        process, number = os.getpid() % 65536, next(_NUMBERS) % 64
        addresses = {
            name: f"127.{process >> 8}.{process & 255}.{number * 4 + index}" for index, name in enumerate(names)
        }
        found = Members(Path(directory), names, addresses)
        for name in names:
            found.place(name).mkdir()
        try:
            yield found
        finally:
            found.close()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _end(pid: int) -> None:
    # Its monitor first, which would start it again.
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for one in (*((parent,) if "monitoring pid" in _command_line(parent) else ()), pid):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _wait_gone(pid)


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while _command_line(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
