"""What the Southbound database and a host's own database show, reduced to what verification asks about."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ovnkit.southbound.chassis import ChassisSummary
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.provider_ports import provider_ports
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.patch_ports import PATCH_MARKS
from ovnkit.vswitch.rows import Bridge, Interface, Port

__all__ = ["Facts", "LocalFacts", "observe_local", "observe_southbound"]

_TUNNELS = frozenset({"geneve", "vxlan", "stt"})


@attrs.frozen
class Facts:
    """OVN_Southbound: chassis by name, and for each the localnet and l2gateway ports that it has to connect.

    ``provider_ports``: by chassis, the physical network of each such port. ``state`` is that of the connection: unless
    it is "ready", the rest is what was last known.
    """

    chassis: Mapping[str, ChassisSummary]
    provider_ports: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    state: str = "ready"

    def connected_ports(self, chassis: str, mappings: Mapping[str, str]) -> list[str]:
        """The ports for which ovn-controller makes patch ports on this chassis (ovn-controller(8))."""
        ports = self.provider_ports.get(chassis, {})
        return sorted(port for port, physnet in ports.items() if physnet in mappings)


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
    integration_bridge: str = "br-int"


def observe_southbound(sb: Southbound) -> Facts:
    """OVN_Southbound as it is now: Chassis, Chassis_Private, Encap, Port_Binding, HA_Chassis and HA_Chassis_Group."""
    chassis = sb.chassis()
    return Facts(
        chassis={summary.name: summary for summary in chassis},
        provider_ports={summary.name: provider_ports(sb, summary.name) for summary in chassis},
        state=sb.state,
    )


def observe_local(vswitch: VSwitch) -> LocalFacts:
    """A host's Open_vSwitch database as it is now."""
    interfaces = {interface.ref: interface for interface in vswitch.find(Interface)}
    patch_ports: dict[str, tuple[int, ...]] = {}
    for port in sorted(vswitch.find(Port), key=lambda port: port.name):
        for key in PATCH_MARKS:
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
        integration_bridge=vswitch.chassis_config().integration_bridge,
    )
