"""Rules about chassis, and about ports on them: who has registered, who is gone, who carries what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from ovnkit.northbound.rows import GatewayChassis, HAChassis, HAChassisGroup, LogicalRouterPort, LogicalSwitchPort
from ovnkit.southbound.liveness import is_remote
from ovnkit.southbound.rows import Chassis, ChassisPrivate, Encap, PortBinding
from ovnkit.topology.checks.life import not_alive
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import Tables

__all__ = ["PLACEMENT_RULES"]


@rule(
    "OVN101",
    severity="warning",
    title="A chassis is gone",
    why="What a dead ovn-controller has left in Southbound stays there: ports look bound, gateways wait for it, other"
    " hosts keep tunnels to it, and a host that comes back under another name cannot have its tunnel address.",
    remedy="Start ovn-controller there, or, where the host is gone for good, `ovn-sbctl chassis-del CHASSIS`",
    source="ovn-sb(5), Chassis_Private, nb_cfg; ovn-kubernetes #3098, #6628",
    example="chassis hv9 (host hv9): Chassis without Chassis_Private",
    needs=("sb",),
)
def _chassis_gone(tables: Tables) -> Iterator[Found]:
    private = {row.name: row for row in tables.sb(ChassisPrivate).values()}
    for name, stale in sorted(not_alive(tables).items()):
        if stale.state != "stale":
            continue
        chassis = tables.chassis_by_name.get(name)
        rows = [row for row in (chassis, private.get(name)) if row is not None]
        host = "" if chassis is None else f" (host {shown(tables.host_name(chassis))})"
        mend = f"ovn-sbctl chassis-del {argument(rows[0])}"
        if chassis is None:
            mend = f"ovn-sbctl destroy Chassis_Private {rows[0].uuid}"
        yield found(f"chassis {shown(name)}{host}: {stale.why}", *rows, remedy=mend)


@rule(
    "OVN102",
    severity="warning",
    title="A gateway may move to a chassis that is not there",
    why="Members that were never taken out of HA_Chassis or Gateway_Chassis count when a gateway is scheduled, and"
    " may be all that is left of it: nothing forwards then.",
    remedy="`ovn-nbctl lrp-del-gateway-chassis PORT CHASSIS`;"
    " `ovn-nbctl ha-chassis-group-remove-chassis GROUP CHASSIS`",
    source="ovn-nb(5), HA_Chassis; understack #2143",
    example="chassis hv9, which is not in Southbound, is a candidate of r-ext",
    needs=("nb", "sb"),
)
def _candidates_gone(tables: Tables) -> Iterator[Found]:
    ports, groups = tables.nb(LogicalRouterPort).values(), tables.nb(HAChassisGroup).values()
    candidates: list[tuple[GatewayChassis | HAChassis, LogicalRouterPort | HAChassisGroup]] = [
        *((member, port) for port in ports for member in tables.members(GatewayChassis, port.gateway_chassis)),
        *((member, group) for group in groups for member in tables.members(HAChassis, group.ha_chassis)),
    ]
    gone: dict[str, list[tuple[GatewayChassis | HAChassis, LogicalRouterPort | HAChassisGroup]]] = {}
    for member, holder in candidates:
        if member.chassis_name not in tables.chassis_by_name:
            gone.setdefault(member.chassis_name, []).append((member, holder))
    for name, members in sorted(gone.items()):
        member, holder = min(members, key=lambda pair: pair[1].name)
        chassis = argument(member) if isinstance(member, HAChassis) else quoted(name)
        command = "ha-chassis-group-remove-chassis" if isinstance(holder, HAChassisGroup) else "lrp-del-gateway-chassis"
        yield found(
            f"chassis {shown(name)}, which is not in Southbound, is a candidate of"
            f" {listed(holder.name for _, holder in members)}",
            *(member for member, _ in members),
            remedy=f"ovn-nbctl {command} {argument(holder)} {chassis}",
        )


@rule(
    "OVN103",
    severity="warning",
    title="Two chassis are of the same host",
    why="A CMS such as Neutron binds ports by the name of the host, and takes one of them, perhaps the one that is"
    " left over from before the system-id was changed.",
    remedy="`ovn-sbctl chassis-del CHASSIS` for the one that is left over",
    source="ovn-sb(5), Chassis, hostname; LP #2080552; Neutron, troubleshooting: duplicated or deleted OVN agents",
    example="chassis hv1, hv9 are all of host hv1",
    needs=("sb",),
)
def _same_host(tables: Tables) -> Iterator[Found]:
    hosts: dict[str, list[Chassis]] = {}
    for chassis in tables.chassis:
        if chassis.hostname and not is_remote(chassis):
            hosts.setdefault(chassis.hostname, []).append(chassis)
    for host, rows in sorted(hosts.items()):
        if len(rows) > 1:
            yield found(
                f"chassis {listed(row.name for row in rows)} are all of host {shown(host)}",
                *rows,
                remedy="ovn-sbctl chassis-del CHASSIS, for the one whose host has another system-id now",
            )


@rule(
    "OVN104",
    severity="warning",
    title="Ports are bound and do not come up",
    why="The host has claimed them, but their flows are not there: ovn-controller hangs, or cannot work them all out."
    " A CMS such as Neutron waits for up before it starts a VM.",
    remedy="Look into the log of ovn-controller on that host; `ovn-appctl -t ovn-controller inc-engine/recompute`",
    source="ovn-nb(5), Logical_Switch_Port, up; ovn-sb(5), Port_Binding, up",
    example="bound to hv1, and not up: vm1",
    needs=("nb", "sb"),
)
def _bound_and_down(tables: Tables) -> Iterator[Found]:
    down: dict[str, list[LogicalSwitchPort]] = {}
    for port, binding in _vifs(tables):
        if binding is not None and binding.chassis is not None and port.enabled is not False and binding.up is False:
            chassis = tables.sb(Chassis).get(binding.chassis)
            down.setdefault("" if chassis is None else chassis.name, []).append(port)
    for chassis_name, ports in sorted(down.items()):
        yield found(
            f"bound to {shown(tables.host_name(chassis_name))}, and not up: {listed(port.name for port in ports)}",
            *ports,
            remedy=f"on {quoted(tables.host_name(chassis_name))}: ovn-appctl -t ovn-controller inc-engine/recompute",
        )


@rule(
    "OVN105",
    severity="warning",
    title="Ports are up and bound nowhere",
    why="Northbound tells the CMS that they work, and no host carries them: ovn-northd has not seen what has become of"
    " them, or somebody else has written it.",
    remedy="See that ovn-northd runs: `ovn-appctl -t ovn-northd status`",
    source="ovn-nb(5), Logical_Switch_Port, up; cubecos #1324",
    example="up, and bound to no chassis: vm1",
    needs=("nb", "sb"),
)
def _up_and_unbound(tables: Tables) -> Iterator[Found]:
    ports = [port for port, binding in _vifs(tables) if port.up and (binding is None or binding.chassis is None)]
    if ports:
        yield found(
            f"up, and bound to no chassis: {listed(port.name for port in ports)}",
            *ports,
            remedy="ovn-appctl -t ovn-northd status",
        )


@rule(
    "OVN106",
    severity="error",
    title="Ports are to be on a host that no chassis is of",
    why="A port with requested-chassis is bound there alone. The name has to be the chassis' own, or its host's as it"
    " has registered it; the short name does not match the full one.",
    remedy="`ovn-nbctl lsp-set-options PORT requested-chassis=HOST`; on the host `ovs-vsctl set Open_vSwitch ."
    " external_ids:hostname=HOST`, after ovn-controller was stopped by `ovn-appctl -t ovn-controller exit`",
    source="ovn-nb(5), Logical_Switch_Port, options:requested-chassis; LP #2080552",
    example="to be on nova1.example, which no chassis is called: vm1",
    needs=("nb", "sb"),
)
def _requested_nobody(tables: Tables) -> Iterator[Found]:
    known = {name for row in tables.chassis for name in (row.name, row.hostname)}
    asking: dict[str, list[LogicalSwitchPort]] = {}
    for port, _ in _vifs(tables):
        for name in _requested(port):
            if name not in known:
                asking.setdefault(name, []).append(port)
    for name, ports in sorted(asking.items()) if known else ():
        yield found(
            f"to be on {shown(name)}, which no chassis is called: {listed(port.name for port in ports)}",
            *ports,
            remedy=f"ovn-nbctl lsp-set-options {argument(ports[0])} requested-chassis=HOST",
        )


@rule(
    "OVN107",
    severity="error",
    title="A port is bound to another host than it is to be on",
    why="Two hosts with the same interface claim a port in turn, and its packets go now here, now there;"
    " requested-chassis is what decides.",
    remedy="On the host that has it and should not: `ovs-vsctl remove Interface INTERFACE external_ids iface-id`",
    source="ovn-nb(5), Logical_Switch_Port, options:requested-chassis; ovn-kubernetes #635",
    example="vm1 is bound to hv2, and is to be on hv1",
    needs=("nb", "sb"),
)
def _bound_elsewhere(tables: Tables) -> Iterator[Found]:
    for port, binding in _vifs(tables):
        wanted = _requested(port)
        if binding is None or binding.chassis is None or not wanted:
            continue
        chassis = tables.sb(Chassis).get(binding.chassis)
        if chassis is not None and not {chassis.name, chassis.hostname} & set(wanted):
            host = tables.host_name(chassis)
            yield found(
                f"{named(port)} is bound to {shown(host)}, and is to be on {listed(wanted)}",
                port,
                binding,
                chassis,
                remedy=f"on {quoted(host)}: ovs-vsctl remove Interface INTERFACE external_ids iface-id",
            )


@rule(
    "OVN108",
    severity="error",
    title="Two hosts have the same tunnel address",
    why="Southbound takes a type with an address once: ovn-controller of the second host fails at its first write,"
    " again and again, and what is sent to it reaches the first.",
    remedy="Another `ovn-encap-ip` for one of them; of a stale chassis `ovn-sbctl chassis-del CHASSIS`",
    source="ovn-sb(5), Encap; LP #1884734",
    example="192.0.2.1 is the tunnel address of hv1, hv9",
    needs=("sb",),
)
def _same_tunnel_address(tables: Tables) -> Iterator[Found]:
    owners: dict[str, dict[str, Chassis | Encap | None]] = {}
    for chassis in tables.chassis:
        for encap in tables.encaps(chassis):
            owners.setdefault(encap.ip, {})[chassis.name] = chassis
    for host in tables.hosts:
        for address in host.config.encap_ips if host.config.registered else ():
            owners.setdefault(address, {}).setdefault(host.system_id, None)
    for address, named_by in sorted(owners.items()):
        if len(named_by) > 1:
            rows = [row for row in named_by.values() if row is not None]
            rows += [encap for encap in tables.sb(Encap).values() if encap.ip == address]
            names = listed(tables.host_name(name) for name in named_by)
            yield found(
                f"{shown(address)} is the tunnel address of {names}",
                *rows,
                remedy="on one of them: ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-ip=ADDRESS",
            )


@rule(
    "OVN109",
    severity="error",
    title="Chassis have no type of tunnel in common",
    why="ovn-controller makes no tunnel between them, and says nothing of it: what is to go from one to the other is"
    " dropped.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-type=geneve`",
    source="ovn-controller(8), ovn-encap-type; ovn-sb(5), Encap, type",
    example="no tunnel joins hv1, hv2 (geneve) and hv9 (vxlan)",
    needs=("sb",),
)
def _no_common_tunnel(tables: Tables) -> Iterator[Found]:
    groups: dict[tuple[frozenset[str], frozenset[str]], list[Chassis]] = {}
    for chassis in tables.chassis:
        types = frozenset(encap.type for encap in tables.encaps(chassis))
        if types and not is_remote(chassis) and not chassis.vtep_logical_switches:
            groups.setdefault((types, _zones(chassis)), []).append(chassis)
    for ((one, zones), some), ((other, further), others) in combinations(groups.items(), 2):
        if not one & other and zones & further:
            sides = sorted(
                f"{listed(map(tables.host_name, side))} ({','.join(sorted(types))})"
                for types, side in ((one, some), (other, others))
            )
            yield found(
                f"no tunnel joins {sides[0]} and {sides[1]}",
                *some,
                *others,
                remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-type=geneve",
            )


@rule(
    "OVN110",
    severity="error",
    title="Chassis of one network have no transport zone in common",
    why="Chassis without a common zone have no tunnel between them; a switch that has ports on both is cut in two.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-transport-zones=ZONE`",
    source="ovn-controller(8), ovn-transport-zones",
    example="switch web has ports on chassis of zones far and of no zone, between which there is no tunnel: hv2; hv1",
    needs=("nb", "sb"),
)
def _zones_apart(tables: Tables) -> Iterator[Found]:
    if not any(chassis.transport_zones for chassis in tables.chassis):
        return
    for switch in tables.switches:
        ports = tables.ports(switch)
        if any(port.type == "localnet" for port in ports):
            continue
        carriers = {chassis.name: chassis for port in ports if (chassis := tables.chassis_of(port.name)) is not None}
        groups: dict[frozenset[str], list[Chassis]] = {}
        for chassis in carriers.values():
            if not is_remote(chassis):
                groups.setdefault(_zones(chassis), []).append(chassis)
        for (one, some), (other, others) in combinations(sorted(groups.items(), key=lambda item: sorted(item[0])), 2):
            if not one & other:
                yield found(
                    f"switch {named(switch)} has ports on chassis of {_zone_names(other)} and of {_zone_names(one)},"
                    f" between which there is no tunnel: {listed(map(tables.host_name, others))};"
                    f" {listed(map(tables.host_name, some))}",
                    switch,
                    *others,
                    *some,
                    remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-transport-zones=ZONE",
                )


def _vifs(tables: Tables) -> Iterator[tuple[LogicalSwitchPort, PortBinding | None]]:
    """The ports of VMs and containers, in order, with what Southbound has of them."""
    for switch in tables.switches:
        for port in tables.ports(switch):
            if not port.type:
                yield port, tables.bindings.get(port.name)


def _requested(port: LogicalSwitchPort) -> list[str]:
    return [name for name in port.options.get("requested-chassis", "").split(",") if name]


_NO_ZONE: Final = ""


def _zones(chassis: Chassis) -> frozenset[str]:
    """Its zones; those that have none are in one of their own."""
    return frozenset(chassis.transport_zones) or frozenset({_NO_ZONE})


def _zone_names(zones: frozenset[str]) -> str:
    return "no zone" if zones == frozenset({_NO_ZONE}) else f"zones {listed(zones)}"


PLACEMENT_RULES: Final[tuple[Rule, ...]] = (
    _chassis_gone,
    _candidates_gone,
    _same_host,
    _bound_and_down,
    _up_and_unbound,
    _requested_nobody,
    _bound_elsewhere,
    _same_tunnel_address,
    _no_common_tunnel,
    _zones_apart,
)
