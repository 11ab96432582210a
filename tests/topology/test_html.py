"""The page: one file without any network, and what a person does with it in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ovnkit import topology
from ovnkit.errors import InvalidValue
from ovnkit.topology import Edge, Topology
from ovnkit.topology.html import frame, page
from ovnkit.topology.text import printable
from tests.topology import plain
from tests.topology.chromium import Browser, Page
from tests.topology.networks import running


@pytest.fixture(scope="module")
def network() -> Topology:
    """3 routers, 12 switches, 300 ports, 10 floating IPs on 5 hosts."""
    with running() as (nb, sb):
        return topology.of(nb, sb)


@pytest.fixture(scope="module")
def file(network: Topology, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "net.html"
    network.save(path)
    return path


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    """The page of the network. Whatever a test does there, it asks for nothing and complains of nothing."""
    opened = browser.page(width=1200)
    opened.open(file)
    yield opened
    assert opened.requests == []
    assert opened.complaints == []
    opened.close()


def large(*, switches: int, ports: int) -> Topology:
    """Switches at one router, each with as many ports; more of both than are drawn at first."""
    nodes = [plain.node("router", "r")]
    edges: list[Edge] = []
    for number in range(switches):
        switch = plain.node("switch", f"s{number}")
        out = plain.node("router port", f"r-s{number}", parent=nodes[0].key)
        back = plain.node("switch port", f"s{number}-r", parent=switch.key)
        own = [
            plain.node(
                "switch port", f"vm-{number}-{port}", parent=switch.key, state="up", addresses=f"x 10.0.{number}.{port}"
            )
            for port in range(ports)
        ]
        nodes += [switch, out, back, *own]
        edges.append(Edge("link", back.key, out.key))
    return plain.topology(nodes, edges)


def show(browser: Browser, shown: Topology, path: Path) -> Page:
    path.write_text(page(shown), encoding="utf-8")
    opened = browser.page(width=1200)
    opened.open(path)
    return opened


def card(name: str) -> str:
    """The expression for the card of this name."""
    titled = f"card.querySelector('.title text').textContent === {name!r}"
    return f"[...document.querySelectorAll('.card')].find(card => {titled})"


def row(name: str, *, on: str) -> str:
    """The expression for a line of a card, by the beginning of its text."""
    begins = f"row.querySelector('text').textContent.startsWith({name!r})"
    return f"[...({card(on)}).querySelectorAll('.row')].find(row => {begins})"


def numbers(way: str) -> list[float]:
    """The coordinates in a path."""
    return [float(part) for part in re.findall(r"-?[\d.]+", way)]


SCALE = "document.querySelector('.pane svg').getScreenCTM().a"


# -- the file ----------------------------------------------------------------------------------------------------------


def test_nothing_in_the_file_points_elsewhere_and_only_its_own_script_may_run(network: Topology) -> None:
    text = network.to_html(title="The <network>")
    assert "<title>The &lt;network&gt;</title>" in text
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    addresses = set(re.findall(r"""https?:[^\s"'`)]+""", text))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"""<(link|script|img|iframe)[^>]*\s(src|href)=["'](?!data:,)""", text)
    assert "import(" not in text
    assert "fetch(" not in text


def test_cards_are_where_they_are_in_the_svg(network: Topology) -> None:
    def boxes(text: str) -> list[str]:
        return re.findall(r'<g class="card"[^>]*><rect ([^>]*?) fill', text.partition("application/json")[0])

    assert len(boxes(network.to_svg())) == 21
    assert boxes(network.to_html()) == boxes(network.to_svg())


def test_a_view_is_chosen(network: Topology) -> None:
    logical = page(network, view="logical")
    assert "compute-1.example.net" in page(network)
    assert "compute-1.example.net" not in logical
    with pytest.raises(InvalidValue, match="logical, physical or both"):
        page(network, view="round")  # type: ignore[arg-type]


def test_the_same_network_gives_the_same_file(network: Topology) -> None:
    assert page(network) == page(network)


def test_the_data_hold_every_node_also_what_is_folded_away() -> None:
    many = large(switches=2, ports=500)
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page(many))[0])
    assert [node["key"] for node in data["nodes"]] == list(many.nodes)
    assert len(data["edges"]) == len(many.edges)


