"""The wires of the lab: underlay, management and provider networks, as bridges in a namespace of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ovnkit.lab.addresses import free_management_network, interface_name
from ovnkit.lab.attachment import INTERFACE
from ovnkit.lab.host import MANAGEMENT, UNDERLAY
from ovnkit.lab.namespaces import configure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Network

    from ovnkit.lab.state import LabState

__all__ = ["NAMESPACE", "Fabric"]

NAMESPACE = "fabric"
_MTU = 1500


class Fabric:
    """Bridges that hosts are wired to; all but one link of the machine itself is inside the lab's namespaces."""

    def __init__(self, state: LabState) -> None:
        self._state = state
        self._namespace = state.prefix + NAMESPACE
        self._commands: list[str] = []
        self._ports = 0

    def wire(self, host: str, uplinks: Mapping[str, str]) -> None:
        """Plan a host's links: underlay, management, and ``uplinks`` (interface of the host: provider network)."""
        for network, interface in ((UNDERLAY, UNDERLAY), (MANAGEMENT, MANAGEMENT)):
            self._wire(network, host, interface)
        for interface, physnet in uplinks.items():
            self._wire(self._provider(physnet), host, interface)

    def wire_outside(self, namespace: str, physnet: str) -> None:
        """Plan the link of the outside host."""
        self._wire(self._provider(physnet), namespace, INTERFACE)

    def build(self, physnets: Iterable[str]) -> None:
        """Make the bridges and all links that were planned."""
        bridges = (UNDERLAY, MANAGEMENT, *map(self._provider, physnets))
        configure(self._namespace, [f"link add {bridge} type bridge" for bridge in bridges])
        configure(
            self._namespace,
            [*(f"link set {bridge} mtu {_MTU} up" for bridge in bridges), *self._commands],
        )

    def join_management(self) -> IPv4Network:
        """Make this machine part of the management network, so that databases can be reached by TCP; that network."""
        name = interface_name("ovnkit-", self._state.name)
        inside = interface_name("p", "machine")
        with free_management_network() as network:
            self._state.record_link(name)
            machine = f"peer name {name} netns {os.getpid()}"
            configure(
                self._namespace,
                [f"link add {inside} type veth {machine}", f"link set {inside} master {MANAGEMENT} up"],
            )
            configure(None, [f"address add {network[1]}/{network.prefixlen} dev {name}", f"link set {name} up"])
        return network

    def _wire(self, network: str, namespace: str, interface: str) -> None:
        self._ports += 1
        port = f"p{self._ports}"
        self._commands += [
            f"link add {port} type veth peer name {interface} netns {self._state.prefix}{namespace}",
            f"link set {port} master {network} mtu {_MTU} up",
        ]

    @staticmethod
    def _provider(physnet: str) -> str:
        return interface_name("x-", physnet)
