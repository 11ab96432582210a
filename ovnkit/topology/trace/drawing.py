"""A trace as HTML: the devices a packet goes through as a drawing, left to right, and its hops as a table beside it."""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from ovnkit.topology.text import printable
from ovnkit.topology.trace.result import Trace, Way, row_text

__all__ = ["to_html"]

_Ending = Literal["delivered", "stopped", "open"]

_WIDTH, _HEIGHT = 156, 58
_ACROSS, _DOWN = 44, 36
_PER_ROW = 5
_MARGIN = 8
_NAME, _PORT = 20, 24
_CELL = 200
_MOST_HOPS = 400

_STYLE = """
.ovnkit-trace{--fg:#1f2328;--soft:#57606a;--line:#8c959f;--box:#f6f8fa;--good:#1a7f37;--bad:#cf222e;
--open:#9a6700;color:var(--fg);font:13px/1.45 system-ui,sans-serif;max-width:100%}
@media (prefers-color-scheme:dark){.ovnkit-trace{--fg:#e6edf3;--soft:#9da7b3;--line:#6e7681;--box:#21262d;
--good:#3fb950;--bad:#ff7b72;--open:#d29922}}
[data-jp-theme-light="true"] .ovnkit-trace{--fg:#1f2328;--soft:#57606a;--line:#8c959f;--box:#f6f8fa;--good:#1a7f37;
--bad:#cf222e;--open:#9a6700}
[data-jp-theme-light="false"] .ovnkit-trace{--fg:#e6edf3;--soft:#9da7b3;--line:#6e7681;--box:#21262d;--good:#3fb950;
--bad:#ff7b72;--open:#d29922}
.ovnkit-trace svg{display:block;max-width:100%;height:auto;margin:.5em 0}
.ovnkit-trace text{fill:var(--fg);font:12px system-ui,sans-serif}
.ovnkit-trace .soft{fill:var(--soft);color:var(--soft);font-size:11px}
.ovnkit-trace rect{fill:var(--box);stroke:var(--line)}
.ovnkit-trace .arrow{stroke:var(--line);fill:none;stroke-width:1.5}
.ovnkit-trace .end{rx:14}
.ovnkit-trace rect.delivered{stroke:var(--good);stroke-width:2}
.ovnkit-trace rect.stopped{stroke:var(--bad);stroke-width:3;stroke-dasharray:6 3}
.ovnkit-trace rect.open{stroke:var(--open);stroke-width:2;stroke-dasharray:2 3}
.ovnkit-trace .sign{fill:none;stroke-width:3;stroke-linecap:round}
.ovnkit-trace .sign.delivered{stroke:var(--good)}
.ovnkit-trace .sign.stopped{stroke:var(--bad)}
.ovnkit-trace .sign.open{stroke:var(--open)}
.ovnkit-trace table{border-collapse:collapse;margin:.4em 0}
.ovnkit-trace td,.ovnkit-trace th{text-align:left;vertical-align:top;padding:2px 8px;border-top:1px solid var(--line);
overflow-wrap:anywhere;background:none;color:var(--fg)}
.ovnkit-trace code{font:12px ui-monospace,monospace;color:var(--fg);background:none;overflow-wrap:anywhere}
.ovnkit-trace tr.stopped{outline:2px dashed var(--bad)}
"""
_ENDINGS: dict[str, _Ending] = {"delivered": "delivered", "unresolved": "open", "unknown": "open"}
_WORDS = {"delivered": "✓", "stopped": "✕", "open": "?"}


@attrs.frozen
class _Box:
    """A device that the packet visits, or one of the ends."""

    kind: str
    name: str
    ports: str
    title: str
    ending: _Ending | None = None


def to_html(trace: Trace) -> str:
    """The trace as a piece of HTML without scripts; whatever comes from a database is shown as text."""
    ending = _ENDINGS.get(trace.verdict, "stopped")
    parts = [
        f'<div class="ovnkit-trace"><style>{_STYLE}</style>',
        f"<p><b>{_text(trace.source)} → {_text(trace.target)}: {_WORDS[ending]} {_text(trace.verdict)}</b><br>",
        f"{_text(trace.reason)}</p>",
    ]
    for way in trace.ways:
        parts += _way(way)
    parts.append("</div>")
    return "".join(parts)


def _text(text: str, limit: int | None = None) -> str:
    return html.escape(printable(text, limit=limit))


def _way(way: Way) -> Iterator[str]:
    yield f"<p><b>{way.direction}</b>: {_text(way.what)}</p>"
    if way.obstacles or way.notes:
        yield "<ul>"
        for obstacle in way.obstacles:
            yield f"<li>{'✕' if obstacle.stops else '?'} {_text(str(obstacle))}</li>"
        for note in way.notes:
            yield f"<li>{_text(note)}</li>"
        yield "</ul>"
    yield from _drawing(way)
    yield from _table(way)
    if way.command:
        yield f"<p><span class='soft'>by hand:</span> <code>{_text(shlex.join(way.command))}</code></p>"


