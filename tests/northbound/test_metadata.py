"""Metadata ports, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound
from ovnkit.northbound import LogicalSwitchPort
from tests.operations import checked

MAC = "02:00:00:00:00:01"


@pytest.fixture
def web(nb: Northbound) -> Northbound:
    checked(nb, "add_switch", "web")
    return nb


def test_a_metadata_port_is_on_every_chassis(web: Northbound) -> None:
    changes = checked(web, "add_metadata_port", "web", "10.0.0.2", mac=MAC)
    port = web.get(LogicalSwitchPort, name="metadata-web")
    assert (port.ref, port.type, port.addresses) == (changes.ref, "localport", frozenset({f"{MAC} 10.0.0.2"}))


def test_the_mac_address_stays_when_the_address_changes(web: Northbound) -> None:
    checked(web, "add_metadata_port", "web", "10.0.0.2")
    derived = next(iter(web.get(LogicalSwitchPort).addresses)).split()[0]
    checked(web, "add_metadata_port", "web", "10.0.0.3")
    assert web.get(LogicalSwitchPort).addresses == frozenset({f"{derived} 10.0.0.3"})
    checked(web, "add_metadata_port", "web", "10.0.0.3", mac=MAC)
    checked(web, "add_metadata_port", "web", "10.0.0.4")
    assert web.get(LogicalSwitchPort).addresses == frozenset({f"{MAC} 10.0.0.4"})


def test_only_a_metadata_port_is_removed(web: Northbound) -> None:
    checked(web, "add_metadata_port", "web", "10.0.0.2", port="meta")
    checked(web, "add_switch_port", "web", "vm1")
    assert checked(web, "remove_metadata_port", "web") == []
    assert checked(web, "remove_metadata_port", "nowhere", port="meta") == []
    with pytest.raises(Conflict, match="'vm1' is of type '', not 'localport'"):
        checked(web, "remove_metadata_port", "web", port="vm1")
    checked(web, "remove_metadata_port", "web", port="meta")
    assert [port.name for port in web.find(LogicalSwitchPort)] == ["vm1"]


def test_a_port_of_another_kind_or_switch_is_a_conflict(web: Northbound) -> None:
    checked(web, "add_switch_port", "web", "vm1")
    with pytest.raises(Conflict, match="of type ''"):
        checked(web, "add_metadata_port", "web", "10.0.0.2", port="vm1")
    checked(web, "add_switch", "db")
    with pytest.raises(Conflict, match="on switch 'web'"):
        checked(web, "add_metadata_port", "db", "10.0.0.2", port="vm1")


def test_the_switch_must_be_there(nb: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(nb, "add_metadata_port", "web", "10.0.0.2")


@pytest.mark.parametrize("bad", [{"address": "10.0.0.2/24"}, {"mac": "x"}, {"port": ""}])
def test_bad_values_are_refused_before_anything_is_sent(web: Northbound, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(web, "add_metadata_port", "web", **{"address": "10.0.0.2", **bad})
