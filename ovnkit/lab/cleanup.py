"""Removing a lab: its processes, namespaces and files, and nothing else; by its owner, its lifeline or the next start.

``python -m ovnkit.lab.cleanup DIRECTORY`` removes the lab of one directory if its owner is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ovnkit.errors import LabError
from ovnkit.lab import state as lab_state
from ovnkit.ovsdb.server import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ovnkit.lab.state import LabState

__all__ = ["Lifeline", "down", "remove", "remove_abandoned", "remove_namespace"]

_DEATH_SECONDS = 10.0
_POLL_SECONDS = 0.005

# The owner holds the other end of standard input: a line from it means that all is done, its end that it is gone.
_WATCH = 'read word && exit 0; exec "$@"'


def remove_abandoned() -> list[str]:
    """Remove all labs whose owner is gone and that were not kept; the names of these labs."""
    return _remove_all(lambda state: state.abandoned)


def down(name: str | None = None) -> list[str]:
    """Remove kept and abandoned labs (only the named one, if given) and return their names.

    A lab whose owner still runs and has not kept it stays. Raises LabError when the named lab is not there or is one
    of these.
    """
    known = {state.name: state for state in lab_state.recorded()}
    if name is not None:
        if name not in known:
            raise LabError(f"there is no lab {name}; there are: {', '.join(known) or 'none'}")
        if not (known[name].kept or known[name].abandoned):
            raise LabError(f"lab {name} is in use by process {known[name].owner.pid}; it goes when that process ends")
    return _remove_all(lambda state: name in (None, state.name) and (state.kept or state.abandoned))


def _remove_all(chosen: Callable[[LabState], bool]) -> list[str]:
    removed: list[str] = []
    if not lab_state.state_root().is_dir():
        return removed
    with lab_state.locked():
        for state in lab_state.recorded():
            if chosen(state):
                _remove(state)
                removed.append(state.name)
        lab_state.remove_drafts()
    return removed


def remove(state: LabState) -> None:
    """Remove one lab with all that is recorded as its own. Removing what is gone already changes nothing."""
    with lab_state.locked():
        if lab_state.LabState.load(state.directory) == state:
            _remove(state)


def _remove(state: LabState) -> None:
    _kill_processes(state.token)
    _delete_links(state.links)
    _delete_namespaces(state.namespaces)
    state.erase()


def remove_namespace(state: LabState, name: str) -> None:
    """Remove one namespace of a lab with the processes of the lab in it; the lab goes on."""
    inode = Path("/run/netns", name).stat().st_ino
    _kill_processes(state.token, lambda pid: (Path("/proc") / str(pid) / "ns/net").stat().st_ino == inode)
    _delete_namespaces((name,))


def _kill_processes(token: str, chosen: Callable[[int], bool] = lambda _: True) -> None:
    """Kill every chosen process with the lab's mark in its environment, and those that they start meanwhile."""
    deadline = time.monotonic() + _DEATH_SECONDS
    while marked := list(_marked(token, chosen)):
        for pidfd in marked:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        for pidfd in marked:
            # Readable when the process has ended with all of its threads.
            end = select.poll()
            end.register(pidfd, select.POLLIN)
            end.poll(max(deadline - time.monotonic(), 0) * 1000)
            os.close(pidfd)
        if time.monotonic() > deadline:
            raise LabError(f"{len(marked)} processes of the lab do not die within {_DEATH_SECONDS:g} s")


def _marked(token: str, chosen: Callable[[int], bool]) -> Iterator[int]:
    """A descriptor of each process of the lab: unlike a process id it never means another process."""
    mark = f"{lab_state.MARKER}={token}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            pidfd = os.pidfd_open(int(entry.name))
        except OSError:
            continue
        try:
            ours = mark in (entry / "environ").read_bytes().split(b"\0") and chosen(int(entry.name))
        except OSError:
            ours = False
        if ours:
            yield pidfd
        else:
            os.close(pidfd)


def _delete_links(names: tuple[str, ...]) -> None:
    there = {name for _, name in socket.if_nameindex()}
    for name in names:
        if name in there:
            # It goes with its peer's namespace as well, only later.
            subprocess.run([find_program("ip") or "ip", "link", "del", name], capture_output=True, check=False)


def _delete_namespaces(names: tuple[str, ...]) -> None:
    there = [name for name in names if Path("/run/netns", name).exists()]
    if not there:
        return
    commands = "".join(f"netns del {name}\n" for name in there)
    ip = find_program("ip") or "ip"
    outcome = subprocess.run([ip, "-force", "-batch", "-"], input=commands, capture_output=True, text=True, check=False)
    left = [name for name in there if Path("/run/netns", name).exists()]
    if left:
        why = outcome.stderr.strip().partition("\n")[0]
        raise LabError(f"cannot remove the network namespaces {', '.join(left)}: {why}")


class Lifeline:
    """A tiny process that removes the lab when its owner is gone without having done it: after SIGTERM or ``kill -9``.

    A process that the owner forks (without exec) holds the lifeline too, and the lab stays until that has ended or
    until the next start.
    """

    def __init__(self, state: LabState) -> None:
        package = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            ["sh", "-c", _WATCH, "sh", sys.executable, "-P", "-m", __name__, str(state.directory)],
            env={**os.environ, "PYTHONPATH": path},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def release(self) -> None:
        """Say that there is nothing to remove any more."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"done\n")
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _main(directory: Path) -> None:
    state = lab_state.LabState.load(directory)
    if state is None:
        return
    # The pipe closes a moment before the process is gone.
    deadline = time.monotonic() + _DEATH_SECONDS
    while state.owner.alive and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if state.abandoned:
        remove(state)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
