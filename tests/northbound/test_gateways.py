"""Gateway chassis of router ports, on a real server."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound import GatewayChassis, HAChassisGroup, LogicalRouterPort
from tests.operations import checked

PORT = "lrp-r1-public"


@pytest.fixture
def uplink(nb: Northbound) -> Northbound:
    checked(nb, "add_switch", "public")
    checked(nb, "add_router", "r1")
    checked(nb, "connect_router", "public", "r1", networks=["192.0.2.10/24"])
    return nb


def gateways(nb: Northbound) -> dict[str, int]:
    port = nb.get(LogicalRouterPort, name=PORT)
    return {nb[ref].chassis_name: nb[ref].priority for ref in port.gateway_chassis}


def test_the_first_chassis_is_preferred(uplink: Northbound) -> None:
    changes = checked(uplink, "set_gateway", PORT, "gw1", "gw2", "gw3")
    assert gateways(uplink) == {"gw1": 3, "gw2": 2, "gw3": 1}
    assert changes.ref == uplink.get(LogicalRouterPort, name=PORT).ref
    assert all(row.external_ids == {"ovnkit-owner": "ovnkit"} for row in uplink.find(GatewayChassis))


def test_exactly_the_given_chassis_remain(uplink: Northbound) -> None:
    checked(uplink, "set_gateway", PORT, "gw1", "gw2")
    kept = uplink.get(GatewayChassis, chassis_name="gw2").ref
    checked(uplink, "set_gateway", PORT, "gw3", "gw2")
    assert gateways(uplink) == {"gw3": 2, "gw2": 1}
    assert uplink.get(GatewayChassis, chassis_name="gw2").ref == kept


def test_another_order_changes_priorities_only(uplink: Northbound) -> None:
    checked(uplink, "set_gateway", PORT, "gw1", "gw2")
    changes = checked(uplink, "set_gateway", PORT, "gw2", "gw1")
    assert {(change.action, change.column) for change in changes} == {("update", "priority")}


def test_chassis_that_others_set_are_known_by_their_chassis_and_not_by_their_row_name(uplink: Northbound) -> None:
    with uplink.transaction() as tx:
        row = tx.insert(GatewayChassis(name="any name", chassis_name="gw1", priority=7))
        tx.update(tx.get(LogicalRouterPort, name=PORT), gateway_chassis=[row])
    checked(uplink, "set_gateway", PORT, "gw1", "gw2")
    assert gateways(uplink) == {"gw1": 2, "gw2": 1}
    assert uplink[row].name == "any name"


def test_a_chassis_that_the_port_has_twice_is_not_unique(uplink: Northbound) -> None:
    with uplink.transaction() as tx:
        rows = [tx.insert(GatewayChassis(name=name, chassis_name="gw1")) for name in ("one", "two")]
        tx.update(tx.get(LogicalRouterPort, name=PORT), gateway_chassis=rows)
    with pytest.raises(NotUnique):
        checked(uplink, "set_gateway", PORT, "gw1")
    checked(uplink, "unset_gateway", PORT)
    assert uplink.find(GatewayChassis) == []


def test_a_row_name_that_stands_for_another_chassis_is_a_conflict(uplink: Northbound) -> None:
    with uplink.transaction() as tx:
        row = tx.insert(GatewayChassis(name=f"{PORT}_gw1", chassis_name="other"))
        tx.update(tx.get(LogicalRouterPort, name=PORT), gateway_chassis=[row])
    with pytest.raises(Conflict, match="'other', not 'gw1'"):
        checked(uplink, "set_gateway", PORT, "gw1")


def test_an_ha_chassis_group_is_a_conflict(uplink: Northbound) -> None:
    with uplink.transaction() as tx:
        group = tx.insert(HAChassisGroup(name="group"))
        tx.update(tx.get(LogicalRouterPort, name=PORT), ha_chassis_group=group)
    with pytest.raises(Conflict, match="HA chassis group 'group'"):
        checked(uplink, "set_gateway", PORT, "gw1")


def test_removing_what_is_absent_changes_nothing(uplink: Northbound) -> None:
    assert checked(uplink, "unset_gateway", PORT) == []
    assert checked(uplink, "unset_gateway", "nowhere") == []


def test_the_port_must_be_there(nb: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(nb, "set_gateway", PORT, "gw1")


@pytest.mark.parametrize("chassis", [(), ("",), ("gw1", "gw1"), (5,)])
def test_bad_chassis_are_refused(uplink: Northbound, chassis: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValue):
        checked(uplink, "set_gateway", PORT, *chassis)
