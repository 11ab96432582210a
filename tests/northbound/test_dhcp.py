"""DHCP options of switches, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue, NotFound, NotUnique
from ovnkit.northbound import DHCPOptions, LogicalSwitchPort
from tests.operations import checked

NET = "10.0.0.0/24"
METADATA = "169.254.169.254/32"


@pytest.fixture
def web(nb: Northbound) -> Northbound:
    checked(nb, "add_switch", "web")
    for port in ("vm1", "vm2"):
        checked(nb, "add_switch_port", "web", port)
    return nb


def options(nb: Northbound) -> dict[str, str]:
    return dict(nb.get(DHCPOptions, cidr=NET).options)


def test_all_that_a_client_needs(web: Northbound) -> None:
    changes = checked(
        web, "add_dhcp", "web", NET, server_id="10.0.0.1", server_mac="02:00:00:00:00:fe", router="10.0.0.1",
        lease_time=600, mtu=1400, dns=["10.0.0.3", "10.0.0.2"], routes={"10.9.0.0/16": "10.0.0.7"},
        options={"domain_name": '"example.org"'}, ports=["vm1"],
    )  # fmt: skip
    assert options(web) == {
        "server_id": "10.0.0.1",
        "server_mac": "02:00:00:00:00:fe",
        "router": "10.0.0.1",
        "lease_time": "600",
        "mtu": "1400",
        "dns_server": "{10.0.0.3, 10.0.0.2}",
        "classless_static_route": "{10.9.0.0/16,10.0.0.7, 0.0.0.0/0,10.0.0.1}",
        "domain_name": '"example.org"',
    }
    assert web.get(LogicalSwitchPort, name="vm1").dhcpv4_options == changes.ref
    assert web.get(LogicalSwitchPort, name="vm2").dhcpv4_options is None


def test_a_new_row_gets_a_lease_time_and_a_derived_mac(web: Northbound) -> None:
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1")
    first = options(web)
    assert sorted(first) == ["lease_time", "server_id", "server_mac"]
    checked(web, "remove_dhcp", "web", NET)
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1")
    assert options(web) == first


def test_what_is_not_asked_for_is_left(web: Northbound) -> None:
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", mtu=1400, options={"log_server": "10.0.0.8"})
    before = options(web)
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", lease_time=60)
    assert options(web) == {**before, "lease_time": "60"}


def test_ports_are_added_to_those_that_have_the_options(web: Northbound) -> None:
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", ports=["vm1"])
    changes = checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", ports=["vm2"])
    assert [(change.table, change.column) for change in changes] == [("Logical_Switch_Port", "dhcpv4_options")]
    checked(web, "remove_dhcp", "web", NET)
    assert [port.dhcpv4_options for port in web.find(LogicalSwitchPort)] == [None, None]


def test_two_switches_can_use_the_same_network(web: Northbound) -> None:
    checked(web, "add_switch", "db")
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1")
    checked(web, "add_dhcp", "db", NET, server_id="10.0.0.2")
    checked(web, "remove_dhcp", "web", NET)
    assert options(web)["server_id"] == "10.0.0.2"


def test_options_that_others_made_are_not_taken(web: Northbound) -> None:
    with web.transaction() as tx:
        foreign = tx.insert(DHCPOptions(cidr=NET, options={"server_id": "10.0.0.99"}))
    changes = checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1")
    assert changes.ref != foreign
    assert checked(web, "remove_dhcp", "web", NET).ref is None
    assert web.get(DHCPOptions).ref == foreign


def test_the_metadata_address_is_routed_to_the_metadata_port(web: Northbound) -> None:
    checked(web, "add_metadata_port", "web", "10.0.0.2")
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", router="10.0.0.1", metadata=True)
    assert options(web)["classless_static_route"] == f"{{{METADATA},10.0.0.2, 0.0.0.0/0,10.0.0.1}}"


def test_routes_are_set_one_by_one(web: Northbound) -> None:
    checked(web, "add_metadata_port", "web", "10.0.0.2")
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", routes={"10.9.0.0/16": "10.0.0.7"})
    assert options(web)["classless_static_route"] == "{10.9.0.0/16,10.0.0.7}"
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", metadata=True)
    assert options(web)["classless_static_route"] == f"{{10.9.0.0/16,10.0.0.7, {METADATA},10.0.0.2}}"
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", router="10.0.0.1")
    text = f"{{10.9.0.0/16,10.0.0.7, {METADATA},10.0.0.2, 0.0.0.0/0,10.0.0.1}}"
    assert options(web)["classless_static_route"] == text


def test_the_metadata_port_must_be_there_and_only_one(web: Northbound) -> None:
    with pytest.raises(NotFound):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", metadata=True)
    checked(web, "add_metadata_port", "web", "10.0.1.2", port="elsewhere")
    with pytest.raises(NotFound):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", metadata=True)
    checked(web, "add_metadata_port", "web", "10.0.0.2", port="one")
    checked(web, "add_metadata_port", "web", "10.0.0.3", port="two")
    with pytest.raises(NotUnique):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", metadata=True)


def test_routes_that_cannot_be_read_are_a_conflict(web: Northbound) -> None:
    checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", options={"classless_static_route": "nonsense"})
    with pytest.raises(Conflict, match="'nonsense' that is there cannot be read"):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", routes={"10.9.0.0/16": "10.0.0.7"})


def test_dhcpv6_has_a_server_by_its_mac(web: Northbound) -> None:
    changes = checked(
        web, "add_dhcp", "web", "fd00::/64", server_id="02:00:00:00:00:fe", dns=["fd00::53"], ports=["vm1"]
    )
    assert web.get(DHCPOptions).options == {"server_id": "02:00:00:00:00:fe", "dns_server": "fd00::53"}
    assert web.get(LogicalSwitchPort, name="vm1").dhcpv6_options == changes.ref


def test_ports_must_be_on_this_switch(web: Northbound) -> None:
    checked(web, "add_switch", "db")
    checked(web, "add_switch_port", "db", "vm3")
    with pytest.raises(Conflict, match="'vm3' is on switch 'db'"):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", ports=["vm3"])
    with pytest.raises(NotFound):
        checked(web, "add_dhcp", "web", NET, server_id="10.0.0.1", ports=["vm4"])
    with pytest.raises(NotFound):
        checked(web, "add_dhcp", "nowhere", NET, server_id="10.0.0.1")


def test_removing_what_is_absent_changes_nothing(web: Northbound) -> None:
    assert checked(web, "remove_dhcp", "web", NET) == []
    assert checked(web, "remove_dhcp", "nowhere", NET) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"cidr": "10.0.0.1/24"},
        {"cidr": "10.0.0.0"},
        {"server_id": "fd00::1"},
        {"server_id": "02:00:00:00:00:fe"},
        {"server_mac": "here"},
        {"router": "10.0.0.0/24"},
        {"lease_time": -1},
        {"lease_time": 2**32},
        {"lease_time": True},
        {"mtu": 67},
        {"mtu": "1400"},
        {"dns": []},
        {"dns": "10.0.0.2"},
        {"dns": ["fd00::53"]},
        {"routes": {"10.0.0.1/24": "10.0.0.1"}},
        {"routes": {"10.0.0.0/24": "web"}},
        {"routes": {"fd00::/64": "fd00::1"}},
        {"routes": [("10.0.0.0/24", "10.0.0.1")]},
        {"options": {"mtu": 1400}},
        {"ports": "vm1"},
        {"ports": [5]},
        {"cidr": "fd00::/64", "server_id": "fd00::1"},
        {"cidr": "fd00::/64", "server_id": "02:00:00:00:00:fe", "mtu": 1400},
        {"cidr": "fd00::/64", "server_id": "02:00:00:00:00:fe", "metadata": True},
    ],
)
def test_bad_values_are_refused_before_anything_is_sent(web: Northbound, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        checked(web, "add_dhcp", "web", **{"cidr": NET, "server_id": "10.0.0.1", **arguments})
