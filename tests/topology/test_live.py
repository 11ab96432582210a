"""A drawing that follows the network, in a real IPython shell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from ovnkit import topology
from ovnkit.errors import Closed, InvalidValue, NotFound
from ovnkit.northbound import Northbound


@pytest.fixture
def outputs() -> Iterator[list[dict[str, Any]]]:
    """What a notebook would be sent."""
    shell: Any = InteractiveShell.instance()
    publisher: Any = CapturingDisplayPublisher()  # type: ignore[no-untyped-call]
    before, shell.display_pub = shell.display_pub, publisher
    yield publisher.outputs
    shell.display_pub = before
    InteractiveShell.clear_instance()


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def shown(outputs: list[dict[str, Any]]) -> str:
    return str(outputs[-1]["data"].get("text/plain"))


def test_it_is_drawn_again_in_its_place_when_the_network_changes(nb: Northbound, outputs: list[dict[str, Any]]) -> None:
    nb.add_switch("web")
    nb.add_switch("db")
    with topology.of(nb).focus("web").live(interval=0.02) as live:
        assert "switch web" in shown(outputs)
        nb.add_switch_port("web", "vm1")
        wait(lambda: "vm1" in shown(outputs))
        assert "switch db" not in shown(outputs)
        assert outputs[-1]["update"]
        assert len({output["transient"]["display_id"] for output in outputs}) == 1
        assert "text/html" in outputs[-1]["data"]
        assert live.topology["vm1"].kind == "switch port"
    drawn = len(outputs)
    nb.add_switch_port("web", "vm2")
    time.sleep(0.1)
    assert len(outputs) == drawn
    assert repr(live).endswith("stopped>")


def test_nothing_is_drawn_while_nothing_changes(nb: Northbound, outputs: list[dict[str, Any]]) -> None:
    nb.add_switch("web")
    with topology.of(nb).live(interval=0.01):
        wait(lambda: len(outputs) == 2)
        time.sleep(0.2)
        assert len(outputs) == 2


def test_it_says_so_where_what_it_shows_is_gone(nb: Northbound, outputs: list[dict[str, Any]]) -> None:
    nb.add_switch("web")
    with topology.of(nb).focus("web").live(interval=0.02) as live:
        nb.remove_switch("web")
        wait(lambda: live.error)
        wait(lambda: "no row of topology has name='web'" in shown(outputs))
        assert isinstance(live.error, NotFound)
        assert "ended" in repr(live)


def test_it_says_so_where_its_client_was_closed(nb: Northbound, outputs: list[dict[str, Any]]) -> None:
    nb.add_switch("web")
    with Northbound.connect(nb.remote, timeout=10) as own, topology.of(own).live(interval=0.02) as live:
        wait(lambda: len(outputs) == 2)
        own.close()
        wait(lambda: live.error)
        wait(lambda: "was closed" in shown(outputs))
        assert isinstance(live.error, Closed)


def test_an_interval_that_is_none_is_refused(nb: Northbound) -> None:
    with pytest.raises(InvalidValue, match="more than 0 seconds"):
        topology.of(nb).live(interval=0)
