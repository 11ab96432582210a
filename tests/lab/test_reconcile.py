"""Leftover patch ports of OpenStack's agent on a gateway that carries traffic: the storm, its end, and what stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit.lab import Host, Lab
from ovnkit.vswitch import Interface
from tests.lab.cluster import build_network, register

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_possible")]

FLOATING_IP = "203.0.113.100"
FLAT_VLAN = 7
AGENT_PORTS = {"int-br-ex", "phy-br-ex"}
_AGENT_COOKIE = "0xa9e47"
_BROADCAST = "dl_src=02:00:00:00:99:99,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0806"


@attrs.frozen
class Trace:
    """What Open vSwitch does with one broadcast that comes into br-ex from the wire."""

    passes: int
    """How often the packet goes through br-ex or br-int."""
    cut: bool
    """Whether only the limit of resubmits or of recursion has ended it."""
    reflected: bool
    """Whether it goes back out of where it came in."""


HEALTHY = Trace(passes=2, cut=False, reflected=False)


@attrs.frozen
class Gateway:
    """The host whose br-ex leads outside."""

    lab: Lab
    host: Host

    def trace(self) -> Trace:
        said = self.host.run(["ovs-appctl", "ofproto/trace", "br-ex", f"in_port=up-br-ex,{_BROADCAST}"]).stdout
        actions = said.rpartition("Datapath actions: ")[2]
        uplink = self.host.run("ovs-appctl dpctl/show | sed -n 's/.*port \\([0-9]*\\): up-br-ex$/\\1/p'").stdout.strip()
        assert uplink
        return Trace(
            passes=sum(said.count(f'bridge("{bridge}")') for bridge in ("br-ex", "br-int")),
            cut="over max translation depth" in said or "over 4096 resubmit" in said,
            reflected=uplink in actions.replace("\n", ",").split(","),
        )

    def ovn_flows(self) -> int:
        """The flows of br-int that are not the agent's."""
        dumped = self.host.run("ovs-ofctl dump-flows --no-stats br-int").stdout.splitlines()
        return sum("actions=" in flow and f"cookie={_AGENT_COOKIE}" not in flow for flow in dumped)

    def ports(self) -> dict[str, int | None]:
        """The OpenFlow numbers of all patch ports."""
        return {row.name: row.ofport for row in self.host.vswitch.find(Interface, type="patch")}

    def lay_agent_pair(self) -> None:
        """As the agent does when it starts (setup_physical_bridges): first with peers that are not there."""
        vswitch = self.host.vswitch
        with vswitch.transaction() as tx:
            tx.add_port("br-int", "int-br-ex", type="patch", options={"peer": "nonexistent-peer"})
            tx.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "nonexistent-peer"})
        with vswitch.transaction() as tx:
            tx.add_port("br-int", "int-br-ex", type="patch", options={"peer": "phy-br-ex"})
            tx.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "int-br-ex"})
        vswitch.sync(timeout=10)

    def set_agent_flows(self) -> None:
        """As the agent does next (cleanup_flows): every flow with another cookie goes, OVN's as well."""
        for bridge in ("br-int", "br-ex"):
            self.host.run(
                f"ovs-ofctl del-flows {bridge}"
                f" && ovs-ofctl add-flow {bridge} cookie={_AGENT_COOKIE},priority=0,actions=NORMAL"
            )

    def restart_controller(self) -> None:
        """Restart ovn-controller and wait for its flows."""
        self.host.restart_controller()
        deadline = time.monotonic() + 15
        while not self.ovn_flows():
            assert time.monotonic() < deadline, "ovn-controller has not installed its flows"
            time.sleep(0.02)
        self.lab.northbound.sync("hv", timeout=10)


@pytest.fixture
def gateway(records: Path) -> Iterator[Gateway]:
    """The gateway of a virtual machine with a floating IP, which runs on another host."""
    with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",)) as lab:
        register(lab)
        build_network(lab)
        vm = lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", gateway="10.0.0.1")
        lab.northbound.add_floating_ip("r", FLOATING_IP, vm.address)
        lab.northbound.sync("hv", timeout=10)
        lab.outside.wait_ping(FLOATING_IP)
        yield Gateway(lab, lab.host("ctl"))


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
    pairs = {
        ("br-a", "a-to-b"): ("br-b", "b-to-a"),
        ("br-int", "tpi-0d2f1a33-5c"): ("tbr-8e1c2f44-b", "tpt-0d2f1a33-5c"),
        ("tbr-8e1c2f44-b", "spt-77ab10cd-e2"): ("br-int", "spi-77ab10cd-e2"),
    }
    with vswitch.transaction() as tx:
        for bridge in ("br-a", "br-b", "tbr-8e1c2f44-b"):
            tx.add_bridge(bridge, datapath_type="netdev")
        for (bridge, port), (other_bridge, other) in pairs.items():
            tx.add_port(bridge, port, type="patch", options={"peer": other})
            tx.add_port(other_bridge, other, type="patch", options={"peer": port})
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
