"""Source NAT and floating IPs, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound import NAT, LogicalRouter
from tests.operations import checked

MAC = "02:00:00:00:00:01"


@pytest.fixture
def router(nb: Northbound) -> Northbound:
    checked(nb, "add_router", "r1")
    return nb


def foreign(nb: Northbound, **columns: Any) -> None:
    with nb.transaction() as tx:
        router = tx.get(LogicalRouter, name="r1")
        tx.update(router, nat=router.nat | {tx.insert(NAT(**columns))})


def test_source_nat_is_known_by_what_is_inside(router: Northbound) -> None:
    changes = checked(router, "add_snat", "r1", external_ip="192.0.2.10", logical_ip="10.0.0.0/24")
    checked(router, "add_snat", "r1", external_ip="192.0.2.10", logical_ip="10.1.0.0/24")
    checked(router, "add_snat", "r1", external_ip="192.0.2.99", logical_ip="10.0.0.0/24")
    rule = router.get(NAT, logical_ip="10.0.0.0/24")
    assert (rule.ref, rule.type, rule.external_ip) == (changes.ref, "snat", "192.0.2.99")
    assert rule.external_ids == {"ovnkit-owner": "ovnkit"}
    checked(router, "remove_snat", "r1", logical_ip="10.0.0.0/24")
    assert [row.logical_ip for row in router.find(NAT)] == ["10.1.0.0/24"]


def test_other_spellings_of_an_address_are_the_same_rule(router: Northbound) -> None:
    foreign(router, type="snat", logical_ip="fd00:0::/64", external_ip="2001:DB8::1")
    assert checked(router, "add_snat", "r1", external_ip="2001:db8::1", logical_ip="fd00::/64") == []
    foreign(router, type="snat", logical_ip="10.0.0.9/32", external_ip="192.0.2.1")
    checked(router, "add_snat", "r1", external_ip="192.0.2.2", logical_ip="10.0.0.9")
    assert len(router.find(NAT)) == 2
    checked(router, "remove_snat", "r1", logical_ip="10.0.0.9")
    assert len(router.find(NAT)) == 1


def test_a_floating_ip_is_known_by_its_outer_address(router: Northbound) -> None:
    changes = checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.9")
    checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.10")
    rule = router.get(NAT)
    assert (rule.ref, rule.type, rule.logical_ip) == (changes.ref, "dnat_and_snat", "10.0.0.10")
    checked(router, "remove_floating_ip", "r1", "192.0.2.11")
    assert router.find(NAT) == []


def test_a_floating_ip_becomes_distributed_and_stays_so(router: Northbound) -> None:
    checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.9")
    checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.9", logical_port="vm1", external_mac=MAC)
    assert checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.9") == []
    assert (router.get(NAT).logical_port, router.get(NAT).external_mac) == ("vm1", MAC)


def test_a_floating_ip_does_not_move_away_from_the_port_that_translates_it(router: Northbound) -> None:
    router.add_floating_ip("r1", "192.0.2.11", "10.0.0.9", logical_port="vm1", external_mac=MAC)
    with pytest.raises(Conflict, match="'vm1'"):
        checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.10")
    checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.10", logical_port="vm2", external_mac=MAC)
    assert (router.get(NAT).logical_port, router.get(NAT).logical_ip) == ("vm2", "10.0.0.10")
    assert str(checked(router, "remove_floating_ip", "r1", "192.0.2.11")).endswith("- NAT 192.0.2.11")


def test_kinds_of_nat_do_not_disturb_each_other(router: Northbound) -> None:
    checked(router, "add_snat", "r1", external_ip="192.0.2.11", logical_ip="10.0.0.9")
    checked(router, "add_floating_ip", "r1", "192.0.2.11", "10.0.0.9")
    checked(router, "remove_snat", "r1", logical_ip="10.0.0.9")
    assert [row.type for row in router.find(NAT)] == ["dnat_and_snat"]


def test_two_rules_for_the_same_are_not_unique(router: Northbound) -> None:
    for external_ip in ("192.0.2.1", "192.0.2.2"):
        foreign(router, type="snat", logical_ip="10.0.0.0/24", external_ip=external_ip)
    with pytest.raises(NotUnique):
        checked(router, "add_snat", "r1", external_ip="192.0.2.1", logical_ip="10.0.0.0/24")
    with pytest.raises(NotUnique):
        checked(router, "remove_snat", "r1", logical_ip="10.0.0.0/24")


def test_the_same_rule_added_at_the_same_moment_is_a_conflict(router: Northbound) -> None:
    tx = router.transaction()
    tx.add_floating_ip("r1", "192.0.2.11", "10.0.0.9")
    router.add_floating_ip("r1", "192.0.2.11", "10.0.0.9")
    with pytest.raises(Conflict):
        tx.commit()
    assert len(router.find(NAT)) == 1


def test_removing_what_is_absent_changes_nothing(router: Northbound) -> None:
    for name in ("r1", "nobody"):
        assert checked(router, "remove_snat", name, logical_ip="10.0.0.0/24") == []
        assert checked(router, "remove_floating_ip", name, "192.0.2.11") == []


def test_the_router_must_be_there(nb: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(nb, "add_snat", "r1", external_ip="192.0.2.10", logical_ip="10.0.0.0/24")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("add_snat", {"external_ip": "192.0.2.10/32", "logical_ip": "10.0.0.0/24"}),
        ("add_snat", {"external_ip": "192.0.2.10", "logical_ip": "10.0.0.1/24"}),
        ("add_snat", {"external_ip": "192.0.2.10", "logical_ip": "fd00::/64"}),
        ("add_snat", {"external_ip": "", "logical_ip": "10.0.0.0/24"}),
        ("remove_snat", {"logical_ip": "web"}),
        ("add_floating_ip", {"external_ip": "192.0.2.11", "logical_ip": "10.0.0.0/24"}),
        ("add_floating_ip", {"external_ip": "192.0.2.11", "logical_ip": "fd00::9"}),
        ("add_floating_ip", {"external_ip": "192.0.2.11", "logical_ip": "10.0.0.9", "logical_port": "vm1"}),
        ("add_floating_ip", {"external_ip": "192.0.2.11", "logical_ip": "10.0.0.9", "external_mac": MAC}),
        (
            "add_floating_ip",
            {"external_ip": "192.0.2.11", "logical_ip": "10.0.0.9", "external_mac": "02", "logical_port": "vm1"},
        ),
        ("remove_floating_ip", {"external_ip": "10.0.0.0/24"}),
    ],
)
def test_bad_values_are_refused_before_anything_is_sent(
    router: Northbound, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        checked(router, operation, "r1", **arguments)
