"""Rules about what each host's Open_vSwitch says of itself as a chassis, and about its bridges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, quoted, shown
from ovnkit.topology.tables import HostTables, Tables
from ovnkit.vswitch.patch_ports import PatchPort, classify
from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState
from ovnkit.vswitch.rows import Interface, Port

__all__ = ["HOST_RULES"]

_OWN: Final = r"unix:|(tcp|ssl):(127\.|\[::1\]|localhost)"
"""Remotes that are another thing on each host."""


@rule(
    "OVN501",
    severity="error",
    title="A host is not registered as a chassis",
    why="Its ovn-controller does not run, does not reach Southbound, or may not write there; nothing on this host is"
    " part of the network. Its log has the reason.",
    remedy="`ovs-vsctl get Open_vSwitch . external_ids`; `systemctl status ovn-controller`",
    source="ovn-controller(8), External Configuration, system-id",
    example="host hv3: no chassis is called hv3",
    needs=("sb", "hosts"),
)
def _unregistered(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        if host.root is None or not host.config.remotes:
            continue
        if not host.system_id:
            mend = "ovs-vsctl set Open_vSwitch . external_ids:system-id=NAME"
            yield found("a host with ovn-remote has no system-id", host.root, remedy=mend)
        elif host.system_id not in tables.chassis_by_name:
            yield found(
                f"host {shown(host.hostname)}: no chassis is called {shown(host.system_id)}",
                host.root,
                remedy=f"on {quoted(host.hostname)}: systemctl status ovn-controller",
                host=host.system_id,
            )


@rule(
    "OVN502",
    severity="error",
    title="Two hosts have the same system-id",
    why="They take turns in one row of Southbound, both at full load, and ports flap between them.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:system-id=NAME` on one of them, and the same in"
    " /etc/openvswitch/system-id.conf",
    source="ovn-sb(5), Chassis, name; LP #1884734",
    example="2 hosts have the system-id hv1",
    needs=("hosts",),
)
def _same_system_id(tables: Tables) -> Iterator[Found]:
    hosts: dict[str, list[HostTables]] = {}
    for host in tables.hosts:
        hosts.setdefault(host.system_id, []).append(host)
    for system_id, same in sorted(hosts.items()):
        if system_id and len(same) > 1:
            yield found(
                f"{len(same)} hosts have the system-id {shown(system_id)}",
                *(host.root for host in same if host.root is not None),
                remedy="ovs-vsctl set Open_vSwitch . external_ids:system-id=NAME, on one of them",
                host=system_id,
            )


@rule(
    "OVN503",
    severity="warning",
    title="Hosts are told of different Southbound databases",
    why="A host that is told of another database is in a network of its own. It happens when a central service is"
    " bootstrapped a second time, or moved; where relays are in use it may be meant.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=REMOTES`",
    source="ovn-controller(8), ovn-remote; LP #1875223",
    example="tcp:192.0.2.100:6642 on hv1; tcp:192.0.2.200:6642 on hv2",
    needs=("hosts",),
)
def _other_remotes(tables: Tables) -> Iterator[Found]:
    groups: dict[frozenset[str], list[HostTables]] = {}
    for host in tables.hosts:
        remotes = [one for one in host.config.remotes if not re.match(_OWN, one)]
        if remotes and len(remotes) == len(host.config.remotes):
            groups.setdefault(frozenset(remotes), []).append(host)
    # Hosts that share a member of the cluster are of one network.
    if any(not one & other for one in groups for other in groups):
        sides = sorted(
            f"{listed(remotes)} on {listed(host.hostname for host in own)}" for remotes, own in groups.items()
        )
        roots = [host.root for own in groups.values() for host in own if host.root is not None]
        yield found(
            "; ".join(sides), *roots, remedy="ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=REMOTES, on some"
        )


@rule(
    "OVN504",
    severity="warning",
    title="The integration bridge switches by itself",
    why="With a fail mode other than secure it forwards everything everywhere until ovn-controller has put its flows"
    " in, and with a second pair of patch ports that is a broadcast storm.",
    remedy="`ovs-vsctl set-fail-mode br-int secure`",
    source="ovn-controller(8), ovn-bridge; ovs-vswitchd.conf.db(5), Bridge, fail_mode",
    example="host hv1: br-int has fail mode standalone",
    needs=("hosts",),
)
def _standalone(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        bridge = host.integration_bridge
        if bridge is not None and host.config.remotes and bridge.fail_mode != "secure":
            yield found(
                f"host {shown(host.hostname)}: {named(bridge)} has fail mode {bridge.fail_mode or 'standalone'}",
                bridge,
                remedy=f"on {quoted(host.hostname)}: ovs-vsctl set-fail-mode {argument(bridge)} secure",
                host=host.system_id,
            )


@rule(
    "OVN505",
    severity="warning",
    title="Patch ports stand beside OVN's own",
    why="What the Open vSwitch agent of OpenStack leaves is a second way between the same bridges: a loop, as soon as"
    " one of them switches by itself. A port that has taken the name of OVN's keeps the network from being connected"
    " at all (an error), and one whose other end is missing leads nowhere.",
    remedy="`ovnkit chassis reconcile FILE HOST`",
    source="ovn-controller(8), Open vSwitch Database Usage; Neutron, Migration from ML2/OVS to ML2/OVN;"
    " ovn-kubernetes #678",
    example="host hv1: int-br-ex on br-int, phy-br-ex on br-ex, of the Open vSwitch agent",
    needs=("hosts",),
)
def _patch_ports(tables: Tables) -> Iterator[Found]:
    kinds = {
        "agent": "of the Open vSwitch agent",
        "agent-veth": "of the Open vSwitch agent",
        "agent-tunnel": "of the Open vSwitch agent's tunnels",
        "half-open": "whose other end is missing or does not point back",
        "ovn-imposter": "with OVN's name, and not of OVN",
    }
    for host in tables.hosts:
        found_ports: dict[str, list[PatchPort]] = {}
        for port in classify(_state(host)):
            if port.kind in kinds and host.config.remotes:
                found_ports.setdefault(kinds[port.kind], []).append(port)
        for what, ports in found_ports.items():
            rows = {row.name: row for row in host.rows(Port).values()}
            names = ", ".join(sorted(f"{shown(one.port)} on {shown(one.bridge)}" for one in ports))
            yield found(
                f"host {shown(host.hostname)}: {names}, {what}",
                *(rows[one.port] for one in ports),
                remedy=f"on {quoted(host.hostname)}: ovs-vsctl del-port {quoted(ports[0].port)}",
                severity="error" if ports[0].kind == "ovn-imposter" else None,
                host=host.system_id,
            )


@rule(
    "OVN506",
    severity="error",
    title="Interfaces could not be set up",
    why="ovs-vswitchd has given up on them: mostly the device is gone, and the port was left behind. Where hundreds are"
    " left, every change of the bridge takes seconds.",
    remedy="`ovs-vsctl del-port PORT`, where its device is gone for good",
    source="ovs-vswitchd.conf.db(5), Interface, error; atmosphere #3893, #3904",
    example="host hv1: tap9: could not open network device tap9 (No such device)",
    needs=("hosts",),
)
def _interface_error(tables: Tables) -> Iterator[Found]:
    for host in tables.hosts:
        broken = sorted((row for row in host.rows(Interface).values() if row.error), key=lambda row: row.name)
        if broken:
            first = "; ".join(f"{named(row)}: {shown(row.error or '')}" for row in broken[:3])
            more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
            yield found(
                f"host {shown(host.hostname)}: {first}{more}",
                *broken,
                remedy=f"on {quoted(host.hostname)}: ovs-vsctl --if-exists del-port {argument(broken[0])}",
                host=host.system_id,
            )


def _state(host: HostTables) -> HostState:
    """What the classification of patch ports looks at. Which ports Southbound wants is not asked."""
    return HostState(
        bridges=tuple(
            BridgeState(
                name=bridge.name,
                ports=tuple(_port(host, port) for port in host.ports(bridge)),
                fail_mode=bridge.fail_mode,
            )
            for bridge in host.bridges
        ),
        mappings=host.mappings,
        wanted=None,
        controller_running=True,
        br_int=host.config.integration_bridge,
    )


def _port(host: HostTables, port: Port) -> PortState:
    interfaces = sorted(host.interfaces(port), key=lambda one: one.type != "patch")
    first = interfaces[0] if interfaces else None
    return PortState(
        name=port.name,
        uuid=port.uuid,
        type="" if first is None else first.type,
        peer=None if first is None else first.options.get("peer"),
        external_ids=port.external_ids,
        interface_ids={} if first is None else first.external_ids,
        ofport=None if first is None else first.ofport,
        error=None if first is None else first.error,
        interfaces=len(interfaces),
    )


HOST_RULES: Final[tuple[Rule, ...]] = (
    _unregistered,
    _same_system_id,
    _other_remotes,
    _standalone,
    _patch_ports,
    _interface_error,
)
