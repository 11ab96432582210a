"""Load balancers and DNS records, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue, NotFound, NotUnique
from ovnkit.northbound import DNS, LoadBalancer, LogicalRouter, LogicalSwitch
from tests.operations import checked

VIP = "192.0.2.1:80"


@pytest.fixture
def web(nb: Northbound) -> Northbound:
    nb.add_switch("web")
    nb.add_router("r1")
    return nb


def test_a_load_balancer_is_known_by_its_name(web: Northbound) -> None:
    changes = checked(
        web, "add_load_balancer", "lb", vips={VIP: ["10.0.0.4:80", "10.0.0.5:80"]}, protocol="tcp", switches=["web"]
    )
    checked(web, "add_load_balancer", "lb", vips={"[2001:db8::1]:80": "[fd00::4]:80"}, routers=["r1"])
    row = web.get(LoadBalancer, name="lb")
    assert row.ref == changes.ref
    assert row.vips == {VIP: "10.0.0.4:80,10.0.0.5:80", "[2001:db8::1]:80": "[fd00::4]:80"}
    assert web.get(LogicalSwitch, name="web").load_balancer == {row.ref}
    assert web.get(LogicalRouter, name="r1").load_balancer == {row.ref}


def test_parts_are_removed_or_all_of_it(web: Northbound) -> None:
    web.add_load_balancer("lb", vips={VIP: ["10.0.0.4:80"], "192.0.2.2:80": []}, switches=["web"], routers=["r1"])
    checked(web, "remove_load_balancer", "lb", vips=[VIP])
    checked(web, "remove_load_balancer", "lb", routers=["r1"])
    assert web.get(LoadBalancer, name="lb").vips == {"192.0.2.2:80": ""}
    assert web.get(LogicalRouter, name="r1").load_balancer == frozenset()
    assert web.get(LogicalSwitch, name="web").load_balancer != frozenset()
    checked(web, "remove_load_balancer", "lb")
    assert checked(web, "remove_load_balancer", "lb") == []
    assert web.get(LogicalSwitch, name="web").load_balancer == frozenset()


@pytest.mark.parametrize(
    "arguments",
    [
        {"vips": {"192.0.2.1:x": []}},
        {"vips": {VIP: "10.0.0.4:80, 10.0.0.5:80"}},
        {"vips": {VIP: [1]}},
        {"vips": [VIP]},
        {"switches": "web"},
        {"protocol": "icmp"},
        {"options": {"reject": "yes"}},
    ],
)
def test_a_wrong_load_balancer_is_refused(web: Northbound, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(web, "add_load_balancer", "lb", **arguments)


def test_what_it_is_to_work_on_has_to_be_there(web: Northbound) -> None:
    with pytest.raises(NotFound, match="Logical_Switch"):
        checked(web, "add_load_balancer", "lb", switches=["no"])
    with pytest.raises(NotFound, match="Logical_Router"):
        checked(web, "add_load_balancer", "lb", routers=["no"])
    with web.transaction() as tx:
        for _ in range(2):
            tx.insert(LoadBalancer(name="twin"))
    with pytest.raises(NotUnique):
        checked(web, "add_load_balancer", "twin")


def test_names_are_answered_until_they_are_removed(web: Northbound) -> None:
    changes = checked(web, "add_dns", "web", {"VM1.example.org": ["10.0.0.4", "fd00::4"]})
    checked(web, "add_dns", "web", {"vm2": "10.0.0.5", "5.0.0.10.in-addr.arpa": "vm2"})
    row = web.get(DNS)
    assert row.ref == changes.ref
    assert row.records == {"vm1.example.org": "10.0.0.4 fd00::4", "vm2": "10.0.0.5", "5.0.0.10.in-addr.arpa": "vm2"}
    assert web.get(LogicalSwitch, name="web").dns_records == {row.ref}
    checked(web, "remove_dns", "web", "vm2", "5.0.0.10.in-addr.arpa")
    assert web.get(DNS).records == {"vm1.example.org": "10.0.0.4 fd00::4"}
    checked(web, "remove_dns", "web", "VM1.example.org")
    assert web.find(DNS) == []
    assert checked(web, "remove_dns", "web") == []
    assert checked(web, "remove_dns", "no") == []


def test_records_of_others_stay(web: Northbound) -> None:
    with web.transaction() as tx:
        foreign = tx.insert(DNS(records={"vm9": "10.0.0.9"}))
        tx.update(tx.get(LogicalSwitch, name="web"), dns_records=[foreign])
    checked(web, "add_dns", "web", {"vm1": "10.0.0.4"})
    checked(web, "remove_dns", "web")
    assert [row.records for row in web.find(DNS)] == [{"vm9": "10.0.0.9"}]
    web.add_dns("web", {"vm1": "10.0.0.4"})
    checked(web, "remove_switch", "web")
    assert [row.records for row in web.find(DNS)] == [{"vm9": "10.0.0.9"}]


@pytest.mark.parametrize(
    "records", [{"vm1": "no address"}, {"": "10.0.0.4"}, {"vm1": [4]}, ["vm1"], {"a b": "10.0.0.4"}]
)
def test_a_wrong_record_is_refused(web: Northbound, records: Any) -> None:
    with pytest.raises(InvalidValue):
        checked(web, "add_dns", "web", records)
