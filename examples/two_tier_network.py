"""A network of two tiers: web servers with a way to the outside, and a database that only they may ask.

On a machine that reaches the central databases (OVN_NB_DB and OVN_SB_DB, or their sockets):

    python examples/two_tier_network.py

What runs the virtual machines then binds the ports web1 and db1 to their interfaces. Run again, it changes nothing.
"""

from __future__ import annotations

import sys

from ovnkit import Northbound, OvnkitError, Southbound, topology
from ovnkit.northbound import NorthboundTransaction
from ovnkit.ovsdb import Changes

PHYSNET = "physnet1"
OUTSIDE = "203.0.113.1"
ROUTER = "203.0.113.2"
FLOATING_IP = "203.0.113.10"
TIERS = {"web": "10.0.1.0/24", "db": "10.0.2.0/24"}
PORTS = {"web1": ("web", "02:00:00:00:01:11", "10.0.1.11"), "db1": ("db", "02:00:00:00:02:11", "10.0.2.11")}


def build(tx: NorthboundTransaction, gateways: list[str]) -> Changes:
    """All of it in one transaction; returns what changes."""
    tx.add_router("shop")
    for tier, network in TIERS.items():
        router = network.replace(".0/", ".1/")
        tx.add_switch(tier)
        tx.connect_router(tier, "shop", networks=[router])
        tx.add_dhcp(tier, network, server_id=router.split("/")[0], router=router.split("/")[0], mtu=1400)
    for port, (tier, mac, address) in PORTS.items():
        tx.add_switch_port(tier, port, addresses=[f"{mac} {address}"], dhcp=TIERS[tier])

    tx.add_provider_network(PHYSNET, switch="outside")
    tx.connect_router("outside", "shop", networks=[f"{ROUTER}/24"], default_route=OUTSIDE)
    tx.set_gateway("lrp-shop-outside", *gateways)
    tx.add_snat("shop", external_ip=ROUTER, logical_ip=TIERS["web"])
    tx.add_floating_ip("shop", FLOATING_IP, PORTS["web1"][2])

    protect_database(tx)
    return tx.changes()


def protect_database(tx: NorthboundTransaction) -> None:
    """Let through to the database what the web tier asks of it, and nothing else."""
    tx.add_port_group("database", ports=[name for name, (tier, _, _) in PORTS.items() if tier == "db"])
    tx.add_address_set("web", addresses=[TIERS["web"]])
    asked = "outport == @database && ip4.src == $web && tcp.dst == 5432"
    rest = "outport == @database && ip4"
    tx.add_acl(port_group="database", direction="to-lport", priority=1002, match=asked, action="allow-related")
    tx.add_acl(port_group="database", direction="to-lport", priority=1001, match=rest, action="drop")


def main() -> int:
    try:
        with Northbound.connect() as nb, Southbound.connect() as sb:
            gateways = [gateway.chassis.name for gateway in sb.gateways()]
            if not gateways:
                print("no chassis is a gateway: VSwitch.enable_gateway() makes one", file=sys.stderr)
                return 1
            changes = nb.transact(lambda tx: build(tx, gateways), "two_tier_network.py")
            nb.sync()
            print(changes)
            print()
            print(topology.of(nb, sb))
    except OvnkitError as error:
        print(f"two_tier_network.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
