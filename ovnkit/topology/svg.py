"""The picture as SVG: for notebooks and pages in light and dark, or in fixed colours for files and PNG."""

from __future__ import annotations

from html import escape
from typing import Literal, get_args

from ovnkit.errors import InvalidValue
from ovnkit.topology.layout import CELL, Box, Curve, Label, Picture
from ovnkit.topology.text import cells, printable

__all__ = ["FONT", "STYLE", "Theme", "path", "svg"]

Theme = Literal["auto", "light", "dark"]

FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"

_COLOURS: dict[str, dict[str, str]] = {
    "light": {
        "page": "#ffffff",
        "card": "#f6f8fa",
        "edge": "#8c959f",
        "text": "#1f2328",
        "faint": "#59636e",
        "up": "#1a7f37",
        "down": "#cf222e",
        "idle": "#9a6700",
        "link": "#57606a",
        "active": "#0969da",
        "outside": "#8250df",
        "switch": "#1b7c83",
    },
    "dark": {
        "page": "#0d1117",
        "card": "#161b22",
        "edge": "#6e7681",
        "text": "#e6edf3",
        "faint": "#9198a1",
        "up": "#3fb950",
        "down": "#ff7b72",
        "idle": "#d29922",
        "link": "#9198a1",
        "active": "#58a6ff",
        "outside": "#bc8cff",
        "switch": "#39c5cf",
    },
}


def _variables(theme: str) -> str:
    return "".join(f"--ovnkit-{name}:{value};" for name, value in _COLOURS[theme].items())


STYLE = (
    f".ovnkit{{{_variables('light')}}}.ovnkit .link:hover{{stroke-width:3;opacity:1}}"
    f"@media(prefers-color-scheme:dark){{.ovnkit{{{_variables('dark')}}}}}"
    # Jupyter and furo say themselves which it is, whatever the system has.
    f"[data-jp-theme-light=true] .ovnkit,[data-theme=light] .ovnkit{{{_variables('light')}}}"
    f"[data-jp-theme-light=false] .ovnkit,[data-theme=dark] .ovnkit{{{_variables('dark')}}}"
)
"""The colours of pages that may be light or dark, as custom properties below the class ``ovnkit``."""

_STRIPES = {"router": "active", "switch": "switch", "chassis": "idle", "provider": "outside"}
_SIGN_COLOURS = {
    "up": "up",
    "active": "active",
    "standby": "faint",
    "down": "down",
    "gone": "down",
    "disabled": "idle",
    "unbound": "idle",
    "unregistered": "idle",
    "outside": "outside",
    "added": "up",
    "removed": "down",
    "changed": "idle",
}


def svg(picture: Picture, *, theme: Theme = "auto", title: str = "Topology of the network") -> str:
    """The picture as one element. "auto": its colours come from the page, by the custom properties of ``STYLE``."""
    return _Pen(theme).draw(picture, title)


def path(curve: Curve) -> str:
    """The way of a link, as a path has it: a curve that leaves each card straight to the side."""
    same = curve.side1 == curve.side2
    reach = min(24 + abs(curve.y2 - curve.y1) / 8, 40) if same else max(abs(curve.x2 - curve.x1) / 2, 20)
    x1 = curve.x1 + (reach if curve.side1 == "right" else -reach)
    x2 = curve.x2 + (reach if curve.side2 == "right" else -reach)
    return f"M{curve.x1:g} {curve.y1:g}C{x1:g} {curve.y1:g} {x2:g} {curve.y2:g} {curve.x2:g} {curve.y2:g}"


