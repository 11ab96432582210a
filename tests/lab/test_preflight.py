"""Preflight on hosts with real Open vSwitch: those that are ready, and what keeps one from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.cli import main
from ovnkit.deploy import HostPreflight
from ovnkit.lab import Lab
from ovnkit.northbound import LogicalSwitch
from tests.lab.cluster import register

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(lab_possible: None, records_of_module: Path) -> Iterator[Lab]:
    """Three hosts before deployment."""
    with Lab() as started:
        yield started


def look(lab: Lab, host: str = "ctl") -> HostPreflight:
    (found,) = deploy.preflight(lab.spec, host).hosts
    return found


def states(found: HostPreflight, *rules: str) -> dict[str, str]:
    return {rule: found.finding(rule).state for rule in rules}


def test_hosts_of_a_lab_are_ready(lab: Lab) -> None:
    report = deploy.preflight(lab.spec)
    assert report.ok, report
    assert [host.host for host in report.hosts] == ["ctl", "cmp1", "cmp2"]
    ctl, *_ = report.hosts
    assert set(states(ctl, "ovs-database", "ovs-vswitchd", "ovn-controller", "system-id").values()) == {"ok"}
    assert set(states(ctl, "database-socket", "pidfiles").values()) == {"ok"}
    assert set(states(ctl, "encap-address", "encap-device", "southbound-reachable").values()) == {"ok"}
    assert set(states(ctl, "bridge", "uplink", "uplink-address", "bridge-mode", "bridge-datapath").values()) == {"ok"}
    assert ctl.finding("encap-address").seen == f"br-phy has {lab.host('ctl').encap_address}, and is up"


def test_the_kernel_does_not_matter_to_a_datapath_that_is_not_its_own(lab: Lab) -> None:
    rules = ("kernel-datapath", "kernel-nat", "module-openvswitch", "module-tunnel", "module-conntrack", "tunnel-port")
    assert set(states(look(lab), *rules).values()) == {"not needed"}


def test_the_host_of_the_central_databases_is_known_by_its_address(lab: Lab) -> None:
    report = deploy.preflight(lab.spec)
    states_of = {host.host: host.finding("central-ports") for host in report.hosts}
    assert states_of["ctl"].state == "ok"
    assert "ovsdb-server has 6641, 6642" in states_of["ctl"].seen
    assert {states_of["cmp1"].state, states_of["cmp2"].state} == {"not needed"}


def test_the_command_says_0_where_all_are_ready(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(lab.spec), encoding="utf-8")
    assert main(["deploy", "preflight", str(path), "cmp1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], [host["name"] for host in said["hosts"]]) == (True, ["cmp1"])


def test_a_tunnel_interface_that_is_down_or_without_its_address_is_an_error(lab: Lab) -> None:
    host = lab.host("cmp1")
    address = str(host.plan.encap)
    host.run("ip link set br-phy down")
    try:
        found = look(lab, "cmp1").finding("encap-address")
        assert (found.state, found.seen, found.remedy) == ("error", "br-phy is down", "ip link set br-phy up")
        host.run(f"ip address del {address} dev br-phy")
        assert look(lab, "cmp1").finding("encap-address").seen == f"no interface has {host.encap_address}"
        host.run(f"ip address add {address} dev br-phy")
        # The command that it says does mend it.
        host.run(found.remedy)
        assert look(lab, "cmp1").finding("encap-address").state == "ok"
    finally:
        host.run(f"ip address replace {address} dev br-phy; ip link set br-phy up")


def test_an_mtu_that_is_too_small_for_a_network_is_an_error(lab: Lab) -> None:
    with lab.northbound.transaction() as tx:
        tx.insert(LogicalSwitch(name="wide", external_ids={"neutron:mtu": "1500"}))
    try:
        found = look(lab, "cmp1").finding("mtu")
        assert found.state == "error"
        assert "leaves 1442, and a network has 1500" in found.seen
    finally:
        lab.northbound.remove_switch("wide")


def test_a_missing_bridge_is_mended_by_the_command_that_it_says(lab: Lab) -> None:
    host = lab.host("ctl")
    host.vsctl("del-port", "br-ex", *host.plan.uplinks.values())
    assert look(lab).finding("uplink").state == "warning"
    host.vsctl("del-br", "br-ex")
    found = look(lab).finding("bridge")
    assert (found.state, found.seen) == ("error", "not there: br-ex")
    host.run(found.remedy)
    mended = look(lab)
    assert states(mended, "bridge", "bridge-datapath") == {"bridge": "ok", "bridge-datapath": "ok"}
    for port in host.plan.uplinks.values():
        host.vsctl("add-port", "br-ex", port)
    assert look(lab).finding("uplink").state == "ok"


def test_what_ml2_ovs_has_left_is_seen(lab: Lab) -> None:
    host = lab.host("ctl")
    vswitch = host.vswitch
    with vswitch.transaction() as tx:
        tx.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "int-br-ex"})
        tx.add_bridge("br-tun", datapath_type="netdev")
    try:
        found = look(lab).finding("agent-remains")
        assert found.state == "warning"
        assert "ports phy-br-ex; bridge br-tun" in found.seen
    finally:
        host.vsctl("del-port", "phy-br-ex", "--", "del-br", "br-tun")


def test_a_port_of_the_central_databases_that_another_program_has_is_an_error(lab: Lab) -> None:
    with lab.host("ctl").listen(6643):
        found = look(lab).finding("central-ports")
    assert found.state == "error"
    assert "6643 is python" in found.seen


def test_a_program_that_is_gone_is_seen(lab: Lab) -> None:
    host = lab.host("cmp2")
    host.controller.stop()
    try:
        assert look(lab, "cmp2").finding("ovn-controller").state == "warning"
        host.vswitchd.stop()
        found = look(lab, "cmp2")
        assert found.finding("ovs-vswitchd").state == "error"
        assert not found.ok
    finally:
        host.vswitchd.start()
        host.controller.start()


def test_hosts_that_are_deployed_are_ready_still_and_another_with_their_name_is_not(lab: Lab) -> None:
    register(lab)
    assert deploy.verify(lab.spec, timeout=20).ok
    report = deploy.preflight(lab.spec)
    assert report.ok, report
    ctl, *_ = report.hosts
    assert ctl.finding("system-id-unique").seen == "ctl is registered with it, which is this host"
    assert "as in the spec" in ctl.finding("system-id").seen
    twin = attrs.evolve(lab.spec.host("cmp2"), system_id=lab.spec.host("cmp1").system_id, encap_ip="198.51.100.77")
    others = [host for host in lab.spec.hosts if host.name == "ctl"]
    (found,) = deploy.preflight(attrs.evolve(lab.spec, hosts=[*others, twin]), "cmp2").hosts
    assert states(found, "system-id", "system-id-unique") == {"system-id": "error", "system-id-unique": "error"}
