"""Rules about provider networks: who maps them, to what, and who would have to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ovnkit.northbound.rows import NAT, LogicalSwitch, LogicalSwitchPort
from ovnkit.topology.checks.gateways import behind, gateways
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import Tables, chassis_column

__all__ = ["PROVIDER_RULES"]

_MAPPINGS: Final = "ovn-bridge-mappings"


@rule(
    "OVN401",
    severity="error",
    title="No chassis maps a provider network",
    why="The network is connected to nothing outside. ovn-controller says nothing of a network that it does not map.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE`",
    source="ovn-controller(8), ovn-bridge-mappings; ovn-nb(5), Logical_Switch_Port, options:network_name",
    example="physnet9, of port provnet-dmz, is mapped by no chassis",
    needs=("nb", "sb"),
)
def _unmapped(tables: Tables) -> Iterator[Found]:
    mapped = {physnet for chassis in tables.chassis for physnet in tables.mappings(chassis)}
    for physnet, ports in sorted(tables.localnet_ports.items()):
        if not physnet:
            mend = f"ovn-nbctl lsp-set-options {argument(ports[0])} network_name=PHYSNET"
            yield found(f"no network_name: {listed(port.name for port in ports)}", *ports, remedy=mend)
        elif tables.chassis and physnet not in mapped:
            what = "port" if len(ports) == 1 else "ports"
            yield found(
                f"{shown(physnet)}, of {what} {listed(port.name for port in ports)}, is mapped by no chassis",
                *ports,
                remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE",
            )


@rule(
    "OVN402",
    severity="error",
    title="A provider network is mapped to a bridge that is not there",
    why="ovn-controller makes no bridge: it warns in its log, and the network is not connected on this host.",
    remedy="`ovs-vsctl add-br BRIDGE`",
    source="ovn-controller(8), ovn-bridge-mappings",
    example="host hv1: physnet2 is mapped to br-dmz, which is not there",
    needs=("hosts",),
)
def _bridge_missing(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        bridges = {bridge.name for bridge in host.bridges}
        for physnet, bridge in sorted(host.mappings.items()):
            if bridge not in bridges and host.root is not None:
                yield found(
                    f"host {shown(host.hostname)}: {shown(physnet)} is mapped to {shown(bridge)}, which is not there",
                    host.root,
                    remedy=f"on {quoted(host.hostname)}: ovs-vsctl add-br {quoted(bridge)}",
                    host=host.system_id,
                )


@rule(
    "OVN403",
    severity="error",
    title="A chassis of a gateway does not map the network outside",
    why="When the gateway is there nothing leaves the router. A warning as long as it is on another one: then the next"
    " failure is an outage.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE`;"
    " `ovn-nbctl lrp-del-gateway-chassis PORT CHASSIS`",
    source="ovn-architecture(7), Gateways; ovn-controller(8), ovn-bridge-mappings; understack #2330",
    example="gateway r-ext of router r: hv1 does not map physnet1",
    needs=("nb", "sb"),
)
def _gateway_unmapped(tables: Tables) -> Iterator[Found]:
    for gateway in gateways(tables):
        ports = [gateway.port] if gateway.port is not None else tables.router_ports(gateway.router)
        physnets = {physnet for port in ports for physnet in _physnets(tables, behind(tables, port))}
        active = tables.chassis_of(gateway.binding)
        for name in gateway.chassis if physnets else ():
            chassis = tables.chassis_by_name.get(name)
            lacking = set() if chassis is None else physnets - tables.mappings(chassis).keys()
            if chassis is not None and lacking:
                is_at_risk = active is not None and active.name != name
                title = f"gateway {named(gateway.row)}"
                title += f" of router {named(gateway.router)}" if gateway.port is not None else ""
                yield found(
                    f"{title}: {shown(tables.host_name(chassis))} does not map {listed(lacking)}",
                    gateway.row,
                    chassis,
                    remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE, on that host",
                    severity="warning" if is_at_risk else None,
                )


@rule(
    "OVN404",
    severity="warning",
    title="Ports of a provider network are on a chassis that does not map it",
    why="Other hosts send to such a port by the physical network, where nobody hears them; what the port sends goes by"
    " tunnels, to some of them.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE`",
    source="ovn-architecture(7), localnet ports; ovn-controller(8), ovn-bridge-mappings",
    example="switch ext: hv1 does not map physnet1, and has vm-ext",
    needs=("nb", "sb"),
)
def _port_unmapped(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        physnets = _physnets(tables, switch)
        if not physnets:
            continue
        carried: dict[str, list[LogicalSwitchPort]] = {}
        for port in tables.ports(switch):
            chassis = None if port.type else tables.chassis_of(port.name)
            if chassis is not None and not physnets & tables.mappings(chassis).keys():
                carried.setdefault(chassis.name, []).append(port)
        for name, ports in sorted(carried.items()):
            yield found(
                f"switch {named(switch)}: {shown(tables.host_name(name))} does not map {listed(physnets)}, and has"
                f" {listed(port.name for port in ports)}",
                switch,
                tables.chassis_by_name[name],
                *ports,
                remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=PHYSNET:BRIDGE, on that host",
            )


@rule(
    "OVN405",
    severity="error",
    title="Bridge mappings are not read to their end",
    why="ovn-controller stops at the first item that is not NETWORK:BRIDGE, and takes blanks for parts of names: the"
    " networks after it are not connected, and nothing says so. A network that is there twice makes all its writes"
    " fail. Neutron refuses the mappings of every chassis for the sake of one.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=NETWORK:BRIDGE,NETWORK:BRIDGE`",
    source="ovn-controller(8), ovn-bridge-mappings; controller/patch.c of OVN; neutron_lib, parse_mappings",
    example='hv1: "physnet1:br-ex, physnet2:br-dmz": blanks in " physnet2:br-dmz"',
    needs=("sb",),
)
def _malformed_mappings(tables: Tables) -> Iterator[Found]:
    for chassis in tables.chassis:
        text = chassis_column(chassis, _MAPPINGS)
        if fault := _fault(text):
            yield found(
                f'{shown(tables.host_name(chassis))}: "{shown(text)}": {fault}',
                chassis,
                remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=NETWORK:BRIDGE, on that host",
            )


@rule(
    "OVN406",
    severity="warning",
    title="A gateway leads to a switch with nothing on it",
    why="The switch outside has lost the port that connects it to the physical network, or never had it: the router is"
    " up, translates addresses, and nothing arrives anywhere.",
    remedy="`ovn-nbctl lsp-add SWITCH PORT -- lsp-set-type PORT localnet -- lsp-set-addresses PORT unknown --"
    " lsp-set-options PORT network_name=PHYSNET`",
    source="ovn-architecture(7), Gateways; understack #2330",
    example="gateway r-ext of router r leads to switch ext, which has no other port",
)
def _gateway_to_nothing(tables: Tables) -> Iterator[Found]:
    for gateway in gateways(tables):
        switch = None if gateway.port is None else behind(tables, gateway.port)
        if switch is None or not tables.members(NAT, gateway.router.nat):
            continue
        if len(tables.ports(switch)) == 1:
            yield found(
                f"gateway {named(gateway.row)} of router {named(gateway.router)} leads to switch {named(switch)},"
                " which has no other port",
                gateway.row,
                switch,
                remedy=f"ovn-nbctl lsp-add {argument(switch)} PORT -- lsp-set-type PORT localnet --"
                " lsp-set-addresses PORT unknown -- lsp-set-options PORT network_name=PHYSNET",
            )


def _physnets(tables: Tables, switch: LogicalSwitch | None) -> set[str]:
    if switch is None:
        return set()
    # By the ports of type localnet, for a switch may have those of thousands of routers.
    localnets = ((name, port) for name, ports in tables.localnet_ports.items() for port in ports)
    return {name for name, port in localnets if name and tables.switch_of.get(port.ref) == switch}


def _fault(text: str) -> str:
    seen: set[str] = set()
    # An empty item at the very end hides nothing.
    items = text.rstrip(",").split(",") if text else []
    for item in items:
        physnet, _, bridge = item.partition(":")
        if item != item.strip() or physnet != physnet.strip() or bridge != bridge.strip():
            return f'blanks in "{shown(item)}"'
        if not physnet or not bridge:
            return f'"{shown(item)}" is not NETWORK:BRIDGE'
        if physnet in seen:
            return f"{shown(physnet)} is there twice"
        seen.add(physnet)
    return ""


PROVIDER_RULES: Final[tuple[Rule, ...]] = (
    _unmapped,
    _bridge_missing,
    _gateway_unmapped,
    _port_unmapped,
    _malformed_mappings,
    _gateway_to_nothing,
)
