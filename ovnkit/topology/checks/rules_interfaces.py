"""Rules about the interfaces of hosts: those of logical ports, and tunnels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ovnkit.northbound.rows import DHCPOptions, LogicalSwitchPort
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import HostTables, Tables
from ovnkit.vswitch.rows import Interface

__all__ = ["INTERFACE_RULES"]

_OVERHEAD: Final = {"geneve": 58, "vxlan": 50}
"""Ethernet, IPv4, UDP and the tunnel's own header (with OVN's option); IPv6 is 20 more."""
_OVERHEAD_OF_IPV6: Final = 20


@rule(
    "OVN507",
    severity="warning",
    title="Interfaces belong to no logical port",
    why="They were left behind when their port was deleted, or their iface-id is wrong; then the VM behind them has no"
    " network, and nothing says so. Each makes ovn-controller and ovs-vswitchd slower.",
    remedy="`ovs-vsctl del-port INTERFACE`",
    source="ovn-controller(8), external_ids:iface-id; atmosphere #3893; kube-ovn #208",
    example="host hv1: tap-lost (lost)",
    needs=("nb", "hosts"),
)
def _orphans(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        lost = {
            iface_id: interfaces
            for iface_id, interfaces in host.attachments.items()
            if tables.switch_port(iface_id) is None
        }
        if lost:
            rows = [interface for interfaces in lost.values() for interface in interfaces]
            names = listed(f"{row.name} ({row.external_ids.get('iface-id', '')})" for row in rows)
            yield found(
                f"host {shown(host.hostname)}: {names}",
                *rows,
                remedy=f"on {quoted(host.hostname)}: ovs-vsctl --if-exists del-port {argument(rows[0])}",
                host=host.system_id,
            )


@rule(
    "OVN508",
    severity="error",
    title="A logical port has interfaces on two hosts",
    why="Both claim it, in turn, and its packets go now here, now there. A migration that went wrong leaves this.",
    remedy="On the one that should not have it: `ovs-vsctl remove Interface INTERFACE external_ids iface-id`;"
    " `ovn-nbctl lsp-set-options PORT requested-chassis=HOST`",
    source="ovn-controller(8), external_ids:iface-id; ovn-kubernetes #635",
    example="vm1: tap1 on hv1, tap1 on hv2",
    needs=("nb", "hosts"),
)
def _on_two_hosts(tables: Tables) -> Iterator[Found]:
    holders: dict[str, list[tuple[HostTables, Interface]]] = {}
    for host in tables.hosts:
        for iface_id, interfaces in host.attachments.items():
            holders.setdefault(iface_id, []).extend((host, interface) for interface in interfaces)
    for iface_id, found_here in sorted(holders.items()):
        port = tables.switch_port(iface_id)
        if len(found_here) < 2 or port is None or port.type == "localport":
            continue
        # During a live migration it is to be on two.
        if "," not in port.options.get("requested-chassis", ""):
            places = (f"{named(interface)} on {shown(host.hostname)}" for host, interface in found_here)
            yield found(
                f"{named(port)}: {', '.join(sorted(places))}",
                port,
                *(interface for _, interface in found_here),
                remedy=f"ovn-nbctl lsp-set-options {argument(port)} requested-chassis=HOST",
            )


@rule(
    "OVN509",
    severity="warning",
    title="Interfaces are there and their ports are bound nowhere",
    why="The host has the interface, and its ovn-controller does not claim the port: it does not run, does not see this"
    " bridge, or the port is not in Southbound.",
    remedy="`ovn-appctl -t ovn-controller connection-status`; `ovs-vsctl get Open_vSwitch . external_ids:ovn-bridge`",
    source="ovn-controller(8), external_ids:iface-id; ovn-fake-multinode #67",
    example="host hv1: vm1",
    needs=("nb", "sb", "hosts"),
)
def _unclaimed(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        ports: list[LogicalSwitchPort] = []
        for iface_id, interfaces in host.attachments.items():
            port, binding = tables.switch_port(iface_id), tables.bindings.get(iface_id)
            if port is None or port.type or port.enabled is False or not _is_wanted(port, host):
                continue
            is_there = any(one.ofport is not None and one.ofport > 0 and not one.error for one in interfaces)
            if is_there and (binding is None or binding.chassis is None):
                ports.append(port)
        if ports:
            yield found(
                f"host {shown(host.hostname)}: {listed(port.name for port in ports)}",
                *ports,
                *(row for port in ports for row in host.attachments[port.name]),
                remedy=f"on {quoted(host.hostname)}: ovn-appctl -t ovn-controller connection-status",
                host=host.system_id,
            )


@rule(
    "OVN510",
    severity="error",
    title="A tunnel is down",
    why="BFD gets no answer from the other end: UDP 6081 is blocked on the way, the other host is down, or its"
    " underlay is. Gateways leave a host whose tunnels are all down.",
    remedy="`ovs-appctl bfd/show TUNNEL`; `ping` from one tunnel address to the other",
    source="ovs-vswitchd.conf.db(5), Interface, bfd_status; ovn-architecture(7), High Availability; hotsos #349",
    example="host hv1: ovn-hv2-0 to 192.0.2.2: BFD is down (Control Detection Time Expired)",
    needs=("hosts",),
)
def _tunnel_down(tables: Tables) -> Iterator[Found]:
    for host, interface in _tunnels(tables):
        state = interface.bfd_status.get("state")
        carrier = interface.status.get("tunnel_egress_iface_carrier")
        why = ""
        if interface.bfd.get("enable", "").lower() == "true" and state not in (None, "up"):
            diagnostic = interface.bfd_status.get("diagnostic", "")
            told = "" if diagnostic in ("", "No Diagnostic") else f" ({shown(diagnostic)})"
            why = f"BFD is {shown(state or '')}{told}"
        elif carrier == "down":
            why = f"{shown(interface.status.get('tunnel_egress_iface', ''))}, by which it goes, has no carrier"
        if why:
            remote = shown(interface.options.get("remote_ip", ""))
            yield found(
                f"host {shown(host.hostname)}: {named(interface)} to {remote}: {why}",
                interface,
                remedy=f"on {quoted(host.hostname)}: ovs-appctl bfd/show {argument(interface)}",
                host=host.system_id,
            )


@rule(
    "OVN511",
    severity="error",
    title="Packets of tenants do not fit into the tunnels",
    why="geneve adds 58 bytes (78 over IPv6). Larger packets are lost on the way, those of TCP as well: ping works and"
    " transfers hang.",
    remedy="`ip link set DEVICE mtu BYTES`, or less in the networks of tenants",
    source="Neutron, MTU considerations; ovn-nb(5), DHCP_Options, mtu",
    example="host hv1: br-phy, by which tunnels go, has 1500, which leaves 1442, and web has 1500",
    needs=("nb", "hosts"),
)
def _mtu(tables: Tables) -> Iterator[Found]:
    largest, network = max(_mtus(tables), default=(0, ""))
    told: set[tuple[int, str]] = set()
    for host, interface in _tunnels(tables):
        way = interface.status.get("tunnel_egress_iface", "")
        below = next((row for row in host.rows(Interface).values() if row.name == way and row.mtu), None)
        if below is None or below.mtu is None:
            continue
        overhead = _OVERHEAD.get(interface.type, 0)
        overhead += _OVERHEAD_OF_IPV6 if ":" in interface.options.get("remote_ip", "") else 0
        if below.mtu - overhead < largest and (id(host), way) not in told:
            told.add((id(host), way))
            yield found(
                f"host {shown(host.hostname)}: {shown(way)}, by which tunnels go, has {below.mtu}, which leaves"
                f" {below.mtu - overhead}, and {shown(network)} has {largest}",
                below,
                remedy=f"on {quoted(host.hostname)}: ip link set {argument(below)} mtu {largest + overhead}",
                host=host.system_id,
            )


def _tunnels(tables: Tables) -> Iterator[tuple[HostTables, Interface]]:
    for host in tables.hosts:
        for interface in sorted(host.rows(Interface).values(), key=lambda row: row.name):
            if interface.type in _OVERHEAD and interface.options.get("remote_ip"):
                yield host, interface


def _is_wanted(port: LogicalSwitchPort, host: HostTables) -> bool:
    wanted = port.options.get("requested-chassis", "")
    return not wanted or bool({host.system_id, host.hostname} & set(wanted.split(",")))


def _mtus(tables: Tables) -> Iterator[tuple[int, str]]:
    """The MTU of each network that goes through tunnels, as Neutron notes it, or as DHCP tells it to VMs."""
    options = tables.nb(DHCPOptions)
    for switch in tables.switches:
        ports = tables.members(LogicalSwitchPort, switch.ports)
        if any(port.type == "localnet" for port in ports):
            continue
        refs = {port.dhcpv4_options for port in ports if port.dhcpv4_options is not None}
        told = [options[ref].options.get("mtu", "") for ref in refs if ref in options]
        for size in (*told, switch.external_ids.get("neutron:mtu", "")):
            if size.isascii() and size.isdecimal():
                yield int(size[:9]), switch.name


INTERFACE_RULES: Final[tuple[Rule, ...]] = (_orphans, _on_two_hosts, _unclaimed, _tunnel_down, _mtu)
