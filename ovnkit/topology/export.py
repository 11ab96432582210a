"""The graph in other people's forms: DOT, Mermaid, networkx, pandas, and files by their suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ovnkit.errors import InvalidValue, MissingExtra, OvnkitError
from ovnkit.topology.graph import Topology
from ovnkit.topology.nodes import Edge, Node
from ovnkit.topology.svg import FONT
from ovnkit.topology.text import printable

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

__all__ = ["save", "to_dot", "to_frame", "to_mermaid", "to_networkx", "to_png"]

_SHAPES = {
    "provider": "cloud",
    "router": "diamond",
    "switch": "box",
    "chassis": "box3d",
    "bridge": "folder",
    "interface": "plain",
    "switch port": "oval",
    "router port": "oval",
}
_STYLES = {"binding": "dotted", "tunnel": "dashed", "mapping": "dashed", "attachment": "dotted"}
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="20">'
_TEXT = f'{_SVG}<text y="15" font-family="{FONT}">{{}}</text></svg>'
_LONGEST = 80
"""Labels of DOT and Mermaid are cut to so many cells."""


def to_dot(topology: Topology) -> str:
    """The graph in the language of Graphviz; what belongs to a switch, a router or a chassis is in its cluster."""
    names = {key: f"n{number}" for number, key in enumerate(topology.nodes)}
    lines = ["graph ovn {", "  graph [rankdir=LR, compound=true];", '  node [fontname="monospace", fontsize=10];']
    for node in topology:
        if node.parent is None or node.parent not in topology.nodes:
            lines += _dot_cluster(topology, node, names, "  ")
    for edge in topology.edges:
        label = f', label="{_dot(edge.label)}"' if edge.label else ""
        style = _STYLES.get(edge.kind, "solid")
        lines.append(f"  {names[edge.source]} -- {names[edge.target]} [style={style}{label}];")
    return "\n".join((*lines, "}", ""))


def _dot_cluster(topology: Topology, node: Node, names: dict[str, str], indent: str) -> list[str]:
    state = f"\\n{node.state}" if node.state else ""
    shape = _SHAPES.get(node.kind, "note")
    line = f'{indent}{names[node.key]} [shape={shape}, label="{_dot(node.label)}{state}", tooltip="{node.kind}"];'
    children = topology.children(node)
    if not children:
        return [line]
    inner = [text for child in children for text in _dot_cluster(topology, child, names, f"{indent}  ")]
    head = f'{indent}subgraph "cluster_{names[node.key]}" {{ label="{node.kind} {_dot(node.label)}";'
    return [head, f"  {line}", *inner, f"{indent}}}"]


def _dot(text: str) -> str:
    # Graphviz reads HTML entities in labels, and backslashes.
    shown = printable(text, limit=_LONGEST).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown.replace("\\", "\\\\").replace('"', '\\"')


def to_mermaid(topology: Topology) -> str:
    """The graph as a Mermaid flow chart, as JupyterLab, GitHub and GitLab draw it.

    By default these draw at most 500 links: of a large network take a part of it, with ``focus()`` or ``filter()``.
    """
    names = {key: f"n{number}" for number, key in enumerate(topology.nodes)}
    lines = ["flowchart LR"]
    for node in topology:
        if node.parent is None or node.parent not in topology.nodes:
            lines += _mermaid_group(topology, node, names, "  ")
    for edge in topology.edges:
        arrow = {"binding": "-.-", "tunnel": "-.-", "mapping": "-.-", "attachment": "-.-"}.get(edge.kind, "---")
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        lines.append(f"  {names[edge.source]} {arrow}{label} {names[edge.target]}")
    return "\n".join((*lines, ""))


def _mermaid_group(topology: Topology, node: Node, names: dict[str, str], indent: str) -> list[str]:
    state = f" ({node.state})" if node.state else ""
    line = f'{indent}{names[node.key]}["{_mermaid(f"{node.kind} {node.label}{state}")}"]'
    children = topology.children(node)
    if not children:
        return [line]
    inner = [text for child in children for text in _mermaid_group(topology, child, names, f"{indent}  ")]
    head = f'{indent}subgraph g{names[node.key]}["{_mermaid(node.label)}"]'
    return [head, f"  {line}", *inner, f"{indent}end"]


def _mermaid(text: str) -> str:
    """Everything but letters, digits and a few harmless signs as entities, in Mermaid's own way of writing them."""
    shown = printable(text, limit=_LONGEST)
    return "".join(
        character if character.isalnum() or character in " .:-_/,()…" else f"#{ord(character)};" for character in shown
    )


