"""Provider networks, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotUnique
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from tests.operations import checked, snapshot


def test_a_provider_network_is_a_switch_with_a_localnet_port(nb: Northbound) -> None:
    changes = checked(nb, "add_provider_network", "physnet1", switch="public", vlan=100)
    switch = nb.get(LogicalSwitch, name="public")
    port = nb.get(LogicalSwitchPort, name="provnet-public")
    assert changes.ref == switch.ref
    assert switch.ports == frozenset([port.ref])
    assert (port.type, dict(port.options), port.tag) == ("localnet", {"network_name": "physnet1"}, 100)
    assert port.addresses == frozenset({"unknown"})


def test_names_follow_the_physical_network_and_the_vlan(nb: Northbound) -> None:
    checked(nb, "add_provider_network", "physnet1")
    checked(nb, "add_provider_network", "physnet1", vlan=7)
    assert {switch.name for switch in nb.find(LogicalSwitch)} == {"physnet1", "physnet1-7"}
    assert {(port.name, port.tag) for port in nb.find(LogicalSwitchPort)} == {
        ("provnet-physnet1", None), ("provnet-physnet1-7", 7),
    }  # fmt: skip
    checked(nb, "remove_provider_network", "physnet1", vlan=7)
    assert [switch.name for switch in nb.find(LogicalSwitch)] == ["physnet1"]


def test_the_vlan_changes_and_stays_when_it_is_not_given(nb: Northbound) -> None:
    checked(nb, "add_provider_network", "physnet1", switch="public", vlan=100)
    changes = checked(nb, "add_provider_network", "physnet1", switch="public", vlan=200)
    assert [change.column for change in changes] == ["tag"]
    assert checked(nb, "add_provider_network", "physnet1", switch="public") == []


def test_a_localnet_port_that_others_made_is_taken(nb: Northbound) -> None:
    with nb.transaction() as tx:
        port = tx.insert(
            LogicalSwitchPort(
                name="ln", type="localnet", addresses=["unknown"], options={"network_name": "physnet1", "a": "b"}
            )
        )
        tx.insert(LogicalSwitch(name="public", ports=[port]))
    assert checked(nb, "add_provider_network", "physnet1", switch="public", port="mine") == []


def test_a_switch_that_others_made_stays(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="public"))
    before = snapshot(nb)
    checked(nb, "add_provider_network", "physnet1", switch="public")
    checked(nb, "remove_provider_network", "physnet1", switch="public")
    assert snapshot(nb) == before


def test_another_physical_network_is_a_conflict(nb: Northbound) -> None:
    checked(nb, "add_provider_network", "physnet1", switch="public")
    with pytest.raises(Conflict, match="on physical network 'physnet1', not on 'physnet2'"):
        checked(nb, "add_provider_network", "physnet2", switch="public")
    assert checked(nb, "remove_provider_network", "physnet2", switch="public") == []


def test_two_localnet_ports_of_one_physical_network_are_not_unique(nb: Northbound) -> None:
    checked(nb, "add_provider_network", "physnet1", switch="public")
    checked(nb, "add_switch_port", "public", "two", type="localnet", options={"network_name": "physnet1"})
    with pytest.raises(NotUnique):
        checked(nb, "add_provider_network", "physnet1", switch="public")
    with pytest.raises(NotUnique):
        checked(nb, "remove_provider_network", "physnet1", switch="public")


def test_a_port_of_another_kind_is_a_conflict(nb: Northbound) -> None:
    checked(nb, "add_switch", "public")
    checked(nb, "add_switch_port", "public", "vm1")
    with pytest.raises(Conflict, match="'vm1' is of type '', not 'localnet'"):
        checked(nb, "add_provider_network", "physnet1", switch="public", port="vm1")


def test_removing_what_is_absent_changes_nothing(nb: Northbound) -> None:
    assert checked(nb, "remove_provider_network", "physnet1") == []


@pytest.mark.parametrize(
    "bad",
    [
        {"physnet": ""}, {"physnet": "a:b"}, {"physnet": "a,b"}, {"physnet": "a b"}, {"physnet": 5}, {"vlan": 0},
        {"vlan": 4095}, {"vlan": True}, {"switch": ""}, {"port": ""},
    ],
)  # fmt: skip
def test_bad_values_are_refused_before_anything_is_sent(nb: Northbound, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(nb, "add_provider_network", **{"physnet": "physnet1", **bad})
