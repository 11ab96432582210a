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
_NOBODY: Final = ("No such file or directory", "Connection refused")
"""What ovn-appctl(8) says where nobody listens. That it may not ask, or is not there itself, is something else."""


_ENDING: Final = ("Connection reset by peer", "End of file")
"""What it says where somebody does who is just about to end."""


@attrs.frozen
class Controller:
    """ovn-controller of one host, and the commands that end it gracefully and start it there."""

    site: Site
    stop_command: Sequence[str] = STOP
    start_command: Sequence[str] = START

    def is_running(self, chassis: str) -> bool:
        """Whether it answers; without access to the host, whether this chassis is registered.

        Raises HostFailed where nobody can be asked.
        """
        if self.site.access is None:
            return bool(self.site.sb.find(Chassis, name=chassis))
        try:
            self.site.run("asking ovn-controller", _ASK)
        except HostFailed as exc:
            if exc.status != 1 or not any(words in exc.output for words in (*_NOBODY, *_ENDING)):
                raise
            return any(words in exc.output for words in _ENDING)
        return True

    def stop(self) -> None:
        """End it. Raises NeedsHost and HostFailed."""
        what = "ending ovn-controller (if it was killed already, remove_chassis() of the Southbound client instead)"
        self.site.run(what, self.stop_command)

    def start(self) -> None:
        """Start it. Raises NeedsHost and HostFailed."""
        self.site.run("starting ovn-controller", self.start_command)
