"""What the three databases show, reduced to what preflight asks about."""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.preflight.facts import BridgeFacts, DatabaseFacts, NorthboundFacts, SouthboundFacts
from ovnkit.northbound import rows as nb
from ovnkit.northbound.client import Northbound
from ovnkit.ovsdb.selection import Monitor
from ovnkit.ovsdb.values import Map
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, ChassisPrivate, Connection, Encap, SBGlobal
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import SSL, Bridge, Controller, Interface, OpenVSwitch, Port

__all__ = ["NORTHBOUND", "SOUTHBOUND", "observe_database", "observe_northbound", "observe_southbound"]

NORTHBOUND: Final[Monitor[nb.NB]] = {
    nb.Connection: (nb.Connection.target,),
    nb.DHCPOptions: (nb.DHCPOptions.options,),
    nb.LogicalSwitch: (nb.LogicalSwitch.external_ids, nb.LogicalSwitch.ports),
    nb.LogicalSwitchPort: (nb.LogicalSwitchPort.type, nb.LogicalSwitchPort.dhcpv4_options),
    nb.NBGlobal: (nb.NBGlobal.sb_cfg, nb.NBGlobal.sb_cfg_timestamp),
}
SOUTHBOUND: Final = dict.fromkeys((Chassis, ChassisPrivate, Connection, Encap, SBGlobal))

_MTU_OF_NEUTRON: Final = "neutron:mtu"
_RELEASE_OF_NORTHD: Final = "northd_internal_version"


def observe_database(vswitch: VSwitch) -> DatabaseFacts:
    """A host's Open_vSwitch database as it is now."""
    interfaces = {row.ref: row for row in vswitch.find(Interface)}
    ports = {row.ref: row for row in vswitch.find(Port)}
    controllers = {row.ref: row.target for row in vswitch.find(Controller)}
    bridges: dict[str, BridgeFacts] = {}
    for bridge in vswitch.find(Bridge):
        members = {ports[ref].name: ports[ref].interfaces for ref in bridge.ports if ref in ports}
        bridges[bridge.name] = BridgeFacts(
            name=bridge.name,
            datapath_type=bridge.datapath_type,
            fail_mode=bridge.fail_mode,
            controllers=tuple(sorted(controllers[ref] for ref in bridge.controller if ref in controllers)),
            # A bond's interfaces are all of one kind.
            ports=Map(
                {
                    name: next((interfaces[ref].type for ref in sorted(refs, key=str) if ref in interfaces), "")
                    for name, refs in members.items()
                }
            ),
        )
    own = next(iter(vswitch.find(OpenVSwitch)), None)
    tls = next(iter(vswitch.find(SSL)), None)
    return DatabaseFacts(
        config=vswitch.chassis_config(),
        bridges=Map(bridges),
        ovs_version=None if own is None else own.ovs_version,
        schema_version=str(vswitch.schema.version),
        db_version=None if own is None else own.db_version,
        certificate="" if tls is None else tls.certificate,
        key="" if tls is None else tls.private_key,
    )


def observe_southbound(sb: Southbound) -> SouthboundFacts:
    """OVN_Southbound as it is now."""
    release = next((row.options.get(_RELEASE_OF_NORTHD) for row in sb.find(SBGlobal)), None)
    return SouthboundFacts(
        chassis=tuple(sb.chassis()),
        # It goes on with the numbers of the schema and of an interface inside OVN.
        release=None if release is None else release.partition("-")[0],
        listeners=tuple(sorted(row.target for row in sb.find(Connection))),
    )


def observe_northbound(northbound: Northbound) -> NorthboundFacts:
    """OVN_Northbound as it is now: networks that lead to a provider's are not tunnelled, whatever their MTU."""
    ports = {row.ref: row for row in northbound.find(nb.LogicalSwitchPort)}
    told = {row.ref: row.options.get("mtu", "") for row in northbound.find(nb.DHCPOptions)}
    sizes: list[str] = []
    for switch in northbound.find(nb.LogicalSwitch):
        members = [ports[ref] for ref in switch.ports if ref in ports]
        if all(port.type != "localnet" for port in members):
            sizes.append(switch.external_ids.get(_MTU_OF_NEUTRON, ""))
            sizes += [told.get(port.dhcpv4_options, "") for port in members if port.dhcpv4_options is not None]
    own = next(iter(northbound.find(nb.NBGlobal)), None)
    return NorthboundFacts(
        mtu=max((int(size) for size in sizes if size.isdecimal()), default=None),
        sb_cfg=0 if own is None else own.sb_cfg,
        sb_cfg_timestamp=0 if own is None else own.sb_cfg_timestamp,
        listeners=tuple(sorted(row.target for row in northbound.find(nb.Connection))),
    )
