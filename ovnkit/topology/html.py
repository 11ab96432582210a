"""The interactive picture as one HTML file: the same positions as the SVG, no network access, and all nodes in it."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

import attrs

from ovnkit.topology.cards import Card, Deck, Link, deck
from ovnkit.topology.graph import Topology
from ovnkit.topology.layout import _GAP, _HEADER, _LINE, Box, Picture, _box, _curve, lay_out
from ovnkit.topology.nodes import Node, View
from ovnkit.topology.svg import _Pen, svg
from ovnkit.topology.text import printable

__all__ = ["drawing", "frame", "page", "script", "style"]

_SCRIPTS = ("network.js", "picture.js", "view.js", "panel.js", "topology.js")
_TITLE = "Topology of the network"
_MODULES = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)


def page(topology: Topology, *, title: str = _TITLE, view: View = "both") -> str:
    """The whole file. Nothing in it runs or loads but its own script: the policy in its head says so to the browser."""
    picture, data = drawing(topology.view(view), title=title)
    # Names of modules are none of the page's: one script, which the policy allows by its hash.
    code = (
        f"{script().replace('export default { render };', '')}"
        'mount(document.getElementById("topology"), JSON.parse(document.getElementById("data").textContent), '
        "{ page: true });\n"
    )
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">',
        # Browsers would ask the server for an icon.
        f'<link rel="icon" href="data:,"><title>{escape(printable(title))}</title>',
        f"<style>html,body{{height:100%;margin:0}}\n{style()}</style></head>",
        f'<body><main class="ovnkit ovnkit-interactive" id="topology">{picture}</main>',
        f'<script type="application/json" id="data">{data}</script>',
        f'<script type="module">{code}</script></body></html>\n',
    )
    return "".join(parts)


def frame(topology: Topology, *, height: int = 640) -> str:
    """The page within another one, as an ``iframe`` that may run its script and nothing else; ``height`` in pixels."""
    return (
        f'<iframe srcdoc="{escape(page(topology))}" sandbox="allow-scripts" title="{_TITLE}" '
        f'style="width:100%;height:{height}px;border:0"></iframe>'
    )


@cache
def script() -> str:
    """The script as one ES module; its default export is what anywidget calls."""
    static = files("ovnkit.topology") / "static"
    texts = [_MODULES.sub("", (static / name).read_text(encoding="utf-8")) for name in _SCRIPTS]
    return "".join(re.sub("^export (?!default)", "", text, flags=re.MULTILINE) for text in texts)


@cache
def style() -> str:
    """What everything around the picture looks like."""
    return (files("ovnkit.topology") / "static" / "topology.css").read_text(encoding="utf-8")


def drawing(topology: Topology, *, title: str = _TITLE) -> tuple[str, str]:
    """The SVG as it is without a script, and the data that the script needs, as JSON that may stand within HTML."""
    shown = attrs.evolve(deck(topology), folded="")
    picture = lay_out(shown)
    data = _Data(topology, picture, shown, deck(topology, most_ports=None, most_cards=None)).to_dict()
    # Within a script element the parser of HTML would read "</script" and "<!--".
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return svg(picture, title=printable(title)), text


class _Data:
    """Nodes, edges, and for each card and link where it is; ``whole`` is the deck in which nothing is folded."""

    def __init__(self, topology: Topology, picture: Picture, shown: Deck, whole: Deck) -> None:
        self.topology = topology
        self.picture = picture
        self.shown = shown
        self.whole = whole
        self.numbers = {key: number for number, key in enumerate(topology.nodes)}
        self.pen = _Pen("auto")
        self.boxes = {box.card.node.key: box for box in picture.boxes}
        self.wide = {box.card.tier: box for box in picture.boxes}

    def to_dict(self) -> dict[str, Any]:
        cards = [*self._shown_cards(), *self._cards_beyond()]
        keys = tuple(self.topology.nodes)
        places = {keys[card["node"]]: number for number, card in enumerate(cards)}
        return {
            "nodes": [self._node(node) for node in self.topology],
            "edges": [
                {
                    "kind": edge.kind,
                    "source": self.numbers[edge.source],
                    "target": self.numbers[edge.target],
                    **_present(label=printable(edge.label), state=edge.state),
                }
                for edge in self.topology.edges
            ],
            "cards": cards,
            "links": [*self._shown_links(places), *self._links_beyond(places)],
            "tiers": [{"name": tier} for tier in self.shown.tiers],
            "header": _HEADER,
            "line": _LINE,
            "gap": _GAP,
            "width": self.picture.width,
        }

    def _node(self, node: Node) -> dict[str, Any]:
        facts = {printable(name): printable(value) for name, value in node.facts.items()}
        parent = None if node.parent is None else self.numbers.get(node.parent)
        return {
            "key": node.key,
            "kind": node.kind,
            "name": printable(node.name),
            "label": printable(node.label),
            **_present(state=node.state, facts=facts),
            **({} if parent is None else {"parent": parent}),
        }

    # -- cards -------------------------------------------------------------------------------------------------------

    def _shown_cards(self) -> list[dict[str, Any]]:
        """In the order in which they are drawn, which is not that in which they stand."""
        whole = {card.node.key: card for cards in self.whole.tiers.values() for card in cards}
        return [self._card(box, whole[box.card.node.key]) for box in self.picture.boxes]

    def _card(self, box: Box, whole: Card) -> dict[str, Any]:
        opened = _box(whole, box.x, box.y, box.width)
        rest = (
            {} if whole.lines == box.card.lines else {"whole": {"height": opened.height, "svg": self.pen._box(opened)}}
        )
        return {
            "node": self.numbers[whole.node.key],
            "tier": whole.tier,
            **{name: getattr(box, name) for name in ("x", "y", "width", "height")},
            **rest,
        }

    def _cards_beyond(self) -> Iterator[dict[str, Any]]:
        """The cards that are not drawn, for there are too many of their tier."""
        for tier, cards in self.whole.tiers.items():
            for whole in cards:
                if whole.node.key not in self.boxes:
                    beside = self.wide[tier]
                    box = _box(whole, beside.x, 0, beside.width)
                    self.boxes[whole.node.key] = box
                    yield {**self._card(box, whole), "svg": self.pen._box(box)}

    # -- links -------------------------------------------------------------------------------------------------------

    def _shown_links(self, places: dict[str, int]) -> Iterator[dict[str, Any]]:
        cards = {box.card.node.key: box.card for box in self.picture.boxes}
        for curve in self.picture.curves:
            yield _link(curve.link, cards, places)

    def _links_beyond(self, places: dict[str, int]) -> Iterator[dict[str, Any]]:
        drawn = {box.card.node.key for box in self.picture.boxes}
        cards = {card.node.key: card for of_tier in self.whole.tiers.values() for card in of_tier}
        for link in self.whole.links:
            if not {link.source.card, link.target.card} <= drawn:
                yield {**_link(link, cards, places), "svg": self.pen._curve(_curve(link, self.boxes))}


def _link(link: Link, cards: dict[str, Card], places: dict[str, int]) -> dict[str, Any]:
    return {
        "kind": link.kind,
        "state": link.state,
        "source": places[link.source.card],
        "sourceKey": None if link.source.line is None else cards[link.source.card].lines[link.source.line].items[0].key,
        "target": places[link.target.card],
        "targetKey": None if link.target.line is None else cards[link.target.card].lines[link.target.line].items[0].key,
    }


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
