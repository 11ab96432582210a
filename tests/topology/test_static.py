"""The page's script where it knows of no page: the network as data, in a real JavaScript engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from ovnkit.topology import Edge
from ovnkit.topology.html import drawing, script
from tests.topology import plain
from tests.topology.chromium import Browser, Page

NODES = (
    plain.node("switch", "out"),
    plain.node("switch port", "physnet", parent="switch out", type="localnet"),
    plain.node("switch port", "out-r1", parent="switch out"),
    plain.node("router", "r1"),
    plain.node("router port", "r1-out", parent="router r1", networks="203.0.113.1/24"),
    plain.node("router port", "r1-web", parent="router r1"),
    plain.node("switch", "web"),
    plain.node("switch port", "web-r1", parent="switch web"),
    plain.node("switch port", "Web-VM", parent="switch web", state="up", addresses="02:00:00:00:00:05 10.0.0.5"),
    plain.node("switch", "alone"),
    plain.node("switch port", "vm2", parent="switch alone", state="down"),
    plain.node("chassis", "host"),
    plain.node("provider", 'odd/"name\r\n%2F'),
)
EDGES = (
    Edge("link", "switch port out-r1", "router port r1-out"),
    Edge("link", "switch port web-r1", "router port r1-web"),
    Edge("binding", "switch port Web-VM", "chassis host"),
    Edge("tunnel", "chassis host", "chassis host", "to itself"),
)


@pytest.fixture(scope="module")
def network(browser: Browser) -> Iterator[Page]:
    """A page in which ``network`` is the data of a small network, and ``number(key)`` the number of a node."""
    page = browser.page()
    page.module((files("ovnkit.topology") / "static" / "network.js").read_text())
    _, data = drawing(plain.topology(NODES, EDGES))
    page.evaluate(f"window.network = new imported.Network({data}); undefined")
    page.evaluate("window.number = (key) => network.byKey.get(key); undefined")
    page.evaluate("window.labels = (numbers) => [...numbers].map((one) => network.nodes[one].label); undefined")
    yield page
    assert page.complaints == []
    page.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web-vm", ["Web-VM"]),
        ("10.0.0.5", ["Web-VM"]),
        ("203.0.113", ["r1-out"]),
        ("  R1-", ["r1-out", "r1-web"]),
        ("nowhere", []),
        ("", []),
        ("   ", []),
    ],
)
def test_names_labels_and_facts_are_searched(network: Page, text: str, found: list[str]) -> None:
    assert network.evaluate(f"labels(network.search({json.dumps(text)}))") == found


def test_the_search_finds_what_that_of_python_finds(network: Page) -> None:
    top = plain.topology(NODES, EDGES)
    for text in ("web", "r1", "0", "type", "UP", "chassis"):
        assert network.evaluate(f"labels(network.search({text!r}))") == [node.label for node in top.search(text)]


def test_the_way_to_the_outside_is_the_shortest_over_links(network: Page) -> None:
    def way(place: str) -> Any:
        return network.evaluate(f"network.wayOut(number({place!r})).map((edge) => labels(network.places(edge)))")

    assert way("switch web") == [["web", "r1"], ["out", "r1"]]
    assert way("switch out") == []
    assert way("switch alone") == []


def test_a_port_reaches_its_host_and_what_is_on_its_way_out(network: Page) -> None:
    assert set(network.evaluate("labels(network.reach(number('switch port Web-VM')).nodes)")) == {
        *("Web-VM", "web", "host", "web-r1", "r1-web", "r1", "r1-out", "out-r1", "out")
    }
    assert network.evaluate("labels(network.reach(number('switch port vm2')).nodes)") == ["vm2", "alone"]


def test_a_switch_reaches_what_its_ports_are_linked_to(network: Page) -> None:
    assert set(network.evaluate("labels(network.reach(number('switch web')).nodes)")) == {
        *("web", "web-r1", "r1-web", "r1", "Web-VM", "host")
    }


def test_a_router_has_for_neighbours_what_its_ports_are_linked_to(network: Page) -> None:
    def neighbours(key: str) -> Any:
        return network.evaluate(f"labels(network.neighbours(number({key!r})).map((found) => found.node))")

    assert neighbours("router r1") == ["out-r1", "web-r1"]
    assert neighbours("switch port Web-VM") == ["host"]
    assert neighbours("switch web") == ["r1-web"]


def test_every_node_and_edge_has_an_address_that_leads_back_to_it(network: Page) -> None:
    assert network.evaluate(
        "network.nodes.every((_, node) => network.at(network.address({ node })).node === node) && "
        "network.edges.every((_, edge) => network.at(network.address({ edge })).edge === edge)"
    )


@pytest.mark.parametrize(
    "address", ["", "nothing", "%E0%A4%A", "link/a", "link/switch%20web/switch%20out", "a/b/c/d", "__proto__"]
)
def test_an_address_of_nothing_leads_nowhere(network: Page, address: str) -> None:
    assert network.evaluate(f"network.at({address!r})") is None


def test_the_script_is_one_module_that_imports_nothing() -> None:
    code = script()
    assert "import " not in "".join(line for line in code.splitlines(keepends=True) if not line.startswith("//"))
    assert code.count("export ") == 1
    assert code.rstrip().endswith("export default { render };")
