"""What makes each rule fire: a fault that is put into the simple network, through its databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ovnkit.northbound import (
    BFD,
    NAT,
    DHCPOptions,
    LoadBalancer,
    LoadBalancerHealthCheck,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
    NBGlobal,
)
from ovnkit.ovsdb import Add, Put, Remove, Verbatim
from ovnkit.ovsdb.server import Process, find_program
from ovnkit.southbound import BFD as SBBFD
from ovnkit.southbound import Chassis, ChassisPrivate, Encap, PortBinding, ServiceMonitor
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch
from tests.topology.checks.world import World

__all__ = ["ALSO", "CASES", "Fault"]

Fault = Callable[[World], None]

CASES: Final[dict[str, Fault]] = {}
"""The fault that each rule is for, by the rule's id."""

ALSO: Final[dict[str, set[str]]] = {}
"""What else such a fault brings about, by the same id."""


def case(id: str, *also: str) -> Callable[[Fault], Fault]:
    """Make a function the fault of a rule; ``also``: other rules that it breaks as well."""

    def made(fault: Fault) -> Fault:
        CASES[id] = fault
        ALSO[id] = set(also)
        return fault

    return made


def switch_port(world: World, switch: str, port: str, **columns: Any) -> None:
    """A port as somebody writes it who checks nothing."""
    with world.nb.transaction() as tx:
        ref = tx.insert(LogicalSwitchPort(name=port, **columns))
        tx.update(tx.get(LogicalSwitch, name=switch), ports=Add(ref))


def router_port(world: World, port: str, network: str, *, router: str = "r", **columns: Any) -> None:
    """A port of a router, connected to nothing."""
    with world.nb.transaction() as tx:
        ref = tx.insert(LogicalRouterPort(name=port, mac="02:00:00:00:ff:77", networks=[network], **columns))
        tx.update(tx.get(LogicalRouter, name=router), ports=Add(ref))


def change(client: Any, row_class: Any, where: dict[str, Any], **columns: Any) -> None:
    """Set columns of the one row that is meant."""
    client.transact(lambda tx: tx.update(tx.get(row_class, **where), **columns))


def set_host(world: World, **ids: str) -> None:
    """Set external_ids of hv1's Open_vSwitch, ``_`` for ``-``."""
    change(world.hv1, OpenVSwitch, {}, external_ids=Put({key.replace("_", "-"): value for key, value in ids.items()}))


@case("OVN101")
def chassis_without_private(world: World) -> None:
    world.add_chassis("hv9", "192.0.2.9")
    with world.sb.transaction() as tx:
        tx.delete(tx.get(ChassisPrivate, name="hv9"))


@case("OVN102")
def candidate_that_is_not_there(world: World) -> None:
    world.nb.set_gateway("r-ext", "hv1", "hv9")


@case("OVN103")
def two_chassis_of_a_host(world: World) -> None:
    world.add_chassis("hv9", "192.0.2.9", hostname="hv1")


@case("OVN104")
def bound_and_not_up(world: World) -> None:
    world.bind("hv1", "vm1", up=False)


@case("OVN105", "OVN509")
def up_and_not_bound(world: World) -> None:
    world.pause()
    change(world.sb, PortBinding, {"logical_port": "vm1"}, chassis=None, up=False)


@case("OVN106")
def asks_for_nobody(world: World) -> None:
    change(world.nb, LogicalSwitchPort, {"name": "vm1"}, options=Put({"requested-chassis": "nova1.example"}))
    with world.sb.transaction() as tx:
        tx.update(tx.get(PortBinding, logical_port="vm1"), chassis=None)


@case("OVN107")
def bound_elsewhere(world: World) -> None:
    change(world.nb, LogicalSwitchPort, {"name": "vm1"}, options=Put({"requested-chassis": "hv1"}))
    world.bind("hv2", "vm1")


@case("OVN108")
def tunnel_address_of_two(world: World) -> None:
    world.add_chassis("hv9", "192.0.2.9")
    with world.sb.transaction() as tx:
        chassis = tx.get(Chassis, name="hv9")
        encap = tx.insert(Encap(type="vxlan", ip="192.0.2.1", chassis_name="hv9"))
        tx.update(chassis, encaps=Add(encap))


