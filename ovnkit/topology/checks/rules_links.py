"""Rules about what ports are to be connected with, and about names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ovnkit.northbound.rows import HAChassisGroup, LogicalRouter, LogicalSwitch, LogicalSwitchPort
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import argument, listed, named, shown
from ovnkit.topology.tables import Tables

__all__ = ["LINK_RULES"]


@rule(
    "OVN701",
    severity="error",
    title="A switch port leads to a router port that is not there",
    why="The switch and the router are not connected; the port looks as if they were. It is what a removal leaves that"
    " was interrupted.",
    remedy="`ovn-nbctl lsp-del PORT`, or `ovn-nbctl lsp-set-options PORT router-port=ROUTERPORT`",
    source="ovn-nb(5), Logical_Switch_Port, options:router-port; understack #2330",
    example="lsp-web-r2 of switch web leads to router port gone, which is not there",
)
def _to_no_router_port(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        for port in tables.ports(switch):
            if port.type == "router" and tables.peer_router_port(port) is None:
                name = port.options.get("router-port") or port.peer
                leads = f"leads to router port {shown(name)}, which is not there" if name else "names no router port"
                yield found(
                    f"{named(port)} of switch {named(switch)} {leads}",
                    port,
                    switch,
                    remedy=f"ovn-nbctl lsp-del {argument(port)}",
                )


@rule(
    "OVN702",
    severity="warning",
    title="A router port is connected to nothing",
    why="No switch port names it, and it names no peer: the router has an address there, and nobody reaches it.",
    remedy="`ovn-nbctl lrp-del PORT`, or a switch port of type router for it",
    source="ovn-nb(5), Logical_Router_Port; understack #2330",
    example="r-lost of router r",
)
def _router_port_alone(tables: Tables) -> Iterator[Found]:
    connected = tables.switch_ports_of_router_port
    named_as_peer = {port.peer for router in tables.routers for port in tables.router_ports(router) if port.peer}
    for router in tables.routers:
        for port in tables.router_ports(router):
            is_connected = port.name in connected or port.peer or port.name in named_as_peer
            if not is_connected and port.enabled is not False:
                mend = f"ovn-nbctl lrp-del {argument(port)}"
                yield found(f"{named(port)} of router {named(router)}", port, router, remedy=mend)


@rule(
    "OVN703",
    severity="error",
    title="Two switch ports lead to one router port",
    why="A router port has one other end: ovn-northd takes one of the two, and the other switch has no router.",
    remedy="`ovn-nbctl lsp-del PORT`, of one of them",
    source="ovn-nb(5), Logical_Switch_Port, options:router-port; understack #2330",
    example="lsp-db-r, lsp-web-r lead to router port lrp-web-r",
)
def _two_to_one(tables: Tables) -> Iterator[Found]:
    for name, ports in sorted(tables.switch_ports_of_router_port.items()):
        held = [port for port in ports if port.ref in tables.switch_of]
        if len(held) > 1:
            yield found(
                f"{listed(port.name for port in held)} lead to router port {shown(name)}",
                *held,
                remedy=f"ovn-nbctl lsp-del {argument(held[-1])}",
            )


@rule(
    "OVN704",
    severity="error",
    title="The peer of a router port does not point back",
    why="Two routers are connected where each port names the other. One alone is no"
    " connection; a port that has a switch as well ends ovn-northd of 23.03 by a failed assertion, each time that it"
    " starts.",
    remedy="`ovn-nbctl set Logical_Router_Port PORT peer=PEER`, at both, or `ovn-nbctl clear Logical_Router_Port PORT"
    " peer`",
    source="ovn-nb(5), Logical_Router_Port, peer",
    example="r-r2 of router r names r2-r, which does not name it",
)
def _peer_apart(tables: Tables) -> Iterator[Found]:
    for router in tables.routers:
        for port in tables.router_ports(router):
            if not port.peer:
                continue
            other = tables.router_port(port.peer)
            mend = f"ovn-nbctl clear Logical_Router_Port {argument(port)} peer"
            if other is None:
                text = f"{named(port)} of router {named(router)} names {shown(port.peer)}, which is not there"
                yield found(text, port, router, remedy=mend)
            elif other.peer != port.name:
                text = f"{named(port)} of router {named(router)} names {shown(port.peer)}, which does not name it"
                yield found(text, port, other, router, remedy=mend)
            elif switch_ports := tables.switch_ports_of_router_port.get(port.name):
                text = f"{named(port)} of router {named(router)} has a peer and a switch port, {named(switch_ports[0])}"
                yield found(text, port, *switch_ports, remedy=mend)


@rule(
    "OVN705",
    severity="warning",
    title="Two switches or two routers have the same name",
    why="Names of switches and routers are not unique in the database: ovn-nbctl and whoever else asks by name refuses,"
    " or takes the wrong one. It is what a retry makes of a creation that had worked.",
    remedy="`ovn-nbctl set Logical_Switch UUID name=NAME`; `ovn-nbctl destroy Logical_Switch UUID`",
    source="ovn-nbctl(8); ovn-heater #146",
    example="2 switches are called web",
)
def _same_name(tables: Tables) -> Iterator[Found]:
    switches: dict[str, list[LogicalSwitch | LogicalRouter]] = {}
    routers: dict[str, list[LogicalSwitch | LogicalRouter]] = {}
    for switch in tables.switches:
        switches.setdefault(switch.name, []).append(switch)
    for router in tables.routers:
        routers.setdefault(router.name, []).append(router)
    for kind, by_name in (("switches", switches), ("routers", routers)):
        for name, rows in by_name.items():
            if len(rows) > 1 and name:
                table = "Logical_Switch" if kind == "switches" else "Logical_Router"
                yield found(
                    f"{len(rows)} {kind} are called {shown(name)}",
                    *rows,
                    remedy=f"ovn-nbctl set {table} {rows[-1].uuid} name=NAME",
                )


@rule(
    "OVN706",
    severity="error",
    title="The parent of a port is not there",
    why="A container's port is reached through the port of its VM; without that nobody claims it.",
    remedy="`ovn-nbctl lsp-del PORT`",
    source="ovn-nb(5), Logical_Switch_Port, parent_name",
    example="child of switch web is to be in gone, which is not there",
)
def _no_parent(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        for port in tables.ports(switch):
            if port.parent_name and tables.switch_port(port.parent_name) is None:
                yield found(
                    f"{named(port)} of switch {named(switch)} is to be in {shown(port.parent_name)}, which is not"
                    " there",
                    port,
                    remedy=f"ovn-nbctl lsp-del {argument(port)}",
                )


@rule(
    "OVN707",
    severity="warning",
    title="A virtual port has parents that are not there",
    why="A virtual address is bound to the parent that announces it; without the parent, or without the address,"
    " nobody ever has it.",
    remedy="`ovn-nbctl lsp-set-options PORT virtual-ip=IP virtual-parents=PORT,PORT`",
    source="ovn-nb(5), Logical_Switch_Port, options:virtual-parents",
    example="vip of switch web: gone is not there",
)
def _virtual_alone(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        for port in tables.ports(switch):
            if port.type != "virtual":
                continue
            parents = [name for name in port.options.get("virtual-parents", "").split(",") if name]
            missing = [name for name in parents if tables.switch_port(name) is None]
            faults = [f"{listed(missing)} is not there"] if missing else []
            faults += [] if port.options.get("virtual-ip") else ["it has no virtual-ip"]
            faults += [] if parents else ["it has no parents"]
            if faults:
                yield found(
                    f"{named(port)} of switch {named(switch)}: {', '.join(faults)}",
                    port,
                    remedy=f"ovn-nbctl lsp-set-options {argument(port)} virtual-ip=IP virtual-parents=PORT,PORT",
                )


@rule(
    "OVN708",
    severity="warning",
    title="No chassis answers for an external port",
    why="What is plugged in beside OVN gets DHCP and the like from the chassis of its HA group; without a group, or"
    " with an empty one, nobody answers it.",
    remedy="`ovn-nbctl set Logical_Switch_Port PORT ha_chassis_group=GROUP`",
    source="ovn-nb(5), Logical_Switch_Port, type external, ha_chassis_group; LP #1995078",
    example="sriov of switch web has no HA group with chassis in it",
)
def _external_alone(tables: Tables) -> Iterator[Found]:
    for switch in tables.switches:
        for port in tables.ports(switch):
            if port.type == "external" and not port.options.get("requested-chassis") and not _has_group(tables, port):
                yield found(
                    f"{named(port)} of switch {named(switch)} has no HA group with chassis in it",
                    port,
                    remedy=f"ovn-nbctl set Logical_Switch_Port {argument(port)} ha_chassis_group=GROUP",
                )


def _has_group(tables: Tables, port: LogicalSwitchPort) -> bool:
    group = None if port.ha_chassis_group is None else tables.nb(HAChassisGroup).get(port.ha_chassis_group)
    return group is not None and bool(group.ha_chassis)


LINK_RULES: Final[tuple[Rule, ...]] = (
    _to_no_router_port,
    _router_port_alone,
    _two_to_one,
    _peer_apart,
    _same_name,
    _no_parent,
    _virtual_alone,
    _external_alone,
)
