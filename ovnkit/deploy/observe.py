"""What the Southbound database and a host's own database show, reduced to what verification asks about."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.chassis import ChassisSummary
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import DatapathBinding, PortBinding
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import Bridge, Interface, Port

__all__ = ["Facts", "LocalFacts", "observe_local", "observe_southbound"]

_TUNNELS = frozenset({"geneve", "vxlan", "stt"})


@attrs.frozen
class Facts:
    """OVN_Southbound: chassis by name, provider network ports, and the datapaths that a chassis carries.

    ``state`` is that of the connection: unless it is "ready", the rest is what was last known.
    """

    chassis: Mapping[str, ChassisSummary]
    localnets: tuple[tuple[str, str, Ref[DatapathBinding]], ...] = ()
    carried: Mapping[str, frozenset[Ref[DatapathBinding]]] = attrs.field(factory=dict)
    state: str = "ready"

    def provider_ports(self, chassis: str, mappings: Mapping[str, str]) -> list[str]:
        """The localnet ports that ovn-controller connects on this chassis (ovn-controller(8), ovn-bridge-mappings)."""
        carried = self.carried.get(chassis, frozenset())
        return sorted(port for port, physnet, datapath in self.localnets if physnet in mappings and datapath in carried)


@attrs.frozen
class LocalFacts:
    """A host's Open_vSwitch database.

    ``patch_ports``: for each logical port the OpenFlow port numbers of OVN's patch ports; ``tunnels``: remote addresses
    of tunnel interfaces; ``errors``: interfaces that ovs-vswitchd could not set up, but for those of virtual machines,
    which come and go with them. ``state`` is that of the connection, as for Facts.
    """

    bridges: frozenset[str]
    patch_ports: Mapping[str, tuple[int, ...]]
    tunnels: frozenset[str]
    errors: tuple[str, ...] = ()
    state: str = "ready"


def observe_southbound(sb: Southbound) -> Facts:
    """OVN_Southbound as it is now. Of its tables it needs Chassis, Chassis_Private, Encap and Port_Binding."""
    chassis = sb.chassis()
    names = {summary.ref: summary.name for summary in chassis}
    bindings = {binding.logical_port: binding for binding in sb.find(PortBinding)}
    carried: dict[str, set[Ref[DatapathBinding]]] = {name: set() for name in names.values()}
    for binding in bindings.values():
        if binding.chassis is not None and binding.chassis in names:
            datapaths = carried[names[binding.chassis]]
            datapaths.add(binding.datapath)
            datapaths.update(_datapath_behind(binding, bindings))
    return Facts(
        chassis={summary.name: summary for summary in chassis},
        localnets=tuple(
            (binding.logical_port, binding.options.get("network_name", ""), binding.datapath)
            for binding in bindings.values()
            if binding.type == "localnet"
        ),
        carried={name: frozenset(datapaths) for name, datapaths in carried.items()},
        state=sb.state,
    )


def _datapath_behind(binding: PortBinding, bindings: Mapping[str, PortBinding]) -> list[Ref[DatapathBinding]]:
    """The switch on the other side of a router port that is claimed here as ``cr-…``."""
    port = bindings.get(binding.options.get("distributed-port", ""))
    peer = bindings.get(port.options.get("peer", "")) if port is not None else None
    return [] if peer is None else [peer.datapath]


def observe_local(vswitch: VSwitch) -> LocalFacts:
    """A host's Open_vSwitch database as it is now."""
    interfaces = {interface.ref: interface for interface in vswitch.find(Interface)}
    patch_ports: dict[str, tuple[int, ...]] = {}
    for port in vswitch.find(Port):
        for key in ("ovn-localnet-port", "ovn-l2gateway-port"):
            if lport := port.external_ids.get(key):
                numbers = tuple(interfaces[ref].ofport or -1 for ref in port.interfaces if ref in interfaces)
                patch_ports[lport] = (*patch_ports.get(lport, ()), *numbers)
    rows = interfaces.values()
    return LocalFacts(
        bridges=frozenset(bridge.name for bridge in vswitch.find(Bridge)),
        patch_ports=patch_ports,
        tunnels=frozenset(
            row.options["remote_ip"] for row in rows if row.type in _TUNNELS and "remote_ip" in row.options
        ),
        errors=tuple(
            sorted(f"{row.name}: {row.error}" for row in rows if row.error and "iface-id" not in row.external_ids)
        ),
        state=vswitch.state,
    )
