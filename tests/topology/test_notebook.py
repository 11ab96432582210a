"""What a notebook gets: text, and HTML with a picture and a table, of a size that it can bear."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import combinations
from typing import Any

from ovnkit.topology import Edge, Topology

from . import plain
from .plain import hostile, node


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def tags(topology: Topology) -> Tags:
    parser = Tags()
    parser.feed(topology._repr_mimebundle_()["text/html"])
    return parser


def test_a_terminal_gets_the_tree(network: Topology) -> None:
    assert network._repr_mimebundle_()["text/plain"] == str(network)


def test_a_notebook_gets_a_picture_and_a_table_beside_it(network: Topology) -> None:
    found = tags(network)
    assert {"svg", "table"} <= found.found
    assert "3 routers, 13 switches" in found.text
    assert "the first 60 of" in found.text


def test_it_runs_no_script_and_names_that_mean_harm_are_text() -> None:
    found = tags(hostile())
    assert not {"script", "iframe", "img", "a", "link"} & found.found
    assert not [name for name in found.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in found.text


def test_a_large_network_is_folded_until_it_fits() -> None:
    switches = [node("switch", f"net{number}") for number in range(200)]
    ports = [
        node("switch port", f"port-of-{number}", parent=f"switch net{number % 200}", state="up")
        for number in range(5000)
    ]
    shown = plain.topology([*switches, *ports])._repr_mimebundle_()["text/html"]
    assert len(shown) < 250_000
    assert "not drawn: " in shown


def test_an_empty_network_is_shown_as_such() -> None:
    assert "an empty network" in tags(plain.topology([])).text


def test_tunnels_cost_no_host_its_place() -> None:
    hosts = [node("chassis", f"host{number}") for number in range(60)]
    tunnels = [Edge("tunnel", one.key, other.key, "geneve") for one, other in combinations(hosts, 2)]
    assert "not drawn" not in plain.topology(hosts, tunnels)._repr_mimebundle_()["text/html"]