@case("OVN109")
def other_type_of_tunnel(world: World) -> None:
    world.add_chassis("hv9", "192.0.2.9", type="vxlan")


@case("OVN110")
def zones_apart(world: World) -> None:
    change(world.sb, Chassis, {"name": "hv2"}, transport_zones=["far"])


@case("OVN201")
def mac_of_two_ports(world: World) -> None:
    switch_port(world, "web", "vm3", addresses=["02:00:00:00:00:01 10.0.0.13"])


@case("OVN202")
def ip_of_two_ports(world: World) -> None:
    switch_port(world, "web", "vm3", addresses=["02:00:00:00:00:03 10.0.0.11"])


@case("OVN203")
def floating_ip_of_two_routers(world: World) -> None:
    with world.nb.transaction() as tx:
        tx.add_router("r2")
        tx.connect_router(
            "ext",
            "r2",
            networks=["203.0.113.11/24"],
            mac="02:00:00:00:ff:03",
            router_port="r2-ext",
            default_route="203.0.113.1",
        )
        tx.set_gateway("r2-ext", "hv1")
        tx.add_floating_ip("r2", "203.0.113.20", "10.0.0.11")
    world.bind("hv1", "cr-r2-ext")


@case("OVN204")
def overlapping_networks(world: World) -> None:
    world.nb.add_switch("db")
    world.nb.connect_router("db", "r", networks=["10.0.0.129/25"], mac="02:00:00:00:ff:04", router_port="r-db")


@case("OVN205")
def dhcp_of_another_network(world: World) -> None:
    with world.nb.transaction() as tx:
        options = tx.get(DHCPOptions)
        tx.update(options, cidr="10.9.0.0/24")


@case("OVN206")
def dhcp_without_lease_time(world: World) -> None:
    change(world.nb, DHCPOptions, {}, options=Remove("lease_time", "server_mac"))


@case("OVN301", "OVN102", "OVN101")
def gateway_without_chassis(world: World) -> None:
    chassis_without_private(world)
    world.nb.set_gateway("r-ext", "hv8", "hv9")


@case("OVN302")
def gateway_that_nobody_takes(world: World) -> None:
    change(world.sb, PortBinding, {"logical_port": "cr-r-ext"}, chassis=None)


@case("OVN303")
def gateway_on_the_second(world: World) -> None:
    world.bind("hv2", "cr-r-ext")


@case("OVN304")
def nat_without_gateway(world: World) -> None:
    world.nb.unset_gateway("r-ext")


@case("OVN305")
def external_address_elsewhere(world: World) -> None:
    world.nb.add_floating_ip("r", "198.51.100.5", "10.0.0.11")


@case("OVN306")
def floating_ip_to_nobody(world: World) -> None:
    change(world.nb, NAT, {"type": "dnat_and_snat"}, logical_ip="10.0.0.99")


@case("OVN307")
def floating_ip_of_no_port(world: World) -> None:
    change(world.nb, NAT, {"type": "dnat_and_snat"}, logical_port="gone", external_mac="02:00:00:00:00:16")


@case("OVN308")
def next_hop_out_of_reach(world: World) -> None:
    world.nb.add_route("r", "10.7.0.0/16", "192.168.7.1")


@case("OVN309")
def no_default_route(world: World) -> None:
    world.nb.remove_route("r", "0.0.0.0/0")


@case("OVN310")
def next_hop_that_bfd_has_lost(world: World) -> None:
    with world.nb.transaction() as tx:
        session = tx.insert(BFD(logical_port="r-ext", dst_ip="203.0.113.1"))
        tx.update(tx.get(LogicalRouterStaticRoute, ip_prefix="0.0.0.0/0"), bfd=session)
    world.sync()
    change(world.sb, SBBFD, {"logical_port": "r-ext"}, status="down")
    world.nb.wait(BFD, logical_port="r-ext", status="down", timeout=10)


@case("OVN401")
def physnet_of_nobody(world: World) -> None:
    world.nb.add_provider_network("physnet9", switch="dmz")


@case("OVN402")
def bridge_that_is_not_there(world: World) -> None:
    set_host(world, ovn_bridge_mappings="physnet1:br-ex,physnet2:br-dmz")


