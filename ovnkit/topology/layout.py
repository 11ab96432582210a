"""Where everything stands in a picture: cards in tiers from left to right, links from side to side.

Text is set in a monospaced font, so that its width is known without one: no label overlaps another or is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from ovnkit.topology.cards import Card, Deck, End, Item, Link, Tier
from ovnkit.topology.text import printable

__all__ = ["CELL", "Box", "Curve", "Label", "Picture", "lay_out"]

CELL = 6.7
"""The width of a character of 11 px, at most: 0.6 em in the monospaced fonts of today, rounded up."""
_LINE = 17
_HEADER = 26
_PADDING = 8
_GAP = 14
_GUTTER = 38
_MARGIN = 10
_HEADING = 24
_NARROWEST = 240
_SIGN = 14
"""The room of a sign before a text."""

_WIDTHS: Mapping[Tier, int] = {"outside": 156, "routers": 240, "switches": 336, "hosts": 180}
_ALONE = 336
"""The width of hosts where there are no switches, whose ports are listed there then."""
_STATES = (
    "up",
    "down",
    "unbound",
    "disabled",
    "active",
    "standby",
    "gone",
    "unregistered",
    "added",
    "removed",
    "changed",
)
"""The states that the legend explains, where the picture has them."""


@attrs.frozen
class Label:
    """A text and where it begins: the left end of its base line. ``width`` is the room that it may take."""

    x: float
    y: float
    width: float
    text: str
    item: Item
    faint: bool = False


@attrs.frozen
class Box:
    """A card: its place, its title, and the labels in it."""

    card: Card
    x: float
    y: float
    width: float
    height: float
    title: Label
    labels: tuple[Label, ...]


@attrs.frozen
class Curve:
    """A link as it is drawn: from one point to another, leaving each card on its left or right side."""

    link: Link
    x1: float
    y1: float
    side1: Literal["left", "right"]
    x2: float
    y2: float
    side2: Literal["left", "right"]


@attrs.frozen
class Picture:
    """All that is to be drawn, in pixels from the upper left corner."""

    width: float
    height: float
    headings: tuple[Label, ...]
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    legend: tuple[Label, ...] = ()
    folded: str = ""

    def labels(self) -> Iterable[Label]:
        """Every text in the picture."""
        yield from self.headings
        yield from self.legend
        for box in self.boxes:
            yield box.title
            yield from box.labels


def lay_out(deck: Deck) -> Picture:
    """The picture of these cards. The same cards always give the same picture."""
    tiers = list(deck.tiers)
    logical = any(card.node.kind == "switch" for cards in deck.tiers.values() for card in cards)
    heights = {card.node.key: _height(card) for cards in deck.tiers.values() for card in cards}
    tops = _tops(deck, heights)
    left, boxes, headings = float(_MARGIN + _room_at_left(deck)), list[Box](), list[Label]()
    for tier in tiers:
        wide = _ALONE if tier == "hosts" and not logical else _WIDTHS[tier]
        headings.append(_label(left, _MARGIN + 12, wide, Item(tier)))
        boxes += [_box(card, left, tops[card.node.key], wide) for card in deck.tiers[tier]]
        left += wide + _GUTTER
    # Links within the last tier are drawn to the right of it.
    arcs = _GUTTER if any(link.kind == "tunnel" for link in deck.links) else 0
    by_key = {box.card.node.key: box for box in boxes}
    curves = tuple(_curve(link, by_key) for link in deck.links)
    bottom = max((box.y + box.height for box in boxes), default=_MARGIN + _HEADING)
    width = max(left - _GUTTER, _NARROWEST) + _MARGIN + arcs
    legend = _legend(boxes, deck.folded, bottom + 2 * _LINE, width)
    height = (legend[-1].y if legend else bottom) + _MARGIN
    return Picture(width, height, tuple(headings), tuple(boxes), curves, legend, deck.folded)


def _room_at_left(deck: Deck) -> int:
    """Links within the first tier are drawn to the left of it."""
    first = {card.node.key for card in next(iter(deck.tiers.values()), ())}
    within = ({link.source.card, link.target.card} <= first for link in deck.links if link.kind != "tunnel")
    return _GUTTER if any(within) else 0


def _legend(boxes: list[Box], folded: str, top: float, width: float) -> tuple[Label, ...]:
    """What the signs mean, those that are in the picture, and what is not drawn."""
    labels = [label for box in boxes for label in (box.title, *box.labels)]
    states = {label.item.state for label in labels}
    items = [Item(state, state=state) for state in _STATES if state in states]
    if any(label.item.badge for label in labels):
        items.append(Item("a number behind a name: its host"))
    x, y, found = float(_MARGIN), top, list[Label]()
    for item in (*items, *([Item(folded)] if folded else ())):
        room = min(_SIGN + (len(item.text) + 2) * CELL, width - 2 * _MARGIN)
        if x + room > width - _MARGIN and x > _MARGIN:
            x, y = _MARGIN, y + _LINE
        found.append(_label(x, y, room, item, faint=True))
        x += room
    if not boxes:
        return (_label(_MARGIN, top, width - 2 * _MARGIN, Item("an empty network"), faint=True),)
    return tuple(found)


def _height(card: Card) -> float:
    return _HEADER + len(card.lines) * _LINE + (_PADDING if card.lines else 0)


def _tops(deck: Deck, heights: Mapping[str, float]) -> dict[str, float]:
    """The upper edge of each card: the tallest tier is stacked, the others stand beside what they are linked to."""
    neighbours: dict[str, list[str]] = {}
    for link in deck.links:
        if link.kind in ("link", "binding"):
            neighbours.setdefault(link.source.card, []).append(link.target.card)
            neighbours.setdefault(link.target.card, []).append(link.source.card)
    order: dict[Tier, list[str]] = {tier: [card.node.key for card in cards] for tier, cards in deck.tiers.items()}
    ranks = {key: rank for keys in order.values() for rank, key in enumerate(keys)}
    if "switches" in order and "routers" in order:
        # Switches of one router together, in the order of the routers.
        routers = set(order["routers"])
        last = len(ranks)
        order["switches"].sort(
            key=lambda key: min((ranks[there] for there in neighbours.get(key, ()) if there in routers), default=last)
        )
    tallest = max(order, key=lambda tier: sum(heights[key] + _GAP for key in order[tier]), default=None)
    tops: dict[str, float] = {}
    if tallest is None:
        return tops
    _stack(order[tallest], {}, heights, tops)
    bottom = max(tops[key] + heights[key] for key in order[tallest])
    for tier in sorted(order, key=lambda tier: abs(_TIERS.index(tier) - _TIERS.index(tallest))):
        if tier == tallest:
            continue
        wanted = {key: _middle(neighbours.get(key, ()), heights, tops) - heights[key] / 2 for key in order[tier]}
        keys = sorted(order[tier], key=lambda key: wanted[key]) if tier != "hosts" else order[tier]
        _stack(keys, wanted, heights, tops)
        _lift(keys, bottom, heights, tops)
    return tops


_TIERS: tuple[Tier, ...] = ("outside", "routers", "switches", "hosts")


def _stack(keys: list[str], wanted: Mapping[str, float], heights: Mapping[str, float], tops: dict[str, float]) -> None:
    """Each card where it is wanted, or right below the one before."""
    free = float(_MARGIN + _HEADING)
    for key in keys:
        tops[key] = max(free, wanted.get(key, 0))
        free = tops[key] + heights[key] + _GAP


def _lift(keys: list[str], bottom: float, heights: Mapping[str, float], tops: dict[str, float]) -> None:
    """Move up what stands below the picture, as far as there is room above."""
    for key in reversed(keys):
        tops[key] = max(min(tops[key], bottom - heights[key]), 0)
        bottom = tops[key] - _GAP
    free = float(_MARGIN + _HEADING)
    for key in keys:
        tops[key] = round(max(tops[key], free), 1)
        free = tops[key] + heights[key] + _GAP


def _middle(keys: Iterable[str], heights: Mapping[str, float], tops: Mapping[str, float]) -> float:
    placed = [tops[key] + heights[key] / 2 for key in keys if key in tops]
    return sum(placed) / len(placed) if placed else 0


def _box(card: Card, x: float, y: float, width: float) -> Box:
    inner = width - 2 * _PADDING
    title = _label(x + _PADDING, y + 17, inner, Item(card.node.label, card.node.key, card.node.state, card.badge))
    labels: list[Label] = []
    for index, line in enumerate(card.lines):
        base = y + _HEADER + index * _LINE + 11
        share = inner / line.columns
        room = share if line.columns == 1 else share - 4
        for place, item in enumerate(line.items):
            labels.append(_label(x + _PADDING + place * share, base, room, item, faint=line.faint))
    return Box(card, x, y, width, _height(card), title, tuple(labels))


def _label(x: float, y: float, width: float, item: Item, *, faint: bool = False) -> Label:
    indent = _SIGN if item.state else 0
    room = width - indent - (CELL * (len(item.badge) + 1) if item.badge else 0)
    return Label(x + indent, y, width - indent, printable(item.text, limit=int(room // CELL)), item, faint)


def _curve(link: Link, boxes: Mapping[str, Box]) -> Curve:
    source, target = boxes[link.source.card], boxes[link.target.card]
    if source.x == target.x:
        side: Literal["left", "right"] = "right" if link.kind == "tunnel" else "left"
        sides = side, side
    else:
        sides = ("right", "left") if source.x < target.x else ("left", "right")
    (x1, y1), (x2, y2) = _point(source, link.source, sides[0]), _point(target, link.target, sides[1])
    return Curve(link, x1, y1, sides[0], x2, y2, sides[1])


def _point(box: Box, end: End, side: Literal["left", "right"]) -> tuple[float, float]:
    y = box.y + (_HEADER / 2 if end.line is None else _HEADER + end.line * _LINE + _LINE / 2)
    return (box.x if side == "left" else box.x + box.width), y
