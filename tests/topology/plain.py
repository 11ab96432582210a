"""Topologies made of plain values."""

from __future__ import annotations

from collections.abc import Iterable

from ovnkit.topology import Edge, Node, Topology
from ovnkit.topology.nodes import Kind
from ovnkit.topology.source import Source
from ovnkit.topology.tables import Tables


def node(kind: Kind, name: str, *, parent: str | None = None, state: str = "", **facts: str) -> Node:
    """A node whose key is its name, with its kind where that alone would not do."""
    return Node(f"{kind} {name}", kind, name, name, state, facts, parent)


def topology(nodes: Iterable[Node], edges: Iterable[Edge] = ()) -> Topology:
    source = Source(None, None, (), Tables(None))
    return Topology({each.key: each for each in nodes}, tuple(edges), source=source)


HOSTILE = (
    "<script>alert(1)</script>",
    "\"quotes' and `ticks`",
    "right\u202eto left\u2066",
    "x" * 10_000,
    "line\nend\rtab\tbell\x07nul\x00",
    "]]> --> &amp; %% {} #35; \\n",
    "\u2028\u2029",
)


def hostile() -> Topology:
    """A network all of whose texts are what somebody would write who means harm."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for number, name in enumerate(HOSTILE):
        switch, router, chassis = f"s{number}", f"r{number}", f"c{number}"
        nodes += [
            Node(router, "router", name, name),
            Node(f"rp{number}", "router port", name, name, facts={"networks": name, "mac": name}, parent=router),
            Node(f"nat{number}", "floating ip", name, name, facts={"logical ip": name}, parent=router),
            Node(switch, "switch", name, name),
            Node(f"p{number}", "switch port", name, name, "up", {"addresses": f"x {name}"}, switch),
            Node(f"l{number}", "switch port", name, name, "", {"type": "localnet", "network": name}, switch),
            Node(f"lp{number}", "switch port", name, name, "", {"type": "router"}, switch),
            Node(f"lb{number}", "load balancer", name, name, facts={name: name}),
            Node(chassis, "chassis", name, name, facts={"encap": name}),
            Node(f"b{number}", "bridge", name, name, "", {}, chassis),
        ]
        edges += [
            Edge("link", f"lp{number}", f"rp{number}"),
            Edge("gateway", f"rp{number}", chassis, name, "active"),
            Edge("binding", f"p{number}", chassis),
            Edge("service", f"lb{number}", switch),
            Edge("tunnel", chassis, f"c{(number + 1) % len(HOSTILE)}", name),
        ]
    return topology(nodes, edges)
