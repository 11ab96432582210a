"""What a trace found: the packet there and its answer back, hop by hop, with what stops them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Literal

import attrs

from ovnkit.ovsdb.row import Row
from ovnkit.topology.text import printable
from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.obstacles import Obstacle
from ovnkit.topology.trace.packet import Packet
from ovnkit.topology.trace.verdict import Drop, Verdict

__all__ = ["Direction", "Trace", "Way", "row_text"]

Direction = Literal["both", "there", "back"]

_EXIT = {"delivered": 0, "unresolved": 2, "unknown": 2}
_SIGNS = {"delivered": "ok", "unresolved": "??", "unknown": "??"}
_WIDEST_MATCH = 90


@attrs.frozen(kw_only=True, repr=False)
class Way:
    """One packet on its way."""

    direction: Literal["there", "back"]
    source: str
    target: str
    what: str
    """The protocol and the addresses, in words."""

    verdict: Verdict
    reason: str
    drop: Drop | None = None
    hops: tuple[Hop, ...] = attrs.field(default=(), repr=False)
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    packet: Packet | None = attrs.field(default=None, repr=False)
    command: tuple[str, ...] = attrs.field(default=(), repr=False)
    text: str = attrs.field(default="", repr=False)

    def __repr__(self) -> str:
        ends = f"{printable(self.source, limit=40)} -> {printable(self.target, limit=40)}"
        return f"<Way {self.direction} {ends} {self.verdict}, {len(self.hops)} hops>"

    @property
    def last(self) -> Hop | None:
        """Where the packet ends: the hop of the drop, else the last one of its own; None where no hop ends it."""
        if self.drop is not None:
            return self.drop.hop
        return next((hop for hop in reversed(self.hops) if not hop.packet), None)


@attrs.frozen(kw_only=True)
class Trace:
    """Why A can reach B, or cannot. It is true when every packet that was traced is delivered.

    ``verdict``, ``reason``, ``drop``, ``command`` and ``text`` are those of the way that decides: the first one that
    does not end where it should. ``hops``, ``obstacles`` and ``notes`` are those of all ways. In Jupyter it draws
    itself, and ``print()`` shows it hop by hop.
    """

    source: str
    target: str
    ways: tuple[Way, ...]

    @property
    def there(self) -> Way | None:
        """The packet from the source to the target."""
        return next((way for way in self.ways if way.direction == "there"), None)

    @property
    def back(self) -> Way | None:
        """The answer; None where it was not asked for, or where there can be none."""
        return next((way for way in self.ways if way.direction == "back"), None)

    @property
    def deciding(self) -> Way:
        """The first way that does not end where it should, else the first of all."""
        return next((way for way in self.ways if way.verdict != "delivered"), self.ways[0])

    @property
    def verdict(self) -> Verdict:
        """What became of the packets, in a word; see Verdict."""
        return self.deciding.verdict

    @property
    def reason(self) -> str:
        """One sentence."""
        way = self.deciding
        return f"the answer: {way.reason}" if way.direction == "back" and way.verdict != "delivered" else way.reason

    @property
    def drop(self) -> Drop | None:
        """Where it ends, and by which row; None where it is delivered."""
        return self.deciding.drop

    @property
    def row(self) -> Row[Any] | None:
        """The row that ends it."""
        return None if self.drop is None else self.drop.row

    @property
    def hops(self) -> tuple[Hop, ...]:
        """All hops, those of the answer last."""
        return tuple(hop for way in self.ways for hop in way.hops)

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What was found without a packet, in both directions, each once."""
        return tuple(dict.fromkeys(obstacle for way in self.ways for obstacle in way.obstacles))

    @property
    def notes(self) -> tuple[str, ...]:
        """What ovn-trace cannot follow, and what was traced instead."""
        return tuple(dict.fromkeys(note for way in self.ways for note in way.notes))

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments that were run, to be run by hand; empty where ovn-trace was not run."""
        return self.deciding.command

    @property
    def text(self) -> str:
        """What ovn-trace printed."""
        return self.deciding.text

    @property
    def exit_code(self) -> int:
        """For a command: 0 where it is delivered, 2 where that cannot be told, else 1."""
        return _EXIT.get(self.verdict, 1)

    def __bool__(self) -> bool:
        return self.verdict == "delivered"

    def __repr__(self) -> str:
        ends = f"{printable(self.source, limit=40)} -> {printable(self.target, limit=40)}"
        return f"<Trace {ends} {self.verdict}, {len(self.hops)} hops>"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{printable(self.source)} -> {printable(self.target)}: {self.verdict}"
        yield f"  {self.reason}"
        for way in self.ways:
            yield from _way_lines(way)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        drop = self.drop
        return {
            "source": self.source,
            "target": self.target,
            "verdict": self.verdict,
            "reason": self.reason,
            "drop": None if drop is None else _row_dict(drop.row),
            "ways": [_way_dict(way) for way in self.ways],
        }

    def to_html(self) -> str:
        """A piece of HTML: the hops as a drawing, and a table beside it. It loads nothing and needs no script."""
        from ovnkit.topology.trace.drawing import to_html

        return to_html(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}


def _way_lines(way: Way) -> Iterator[str]:
    yield ""
    yield f"{way.direction}: {way.what}"
    yield from (f"  {'!' if obstacle.stops else '?'} {obstacle}" for obstacle in way.obstacles)
    yield from (f"  * {note}" for note in way.notes)
    yield from _hop_lines(way)
    yield f"  {_SIGNS.get(way.verdict, '##')} {way.reason}"
    if way.command:
        yield f"  by hand: {printable(shlex.join(way.command))}"


def _hop_lines(way: Way) -> Iterator[str]:
    place: tuple[str, str, str, str] | None = None
    for hop in way.hops:
        here = (hop.datapath, hop.pipeline, hop.inport, hop.packet)
        if here != place:
            other = f" [{hop.packet}]" if hop.packet else ""
            port = f"in by {printable(hop.inport)}" if hop.outport is None else f"out by {printable(hop.outport)}"
            yield f"  {hop.kind} {printable(hop.name)}{other}, {port}"
            place = here
        ends = hop is way.last
        if not ends and not hop.telling:
            continue
        if hop.before:
            yield f"      {printable(hop.before, limit=_WIDEST_MATCH)}"
        sign = ("->" if way.verdict == "delivered" else _SIGNS.get(way.verdict, "##")) if ends else "  "
        what = printable(hop.match, limit=_WIDEST_MATCH) if hop.priority is not None else "no flow matches"
        yield f"   {sign} {hop.stage or hop.table}: {what}{'' if hop.row is None else f'  [{row_text(hop.row)}]'}"


def row_text(row: Row[Any]) -> str:
    """A row in a few words: its table and its name, or else its uuid."""
    columns = {"Load_Balancer": "name", "NAT": "external_ip", "Logical_Router_Static_Route": "ip_prefix"}
    name = getattr(row, columns.get(row._table, "name"), None)
    return f"{row._table} {printable(name, limit=40) if isinstance(name, str) and name else row.uuid}"


def _row_dict(row: Row[Any] | None) -> dict[str, str] | None:
    if row is None:
        return None
    name = getattr(row, "name", None)
    return {"table": row._table, "uuid": str(row.uuid), "name": name if isinstance(name, str) else ""}


def _way_dict(way: Way) -> dict[str, Any]:
    return {
        "direction": way.direction,
        "what": way.what,
        "verdict": way.verdict,
        "reason": way.reason,
        "row": None if way.drop is None else _row_dict(way.drop.row),
        "packet": None if way.packet is None else way.packet.expression,
        "command": list(way.command),
        "obstacles": [
            {"kind": one.kind, "text": one.text, "stops": one.stops, "row": _row_dict(one.row)} for one in way.obstacles
        ],
        "notes": list(way.notes),
        "hops": [_hop_dict(hop) for hop in way.hops],
    }


def _hop_dict(hop: Hop) -> dict[str, Any]:
    return {
        "kind": hop.kind,
        "name": hop.name,
        "pipeline": hop.pipeline,
        "inport": hop.inport,
        "outport": hop.outport,
        "packet": hop.packet,
        "before": hop.before,
        "table": hop.table,
        "stage": hop.stage,
        "priority": hop.priority,
        "match": hop.match,
        "actions": list(hop.actions),
        "flow": hop.flow,
        "row": _row_dict(hop.row),
    }
