"""A real cluster: deployed, verified, broken in one place after the other, and mended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import HostSpec, Verification
from ovnkit.errors import Conflict
from ovnkit.lab import Lab
from ovnkit.northbound import LogicalRouterPort, Northbound
from ovnkit.vswitch import Interface

pytestmark = pytest.mark.lab

CLUSTER = """
[central]
northbound = "ssl:192.0.2.1:6641"
southbound = "ssl:192.0.2.1:6642"

[[host]]
name = "ctl"
system_id = "controller"
encap_ip = "192.0.2.1"
gateway = true
bridge_mappings = { physnet1 = "br-ex" }
options = { ovn-monitor-all = true, ovn-cms-options = "card-serial-number=7" }
availability_zones = ["az1"]

[[host]]
name = "cmp1"
encap_ip = "192.0.2.11"
ovsdb = "ssl:192.0.2.11:6640"

[[host]]
name = "cmp2"
encap_ip = "192.0.2.12"
ovsdb = "ssl:192.0.2.12:6640"
bridge_mappings = { physnet1 = "br-provider" }
"""


@pytest.fixture(scope="module")
def lab(lab_possible: None, records: None) -> Iterator[Lab]:
    """A cluster that deploy has deployed, with a network that leads outside."""
    with Lab() as lab:
        assert deploy.plan(lab.spec).apply()
        verification = deploy.verify(lab.spec, timeout=20)
        assert verification.ok, str(verification)
        build_network(lab.northbound, gateway=lab.spec.host("ctl").system_id)
        lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24")
        yield lab


def build_network(nb: Northbound, *, gateway: str) -> None:
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_router("r")
    nb.connect_router("web", "r", networks=["10.0.0.1/24"])
    nb.add_provider_network("physnet1", port="provnet")
    nb.connect_router("physnet1", "r", networks=["203.0.113.10/24"], router_port="r-out")
    nb.set_gateway("r-out", gateway)
    nb.add_snat("r", external_ip="203.0.113.10", logical_ip="10.0.0.0/24")


def failed(verification: Verification) -> set[tuple[str, str]]:
    return {(check.host, check.what) for check in verification.failed}


def eventually_failed(lab: Lab, expected: set[tuple[str, str]]) -> Verification:
    """Verify until these checks fail, and no others; OVN may take a moment to show what was done to it."""
    deadline = time.monotonic() + 20
    while True:
        verification = deploy.verify(lab.spec, timeout=2)
        if failed(verification) == expected or time.monotonic() > deadline:
            assert failed(verification) == expected, str(verification)
            return verification


def assert_verified(lab: Lab) -> Verification:
    verification = deploy.verify(lab.spec, timeout=20)
    assert verification.ok, str(verification)
    return verification


@pytest.fixture
def mended(lab: Lab) -> Iterator[Lab]:
    """The cluster, which a test breaks and leaves whole."""
    assert_verified(lab)
    yield lab
    assert not deploy.plan(lab.spec)
    assert_verified(lab)


def test_what_is_deployed_is_verified_and_leaves_nothing_to_plan(lab: Lab) -> None:
    began = time.monotonic()
    verification = assert_verified(lab)
    assert time.monotonic() - began < 20
    assert len(verification.checks) > 20
    plan = deploy.plan(lab.spec)
    assert not plan
    assert str(plan).endswith("3 hosts: 0 to change, 3 as they should be")


def test_ovn_s_patch_ports_are_looked_at_where_the_gateway_is(lab: Lab) -> None:
    lab.northbound.wait(LogicalRouterPort, name="r-out", timeout=5)
    checks = [check for check in assert_verified(lab).checks if check.what == "patch ports of provnet"]
    assert [check.host for check in checks] == ["ctl"]
    assert checks[0].observed.startswith("2 ends, OpenFlow ports [")


def test_a_controller_that_has_stopped_does_not_catch_up_and_the_others_do(mended: Lab) -> None:
    mended.host("cmp2").controller.stop()
    eventually_failed(mended, {("cmp2", "caught up")})
    mended.host("cmp2").controller.start()


def test_a_bridge_that_is_gone_is_missed_with_its_patch_ports(mended: Lab) -> None:
    host = mended.host("ctl")
    uplink = host.vsctl("list-ports", "br-ex").split()
    [wire] = [name for name in uplink if not name.startswith("patch-")]
    host.vsctl("del-br", "br-ex")
    try:
        verification = deploy.verify(mended.spec, timeout=4)
    finally:
        bridge = ("add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_type=netdev")
        host.vsctl(*bridge, "--", "add-port", "br-ex", wire)
    # Until ovn-controller takes it away, the other end of the pair has no peer.
    found = failed(verification) - {("ctl", "interfaces without error")}
    assert found == {("ctl", "bridge of physnet1"), ("ctl", "patch ports of provnet")}, str(verification)
    assert "no such bridge" in str(verification)


def test_a_wrong_tunnel_address_is_seen_planned_and_mended(mended: Lab) -> None:
    host = mended.host("cmp2")
    right = mended.spec.host("cmp2").encap_ip
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=198.51.100.99")
    verification = eventually_failed(mended, {("cmp2", "encapsulation"), ("ctl", "tunnels"), ("cmp1", "tunnels")})
    assert "geneve 198.51.100.99" in str(verification)
    assert f"none to {right}" in str(verification)
    plan = deploy.plan(mended.spec)
    assert [(result.host.name, len(result.changes)) for result in plan.hosts] == [("ctl", 0), ("cmp1", 0), ("cmp2", 1)]
    assert f"external_ids:ovn-encap-ip = 198.51.100.99 -> {right}" in str(plan)
    assert plan.apply()


def test_an_address_that_another_chassis_has_is_refused(lab: Lab) -> None:
    spec = lab.spec
    taken = spec.host("cmp1").encap_ip
    hosts = (HostSpec(name="late", encap_ip=taken, ovsdb=spec.host("cmp2").ovsdb),)
    plan = deploy.plan(attrs.evolve(spec, hosts=hosts))
    assert isinstance(plan.hosts[0].problem, Conflict)
    alone = (HostSpec(name="late", system_id=spec.host("cmp2").system_id, encap_ip=taken, ovsdb=hosts[0].ovsdb),)
    plan = deploy.plan(attrs.evolve(spec, hosts=alone))
    assert isinstance(plan.hosts[0].problem, Conflict)
    assert spec.host("cmp1").system_id in str(plan)


def test_a_gateway_flag_that_was_taken_away_is_seen_planned_and_mended(mended: Lab) -> None:
    mended.host("ctl").vswitch.disable_gateway()
    eventually_failed(mended, {("ctl", "gateway")})
    plan = deploy.plan(mended.spec)
    assert "enable-chassis-as-gw" in str(plan)
    assert plan.apply()


def test_an_interface_that_cannot_be_set_up_is_seen(mended: Lab) -> None:
    host = mended.host("cmp1")
    host.run("ovs-vsctl --no-wait add-port br-int nosuch0")
    host.vswitch.wait(Interface, name="nosuch0", timeout=5)
    eventually_failed(mended, {("cmp1", "interfaces without error")})
    host.vsctl("del-port", "nosuch0")


def test_a_host_out_of_reach_casts_no_doubt_on_the_others(lab: Lab) -> None:
    spec = lab.spec
    gone = HostSpec(name="gone", encap_ip="198.51.100.200", ovsdb=f"unix:{lab.directory}/none.sock")
    verification = deploy.verify(attrs.evolve(spec, hosts=(*spec.hosts, gone)), timeout=6)
    assert failed(verification) == {
        ("gone", "chassis registered"),
        ("gone", "local database"),
        *((host.name, "tunnels") for host in spec.hosts),
    }


def test_a_lab_from_toml_is_deployed_and_verified(lab_possible: None, records: None, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(CLUSTER)
    wanted = deploy.load(path)
    with Lab.from_spec(wanted) as lab:
        report = deploy.plan(lab.spec).apply()
        assert report.ok, str(report)
        verification = deploy.verify(lab.spec, timeout=20)
        assert verification.ok, str(verification)
        assert not deploy.plan(lab.spec)
        assert [chassis.name for chassis in lab.southbound.chassis()] == sorted(host.system_id for host in wanted.hosts)
        [controller] = [gateway.chassis for gateway in lab.southbound.gateways()]
        assert controller.name == "controller"
        assert set(controller.cms_options) == {"enable-chassis-as-gw", "card-serial-number=7", "availability-zones=az1"}
        shown = {(check.host, check.observed) for check in verification.checks if check.what == "bridge of physnet1"}
        assert shown == {("ctl", "br-ex"), ("cmp2", "br-provider")}
