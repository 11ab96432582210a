"""Networks to look at: written straight into the two databases, so that ten thousand ports take a second."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovnkit.northbound import (
    NAT,
    GatewayChassis,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
    Northbound,
    NorthboundTransaction,
)
from ovnkit.ovsdb import Ref
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, DatapathBinding, Encap, PortBinding, Southbound


@contextmanager
def running(**sizes: int) -> Iterator[tuple[Northbound, Southbound]]:
    """Two servers with the network that ``populate`` makes of these sizes, and clients of both."""
    with tempfile.TemporaryDirectory(prefix="ovnkit-") as name:
        directory = Path(name)
        with (
            Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as nb_server,
            Server(directory / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=directory, name="sb") as sb_server,
            Northbound.connect(nb_server.remote, timeout=10) as nb,
            Southbound.connect(sb_server.remote, timeout=10) as sb,
        ):
            populate(nb, sb, **sizes)
            yield nb, sb


def populate(
    nb: Northbound,
    sb: Southbound,
    *,
    routers: int = 3,
    switches: int = 12,
    ports: int = 300,
    floating_ips: int = 10,
    hosts: int = 5,
) -> None:
    """Tenants behind routers, each with its gateway on two of the hosts. One port in ten is down, one in 25 unbound."""
    _place(sb, routers=routers, ports=ports, hosts=hosts)
    with nb.transaction() as tx:
        localnet = LogicalSwitchPort(name="provnet", type="localnet", options={"network_name": "physnet1"})
        outside = [tx.insert(localnet)]
        tenants = {number: list[int]() for number in range(routers)}
        for number in range(switches):
            tenants[number % routers].append(number)
        for number, networks in tenants.items():
            gateways = [
                tx.insert(GatewayChassis(name=f"{number}-{rank}", chassis_name=f"chassis-{rank}", priority=3 - rank))
                for rank in (1, 2)
            ]
            out = LogicalRouterPort(
                name=f"router-{number}-out",
                mac=f"02:00:00:01:00:{number:02x}",
                networks=[f"203.0.113.{number + 1}/24"],
                gateway_chassis=gateways,
            )
            outside.append(_router_link(tx, out.name))
            own = [tx.insert(out), *(_tenant(tx, number, net, range(net, ports, switches)) for net in networks)]
            rules = [
                tx.insert(
                    NAT(type="dnat_and_snat", external_ip=f"203.0.113.{ip + 100}", logical_ip=f"10.{ip}.0.{ip + 2}")
                )
                for ip in range(number, floating_ips, routers)
            ]
            tx.insert(LogicalRouter(name=f"router-{number}", ports=own, nat=rules))
        tx.insert(LogicalSwitch(name="public", ports=outside))


def _tenant(tx: NorthboundTransaction, router: int, net: int, ports: range) -> Ref[LogicalRouterPort]:
    """A switch with its ports, and the router's port to it."""
    router_port = f"router-{router}-net-{net}"
    own = [_router_link(tx, router_port)]
    for port in ports:
        mac = f"02:00:01:{port >> 16:02x}:{port >> 8 & 255:02x}:{port & 255:02x}"
        address = f"{mac} 10.{net % 250}.{port // 250}.{port % 250 + 2}"
        up = port % 10 != 9 and port % 25 != 24
        own.append(tx.insert(LogicalSwitchPort(name=f"vm-{port}", addresses=[address], up=up)))
    tx.insert(LogicalSwitch(name=f"net-{net}", ports=own))
    mac = f"02:00:00:02:{net >> 8:02x}:{net & 255:02x}"
    return tx.insert(LogicalRouterPort(name=router_port, mac=mac, networks=[f"10.{net % 250}.0.1/24"]))


def _router_link(tx: NorthboundTransaction, router_port: str) -> Ref[LogicalSwitchPort]:
    link = LogicalSwitchPort(
        name=f"to-{router_port}", type="router", addresses=["router"], options={"router-port": router_port}
    )
    return tx.insert(link)


def _place(sb: Southbound, *, routers: int, ports: int, hosts: int) -> None:
    with sb.transaction() as tx:
        chassis = [
            tx.insert(
                Chassis(
                    name=f"chassis-{number}",
                    hostname=f"compute-{number}.example.net",
                    encaps=[tx.insert(Encap(type="geneve", ip=f"192.0.2.{number}", chassis_name=f"chassis-{number}"))],
                    other_config={"ovn-bridge-mappings": "physnet1:br-ex"} if number <= 2 else {},
                )
            )
            for number in range(1, hosts + 1)
        ]
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        for key in range(ports):
            place = None if key % 25 == 24 else chassis[key % hosts]
            tx.insert(PortBinding(logical_port=f"vm-{key}", datapath=datapath, tunnel_key=key + 1, chassis=place))
        for number in range(routers):
            tx.insert(
                PortBinding(
                    logical_port=f"cr-router-{number}-out",
                    type="chassisredirect",
                    datapath=datapath,
                    tunnel_key=ports + number + 1,
                    chassis=chassis[0],
                )
            )
