"""Leftover patch ports of OpenStack's agent on a gateway that carries traffic: the storm, its end, and what stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import StepResult
from ovnkit.errors import Conflict, NeedsHost
from tests.lab.agent import FLOATING_IP, HEALTHY, Gateway, lay_foreign_pairs, running_gateway

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_possible")]

FLAT_VLAN = 7
AGENT_PORTS = {"int-br-ex", "phy-br-ex"}


@pytest.fixture
def gateway(records: Path) -> Iterator[Gateway]:
    with running_gateway() as gateway:
        yield gateway


def test_the_pair_alone_is_latent_while_ovn_has_its_flows(gateway: Gateway) -> None:
    assert gateway.trace() == HEALTHY
    gateway.lay_agent_pair()
    assert gateway.trace() == attrs.evolve(HEALTHY, passes=3)
    assert gateway.lab.outside.ping(FLOATING_IP, count=2)


def test_every_provider_network_of_a_bridge_keeps_its_pair_and_its_traffic(gateway: Gateway) -> None:
    gateway.lab.northbound.add_provider_network("physnet1", switch="flat", vlan=FLAT_VLAN)
    flat = gateway.lab.add_vm("flat1", host="ctl", switch="flat", address="192.0.2.5/24")
    gateway.lab.northbound.sync("hv", timeout=10)
    gateway.host.vswitch.sync(timeout=10)
    numbers = gateway.ports()
    assert all(number and number > 0 for number in numbers.values())
    gateway.lay_agent_pair()
    kinds = {port.port: (port.kind, port.lport) for port in gateway.host.vswitch.patch_ports(gateway.lab.southbound)}
    assert kinds == {
        "patch-br-int-to-ext-localnet": ("ovn-live", "ext-localnet"),
        "patch-ext-localnet-to-br-int": ("ovn-live", "ext-localnet"),
        "patch-br-int-to-provnet-flat": ("ovn-live", "provnet-flat"),
        "patch-provnet-flat-to-br-int": ("ovn-live", "provnet-flat"),
        "int-br-ex": ("agent", None),
        "phy-br-ex": ("agent", None),
    }
    assert gateway.host.vswitch.reconcile_patch_ports(gateway.lab.southbound)
    gateway.host.vswitch.sync(timeout=10)
    assert gateway.ports() == numbers

    # A host on the VLAN: a port of br-ex itself, for not every kernel has VLAN interfaces.
    host = gateway.host
    host.vsctl("add-port", "br-ex", "vlan", f"tag={FLAT_VLAN}", "--", "set", "Interface", "vlan", "type=internal")
    host.run("ip address add 192.0.2.1/24 dev vlan && ip link set vlan up")
    host.wait_ping(flat.address)
    gateway.lab.outside.wait_ping(FLOATING_IP)


def test_what_is_neither_the_agents_nor_ovns_stays_with_its_numbers(gateway: Gateway) -> None:
    """A pair between bridges without a mapping, and a trunk bridge of Neutron's patched to br-int."""
    vswitch = gateway.host.vswitch
    lay_foreign_pairs(vswitch)
    gateway.lay_agent_pair()
    before = gateway.ports()
    assert all(number and number > 0 for number in before.values())
    assert vswitch.reconcile_patch_ports(gateway.lab.southbound)
    vswitch.sync(timeout=10)
    assert gateway.ports() == {name: number for name, number in before.items() if name not in AGENT_PORTS}
    kinds = {port.port: port.kind for port in vswitch.patch_ports(gateway.lab.southbound)}
    assert (kinds["a-to-b"], kinds["tpi-0d2f1a33-5c"], kinds["spt-77ab10cd-e2"]) == ("foreign", "trunk", "trunk")
    assert not vswitch.reconcile_patch_ports(gateway.lab.southbound)
    assert gateway.lab.outside.ping(FLOATING_IP, count=2)


