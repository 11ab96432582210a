"""The ovn-controller of a host: whether it runs, ending it and starting it, by commands on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from ovnkit.deploy.site import Site
from ovnkit.errors import HostFailed
from ovnkit.southbound.rows import Chassis

__all__ = ["START", "STOP", "Controller"]

STOP: Final = ("ovn-appctl", "-t", "ovn-controller", "exit")
"""ovn-controller(8): it ends, and takes its rows out of OVN_Southbound; SIGTERM would leave them."""

START: Final = ("systemctl", "start", "ovn-controller")

_ASK: Final = ("ovn-appctl", "-t", "ovn-controller", "version")
_SSH_FAILED: Final = 255


@attrs.frozen
class Controller:
    """ovn-controller of one host, and the commands that end it gracefully and start it there."""

    site: Site
    stop_command: Sequence[str] = STOP
    start_command: Sequence[str] = START

    def is_running(self, chassis: str) -> bool:
        """Whether it answers; without access to the host, whether this chassis is registered.

        Raises HostFailed where the host does not answer.
        """
        if self.site.access is None:
            return bool(self.site.sb.find(Chassis, name=chassis))
        try:
            self.site.run("asking ovn-controller", _ASK)
        except HostFailed as exc:
            if exc.status is None or exc.status == _SSH_FAILED:
                raise
            return False
        return True

    def stop(self) -> None:
        """End it. Raises NeedsHost and HostFailed."""
        self.site.run("ending ovn-controller", self.stop_command)

    def start(self) -> None:
        """Start it. Raises NeedsHost and HostFailed."""
        self.site.run("starting ovn-controller", self.start_command)
