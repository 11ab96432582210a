"""The programs of Open vSwitch and OVN on a host, where they are installed or in Kolla's containers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from ovnkit.deploy.host import Host
from ovnkit.errors import HostFailed, Timeout

__all__ = [
    "START_CONTROLLER",
    "controller_runs",
    "end_controller",
    "restart_controller",
    "run_program",
    "start_controller",
]

START_CONTROLLER: Final = ("systemctl", "start", "ovn-controller")
"""What starts ovn-controller where a distribution has installed it."""

_CONTAINERS: Final = {"ovs-ofctl": "openvswitch_vswitchd", "ovn-appctl": "ovn_controller"}
_RUN: Final = """\
container=$1; program=$2; shift 2
command -v "$program" >/dev/null && exec "$@"
for engine in docker podman; do
  command -v "$engine" >/dev/null && exec "$engine" exec -i "$container" "$@"
done
exec "$@"
"""
_APPCTL: Final = "ovn-appctl"
_CONTROLLER: Final = (_APPCTL, "-t", "ovn-controller")
_NOBODY: Final = ("No such file or directory", "Connection refused", "is not running", "exec sessions on running")
"""What ovn-appctl(8) says where nobody listens, and docker and podman where its container has ended.

That it may not ask, or is not there itself, is something else.
"""
_ENDING: Final = ("Connection reset by peer", "End of file")
"""What it says where somebody does who is just about to end."""
_PROCESS: Final = 'cat "${OVN_RUNDIR-/var/run/ovn}/ovn-controller.pid"'
_PAUSE: Final = 0.1
_BETWEEN_STARTS: Final = 2.0
"""After a start that came to nothing it is tried again, so many seconds later."""


def run_program(host: Host, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
    """Run ``ovs-ofctl`` or ``ovn-appctl``, in Kolla's container where the host itself has none. Raises HostFailed."""
    return _run_where(host, argv[0], argv, stdin=stdin, timeout=timeout)


def _run_where(host: Host, program: str, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
    """Run a command where a program is: on the host, or in its container."""
    return host.run(["sh", "-c", _RUN, "run", _CONTAINERS[program], program, *argv], stdin=stdin, timeout=timeout)


def controller_runs(host: Host) -> bool:
    """Whether an ovn-controller answers on the host. Raises HostFailed where nobody can be asked."""
    try:
        run_program(host, [*_CONTROLLER, "version"])
    except HostFailed as exc:
        if exc.status != 1 or not any(words in exc.output for words in (*_NOBODY, *_ENDING)):
            raise
        return any(words in exc.output for words in _ENDING)
    return True


def end_controller(host: Host, command: Sequence[str], *, restart: bool = False, timeout: float) -> None:
    """Have ovn-controller end, if it runs, and wait for that, at most ``timeout`` seconds (ovn-controller(8)).

    It takes its rows out of Southbound; with ``restart`` it leaves them and the flows as they are. ``command``: as for
    start_controller(); where something else starts it again at once, nothing is waited for. Raises HostFailed, and
    Timeout.
    """
    if not controller_runs(host):
        return
    process = _run_where(host, _APPCTL, ["sh", "-c", _PROCESS]).strip()
    run_program(host, [*_CONTROLLER, "exit", *(["--restart"] if restart else [])])
    deadline = time.monotonic() + timeout
    # It answers no more before it has ended, and then takes the pidfile along, also that of one started until then.
    while command and _is_there(host, process):
        if time.monotonic() > deadline:
            raise Timeout(f"ovn-controller of {host.name} to end", timeout)
        time.sleep(_PAUSE)


def _is_there(host: Host, process: str) -> bool:
    try:
        _run_where(host, _APPCTL, ["sh", "-c", 'kill -0 "$1"', "kill", process])
    except HostFailed as exc:
        # Its container may have ended with it, which its engine says in its own way.
        if exc.status is None:
            raise
        return False
    return True


def start_controller(host: Host, command: Sequence[str], *, timeout: float) -> None:
    """Start ovn-controller by a command, and wait until it answers; without words in it something else starts it.

    Raises HostFailed, and Timeout.
    """
    deadline = time.monotonic() + timeout
    next_start = time.monotonic()
    while not controller_runs(host):
        now = time.monotonic()
        if now > deadline:
            raise Timeout(f"ovn-controller of {host.name} to answer", timeout)
        # A service manager that has not yet seen the end of the last one does nothing.
        if command and now >= next_start:
            host.run(list(command))
            next_start = now + _BETWEEN_STARTS
        else:
            time.sleep(_PAUSE)


def restart_controller(host: Host, command: Sequence[str], *, timeout: float) -> None:
    """Have ovn-controller take everything up anew; what it has in Southbound stays meanwhile.

    ``command``: as for start_controller(). Raises HostFailed, and Timeout where it does not end.
    """
    end_controller(host, command, restart=True, timeout=timeout)
    start_controller(host, command, timeout=timeout)
