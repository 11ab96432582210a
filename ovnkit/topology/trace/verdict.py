"""What became of a packet, told from its hops: delivered, or dropped, where, and by which row."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import attrs

from ovnkit.northbound.rows import (
    ACL,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
    PortGroup,
)
from ovnkit.ovsdb.row import Row
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable
from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.obstacles import Obstacle

__all__ = ["Conclusion", "Drop", "Verdict", "conclude"]

Verdict = Literal["delivered", "dropped", "rejected", "unresolved", "elsewhere", "not sent", "unknown"]
"""What became of a packet.

``delivered``: it is where it was to go. ``dropped``: silently. ``rejected``: with an answer that says so.
``unresolved``: a router does not know the MAC address of its next hop yet, and asks for it. ``elsewhere``: it came out
of another port. ``not sent``: its sender cannot send it. ``unknown``: ovn-trace did not tell.
"""

_ACTIONS = ("icmp4", "icmp6", "tcp_reset", "sctp_abort", "reject")
_DNAT = re.compile(r"ct_dnat\w*\(ip[46]\.dst=([0-9a-f.:]+)\)")
_STOPPING = ("drop", "reject")
_LONGEST = 100


@attrs.frozen(kw_only=True)
class Drop:
    """Where a packet ends, and what makes it end there: a flow that a row of NB stands behind, or an obstacle."""

    reason: str
    row: Row[Any] | None = attrs.field(default=None, repr=False)
    hop: Hop | None = attrs.field(default=None, repr=False)
    obstacle: Obstacle | None = None

    @property
    def acl(self) -> ACL | None:
        """The ACL that drops or rejects it, None where it is no ACL."""
        return self.row if isinstance(self.row, ACL) else None


@attrs.frozen
class Conclusion:
    """What became of a packet, in one word and one sentence."""

    verdict: Verdict
    reason: str
    drop: Drop | None = None


def conclude(
    tables: Tables, hops: Sequence[Hop], *, to: str, wanted: Collection[str], of_source: str, anyone: bool
) -> Conclusion:
    """The conclusion from the hops of a packet for the address ``to``, to leave by one of the ports ``wanted``.

    ``of_source``: the port that it came from, where an answer of OVN itself leaves. ``anyone``: any port will do.
    """
    own = [hop for hop in hops if not hop.packet]
    if not own:
        return Conclusion("unknown", "ovn-trace printed no hop")
    if (asking := _asking(own)) is not None:
        return _unresolved(tables, asking, hops, to)
    left = [(port, kind) for hop in own for port, kind in hop.outputs if kind not in {"patch", "l3gateway"}]
    for port, kind in left:
        if port in wanted or (anyone and port != of_source and kind == ""):
            return Conclusion("delivered", f"delivered to port {printable(port)}")
    if any(port == of_source for port, _ in left):
        answering = next(
            (hop for hop in own if "<->" in "".join(hop.actions) or "eth.dst = eth.src;" in hop.actions), own[-1]
        )
        if not wanted or "arp" in answering.stage:
            return Conclusion("delivered", f"answered by {answering.kind} {printable(answering.name)}")
    answered = next((hop for hop in hops if hop.packet.startswith(("nd_na", "dhcp"))), None)
    if answered is not None:
        return Conclusion("delivered", f"answered by {answered.kind} {printable(answered.name)}")
    if any(hop.packet.startswith(_ACTIONS) for hop in hops):
        drop = _explained(tables, own, "rejected")
        return Conclusion("rejected", drop.reason, drop)
    if left:
        ports = ", ".join(sorted({printable(port) for port, _ in left}))
        return Conclusion("elsewhere", f"delivered to {ports}, which is not where it was to go")
    drop = _explained(tables, own, "dropped")
    return Conclusion("dropped", drop.reason, drop)


def _asking(own: Sequence[Hop]) -> Hop | None:
    """The hop where a router asks for a MAC address. In 25.03 the packet goes on from there, to an address of zeros."""
    asks = ("arp {", "nd_ns {")
    return next((hop for hop in own if any(action.startswith(asks) for action in hop.actions)), None)


def _unresolved(tables: Tables, asking: Hop, hops: Sequence[Hop], to: str) -> Conclusion:
    """Who could answer: hosts outside, and those whose addresses OVN is not told; if there are none, it is dropped."""
    asked = [(port, kind) for hop in hops if hop.packet for port, kind in hop.outputs if kind != "patch"]
    router = printable(asking.name)
    hop = _next_hop(hops, to)
    for name, kind in asked:
        port = tables.switch_port(name)
        if kind in {"localnet", "l2gateway", "vtep"} or (port is not None and "unknown" in port.addresses):
            reason = f"router {router} does not know the MAC address of {hop} yet, and asks for it by {printable(name)}"
            return Conclusion("unresolved", reason, Drop(reason=reason, row=asking.device, hop=asking))
    reason = f"dropped by router {router}: nobody has the address {hop}"
    return Conclusion("dropped", reason, Drop(reason=reason, row=asking.device, hop=asking))


def _next_hop(hops: Sequence[Hop], to: str) -> str:
    """What the last router sends to: what its route says, else the target, which NAT may have changed."""
    own = [hop for hop in hops if not hop.packet]
    for hop in own:
        if (changed := _DNAT.search(hop.before)) is not None:
            to = changed[1]
    for hop in reversed(own):
        for action in hop.actions:
            name, equals, value = action.rstrip(";").partition(" = ")
            if equals and name in {"reg0", "xxreg0"} and hop.stage.startswith("lr_in_ip_routing"):
                return to if value in {"ip4.dst", "ip6.dst"} else value
    return to


def _explained(tables: Tables, own: Sequence[Hop], how: str) -> Drop:
    """The last hop ends it; what that means depends on the stage."""
    last = own[-1]
    stage = last.stage
    for beginning, explain in _STAGES:
        if beginning in stage:
            found = explain(tables, own, how)
            if found is not None:
                return found
    return _by_stage(tables, own, how)


def _where(hop: Hop) -> str:
    return f"{hop.kind} {printable(hop.name)}"


def _by_stage(_tables: Tables, own: Sequence[Hop], how: str) -> Drop:
    last = own[-1]
    what = "no flow matches" if last.priority is None else f"priority {last.priority}, match {_short(last.match)}"
    reason = f"{how} on {_where(last)} in stage {last.stage or last.table} ({last.pipeline}): {what}"
    return Drop(reason=reason, row=last.row or last.device, hop=last)


def _short(text: str) -> str:
    return printable(text, limit=_LONGEST)


def _by_acl(tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    # Since 23.06 one stage finds the ACL and a later one of the same pipeline does what it says.
    same = [hop for hop in own if (hop.datapath, hop.pipeline) == (last.datapath, last.pipeline)]
    hop = next((hop for hop in reversed(same) if isinstance(hop.row, ACL) and hop.row.action in _STOPPING), None)
    if hop is None or not isinstance(hop.row, ACL):
        why = "no ACL allows it, and what none allows is dropped here"
        if "ct.inv" in last.match:
            why = "connection tracking takes it for invalid, or its connection is not allowed any more"
        reason = f"{how} on {_where(last)}: {why}"
        return Drop(reason=reason, row=last.row or last.device, hop=last)
    acl = hop.row
    groups = [group.name for group in tables.nb(PortGroup).values() if acl.ref in group.acls]
    name = f" {printable(acl.name)}" if acl.name else ""
    group = f" of port group {', '.join(map(printable, sorted(groups)))}" if groups else ""
    reason = (
        f"{how} by ACL{name}{group} on {_where(hop)}, priority {acl.priority}, {acl.direction} {acl.action}, "
        f"match {_short(acl.match)}"
    )
    return Drop(reason=reason, row=acl, hop=hop)


def _by_port_security(tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    name = (last.outport if last.pipeline == "egress" else last.inport) or ""
    port = tables.switch_port(name)
    if port is not None and port.enabled is False:
        return Drop(reason=f"{how} on {_where(last)}: port {printable(name)} is disabled", row=port, hop=last)
    way = "to" if last.pipeline == "egress" else "from"
    reason = f"{how} on {_where(last)}: port security of port {printable(name)} forbids this packet {way} it"
    return Drop(reason=reason, row=port or last.row, hop=last)


def _by_lookup(tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    """The switch knows nobody with this MAC address, or knows that whoever has it is disabled."""
    last = own[-1]
    port = last.row
    if isinstance(port, LogicalSwitchPort) and port.enabled is False:
        return Drop(reason=f"{how} on {_where(last)}: port {printable(port.name)} is disabled", row=port, hop=last)
    switch = last.device
    for one in tables.ports(switch) if isinstance(switch, LogicalSwitch) else ():
        peer = tables.peer_router_port(one) if one.type == "router" else None
        router = None if peer is None else tables.router_of.get(peer.ref)
        if router is not None and router.enabled is False:
            reason = f"{how} on {_where(last)}: router {printable(router.name)} is disabled"
            return Drop(reason=reason, row=router, hop=last)
    reason = f"{how} on {_where(last)}: no port of it has the MAC address that the packet goes to"
    return Drop(reason=reason, row=switch, hop=last)


def _by_admission(tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    port = tables.router_port(last.inport)
    if isinstance(last.device, LogicalRouter) and last.device.enabled is False:
        return Drop(reason=f"{how}: {_where(last)} is disabled", row=last.device, hop=last)
    if port is not None and port.enabled is False:
        return Drop(
            reason=f"{how} on {_where(last)}: router port {printable(port.name)} is disabled", row=port, hop=last
        )
    reason = f"{how} on {_where(last)}: the packet is not for the MAC address of router port {printable(last.inport)}"
    return Drop(reason=reason, row=port or last.device, hop=last)


def _by_input(tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    port = tables.router_port(last.inport)
    if "ip.ttl ==" in last.match:
        reason = f"{how} on {_where(last)}: its ttl has run out"
        return Drop(reason=reason, row=last.device, hop=last)
    if "icmp4.type == 3" in "".join(last.actions) or "icmp6.type == 1" in "".join(last.actions) or last.drops:
        reason = f"{how} on {_where(last)}: it is for an address of the router itself, which takes no such packet"
        row = last.row if isinstance(last.row, LogicalRouterPort) else port
        return Drop(reason=reason, row=row or last.device, hop=last)
    return None


def _by_routing(_tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    route = last.row
    if isinstance(route, LogicalRouterStaticRoute):
        reason = f"{how} on {_where(last)} by the route {printable(route.ip_prefix)} via {printable(route.nexthop)}"
        return Drop(reason=reason, row=route, hop=last)
    return Drop(reason=f"{how} on {_where(last)}: it has no route for it", row=last.device, hop=last)


def _by_policy(_tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    if not isinstance(last.row, LogicalRouterPolicy):
        return None
    policy = last.row
    reason = f"{how} on {_where(last)} by the policy with priority {policy.priority}, match {_short(policy.match)}"
    return Drop(reason=reason, row=policy, hop=last)


def _by_load_balancer(_tables: Tables, own: Sequence[Hop], how: str) -> Drop | None:
    last = own[-1]
    if not isinstance(last.row, LoadBalancer):
        return None
    name = printable(last.row.name)
    reason = f"{how} by load balancer {name} on {_where(last)}: it has no backend for this address that is up"
    return Drop(reason=reason, row=last.row, hop=last)


_Explain = Callable[[Tables, Sequence[Hop], str], Drop | None]
_STAGES: tuple[tuple[str, _Explain], ...] = (
    ("_acl", _by_acl),
    ("_port_sec", _by_port_security),
    ("ls_in_l2_", _by_lookup),
    ("lr_in_admission", _by_admission),
    ("lr_in_ip_input", _by_input),
    ("lr_in_ip_routing", _by_routing),
    ("lr_in_policy", _by_policy),
    ("_lb", _by_load_balancer),
    ("lr_in_dnat", _by_load_balancer),
)
"""By a part of the name of the stage, which northd has kept over the releases; numbers and order it has not."""
