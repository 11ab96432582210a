"""Which provider networks a chassis has to be connected to: the localnet ports of the datapaths that it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.rows import Chassis, DatapathBinding, HAChassis, HAChassisGroup, PortBinding

if TYPE_CHECKING:
    from ovnkit.southbound.client import Southbound

__all__ = ["provider_ports"]


def provider_ports(southbound: Southbound, chassis: str) -> dict[str, str]:
    """The physical network of every localnet and l2gateway port that ``chassis`` connects, by logical port.

    These are the ports for which ovn-controller makes patch ports where the network is mapped (ovn-controller(8)):
    localnet ports of the datapaths that are local there, and l2gateway ports that are bound there. In doubt a port is
    in it. Of a chassis that has not registered, all localnet ports.
    """
    bindings = southbound.find(PortBinding)
    own = next((row.ref for row in southbound.find(Chassis, name=chassis)), None)
    local = None if own is None else _Locality(southbound, bindings, own).datapaths()
    return {
        binding.logical_port: binding.options["network_name"]
        for binding in bindings
        if "network_name" in binding.options
        if (binding.type == "localnet" and (local is None or binding.datapath in local))
        or (binding.type == "l2gateway" and binding.chassis == own)
    }


class _Locality:
    def __init__(self, southbound: Southbound, bindings: list[PortBinding], chassis: Ref[Chassis]) -> None:
        self.chassis = chassis
        self.bindings = {binding.logical_port: binding for binding in bindings}
        self.ports: dict[Ref[DatapathBinding], list[PortBinding]] = {}
        for binding in bindings:
            self.ports.setdefault(binding.datapath, []).append(binding)
        self.members = {row.ref: row.chassis for row in southbound.find(HAChassis)}
        self.groups: dict[Ref[Any] | None, frozenset[Ref[HAChassis]]] = {
            row.ref: row.ha_chassis for row in southbound.find(HAChassisGroup)
        }

    def is_here(self, binding: PortBinding) -> bool:
        """Whether the port is bound here, or may be when this chassis becomes the active one of its group."""
        if self.chassis in (binding.chassis, binding.requested_chassis) or self.chassis in binding.additional_chassis:
            return True
        members = self.groups.get(binding.ha_chassis_group, frozenset())
        return any(self.members.get(member) == self.chassis for member in members)

    def datapaths(self) -> set[Ref[DatapathBinding]]:
        """The datapaths of the ports that are here, and all that routers connect them to."""
        found: set[Ref[DatapathBinding]] = set()
        waiting = [binding.datapath for binding in self.bindings.values() if self.is_here(binding)]
        while waiting:
            datapath = waiting.pop()
            if datapath not in found:
                found.add(datapath)
                waiting += [peer.datapath for peer in map(self.peer, self.ports[datapath]) if peer is not None]
        return found

    def peer(self, binding: PortBinding) -> PortBinding | None:
        """The port on the other side, where ovn-controller looks further: not through a gateway that is elsewhere."""
        if binding.type not in ("patch", "l3gateway"):
            return None
        redirect = self.bindings.get(binding.options.get("chassis-redirect-port", ""))
        # Without always-redirect traffic leaves here as well, by floating IPs of their own address.
        if redirect is not None and redirect.options.get("always-redirect") == "true" and not self.is_here(redirect):
            return None
        return self.bindings.get(binding.options.get("peer", ""))
