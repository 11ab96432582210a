"""The widget: traits that Python reads and sets, and the same picture in front of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ovnkit.errors import MissingExtra, NotFound
from ovnkit.topology import Edge, Topology
from ovnkit.topology.html import script, style
from tests.topology import plain
from tests.topology.chromium import Browser, Page

SMALL = plain.topology(
    [
        plain.node("switch", "web"),
        plain.node("switch port", "vm1", parent="switch web", state="up", addresses="02:00:00:00:00:05 10.0.0.5"),
        plain.node("switch port", "vm2", parent="switch web", state="down"),
        plain.node("chassis", "host"),
    ],
    [Edge("binding", "switch port vm1", "chassis host")],
)

MODEL = """
window.model = {
  values: %s, handlers: {}, saved: 0,
  get(name) { return this.values[name]; },
  set(name, value) { this.values[name] = value; },
  save_changes() { this.saved += 1; },
  on(name, handler) { this.handlers[name] = handler; },
  change(name, value) { this.values[name] = value; this.handlers["change:" + name](); },
};
undefined
"""


def test_what_is_selected_is_a_node_in_python() -> None:
    widget = SMALL.widget()
    assert (widget.selected, widget.selected_node, widget.search) == ("", None, "")
    seen: list[str] = []
    widget.observe(lambda change: seen.append(change["new"]), "selected")
    widget.selected = "switch port vm1"
    assert widget.selected_node is SMALL["vm1"]
    assert repr(widget).endswith(", selected <switch port 'vm1' up>>")
    widget.select("vm2")
    assert widget.selected_node is SMALL["vm2"]
    assert seen == ["switch port vm1", "switch port vm2"]
    with pytest.raises(NotFound, match="vm3"):
        widget.select("vm3")


def test_for_exports_the_widget_brings_the_page_in_a_frame_or_a_still_picture() -> None:
    bundle, _ = SMALL.widget()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].startswith("<iframe srcdoc=")
    many = plain.topology(
        [plain.node("switch", "s"), *(plain.node("switch port", f"vm-{n}", parent="switch s") for n in range(4000))]
    )
    bundle, _ = many.widget()._repr_mimebundle_()
    assert "<iframe" not in bundle["text/html"]
    assert "<svg" in bundle["text/html"]


def test_without_anywidget_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "ovnkit.topology.widget", raising=False)
    with pytest.raises(MissingExtra, match=r"anywidget.*install ovnkit\[notebook\]"):
        SMALL.widget()


def rendered(browser: Browser, topology: Topology, tmp_path: Path, **values: str) -> Page:
    """What a notebook does: import the module, give it a model and an element, and put that into the page."""
    widget = topology.widget()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><style>{style()}</style><div id=cell></div>")
    page = browser.page(width=1200)
    page.open(path)
    page.module(script())
    given = {"picture": widget.picture, "data": widget.data, "selected": "", "search": "", **values}
    page.evaluate(MODEL % json.dumps(given))
    page.evaluate("window.el = document.createElement('div'); window.end = imported.default.render({ model, el })")
    page.evaluate("document.getElementById('cell').append(el)")
    page.painted()
    return page


def test_selecting_and_searching_go_both_ways(browser: Browser, tmp_path: Path) -> None:
    page = rendered(browser, SMALL, tmp_path)
    page.click("document.querySelector('.row[data-key=\"switch port vm1\"]')")
    assert page.evaluate("[model.values.selected, model.saved]") == ["switch port vm1", 1]
    page.evaluate("model.change('selected', 'chassis host')")
    assert page.text(".panel h2") == "host"
    page.evaluate("model.change('search', '10.0.0.5')")
    assert page.evaluate("document.querySelector('input').value") == "10.0.0.5"
    assert page.text(".count") == "1 match"
    page.click("document.querySelector('input')")
    page.type("5")
    assert page.evaluate("model.values.search") == "10.0.0.55"
    assert page.evaluate("location.hash") == ""
    assert (page.requests, page.complaints) == ([], [])
    page.close()


def test_what_is_selected_beforehand_is_shown_and_a_new_network_takes_the_place_of_the_old(
    browser: Browser, tmp_path: Path
) -> None:
    page = rendered(browser, SMALL, tmp_path, selected="switch port vm2")
    assert page.text(".panel h2") == "vm2"
    assert page.box("document.querySelector('.legend')")["width"] > 60
    other = plain.topology([plain.node("router", "r9")]).widget()
    page.evaluate(f"model.values.picture = {json.dumps(other.picture)}; model.change('data', {json.dumps(other.data)})")
    assert page.texts(".card .title text") == ["r9"]
    assert page.evaluate("document.querySelectorAll('.ovnkit-interactive').length") == 1
    page.evaluate("end()")
    assert page.complaints == []
    page.close()


def test_a_notebook_keeps_its_wheel_and_its_keys(browser: Browser, tmp_path: Path) -> None:
    page = rendered(browser, SMALL, tmp_path)
    scale = "document.querySelector('.pane svg').getScreenCTM().a"
    before = page.evaluate(scale)
    at = page.box("document.querySelector('.pane')")
    assert at["height"] > 500
    page.pointer("mouseWheel", at["mx"], at["my"], deltaX=0, deltaY=-200)
    page.painted()
    assert page.evaluate(scale) == before
    page.pointer("mouseWheel", at["mx"], at["my"], deltaX=0, deltaY=-200, modifiers=2)
    page.painted()
    assert page.evaluate(scale) > before
    page.key("/")
    assert page.evaluate("document.activeElement === document.body")
    page.close()


def test_hostile_names_are_text_in_the_widget_as_well(browser: Browser, tmp_path: Path) -> None:
    page = rendered(browser, plain.hostile(), tmp_path, selected="s0")
    assert page.text(".panel h2") == "<script>alert(1)</script>"
    assert page.evaluate("document.querySelectorAll('#cell script').length") == 0
    assert page.complaints == []
    page.close()