def _boxes(way: Way) -> list[_Box]:
    """The ends, and between them a box for each visit of a device; other packets, such as ARP, are in the table."""
    ending = _ENDINGS.get(way.verdict, "stopped")
    boxes = [_Box("from", way.source, "", way.what)]
    last = way.last
    visit: tuple[str, str] | None = None
    for hop in way.hops:
        if hop.packet:
            continue
        ends = hop is last and ending != "delivered"
        ports = hop.inport if hop.outport is None else f"{hop.inport} → {hop.outport}"
        if visit == (hop.datapath, hop.inport):
            boxes[-1] = attrs.evolve(boxes[-1], ports=ports, ending=ending if ends else boxes[-1].ending)
        else:
            boxes.append(_Box(hop.kind, hop.name, ports, f"{hop.kind} {hop.name}", ending if ends else None))
        visit = (hop.datapath, hop.inport)
    if not any(box.ending for box in boxes) and ending == "stopped":
        # What stops it is no hop: the end that it does not reach has the sign.
        boxes.append(_Box("to", way.target, "not reached", way.reason, ending))
    else:
        boxes.append(_Box("to", way.target, "", way.reason, "delivered" if ending == "delivered" else None))
    return boxes


def _drawing(way: Way) -> Iterator[str]:
    boxes = _boxes(way)
    rows = (len(boxes) + _PER_ROW - 1) // _PER_ROW
    across = min(len(boxes), _PER_ROW)
    width = 2 * _MARGIN + across * (_WIDTH + _ACROSS) - _ACROSS
    height = 2 * _MARGIN + rows * (_HEIGHT + _DOWN) - _DOWN
    label = _text(f"{way.direction}: {way.verdict}, {way.reason}")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">'
    )
    reached = True
    for index, box in enumerate(boxes):
        x, y = _place(index)
        if index and reached:
            yield _arrow(index)
        yield from _box(box, x, y, end=index in (0, len(boxes) - 1))
        reached = box.ending not in {"stopped", "open"}
    yield "</svg>"


def _place(index: int) -> tuple[int, int]:
    row, column = divmod(index, _PER_ROW)
    return _MARGIN + column * (_WIDTH + _ACROSS), _MARGIN + row * (_HEIGHT + _DOWN)


def _arrow(index: int) -> str:
    x, y = _place(index)
    middle = y + _HEIGHT // 2
    if index % _PER_ROW:
        head = f"M{x - 8} {middle - 5}l8 5l-8 5"
        return f'<path class="arrow" d="M{x - _ACROSS} {middle}H{x}{head}"/>'
    # To the beginning of the next row, between the rows.
    before_x, before_y = _place(index - 1)
    between = before_y + _HEIGHT + _DOWN // 2
    centre, start = x + _WIDTH // 2, before_x + _WIDTH // 2
    head = f"M{centre - 5} {y - 8}l5 8l5 -8"
    return f'<path class="arrow" d="M{start} {before_y + _HEIGHT}V{between}H{centre}V{y}{head}"/>'


def _box(box: _Box, x: int, y: int, *, end: bool) -> Iterator[str]:
    classes = " ".join(filter(None, ("end" if end else "", box.ending or "")))
    radius = 14 if end else 4
    yield f"<g><title>{_text(box.title)}</title>"
    yield f'<rect class="{classes}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{radius}"/>'
    yield f'<text class="soft" x="{x + 8}" y="{y + 16}">{_text(box.kind)}</text>'
    yield f'<text x="{x + 8}" y="{y + 33}">{_text(box.name, _NAME)}</text>'
    yield f'<text class="soft" x="{x + 8}" y="{y + 49}">{_text(box.ports, _PORT)}</text>'
    if box.ending is not None:
        yield f'<path class="sign {box.ending}" d="{_sign(box.ending, x + _WIDTH - 20, y + 8)}"/>'
    yield "</g>"


def _sign(ending: _Ending, x: int, y: int) -> str:
    """A tick, a cross or a question mark, 12 wide."""
    if ending == "delivered":
        return f"M{x} {y + 7}l4 5l8 -11"
    if ending == "stopped":
        return f"M{x} {y}l12 12M{x + 12} {y}l-12 12"
    return f"M{x + 2} {y + 2}q4 -5 8 0q1 3 -4 5v2m0 4v.1"


def _table(way: Way) -> Iterator[str]:
    told = [hop for hop in way.hops if hop.telling or hop is way.last]
    if not told:
        return
    yield f"<details{' open' if way.verdict != 'delivered' else ''}><summary>{len(told)} hops</summary><table>"
    yield _cells("th", ("", "device", "stage", "match", "row"))
    for hop in told[:_MOST_HOPS]:
        sign = ""
        if hop is way.last:
            sign = _WORDS[_ENDINGS.get(way.verdict, "stopped")]
        device = f"{hop.kind} {printable(hop.name)}{f' [{hop.packet}]' if hop.packet else ''}, {hop.pipeline}"
        match = hop.match if hop.priority is not None else "no flow matches"
        cells = (sign, device, hop.stage or str(hop.table), match, "" if hop.row is None else row_text(hop.row))
        yield _cells("td", cells, stopped=hop is way.last and sign == "✕")
    yield "</table></details>"


def _cells(tag: str, cells: Sequence[str], *, stopped: bool = False) -> str:
    row = "".join(f"<{tag}>{_text(cell, _CELL)}</{tag}>" for cell in cells)
    return f"<tr class='stopped'>{row}</tr>" if stopped else f"<tr>{row}</tr>"
