"""Healthy networks of different kinds: nothing is wrong with any of them, and no rule may say so."""

from __future__ import annotations

from collections.abc import Callable

from ovnkit.northbound import (
    DHCPOptions,
    HAChassis,
    HAChassisGroup,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb import Add
from tests.topology.checks.world import World

__all__ = ["NETWORKS", "simple"]


def two_hosts(world: World) -> None:
    """Two chassis, with their hosts."""
    world.add_chassis("hv1", "192.0.2.1")
    world.add_chassis("hv2", "192.0.2.2")
    world.set_up_host(world.hv1, "hv1", "192.0.2.1", ("hv2", "192.0.2.2"))
    world.set_up_host(world.hv2, "hv2", "192.0.2.2", ("hv1", "192.0.2.1"))


def simple(world: World) -> None:
    """A network with a router, a gateway on hv1, SNAT and a floating IP; vm1 is on hv1, vm2 on hv2."""
    two_hosts(world)
    with world.nb.transaction() as tx:
        tx.add_switch("web")
        tx.add_dhcp("web", "10.0.0.0/24", server_id="10.0.0.1", server_mac="02:00:00:00:ff:01", mtu=1400)
        tx.add_switch_port("web", "vm1", addresses=["02:00:00:00:00:01 10.0.0.11"], dhcp="10.0.0.0/24")
        tx.add_switch_port("web", "vm2", addresses=["02:00:00:00:00:02 10.0.0.12"])
        tx.add_router("r")
        tx.connect_router("web", "r", networks=["10.0.0.1/24"], mac="02:00:00:00:ff:01", router_port="lrp-web-r")
        tx.add_provider_network("physnet1", switch="ext")
        tx.connect_router(
            "ext",
            "r",
            networks=["203.0.113.10/24"],
            mac="02:00:00:00:ff:02",
            router_port="r-ext",
            default_route="203.0.113.1",
        )
        tx.set_gateway("r-ext", "hv1", "hv2")
        tx.add_snat("r", external_ip="203.0.113.10", logical_ip="10.0.0.0/24")
        tx.add_floating_ip("r", "203.0.113.20", "10.0.0.12")
    world.bind("hv1", "vm1", "cr-r-ext")
    world.bind("hv2", "vm2")
    world.attach(world.hv1, "tap1", "vm1")
    world.attach(world.hv2, "tap2", "vm2")


def openstack(world: World) -> None:
    """As Neutron makes them: HA groups, security groups, metadata, DHCP of subnets without ports, distributed NAT."""
    two_hosts(world)
    nb = world.nb
    with nb.transaction() as tx:
        net = tx.add_switch("neutron-5f1a", external_ids={"neutron:network_name": "private", "neutron:mtu": "1442"}).ref
        assert net is not None
        tx.add_dhcp(
            "neutron-5f1a", "10.1.0.0/24", server_id="10.1.0.1", server_mac="fa:16:3e:00:00:01", router="10.1.0.1",
            mtu=1442, dns=["10.1.0.53"], metadata=False,
        )  # fmt: skip
        tx.insert(DHCPOptions(cidr="10.9.0.0/24", external_ids={"subnet_id": "no-ports-yet"}))
        for number, host in ((1, "hv1"), (2, "hv2")):
            tx.add_switch_port(
                "neutron-5f1a",
                f"port-{number}",
                addresses=[f"fa:16:3e:00:01:0{number} 10.1.0.1{number}"],
                port_security=[f"fa:16:3e:00:01:0{number} 10.1.0.1{number} 10.1.0.200"],
                dhcp="10.1.0.0/24",
                options={"requested-chassis": host},
                external_ids={"neutron:port_name": f"vm{number}"},
            )
        tx.add_switch_port(
            "neutron-5f1a", "vip-port", type="virtual", addresses=["fa:16:3e:00:01:c8 10.1.0.200"],
            options={"virtual-ip": "10.1.0.200", "virtual-parents": "port-1,port-2"},
        )  # fmt: skip
        # The port of a load balancer's address, which Octavia makes and nobody binds.
        tx.add_switch_port("neutron-5f1a", "ovn-lb-vip", addresses=["fa:16:3e:00:01:64 10.1.0.100"])
        tx.add_load_balancer("octavia", vips={"10.1.0.100:80": ["10.1.0.11:80"]}, switches=["neutron-5f1a"])
        tx.add_metadata_port("neutron-5f1a", "10.1.0.2", mac="fa:16:3e:00:00:02", port="metadata-5f1a")
        tx.add_provider_network("physnet1", vlan=70, switch="neutron-ext", port="provnet-ext")
        tx.add_router("neutron-router")
        tx.connect_router(
            "neutron-5f1a", "neutron-router", networks=["10.1.0.1/24"], mac="fa:16:3e:00:00:01", router_port="lrp-1"
        )
        tx.connect_router(
            "neutron-ext", "neutron-router", networks=["203.0.113.50/24"], mac="fa:16:3e:00:00:03",
            router_port="lrp-ext", default_route="203.0.113.1",
        )  # fmt: skip
        members = [
            tx.insert(HAChassis(chassis_name="hv1", priority=2)),
            tx.insert(HAChassis(chassis_name="hv2", priority=1)),
        ]
        group = tx.insert(HAChassisGroup(name="neutron-router", ha_chassis=members))
        tx.update(tx.get(LogicalRouterPort, name="lrp-ext"), ha_chassis_group=group)
        tx.insert(
            LogicalSwitchPort(
                name="sriov", type="external", addresses=["fa:16:3e:00:01:09 10.1.0.19"], ha_chassis_group=group
            )
        )
        sriov = tx.get(LogicalSwitchPort, name="sriov")
        tx.update(tx.get(LogicalSwitch, name="neutron-5f1a"), ports=Add(sriov.ref))
        tx.add_snat("neutron-router", external_ip="203.0.113.50", logical_ip="10.1.0.0/24")
        tx.add_floating_ip(
            "neutron-router", "203.0.113.60", "10.1.0.11", logical_port="port-1", external_mac="fa:16:3e:00:02:01"
        )
        tx.add_floating_ip("neutron-router", "203.0.113.61", "10.1.0.200")
        tx.add_port_group("pg_web", ports=["port-1", "port-2"])
        tx.add_address_set("as_remote", addresses=["10.1.0.11"])
        tx.add_port_group("neutron_pg_drop", ports=["port-1", "port-2"])
        tx.add_acl(
            port_group="neutron_pg_drop",
            direction="to-lport",
            priority=1001,
            match="outport == @neutron_pg_drop && ip",
            action="drop",
        )
        tx.add_acl(
            port_group="pg_web",
            direction="to-lport",
            priority=1002,
            match='outport == @pg_web && ip4 && ip4.src == {$as_remote, $pg_web_ip4} && inport != "port-1"',
            action="allow-related",
        )
        tx.add_dns("neutron-5f1a", {"vm1.example": ["10.1.0.11"]})
    world.bind("hv1", "port-1", "cr-lrp-ext", "sriov")
    world.bind("hv2", "port-2")
    world.attach(world.hv1, "tap-1", "port-1")
    world.attach(world.hv2, "tap-2", "port-2")
    # The metadata agents of both hosts have an interface of the one localport.
    world.attach(world.hv1, "tap-meta", "metadata-5f1a")
    world.attach(world.hv2, "tap-meta", "metadata-5f1a")


def kubernetes(world: World) -> None:
    """As ovn-kubernetes makes them: a router for the cluster, a join switch, a gateway router for each node."""
    two_hosts(world)
    rtoj = "rtoj-ovn_cluster_router"
    with world.nb.transaction() as tx:
        tx.add_router("ovn_cluster_router")
        tx.add_switch("join")
        tx.connect_router(
            "join",
            "ovn_cluster_router",
            networks=["100.64.0.1/16"],
            mac="0a:58:64:40:00:01",
            router_port=rtoj,
        )
        for number, node in ((1, "hv1"), (2, "hv2")):
            pods = f"10.244.{number}"
            tx.add_switch(node, subnet=f"{pods}.0/24", other_config={"exclude_ips": f"{pods}.2"})
            tx.connect_router(
                node, "ovn_cluster_router", networks=[f"{pods}.1/24"], mac=f"0a:58:0a:f4:0{number}:01",
                router_port=f"rtos-{node}",
            )  # fmt: skip
            tx.add_switch_port(node, f"k8s-{node}", addresses=[f"0a:58:0a:f4:0{number}:02 {pods}.2"])
            tx.add_switch_port(node, f"default_web-{number}", addresses=[f"0a:58:0a:f4:0{number}:05 {pods}.5"])
            tx.add_switch_port(node, f"default_auto-{number}", addresses=["dynamic"])
            tx.add_router(f"GR_{node}", options={"chassis": node, "always_learn_from_arp_request": "false"})
            tx.connect_router(
                "join", f"GR_{node}", networks=[f"100.64.0.{number + 1}/16"], mac=f"0a:58:64:40:00:0{number + 1}",
                router_port=f"rtoj-GR_{node}",
            )  # fmt: skip
            tx.add_provider_network("physnet1", switch=f"ext_{node}", port=f"br-ex_{node}")
            tx.connect_router(
                f"ext_{node}", f"GR_{node}", networks=[f"172.18.0.{number + 1}/16"],
                mac=f"02:42:ac:12:00:0{number + 1}", router_port=f"rtoe-GR_{node}", default_route="172.18.0.1",
            )  # fmt: skip
            tx.add_route(f"GR_{node}", "10.244.0.0/16", "100.64.0.1")
            tx.add_snat(f"GR_{node}", external_ip=f"172.18.0.{number + 1}", logical_ip="10.244.0.0/16")
            tx.add_route("ovn_cluster_router", f"{pods}.0/24", f"100.64.0.{number + 1}", policy="src-ip")
        tx.add_policy(
            "ovn_cluster_router", priority=1004, match='inport == "rtos-hv1" && ip4.dst == 172.18.0.2',
            action="reroute", nexthops=["10.244.1.2"],
        )  # fmt: skip
        tx.add_load_balancer(
            "services",
            vips={"10.96.0.1:443": ["172.18.0.2:6443"], "10.96.0.10:53": []},
            switches=["hv1", "hv2"],
            routers=["GR_hv1", "GR_hv2"],
            options={"reject": "true"},
        )
        tx.add_load_balancer(
            "node-ports", vips={"172.18.0.2:30080": ["10.244.1.5:80", "10.244.2.5:80"]}, routers=["GR_hv1"]
        )
        tx.add_address_set("a1234", addresses=["10.244.1.5"])
        tx.add_port_group("clusterPortGroup", ports=["k8s-hv1", "k8s-hv2"])
        tx.add_acl(switch="hv1", direction="to-lport", priority=1001, match="ip4.src==$a1234", action="allow-related")
    for number, node in ((1, "hv1"), (2, "hv2")):
        world.bind(node, f"k8s-{node}", f"default_web-{number}", f"default_auto-{number}")
        world.bind(node, f"rtoj-GR_{node}", f"rtoe-GR_{node}")


def dual_stack(world: World) -> None:
    """IPv4 beside IPv6, with DHCPv6, link-local next hops and a tunnel over IPv6."""
    two_hosts(world)
    with world.nb.transaction() as tx:
        tx.add_switch("six")
        tx.add_dhcp("six", "fd00:1::/64", server_id="02:00:00:00:06:01")
        tx.add_switch_port("six", "v1", addresses=["02:00:00:00:06:11 10.6.0.11 fd00:1::11"], dhcp="fd00:1::/64")
        tx.add_switch_port("six", "v2", addresses=["02:00:00:00:06:12 10.6.0.12 FD00:1:0::12"])
        tx.add_router("r6")
        tx.connect_router("six", "r6", networks=["10.6.0.1/24", "fd00:1::1/64"], mac="02:00:00:00:06:01")
        tx.add_provider_network("physnet1", switch="out6")
        tx.connect_router(
            "out6", "r6", networks=["203.0.113.6/24", "2001:db8::6/64"], mac="02:00:00:00:06:02", router_port="r6-out"
        )
        tx.set_gateway("r6-out", "hv2")
        tx.add_route("r6", "::/0", "fe80::1", output_port="r6-out")
        tx.add_route("r6", "0.0.0.0/0", "203.0.113.1")
        tx.add_floating_ip("r6", "2001:db8::20", "fd00:1::11")
        tx.add_snat("r6", external_ip="203.0.113.6", logical_ip="10.6.0.0/24")
        tx.add_load_balancer("lb6", vips={"[fd00:1::100]:80": ["[fd00:1::11]:80"]}, switches=["six"])
    world.bind("hv1", "v1")
    world.bind("hv2", "v2", "cr-r6-out")


def vlans(world: World) -> None:
    """Provider networks with VMs on them, a trunk with a VLAN in it, and no router at all."""
    two_hosts(world)
    with world.nb.transaction() as tx:
        for vlan in (100, 200):
            tx.add_provider_network("physnet1", vlan=vlan, switch=f"vlan{vlan}")
            # The same addresses, in two networks that know nothing of each other.
            tx.add_switch_port(f"vlan{vlan}", f"direct-{vlan}", addresses=["02:00:00:00:07:01 192.168.0.11"])
        tx.add_switch_port("vlan100", "appliance", addresses=["unknown"])
        tx.add_switch("inner")
        tx.add_switch_port("inner", "child", addresses=["02:00:00:00:07:02 10.7.0.2"], parent_name="appliance", tag=5)
        tx.add_switch_port("vlan200", "off", addresses=["02:00:00:00:07:01 192.168.0.11"], enabled=False)
    world.bind("hv1", "direct-100", "appliance", "child")
    world.bind("hv2", "direct-200")
    world.attach(world.hv1, "tap-a", "appliance")


def lxd(world: World) -> None:
    """As LXD makes them: an uplink, DNS, addresses that OVN hands out, two routers that are peers, hosts with names."""
    world.add_chassis("4c4c", "192.0.2.1", hostname="node1")
    world.add_chassis("8b8b", "192.0.2.2", hostname="node2")
    with world.nb.transaction() as tx:
        for number in (2, 3):
            net, router = f"lxd-net{number}-ls-int", f"lxd-net{number}-lr"
            tx.add_switch(net, subnet=f"10.{number}.0.0/24", other_config={"exclude_ips": f"10.{number}.0.1"})
            tx.add_dhcp(net, f"10.{number}.0.0/24", server_id=f"10.{number}.0.1", router=f"10.{number}.0.1")
            tx.add_switch_port(
                net,
                f"lxd-net{number}-instance",
                addresses=[f"00:16:3e:00:0{number}:01 dynamic"],
                dhcp=f"10.{number}.0.0/24",
            )
            tx.add_router(router)
            tx.connect_router(
                net, router, networks=[f"10.{number}.0.1/24"], mac=f"00:16:3e:00:0{number}:fe",
                router_port=f"lxd-net{number}-lr-lrp-int",
            )  # fmt: skip
            tx.add_provider_network("physnet1", switch=f"lxd-net{number}-ls-ext", port=f"lxd-net{number}-provider")
            tx.connect_router(
                f"lxd-net{number}-ls-ext", router, networks=[f"203.0.113.{number}/24"],
                mac=f"00:16:3e:00:0{number}:ff", router_port=f"lxd-net{number}-lr-lrp-ext", default_route="203.0.113.1",
            )  # fmt: skip
            tx.add_snat(router, external_ip=f"203.0.113.{number}", logical_ip=f"10.{number}.0.0/24")
            members = [
                tx.insert(HAChassis(chassis_name=name, priority=rank)) for name, rank in (("4c4c", 20), ("8b8b", 5))
            ]
            group = tx.insert(HAChassisGroup(name=f"lxd-net{number}", ha_chassis=members))
            tx.update(tx.get(LogicalRouterPort, name=f"lxd-net{number}-lr-lrp-ext"), ha_chassis_group=group)
            tx.add_dns(net, {f"instance{number}.lxd": [f"10.{number}.0.2"]})
        for own, other, mac in ((2, 3, "00:16:3e:00:09:01"), (3, 2, "00:16:3e:00:09:02")):
            port = LogicalRouterPort(
                name=f"lxd-net{own}-peer", mac=mac, networks=[f"169.254.0.{own}/24"], peer=f"lxd-net{other}-peer"
            )
            tx.update(tx.get(LogicalRouter, name=f"lxd-net{own}-lr"), ports=Add(tx.insert(port)))
            tx.add_route(f"lxd-net{own}-lr", f"10.{other}.0.0/24", f"169.254.0.{other}")
    world.bind("4c4c", "lxd-net2-instance", "cr-lxd-net2-lr-lrp-ext")
    world.bind("8b8b", "lxd-net3-instance")
    world.bind("4c4c", "cr-lxd-net3-lr-lrp-ext")


NETWORKS: dict[str, Callable[[World], None]] = {
    "simple": simple,
    "openstack": openstack,
    "kubernetes": kubernetes,
    "dual stack": dual_stack,
    "vlans": vlans,
    "lxd": lxd,
}
