"""A cloud of three hosts on this machine, with the network of a shop in it: what the notebooks look at.

As root, for the lab makes network namespaces:

    sudo .venv/bin/jupyter lab --allow-root examples/notebooks
"""

from __future__ import annotations

import ovnkit
from ovnkit import Network, deploy
from ovnkit.lab import Lab
from ovnkit.northbound import NorthboundTransaction

WEB = "10.0.1.0/24"
DB = "10.0.2.0/24"
PORTS = {
    "web1": ("web", "02:00:00:00:01:11", "10.0.1.11"),
    "web2": ("web", "02:00:00:00:01:12", "10.0.1.12"),
    "db1": ("db", "02:00:00:00:02:11", "10.0.2.11"),
}
HOSTS = {"web1": "cmp1", "web2": "cmp2", "db1": "cmp2"}


def start() -> Lab:
    """Three hosts with OVN deployed on them: ctl, which leads outside, cmp1 and cmp2. ``stop()`` removes all of it."""
    cluster = Lab(hosts=("ctl", "cmp1", "cmp2"), gateways=("ctl",)).start()
    report = deploy.plan(cluster.spec).apply()
    assert report.ok, report
    return cluster


def connect(cluster: Lab) -> Network:
    """Its databases: Northbound, Southbound, and that of each host."""
    hosts = [host.remote for host in cluster.hosts]
    return ovnkit.connect(cluster.northbound.remote, cluster.southbound.remote, hosts)


def open_shop(cluster: Lab) -> None:
    """Two web servers that the world may ask, and a database that only they may ask, each in a virtual machine."""
    nb = cluster.northbound
    with nb.transaction(comment="a shop") as tx:
        lay_network(tx, cluster.spec.host("ctl").system_id)
        protect_database(tx)
    for name, host in HOSTS.items():
        switch, _, address = PORTS[name]
        gateway = WEB if switch == "web" else DB
        cluster.add_vm(name, host=host, address=f"{address}/24", gateway=gateway.replace(".0/24", ".1"))
    nb.sync("hv", timeout=20)


def lay_network(tx: NorthboundTransaction, gateway: str) -> None:
    """Switches, a router with a way to the outside, ports, and a floating IP for the first web server."""
    tx.add_router("shop")
    for switch, network, mac in (("web", WEB, "02:00:00:00:01:01"), ("db", DB, "02:00:00:00:02:01")):
        tx.add_switch(switch)
        tx.connect_router(switch, "shop", networks=[network.replace(".0/", ".1/")], mac=mac)
    for name, (switch, mac, address) in PORTS.items():
        tx.add_switch_port(switch, name, addresses=[f"{mac} {address}"])
    tx.add_provider_network("physnet1", switch="outside")
    tx.connect_router(
        "outside", "shop", networks=["203.0.113.2/24"], mac="02:00:00:00:03:02", default_route="203.0.113.1"
    )
    tx.set_gateway("lrp-shop-outside", gateway)
    tx.add_snat("shop", external_ip="203.0.113.2", logical_ip=WEB)
    tx.add_floating_ip("shop", "203.0.113.10", PORTS["web1"][2])


def protect_database(tx: NorthboundTransaction) -> None:
    """Let through to the database what the web servers ask of it, and nothing else."""
    tx.add_port_group("database", ports=["db1"])
    asked, rest = f"outport == @database && ip4.src == {WEB} && tcp.dst == 5432", "outport == @database && ip4"
    tx.add_acl(port_group="database", direction="to-lport", priority=1002, match=asked, action="allow-related")
    tx.add_acl(port_group="database", direction="to-lport", priority=1001, match=rest, action="drop", name="db-only")
