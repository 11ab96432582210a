"""Routers and their connections to switches, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound import (
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from tests.operations import checked, snapshot


@pytest.fixture
def network(nb: Northbound) -> Northbound:
    for switch in ("web", "public"):
        checked(nb, "add_switch", switch)
    checked(nb, "add_router", "r1")
    return nb


def foreign_route(nb: Northbound, **columns: Any) -> None:
    with nb.transaction() as tx:
        route = tx.insert(LogicalRouterStaticRoute(**columns))
        router = tx.get(LogicalRouter, name="r1")
        tx.update(router, static_routes=router.static_routes | {route})


def test_a_router_carries_the_mark_and_what_was_asked(nb: Northbound) -> None:
    checked(nb, "add_router", "r1", enabled=True, options={"always_learn_from_arp_request": "false"})
    checked(nb, "add_router", "r1", options={"dynamic_neigh_routers": "true"})
    router = nb.get(LogicalRouter, name="r1")
    assert router.enabled is True
    assert router.options == {"always_learn_from_arp_request": "false", "dynamic_neigh_routers": "true"}
    assert router.external_ids == {"ovnkit-owner": "ovnkit"}


def test_both_ends_of_a_connection_are_made(network: Northbound) -> None:
    changes = checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24", "fd00::1/64"])
    port = network.get(LogicalRouterPort, name="lrp-r1-web")
    end = network.get(LogicalSwitchPort, name="lsp-web-r1")
    assert changes.ref == port.ref
    assert port.networks == frozenset({"10.0.0.1/24", "fd00::1/64"})
    assert (end.type, end.addresses, dict(end.options)) == (
        "router",
        frozenset({"router"}),
        {"router-port": "lrp-r1-web"},
    )
    assert network.get(LogicalRouter, name="r1").ports == frozenset([port.ref])
    assert network.get(LogicalSwitch, name="web").ports == frozenset([end.ref])


def test_a_derived_mac_is_the_same_every_time_and_no_other_port_has_it(network: Northbound) -> None:
    def mac(switch: str) -> str:
        return network.get(LogicalRouterPort, name=f"lrp-r1-{switch}").mac

    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"])
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"])
    first = mac("web")
    assert first != mac("public")
    checked(network, "disconnect_router", "web", "r1")
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"])
    assert mac("web") == first
    assert int(first[:2], 16) & 3 == 2  # unicast, locally administered


def test_of_a_connection_only_what_is_given_changes(network: Northbound) -> None:
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"], mac="02:00:00:00:00:01")
    changes = checked(network, "connect_router", "web", "r1", networks=["10.0.0.254/24"])
    assert [(change.table, change.column) for change in changes] == [("Logical_Router_Port", "networks")]
    changes = checked(network, "connect_router", "web", "r1", mac="02:00:00:00:00:02", options={"gateway_mtu": "1400"})
    assert sorted(change.column or "" for change in changes) == ["mac", "options"]


def test_a_connection_under_other_names_is_the_connection(network: Northbound) -> None:
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"], router_port="gate", switch_port="door")
    assert checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"]) == []
    checked(network, "disconnect_router", "web", "r1")
    assert network.find(LogicalRouterPort) == network.find(LogicalSwitchPort) == []


def test_of_two_connections_one_must_be_named(network: Northbound) -> None:
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"])
    checked(network, "connect_router", "web", "r1", networks=["10.1.0.1/24"], router_port="lrp2", switch_port="lsp2")
    with pytest.raises(NotUnique):
        checked(network, "connect_router", "web", "r1", mac="02:00:00:00:00:02")
    with pytest.raises(NotUnique):
        checked(network, "disconnect_router", "web", "r1")
    checked(network, "disconnect_router", "web", "r1", router_port="lrp2")
    assert [port.name for port in network.find(LogicalRouterPort)] == ["lrp-r1-web"]


def test_a_connection_that_lost_its_other_end_is_completed(network: Northbound) -> None:
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"])
    checked(network, "remove_switch_port", "web", "lsp-web-r1")
    changes = checked(network, "connect_router", "web", "r1")
    assert {change.table for change in changes} == {"Logical_Switch", "Logical_Switch_Port"}


def test_ports_that_belong_elsewhere_are_a_conflict(network: Northbound) -> None:
    checked(network, "add_router", "r2")
    checked(network, "connect_router", "web", "r2", networks=["10.0.0.2/24"], router_port="gate", switch_port="door")
    checked(network, "add_switch_port", "public", "vm1")
    first = {"networks": ["10.0.0.1/24"]}
    with pytest.raises(Conflict, match="router port 'gate' has another end already: 'door' of switch 'web'"):
        checked(network, "connect_router", "web", "r1", router_port="gate", **first)
    with pytest.raises(Conflict, match="'door' is the other end of router port 'gate'"):
        checked(network, "connect_router", "web", "r1", switch_port="door", **first)
    with pytest.raises(Conflict, match="'vm1' is of type '', not 'router'"):
        checked(network, "connect_router", "public", "r1", switch_port="vm1", **first)
    with pytest.raises(Conflict, match="'vm1' is the name of a switch port"):
        checked(network, "connect_router", "public", "r1", router_port="vm1", **first)
    checked(network, "remove_switch_port", "web", "door")
    with pytest.raises(Conflict, match="'gate' is on router 'r2', not on 'r1'"):
        checked(network, "connect_router", "web", "r1", router_port="gate", **first)


def test_a_port_between_two_routers_is_no_end_for_a_switch(network: Northbound) -> None:
    with network.transaction() as tx:
        port = LogicalRouterPort(name="peer", mac="02:00:00:00:00:01", networks=["10.9.0.1/30"], peer="other")
        tx.update(tx.get(LogicalRouter, name="r1"), ports=[tx.insert(port)])
    with pytest.raises(Conflict, match="connected to router port 'other'"):
        checked(network, "connect_router", "web", "r1", router_port="peer")


def test_the_default_route_goes_with_its_connection(network: Northbound) -> None:
    before = snapshot(network)
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    route = network.get(LogicalRouterStaticRoute)
    assert (route.ip_prefix, route.nexthop, route.output_port) == ("0.0.0.0/0", "192.0.2.1", "lrp-r1-public")
    checked(network, "connect_router", "public", "r1", default_route="192.0.2.254")
    assert network.get(LogicalRouterStaticRoute).nexthop == "192.0.2.254"
    checked(network, "disconnect_router", "public", "r1")
    assert snapshot(network) == before


def test_there_is_a_default_route_for_each_family(network: Northbound) -> None:
    both = ["192.0.2.10/24", "2001:db8::10/64"]
    checked(network, "connect_router", "public", "r1", networks=both, default_route="192.0.2.1")
    checked(network, "connect_router", "public", "r1", default_route="2001:db8::1")
    assert {route.ip_prefix for route in network.find(LogicalRouterStaticRoute)} == {"0.0.0.0/0", "::/0"}


def test_another_default_route_is_a_conflict(network: Northbound) -> None:
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    with pytest.raises(Conflict, match=r"default route to 192.0.2.1 through 'lrp-r1-public' already"):
        checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"], default_route="10.0.0.254")


def test_a_default_route_that_others_made_is_taken_and_stays(network: Northbound) -> None:
    foreign_route(network, ip_prefix="0.0.0.0/0", nexthop="192.0.2.1")
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    assert network.get(LogicalRouterStaticRoute).output_port is None
    with pytest.raises(Conflict, match=r"default route to 192.0.2.1 already"):
        checked(network, "connect_router", "public", "r1", default_route="192.0.2.2")
    checked(network, "disconnect_router", "public", "r1")
    assert len(network.find(LogicalRouterStaticRoute)) == 1


@pytest.mark.parametrize("other", [{"route_table": "red"}, {"policy": "src-ip"}])
def test_routes_of_other_tables_and_policies_are_not_the_default_route(
    network: Northbound, other: dict[str, Any]
) -> None:
    foreign_route(network, ip_prefix="0.0.0.0/0", nexthop="192.0.2.7", **other)
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    assert len(network.find(LogicalRouterStaticRoute)) == 2


def test_two_default_routes_are_not_unique(network: Northbound) -> None:
    foreign_route(network, ip_prefix="0.0.0.0/0", nexthop="192.0.2.7")
    foreign_route(network, ip_prefix="0.0.0.0/0", nexthop="192.0.2.8")
    with pytest.raises(NotUnique):
        checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.7")


def test_two_default_routes_added_at_the_same_moment_are_a_conflict(network: Northbound) -> None:
    tx = network.transaction()
    tx.connect_router("public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    foreign_route(network, ip_prefix="0.0.0.0/0", nexthop="192.0.2.7")
    with pytest.raises(Conflict):
        tx.commit()
    assert len(network.find(LogicalRouterStaticRoute)) == 1


def test_a_router_goes_with_the_other_ends_that_ovnkit_made(network: Northbound) -> None:
    checked(network, "connect_router", "public", "r1", networks=["192.0.2.10/24"], default_route="192.0.2.1")
    checked(network, "connect_router", "web", "r1", networks=["10.0.0.1/24"])
    checked(network, "set_gateway", "lrp-r1-public", "gw1")
    checked(network, "add_snat", "r1", external_ip="192.0.2.10", logical_ip="10.0.0.0/24")
    checked(network, "remove_router", "r1")
    assert {ref.row_class for ref in snapshot(network)} == {LogicalSwitch}


def test_removing_what_is_absent_changes_nothing(nb: Northbound) -> None:
    assert checked(nb, "remove_router", "r1") == []
    assert checked(nb, "disconnect_router", "web", "r1") == []
    checked(nb, "add_router", "r1")
    checked(nb, "add_switch", "web")
    assert checked(nb, "disconnect_router", "web", "r1") == []


def test_both_must_be_there(network: Northbound) -> None:
    for switch, router in (("nowhere", "r1"), ("web", "nobody")):
        with pytest.raises(NotFound):
            checked(network, "connect_router", switch, router, networks=["10.0.0.1/24"])


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"networks": []},
        {"networks": "10.0.0.1/24"},
        {"networks": ["10.0.0.1"]},
        {"networks": ["10.0.0.1/255.0.255.0"]},
        {"networks": ["10.0.0.1/24"], "mac": "02:00:00:00:00"},
        {"networks": ["10.0.0.1/24"], "default_route": "10.0.0.254/24"},
        {"networks": ["10.0.0.1/24"], "router_port": ""},
        {"networks": ["10.0.0.1/24"], "switch_port": ""},
        {"networks": ["10.0.0.1/24"], "options": {"a": None}},
    ],
)
def test_bad_values_are_refused_before_anything_is_sent(network: Northbound, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(network, "connect_router", "web", "r1", **arguments)
