"""The drawing itself: well-formed, without anything of the network's but text, readable without colours."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.topology import Topology
from ovnkit.topology.cards import deck
from ovnkit.topology.layout import lay_out
from ovnkit.topology.svg import svg

from . import plain
from .plain import HOSTILE, hostile, node

SVG = "{http://www.w3.org/2000/svg}"
KNOWN = {f"{SVG}{name}" for name in ("svg", "title", "style", "rect", "text", "path", "circle", "g")}


def elements(drawn: str) -> list[ET.Element]:
    return list(ET.fromstring(drawn).iter())


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_names_that_mean_harm_are_text(theme: str) -> None:
    drawn = svg(lay_out(deck(hostile())), theme=theme)  # type: ignore[arg-type]
    found = elements(drawn)
    assert {element.tag for element in found} <= KNOWN
    assert not [name for element in found for name in element.attrib if name.startswith("on") or "href" in name]
    texts = [element.text or "" for element in found if element.tag == f"{SVG}text"]
    assert all(text.isprintable() for text in texts)
    assert "<script>alert(1)</script>" in texts
    assert len(drawn) < 30_000 * len(HOSTILE)


def test_every_state_has_a_shape_of_its_own() -> None:
    states = ("up", "down", "unbound", "disabled")
    shapes = set()
    for state in states:
        port = node("switch port", "vm1", parent="switch web", state=state)
        drawn = svg(lay_out(deck(plain.topology([node("switch", "web"), port]))), theme="light")
        sign = re.search(r'<g data-key="switch port vm1">(?:<title>.*?</title>)?(.*?)<text', drawn, re.DOTALL)
        assert sign is not None
        shapes.add(re.sub(r'(stroke|fill)="#\w+"', "", sign[1]))
    assert len(shapes) == len(states)


def test_fixed_colours_need_no_style_sheet_and_others_come_from_the_page(network: Topology) -> None:
    assert "var(" not in network.to_svg(theme="dark")
    assert "<style>" not in network.to_svg(theme="light")
    automatic = network.to_svg()
    assert "prefers-color-scheme:dark" in automatic
    assert "#" not in re.sub(r"<style>.*?</style>", "", automatic)


def test_nothing_is_fetched_from_anywhere(network: Topology) -> None:
    urls = set(re.findall(r"\w+://[^\"'<\s]+", network.to_svg()))
    assert urls == {"http://www.w3.org/2000/svg"}


def test_all_is_drawn_where_the_whole_is_asked_for() -> None:
    ports = [node("switch port", f"vm{number}", parent="switch web", state="up") for number in range(1000)]
    found = plain.topology([node("switch", "web"), *ports])
    assert found.to_svg(whole=True).count('data-key="switch port') == 1000
    assert "not drawn" in found.to_svg()


def test_a_theme_that_is_none_is_refused() -> None:
    other: Any = "blue"
    with pytest.raises(InvalidValue, match="auto, light, dark"):
        hostile().to_svg(theme=other)