def to_networkx(topology: Topology) -> nx.MultiGraph[str]:
    """A networkx.MultiGraph by the keys of the nodes, with all that is known as attributes. Extra: ``topology``."""
    try:
        import networkx as nx
    except ImportError as exc:
        raise MissingExtra("networkx", "topology") from exc
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    for node in topology:
        attributes = {name: value for name, value in node.to_dict().items() if name != "key"}
        graph.add_node(node.key, **attributes)
    for edge in topology.edges:
        graph.add_edge(edge.source, edge.target, kind=edge.kind, label=edge.label, state=edge.state)
    for node in topology:
        if node.parent is not None and node.parent in topology.nodes:
            graph.add_edge(node.parent, node.key, kind="part", label="", state="")
    return graph


def to_frame(topology: Topology) -> pd.DataFrame:
    """A pandas.DataFrame, a row for each node, by key; facts are columns of their own. Extra: ``topology``.

    The vips of a load balancer, and DHCP options, are one text each: as columns they would be as many as there are.
    """
    try:
        import pandas as pd
    except ImportError as exc:
        raise MissingExtra("pandas", "topology") from exc
    rows: list[dict[str, str | None]] = [
        {
            "kind": node.kind,
            "name": node.name,
            "label": node.label,
            "state": node.state,
            "parent": _parent(topology, node),
            "on": _host(topology, node),
        }
        for node in topology
    ]
    for row, node in zip(rows, topology, strict=True):
        row |= {name: value for name, value in _columns(node).items() if name not in row}
    return pd.DataFrame(rows, index=pd.Index([node.key for node in topology], name="key"))


def _columns(node: Node) -> Mapping[str, str]:
    column = {"load balancer": "vips", "dhcp": "options"}.get(node.kind)
    if column is None:
        return node.facts
    pairs = [f"{name}={value}" for name, value in node.facts.items() if name != "protocol"]
    protocol = {"protocol": node.facts["protocol"]} if "protocol" in node.facts else {}
    return {**protocol, column: ", ".join(pairs)}


def _parent(topology: Topology, node: Node) -> str | None:
    return None if node.parent is None or node.parent not in topology.nodes else topology.nodes[node.parent].label


def _host(topology: Topology, node: Node) -> str | None:
    def bound(edge: Edge) -> bool:
        return edge.kind == "binding" and edge.source == node.key

    return next((topology.nodes[edge.target].label for edge in topology.edges_of(node) if bound(edge)), None)


def to_png(topology: Topology, *, scale: float = 2.0) -> bytes:
    """The picture in light colours as PNG, ``scale`` pixels for one. Extra: ``topology``.

    Raises OvnkitError where this machine has no font to write with.
    """
    try:
        import resvg_py
    except ImportError as exc:
        raise MissingExtra("resvg-py", "topology") from exc

    def drawn(svg: str) -> bytes:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale, font_family="DejaVu Sans Mono"))

    # Without a font, text is left out without a word.
    if drawn(_TEXT.format("ovnkit")) == drawn(_TEXT.format("")):
        what = "no font to write a PNG with; install one (Debian: fonts-dejavu-core), or save as .svg, which needs none"
        raise OvnkitError(what)
    return drawn(topology.to_svg(theme="light"))


def save(topology: Topology, path: Path) -> None:
    """Write the topology in the form that the suffix names. Raises InvalidValue for another, MissingExtra, OSError."""
    forms: dict[str, Callable[[], str | bytes]] = {
        ".svg": lambda: topology.to_svg(theme="light"),
        ".html": topology.to_html,
        ".png": lambda: to_png(topology),
        ".dot": topology.to_dot,
        ".mmd": topology.to_mermaid,
        ".json": lambda: json.dumps(topology.to_dict(), indent=2) + "\n",
        ".txt": lambda: f"{topology}\n",
    }
    form = forms.get(path.suffix)
    if form is None:
        raise InvalidValue(table="topology", column="path", value=str(path), allowed=", ".join(forms))
    content = form()
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        path.write_bytes(content)
