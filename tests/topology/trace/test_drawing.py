"""A trace as HTML: what it shows, what it never lets through, and that what stops a packet is not told by colour."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.obstacles import Obstacle
from ovnkit.topology.trace.result import Trace, Way
from ovnkit.topology.trace.verdict import Drop, Verdict

DRAWN = frozenset(
    "div style p b br ul li svg g rect text title path details summary table tr td th".split()  # noqa: SIM905
)
SVG = "{http://www.w3.org/2000/svg}"


def hop(stage: str = "ls_in_l2_lkup", **changes: object) -> Hop:
    plain = Hop(datapath="d", pipeline="ingress", inport="vm1", table=1, stage=stage, match="eth", priority=1)
    return attrs.evolve(plain, actions=('outport = "vm2";',), **changes)  # type: ignore[arg-type]


def way(verdict: Verdict, *hops: Hop, reason: str = "so it is", obstacle: Obstacle | None = None) -> Way:
    stopped = verdict not in ("delivered", "unknown")
    drop = Drop(reason=reason, hop=hops[-1] if hops and obstacle is None else None, obstacle=obstacle)
    return Way(
        direction="there",
        source="vm1",
        target="vm2",
        what="icmp",
        verdict=verdict,
        reason=reason,
        drop=drop if stopped else None,
        hops=hops,
        obstacles=() if obstacle is None else (obstacle,),
    )


def drawn(*ways: Way, source: str = "vm1") -> str:
    return Trace(source=source, target="vm2", ways=ways).to_html()


def svg(html: str) -> ET.Element:
    (found,) = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    return ET.fromstring(found)


def boxes(html: str) -> list[list[str]]:
    groups = svg(html).findall(f"{SVG}g")
    return [[text.text or "" for text in group.findall(f"{SVG}text")] for group in groups]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.handlers.update(name for name, _ in attrs if name.startswith("on") or name in {"src", "href"})


def test_the_devices_stand_between_the_ends_in_order() -> None:
    hops = [hop(datapath="1"), hop(datapath="1", pipeline="egress", outport="lsp"), hop(datapath="2", inport="lrp")]
    found = boxes(drawn(way("delivered", *hops)))
    assert [(kind, name) for kind, name, *_ in found] == [("from", "vm1"), ("?", "1"), ("?", "2"), ("to", "vm2")]
    assert [ports for *_, ports in found] == ["", "vm1 → lsp", "lrp", ""]


def test_other_packets_are_in_the_table_alone() -> None:
    html = drawn(way("unresolved", hop(datapath="1"), hop(datapath="9", packet="arp")))
    assert [name for _, name, _ in boxes(html)] == ["vm1", "1", "vm2"]
    assert "[arp]" in html


@pytest.mark.parametrize(
    ("verdict", "sign", "kind"),
    [
        ("delivered", "✓", "delivered"),
        ("dropped", "✕", "stopped"),
        ("rejected", "✕", "stopped"),
        ("not sent", "✕", "stopped"),
        ("unresolved", "?", "open"),
    ],
)
def test_how_it_ends_is_a_sign_a_word_and_a_kind_of_line(verdict: Verdict, sign: str, kind: str) -> None:
    html = drawn(way(verdict, hop(datapath="1")))
    assert f"{sign} {verdict}" in html
    signs = [path for path in svg(html).iter(f"{SVG}path") if "sign" in (path.get("class") or "")]
    assert [path.get("class") for path in signs] == [f"sign {kind}"]
    assert (svg(html).get("aria-label") or "").startswith(f"there: {verdict}")
    assert kind == "delivered" or f"rect.{kind}" in html


def test_past_what_stops_it_there_is_no_arrow() -> None:
    def arrows(verdict: Verdict) -> int:
        return drawn(way(verdict, hop(datapath="1"), hop(datapath="2"))).count('class="arrow"')

    assert (arrows("delivered"), arrows("dropped")) == (3, 2)


def test_what_an_obstacle_stops_does_not_reach_its_end() -> None:
    html = drawn(way("dropped", hop(datapath="1"), obstacle=Obstacle("tunnel missing", "no tunnel")))
    assert boxes(html)[-1] == ["to", "vm2", "not reached"]
    assert "✕ tunnel missing: no tunnel" in html


def test_long_ways_go_on_in_the_next_row_and_nothing_is_cut_off() -> None:
    picture = svg(drawn(way("delivered", *(hop(datapath=str(number)) for number in range(11)))))
    width, height = (float(picture.get(name) or 0) for name in ("width", "height"))
    places = [(float(box.get("x") or 0), float(box.get("y") or 0)) for box in picture.iter(f"{SVG}rect")]
    assert len(places) == len(set(places)) == 13
    assert width <= 1000
    for box, (x, y) in zip(picture.iter(f"{SVG}rect"), places, strict=True):
        assert x + float(box.get("width") or 0) <= width
        assert y + float(box.get("height") or 0) <= height


@given(
    st.text(max_size=60)
    | st.sampled_from(["<script>alert(1)</script>", "' onload='x", '"><img src=x>', "\u202e", "&amp;"])
)
def test_text_of_tenants_is_text(text: str) -> None:
    stopped = way("dropped", hop(datapath=text, inport=text, match=text), reason=text)
    obstructed = way("dropped", hop(), reason=text, obstacle=Obstacle("port unbound", text))
    for one in (stopped, obstructed):
        html = drawn(one, source=text)
        tags = Tags()
        tags.feed(html)
        assert tags.seen <= DRAWN
        assert not tags.handlers
        assert not set(html) & set("\u202e\u0000\u0007\u2028")
        svg(html)


def test_in_a_terminal_it_is_text_and_in_a_notebook_html_beside_it() -> None:
    trace = Trace(source="vm1", target="vm2", ways=(way("dropped", hop(datapath="web"), reason="dropped by ACL"),))
    bundle = trace._repr_mimebundle_()
    assert bundle == {"text/plain": str(trace), "text/html": trace.to_html()}
    lines = str(trace).splitlines()
    assert lines[:2] == ["vm1 -> vm2: dropped", "  dropped by ACL"]
    assert "  ? web, in by vm1" in lines
    assert "   ## ls_in_l2_lkup: eth" in lines
    assert repr(trace) == "<Trace vm1 -> vm2 dropped, 1 hops>"
