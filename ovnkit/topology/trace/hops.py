"""The steps of a packet through the logical network, out of what ovn-trace prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import attrs

from ovnkit.northbound.rows import LogicalRouter, LogicalSwitch
from ovnkit.ovsdb.row import Row
from ovnkit.topology.text import printable

__all__ = ["Hop", "Pipeline", "parse"]

Pipeline = Literal["ingress", "egress"]

_TOKEN = re.compile(
    r"""
    ^(?P<indent>\ *)
    (?:
        (?P<pipeline>ingress|egress)\(dp="(?P<datapath>[^"\n]*)",\ inport="(?P<inport>.*?)"
            (?:,\ outport="(?P<outport>.*?)")?\)\n\ *-{3,}$
      | (?P<title>\S[^\n]*)\n(?P=indent)-{3,}$
      | (?P<table>[\ \d]\d)\.\ (?:(?P<stage>\w+)(?:\ \((?P<source>[^()\n]*)\))?:\ )?
            (?: no\ match\ \(implicit\ drop\)$
              | (?P<match>.*?),\ priority\ (?P<priority>\d+),\ uuid\ (?P<uuid>[0-9a-f]{8})$
                (?=\n(?P=indent)\ {4}|\n\ *$|\Z)
            )
    )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_OUTPUT = re.compile(r'/\* output to "(.*?)", type "([^"\n]*)" \*/', re.DOTALL)
