"""Networks to look at: written straight into the two databases, so that ten thousand ports take a second."""

from __future__ import annotations

from ovnkit.northbound import (
    NAT,
    GatewayChassis,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
    Northbound,
)
from ovnkit.southbound import Chassis, DatapathBinding, Encap, PortBinding, Southbound


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
        for number in range(ports):
            place = None if number % 25 == 24 else chassis[number % hosts]
            binding = PortBinding(logical_port=f"vm-{number}", datapath=datapath, tunnel_key=number + 1, chassis=place)
            tx.insert(binding)
        for number in range(routers):
            name = f"cr-router-{number}-out"
            tx.insert(
                PortBinding(
                    logical_port=name,
                    type="chassisredirect",
                    datapath=datapath,
                    tunnel_key=ports + number + 1,
                    chassis=chassis[0],
                )
            )
    with nb.transaction() as nb_tx:
        outside = [
            nb_tx.insert(LogicalSwitchPort(name="provnet", type="localnet", options={"network_name": "physnet1"}))
        ]
        of_router = []
        for number in range(routers):
            gateways = [
                nb_tx.insert(
                    GatewayChassis(name=f"router-{number}-{rank}", chassis_name=f"chassis-{rank}", priority=3 - rank)
                )
                for rank in (1, 2)
            ]
            out = LogicalRouterPort(
                name=f"router-{number}-out",
                mac=f"02:00:00:01:00:{number:02x}",
                networks=[f"203.0.113.{number + 1}/24"],
                gateway_chassis=gateways,
            )
            of_router.append([nb_tx.insert(out)])
            outside.append(_router_link(nb_tx, f"router-{number}-out"))
        nat = [
            NAT(type="dnat_and_snat", external_ip=f"203.0.113.{number + 100}", logical_ip=f"10.{number}.0.10")
            for number in range(floating_ips)
        ]
        for number in range(switches):
            router = number % routers
            name = f"router-{router}-net-{number}"
            own = [_router_link(nb_tx, name)]
            of_router[router].append(
                nb_tx.insert(
                    LogicalRouterPort(
                        name=name,
                        mac=f"02:00:00:02:{number >> 8:02x}:{number & 255:02x}",
                        networks=[f"10.{number % 250}.0.1/24"],
                    )
                )
            )
            for port in range(number, ports, switches):
                own.append(
                    nb_tx.insert(
                        LogicalSwitchPort(
                            name=f"vm-{port}",
                            addresses=[
                                f"02:00:01:{port >> 16:02x}:{port >> 8 & 255:02x}:{port & 255:02x} 10.{number % 250}.{port // 250}.{port % 250 + 2}"
                            ],
                            up=port % 10 != 9 and port % 25 != 24,
                        )
                    )
                )
            nb_tx.insert(LogicalSwitch(name=f"net-{number}", ports=own))
        nb_tx.insert(LogicalSwitch(name="public", ports=outside))
        for number in range(routers):
            rules = [nb_tx.insert(rule) for rule in nat[number::routers]]
            nb_tx.insert(LogicalRouter(name=f"router-{number}", ports=of_router[number], nat=rules))


def _router_link(tx, router_port: str):
    return tx.insert(
        LogicalSwitchPort(
            name=f"to-{router_port}", type="router", addresses=["router"], options={"router-port": router_port}
        )
    )
