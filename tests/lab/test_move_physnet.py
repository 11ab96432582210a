"""S19: a physical network moves to another bridge under a running ovn-controller, and back, with packets."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ovnkit import deploy
from ovnkit.errors import Conflict, InvalidValue, Timeout
from ovnkit.lab import Lab
from ovnkit.vswitch.direct import DirectChassis
from tests.lab.gaps import pings
from tests.lab.two_gateways import move_uplink

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(lab_possible: None, records_of_module: object) -> Iterator[Lab]:
    """A gateway whose physnet1 leads outside by br-ex, and a second bridge."""
    with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",)) as lab:
        assert deploy.plan(lab.spec).apply()
        nb = lab.northbound
        nb.add_switch("web", subnet="10.0.0.0/24")
        nb.add_router("r")
        nb.connect_router("web", "r", networks=["10.0.0.1/24"])
        nb.add_provider_network("physnet1", port="provnet")
        nb.connect_router("physnet1", "r", networks=["203.0.113.10/24"], router_port="r-out")
        nb.set_gateway("r-out", lab.spec.host("ctl").system_id)
        nb.add_snat("r", external_ip="203.0.113.10", logical_ip="10.0.0.0/24")
        lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", gateway="10.0.0.1")
        lab.host("ctl").vsctl("add-br", "br-new", "--", "set", "Bridge", "br-new", "datapath_type=netdev")
        check_outside(lab)
        yield lab


def check_outside(lab: Lab) -> None:
    with pings(lab.vm("vm1"), lab.outside.address):
        """Until answers come."""


def moved(lab: Lab, bridge: str, *, timeout: float = 40.0) -> deploy.SequenceReport:
    return deploy.move_physnet(lab.spec, "ctl", "physnet1", bridge, timeout=timeout)


def moved_of(lab: Lab, physnet: str, bridge: str) -> deploy.SequenceReport:
    return deploy.move_physnet(lab.spec, "ctl", physnet, bridge, timeout=3)


def states(report: deploy.SequenceReport) -> list[str]:
    return [step.state for step in report.steps]


def test_s19_a_network_moves_and_packets_follow(lab: Lab) -> None:
    plan = deploy.move_physnet(lab.spec, "ctl", "physnet1", "br-new", dry_run=True)
    assert states(plan) == ["already done", *["to do"] * 4]
    move_uplink(lab, "ctl", "br-ex", "br-new")
    report = moved(lab, "br-new")
    assert report, str(report)
    # Whether there is anything left to wait for after a write depends on who is quicker.
    assert states(report)[1::2] == ["done", "done"]
    config = DirectChassis(lab.host("ctl").remote).read(timeout=10).chassis_config()
    assert config.bridge_mappings == {"physnet1": "br-new"}
    check_outside(lab)
    assert states(moved(lab, "br-new")) == ["already done"] * 5

    move_uplink(lab, "ctl", "br-new", "br-ex")
    # Killed after its first phase, it goes on with the second.
    lab.host("ctl").vswitch.remove_bridge_mapping("physnet1")
    report = moved(lab, "br-ex")
    assert report, str(report)
    check_outside(lab)
    assert not deploy.plan(lab.spec)


def test_s19_without_ovn_controller_it_stops_where_it_would_have_to_wait_and_goes_on_later(lab: Lab) -> None:
    controller = lab.host("ctl").controller
    controller.kill()
    report = moved(lab, "br-new", timeout=1)
    assert states(report) == ["already done", "done", "failed", "not begun", "not begun"]
    assert isinstance(report.problem, Timeout)
    assert "does ovn-controller run there" in str(report)
    controller.start()
    report = moved(lab, "br-ex")
    assert report, str(report)
    check_outside(lab)


def test_a_bridge_that_is_not_there_changes_nothing(lab: Lab) -> None:
    report = moved(lab, "br-none", timeout=3)
    assert states(report) == ["failed", *["not begun"] * 4]
    assert DirectChassis(lab.host("ctl").remote).read(timeout=10).chassis_config().bridge_mappings == {
        "physnet1": "br-ex"
    }
    with pytest.raises(KeyError):
        deploy.move_physnet(lab.spec, "nobody", "physnet1", "br-ex")


def test_what_the_second_phase_would_refuse_is_refused_before_the_first(lab: Lab) -> None:
    host = lab.host("ctl").vswitch
    host.add_bridge_mapping("physnet2", "br-new")
    for physnet, bridge in (("physnet1", "br-new"), ("physnet3", "br-new"), ("phys net", "br-new")):
        report = moved_of(lab, physnet, bridge)
        assert states(report) == ["failed", *["not begun"] * 4]
        assert isinstance(report.problem, Conflict | InvalidValue)
    assert host.chassis_config().bridge_mappings == {"physnet1": "br-ex", "physnet2": "br-new"}
    host.remove_bridge_mapping("physnet2")


def test_s19_moved_in_one_write_by_somebody_it_is_mended(lab: Lab) -> None:
    host = lab.host("ctl").vswitch
    with host.transaction() as tx:
        tx.remove_bridge_mapping("physnet1")
        tx.add_bridge_mapping("physnet1", "br-new")
    move_uplink(lab, "ctl", "br-ex", "br-new")
    time.sleep(1.0)
    report = moved(lab, "br-new")
    assert report, str(report)
    check_outside(lab)
    assert {port.bridge for port in host.patch_ports(lab.southbound)} == {"br-int", "br-new"}
