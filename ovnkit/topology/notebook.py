"""What a notebook shows of a topology: how much it is, the picture, and a table for where pictures are hidden."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice

from ovnkit.topology.cards import MOST_CARDS, MOST_PORTS, deck
from ovnkit.topology.graph import Topology
from ovnkit.topology.layout import lay_out
from ovnkit.topology.nodes import Node
from ovnkit.topology.svg import svg
from ovnkit.topology.text import printable

__all__ = ["html"]

_MOST_BYTES = 200_000
"""Larger pictures make notebooks slow: they are folded further until they are smaller."""
_MOST_ROWS = 60
_LONGEST = 60


def html(topology: Topology) -> str:
    """The HTML of a notebook's output, at most about 200 kB."""
    most = MOST_PORTS
    picture = lay_out(deck(topology, most_ports=most))
    drawn = svg(picture)
    while len(drawn) > _MOST_BYTES and most > 1:
        most //= 2
        picture = lay_out(deck(topology, most_ports=most, most_cards=min(most, MOST_CARDS)))
        drawn = svg(picture)
    said = escape(repr(topology)[1:-1])
    folded = f"<br><small>{escape(picture.folded)}</small>" if picture.folded else ""
    return f'<div class="ovnkit-topology"><p>{said}{folded}</p>{drawn}{"".join(_table(topology))}</div>'


def _table(topology: Topology) -> Iterator[str]:
    """JupyterLab shows no SVG of a notebook that is not trusted; it does show tables."""
    nodes = [node for node in topology if node.kind in ("router", "switch", "switch port", "chassis", "floating ip")]
    yield "<details><summary>The same as a table</summary>"
    yield '<table class="dataframe"><thead><tr>'
    yield "".join(f"<th>{name}</th>" for name in ("kind", "name", "state", "belongs to", "on", "facts"))
    yield "</tr></thead><tbody>"
    for node in islice(nodes, _MOST_ROWS):
        yield f"<tr>{''.join(f'<td>{_cell(text)}</td>' for text in _row(topology, node))}</tr>"
    yield "</tbody></table>"
    if len(nodes) > _MOST_ROWS:
        yield f"<p>the first {_MOST_ROWS} of {len(nodes)}; to_frame() has all</p>"
    yield "</details>"


def _row(topology: Topology, node: Node) -> tuple[str, ...]:
    parent = topology.nodes.get(node.parent or "")
    hosts = (edge.target for edge in topology.edges_of(node) if edge.kind == "binding" and edge.source == node.key)
    on = next((topology.nodes[key].label for key in hosts), "")
    facts = " ".join(f"{name}={value}" for name, value in node.facts.items())
    return node.kind, node.label, node.state, "" if parent is None else parent.label, on, facts


def _cell(text: str) -> str:
    return escape(printable(text, limit=_LONGEST))
