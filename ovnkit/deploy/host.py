"""A host beyond its database: running commands there, and its files."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Sequence
from typing import Final, Protocol

import attrs

from ovnkit.errors import HostFailed, InvalidValue

__all__ = ["CommandHost", "Host", "open_host"]

_ABSENT: Final = 44
"""The exit status by which a script says that a file is not there."""

_READ: Final = f'if [ -e "$1" ]; then cat -- "$1"; else exit {_ABSENT}; fi'
# A new file beside the old one, which is then replaced as a whole: no reader sees half of it.
_WRITE: Final = """\
umask 077
cat >"$1.ovnkit" && chmod "$2" "$1.ovnkit" && mv -f -- "$1.ovnkit" "$1" || { rm -f -- "$1.ovnkit"; exit 1; }
"""
_SSH: Final = re.compile(
    r"ssh://(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?"
)
_SSH_OPTIONS: Final = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")


class Host(Protocol):
    """What ovnkit asks of a host; anything that has these methods will do."""

    @property
    def name(self) -> str:
        """What errors call it."""
        ...

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
        """Run a command and return what it prints. Raises HostFailed."""
        ...

    def read(self, path: str) -> str | None:
        """The text of a file, None where it is not there. Raises HostFailed."""
        ...

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Replace a file, or make it, all of it or nothing; its directory has to be there. Raises HostFailed."""


@attrs.frozen
class CommandHost:
    """A host that is reached by putting words before a command: none for this machine, ``docker exec -i NAME``, ssh.

    ``name`` is what errors call it. ``quoted``: the words take one text for a shell, as ssh does.
    """

    name: str
    prefix: tuple[str, ...] = ()
    quoted: bool = False

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
        """Run a command, for at most ``timeout`` seconds, and return what it prints. Raises HostFailed."""
        status, output, errors = self._run(argv, stdin, timeout)
        if status:
            raise HostFailed(self.name, _named(argv), status, errors or output)
        return output

    def read(self, path: str) -> str | None:
        """The text of a file, None where it is not there. Raises HostFailed."""
        status, output, errors = self._run(["sh", "-c", _READ, "read", path], "", 30.0)
        if status == _ABSENT:
            return None
        if status:
            raise HostFailed(self.name, f"reading {path}", status, errors)
        return output

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Replace a file, or make it, all of it or nothing. Raises HostFailed."""
        status, output, errors = self._run(["sh", "-c", _WRITE, "write", path, f"{mode:o}"], text, 30.0)
        if status:
            raise HostFailed(self.name, f"writing {path}", status, errors or output)

    def _run(self, argv: Sequence[str], stdin: str, timeout: float) -> tuple[int, str, str]:
        command = [*self.prefix, *([shlex.join(argv)] if self.quoted else argv)]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as exc:
            raise HostFailed(self.name, _named(argv), None, str(exc)) from exc
        with child:
            try:
                output, errors = child.communicate(stdin.encode("utf-8", "surrogateescape"), timeout=timeout)
            except BaseException as exc:
                # With what it has started, which may hold the pipes.
                os.killpg(child.pid, signal.SIGKILL)
                if not isinstance(exc, subprocess.TimeoutExpired):
                    raise
                raise HostFailed(self.name, _named(argv), None, f"no end within {timeout:g} s") from None
        return child.returncode, output.decode("utf-8", "surrogateescape"), errors.decode("utf-8", "surrogateescape")


def _named(argv: Sequence[str]) -> str:
    """A command as errors show it: of a script of several lines the name that it goes by, and its arguments."""
    is_script = tuple(argv[:2]) == ("sh", "-c") and len(argv) > 2 and "\n" in argv[2]
    return shlex.join(["sh", "-c", "…", *argv[3:]] if is_script else argv)


def open_host(access: str | Sequence[str], name: str) -> CommandHost:
    """The host behind ``local``, ``ssh://[USER@]HOST[:PORT]`` or the words before a command; ``name`` is its name.

    ssh is OpenSSH's, with the keys and settings of whoever runs it; it asks no questions. Raises InvalidValue.
    """
    if access == "local":
        return CommandHost(name)
    allowed = "local, ssh://[USER@]HOST[:PORT], or a list of words that are put before a command"
    if isinstance(access, str):
        found = _SSH.fullmatch(access)
        if found is None or not 0 < int(found[3] or 22) <= 65535:
            raise InvalidValue(table="host", column="access", value=access, allowed=allowed)
        user = ("-l", found[1]) if found[1] else ()
        port = ("-p", found[3]) if found[3] else ()
        return CommandHost(name, ("ssh", *_SSH_OPTIONS, *user, *port, "--", found[2].strip("[]")), quoted=True)
    words: tuple[object, ...] = tuple(access)
    if not words or not all(isinstance(word, str) and word and "\0" not in word for word in words):
        raise InvalidValue(table="host", column="access", value=access, allowed=allowed)
    return CommandHost(name, tuple(access))
