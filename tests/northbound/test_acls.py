"""ACLs, port groups, address sets and QoS, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound import ACL, AddressSet, LogicalSwitch, LogicalSwitchPort, PortGroup, QoS
from ovnkit.ovsdb import Add
from tests.operations import checked

RULE: dict[str, Any] = {"direction": "to-lport", "priority": 1001, "match": "tcp.dst == 22"}


@pytest.fixture
def web(nb: Northbound) -> Northbound:
    nb.add_switch("web")
    nb.add_switch_port("web", "vm1")
    nb.add_switch_port("web", "vm2")
    return nb


def test_an_acl_is_known_by_what_it_matches(web: Northbound) -> None:
    changes = checked(web, "add_acl", switch="web", action="drop", **RULE)
    checked(web, "add_acl", switch="web", action="allow-related", log=True, severity="info", name="ssh", **RULE)
    checked(web, "add_acl", switch="web", action="drop", **{**RULE, "priority": 1000})
    rule = web.get(ACL, priority=1001)
    assert (rule.ref, rule.action, rule.log, rule.name) == (changes.ref, "allow-related", True, "ssh")
    assert rule.external_ids == {"ovnkit-owner": "ovnkit"}
    checked(web, "remove_acl", switch="web", **RULE)
    assert [row.priority for row in web.find(ACL)] == [1000]
    assert len(web.get(LogicalSwitch, name="web").acls) == 1


def test_an_acl_of_a_port_group_is_another_one(web: Northbound) -> None:
    checked(web, "add_port_group", "web", ports=["vm1"])
    checked(web, "add_acl", switch="web", action="drop", **RULE)
    checked(web, "add_acl", port_group="web", action="drop", **RULE)
    assert len(web.find(ACL)) == 2
    checked(web, "remove_acl", port_group="web", **RULE)
    assert len(web.get(LogicalSwitch, name="web").acls) == 1


def test_two_of_one_match_are_not_told_apart(web: Northbound) -> None:
    with web.transaction() as tx:
        rules = [tx.insert(ACL(action="drop", **RULE)) for _ in range(2)]
        tx.update(tx.get(LogicalSwitch, name="web"), acls=Add(*rules))
    with pytest.raises(NotUnique):
        checked(web, "add_acl", switch="web", action="drop", **RULE)


@pytest.mark.parametrize(
    "arguments",
    [
        {**RULE, "direction": "in"},
        {**RULE, "priority": 32768},
        {**RULE, "priority": True},
        {**RULE, "match": ""},
        {**RULE, "tier": 4},
        {**RULE, "port_group": "g"},
        {**RULE, "switch": None},
        {**RULE, "action": "deny"},
    ],
)
def test_a_wrong_acl_is_refused(web: Northbound, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(web, "add_acl", **{"switch": "web", "action": "drop", **arguments})


def test_a_switch_or_group_that_is_not_there_is_told(web: Northbound) -> None:
    with pytest.raises(NotFound, match="Logical_Switch"):
        checked(web, "add_acl", switch="no", action="drop", **RULE)
    with pytest.raises(NotFound, match="Port_Group"):
        checked(web, "add_acl", port_group="no", action="drop", **RULE)
    assert checked(web, "remove_acl", switch="no", **RULE) == []
    assert checked(web, "remove_acl", port_group="no", **RULE) == []


def test_a_port_group_has_the_ports_that_it_is_given(web: Northbound) -> None:
    changes = checked(web, "add_port_group", "g", ports=["vm1", "vm2"], external_ids={"a": "1"})
    checked(web, "add_port_group", "g", ports=["vm2"])
    group = web.get(PortGroup, name="g")
    assert group.ref == changes.ref
    assert group.ports == {web.get(LogicalSwitchPort, name="vm2").ref}
    checked(web, "add_port_group", "g", external_ids={"b": "2"})
    assert web.get(PortGroup, name="g").external_ids == {"a": "1", "b": "2", "ovnkit-owner": "ovnkit"}
    checked(web, "remove_port_group", "g")
    assert checked(web, "remove_port_group", "g") == []
    with pytest.raises(NotFound, match="vm3"):
        checked(web, "add_port_group", "g", ports=["vm3"])


def test_an_address_set_has_the_addresses_that_it_is_given(web: Northbound) -> None:
    checked(web, "add_address_set", "internal", addresses=["10.0.0.0/8", "192.0.2.1"])
    checked(web, "add_address_set", "internal", addresses=["10.0.0.0/8"])
    assert web.get(AddressSet, name="internal").addresses == {"10.0.0.0/8"}
    with pytest.raises(InvalidValue):
        checked(web, "add_address_set", "internal", addresses=["10.0.0.0/33"])
    checked(web, "remove_address_set", "internal")
    assert checked(web, "remove_address_set", "internal") == []


@pytest.mark.parametrize("name", ["", "1st", "a-b", "\u00e4", None])
def test_a_name_that_a_match_cannot_call_is_refused(web: Northbound, name: Any) -> None:
    for operation in ("add_port_group", "remove_port_group", "add_address_set", "remove_address_set"):
        with pytest.raises(InvalidValue):
            checked(web, operation, name)


def test_qos_limits_and_marks(web: Northbound) -> None:
    rule: dict[str, Any] = {"direction": "from-lport", "priority": 10, "match": 'inport == "vm1"'}
    changes = checked(web, "add_qos", "web", rate=1000, burst=100, **rule)
    checked(web, "add_qos", "web", dscp=46, **rule)
    checked(web, "add_qos", "web", rate=2000, **rule)
    row = web.get(QoS)
    assert row.ref == changes.ref
    assert row.bandwidth == {"rate": 2000, "burst": 100}
    assert row.action == {"dscp": 46}
    with pytest.raises(InvalidValue):
        checked(web, "add_qos", "web", dscp=64, **rule)
    with pytest.raises(InvalidValue):
        checked(web, "add_qos", "web", rate=0, **rule)
    with pytest.raises(NotFound):
        checked(web, "add_qos", "no", rate=1, **rule)
    checked(web, "remove_qos", "web", **rule)
    assert checked(web, "remove_qos", "no", **rule) == []
    assert web.find(QoS) == []
