"""Who may carry a gateway, put last and back, on a real Northbound server."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.deploy import seats
from ovnkit.deploy.seats import Seats, seats_of
from ovnkit.errors import NotUnique
from ovnkit.northbound import GatewayChassis, HAChassis, HAChassisGroup, LogicalRouterPort, LogicalSwitchPort

NAMES = ("gw1", "gw2", "gw3")


@pytest.fixture
def nb(empty_nb: Northbound) -> Northbound:
    empty_nb.add_switch("public")
    empty_nb.add_router("r1")
    empty_nb.connect_router("public", "r1", networks=["192.0.2.10/24"])
    empty_nb.add_switch_port("public", "ext", addresses=["02:00:00:00:00:01 192.0.2.20"])
    return empty_nb


def gateway_chassis(nb: Northbound, *priorities: int) -> None:
    with nb.transaction() as tx:
        rows = [
            tx.insert(GatewayChassis(name=f"lrp-r1-public_{name}", chassis_name=name, priority=priority))
            for name, priority in zip(NAMES, priorities, strict=False)
        ]
        tx.update(tx.get(LogicalRouterPort), gateway_chassis=rows)


def group(nb: Northbound, *priorities: int, external_ids: dict[str, str] | None = None) -> None:
    with nb.transaction() as tx:
        rows = [
            tx.insert(HAChassis(chassis_name=name, priority=priority))
            for name, priority in zip(NAMES, priorities, strict=False)
        ]
        made = tx.insert(HAChassisGroup(name="g", ha_chassis=rows, external_ids=external_ids or {}))
        tx.update(tx.get(LogicalRouterPort), ha_chassis_group=made)
        tx.update(tx.get(LogicalSwitchPort, name="ext"), type="external", ha_chassis_group=made)


def edit(nb: Northbound, name: str, chassis: str, *more: str) -> None:
    with nb.transaction() as tx:
        for found in seats_of(tx, chassis):
            getattr(seats, name)(tx, found, chassis, *more)


def the(nb: Northbound, chassis: str) -> Seats:
    (found,) = seats_of(nb, chassis)
    return found


def priorities(nb: Northbound) -> dict[str, int]:
    return {name: seat.priority for found in seats_of(nb, "gw2") for name, seat in found.members.items()}


@pytest.mark.parametrize("make", [gateway_chassis, group])
def test_the_members_and_the_ports_of_a_gateway(nb: Northbound, make: object) -> None:
    assert seats_of(nb, "gw1") == []
    assert callable(make)
    make(nb, 3, 2, 1)
    found = the(nb, "gw1")
    assert priorities(nb) == {"gw1": 3, "gw2": 2, "gw3": 1}
    assert found.ports == {"cr-lrp-r1-public"} | ({"ext"} if make is group else set())
    assert found.what == ("HA chassis group g" if make is group else "router port lrp-r1-public")
    assert [found.is_last(name) for name in NAMES] == [False, False, True]
    assert found.others("gw1") == {"gw2", "gw3"}
    assert seats_of(nb, "nobody") == []


@pytest.mark.parametrize("make", [gateway_chassis, group])
def test_last_and_back(nb: Northbound, make: object) -> None:
    assert callable(make)
    make(nb, 3, 2, 1)
    edit(nb, "demote", "gw1")
    edit(nb, "demote", "gw1")
    assert priorities(nb) == {"gw1": 0, "gw2": 2, "gw3": 1}
    assert the(nb, "gw2").others("gw2") == {"gw3"}
    edit(nb, "demote", "gw2")
    assert priorities(nb) == {"gw1": 0, "gw2": 0, "gw3": 1}
    edit(nb, "readmit", "gw1")
    edit(nb, "readmit", "gw1")
    assert priorities(nb) == {"gw1": 3, "gw2": 0, "gw3": 1}
    edit(nb, "readmit", "gw2")
    assert priorities(nb) == {"gw1": 3, "gw2": 2, "gw3": 1}
    assert all(seat.had is None for seat in the(nb, "gw1").members.values())


def test_one_in_the_middle_goes_to_the_end_for_the_first_may_be_dead(nb: Northbound) -> None:
    gateway_chassis(nb, 3, 2, 1)
    edit(nb, "demote", "gw2")
    assert priorities(nb) == {"gw1": 3, "gw2": 0, "gw3": 1}


def test_below_the_lowest_all_others_go_up_and_their_order_stays(nb: Northbound) -> None:
    gateway_chassis(nb, 1, 0, 7)
    edit(nb, "demote", "gw1")
    assert priorities(nb) == {"gw1": 0, "gw2": 1, "gw3": 8}
    edit(nb, "readmit", "gw1")
    assert priorities(nb) == {"gw1": 2, "gw2": 1, "gw3": 8}


def test_what_another_had_before_it_was_put_last_goes_up_as_well(nb: Northbound) -> None:
    gateway_chassis(nb, 2, 1, 0)
    for chassis in ("gw1", "gw2"):
        edit(nb, "demote", chassis)
    assert priorities(nb) == {"gw1": 0, "gw2": 0, "gw3": 1}
    for chassis in ("gw1", "gw2"):
        edit(nb, "readmit", chassis)
    assert priorities(nb) == {"gw1": 3, "gw2": 2, "gw3": 1}


def test_the_last_one_stays_as_it_is(nb: Northbound) -> None:
    gateway_chassis(nb, 3, 2)
    edit(nb, "demote", "gw2")
    assert priorities(nb) == {"gw1": 3, "gw2": 2}


@pytest.mark.parametrize("text", ["", "-1", "first", "٣"])
def test_a_note_that_is_none_is_not_followed(nb: Northbound, text: str) -> None:
    gateway_chassis(nb, 0, 2)
    with nb.transaction() as tx:
        tx.update(tx.get(GatewayChassis, chassis_name="gw1"), external_ids={"ovnkit-evacuated": text})
    edit(nb, "readmit", "gw1")
    assert priorities(nb) == {"gw1": 0, "gw2": 2}


def test_who_has_set_a_priority_since_is_not_overruled(nb: Northbound) -> None:
    gateway_chassis(nb, 3, 2)
    edit(nb, "demote", "gw1")
    with nb.transaction() as tx:
        tx.update(tx.get(GatewayChassis, chassis_name="gw1"), priority=9)
    edit(nb, "readmit", "gw1")
    assert priorities(nb) == {"gw1": 9, "gw2": 2}
    assert nb.get(GatewayChassis, chassis_name="gw1").external_ids == {}


def test_a_chassis_that_is_listed_twice_is_not_unique(nb: Northbound) -> None:
    with nb.transaction() as tx:
        rows = [tx.insert(GatewayChassis(name=name, chassis_name="gw1")) for name in ("one", "two")]
        tx.update(tx.get(LogicalRouterPort), gateway_chassis=rows)
    with pytest.raises(NotUnique):
        seats_of(nb, "gw1")


def test_a_name_of_one_s_own_stays(nb: Northbound) -> None:
    gateway_chassis(nb, 3)
    with nb.transaction() as tx:
        tx.update(tx.get(GatewayChassis), name="any name gw1")
    edit(nb, "rename", "gw1", "gw9")
    row = nb.get(GatewayChassis)
    assert (row.name, row.chassis_name) == ("any name gw1", "gw9")


def test_who_sets_the_gateways_anew_has_the_last_word(nb: Northbound) -> None:
    gateway_chassis(nb, 3, 2)
    edit(nb, "demote", "gw1")
    nb.set_gateway("lrp-r1-public", "gw2", "gw1")
    edit(nb, "readmit", "gw1")
    assert priorities(nb) == {"gw1": 1, "gw2": 2}


@pytest.mark.parametrize("make", [gateway_chassis, group])
def test_taken_off_the_list(nb: Northbound, make: object) -> None:
    assert callable(make)
    make(nb, 3, 2)
    edit(nb, "withdraw", "gw1")
    assert priorities(nb) == {"gw2": 2}


@pytest.mark.parametrize("make", [gateway_chassis, group])
def test_under_another_name_with_its_own_priority(nb: Northbound, make: object) -> None:
    assert callable(make)
    make(nb, 3, 2)
    edit(nb, "demote", "gw1")
    edit(nb, "rename", "gw1", "gw9")
    assert priorities(nb) == {"gw9": 3, "gw2": 2}
    assert {row.name for row in nb.find(GatewayChassis)} <= {"lrp-r1-public_gw9", "lrp-r1-public_gw2"}


def test_what_neutron_keeps_is_known_by_its_keys(nb: Northbound) -> None:
    gateway_chassis(nb, 3, 2)
    assert not the(nb, "gw1").neutron
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalRouterPort), external_ids={"neutron:router_name": "r"})
    assert the(nb, "gw1").neutron


def test_a_group_of_neutrons(nb: Northbound) -> None:
    group(nb, 3, 2, external_ids={"neutron:availability_zone_hints": ""})
    assert the(nb, "gw1").neutron