class Elements(HTMLParser):
    """The elements of a page, and what stands in its data."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.data = ""
        self._id: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self._id = dict(attrs).get("id")

    def handle_data(self, data: str) -> None:
        if self._id == "data":
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._id = None


@given(st.text(max_size=40), st.text(max_size=40))
@example("</script><script>alert(1)</script>", "<!--<script>")
@example("]]></title></svg><img src=x onerror=alert(1)>", '"><a onclick="')
def test_whatever_names_are_the_page_has_the_same_elements_and_its_data_the_names(label: str, fact: str) -> None:
    def parsed(label: str, fact: str) -> Elements:
        switch = topology.Node("s", "switch", label, label, facts={fact: fact})
        provider = topology.Node(f"provider:{label}", "provider", label, label)
        port = topology.Node("p", "switch port", label, label, "up", {"addresses": f"x {fact}"}, "s")
        found = Elements()
        found.feed(page(plain.topology([switch, provider, port]), title=label))
        return found

    hostile = parsed(label, fact)
    assert hostile.found == parsed("name", "fact").found
    assert hostile.handlers == []
    node = json.loads(hostile.data)["nodes"][0]
    assert (node["label"], node["facts"]) == (printable(label), {printable(fact): printable(fact)})


# -- in the browser ----------------------------------------------------------------------------------------------------


def test_from_a_server_the_page_asks_for_itself_alone(browser: Browser, file: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(file.read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            opened = browser.page()
            opened.open(f"http://127.0.0.1:{server.server_port}/net.html")
            opened.click(card("router-0"))
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["/net.html"]
    assert (opened.requests, opened.complaints) == ([], [])
    opened.close()


def test_the_search_counts_what_it_finds_and_enter_goes_from_one_to_the_next(opened: Page) -> None:
    opened.key("/")
    opened.type("10.3.1.")
    assert opened.text(".count") == "4 matches"
    assert opened.texts(".card .match text:first-of-type") == ["vm-255", "vm-267", "vm-279", "vm-291"]
    assert opened.texts(".panel li a") == ["vm-255", "vm-267", "vm-279", "vm-291"]
    for back, name, number in ((False, "vm-255", 1), (False, "vm-267", 2), (True, "vm-255", 1), (True, "vm-291", 4)):
        opened.key("Enter", shift=back)
        assert opened.text(".panel h2") == name
        assert opened.text(".count") == f"{number} of 4 matches"
    opened.key("Escape")
    assert opened.text(".count") == ""
    assert opened.evaluate("document.querySelectorAll('.match, .dimmed').length") == 0


def test_the_search_minds_no_capitals_and_says_when_there_is_nothing(opened: Page) -> None:
    opened.key("/")
    opened.type("VM-299")
    assert opened.text(".count") == "1 match"
    opened.type("9")
    assert opened.text(".count") == "0 matches"
    assert "No name, label or address has VM-2999 in it" in opened.text(".panel")


def test_a_port_is_selected_with_all_that_is_known_of_it_and_its_way_out(opened: Page, network: Topology) -> None:
    opened.click(row("vm-13", on="net-1"))
    port = network["vm-13"]
    assert opened.text(".panel h2") == "vm-13"
    assert opened.text(".panel .kind") == "switch port ● up"
    assert dict(zip(opened.texts(".panel dt"), opened.texts(".panel dd"), strict=True)) == {
        "belongs to": "net-1",
        "addresses": port.facts["addresses"],
        "key": port.key,
    }
    sections = opened.texts(".panel section")
    assert "binding compute-4.example.net" in sections[0]
    assert sections[1].startswith("On its way to the outside (2)router-1")
    near = opened.texts(".card.near .title text:first-of-type")
    assert set(near) == {"net-1", "router-1", "public", "compute-4.example.net"}
    # The two links to the outside, and the one to its host, which is drawn as long as the port is selected.
    assert opened.evaluate("document.querySelectorAll('.link.near').length") == 2
    assert opened.evaluate("document.querySelectorAll('.overlay .near').length") == 1


def test_a_router_is_selected_with_what_its_ports_lead_to(opened: Page) -> None:
    opened.click(f"({card('router-0')}).querySelector('.title')")
    linked, way, ports, addresses = opened.texts(".panel section")
    assert linked.startswith("Linked with (7)")
    assert "to-router-0-net-3 of net-3" in linked
    assert "gateway compute-1.example.net chassis priority 2, active" in linked
    assert way == "On its way to the outside (1)public switch"
    assert ports.startswith("Has: router port (5)")
    assert addresses.startswith("Has: floating ip (4)")


def test_neighbours_are_links_and_the_way_back_is_the_browsers(opened: Page) -> None:
    opened.click(row("vm-13", on="net-1"))
    address = opened.evaluate("location.hash")
    opened.click("[...document.querySelectorAll('.panel a')].find(a => a.textContent.startsWith('compute-4'))")
    assert opened.text(".panel h2") == "compute-4.example.net"
    assert opened.text(".card.chosen .title text") == "compute-4.example.net"
    opened.evaluate("history.back()")
    opened.wait("document.querySelector('.panel h2').textContent === 'vm-13'")
    assert opened.evaluate("location.hash") == address


def test_what_is_selected_can_be_linked_to(browser: Browser, file: Path, network: Topology) -> None:
    linked = browser.page(width=1200)
    linked.open(f"{file.as_uri()}#{network['vm-299'].key}")
    assert linked.text(".panel h2") == "vm-299"
    assert linked.evaluate("document.querySelector('.chosen').getBoundingClientRect().bottom < innerHeight")
    linked.close()
    unknown = browser.page(width=1200)
    unknown.open(f"{file.as_uri()}#%E0%A4%A")
    assert unknown.text(".panel h2") == "The network"
    assert unknown.complaints == []
    unknown.close()


def test_a_link_is_selected_with_both_of_its_ends(opened: Page, network: Topology) -> None:
    place = "document.querySelectorAll('.hit')[1]"
    middle = opened.evaluate(
        f"(path => {{ const at = path.getPointAtLength(path.getTotalLength() * 0.2); const m = path.getScreenCTM();"
        f"return [at.x * m.a + m.e, at.y * m.d + m.f]; }})({place})"
    )
    for kind in ("mousePressed", "mouseReleased"):
        opened.pointer(kind, *middle)
    opened.painted()
    assert opened.text(".panel h2") == "link"
    ends = opened.texts(".panel li a")
    assert len(ends) == 2
    assert {network[end].kind for end in ends} == {"switch port", "router port"}
    assert opened.evaluate("document.querySelectorAll('.link.chosen').length") == 1
    address = opened.evaluate("location.hash")
    opened.key("Escape")
    assert opened.evaluate("location.hash") == ""
    opened.evaluate(f"location.hash = {address!r}")
    opened.wait("document.querySelector('.panel h2').textContent === 'link'")


def test_a_card_is_folded_with_its_triangle_and_what_is_below_moves_up(opened: Page) -> None:
    before, below = opened.box(card("net-0")), opened.box(card("net-3"))
    opened.click(f"({card('net-0')}).querySelector('.toggle')")
    folded = opened.box(card("net-0"))
    assert folded["y"] == pytest.approx(before["y"], abs=1)
    assert folded["height"] < 30
    moved = before["height"] - folded["height"]
    assert opened.box(card("net-3"))["y"] == pytest.approx(below["y"] - moved, abs=1)
    assert opened.evaluate(f"({card('net-0')}).querySelectorAll('.row').length") == 0
    opened.click(f"({card('net-0')}).querySelector('.toggle')")
    assert opened.box(card("net-0")) == before


def test_a_column_is_folded_with_its_name(opened: Page) -> None:
    heading = "[...document.querySelectorAll('.heading')].find(heading => heading.textContent === 'switches')"
    opened.click(heading)
    assert opened.evaluate("document.querySelectorAll('.card.folded').length") == 12
    assert opened.evaluate(f"({heading}).getAttribute('aria-expanded')") == "false"
    opened.click(heading)
    assert opened.evaluate("document.querySelectorAll('.card.folded').length") == 0


def test_a_card_is_dragged_and_its_links_follow(opened: Page) -> None:
    links = "[...document.querySelectorAll('.link')].map(path => path.getAttribute('d'))"
    before, ways = opened.box(card("router-0")), opened.evaluate(links)
    scale = opened.evaluate(SCALE)
    opened.drag(before["mx"], before["y"] + 5, 60, -40)
    after = opened.box(card("router-0"))
    assert [after["x"] - before["x"], after["y"] - before["y"]] == pytest.approx([60, -40], abs=1)
    followed = [(was, now) for was, now in zip(ways, opened.evaluate(links), strict=True) if was != now]
    assert len(followed) == 5  # four networks and the outside
    for was, now in followed:
        (x1, y1, *_, x2, y2), (new_x1, new_y1, *_, new_x2, new_y2) = numbers(was), numbers(now)
        shifts = {(round(new_x1 - x1), round(new_y1 - y1)), (round(new_x2 - x2), round(new_y2 - y2))}
        assert shifts == {(0, 0), (round(60 / scale), round(-40 / scale))}
    # A drag is no click.
    assert opened.text(".panel h2") == "The network"


def test_what_the_picture_shows_is_moved_and_zoomed_around_the_pointer(opened: Page) -> None:
    before = opened.box(card("net-0"))
    opened.drag(80, 300, -70, 50)
    moved = opened.box(card("net-0"))
    assert [moved["x"] - before["x"], moved["y"] - before["y"]] == pytest.approx([-70, 50])
    scale = opened.evaluate(SCALE)
    opened.pointer("mouseWheel", moved["x"], moved["y"], deltaX=0, deltaY=-200)
    opened.painted()
    zoomed = opened.box(card("net-0"))
    assert opened.evaluate(SCALE) > scale * 1.3
    assert [zoomed["x"], zoomed["y"]] == pytest.approx([moved["x"], moved["y"]], abs=1)


def test_buttons_zoom_fit_and_reset(opened: Page) -> None:
    view_box = "document.querySelector('.pane svg').getAttribute('viewBox')"
    scale, view = opened.evaluate(SCALE), opened.evaluate(view_box)
    opened.click("document.querySelector('[aria-label=Larger]')")
    assert opened.evaluate(SCALE) == pytest.approx(scale * 1.25)
    assert opened.text(".zoom") == f"{scale * 125:.0f} %"
    opened.click("document.querySelector('[aria-label=\"All of it\"]')")
    pane, last = opened.box("document.querySelector('.pane')"), opened.box(card("net-11"))
    assert last["y"] + last["height"] < pane["y"] + pane["height"]
    opened.click(card("net-11"))
    opened.click("document.querySelector('[aria-label=\"As it was at first\"]')")
    assert opened.evaluate(view_box) == view
    assert opened.evaluate("location.hash + document.querySelectorAll('.chosen').length") == "0"


def test_two_fingers_zoom(opened: Page) -> None:
    scale = opened.evaluate(SCALE)
    opened.pinch(400, 400, apart=100, then=200)
    assert opened.evaluate(SCALE) == pytest.approx(scale * 2, rel=0.05)


def test_everything_is_done_with_the_keyboard_alone(opened: Page) -> None:
    focused = "document.activeElement.querySelector('text')?.textContent ?? document.activeElement.textContent"
    opened.evaluate("document.querySelector('.pane [tabindex]').focus()")
    assert opened.evaluate("document.querySelectorAll('.pane [tabindex]').length") == 1
    assert opened.evaluate(focused) == "outside"
    opened.key("ArrowRight")
    opened.key("ArrowRight")
    assert opened.evaluate(focused) == "switches"
    for _ in range(2):
        opened.key("ArrowDown")
    assert opened.evaluate(focused) == "vm-0"
    opened.key("ArrowRight")
    assert opened.evaluate(focused) == "vm-12"
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')") == "switch port vm-12 up"
    opened.key("Enter")
    assert opened.text(".panel h2") == "vm-12"
    opened.key("f")
    assert opened.evaluate("document.querySelectorAll('.card.folded').length") == 1
    assert opened.evaluate(focused) == "net-0"
    scale = opened.evaluate(SCALE)
    opened.key("+")
    assert opened.evaluate(SCALE) == pytest.approx(scale * 1.25)
    before = opened.box(card("net-0"))["x"]
    opened.key("ArrowRight", shift=True)
    assert opened.box(card("net-0"))["x"] == pytest.approx(before - 60)
    opened.key("Escape")
    assert opened.text(".panel h2") == "The network"
    opened.key("?")
    assert opened.evaluate("document.querySelector('dialog').open")


def test_what_can_be_pressed_has_a_name_for_those_who_do_not_see_it(opened: Page) -> None:
    tree = opened.call("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"] and "name" in node}
    assert {("searchbox", "Search for a name or an address"), ("button", "Larger"), ("button", "Fold net-0")} <= named
    assert not [role for role, name in named if role == "button" and not name.strip()]


def test_the_states_lead_to_what_is_in_them(opened: Page, network: Topology) -> None:
    opened.click("[...document.querySelectorAll('.states button')].find(b => b.textContent.includes('down'))")
    down = [node.label for node in network if node.state == "down"]
    assert len(opened.texts(".panel li")) == len(down) == 24
    opened.click("document.querySelector('.panel li a')")
    assert opened.text(".panel h2") == down[0]


def test_light_and_dark_follow_the_system_until_one_is_chosen(browser: Browser, file: Path) -> None:
    colour = "getComputedStyle(document.querySelector('main')).backgroundColor"
    dark = browser.page(dark=True)
    dark.open(file)
    assert dark.evaluate(colour) == "rgb(13, 17, 23)"
    switch = "document.querySelector('[aria-label^=\"Light or dark\"]')"
    dark.click(switch)
    assert dark.evaluate(colour) == "rgb(255, 255, 255)"
    dark.click(switch)
    assert dark.evaluate(colour) == "rgb(13, 17, 23)"
    dark.close()


def test_the_picture_glides_only_where_motion_is_wanted(browser: Browser, file: Path) -> None:
    moves = (
        "new Promise(done => { const svg = document.querySelector('.pane svg'); const seen = new Set();"
        "const see = new MutationObserver(() => seen.add(svg.getAttribute('viewBox')));"
        "see.observe(svg, {attributeFilter: ['viewBox']});"
        "document.querySelector('[aria-label=\"All of it\"]').click(); setTimeout(() => done(seen.size), 350); })"
    )
    for motion in (False, True):
        opened = browser.page(motion=motion)
        opened.open(file)
        steps = opened.evaluate(moves)
        assert steps > 1 if motion else steps == 1
        opened.close()


def test_details_have_to_be_asked_for_where_there_is_little_room(browser: Browser, file: Path) -> None:
    narrow = browser.page(width=900)
    narrow.open(file)
    assert narrow.evaluate("document.querySelector('.panel').hidden")
    narrow.click(card("compute-5.example.net"))
    assert not narrow.evaluate("document.querySelector('.panel').hidden")
    # It has come where the card was, which has made room.
    chosen, panel = narrow.box(card("compute-5.example.net")), narrow.box("document.querySelector('.panel')")
    assert chosen["x"] + 100 < panel["x"] or chosen["y"] + 20 < panel["y"]
    narrow.click("document.querySelector('[aria-label=Details]')")
    assert narrow.evaluate("document.querySelector('.panel').hidden")
    narrow.close()


# -- much of it --------------------------------------------------------------------------------------------------------


def test_what_the_picture_folds_away_is_opened_found_and_folded_again(browser: Browser, tmp_path: Path) -> None:
    opened = show(browser, large(switches=70, ports=40), tmp_path / "large.html")
    more = f"({card('s0')}).querySelector('.more')"
    assert opened.evaluate(f"({more}).textContent") == "+ 35 more ports, 35 of them up"
    height = opened.box(card("s0"))["height"]
    opened.click(more)
    assert opened.evaluate(f"({card('s0')}).querySelectorAll('.row[data-key]').length") == 40
    assert opened.evaluate(f"({more}).textContent") == "\N{MINUS SIGN} fewer"
    opened.click(more)
    assert opened.box(card("s0"))["height"] == height
    # It is below the window.
    opened.evaluate(f"({card('r')}).querySelector('.more').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    assert opened.evaluate(f"({card('r')}).querySelectorAll('.row[data-key]').length") == 70
    # A whole row of switches is not drawn, and one of their ports is looked for.
    assert opened.text("[data-rest]") == "+ 10 more switches"
    assert opened.evaluate(f"({card('s65')}) === undefined")
    opened.key("/")
    opened.type("vm-65-39")
    assert opened.text(".count") == "1 match (1 folded away)"
    opened.key("Enter")
    assert opened.text(".card .chosen text") == "vm-65-39"
    assert opened.text(".count") == "1 of 1 match"
    assert opened.evaluate("[...document.querySelectorAll('.link.near')].filter(path => path.isConnected).length") == 0
    opened.click("document.querySelector('[aria-label=\"As it was at first\"]')")
    assert opened.evaluate(f"({card('s65')}) === undefined")
    assert opened.complaints == []
    opened.close()


def test_the_page_of_ten_thousand_ports_opens_in_time(browser: Browser, tmp_path: Path) -> None:
    """3 s are the figure for an idle machine, which the benchmark measures; here others run beside it."""
    path = tmp_path / "large.html"
    path.write_text(page(large(switches=50, ports=200)), encoding="utf-8")
    opened = browser.page()
    assert opened.open(path) < 12
    assert opened.text(".panel .counts dd:last-of-type") == "10050"
    opened.close()


# -- hostile names -----------------------------------------------------------------------------------------------------


def test_names_that_mean_harm_are_text_everywhere(browser: Browser, tmp_path: Path) -> None:
    opened = show(browser, plain.hostile(), tmp_path / "hostile.html")
    elements = (
        "[...document.querySelectorAll('*')].filter(e => e.localName === 'script' ? !['', 'data'].includes(e.id) : "
        "[...e.attributes].some(a => a.name.startsWith('on'))).length"
    )
    visited = 0
    for key in ("s0", "r1", "p2", "c3", "lb4", "lb5", "nat6", "rp3"):
        opened.evaluate(f"location.hash = {key!r}")
        opened.wait(f"[...document.querySelectorAll('.panel dd')].at(-1)?.textContent === {key!r}")
        visited += 1
        shown = opened.text(".panel")
        assert not set(shown) & set("\u202e\u2066\u2028\u2029\x07\x00")
    assert visited == 8
    assert opened.evaluate("document.scripts.length") == 2
    assert opened.evaluate(elements) == 0
    opened.evaluate("location.hash = 's0'")
    opened.wait("document.querySelector('.panel h2').textContent === '<script>alert(1)</script>'")
    opened.key("/")
    opened.type("<script>")
    assert int(opened.text(".count").split()[0]) >= 9
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (opened.requests, opened.complaints) == ([], [])
    opened.close()


def test_a_physical_network_of_any_name_is_selected_and_linked_to(browser: Browser, tmp_path: Path) -> None:
    name = 'a/b "c" #%41\r\nd'
    provider = topology.Node(f"provider:{name}", "provider", name, name)
    opened = show(browser, plain.topology([provider]), tmp_path / "provider.html")
    opened.click("document.querySelector('.card .title')")
    assert opened.text(".panel h2") == r'a/b "c" #%41\r\nd'
    address = opened.evaluate("location.hash")
    opened.key("Escape")
    opened.evaluate(f"location.hash = {address!r}")
    opened.wait("document.querySelectorAll('.card.chosen').length === 1")
    opened.close()


def test_an_empty_network_has_a_page_as_well(browser: Browser, tmp_path: Path) -> None:
    opened = show(browser, plain.topology([]), tmp_path / "empty.html")
    assert "an empty network" in opened.text(".legend")
    assert opened.complaints == []
    opened.close()


# -- within another page -----------------------------------------------------------------------------------------------


def test_the_page_runs_within_a_frame_and_reaches_nothing_outside_of_it(
    browser: Browser, network: Topology, tmp_path: Path
) -> None:
    text = frame(network.focus("vm-13"), height=400)
    assert 'sandbox="allow-scripts"' in text
    path = tmp_path / "outer.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>outer</title>{text}")
    opened = browser.page(width=1200)
    opened.open(path)
    assert opened.box("document.querySelector('iframe')")["height"] == 400
    inner = browser.frame()
    inner.click(row("vm-13", on="net-1"))
    assert inner.text(".panel h2") == "vm-13"
    assert inner.evaluate("location.hash") == f"#{network['vm-13'].key}"
    outside = "(() => { try { return parent.document.title; } catch (error) { return error.name; } })()"
    assert inner.evaluate(outside) == "SecurityError"
    assert (opened.complaints, inner.complaints, inner.requests) == ([], [], [])
    opened.close()
