"""The network as a tree of text: routers, switches and chassis, each with what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator

from ovnkit.topology.graph import Topology
from ovnkit.topology.nodes import Edge, Node
from ovnkit.topology.text import printable

__all__ = ["tree"]

_ROOTS = ("router", "switch", "chassis")
_MOST_PORTS = 100
"""So many ports of one switch are listed, and the rest counted: what fits no screen is not looked at."""


def tree(topology: Topology) -> str:
    """The tree of text. What is in no tree of its own (physical networks, services) stands where it is used."""
    lines: list[str] = []
    for node in topology:
        # A chassis that Northbound only names is told at the gateways; it is no host of this network.
        if node.kind in _ROOTS and (node.row is not None or topology.children(node)):
            lines += _lines(_branch(topology, node))
    if not lines:
        # A part that has nothing but services, for example.
        alone = (node for node in topology if node.parent is None and node.kind not in _ROOTS)
        lines = [line for node in alone for line in _lines(_branch(topology, node))]
    return "\n".join(lines) or "an empty network"


class _Branch:
    """A line, and what is below it."""

    def __init__(self, *words: str) -> None:
        self.line = "  ".join(printable(word) for word in words if word)
        self.below: list[_Branch] = []


def _lines(branch: _Branch) -> Iterator[str]:
    yield branch.line
    for index, child in enumerate(branch.below):
        fork, indent = ("└── ", "    ") if index == len(branch.below) - 1 else ("├── ", "│   ")
        first, *further = _lines(child)
        yield fork + first
        yield from (indent + line for line in further)


def _branch(topology: Topology, node: Node) -> _Branch:
    branch = _Branch(*_words(topology, node))
    children = topology.children(node)
    shown = children if len(children) <= _MOST_PORTS else children[:_MOST_PORTS]
    branch.below += [_branch(topology, child) for child in shown]
    if len(shown) < len(children):
        branch.below.append(_Branch(f"… {len(children) - len(shown)} more"))
    for edge in topology.edges_of(node):
        branch.below += _edge(topology, node, edge)
    return branch


def _words(topology: Topology, node: Node) -> list[str]:
    kind, name = node.kind.split()[-1] if node.kind.endswith("port") else node.kind, node.label
    facts = dict(node.facts)
    if node.label != node.name and node.kind != "chassis":
        facts = {"name": node.name, **facts}
    if facts.get("type") == "localnet":
        vlan = f"vlan {facts['vlan']}" if "vlan" in facts else ""
        return [f"provider network {facts.get('network', '?')}", node.name, vlan]
    if node.kind in ("floating ip", "nat"):
        sign = {"snat": "<-", "dnat": "->"}.get(facts.pop("type", ""), "<->")
        kind = node.kind if sign == "<->" else "snat" if sign == "<-" else "dnat"
        facts.pop("external mac", "")
        name += f":{ports}" if (ports := facts.pop("external ports", "")) else ""
        return [f"{kind} {name}", f"{sign} {facts.pop('logical ip', '?')}", *facts.values()]
    if node.kind == "route":
        table = f"table {facts['table']}" if "table" in facts else ""
        return [f"route {name}", f"via {facts.get('via', '?')}", table]
    if facts.get("type") == "router":
        facts.pop("type")
    words = [f"{kind} {name}", *facts.values(), node.state]
    for edge in topology.edges_of(node):
        there = topology.nodes[edge.target if edge.source == node.key else edge.source]
        owner = topology.nodes.get(there.parent or "")
        if edge.kind == "binding" and edge.source == node.key:
            words.append(f"on {there.label}")
        elif edge.kind == "link" and owner is not None:
            words.append(f"-> {owner.kind} {owner.label}")
        elif edge.kind == "patch":
            words.append(f"-> {there.label}")
    return words


def _edge(topology: Topology, node: Node, edge: Edge) -> list[_Branch]:
    """What an edge adds below a node: its gateways, its services, what is bound to it."""
    if edge.kind == "gateway" and edge.source == node.key:
        there = topology.nodes[edge.target]
        return [
            _Branch(f"gateway {there.label}", edge.label, edge.state if edge.state != "standby" else "", there.state)
        ]
    if edge.kind == "gateway":
        return (
            [_Branch(f"gateway of {topology.nodes[edge.source].label}", edge.label)] if edge.state == "active" else []
        )
    if edge.kind == "service" and edge.target == node.key and node.kind in _ROOTS:
        there = topology.nodes[edge.source]
        if there.kind == "load balancer":
            vips = [f"{vip} -> {backends}" for vip, backends in there.facts.items() if vip != "protocol"]
            return [_Branch(f"load balancer {there.label}", *vips)]
        return [_Branch(f"{there.kind} {there.label}")]
    if edge.kind == "binding" and edge.target == node.key:
        return [_Branch(f"port {topology.nodes[edge.source].label}")]
    return []