@case("OVN403")
def gateway_chassis_without_physnet(world: World) -> None:
    change(world.sb, Chassis, {"name": "hv1"}, other_config={})


@case("OVN404", "OVN403")
def port_on_chassis_without_physnet(world: World) -> None:
    gateway_chassis_without_physnet(world)
    switch_port(world, "ext", "vm-ext", addresses=["02:00:00:00:00:05 203.0.113.77"])
    world.bind("hv1", "vm-ext")


@case("OVN405")
def blank_in_mappings(world: World) -> None:
    mappings = {"ovn-bridge-mappings": "physnet1:br-ex, physnet2:br-dmz"}
    change(world.sb, Chassis, {"name": "hv1"}, other_config=mappings)


@case("OVN406")
def gateway_to_nothing(world: World) -> None:
    world.nb.remove_switch_port("ext", "provnet-ext")


@case("OVN501")
def host_that_is_no_chassis(world: World) -> None:
    set_host(world, system_id="hv3", hostname="hv3", ovn_encap_ip="192.0.2.3")


@case("OVN502")
def system_id_of_two_hosts(world: World) -> None:
    change(world.hv2, OpenVSwitch, {}, external_ids=Put({"system-id": "hv1", "ovn-encap-ip": "192.0.2.1"}))


@case("OVN503")
def other_southbound(world: World) -> None:
    change(world.hv2, OpenVSwitch, {}, external_ids=Put({"ovn-remote": "tcp:192.0.2.200:6642"}))


@case("OVN504")
def standalone_integration_bridge(world: World) -> None:
    change(world.hv1, Bridge, {"name": "br-int"}, fail_mode="standalone")


@case("OVN505")
def patch_ports_of_the_agent(world: World) -> None:
    world.hv1.add_port("br-int", "int-br-ex", type="patch", options={"peer": "phy-br-ex"})
    world.hv1.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "int-br-ex"})


@case("OVN506")
def interface_without_device(world: World) -> None:
    """It is ovs-vswitchd that says so."""
    with world.hv1.transaction() as tx:
        tx.remove_port("br-int", "tap1")
        tx.remove_port("br-int", "ovn-hv2-0")
        for bridge in tx.find(Bridge):
            tx.update(bridge, datapath_type="dummy")
    world.hv1.add_port("br-int", "tap9")
    process = Process(
        [
            str(find_program("ovs-vswitchd")),
            world.remotes["hv1"],
            "--enable-dummy",
            "--disable-system",
            "--no-chdir",
            f"--unixctl={world.directory / 'vswitchd.ctl'}",
            f"--pidfile={world.directory / 'vswitchd.pid'}",
            "-vconsole:warn",
            "-vsyslog:off",
            "-vfile:off",
        ],
        log=world.directory / "vswitchd.log",
        env={"OVS_RUNDIR": str(world.directory), "PATH": "/usr/bin:/bin"},
    )
    try:
        world.hv1.wait(Interface, name="tap9", error="could not open network device tap9 (No such device)", timeout=10)
    finally:
        process.stop()


@case("OVN507")
def interface_of_no_port(world: World) -> None:
    world.attach(world.hv1, "tap-lost", "lost")


@case("OVN508")
def interfaces_on_two_hosts(world: World) -> None:
    world.attach(world.hv2, "tap1", "vm1")


@case("OVN509")
def interface_that_is_not_claimed(world: World) -> None:
    change(world.sb, PortBinding, {"logical_port": "vm1"}, chassis=None, up=False)
    world.nb.wait(LogicalSwitchPort, name="vm1", up=False, timeout=10)


@case("OVN510")
def tunnel_that_is_down(world: World) -> None:
    status = {"state": "down", "diagnostic": "Control Detection Time Expired"}
    change(world.hv1, Interface, {"name": "ovn-hv2-0"}, bfd={"enable": "true"}, bfd_status=status)


@case("OVN511")
def network_too_large_for_tunnels(world: World) -> None:
    change(world.nb, LogicalSwitch, {"name": "web"}, external_ids=Put({"neutron:mtu": "1500"}))
    world.hv1.add_bridge("br-phy")
    change(world.hv1, Interface, {"name": "br-phy"}, mtu=1500)
    change(world.hv1, Interface, {"name": "ovn-hv2-0"}, status={"tunnel_egress_iface": "br-phy"})