def test_the_storm_ends_and_ovn_takes_over_with_its_ports_as_they_were(gateway: Gateway) -> None:
    numbers = gateway.ports()
    assert sorted(numbers) == ["patch-br-int-to-ext-localnet", "patch-ext-localnet-to-br-int"]
    gateway.lay_agent_pair()
    gateway.set_agent_flows()

    storm = gateway.trace()
    assert storm.passes > 100
    assert storm.cut
    assert storm.reflected

    changes = gateway.host.vswitch.reconcile_patch_ports(gateway.lab.southbound)
    gateway.host.vswitch.sync(timeout=10)
    assert {change.name for change in changes if change.table == "Port"} == AGENT_PORTS
    assert gateway.ports() == numbers
    assert gateway.trace() == HEALTHY

    # What the agent has done to the flows stays: nothing but a restart of ovn-controller brings OVN's back.
    gateway.lab.northbound.sync("hv", timeout=10)
    time.sleep(1.5)
    assert gateway.ovn_flows() == 0
    assert not gateway.lab.outside.ping(FLOATING_IP, timeout=0.5)

    gateway.restart_controller()
    assert gateway.ovn_flows() > 100
    assert gateway.ports() == numbers
    assert gateway.trace() == HEALTHY
    gateway.lab.outside.wait_ping(FLOATING_IP)
    assert gateway.lab.outside.ping(FLOATING_IP, count=3)

    assert not gateway.host.vswitch.reconcile_patch_ports(gateway.lab.southbound)
    assert gateway.ports() == numbers


# -- deploy.reconcile: with what is beyond the database ----------------------------------------------------------------


def states(report: deploy.SequenceReport) -> list[str]:
    return [step.state for step in report.steps]


def reconciled(gateway: Gateway, *, dry_run: bool = False) -> deploy.ReconcileReport:
    return deploy.reconcile(gateway.spec, "ctl", timeout=20, watch=0.5, dry_run=dry_run)


def test_s19_deploy_reconciles_what_a_stopped_agent_left_and_brings_ovns_flows_back(gateway: Gateway) -> None:
    numbers = gateway.ports()
    gateway.lay_agent_pair()
    gateway.install_agent()
    gateway.set_agent_controllers()
    gateway.set_agent_flows()
    assert gateway.trace().cut

    refused = reconciled(gateway)
    assert states(refused)[0] == "failed"
    assert isinstance(refused.problem, Conflict)
    assert "neutron-openvswitch-agent runs and is enabled" in str(refused.problem)
    assert {outcome.state for outcome in refused.ports} == {"kept"}
    assert gateway.trace().cut

    gateway.stop_agent()
    planned = reconciled(gateway, dry_run=True)
    assert {outcome.port.port for outcome in planned.ports if outcome.state == "to remove"} == AGENT_PORTS
    assert not planned
    assert gateway.trace().cut

    report = reconciled(gateway)
    assert report, str(report)
    assert {outcome.port.port for outcome in report.ports if outcome.state == "removed"} == AGENT_PORTS
    assert {outcome.port.kind for outcome in report.ports if outcome.state == "kept"} == {"ovn-live"}
    assert gateway.ports() == numbers
    assert gateway.trace() == HEALTHY
    gateway.lab.outside.wait_ping(FLOATING_IP)
    assert set(states(reconciled(gateway))) == {"already done"}
    verified = deploy.verify(gateway.spec, timeout=20)
    assert verified.ok, str(verified)


def test_whoever_makes_the_agents_ports_again_is_seen(gateway: Gateway) -> None:
    gateway.lay_agent_pair()

    def again(step: StepResult) -> None:
        if step.what.startswith("no patch ports"):
            gateway.lay_agent_pair()

    report = deploy.reconcile(gateway.spec, "ctl", timeout=20, watch=5, progress=again)
    assert [step.state for step in report.steps if step.what.startswith("nobody")] == ["failed"]
    assert "came back; who makes them" in str(report.problem)
    assert all(name in str(report.problem) for name in AGENT_PORTS)


def test_without_access_to_the_host_it_says_what_is_to_be_done_there(gateway: Gateway) -> None:
    gateway.lay_agent_pair()
    before = gateway.ports()
    hosts = tuple(attrs.evolve(host, access=None) for host in gateway.lab.spec.hosts)
    spec = attrs.evolve(gateway.lab.spec, hosts=hosts)
    report = deploy.reconcile(spec, "ctl", timeout=5, watch=0)
    assert isinstance(report.problem, NeedsHost)
    assert report.problem.command == "systemctl disable --now neutron-openvswitch-agent"
    assert gateway.ports() == before
    report = deploy.reconcile(spec, "ctl", timeout=5, watch=0, force=True)
    assert report, str(report)
    assert not AGENT_PORTS & gateway.ports().keys()


def test_a_verification_sees_that_ovns_flows_are_lost(gateway: Gateway) -> None:
    gateway.install_agent()
    assert deploy.verify(gateway.spec, timeout=20).ok
    gateway.host.run("ovs-ofctl del-flows br-int")
    (check,) = deploy.verify(gateway.spec, timeout=4).failed
    assert (check.host, check.what, check.observed) == ("ctl", "flows of OVN in br-int", "none")
