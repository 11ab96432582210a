"""Routes, policies and static MAC bindings, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound import LogicalRouter, LogicalRouterPolicy, LogicalRouterStaticRoute, StaticMACBinding
from ovnkit.ovsdb import Add
from tests.operations import checked

MAC = "02:00:00:00:00:01"


@pytest.fixture
def router(nb: Northbound) -> Northbound:
    nb.add_switch("web")
    nb.add_router("r1")
    nb.connect_router("web", "r1", networks=["10.0.0.1/24"])
    return nb


def nexthops(nb: Northbound) -> set[str]:
    return {row.nexthop for row in nb.find(LogicalRouterStaticRoute)}


def test_a_route_is_known_by_its_prefix(router: Northbound) -> None:
    changes = checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.9")
    checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.8", output_port="lrp-r1-web")
    checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.7", policy="src-ip")
    checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.6", route_table="blue")
    checked(router, "add_route", "r1", "2001:db8::/32", "fd00::9")
    row = router.get(LogicalRouterStaticRoute, output_port="lrp-r1-web")
    assert (row.ref, row.nexthop, row.policy) == (changes.ref, "10.0.0.8", None)
    assert nexthops(router) == {"10.0.0.8", "10.0.0.7", "10.0.0.6", "fd00::9"}
    checked(router, "remove_route", "r1", "10.1.0.0/16")
    assert nexthops(router) == {"10.0.0.7", "10.0.0.6", "fd00::9"}
    checked(router, "remove_route", "r1", "10.1.0.0/16", policy="src-ip")
    checked(router, "remove_route", "r1", "10.1.0.0/16", route_table="blue")
    assert nexthops(router) == {"fd00::9"}


def test_a_prefix_has_several_next_hops_where_that_is_asked_for(router: Northbound) -> None:
    for nexthop in ("10.0.0.8", "10.0.0.9"):
        checked(router, "add_route", "r1", "10.1.0.0/16", nexthop, ecmp=True)
    with pytest.raises(NotUnique):
        checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.7")
    checked(router, "remove_route", "r1", "10.1.0.0/16", "10.0.0.8")
    assert nexthops(router) == {"10.0.0.9"}
    checked(router, "add_route", "r1", "10.1.0.0/16", "10.0.0.7")
    assert nexthops(router) == {"10.0.0.7"}


def test_other_spellings_are_the_same_route(router: Northbound) -> None:
    with router.transaction() as tx:
        row = tx.insert(LogicalRouterStaticRoute(ip_prefix="FD00:0::/64", nexthop="2001:DB8::1", policy="dst-ip"))
        tx.update(tx.get(LogicalRouter, name="r1"), static_routes=Add(row))
    assert checked(router, "add_route", "r1", "fd00::/64", "2001:db8::1") == []
    checked(router, "remove_route", "r1", "fd00::/64")
    assert router.find(LogicalRouterStaticRoute) == []


@pytest.mark.parametrize(
    ("prefix", "nexthop", "arguments"),
    [
        ("10.1.0.5/16", "10.0.0.9", {}),
        ("x", "10.0.0.9", {}),
        ("10.1.0.0/16", "fd00::9", {}),
        ("10.1.0.0/16", "10.0.0.9/24", {}),
        ("10.1.0.0/16", "", {}),
        ("10.1.0.0/16", "10.0.0.9", {"policy": "dst"}),
        ("10.1.0.0/16", "10.0.0.9", {"route_table": None}),
    ],
)
def test_a_wrong_route_is_refused(router: Northbound, prefix: str, nexthop: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(router, "add_route", "r1", prefix, nexthop, **arguments)


def test_packets_are_discarded_where_that_is_asked_for(router: Northbound) -> None:
    checked(router, "add_route", "r1", "10.1.0.0/16", "discard")
    assert nexthops(router) == {"discard"}
    checked(router, "remove_route", "r1", "10.1.0.0/16", "discard")
    with pytest.raises(InvalidValue):
        checked(router, "remove_route", "r1", "10.1.0.0/16", "drop")


def test_a_router_that_is_not_there_is_told(router: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(router, "add_route", "no", "10.1.0.0/16", "10.0.0.9")
    with pytest.raises(NotFound):
        checked(router, "add_policy", "no", priority=1, match="ip4", action="drop")
    assert checked(router, "remove_route", "no", "10.1.0.0/16") == []
    assert checked(router, "remove_policy", "no", priority=1, match="ip4") == []


def test_a_policy_is_known_by_its_match(router: Northbound) -> None:
    rule: dict[str, Any] = {"priority": 10, "match": "ip4.src == 10.0.0.9"}
    changes = checked(router, "add_policy", "r1", action="drop", **rule)
    checked(router, "add_policy", "r1", action="reroute", nexthops=["10.0.0.8", "10.0.0.7"], **rule)
    row = router.get(LogicalRouterPolicy)
    assert (row.ref, row.action) == (changes.ref, "reroute")
    assert row.nexthops == {"10.0.0.8", "10.0.0.7"}
    assert checked(router, "add_policy", "r1", action="reroute", **rule) == []
    checked(router, "add_policy", "r1", action="allow", **rule)
    assert router.get(LogicalRouterPolicy).nexthops == frozenset()
    checked(router, "remove_policy", "r1", **rule)
    assert router.find(LogicalRouterPolicy) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "reroute"},
        {"action": "reroute", "nexthops": []},
        {"action": "drop", "nexthops": ["10.0.0.8"]},
        {"action": "reroute", "nexthops": ["10.0.0.8", "fd00::8"]},
        {"action": "reroute", "nexthops": ["10.0.0.8/24"]},
        {"action": "reroute", "nexthops": "10.0.0.8"},
        {"action": "drop", "priority": -1},
        {"action": "drop", "match": ""},
        {"action": "deny"},
    ],
)
def test_a_wrong_policy_is_refused(router: Northbound, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(router, "add_policy", "r1", **{"priority": 10, "match": "ip4", **arguments})


def test_a_static_mac_is_known_by_port_and_address(router: Northbound) -> None:
    changes = checked(router, "add_static_mac", "lrp-r1-web", "10.0.0.9", MAC)
    checked(router, "add_static_mac", "lrp-r1-web", "10.0.0.9", "02:00:00:00:00:02", override_dynamic=True)
    row = router.get(StaticMACBinding)
    assert (row.ref, row.mac, row.override_dynamic_mac) == (changes.ref, "02:00:00:00:00:02", True)
    checked(router, "remove_static_mac", "lrp-r1-web", "10.0.0.9")
    assert checked(router, "remove_static_mac", "lrp-r1-web", "10.0.0.9") == []
    with pytest.raises(NotFound):
        checked(router, "add_static_mac", "no", "10.0.0.9", MAC)
    with pytest.raises(InvalidValue):
        checked(router, "add_static_mac", "lrp-r1-web", "10.0.0.9/24", MAC)
    with pytest.raises(InvalidValue):
        checked(router, "add_static_mac", "lrp-r1-web", "10.0.0.9", "x")
