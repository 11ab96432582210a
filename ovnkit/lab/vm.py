"""A virtual machine of the lab: a namespace behind a logical switch port."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from ovnkit.errors import LabError
from ovnkit.lab.attachment import INTERFACE, MTU, Attachment
from ovnkit.lab.dhcp import Lease, obtain_lease
from ovnkit.lab.endpoint import Endpoint
from ovnkit.northbound import DHCPOptions, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Add

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ovnkit.lab.host import Host
    from ovnkit.lab.processes import Launcher
    from ovnkit.northbound import Northbound

__all__ = ["VM", "add_port", "checked_address", "port_mac"]


class VM(Endpoint):
    """A virtual machine: ``eth0`` with one address, bound to the logical port that is named ``port``."""

    def __init__(self, name: str, launcher: Launcher, directory: Path, *, port: str, attachment: Attachment) -> None:
        super().__init__(name, launcher, directory)
        self.port = port
        self.lease: Lease | None = None
        self._attachment = attachment
        self._address: str | None = None

    @property
    def host(self) -> Host:
        """The host that it runs on."""
        return self._attachment.host

    @property
    def mac(self) -> str:
        """Its MAC address."""
        return self._attachment.mac

    @property
    def interface(self) -> str:
        """The interface on its host that it is plugged in by."""
        return self._attachment.interface

    @property
    def address(self) -> str:
        """Its IPv4 address, set or leased. Raises LabError when it has none."""
        if self._address is None:
            raise LabError(f"virtual machine {self.name} has no address: give it one, or obtain a lease")
        return self._address

    def plug(self, *, address: str | None, gateway: str | None, routes: Mapping[str, str], mtu: int = MTU) -> None:
        """Plug it in, with a static address (``10.0.0.5/24``), a default gateway and further routes, if given."""
        commands: list[str] = []
        if address is not None:
            commands.append(f"address add {address} dev {INTERFACE}")
            self._address = str(IPv4Interface(address).ip)
        if gateway is not None:
            commands.append(f"route add default via {gateway}")
        commands += [f"route add {destination} via {hop}" for destination, hop in routes.items()]
        self._attachment.plug(self.port, mtu=mtu, commands=commands)

    def obtain_lease(self, *, timeout: float = 10.0) -> Lease:
        """Ask for an address by DHCP; it replaces the one that there is. Raises LabError when none is granted."""
        self.lease = obtain_lease(self.launcher, INTERFACE, self.directory, timeout=timeout)
        self._address = self.lease.address
        return self.lease

    def unplug(self) -> None:
        """Unbind its port and remove its link."""
        self._attachment.unplug()


def checked_address(address: str) -> IPv4Interface:
    """An address with its prefix length. Raises LabError without one."""
    try:
        interface = IPv4Interface(address)
    except ValueError as error:
        raise LabError(f"address {address!r}: {error}") from None
    if "/" not in address:
        raise LabError(f"address {address!r} needs its prefix length: {address}/24")
    return interface


def port_mac(northbound: Northbound, port: str) -> str | None:
    """The MAC address of a logical port, None if there is no such port or it has none."""
    for row in northbound.find(LogicalSwitchPort, name=port):
        for addresses in (*row.addresses, row.dynamic_addresses or ""):
            first = addresses.split(" ")[0]
            if ":" in first:
                return first
    return None


def add_port(
    northbound: Northbound, switch: str, port: str, *, mac: str, address: IPv4Interface | None, dhcp: bool
) -> None:
    """Make the logical port of a virtual machine; without an address, OVN chooses one of the switch's subnet.

    Raises NotFound when there is no such switch, LabError when DHCP is wanted and NB has no options for that network.
    """
    row = northbound.get(LogicalSwitch, name=switch)
    options = None
    if dhcp:
        networks = [str(address.network)] if address is not None else [row.other_config.get("subnet", "")]
        found = [one for one in northbound.find(DHCPOptions) if one.cidr in networks]
        if not found:
            raise LabError(f"NB has no DHCP_Options for {networks[0] or f'switch {switch}'}; add them first")
        options = found[0].ref
    with northbound.transaction(comment=f"lab: port {port} of switch {switch}") as tx:
        ref = tx.insert(
            LogicalSwitchPort(
                name=port,
                addresses=[f"{mac} {'dynamic' if address is None else address.ip}"],
                dhcpv4_options=options,
            )
        )
        tx.update(row, ports=Add(ref))
