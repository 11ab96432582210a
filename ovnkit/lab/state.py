"""The record of a lab on disk: who owns it and which namespaces are its own, written before they are made."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from ovnkit.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MARKER", "LabState", "Owner", "locked", "recorded", "remove_drafts", "state_root"]

MARKER = "OVNKIT_LAB"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_OWNER = "owner.json"
_KEPT = "kept"
_NAMESPACES = "namespaces"
_LINKS = "links"
_NEW = ".new-"
_DRAFT = re.compile(re.escape(_NEW) + r"(?P<pid>\d+)-(?P<started>\d+)-")
_DEFAULT_ROOT = "/run/ovnkit/lab"


def state_root() -> Path:
    """Where labs are recorded: ``OVNKIT_LAB_DIR``, or ``/run/ovnkit/lab``."""
    return Path(os.environ.get("OVNKIT_LAB_DIR") or _DEFAULT_ROOT)


@attrs.frozen
class Owner:
    """The process that started a lab; its start time and the boot tell it from a later process with its number."""

    pid: int
    started: int
    boot: str

    @classmethod
    def this_process(cls) -> Self:
        """The process that we are."""
        return cls(os.getpid(), _start_time(os.getpid()), _boot())

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.boot == _boot() and _start_time(self.pid) == self.started


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int:
    """Clock ticks from boot to the start of a process, 0 if it is gone or a zombie; proc(5), field 22 of stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


@attrs.frozen
class LabState:
    """A lab as recorded in its directory. ``token`` marks the environment of each of its processes."""

    directory: Path
    owner: Owner
    token: str

    @classmethod
    def create(cls, name: str | None = None) -> Self:
        """Claim a name (a free one if None) for this process. Raises LabError when the name is bad or taken."""
        if name is not None and not _NAME.fullmatch(name):
            raise LabError(f"lab name {name!r}: up to 20 small letters, digits and dashes are allowed")
        root = state_root()
        owner = Owner.this_process()
        token = secrets.token_hex(8)
        draft = root / f"{_NEW}{owner.pid}-{owner.started}-{token}"
        draft.mkdir(parents=True)
        (draft / _OWNER).write_text(json.dumps({**attrs.asdict(owner), "token": token}))
        while True:
            directory = root / (name or secrets.token_hex(2))
            try:
                # A directory appears with its owner in it, or not at all; rename replaces an empty directory only.
                draft.rename(directory)
            except OSError:
                if name is not None:
                    shutil.rmtree(draft)
                    raise LabError(_taken(directory)) from None
            else:
                return cls(directory, owner, token)

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """The lab of a directory, or None if the directory records none."""
        try:
            stored = json.loads((directory / _OWNER).read_text())
            return cls(directory, Owner(stored["pid"], stored["started"], stored["boot"]), stored["token"])
        except (OSError, ValueError, KeyError):
            return None

    @property
    def name(self) -> str:
        """Its name, which is its directory's."""
        return self.directory.name

    @property
    def kept(self) -> bool:
        """Whether its owner asked to leave it running."""
        return (self.directory / _KEPT).exists()

    @property
    def abandoned(self) -> bool:
        """Whether its owner is gone and did not ask to keep it; after a reboot there is nothing to keep."""
        if self.owner.boot != _boot():
            return True
        return not self.owner.alive and not self.kept

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Its namespaces, made or about to be made."""
        return self._record(_NAMESPACES)

    def keep(self) -> None:
        """Leave it to ``down``, whatever becomes of its owner."""
        (self.directory / _KEPT).touch()

    def record_namespaces(self, names: Iterable[str]) -> None:
        """Write down namespaces that are about to be made. Raises LabError if one of them is already there."""
        names = tuple(names)
        there = set(self.namespaces)
        for name in names:
            if name in there and Path("/run/netns", name).exists():
                raise LabError(f"the lab {self.name} already has something called {name.removeprefix(self.prefix)}")
            if Path("/run/netns", name).exists():
                raise LabError(
                    f"network namespace {name} exists and is not of this lab; remove it: ip netns del {name}"
                )
        with (self.directory / _NAMESPACES).open("a") as record:
            record.write("".join(f"{name}\n" for name in names))

    @property
    def links(self) -> tuple[str, ...]:
        """Interfaces of this lab that are in no namespace of its own."""
        return self._record(_LINKS)

    def record_link(self, name: str) -> None:
        """Write down a link that is about to be made. Raises LabError if there is one of that name."""
        if any(there == name for _, there in socket.if_nameindex()):
            raise LabError(f"interface {name} exists and is not of this lab; remove it: ip link del {name}")
        with (self.directory / _LINKS).open("a") as record:
            record.write(f"{name}\n")

    def _record(self, name: str) -> tuple[str, ...]:
        try:
            return tuple((self.directory / name).read_text().split())
        except FileNotFoundError:
            return ()

    @property
    def prefix(self) -> str:
        """What the names of its namespaces begin with."""
        return f"ovnkit-{self.name}-"

    def erase(self) -> None:
        """Remove the directory; its owner goes last, so that an interrupted removal can be taken up again."""
        for entry in self.directory.iterdir():
            if entry.name == _OWNER:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (self.directory / _OWNER).unlink()
        self.directory.rmdir()


def _taken(directory: Path) -> str:
    there = LabState.load(directory)
    if there is None:
        return f"{directory} is not a lab's; remove it or choose another name"
    if there.kept:
        return f"lab {there.name} was kept; remove it with: ovnkit lab down"
    return f"lab {there.name} is in use by process {there.owner.pid}; choose another name"


def recorded() -> list[LabState]:
    """All labs that this machine has a record of, those without an owner's word left out."""
    root = state_root()
    if not root.is_dir():
        return []
    states = (LabState.load(directory) for directory in sorted(root.iterdir()) if directory.is_dir())
    return [state for state in states if state is not None]


def remove_drafts() -> None:
    """Remove what a start or a removal that was killed has left: an empty directory without an owner."""
    for directory in state_root().iterdir():
        draft = _DRAFT.match(directory.name)
        being_made = draft is not None and _start_time(int(draft["pid"])) == int(draft["started"])
        if directory.is_dir() and not being_made and not any(directory.iterdir()):
            directory.rmdir()


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock under which labs are removed, so that two starts do not remove the same one."""
    root = state_root()
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
