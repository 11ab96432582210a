"""The ovn-controller of a host in a sequence: whether it runs, ending it gracefully, and starting it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

import attrs

from ovnkit.deploy.daemons import START_CONTROLLER, controller_runs, end_controller, start_controller
from ovnkit.deploy.site import Site
from ovnkit.southbound.rows import Chassis

__all__ = ["STOP_CONTROLLER", "Controller"]

STOP_CONTROLLER: Final = ("ovn-appctl", "-t", "ovn-controller", "exit")
"""ovn-controller(8): it ends, and takes its rows out of OVN_Southbound; SIGTERM would leave them."""


@attrs.frozen
class Controller:
    """ovn-controller of one host, and the commands that end it gracefully and start it there."""

    site: Site
    stop_command: Sequence[str] = STOP_CONTROLLER
    start_command: Sequence[str] = START_CONTROLLER

    def is_running(self, chassis: str) -> bool:
        """Whether it answers; without access to the host, whether this chassis is registered.

        Raises HostFailed where nobody can be asked.
        """
        access = self.site.access
        return bool(self.site.sb.find(Chassis, name=chassis)) if access is None else controller_runs(access)

    def stop(self) -> None:
        """End it. Raises NeedsHost, HostFailed and Timeout."""
        what = "ending ovn-controller (if it was killed already, remove_chassis() of the Southbound client instead)"
        host = self.site.beyond(what, shlex.join(self.stop_command))
        if tuple(self.stop_command) == STOP_CONTROLLER:
            end_controller(host, self.start_command, timeout=self.site.timeout)
        else:
            host.run(list(self.stop_command), timeout=self.site.timeout)

    def start(self) -> None:
        """Start it, and wait until it answers. Raises NeedsHost, HostFailed and Timeout."""
        host = self.site.beyond("starting ovn-controller", shlex.join(self.start_command))
        start_controller(host, self.start_command, timeout=self.site.timeout)
