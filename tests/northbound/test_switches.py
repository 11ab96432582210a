"""Switches and their ports, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound import DHCPOptions, LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Map
from tests.operations import checked, snapshot

VM = "02:00:00:00:00:01 10.0.0.9"


def test_a_switch_carries_the_mark_and_what_was_asked(nb: Northbound) -> None:
    changes = checked(
        nb, "add_switch", "web", subnet="10.0.0.0/24", other_config={"mcast_snoop": "true"}, external_ids={"a": "b"}
    )
    assert changes.ref is not None
    switch = nb.get(LogicalSwitch, name="web")
    assert switch.ref == changes.ref
    assert switch.other_config == {"subnet": "10.0.0.0/24", "mcast_snoop": "true"}
    assert switch.external_ids == {"a": "b", "ovnkit-owner": "ovnkit"}


def test_of_maps_the_given_keys_are_set_and_others_stay(nb: Northbound) -> None:
    checked(nb, "add_switch", "web", other_config={"one": "1", "two": "2"}, external_ids={"a": "b"})
    checked(nb, "add_switch", "web", other_config={"two": "3"})
    switch = nb.get(LogicalSwitch, name="web")
    assert switch.other_config == {"one": "1", "two": "3"}
    assert switch.external_ids == {"a": "b", "ovnkit-owner": "ovnkit"}


def test_a_switch_that_others_made_is_taken_and_not_marked(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
    assert checked(nb, "add_switch", "web") == []
    assert nb.get(LogicalSwitch, name="web").external_ids == Map()


def test_two_switches_of_one_name_are_not_unique(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        tx.insert(LogicalSwitch(name="web"))
    for operation, *args in (("add_switch", "web"), ("remove_switch", "web"), ("add_switch_port", "web", "vm1")):
        with pytest.raises(NotUnique):
            checked(nb, operation, *args)


def test_a_switch_made_by_another_at_the_same_moment_is_not_doubled(nb: Northbound) -> None:
    tx = nb.transaction()
    tx.add_switch("web")
    with nb.transaction() as other:
        other.insert(LogicalSwitch(name="web"))
    with pytest.raises(Conflict):
        tx.commit()
    assert len(nb.find(LogicalSwitch)) == 1


def test_removing_what_is_absent_changes_nothing(nb: Northbound) -> None:
    assert checked(nb, "remove_switch", "web") == []
    assert checked(nb, "remove_switch_port", "web", "vm1") == []
    checked(nb, "add_switch", "web")
    assert checked(nb, "remove_switch_port", "web", "vm1") == []


def test_a_switch_goes_with_what_was_made_for_it(nb: Northbound) -> None:
    checked(nb, "add_router", "r1")
    before = snapshot(nb)
    checked(nb, "add_switch", "web")
    checked(nb, "add_switch_port", "web", "vm1", addresses=[VM])
    checked(nb, "add_dhcp", "web", "10.0.0.0/24", server_id="10.0.0.1", ports=["vm1"])
    checked(nb, "connect_router", "web", "r1", networks=["10.0.0.1/24"], default_route="10.0.0.254")
    checked(nb, "remove_switch", "web")
    assert snapshot(nb) == before


def test_a_switch_goes_without_what_others_made(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    with nb.transaction() as tx:
        port = tx.insert(LogicalRouterPort(name="uplink", mac="02:00:00:00:00:02", networks=["10.0.0.1/24"]))
        tx.insert(LogicalRouter(name="r1", ports=[port]))
        tx.insert(DHCPOptions(cidr="10.0.0.0/24"))
        tx.add_switch_port("web", "to-r1", type="router", addresses=["router"], options={"router-port": "uplink"})
    checked(nb, "remove_switch", "web")
    assert [row.name for row in nb.find(LogicalRouterPort)] == ["uplink"]
    assert len(nb.find(DHCPOptions)) == 1


def test_every_column_of_a_port_can_be_set(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    checked(nb, "add_dhcp", "web", "10.0.0.0/24", server_id="10.0.0.1")
    checked(nb, "add_dhcp", "web", "fd00::/64", server_id="02:00:00:00:00:ff")
    wanted: dict[str, Any] = {
        "addresses": {VM, "unknown"}, "port_security": [VM], "options": {"requested-chassis": "cmp1"}, "enabled": False,
        "parent_name": "vm0", "tag": 7, "external_ids": {"a": "b"},
    }  # fmt: skip
    checked(nb, "add_switch_port", "web", "vm1", dhcp="10.0.0.0/24", **wanted)
    checked(nb, "add_switch_port", "web", "vm1", dhcp="fd00::/64")
    port = nb.get(LogicalSwitchPort, name="vm1")
    assert {name: getattr(port, name) for name in wanted} == {
        **wanted, "addresses": frozenset({VM, "unknown"}), "port_security": frozenset([VM]),
        "external_ids": {"a": "b", "ovnkit-owner": "ovnkit"},
    }  # fmt: skip
    assert port.dhcpv4_options == nb.get(DHCPOptions, cidr="10.0.0.0/24").ref
    assert port.dhcpv6_options == nb.get(DHCPOptions, cidr="fd00::/64").ref
    assert nb.get(LogicalSwitch, name="web").ports == frozenset([port.ref])


def test_what_is_not_asked_for_is_left(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    checked(nb, "add_switch_port", "web", "vm1", addresses=[VM], port_security=[VM], enabled=True)
    changes = checked(nb, "add_switch_port", "web", "vm1", enabled=False)
    assert [(change.action, change.column) for change in changes] == [("update", "enabled")]


def test_dhcp_options_can_be_given_by_reference(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    with nb.transaction() as tx:
        foreign = tx.insert(DHCPOptions(cidr="10.0.0.0/24"))
    checked(nb, "add_switch_port", "web", "vm1", dhcp=foreign)
    assert nb.get(LogicalSwitchPort, name="vm1").dhcpv4_options == foreign


def test_a_port_does_not_move_to_another_switch(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    checked(nb, "add_switch", "db")
    checked(nb, "add_switch_port", "db", "vm1")
    with pytest.raises(Conflict, match="'vm1' is on switch 'db', not on 'web'"):
        checked(nb, "add_switch_port", "web", "vm1")
    assert checked(nb, "remove_switch_port", "web", "vm1") == []


def test_a_switch_port_cannot_have_the_name_of_a_router_port(nb: Northbound) -> None:
    checked(nb, "add_switch", "web")
    checked(nb, "add_router", "r1")
    checked(nb, "connect_router", "web", "r1", networks=["10.0.0.1/24"], router_port="gate")
    with pytest.raises(Conflict, match="'gate' is the name of a router port"):
        checked(nb, "add_switch_port", "web", "gate")


def test_what_a_port_needs_must_be_there(nb: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(nb, "add_switch_port", "web", "vm1")
    checked(nb, "add_switch", "web")
    with pytest.raises(NotFound):
        checked(nb, "add_switch_port", "web", "vm1", dhcp="10.0.0.0/24")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("add_switch", {"name": ""}),
        ("add_switch", {"name": 5}),
        ("add_switch", {"name": "web\0"}),
        ("add_switch", {"name": "web", "subnet": "10.0.0.1/24"}),
        ("add_switch", {"name": "web", "subnet": "fd00::/64"}),
        ("add_switch", {"name": "web", "other_config": {"a": 1}}),
        ("add_switch", {"name": "web", "external_ids": "a=b"}),
        ("add_switch_port", {"switch": "there", "port": ""}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "addresses": VM}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "addresses": [VM, "10.0.0.9"]}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "addresses": ["router"]}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "port_security": ["unknown"]}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "tag": 4096}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "enabled": 1}),
        ("add_switch_port", {"switch": "there", "port": "vm1", "dhcp": "10.0.0.9/24"}),
        ("add_switch_port", {"switch": "there", "port": "p", "type": "locolnet"}),
    ],
)
def test_bad_values_are_refused_before_anything_is_sent(
    nb: Northbound, operation: str, arguments: dict[str, Any]
) -> None:
    checked(nb, "add_switch", "there")
    with pytest.raises(InvalidValue):
        checked(nb, operation, **arguments)


def test_a_name_is_free_again_within_the_transaction(nb: Northbound) -> None:
    def build(on: Any) -> None:
        on.add_switch("web")
        on.add_switch_port("web", "vm1")
        on.add_router("r1")
        on.connect_router("web", "r1", networks=["10.0.0.1/24"])
        on.set_gateway("lrp-r1-web", "gw1")
        on.add_dhcp("web", "10.0.0.0/24", server_id="10.0.0.1")

    build(nb)
    old = set(snapshot(nb))
    with nb.transaction(timeout=5) as tx:
        tx.remove_switch("web")
        tx.remove_router("r1")
        build(tx)
    new = set(snapshot(nb))
    assert len(new) == len(old)
    assert not new & old


def test_a_whole_network_can_be_built_and_removed_in_one_transaction(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.add_switch("web")
        tx.add_switch_port("web", "vm1", addresses=[VM])
        tx.remove_switch("web")
    assert snapshot(nb) == {}
