"""The picture in numbers: nothing overlaps, nothing is cut off, and the same network gives the same picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest

from ovnkit import topology
from ovnkit.topology import Edge, Node, Topology
from ovnkit.topology.cards import deck
from ovnkit.topology.layout import CELL, Label, Picture, lay_out
from ovnkit.topology.svg import path
from ovnkit.topology.text import cells

from . import plain
from .plain import HOSTILE, hostile, node


def width(label: Label) -> float:
    badge = 3 + CELL * len(label.item.badge) if label.item.badge else 0
    return CELL * cells(label.text) + badge


def overlaps(picture: Picture) -> Iterator[str]:
    """Pairs of texts of which one stands in the other: each 11 px high, as wide as its characters."""
    lines: dict[float, list[Label]] = {}
    for label in picture.labels():
        lines.setdefault(label.y, []).append(label)
    for y, labels in lines.items():
        labels.sort(key=lambda label: label.x)
        for one, other in pairwise(labels):
            if one.x + width(one) > other.x:
                yield f"{one.text!r} and {other.text!r} at {y}"
    # Lines of one card are far enough apart; cards of one tier are below each other.
    for one_box, other_box in combinations(picture.boxes, 2):
        apart_x = one_box.x + one_box.width <= other_box.x or other_box.x + other_box.width <= one_box.x
        apart_y = one_box.y + one_box.height <= other_box.y or other_box.y + other_box.height <= one_box.y
        if not apart_x and not apart_y:
            yield f"the cards {one_box.card.node.name!r} and {other_box.card.node.name!r}"
    for box in picture.boxes:
        for upper, lower in pairwise(sorted({label.y for label in (box.title, *box.labels)})):
            if lower - upper < 11:
                yield f"lines of {box.card.node.name!r} at {upper} and {lower}"


def cut_off(picture: Picture) -> Iterator[str]:
    """Texts that reach out of their card or the picture."""
    for label in picture.labels():
        if label.x < 0 or label.x + width(label) > picture.width or not 11 <= label.y <= picture.height:
            yield f"{label.text!r} out of the picture"
    for box in picture.boxes:
        for label in (box.title, *box.labels):
            if label.x + width(label) > box.x + box.width or not box.y + 11 <= label.y <= box.y + box.height:
                yield f"{label.text!r} out of {box.card.node.name!r}"


@pytest.mark.parametrize("view", ["logical", "physical", "both"])
def test_of_three_hundred_ports_no_label_overlaps_another_or_is_cut_off(network: Topology, view: topology.View) -> None:
    picture = lay_out(deck(network.view(view)))
    assert not list(overlaps(picture))
    assert not list(cut_off(picture))


def test_nothing_overlaps_whatever_the_names_are() -> None:
    picture = lay_out(deck(hostile()))
    assert len(picture.boxes) == 3 * len(HOSTILE)
    assert not list(overlaps(picture))
    assert not list(cut_off(picture))


def test_it_is_as_wide_as_a_notebook(network: Topology) -> None:
    assert lay_out(deck(network)).width <= 1100


def test_every_port_of_three_hundred_is_drawn(network: Topology) -> None:
    picture = lay_out(deck(network))
    drawn = {label.item.key for label in picture.labels()}
    assert all(port.key in drawn for port in network if port.name.startswith("vm-"))
    assert not picture.folded


def test_links_end_at_the_edges_of_their_cards(network: Topology) -> None:
    picture = lay_out(deck(network))
    boxes = {box.card.node.key: box for box in picture.boxes}
    assert len(picture.curves) > 15
    for curve in picture.curves:
        ends = ((curve.link.source.card, curve.x1, curve.y1), (curve.link.target.card, curve.x2, curve.y2))
        for card, x, y in ends:
            box = boxes[card]
            assert x in (box.x, box.x + box.width)
            assert box.y <= y <= box.y + box.height


def test_a_link_ends_at_the_line_of_its_router_port(network: Topology) -> None:
    picture = lay_out(deck(network))
    lines = {label.item.key: label.y for label in picture.labels()}
    port = network["router-0-net-0"].key
    link = next(
        curve for curve in picture.curves if network["net-0"].key in (curve.link.source.card, curve.link.target.card)
    )
    assert abs(link.y2 - lines[port]) < 8


def test_the_same_network_gives_the_same_picture(network: Topology) -> None:
    again = topology.of(network.source.nb, network.source.sb)
    assert lay_out(deck(network)) == lay_out(deck(again))


def test_the_way_rows_came_in_does_not_matter() -> None:
    nodes = [node("switch", f"s{number}") for number in range(5)]
    assert [box.card.node.name for box in lay_out(deck(plain.topology(nodes))).boxes] == [f"s{n}" for n in range(5)]


def test_of_many_ports_those_that_are_amiss_are_drawn_and_the_rest_counted() -> None:
    ports = [
        node("switch port", f"vm{number}", parent="switch web", state="down" if number == 777 else "up")
        for number in range(1000)
    ]
    found = deck(plain.topology([node("switch", "web"), *ports]), most_ports=50)
    [card] = found.tiers["switches"]
    drawn = [item.text for line in card.lines for item in line.items]
    assert "vm777" in drawn
    assert drawn[-1] == "+ 950 more ports"
    assert found.folded == "not drawn: 950 ports; topology.focus(name), filter(…) or search(…) shows them"


def test_of_many_switches_the_first_are_drawn_and_the_rest_counted() -> None:
    found = deck(plain.topology(node("switch", f"s{number}") for number in range(100)), most_cards=60)
    assert len(found.tiers["switches"]) == 60
    assert "40 switches" in found.folded


def test_all_is_drawn_where_that_is_asked_for() -> None:
    ports = [node("switch port", f"vm{number}", parent="switch web", state="up") for number in range(1000)]
    found = deck(plain.topology([node("switch", "web"), *ports]), most_ports=None, most_cards=None)
    assert sum(len(line.items) for line in found.tiers["switches"][0].lines) == 1000
    assert not found.folded


def test_an_empty_network_is_a_picture_that_says_so() -> None:
    picture = lay_out(deck(plain.topology([])))
    assert [label.text for label in picture.labels()] == ["an empty network"]


def test_a_picture_without_states_is_not_called_empty() -> None:
    picture = lay_out(deck(plain.topology([node("chassis", "host1")])))
    assert [label.text for label in picture.labels()] == ["hosts", "host1"]
    assert not list(cut_off(picture))


def test_links_between_routers_are_within_the_picture() -> None:
    nodes = [node("router", "r1"), node("router", "r2")]
    nodes += [node("router port", f"to-r{3 - number}", parent=f"router r{number}") for number in (1, 2)]
    link = Edge("link", "router port to-r2", "router port to-r1")
    [curve] = lay_out(deck(plain.topology(nodes, [link]))).curves
    # A curve never reaches further than the points that draw it to the side.
    xs = [float(number) for number in path(curve).replace("M", "").replace("C", " ").split()][::2]
    assert min(xs) > 0


def mesh(number: int, *, down: str = "") -> tuple[list[Node], list[Edge]]:
    """Hosts with a tunnel between any two; those of ``down`` are down."""
    hosts = [node("chassis", f"host{n}") for n in range(number)]
    pairs = combinations(hosts, 2)
    return hosts, [Edge("tunnel", a.key, b.key, "geneve", "down" if down in (a.name, b.name) else "") for a, b in pairs]


def test_of_many_tunnels_those_that_are_down_are_drawn_and_the_others_counted() -> None:
    assert len(deck(plain.topology(*mesh(10))).links) == 45
    assert not deck(plain.topology(*mesh(30))).links
    found = deck(plain.topology(*mesh(30, down="host7")))
    assert [link.state for link in found.links] == ["down"] * 29
    texts = {card.node.name: [item.text for line in card.lines for item in line.items] for card in found.tiers["hosts"]}
    assert texts["host7"] == ["29 of 29 tunnels down"]


def test_of_many_gateways_on_a_host_those_that_are_active_are_listed_and_the_others_counted() -> None:
    routers = [node("router", f"r{n}") for n in range(300)]
    edges = [Edge("gateway", router.key, "chassis host0", "", "standby") for router in routers[:-1]]
    edges.append(Edge("gateway", routers[-1].key, "chassis host0", "", "active"))
    topology = plain.topology([*routers, *mesh(1)[0]], edges)
    [card] = deck(topology).tiers["hosts"]
    texts = [item.text for line in card.lines for item in line.items]
    assert len(texts) == 13
    assert texts[0] == "gateway r299"
    assert texts[-1] == "+ 288 more gateways"
    assert len(deck(topology, most_ports=None).tiers["hosts"][0].lines) == 300


def test_of_many_ports_of_a_router_the_gateways_are_drawn_and_the_others_counted() -> None:
    ports = [node("router port", f"rp{n}", parent="router r") for n in range(500)]
    gateway = Edge("gateway", "router port rp499", "chassis host0", "priority 1", "active")
    found = deck(plain.topology([node("router", "r"), *ports, *mesh(1)[0]], [gateway]), most_cards=60)
    texts = [item.text.strip() for line in found.tiers["routers"][0].lines for item in line.items]
    assert "rp499" in texts
    assert texts[-1] == "+ 440 more ports"
    assert found.folded.startswith("not drawn: 440 ports;")


def test_a_router_of_six_thousand_ports_is_laid_out_whole_in_two_seconds() -> None:
    nodes, edges = [node("router", "r")], list[Edge]()
    for number in range(6000):
        port = node("router port", f"rp{number}", parent="router r")
        nodes += [port, node("switch", f"s{number}"), node("switch port", f"sp{number}", parent=f"switch s{number}")]
        edges.append(Edge("link", nodes[-1].key, port.key))
    whole = plain.topology(nodes, edges)
    began = time.process_time()
    assert len(deck(whole, most_ports=None, most_cards=None).links) == 6000
    assert time.process_time() - began < 2
