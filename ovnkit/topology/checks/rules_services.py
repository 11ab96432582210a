"""Rules about ACLs, load balancers, and rows that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ovnkit.northbound.rows import (
    ACL,
    DNS,
    NAT,
    AddressSet,
    DHCPOptions,
    HAChassisGroup,
    LoadBalancer,
    LoadBalancerGroup,
    LoadBalancerHealthCheck,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
    PortGroup,
    QoS,
)
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.rows import AddressSet as SBAddressSet
from ovnkit.southbound.rows import ServiceMonitor
from ovnkit.topology.addresses import host_of, plain_ip
from ovnkit.topology.checks.gateways import behind
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, shown
from ovnkit.topology.tables import Tables

__all__ = ["SERVICE_RULES"]

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME: Final = re.compile(r"([$@])([A-Za-z_.][A-Za-z_.0-9]*)")
_PORT: Final = re.compile(r'\b(?:inport|outport)\s*[!=]=\s*(\{[^}]*\}|"(?:[^"\\]|\\.)*")')
_OF_NORTHD: Final = frozenset({"svc_monitor_mac"})
"""The address sets that ovn-northd makes by itself, besides those of port groups."""


@rule(
    "OVN801",
    severity="error",
    title="A match names an address set or port group that is not there",
    why="ovn-controller cannot read such a flow and leaves it out, so that the ACL is not in force: what it should"
    " allow is dropped, or what it should drop goes through.",
    remedy="`ovn-nbctl create Address_Set name=NAME`; `ovn-nbctl pg-add NAME`",
    source="ovn-sb(5), Logical_Flow, match; ovn-nb(5), ACL, match",
    example="ACL of switch web: ip4.src == $gone: $gone",
)
def _unknown_set(tables: Tables) -> Iterator[Found]:
    groups = {row.name for row in tables.nb(PortGroup).values()}
    sets = {row.name for row in tables.nb(AddressSet).values()} | _OF_NORTHD
    sets |= {row.name for row in tables.sb(SBAddressSet).values()}
    sets |= {f"{name}{family}" for name in groups for family in ("_ip4", "_ip6")}
    for row, where in _matches(tables):
        used = _NAME.findall(_QUOTED.sub("", row.match))
        missing = [f"{sign}{name}" for sign, name in used if name not in (sets if sign == "$" else groups)]
        if missing:
            first = missing[0]
            mend = (
                f"ovn-nbctl pg-add {first[1:]}" if first[0] == "@" else f"ovn-nbctl create Address_Set name={first[1:]}"
            )
            yield found(f"{where}: {shown(row.match)}: {listed(missing)}", row, remedy=mend)


@rule(
    "OVN802",
    severity="warning",
    title="A match names a port that is not there",
    why="The match is never true. Mostly the port was deleted, and its ACLs were not.",
    remedy="`ovn-nbctl acl-del SWITCH DIRECTION PRIORITY MATCH`",
    source="ovn-sb(5), Logical_Flow, match, Symbols; ovn-nb(5), ACL, match",
    example='ACL of switch web: inport == "gone": gone',
)
def _unknown_port(tables: Tables) -> Iterator[Found]:
    for row, where in _matches(tables):
        missing = [
            name
            for listed_ports in _PORT.findall(row.match)
            for name in (quoted[1:-1] for quoted in _QUOTED.findall(listed_ports))
            if "\\" not in name and tables.switch_port(name) is None and tables.router_port(name) is None
            if tables.router_port(name.removeprefix("cr-")) is None
        ]
        if missing:
            mend = f"ovn-nbctl set {row._table} {row.uuid} match=MATCH"
            yield found(f"{where}: {shown(row.match)}: {listed(missing)}", row, remedy=mend)


@rule(
    "OVN803",
    severity="warning",
    title="A load balancer has nobody to send to",
    why="Nobody answers at a virtual address without backends, and clients wait until they give up. With"
    " options:reject=true they are refused, with event=true the CMS is told; then it is meant.",
    remedy="`ovn-nbctl lb-add NAME VIP BACKENDS`",
    source="ovn-nb(5), Load_Balancer, vips, options:reject and options:event",
    example="load balancer lb: 10.0.0.100:80 has no backends",
)
def _no_backends(tables: Tables) -> Iterator[Found]:
    for balancer in _sorted(tables.nb(LoadBalancer).values()):
        meant = any(balancer.options.get(key, "").lower() == "true" for key in ("reject", "event", "template"))
        empty = [vip for vip, backends in balancer.vips.items() if not backends.strip(" ,")]
        if empty and not meant:
            has = "has" if len(empty) == 1 else "have"
            yield found(
                f"load balancer {named(balancer)}: {listed(empty)} {has} no backends",
                balancer,
                remedy=f"ovn-nbctl lb-add {argument(balancer)} VIP BACKENDS",
            )


@rule(
    "OVN804",
    severity="warning",
    title="The address of a load balancer is that of a VM as well",
    why="What is sent to the VM at this address goes to the backends, and who asks for the address by ARP is answered"
    " for both.",
    remedy="`ovn-nbctl lb-del NAME VIP`",
    source="ovn-nb(5), Load_Balancer, vips",
    example="load balancer lb: 10.0.0.11 is the address of vm1",
)
def _vip_of_a_port(tables: Tables) -> Iterator[Found]:
    owners: dict[str, LogicalSwitchPort] | None = None
    for balancer, switches in _places(tables):
        vips = {plain_ip(host_of(vip)) for vip in balancer.vips} - {""}
        if owners is None:
            owners = {
                ip: port
                for port in tables.nb(LogicalSwitchPort).values()
                if not port.type and (port.up or tables.chassis_of(port.name) is not None)
                for own in tables.addresses[port.ref]
                for ip in own.ips
            }
        for vip in sorted(vips):
            port = owners.get(vip)
            if port is not None and (switch := tables.switch_of.get(port.ref)) is not None and switch.ref in switches:
                yield found(
                    f"load balancer {named(balancer)}: {vip} is the address of {named(port)}",
                    balancer,
                    port,
                    remedy=f"ovn-nbctl lb-del {argument(balancer)} VIP",
                )


@rule(
    "OVN805",
    severity="warning",
    title="Backends are to be checked and are not",
    why="A health check asks a backend through the logical port that ip_port_mappings gives for it. Those that it does"
    " not name count as alive for ever.",
    remedy="`ovn-nbctl set Load_Balancer NAME ip_port_mappings:IP=PORT:SOURCE`",
    source="ovn-nb(5), Load_Balancer, Health Checks, ip_port_mappings",
    example="load balancer lb checks 10.0.0.100:80, and has no ip_port_mappings for 10.0.0.12",
)
def _unchecked(tables: Tables) -> Iterator[Found]:
    for balancer in _sorted(tables.nb(LoadBalancer).values()):
        mapped = {plain_ip(ip.strip("[]")) for ip in balancer.ip_port_mappings}
        for check in tables.members(LoadBalancerHealthCheck, balancer.health_check):
            backends = balancer.vips.get(check.vip, "")
            hosts = {plain_ip(host_of(backend.strip())) for backend in backends.split(",")} - {""}
            if hosts - mapped:
                yield found(
                    f"load balancer {named(balancer)} checks {shown(check.vip)}, and has no ip_port_mappings for"
                    f" {listed(hosts - mapped)}",
                    balancer,
                    check,
                    remedy=f"ovn-nbctl set Load_Balancer {argument(balancer)} ip_port_mappings:IP=PORT:SOURCE",
                )


@rule(
    "OVN806",
    severity="warning",
    title="A backend of a load balancer does not answer",
    why="ovn-controller asks it and gets nothing: it is left out. When the last one is gone the virtual address does"
    " not answer any more.",
    remedy="`ovn-sbctl list Service_Monitor`; see whether the service runs there",
    source="ovn-sb(5), Service_Monitor, status",
    example="10.0.0.12:80 at vm2 is offline",
    needs=("sb",),
)
def _offline(tables: Tables) -> Iterator[Found]:
    monitors = tables.sb(ServiceMonitor).values()
    for monitor in sorted(monitors, key=lambda row: (row.ip, row.port, row.logical_port)):
        if monitor.status in ("offline", "error"):
            yield found(
                f"{shown(monitor.ip)}:{monitor.port} at {shown(monitor.logical_port)} is {monitor.status}",
                monitor,
                remedy=f"ovn-sbctl list Service_Monitor {monitor.uuid}",
            )


@rule(
    "OVN807",
    severity="info",
    title="Rows that nothing uses",
    why="They were left when what used them was deleted. They do no harm by themselves, but they mislead, and"
    " ovn-northd looks at them again and again.",
    remedy="`ovn-nbctl destroy TABLE UUID`",
    source="ovn-nb(5): rows of these tables stay until they are deleted",
    example="Load_Balancer: lb",
)
def _unused(tables: Tables) -> Iterator[Found]:
    ports = tables.nb(LogicalSwitchPort).values()
    matches = {name for row, _ in _matches(tables) for _, name in _NAME.findall(_QUOTED.sub("", row.match))}
    used: set[Ref[Any] | None] = {ref for port in ports for ref in (port.dhcpv4_options, port.dhcpv6_options)}
    used |= {port.ha_chassis_group for port in ports}
    used |= {port.ha_chassis_group for port in tables.nb(LogicalRouterPort).values()}
    used |= {ref for switch in tables.switches for ref in switch.dns_records}
    used |= {ref for nat in tables.nb(NAT).values() for ref in (nat.allowed_ext_ips, nat.exempted_ext_ips)}
    used |= {balancer.ref for balancer, _ in _places(tables)}
    # Neutron makes options with each subnet, whether there are ports in it or not.
    used |= {row.ref for row in tables.nb(DHCPOptions).values() if "subnet_id" in row.external_ids}
    used |= {row.ref for row in tables.nb(AddressSet).values() if row.name in matches}
    used |= {
        row.ref
        for row in tables.nb(PortGroup).values()
        if row.ports or row.acls or {row.name, f"{row.name}_ip4", f"{row.name}_ip6"} & matches
    }
    for row_class in (AddressSet, DHCPOptions, DNS, HAChassisGroup, LoadBalancer, PortGroup):
        rows = [row for ref, row in tables.nb(row_class).items() if ref not in used]
        if rows:
            yield found(
                f"{row_class._table}: {listed(named(row) for row in rows)}",
                *rows,
                remedy=f"ovn-nbctl destroy {row_class._table} {rows[0].uuid}",
            )


def _matches(tables: Tables) -> Iterator[tuple[ACL | QoS | LogicalRouterPolicy | NAT, str]]:
    """Everything that has a match, and what it belongs to in words."""
    for switch in tables.switches:
        yield from ((row, f"ACL of switch {named(switch)}") for row in tables.members(ACL, switch.acls))
        yield from ((row, f"QoS rule of switch {named(switch)}") for row in tables.members(QoS, switch.qos_rules))
    for group in _sorted(tables.nb(PortGroup).values()):
        yield from ((row, f"ACL of port group {named(group)}") for row in tables.members(ACL, group.acls))
    for router in tables.routers:
        policies = tables.members(LogicalRouterPolicy, router.policies)
        yield from ((row, f"policy of router {named(router)}") for row in policies)
        translations = tables.members(NAT, router.nat)
        yield from ((row, f"NAT of router {named(router)}") for row in translations if row.match)


def _places(tables: Tables) -> Iterator[tuple[LoadBalancer, set[Ref[LogicalSwitch]]]]:
    """Each load balancer in use, and the switches from which it is reached: its own, and those at its routers."""
    places: dict[Ref[LoadBalancer], set[Ref[LogicalSwitch]]] = {}
    for switch in tables.switches:
        for ref in _balancers(tables, switch):
            places.setdefault(ref, set()).add(switch.ref)
    for router in tables.routers:
        for ref in _balancers(tables, router):
            switches = (behind(tables, port) for port in tables.router_ports(router))
            places.setdefault(ref, set()).update(switch.ref for switch in switches if switch is not None)
    for balancer in _sorted(tables.nb(LoadBalancer).values()):
        if balancer.ref in places:
            yield balancer, places[balancer.ref]


def _balancers(tables: Tables, owner: LogicalSwitch | LogicalRouter) -> set[Ref[LoadBalancer]]:
    groups = tables.members(LoadBalancerGroup, owner.load_balancer_group)
    return {*owner.load_balancer, *(ref for group in groups for ref in group.load_balancer)}


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=lambda row: (row.name, row.uuid))


SERVICE_RULES: Final[tuple[Rule, ...]] = (
    _unknown_set,
    _unknown_port,
    _no_backends,
    _vip_of_a_port,
    _unchecked,
    _offline,
    _unused,
)
