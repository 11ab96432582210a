"""The rules on a running network, with all that ovn-controller and ovs-vswitchd write."""

from __future__ import annotations

import pytest

from ovnkit import deploy, topology
from ovnkit.lab import Lab
from ovnkit.southbound import PortBinding
from ovnkit.topology import Findings


def look(lab: Lab) -> Findings:
    lab.northbound.sync(level="hv", timeout=20)
    return topology.check(lab.northbound, lab.southbound, [host.vswitch for host in lab.hosts])


@pytest.mark.lab
def test_a_running_network_has_nothing_wrong_and_a_fault_is_seen(lab: Lab) -> None:
    assert deploy.plan(lab.spec).apply()
    nb = lab.northbound
    outside = lab.outside
    with nb.transaction() as tx:
        tx.add_switch("tenant")
        tx.add_router("router")
        tx.connect_router("tenant", "router", networks=["10.0.0.1/24"])
        tx.add_metadata_port("tenant", "10.0.0.2")
        tx.add_dhcp("tenant", "10.0.0.0/24", server_id="10.0.0.1", router="10.0.0.1", mtu=1400, metadata=True)
        tx.add_provider_network("physnet1", switch="outside")
        own = f"{outside.network[2]}/{outside.network.prefixlen}"
        tx.connect_router("outside", "router", networks=[own], router_port="out", default_route=outside.address)
        tx.set_gateway("out", lab.spec.host("ctl").system_id)
        tx.add_snat("router", external_ip=str(outside.network[2]), logical_ip="10.0.0.0/24")
        tx.add_floating_ip("router", str(outside.network[20]), "10.0.0.11")
        tx.add_switch_port("tenant", "vm1", addresses=["02:00:00:00:00:11 10.0.0.11"], dhcp="10.0.0.0/24")
    lab.add_vm("vm1", host="cmp1", switch="tenant", address="10.0.0.11/24", mac="02:00:00:00:00:11")
    lab.southbound.wait(PortBinding, logical_port="vm1", up=True, timeout=10)
    lab.southbound.wait(PortBinding, logical_port="cr-out", up=True, timeout=10)
    found = look(lab)
    assert not found, str(found)
    assert not found.unasked

    with lab.host("ctl").vswitch.transaction() as local:
        local.add_port("br-int", "gone0")
    lab.host("ctl").vswitch.sync(timeout=10)
    assert [one.rule for one in look(lab)] == ["OVN506"]
