"""What the Southbound database and a host's own database show, reduced to what verification asks about."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.chassis_values import cms_options
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, ChassisPrivate, DatapathBinding, Encap, PortBinding
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import Bridge, Interface, Port

__all__ = ["ChassisFacts", "Facts", "LocalFacts", "observe_local", "observe_southbound"]

_TUNNELS = frozenset({"geneve", "vxlan", "stt"})


@attrs.frozen
class ChassisFacts:
    """One chassis as OVN_Southbound has it. ``nb_cfg`` is that of its own Chassis_Private, None where it has none."""

    name: str
    hostname: str
    encaps: tuple[str, ...]
    bridge_mappings: str
    cms_options: tuple[str, ...]
    nb_cfg: int | None


@attrs.frozen
class Facts:
    """OVN_Southbound: chassis by name, provider network ports, and the datapaths that a chassis carries."""

    chassis: Mapping[str, ChassisFacts]
    localnets: tuple[tuple[str, str, Ref[DatapathBinding]], ...] = ()
    carried: Mapping[str, frozenset[Ref[DatapathBinding]]] = attrs.field(factory=dict)

    def provider_ports(self, chassis: str, mappings: Mapping[str, str]) -> list[str]:
        """The localnet ports that ovn-controller connects on this chassis (ovn-controller(8), ovn-bridge-mappings)."""
        carried = self.carried.get(chassis, frozenset())
        return sorted(port for port, physnet, datapath in self.localnets if physnet in mappings and datapath in carried)


@attrs.frozen
class LocalFacts:
    """A host's Open_vSwitch database.

    ``patch_ports``: for each logical port the OpenFlow port numbers of OVN's patch ports; ``tunnels``: remote addresses
    of tunnel interfaces; ``errors``: interfaces that ovs-vswitchd could not set up.
    """

    bridges: frozenset[str]
    patch_ports: Mapping[str, tuple[int, ...]]
    tunnels: frozenset[str]
    errors: tuple[str, ...] = ()


def observe_southbound(sb: Southbound) -> Facts:
    """OVN_Southbound as it is now."""
    encaps = {encap.ref: f"{encap.type} {encap.ip}" for encap in sb.find(Encap)}
    nb_cfg = {private.name: private.nb_cfg for private in sb.find(ChassisPrivate)}
    chassis = {row.ref: row for row in sb.find(Chassis)}
    bindings = {binding.logical_port: binding for binding in sb.find(PortBinding)}
    carried: dict[str, set[Ref[DatapathBinding]]] = {row.name: set() for row in chassis.values()}
    for binding in bindings.values():
        if binding.chassis in chassis:
            datapaths = carried[chassis[binding.chassis].name]
            datapaths.add(binding.datapath)
            datapaths.update(_datapath_behind(binding, bindings))
    return Facts(
        {
            row.name: ChassisFacts(
                row.name,
                row.hostname,
                tuple(sorted(encaps[encap] for encap in row.encaps if encap in encaps)),
                row.other_config.get("ovn-bridge-mappings", ""),
                cms_options(row.other_config.get("ovn-cms-options", "")),
                nb_cfg.get(row.name),
            )
            for row in chassis.values()
        },
        tuple(
            (binding.logical_port, binding.options.get("network_name", ""), binding.datapath)
            for binding in bindings.values()
            if binding.type == "localnet"
        ),
        {name: frozenset(datapaths) for name, datapaths in carried.items()},
    )


def _datapath_behind(binding: PortBinding, bindings: Mapping[str, PortBinding]) -> list[Ref[DatapathBinding]]:
    """The switch on the other side of a router port that is claimed here as ``cr-…``."""
    port = bindings.get(binding.options.get("distributed-port", ""))
    peer = bindings.get(port.options.get("peer", "")) if port is not None else None
    return [] if peer is None else [peer.datapath]


def observe_local(vswitch: VSwitch) -> LocalFacts:
    """A host's Open_vSwitch database as it is now."""
    interfaces = vswitch.find(Interface)
    by_ref = {interface.ref: interface for interface in interfaces}
    patch_ports: dict[str, tuple[int, ...]] = {}
    for port in vswitch.find(Port):
        for key in ("ovn-localnet-port", "ovn-l2gateway-port"):
            if lport := port.external_ids.get(key):
                numbers = tuple(by_ref[ref].ofport or -1 for ref in port.interfaces if ref in by_ref)
                patch_ports[lport] = (*patch_ports.get(lport, ()), *numbers)
    return LocalFacts(
        frozenset(bridge.name for bridge in vswitch.find(Bridge)),
        patch_ports,
        frozenset(i.options["remote_ip"] for i in interfaces if i.type in _TUNNELS and "remote_ip" in i.options),
        tuple(sorted(f"{interface.name}: {interface.error}" for interface in interfaces if interface.error)),
    )
