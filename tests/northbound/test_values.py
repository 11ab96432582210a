"""Strings that mean something, in transactions: a wrong one is refused, and what is there is never in the way."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import LoadBalancer, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Add, Put, Remove, Verbatim


@pytest.fixture
def port(nb: Northbound) -> LogicalSwitchPort:
    """A port with an address that ovnkit would not write, and an option like that."""
    nb.add_switch("web")
    nb.add_switch_port("web", "p")
    with nb.transaction() as tx:
        tx.update(
            tx.get(LogicalSwitchPort, name="p"),
            addresses=[Verbatim("odd")],
            options={"mcast_flood": Verbatim("perhaps"), "other": "x"},
        )
    return nb.get(LogicalSwitchPort, name="p")


def test_a_wrong_value_is_refused_and_the_right_ones_beside_it_are_not_written(nb: Northbound) -> None:
    nb.add_switch("web")
    tx = nb.transaction()
    ref = tx.insert(LogicalSwitchPort(name="good", addresses=["0a:00:00:00:00:01 10.0.0.4"]))
    tx.update(tx.get(LogicalSwitch, name="web"), ports=Add(ref))
    with pytest.raises(InvalidValue, match="MAC"):
        tx.update(tx[ref], addresses=["bad"], options={"other": "x"})
    assert tx[ref].options == {}
    tx.commit()
    nb.wait(LogicalSwitchPort, name="good", addresses=["0a:00:00:00:00:01 10.0.0.4"], timeout=5)


@pytest.mark.parametrize(
    "columns",
    [
        {"addresses": Add("bad")},
        {"addresses": ["unknown", "bad"]},
        {"options": Put({"mcast_flood": "yes"})},
        {"options": {"virtual-ip": "10.0.0.0/24"}},
        {"port_security": ["0a:00:00:00:00:01, 10.0.0.4"]},
    ],
)
def test_edits_and_whole_values_are_checked(
    nb: Northbound, port: LogicalSwitchPort, columns: dict[str, object]
) -> None:
    tx = nb.transaction()
    with pytest.raises(InvalidValue):
        tx.update(port, **columns)  # type: ignore[arg-type]
    assert not tx.changes()


def test_what_is_there_may_stay(nb: Northbound, port: LogicalSwitchPort) -> None:
    with nb.transaction() as tx:
        tx.update(port, addresses=port.addresses | {"unknown"}, options={**port.options, "other": "y"})
    now = nb.wait(LogicalSwitchPort, name="p", options={"other": "y"}, timeout=5)
    assert now.addresses == {"odd", "unknown"}
    assert now.options == {"mcast_flood": "perhaps", "other": "y"}


def test_what_is_there_can_be_taken_out(nb: Northbound, port: LogicalSwitchPort) -> None:
    with nb.transaction() as tx:
        tx.update(port, addresses=Remove("odd"), options=Remove("mcast_flood"))
    now = nb.get(LogicalSwitchPort, name="p")
    assert now.addresses == frozenset()
    assert now.options == {"other": "x"}


def test_values_are_read_as_they_are_stored_and_asked_for_without_a_check(
    nb: Northbound, port: LogicalSwitchPort
) -> None:
    assert nb.find(LogicalSwitchPort, addresses=["odd"]) == [port]
    assert nb.find(LogicalSwitchPort, options={"mcast_flood": "perhaps"}) == [port]


def test_templates_are_accepted(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.insert(LoadBalancer(name="t", vips={"^vip:80": "^backends"}, options={"template": "true"}))
    assert nb.get(LoadBalancer, name="t").vips == {"^vip:80": "^backends"}
