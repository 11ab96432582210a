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
container=$1; shift
command -v "$1" >/dev/null && exec "$@"
for engine in docker podman; do
  command -v "$engine" >/dev/null && exec "$engine" exec -i "$container" "$@"
done
exec "$@"
"""
_PAUSE: Final = 0.1
_CONTROLLER: Final = ("ovn-appctl", "-t", "ovn-controller")


def run_program(host: Host, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
    """Run ``ovs-ofctl`` or ``ovn-appctl``, in Kolla's container where the host itself has none. Raises HostFailed."""
    return host.run(["sh", "-c", _RUN, "run", _CONTAINERS[argv[0]], *argv], stdin=stdin, timeout=timeout)


def controller_runs(host: Host) -> bool:
    """Whether an ovn-controller answers on the host. Raises HostFailed where nobody can be asked."""
    try:
        run_program(host, [*_CONTROLLER, "version"])
    except HostFailed as exc:
        # 1 is what ovn-appctl ends with where nothing listens; anything else says that it could not be asked.
        if exc.status == 1:
            return False
        raise
    return True


def end_controller(host: Host, command: Sequence[str], *, restart: bool = False, timeout: float) -> None:
    """Have ovn-controller end, if it runs, and wait for that, at most ``timeout`` seconds (ovn-controller(8)).

    It takes its rows out of Southbound; with ``restart`` it leaves them and the flows as they are. ``command``: as for
    start_controller(); where something else starts it again at once, nothing is waited for. Raises HostFailed, and
    Timeout.
    """
    if controller_runs(host):
        run_program(host, [*_CONTROLLER, "exit", *(["--restart"] if restart else [])])
    deadline = time.monotonic() + timeout
    while command and controller_runs(host):
        if time.monotonic() > deadline:
            raise Timeout(f"ovn-controller of {host.name} to end", timeout)
        time.sleep(_PAUSE)


def start_controller(host: Host, command: Sequence[str]) -> None:
    """Start ovn-controller by a command; without words in it something else on the host starts it again."""
    if command:
        host.run(list(command))


def restart_controller(host: Host, command: Sequence[str], *, timeout: float) -> None:
    """Have ovn-controller take everything up anew; what it has in Southbound stays meanwhile.

    ``command``: as for start_controller(). Raises HostFailed, and Timeout where it does not end.
    """
    # Started before the old one has ended, it would not be there afterwards.
    end_controller(host, command, restart=True, timeout=timeout)
    start_controller(host, command)