class _Pen:
    def __init__(self, theme: Theme) -> None:
        if theme not in get_args(Theme):
            raise InvalidValue(table="svg", column="theme", value=theme, allowed=", ".join(get_args(Theme)))
        self.theme = theme

    def colour(self, name: str) -> str:
        return f"var(--ovnkit-{name})" if self.theme == "auto" else _COLOURS[self.theme][name]

    def draw(self, picture: Picture, title: str) -> str:
        style = f"<style>{STYLE}</style>" if self.theme == "auto" else ""
        size = (
            f'viewBox="0 0 {picture.width:g} {picture.height:g}" width="{picture.width:g}" height="{picture.height:g}"'
        )
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ovnkit" role="img" {size}',
            f' style="max-width:100%;height:auto" font-family="{FONT}" font-size="11"><title>{escape(title)}</title>',
            style,
            f'<rect width="100%" height="100%" fill="{self.colour("page")}"/>',
        ]
        parts += [
            f'<text x="{label.x:g}" y="{label.y:g}" fill="{self.colour("faint")}">{escape(label.text)}</text>'
            for label in picture.headings
        ]
        parts += map(self._label, picture.legend)
        parts += map(self._curve, picture.curves)
        parts += map(self._box, picture.boxes)
        return "".join((*parts, "</svg>"))

    def _curve(self, curve: Curve) -> str:
        link = curve.link
        colour = "down" if link.state in ("down", "removed") else "up" if link.state == "added" else "link"
        dash = {"binding": "1 3", "tunnel": "5 3", "mapping": "2 2"}.get(link.kind, "")
        if link.state == "down":
            dash = "8 4 1 4"
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        faint = ' opacity="0.45"' if link.kind == "binding" else ""
        words = f"{link.kind} {link.label} {link.state}".strip() + (f" ({link.number})" if link.number > 1 else "")
        return (
            f'<path class="link" d="{path(curve)}" fill="none" stroke="{self.colour(colour)}"{dashed}{faint}>'
            f"<title>{escape(printable(words, limit=200))}</title></path>"
        )

    def _box(self, box: Box) -> str:
        node = box.card.node
        state = f" · {node.state}" if node.state else ""
        dashed = ' stroke-dasharray="4 3"' if node.state in ("gone", "unregistered", "disabled", "removed") else ""
        edge = self.colour(_SIGN_COLOURS.get(node.state, "edge"))
        stripe = self.colour(_STRIPES.get(node.kind, "edge"))
        return (
            f'<g class="card" data-key="{escape(node.key)}">'
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="5" '
            f'fill="{self.colour("card")}" stroke="{edge}"{dashed}><title>{escape(node.kind + state)}</title></rect>'
            f'<rect x="{box.x:g}" y="{box.y:g}" width="3" height="{box.height:g}" fill="{stripe}"/>'
            f"{self._label(box.title, bold=True)}{''.join(map(self._label, box.labels))}</g>"
        )

    def _label(self, label: Label, *, bold: bool = False) -> str:
        item = label.item
        weight = ' font-weight="600"' if bold else ""
        colour = self.colour("faint" if label.faint else "text")
        title = f"<title>{escape(item.title)}</title>" if item.title else ""
        badge = ""
        if item.badge:
            place = f'x="{label.x + CELL * cells(label.text) + 3:g}" y="{label.y - 2:g}"'
            badge = f'<text {place} fill="{self.colour("faint")}" font-size="9">{escape(item.badge)}</text>'
        key = f' data-key="{escape(item.key)}"' if item.key else ""
        return (
            f"<g{key}>{title}{self._sign(label.x - 10, label.y - 4, item.state)}"
            f'<text x="{label.x:g}" y="{label.y:g}" fill="{colour}"{weight}>{escape(label.text)}</text>{badge}</g>'
        )

    def _sign(self, x: float, y: float, state: str) -> str:
        """The sign of a state. Each has its own shape, for colours alone are not seen by everybody."""
        if state not in _SIGN_COLOURS:
            return ""
        colour = self.colour(_SIGN_COLOURS[state])
        circle = f'<circle cx="{x:g}" cy="{y:g}" r="3.5"'
        if state in ("up", "active"):
            ring = f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="none" stroke="{colour}"/>' if state == "active" else ""
            return f'{circle} fill="{colour}"/>{ring}'
        if state in ("down", "gone"):
            return f'<path d="M{x - 3.5:g} {y - 3.5:g}l7 7m0 -7l-7 7" stroke="{colour}" stroke-width="2"/>'
        if state == "disabled":
            return f'{circle} fill="none" stroke="{colour}"/><path d="M{x - 3.5:g} {y:g}h7" stroke="{colour}"/>'
        if state == "outside":
            return f'<path d="M{x - 4:g} {y:g}h8m-3 -3l3 3l-3 3" fill="none" stroke="{colour}"/>'
        if state in ("added", "removed", "changed"):
            strokes = {"added": "m-4 0h8m-4 -4v8", "removed": "m-4 0h8", "changed": "m-4 -2h8m0 4h-8"}[state]
            return f'<path d="M{x:g} {y:g}{strokes}" fill="none" stroke="{colour}" stroke-width="2"/>'
        dashed = ' stroke-dasharray="2 1.5"' if state == "unbound" else ""
        return f'{circle} fill="none" stroke="{colour}"{dashed}/>'
