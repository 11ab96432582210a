"""Plugging a namespace into the integration bridge of a host, as a hypervisor plugs a virtual machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ovnkit.lab.namespaces import configure
from ovnkit.lab.processes import program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ovnkit.lab.host import Host
    from ovnkit.lab.processes import Launcher

__all__ = ["INTERFACE", "MTU", "Attachment", "disable_checksum_offload"]

INTERFACE = "eth0"
MTU = 1400


@attrs.frozen
class Attachment:
    """A veth pair: ``eth0`` inside, a port of the integration bridge on the host."""

    launcher: Launcher
    host: Host
    interface: str
    mac: str

    def plug(self, iface_id: str, *, mtu: int = MTU, commands: Iterable[str] = ()) -> None:
        """Make the pair, run further ``ip`` commands inside, and bind the host's end to a logical port.

        Raises LabError.
        """
        inside = self.launcher.namespace
        peer = f"peer name {INTERFACE} address {self.mac} netns {inside}"
        configure(
            self.host.namespace,
            [f"link add {self.interface} type veth {peer}", f"link set {self.interface} mtu {mtu} up"],
        )
        disable_checksum_offload(self.launcher, INTERFACE)
        configure(inside, [f"link set {INTERFACE} mtu {mtu} up", *commands])
        self.host.plug(self.interface, iface_id, self.mac)

    def unplug(self) -> None:
        """Unbind the logical port and remove the pair, as far as they are there."""
        self.host.unplug(self.interface)
        if self.host.run([program("ip"), "link", "show", self.interface], check=False).returncode == 0:
            configure(self.host.namespace, [f"link del {self.interface}"])


def disable_checksum_offload(launcher: Launcher, interface: str) -> None:
    """Have the kernel fill in checksums: nothing behind the userspace datapath would. Ping works without, TCP hangs."""
    launcher.run([program("ethtool"), "-K", interface, "tx", "off"])
