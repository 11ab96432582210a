"""The graph out of the tables: which rows become nodes, what is worth knowing of each, and what joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import (
    NAT,
    DHCPOptions,
    LoadBalancer,
    LoadBalancerGroup,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis
from ovnkit.topology.graph import Topology
from ovnkit.topology.hosts import hosts
from ovnkit.topology.nodes import Edge, EdgeKind, Kind, Node
from ovnkit.topology.source import Source
from ovnkit.topology.tables import Tables
from ovnkit.vswitch.client import VSwitch

__all__ = ["built", "of", "read"]

_LABELS = ("neutron:port_name", "neutron:network_name", "neutron:router_name")
"""The keys of external_ids by which a CMS says how its users call a thing."""


def of(nb: Northbound | None, sb: Southbound | None = None, vswitches: Iterable[VSwitch] = ()) -> Topology:
    """The network as it is now.

    Without ``sb`` where things run is left out, without ``vswitches`` (a client for each host's database, of as many
    hosts as there are) bridges and interfaces. The state of a port is Logical_Switch_Port:up (ovn-nb(5)); where it
    runs is Port_Binding:chassis (ovn-sb(5)). Raises NotMonitored where a client does not replicate what this needs.
    """
    return built(read(nb, sb, vswitches))


def read(nb: Northbound | None, sb: Southbound | None, vswitches: Iterable[VSwitch]) -> Source:
    """What the graph is made of, read now."""
    local = tuple(vswitches)
    return Source(nb, sb, local, Tables(nb, sb, local))


def built(source: Source) -> Topology:
    """The graph of what was read."""
    graph = _Graph(source.tables)
    graph.add_all()
    return Topology(graph.nodes, tuple(graph.edges), source=source)


class _Graph:
    """Nodes and edges as they are found."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []

    def add_all(self) -> None:
        tables = self.tables
        for physnet in sorted(tables.localnet_ports):
            self.add("provider", physnet, key=_provider(physnet))
        for router in tables.routers:
            self._add_router(router)
        for switch in tables.switches:
            self._add_switch(switch)
        self._add_balancers()
        self._add_dhcp()
        for part in hosts(tables, self._named_chassis()):
            if isinstance(part, Node):
                self.nodes[part.key] = part
            else:
                self.edges.append(part)
        # What a row names may be in no database: such an edge leads nowhere.
        self.edges = [edge for edge in self.edges if edge.source in self.nodes and edge.target in self.nodes]

    def add(
        self,
        kind: Kind,
        name: str,
        row: Row[Any] | None = None,
        *,
        key: str = "",
        state: str = "",
        parent: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> str:
        """Add a node; returns its key. Facts that are empty are left out."""
        key = key or str(None if row is None else row.uuid)
        known = {fact: value for fact, value in (facts or {}).items() if value}
        self.nodes[key] = Node(key, kind, name, _label(name, row), state, known, parent, row)
        return key

    def join(self, kind: EdgeKind, source: str, target: str, label: str = "", state: str = "") -> None:
        self.edges.append(Edge(kind, source, target, label, state))

    # -- routers -----------------------------------------------------------------------------------------------------

    def _add_router(self, router: LogicalRouter) -> None:
        tables = self.tables
        state = "disabled" if router.enabled is False else ""
        key = self.add("router", router.name, router, state=state)
        for port in tables.router_ports(router):
            self._add_router_port(key, port)
        nat = tables.members(NAT, router.nat)
        for rule in sorted(nat, key=lambda row: (row.type, row.external_ip, row.logical_ip, row.uuid)):
            self._add_nat(key, rule, self._translated(router, rule))
        routes = tables.members(LogicalRouterStaticRoute, router.static_routes)
        for route in sorted(routes, key=lambda row: (row.ip_prefix, row.nexthop, row.uuid)):
            facts = {"via": route.nexthop, "table": route.route_table, "output port": route.output_port or ""}
            self.add("route", route.ip_prefix, route, parent=key, facts=facts)
        if chassis := router.options.get("chassis"):
            self.join("gateway", key, self._chassis(chassis), "", "active")

    def _add_router_port(self, router: str, port: LogicalRouterPort) -> None:
        tables = self.tables
        key = self.add(
            "router port",
            port.name,
            port,
            parent=router,
            state="disabled" if port.enabled is False else "",
            facts={"mac": port.mac, "networks": " ".join(sorted(port.networks))},
        )
        active = tables.active_gateway(port)
        for candidate in tables.candidates(port):
            state = "" if active is None else "active" if candidate.chassis == active.name else "standby"
            self.join("gateway", key, self._chassis(candidate.chassis), f"priority {candidate.priority}", state)
        peer = tables.router_port(port.peer) if port.peer else None
        if peer is not None and (port.name < peer.name or peer.peer != port.name):
            self.join("link", key, str(peer.uuid))

    def _translated(self, router: LogicalRouter, rule: NAT) -> LogicalSwitchPort | None:
        """The port that a floating IP belongs to: that which it names, or that with the address next to its router."""
        if rule.logical_port:
            return self.tables.switch_port(rule.logical_port)
        if rule.type != "dnat_and_snat":
            return None
        links = [
            self.tables.switch_ports_of_router_port.get(port.name, ()) for port in self.tables.router_ports(router)
        ]
        near = {
            self.tables.switch_of[port.ref].uuid
            for ports in links
            for port in ports
            if port.ref in self.tables.switch_of
        }
        with_address = self._ports_by_address.get(rule.logical_ip, ())
        return next((port for port in with_address if self.tables.switch_of[port.ref].uuid in near), None)

    @cached_property
    def _ports_by_address(self) -> dict[str, list[LogicalSwitchPort]]:
        found: dict[str, list[LogicalSwitchPort]] = {}
        for ref, addresses in self.tables.addresses.items():
            port = self.tables.nb(LogicalSwitchPort)[ref]
            for address in addresses if port.type != "router" and ref in self.tables.switch_of else ():
                for ip in address.ips:
                    found.setdefault(ip, []).append(port)
        return found

    def _add_nat(self, router: str, rule: NAT, port: LogicalSwitchPort | None) -> None:
        kind: Kind = "floating ip" if rule.type == "dnat_and_snat" else "nat"
        key = self.add(
            kind,
            rule.external_ip,
            rule,
            parent=router,
            facts={
                "type": "" if kind == "floating ip" else rule.type,
                "external ports": rule.external_port_range,
                "logical ip": rule.logical_ip,
                "logical port": rule.logical_port or "",
                "external mac": rule.external_mac or "",
            },
        )
        if port is not None:
            self.join("service", key, str(port.uuid))

    # -- switches ----------------------------------------------------------------------------------------------------

    def _add_switch(self, switch: LogicalSwitch) -> None:
        key = self.add("switch", switch.name, switch, facts={"subnet": switch.other_config.get("subnet", "")})
        for port in self.tables.ports(switch):
            self._add_switch_port(key, port)

    def _add_switch_port(self, switch: str, port: LogicalSwitchPort) -> None:
        tables = self.tables
        chassis = tables.chassis_of(port.name)
        addresses = " ".join(sorted(port.addresses)) if port.dynamic_addresses is None else port.dynamic_addresses
        key = self.add(
            "switch port",
            port.name,
            port,
            parent=switch,
            state=self._state(port, chassis),
            facts={
                "type": port.type,
                "addresses": "" if port.type in ("router", "localnet") else addresses,
                "network": port.options.get("network_name", ""),
                "vlan": "" if port.tag is None else str(port.tag),
                "parent port": port.parent_name or "",
            },
        )
        if port.type == "router" and (peer := tables.peer_router_port(port)):
            self.join("link", key, str(peer.uuid))
        elif port.type == "localnet":
            self.join("link", key, _provider(port.options.get("network_name", "")))
        elif (other := tables.switch_port(port.peer or "")) and not (
            other.peer == port.name and other.name < port.name
        ):
            # Once, where each names the other.
            self.join("link", key, str(other.uuid))
        if chassis is not None and port.type != "router":
            self.join("binding", key, str(chassis.uuid))

    def _state(self, port: LogicalSwitchPort, chassis: Chassis | None) -> str:
        if port.enabled is False:
            return "disabled"
        if port.type not in ("", "virtual", "external", "vtep", "l2gateway"):
            return ""
        if chassis is None and self.tables.sb.known:
            return "unbound"
        return "up" if port.up else "down"

    # -- what serves several -----------------------------------------------------------------------------------------

    def _add_balancers(self) -> None:
        tables = self.tables
        users: dict[Ref[LoadBalancer], list[str]] = {}
        for router in tables.routers:
            for ref in self._balancers(router.load_balancer, router.load_balancer_group):
                users.setdefault(ref, []).append(str(router.uuid))
        for switch in tables.switches:
            for ref in self._balancers(switch.load_balancer, switch.load_balancer_group):
                users.setdefault(ref, []).append(str(switch.uuid))
        for balancer in sorted(tables.nb(LoadBalancer).values(), key=lambda row: (row.name, row.uuid)):
            facts = {"protocol": balancer.protocol or "", **dict(sorted(balancer.vips.items()))}
            key = self.add("load balancer", balancer.name, balancer, facts=facts)
            for user in users.get(balancer.ref, ()):
                self.join("service", key, user)

    def _balancers(
        self, own: Iterable[Ref[LoadBalancer]], groups: Iterable[Ref[LoadBalancerGroup]]
    ) -> Iterable[Ref[LoadBalancer]]:
        held = dict.fromkeys(own)
        for group in self.tables.members(LoadBalancerGroup, groups):
            held |= dict.fromkeys(group.load_balancer)
        return held

    def _add_dhcp(self) -> None:
        tables = self.tables
        users: dict[Ref[DHCPOptions], dict[str, None]] = {}
        for switch in tables.switches:
            for port in tables.members(LogicalSwitchPort, switch.ports):
                for ref in (port.dhcpv4_options, port.dhcpv6_options):
                    if ref is not None:
                        users.setdefault(ref, {})[str(switch.uuid)] = None
        for row in sorted(tables.nb(DHCPOptions).values(), key=lambda row: (row.cidr, row.uuid)):
            key = self.add("dhcp", row.cidr, row, facts=dict(sorted(row.options.items())))
            for user in users.get(row.ref, ()):
                self.join("service", key, user)

    # -- chassis -----------------------------------------------------------------------------------------------------

    def _chassis(self, name: str) -> str:
        found = self.tables.chassis_by_name.get(name)
        return f"chassis:{name}" if found is None else str(found.uuid)

    def _named_chassis(self) -> list[str]:
        """The names by which gateways are placed."""
        ports = self.tables.nb(LogicalRouterPort).values()
        named = {candidate.chassis for port in ports for candidate in self.tables.candidates(port)}
        routers = {router.options.get("chassis", "") for router in self.tables.routers}
        return sorted((named | routers) - {""})


def _provider(physnet: str) -> str:
    return f"provider:{physnet}"


def _label(name: str, row: Row[Any] | None) -> str:
    external_ids = {} if row is None else getattr(row, "external_ids", {})
    return next((external_ids[key] for key in _LABELS if external_ids.get(key)), name)