_REDIRECTED = re.compile(r'/\* Replacing type "chassisredirect" outport "(.*?)" with distributed port', re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAMED = r'(inport=|outport=|output to |outport )"{}"(?=\)\n|, outport="|, type "| with distributed)'
_NUMBER = re.compile("\0([0-9]+)\0")
_OTHER_PACKET = re.compile(r"(arp|nd_\w+|icmp[46]\w*|tcp_reset|sctp_abort|reject|dhcp\w*)\b")
_CHANGES = re.compile(
    r"(eth|arp|nd|ip[46]?|icmp[46]|tcp|udp|sctp)\.|outport\b|ct_(?!clear)|drop;|icmp[46] |tcp_reset|reject"
)
_LATER = re.compile(r"ct_|clone\b")


@attrs.frozen(kw_only=True, repr=False)
class Hop:
    """A table of a pipeline that a packet has visited, and what the flow that it matched there did.

    Tables whose flow takes every packet and does nothing are left out, as ovn-trace(8) does.
    """

    datapath: str
    """The uuid of the switch or router in NB, as ovn-trace prints it."""

    pipeline: Pipeline
    inport: str
    outport: str | None = None
    packet: str = ""
    """Which packet this is: "" for the one that is traced, else what made another ("arp", "icmp4", "tcp_reset", …)."""

    before: str = ""
    """What came between the last hop and this one: connection tracking or NAT (``ct_next(ct_state=new|trk)``)."""

    table: int
    stage: str
    match: str = ""
    priority: int | None = None
    """None where no flow matched, which drops the packet."""

    actions: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    """The ports that the packet leaves by, each with its type."""

    redirected: tuple[str, ...] = ()
    """The ports of type chassisredirect that the packet is sent to: it goes on where they are."""

    flow: str = ""
    """The first 8 hex digits of the uuid of the Logical_Flow."""

    hint: str = ""
    """``external_ids:stage-hint`` of that Logical_Flow: the first 8 hex digits of the row of NB that it comes from."""

    device: LogicalSwitch | LogicalRouter | None = attrs.field(default=None, repr=False)
    row: Row[Any] | None = attrs.field(default=None, repr=False)
    """The row of NB behind the flow, where northd tells: an ACL, a route, a NAT, a port, …"""

    def __repr__(self) -> str:
        what = printable(self.match, limit=60) or "no match"
        return f"<Hop {self.kind} {printable(self.name, limit=40)} {self.stage}: {what}>"

    @property
    def kind(self) -> Literal["switch", "router", "?"]:
        """What it goes through."""
        if isinstance(self.device, LogicalSwitch):
            return "switch"
        return "router" if isinstance(self.device, LogicalRouter) else "?"

    @property
    def name(self) -> str:
        """The name of the switch or router."""
        return self.datapath if self.device is None else self.device.name

    @property
    def telling(self) -> bool:
        """Whether it does something with the packet, or something of NB stands behind it."""
        return self.row is not None or bool(self.before) or any(_CHANGES.match(action) for action in self.actions)

    @property
    def drops(self) -> bool:
        """Whether it says that the packet is dropped; it also is where nothing follows."""
        return self.priority is None or any(action.startswith("drop;") for action in self.actions)


def parse(text: str, *, names: Iterable[str] = (), matches: Iterable[str] = ()) -> tuple[Hop, ...]:
    """The hops in the detailed output of ovn-trace, in order. What is not understood is passed over.

    ovn-trace prints names of ports and matches as they are, and they may well look like its own words: those that are
    given here are taken for one word each.
    """
    hidden = _Hidden(names, matches)
    return tuple(_hops(hidden.hide(text), hidden.shown))


class _Hidden:
    """Texts that stand as a number between NUL characters, which no text of OVSDB has."""

    def __init__(self, names: Iterable[str], matches: Iterable[str]) -> None:
        # The longest first, since one may be part of another.
        self._names = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
        self._matches = sorted({match for match in matches if match}, key=lambda match: (-len(match), match))
        self._texts = (*self._matches, *self._names)

    def hide(self, text: str) -> str:
        for number, hidden in enumerate(self._texts):
            if hidden not in text:
                continue
            if number < len(self._matches):
                text = text.replace(hidden, f"\0{number}\0")
            else:
                named = _NAMED.format(re.escape(hidden))
                text = re.sub(named, lambda found, number=number: f'{found[1]}"\0{number}\0"', text)  # type: ignore[misc]
        return text

    def shown(self, text: str) -> str:
        return _NUMBER.sub(lambda found: self._texts[int(found[1])], text)


def _hops(text: str, shown: Callable[[str], str]) -> Iterator[Hop]:
    found = list(_TOKEN.finditer(text))
    ends = [*(token.start() for token in found), len(text)][1:]
    where: re.Match[str] | None = None
    others: list[tuple[int, str]] = []
    before = ""
    hop: Hop | None = None
    for token, end in zip(found, ends, strict=True):
        indent = len(token["indent"])
        while others and others[-1][0] > indent:
            others.pop()
        below = text[token.end() : end]
        if token["pipeline"] is not None:
            where = token
        elif token["table"] is None:
            if (other := _OTHER_PACKET.match(token["title"])) is not None:
                others.append((indent, other[1]))
            elif _LATER.match(token["title"]):
                before = shown(token["title"])
            # Where another packet is sent to stands here, and not below a table.
            if hop is not None:
                hop = attrs.evolve(hop, redirected=(*hop.redirected, *map(shown, _REDIRECTED.findall(below))))
        elif where is not None:
            if hop is not None:
                yield hop
            hop = _hop(token, where, others[-1][1] if others else "", before, below, shown)
            before = ""
    if hop is not None:
        yield hop


def _hop(
    token: re.Match[str], where: re.Match[str], packet: str, before: str, below: str, shown: Callable[[str], str]
) -> Hop:
    return Hop(
        datapath=where["datapath"],
        pipeline="egress" if where["pipeline"] == "egress" else "ingress",
        inport=shown(where["inport"]),
        outport=None if where["outport"] is None else shown(where["outport"]),
        packet=packet,
        before=before,
        table=int(token["table"]),
        stage=token["stage"] or "",
        match=shown(token["match"] or ""),
        priority=None if token["priority"] is None else int(token["priority"]),
        actions=tuple(shown(line.strip()) for line in _COMMENT.sub("", below).split("\n") if line.strip()),
        outputs=tuple((shown(port), kind) for port, kind in _OUTPUT.findall(below)),
        redirected=tuple(map(shown, _REDIRECTED.findall(below))),
        flow=token["uuid"] or "",
    )
