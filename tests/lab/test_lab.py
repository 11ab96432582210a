"""Packets between virtual machines, hosts and the outside, through real OVN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit.deploy.spec import Central, HostSpec, Spec
from ovnkit.errors import LabError, NotFound
from ovnkit.lab import METADATA_URL, VM, Lab
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, Northbound
from ovnkit.southbound import Chassis, Southbound
from tests.lab.cluster import METADATA, ROUTER

pytestmark = pytest.mark.lab

_FLOATING = "203.0.113.20"


@pytest.fixture(scope="module")
def machines(cluster: Lab) -> tuple[VM, VM]:
    """One with a static address and one by DHCP, on different hosts."""
    routes = {"169.254.169.254": METADATA}
    static = cluster.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.11/24", gateway=ROUTER, routes=routes)
    leased = cluster.add_vm("vm2", host="cmp2", switch="web", dhcp=True)
    static.wait_ping(leased.address)
    return static, leased


@pytest.fixture(scope="module")
def floating(cluster: Lab, machines: tuple[VM, VM]) -> Iterator[str]:
    vm = machines[1]
    central = cluster.host("ctl")
    central.run(f"ovn-nbctl --wait=hv lr-nat-add r dnat_and_snat {_FLOATING} {vm.address}")
    cluster.outside.wait_ping(_FLOATING)
    yield _FLOATING
    central.run(f"ovn-nbctl --wait=hv lr-nat-del r dnat_and_snat {_FLOATING}")


def test_every_host_is_a_chassis_with_its_own_name_and_tunnel_address(cluster: Lab) -> None:
    names = {row.hostname for row in cluster.southbound.find(Chassis)}
    assert names == {"ctl", "cmp1", "cmp2"}


def test_machines_on_two_hosts_ping_each_other_over_geneve(cluster: Lab, machines: tuple[VM, VM]) -> None:
    static, leased = machines
    flows = cluster.host("cmp1").run("ovs-appctl tnl/ports/show").stdout
    assert "genev_sys_6081" in flows
    assert static.ping(leased.address, count=3)
    assert leased.ping(static.address, count=3)


def test_tcp_works_between_machines(machines: tuple[VM, VM]) -> None:
    static, leased = machines
    with leased.listen(5000):
        assert static.tcp(leased.address, 5000, size=5_000_000).size == 5_000_000
    with static.listen(5000):
        assert leased.tcp(static.address, 5000, size=5_000_000).megabits_per_second > 1


def test_ovn_answers_dhcp_with_address_mtu_and_classless_routes(machines: tuple[VM, VM]) -> None:
    leased = machines[1]
    assert leased.lease is not None
    assert leased.lease.server == ROUTER
    assert leased.lease.address == leased.address
    assert leased.lease.routes == (("169.254.169.254/32", METADATA), ("0.0.0.0/0", ROUTER))
    assert leased.lease.mtu == 1400
    routes = leased.run("ip route").stdout
    assert f"default via {ROUTER}" in routes
    assert f"169.254.169.254 via {METADATA}" in routes
    assert "mtu 1400" in leased.run("ip link show eth0").stdout


def test_a_dhcp_client_leaves_the_resolver_of_this_machine_alone(machines: tuple[VM, VM]) -> None:
    before = Path("/etc/resolv.conf").stat().st_mtime_ns if Path("/etc/resolv.conf").exists() else None
    machines[1].obtain_lease()
    after = Path("/etc/resolv.conf").stat().st_mtime_ns if Path("/etc/resolv.conf").exists() else None
    assert after == before


def test_a_machine_reaches_the_outside_by_ping_and_tcp(cluster: Lab, machines: tuple[VM, VM]) -> None:
    machines[0].wait_ping(cluster.outside.address)
    with cluster.outside.listen(5000):
        machines[0].tcp(cluster.outside.address, 5000, size=2_000_000)


def test_the_outside_reaches_a_machine_by_its_floating_address(
    cluster: Lab, machines: tuple[VM, VM], floating: str
) -> None:
    assert cluster.outside.ping(floating, count=3)
    with machines[1].listen(5000):
        cluster.outside.tcp(floating, 5000, size=2_000_000)


def test_the_metadata_address_is_answered_by_each_machine_s_own_host(cluster: Lab, machines: tuple[VM, VM]) -> None:
    cluster.add_metadata("meta", address=f"{METADATA}/24")
    for vm in machines:
        assert vm.wait_http(METADATA_URL) == f"host={vm.host.name} client={vm.address} path=/\n"


def test_a_restart_of_ovn_controller_does_not_stop_packets(cluster: Lab, machines: tuple[VM, VM]) -> None:
    host = cluster.host("cmp1")
    before = host.controller.process.pid
    host.restart_controller()
    assert host.controller.process.pid != before
    machines[0].wait_ping(machines[1].address)


def test_a_machine_can_move_to_another_host(cluster: Lab, machines: tuple[VM, VM]) -> None:
    first = cluster.add_vm("mover", host="cmp1", switch="web", address="10.0.0.12/24")
    first.wait_ping(machines[1].address)
    cluster.remove_vm("mover")
    cluster.northbound.wait(LogicalSwitchPort, name="mover", up=False, timeout=10)
    second = cluster.add_vm("mover", host="cmp2", address="10.0.0.12/24")
    second.wait_ping(machines[0].address)
    assert second.mac == first.mac
    cluster.remove_vm("mover")
    assert cluster.vms == machines


def test_a_machine_takes_the_port_that_is_there(cluster: Lab, machines: tuple[VM, VM]) -> None:
    mac = "02:00:00:00:00:77"
    cluster.host("ctl").run(f"ovn-nbctl lsp-add web named -- lsp-set-addresses named '{mac} 10.0.0.77'")
    vm = cluster.add_vm("vm77", host="ctl", port="named", address="10.0.0.77/24")
    assert vm.mac == mac
    vm.wait_ping(machines[0].address)


def test_a_machine_that_gets_no_lease_is_gone_again(cluster: Lab) -> None:
    cluster.host("ctl").run("ovn-nbctl lsp-add web mute -- lsp-set-addresses mute '02:00:00:00:00:78 10.0.0.78'")
    with pytest.raises(LabError, match="no DHCP lease on eth0"):
        cluster.add_vm("mute", host="cmp1", dhcp=True, timeout=2)
    assert "mute" not in [vm.name for vm in cluster.vms]
    assert "v-mute" not in cluster.host("cmp1").vsctl("list-ports", "br-int").split()
    assert not Path("/run/netns", f"ovnkit-{cluster.name}-mute").exists()
    vm = cluster.add_vm("mute", host="cmp2", address="10.0.0.78/24")
    assert vm.host.name == "cmp2"


def test_databases_are_reached_on_the_management_network(cluster: Lab) -> None:
    central = cluster.spec.central
    with Northbound.connect(central.northbound, timeout=5) as northbound:
        assert northbound.find(LogicalSwitch, name="web")
    with Southbound.connect(central.southbound, timeout=5) as southbound:
        assert southbound.state == "ready"


def test_a_machine_needs_a_switch_that_is_there(cluster: Lab) -> None:
    with pytest.raises(NotFound, match="Logical_Switch"):
        cluster.add_vm("nowhere", host="cmp1", switch="none", address="10.0.0.9/24")
    with pytest.raises(LabError, match="NB has no port nowhere"):
        cluster.add_vm("nowhere", host="cmp1")


@pytest.mark.parametrize(("address", "reason"), [("10.0.0.9", "needs its prefix length"), ("x", "address 'x'")])
def test_a_bad_address_is_refused_before_anything_is_made(cluster: Lab, address: str, reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        cluster.add_vm("bad", host="cmp1", switch="web", address=address)
    assert not cluster.northbound.find(LogicalSwitchPort, name="bad")


def test_a_host_that_is_no_chassis_says_so_when_a_machine_is_added(lab_possible: None, records: Path) -> None:
    with Lab(("one",), ()) as lab:
        lab.host("one").run("ovn-nbctl --wait=sb ls-add web")
        with pytest.raises(LabError, match="host one is no chassis yet"):
            lab.add_vm("vm", host="one", switch="web", address="10.0.0.9/24")


def test_a_lab_of_a_spec_has_its_hosts_at_addresses_of_its_own(lab_possible: None, records: Path) -> None:
    spec = Spec(
        central=Central(northbound="ssl:192.0.2.1:6641", southbound="ssl:192.0.2.1:6642"),
        hosts=(
            HostSpec(
                name="a",
                encap_ip="192.0.2.1",
                gateway=True,
                bridge_mappings={"p1": "br-one", "p2": "br-two"},
                options={"ovn-encap-ip-default": "192.0.2.1"},
            ),
            HostSpec(name="b", encap_ip="192.0.2.2", ovsdb="ssl:192.0.2.2:6640", options={"ovn-monitor-all": "true"}),
        ),
    )
    with Lab.from_spec(spec) as lab:
        moved = lab.spec
        assert lab.host("a").vsctl("list-br").split()[-3:] == ["br-one", "br-phy", "br-two"]
        assert lab.southbound.remote.startswith("unix:")
    assert moved.central.southbound.startswith("tcp:198.18.")
    assert moved.central.insecure
    for before, after in zip(spec.hosts, moved.hosts, strict=True):
        same = attrs.evolve(
            after, encap_ip=before.encap_ip, ovsdb=before.ovsdb, access=before.access, options=before.options
        )
        assert same == before
        assert after.encap_ip.startswith("198.51.100.")
        assert after.ovsdb is not None
        assert after.access is not None
        assert after.ovsdb.startswith("unix:")
    assert dict(moved.host("a").options) == {
        "ovn-encap-ip-default": moved.host("a").encap_ip,
        "ovn-bridge-datapath-type": "netdev",
    }
    assert dict(moved.host("b").options) == {"ovn-monitor-all": "true", "ovn-bridge-datapath-type": "netdev"}


@pytest.mark.parametrize(
    ("hosts", "gateways", "reason"),
    [
        ((), (), "at least one host"),
        (("a", "a"), (), "host a is named twice"),
        (("a",), ("b",), "b is not among the hosts: a"),
        (("a/b",), (), "host name 'a/b'"),
        (("fabric",), (), "host name 'fabric'"),
    ],
)
def test_hosts_that_cannot_be_are_refused(hosts: tuple[str, ...], gateways: tuple[str, ...], reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        Lab(hosts, gateways)
