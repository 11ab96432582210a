"""The network as a graph: nodes that are rows of the databases, the edges between them, and ways to look at them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, get_args

import attrs

from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.topology.nodes import Edge, Kind, Node, View

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from ovnkit.topology.checks import Findings
    from ovnkit.topology.live import Live
    from ovnkit.topology.source import Source
    from ovnkit.topology.svg import Theme
    from ovnkit.topology.trace import End, Trace
    from ovnkit.topology.trace.options import TraceOptions
    from ovnkit.topology.widget import TopologyWidget

__all__ = ["Topology"]

_PHYSICAL: frozenset[Kind] = frozenset({"provider", "chassis", "bridge", "interface"})
_LOGICAL: frozenset[Kind] = frozenset(get_args(Kind)) - {"chassis", "bridge", "interface"}


@attrs.frozen(eq=False, repr=False)
class Topology:
    """A network as it was at one moment. It draws itself in Jupyter, and prints itself as a tree.

    ``nodes`` by their keys, in the order in which they are drawn; ``edges`` in a fixed order as well.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    source: Source = attrs.field(kw_only=True)
    _cuts: tuple[Callable[[Topology], Topology], ...] = attrs.field(default=(), kw_only=True)
    """How this part was cut out of the whole, to cut it out of a later state again."""

    def __str__(self) -> str:
        from ovnkit.topology.tree import tree

        return tree(self)

    def __repr__(self) -> str:
        counted = dict.fromkeys(("router", "switch", "switch port", "chassis"), 0)
        for node in self.nodes.values():
            if node.kind in counted and node.row is not None:
                counted[node.kind] += 1
        return f"<Topology {', '.join(_several(number, kind) for kind, number in counted.items())}>"

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str | Node) -> Node:
        """The node of this key, name or label. Raises NotFound, and NotUnique where several have the name."""
        if isinstance(name, Node):
            if name.key not in self.nodes:
                raise NotFound("topology", {"name": name.label})
            return self.nodes[name.key]
        if name in self.nodes:
            return self.nodes[name]
        found = self._by_name.get(name, [])
        # What a name belongs to first of all: a switch port and its interface have the same.
        for tier in _TIERS:
            of_tier = [node for node in found if node.kind in tier]
            if len(of_tier) == 1:
                return of_tier[0]
            if of_tier:
                raise NotUnique("topology", {"name": name}, tuple(node.key for node in of_tier))
        hint = "search(), or --search, finds a part of a name or address"
        raise NotFound("topology", {"name": name}, near=self._near(name), hint=hint)

    def _ipython_key_completions_(self) -> list[str]:
        return sorted(self._by_name)

    def children(self, node: Node | str) -> list[Node]:
        """What belongs to a node, in the order in which it is drawn."""
        return list(self._children.get(self[node].key, ()))

    def edges_of(self, node: Node | str) -> list[Edge]:
        """The edges at a node."""
        return list(self._edges_at.get(self[node].key, ()))

    def place(self, node: Node | str) -> Node:
        """The switch, router, chassis, … that a node belongs to in the end: itself, where it belongs to none."""
        return self.nodes[self._place(self[node].key)]

    def search(self, text: str) -> list[Node]:
        """The nodes whose name, label or facts (addresses, networks, …) have ``text`` in them."""
        return [node for node in self if node.mentions(text)]

    def filter(
        self, text: str = "", *, kind: Kind | Iterable[Kind] | None = None, state: str | None = None
    ) -> Topology:
        """The part of the network with the nodes that match all of what is given, and what these belong to."""
        kinds = _kinds(kind)
        kept = {
            node.key
            for node in self
            if (kinds is None or node.kind in kinds)
            and (state is None or node.state == state)
            and (not text or node.mentions(text))
        }
        return self._part(kept, lambda later: later.filter(text, kind=kind, state=state))

    def view(self, view: View) -> Topology:
        """The logical network, the physical one (chassis, tunnels, bridges, what is bound where), or both."""
        if view == "both":
            return self
        if view not in get_args(View):
            raise InvalidValue(table="topology", column="view", value=view, allowed="logical, physical or both")
        if view == "logical":
            kept = {node.key for node in self if node.kind in _LOGICAL}
        else:
            kept = {edge.source for edge in self.edges if edge.kind == "binding"}
            kept |= {node.key for node in self if node.kind in _PHYSICAL}
        return self._part(kept, lambda later: later.view(view), owners=False)

    def focus(self, *names: str | Node, depth: int = 1) -> Topology:
        """The part of the network around some nodes: the switches and routers at most ``depth`` links away.

        A port and its switch are one place: from a VM its switch is 0 links away, the router 1. Of the places around,
        the ports that do not lead from one to another are left out. With a port comes the chassis that it is bound
        to; with a chassis what is bound there; with a load balancer, DHCP options or a floating IP what they serve.
        Raises NotFound, NotUnique, InvalidValue.
        """
        if depth < 0:
            raise InvalidValue(table="topology", column="depth", value=depth, allowed="0 or more links")
        chosen = {self[name].key for name in names}
        served = {edge.target for edge in self.edges if edge.kind == "service" and edge.source in chosen}
        bound_here = {edge.source for edge in self.edges if edge.kind == "binding" and edge.target in chosen}
        named = chosen | bound_here | served
        near = self._within(depth, {self._place(key) for key in named})
        # Of a link to what is further away only one end would be left; that a switch leads outside is always worth it.
        ends = near.union(node.key for node in self if node.kind == "provider")
        links = (edge for edge in self.edges if edge.kind == "link")
        within = (edge for edge in links if {self._place(edge.source), self._place(edge.target)} <= ends)
        shown = named.union(*((edge.source, edge.target) for edge in within))
        kept = {
            node.key
            for node in self
            if self._place(node.key) in near
            and (node.kind != "switch port" or node.key in shown or node.parent in chosen)
        }
        # Where all of it is: by what is kept, not by all that its places have.
        for edge in self.edges:
            if edge.kind in ("binding", "gateway") and edge.source in kept:
                kept.add(edge.target)
            elif edge.kind in ("service", "attachment") and edge.target in kept:
                kept.add(edge.source)
        sought = {key: self.nodes[key].name for key in sorted(chosen)}

        # What was made anew is another row with the same name.
        def again(later: Topology) -> Topology:
            return later.focus(*(key if key in later.nodes else name for key, name in sought.items()), depth=depth)

        return self._part(kept, again)

    def path(self, source: str | Node, target: str | Node) -> list[Node]:
        """The nodes on the shortest way through the logical network, both ends included; none where there is none.

        What the topology allows, not what rules and routes do: that is ``trace()``.
        """
        start, end = self[source], self[target]
        before: dict[str, str | None] = {start.key: None}
        waiting = deque([start.key])
        while waiting and end.key not in before:
            key = waiting.popleft()
            for neighbour in self._logical_neighbours.get(key, ()):
                if neighbour not in before:
                    before[neighbour] = key
                    waiting.append(neighbour)
        way: list[Node] = []
        at: str | None = end.key if end.key in before else None
        while at is not None:
            way.append(self.nodes[at])
            at = before[at]
        return way[::-1]

    def trace(self, source: End | Node, target: End | Node, **packet: Unpack[TraceOptions]) -> Trace:
        """Why ``source`` can reach ``target``, or cannot, as the databases are now: see ``topology.trace()``.

        Ends are nodes, or what ``topology.trace()`` takes. Raises NotReached without Northbound, NotFound, NotUnique.
        """
        from ovnkit.errors import NotReached
        from ovnkit.topology.trace import trace

        nb, sb, vswitches = self.source.nb, self.source.sb, self.source.vswitches
        if nb is None:
            raise NotReached("Northbound", ())
        ends: list[Any] = [end.row or end.name if isinstance(end, Node) else end for end in (source, target)]
        return trace(nb, sb, *ends, vswitches=vswitches, **packet)

    def check(self, *, only: Iterable[str] = (), ignore: Iterable[str] = ()) -> Findings:
        """What is wrong with the network, or may be, as it was when it was read: see ``topology.check()``."""
        from ovnkit.topology.checks import chosen, judge

        return judge(chosen(only, ignore), self.source.tables)

    def again(self) -> Topology:
        """The same part of the network as it is now. Raises NotFound where what it is around is no longer there."""
        from ovnkit.topology.building import of

        found = of(self.source.nb, self.source.sb, self.source.vswitches)
        for cut in self._cuts:
            found = cut(found)
        return found

    def live(self, *, interval: float = 0.5) -> Live:
        """Draw it in a notebook, and again as the network changes, at most every ``interval`` seconds, until stopped.

        Raises MissingExtra (``notebook``).
        """
        from ovnkit.topology.live import Live

        return Live(self, interval=interval)

    def to_dict(self) -> dict[str, Any]:
        """Nodes and edges, as JSON has them."""
        return {"nodes": [node.to_dict() for node in self], "edges": [edge.to_dict() for edge in self.edges]}

    def to_svg(self, *, theme: Theme = "auto", whole: bool = False) -> str:
        """The picture as SVG. "auto": colours of the page; ``whole``: nothing is folded. Raises InvalidValue."""
        from ovnkit.topology.cards import MOST_CARDS, MOST_PORTS, deck
        from ovnkit.topology.layout import lay_out
        from ovnkit.topology.svg import svg

        limits = (None, None) if whole else (MOST_PORTS, MOST_CARDS)
        return svg(lay_out(deck(self, most_ports=limits[0], most_cards=limits[1])), theme=theme)

    def to_html(self, *, title: str = "Topology of the network") -> str:
        """One HTML file that needs no network: the picture to zoom, drag, search, select in and fold."""
        from ovnkit.topology.html import page

        return page(self, title=title)

    def widget(self) -> TopologyWidget:
        """The same in a notebook, with what is selected readable from Python. Raises MissingExtra."""
        from ovnkit.topology.widget import TopologyWidget

        return TopologyWidget(self)

    def to_dot(self) -> str:
        """The graph in the language of Graphviz."""
        from ovnkit.topology.export import to_dot

        return to_dot(self)

    def to_mermaid(self) -> str:
        """The graph as a Mermaid flow chart."""
        from ovnkit.topology.export import to_mermaid

        return to_mermaid(self)

    def to_networkx(self) -> nx.MultiGraph[str]:
        """A networkx.MultiGraph by the keys of the nodes. Raises MissingExtra."""
        from ovnkit.topology.export import to_networkx

        return to_networkx(self)

    def to_frame(self) -> pd.DataFrame:
        """A pandas.DataFrame, a row for each node. Raises MissingExtra."""
        from ovnkit.topology.export import to_frame

        return to_frame(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to a file, as its suffix says: .svg, .html, .png, .dot, .mmd, .json or .txt.

        Raises InvalidValue for another suffix, MissingExtra and OSError.
        """
        from ovnkit.topology.export import save

        save(self, Path(path))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from ovnkit.topology.notebook import html

        return {"text/plain": str(self), "text/html": html(self)}

    # -- how it hangs together ---------------------------------------------------------------------------------------

    @cached_property
    def _by_name(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self:
            for name in {node.name, node.label}:
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def _children(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self:
            if node.parent is not None:
                found.setdefault(node.parent, []).append(node)
        return found

    @cached_property
    def _edges_at(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            for key in dict.fromkeys((edge.source, edge.target)):
                found.setdefault(key, []).append(edge)
        return found

    def _place(self, key: str) -> str:
        parent = self.nodes[key].parent
        while parent is not None and parent in self.nodes:
            key, parent = parent, self.nodes[parent].parent
        return key

    def _within(self, depth: int, places: set[str]) -> set[str]:
        """The places at most ``depth`` links away from these."""
        found = set(places)
        edge_of_found = places
        for _ in range(depth):
            edge_of_found = {there for here in edge_of_found for there in self._neighbours.get(here, ())} - found
            found |= edge_of_found
        return found

    @cached_property
    def _neighbours(self) -> dict[str, set[str]]:
        """The places that links lead to, from each place."""
        found: dict[str, set[str]] = {}
        for edge in self.edges:
            if edge.kind == "link":
                ends = self._place(edge.source), self._place(edge.target)
                found.setdefault(ends[0], set()).add(ends[1])
                found.setdefault(ends[1], set()).add(ends[0])
        return found

    @cached_property
    def _logical_neighbours(self) -> dict[str, dict[str, None]]:
        found: dict[str, dict[str, None]] = {}
        for node in self:
            if node.parent is not None and node.kind in _LOGICAL and node.parent in self.nodes:
                found.setdefault(node.key, {})[node.parent] = None
                found.setdefault(node.parent, {})[node.key] = None
        for edge in self.edges:
            if edge.kind == "link":
                found.setdefault(edge.source, {})[edge.target] = None
                found.setdefault(edge.target, {})[edge.source] = None
        return found

    def _part(self, keys: set[str], cut: Callable[[Topology], Topology], *, owners: bool = True) -> Topology:
        """These nodes, with what they belong to, and the edges between them."""
        kept = set(keys)
        for key in keys if owners else ():
            parent = self.nodes[key].parent
            while parent is not None and parent in self.nodes:
                kept.add(parent)
                parent = self.nodes[parent].parent
        nodes = {key: node for key, node in self.nodes.items() if key in kept}
        edges = tuple(edge for edge in self.edges if edge.source in kept and edge.target in kept)
        return attrs.evolve(self, nodes=nodes, edges=edges, cuts=(*self._cuts, cut))

    def _near(self, name: str) -> tuple[str, ...]:
        import difflib

        return tuple(difflib.get_close_matches(name, self._by_name, 3))


_TIERS: tuple[frozenset[Kind], ...] = (
    frozenset({"switch port"}),
    frozenset({"switch", "router", "provider"}),
    frozenset({"router port", "floating ip", "load balancer", "chassis"}),
    frozenset(get_args(Kind)),
)


def _kinds(kind: Kind | Iterable[Kind] | None) -> frozenset[str] | None:
    if kind is None:
        return None
    kinds = frozenset({kind} if isinstance(kind, str) else kind)
    if unknown := kinds - set(get_args(Kind)):
        raise InvalidValue(
            table="topology", column="kind", value=", ".join(sorted(unknown)), allowed=", ".join(get_args(Kind))
        )
    return kinds


def _several(number: int, kind: str) -> str:
    plural = kind if kind == "chassis" else f"{kind}es" if kind == "switch" else f"{kind}s"
    return f"{number} {kind if number == 1 else plural}"
