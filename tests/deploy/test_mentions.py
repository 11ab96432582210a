"""What in Northbound asks for a chassis by its name, renamed and dropped, on a real server."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.deploy.mentions import drop_mentions, is_mentioned, rename_mentions, requests
from ovnkit.northbound import ChassisTemplateVar, LogicalRouter, LogicalSwitch, LogicalSwitchPort

OPTIONS = {
    "gateway": {"l2gateway-chassis": "hv1", "network_name": "physnet1"},
    "moving": {"requested-chassis": "hv1,hv2", "mcast_flood": "true"},
    "pinned": {"requested-chassis": "hv1"},
    "other": {"requested-chassis": "hv10"},
    "neutron": {"requested-chassis": "hv1"},
}


@pytest.fixture
def nb(empty_nb: Northbound) -> Northbound:
    with empty_nb.transaction() as tx:
        ports = [
            tx.insert(
                LogicalSwitchPort(
                    name=name,
                    options=options,
                    external_ids={"neutron:port_name": ""} if name == "neutron" else {},
                )
            )
            for name, options in OPTIONS.items()
        ]
        tx.insert(LogicalSwitch(name="s", ports=ports))
        tx.insert(LogicalRouter(name="r", options={"chassis": "hv1", "mcast_relay": "true"}))
        tx.insert(ChassisTemplateVar(chassis="hv1", variables={"a": "1"}))
    return empty_nb


def options(nb: Northbound) -> dict[str, dict[str, str]]:
    return {port.name: dict(port.options) for port in nb.find(LogicalSwitchPort)}


def test_who_asks_for_it(nb: Northbound) -> None:
    assert requests(nb, "hv1") == ["port gateway", "port moving", "port pinned", "router r"]
    assert requests(nb, "hv2") == ["port moving"]
    assert not is_mentioned(nb, "hv3")


def test_renamed_everywhere_but_where_neutron_keeps_it(nb: Northbound) -> None:
    nb.transact(lambda tx: rename_mentions(tx, "hv1", "hv9"))
    assert options(nb) == {
        "gateway": {"l2gateway-chassis": "hv9", "network_name": "physnet1"},
        "moving": {"requested-chassis": "hv9,hv2", "mcast_flood": "true"},
        "pinned": {"requested-chassis": "hv9"},
        "other": {"requested-chassis": "hv10"},
        "neutron": {"requested-chassis": "hv1"},
    }
    assert nb.get(LogicalRouter).options == {"chassis": "hv9", "mcast_relay": "true"}
    assert nb.get(ChassisTemplateVar).chassis == "hv9"
    assert not is_mentioned(nb, "hv1")


def test_dropped_and_the_rest_stays(nb: Northbound) -> None:
    nb.transact(lambda tx: drop_mentions(tx, "hv1"))
    assert options(nb) == {
        "gateway": {"network_name": "physnet1"},
        "moving": {"requested-chassis": "hv2", "mcast_flood": "true"},
        "pinned": {},
        "other": {"requested-chassis": "hv10"},
        "neutron": {"requested-chassis": "hv1"},
    }
    assert nb.get(LogicalRouter).options == {"mcast_relay": "true"}
    assert nb.find(ChassisTemplateVar) == []
    assert not is_mentioned(nb, "hv1")
