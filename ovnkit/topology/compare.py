"""Two states of a network in one graph: what was added, what was removed, what is another one now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import attrs

from ovnkit.topology.graph import Topology
from ovnkit.topology.nodes import Edge, Node

__all__ = ["compare"]

_Identity = tuple[object, ...]


def compare(before: Topology, after: Topology) -> Topology:
    """``after`` with what was there before as well, the state of each node "added", "removed", "changed" or "".

    Edges that are as they were keep their state. Nodes are the same by their keys, or by their kind, name and place
    where these are of two databases; of several of one name and place the first is the first, and so on.
    """
    there = {identity: key for key, identity in _identities(before, after).items()}
    pairs = {key: there.get(identity) for key, identity in _identities(after, before).items()}
    renamed = {old: key for key, old in pairs.items() if old is not None}
    nodes: dict[str, Node] = {}
    for key, node in after.nodes.items():
        old = pairs[key]
        state = "added" if old is None else "changed" if _differs(before.nodes[old], node) else ""
        nodes[key] = attrs.evolve(node, state=state, facts=_facts(before.nodes[old] if old else None, node))
    for key, node in before.nodes.items():
        if key not in renamed:
            parent = None if node.parent is None else renamed.get(node.parent, node.parent)
            nodes[key] = attrs.evolve(node, state="removed", parent=parent)
    return attrs.evolve(after, nodes=nodes, edges=_edges(before, after, renamed))


def _identities(topology: Topology, other: Topology) -> dict[str, _Identity]:
    """What each node is known by: its key where the other state has it too; of the same name and place the order."""
    found: dict[str, _Identity] = {key: (key,) for key in topology.nodes if key in other.nodes}
    alike: Counter[_Identity] = Counter()

    def identity(key: str) -> _Identity:
        if key not in found:
            node = topology.nodes[key]
            place = identity(node.parent) if node.parent in topology.nodes and node.parent is not None else ()
            translated = node.facts.get("external ports", ""), node.facts.get("logical ip", "")
            known = (node.kind, node.name, translated, place)
            alike[known] += 1
            found[key] = (*known, alike[known])
        return found[key]

    return {key: identity(key) for key in topology.nodes}


def _differs(old: Node, new: Node) -> bool:
    return (old.name, old.label, old.state, dict(old.facts)) != (new.name, new.label, new.state, dict(new.facts))


def _facts(old: Node | None, new: Node) -> dict[str, str]:
    """The facts of a node, with what they were where they are others now."""
    if old is None:
        return dict(new.facts)
    facts = {**old.facts, **new.facts}
    found: dict[str, str] = {}
    for name in facts:
        was, now = old.facts.get(name, ""), new.facts.get(name, "")
        found[name] = now if was == now else f"{was or '(none)'} → {now or '(none)'}"
    if old.state != new.state:
        found["state"] = f"{old.state or '(none)'} → {new.state or '(none)'}"
    return found


def _state(old: Edge | None, new: Edge) -> str:
    if old is None:
        return "added"
    return new.state if (old.label, old.state) == (new.label, new.state) else "changed"


def _edges(before: Topology, after: Topology, renamed: dict[str, str]) -> tuple[Edge, ...]:
    def by_ends(edges: Iterable[Edge], key: Callable[[str], str]) -> dict[tuple[str, str, str, int], Edge]:
        """The edges by what they join, of several between the same two in their order."""
        found: dict[tuple[str, str, str, int], Edge] = {}
        alike: Counter[tuple[str, str, str]] = Counter()
        for edge in edges:
            ends = edge.kind, key(edge.source), key(edge.target)
            alike[ends] += 1
            found[*ends, alike[ends]] = edge
        return found

    def renamed_or_own(key: str) -> str:
        return renamed.get(key, key)

    old = by_ends(before.edges, renamed_or_own)
    new = by_ends(after.edges, str)
    found = [attrs.evolve(edge, state=_state(old.get(key), edge)) for key, edge in new.items()]
    found += [
        attrs.evolve(edge, source=key[1], target=key[2], state="removed") for key, edge in old.items() if key not in new
    ]
    return tuple(found)