@case("OVN601")
def northd_paused(world: World) -> None:
    world.settle()
    world.pause()
    world.nb.transact(lambda tx: tx.update(tx.get(NBGlobal), nb_cfg=tx.get(NBGlobal).nb_cfg + 1))


@case("OVN602")
def northd_removes_nothing(world: World) -> None:
    world.nb.add_switch("old")
    world.nb.add_switch_port("old", "old-port")
    world.settle()
    world.pause()
    world.nb.remove_switch("old")


@case("OVN603")
def northd_makes_nothing(world: World) -> None:
    world.settle()
    world.pause()
    world.nb.add_switch("new")
    world.nb.add_switch_port("new", "new-port")


@case("OVN701")
def switch_port_to_nowhere(world: World) -> None:
    switch_port(world, "web", "lsp-web-r2", type="router", addresses=["router"], options={"router-port": "gone"})


@case("OVN702")
def router_port_alone(world: World) -> None:
    router_port(world, "r-lost", "10.44.0.1/24")


@case("OVN703")
def two_switch_ports_for_one(world: World) -> None:
    world.nb.add_switch("db")
    switch_port(world, "db", "lsp-db-r", type="router", addresses=["router"], options={"router-port": "lrp-web-r"})


@case("OVN704")
def peer_that_does_not_point_back(world: World) -> None:
    world.nb.add_router("r2")
    router_port(world, "r-r2", "10.45.0.1/24", peer="r2-r")
    router_port(world, "r2-r", "10.45.0.2/24", router="r2")


@case("OVN705")
def switches_of_one_name(world: World) -> None:
    with world.nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))


@case("OVN706")
def child_without_parent(world: World) -> None:
    switch_port(world, "web", "child", parent_name="gone", tag=7)


@case("OVN707")
def virtual_port_without_parent(world: World) -> None:
    options = {"virtual-ip": "10.0.0.200", "virtual-parents": "vm1,gone"}
    switch_port(world, "web", "vip", type="virtual", options=options)


@case("OVN708")
def external_port_without_group(world: World) -> None:
    switch_port(world, "web", "sriov", type="external", addresses=["02:00:00:00:00:09 10.0.0.19"])


@case("OVN801")
def acl_with_unknown_set(world: World) -> None:
    world.nb.add_acl(
        switch="web", direction="to-lport", priority=100, match=Verbatim("ip4.src == $gone"), action="allow"
    )


@case("OVN802")
def acl_with_unknown_port(world: World) -> None:
    world.nb.add_acl(switch="web", direction="from-lport", priority=100, match='inport == "gone"', action="drop")


@case("OVN803")
def load_balancer_without_backends(world: World) -> None:
    world.nb.add_load_balancer("lb", vips={"10.0.0.100:80": []}, switches=["web"])


@case("OVN804")
def load_balancer_with_the_address_of_a_vm(world: World) -> None:
    world.nb.add_load_balancer("lb", vips={"10.0.0.11:80": ["10.0.0.12:80"]}, routers=["r"])


@case("OVN805")
def health_check_of_nobody(world: World) -> None:
    world.nb.add_load_balancer("lb", vips={"10.0.0.100:80": ["10.0.0.12:80"]}, switches=["web"])
    with world.nb.transaction() as tx:
        check = tx.insert(LoadBalancerHealthCheck(vip="10.0.0.100:80"))
        tx.update(tx.get(LoadBalancer, name="lb"), health_check=Add(check))


@case("OVN806")
def backend_that_does_not_answer(world: World) -> None:
    health_check_of_nobody(world)
    mapping = {"10.0.0.12": "vm2:10.0.0.9"}
    change(world.nb, LoadBalancer, {"name": "lb"}, ip_port_mappings=Put(mapping))
    world.sync()
    change(world.sb, ServiceMonitor, {"logical_port": "vm2"}, status="offline")


@case("OVN807")
def load_balancer_of_nobody(world: World) -> None:
    world.nb.add_load_balancer("lb", vips={"10.0.0.100:80": ["10.0.0.12:80"]})
