"""The outside network of the lab, with a host in it that knows nothing of OVN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ovnkit.lab.addresses import OUTSIDE
from ovnkit.lab.attachment import INTERFACE, MTU, disable_checksum_offload
from ovnkit.lab.endpoint import Endpoint
from ovnkit.lab.namespaces import configure

if TYPE_CHECKING:
    from ipaddress import IPv4Network

__all__ = ["Outside"]


class Outside(Endpoint):
    """A host on the provider network, reached through the bridges that ``bridge_mappings`` name."""

    network: IPv4Network = OUTSIDE
    """The provider network; what is not ``address`` is free for routers and floating IPs."""

    address: str = str(OUTSIDE[1])
    """Its address, which is also the gateway to everywhere else."""

    def start_all(self) -> None:
        """Set its address."""
        disable_checksum_offload(self.launcher, INTERFACE)
        address = f"{self.address}/{self.network.prefixlen}"
        configure(self.namespace, [f"address add {address} dev {INTERFACE}", f"link set {INTERFACE} mtu {MTU} up"])
