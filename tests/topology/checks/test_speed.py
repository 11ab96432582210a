"""How long it takes to look through a large network, which is healthy. Its rows are made here, without a server."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid5

import msgspec

from ovnkit.northbound import Northbound
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.server import find_schema
from ovnkit.southbound import Southbound
from ovnkit.topology.checks import check

SWITCHES = 50
PORTS_PER_SWITCH = 200
CHASSIS = 100
SECONDS = 2.0
"""Of the processor: other things may run beside it."""

Rows = dict[str, dict[UUID, bytes]]


def uid(name: str) -> UUID:
    return uuid5(UUID(int=1), name)


def ref(name: str) -> list[str]:
    return ["uuid", str(uid(name))]


def refs(names: list[str]) -> list[Any]:
    return ["set", [ref(name) for name in names]]


def words(**pairs: str) -> list[Any]:
    return ["map", [[key, value] for key, value in pairs.items()]]


class Large:
    """The rows of both databases."""

    def __init__(self) -> None:
        self.nb: Rows = {}
        self.sb: Rows = {}
        add = self.add
        add(self.nb, "NB_Global", "nb global", nb_cfg=1, sb_cfg=1, hv_cfg=1)
        add(self.sb, "SB_Global", "sb global", nb_cfg=1)
        for number in range(CHASSIS):
            name = f"hv{number}"
            add(self.sb, "Encap", f"encap {name}", type="geneve", ip=f"192.0.2.{number}", chassis_name=name)
            add(self.sb, "Chassis", name, name=name, hostname=f"host{number}", encaps=ref(f"encap {name}"))
            add(self.sb, "Chassis_Private", f"private {name}", name=name, chassis=ref(name), nb_cfg=1)
        for number in range(SWITCHES):
            self.add_switch(number)

    def add(self, rows: Rows, table: str, known_as: str, **columns: Any) -> None:
        rows.setdefault(table, {})[uid(known_as)] = msgspec.json.encode(columns)

    def add_switch(self, number: int) -> None:
        add, name, router = self.add, f"net{number}", f"r{number}"
        ports = [f"{name}-{place}" for place in range(PORTS_PER_SWITCH)]
        options = words(server_id="10.0.0.1", server_mac="02:00:00:00:ff:01", lease_time="3600")
        add(self.nb, "DHCP_Options", f"dhcp {name}", cidr=f"10.{number}.0.0/16", options=options)
        add(self.nb, "Logical_Switch", name, name=name, ports=refs([*ports, f"{name}-r"]))
        add(self.nb, "Logical_Router", router, name=router, ports=ref(f"lrp {name}"))
        mac = "02:00:00:00:ff:01"
        add(self.nb, "Logical_Router_Port", f"lrp {name}", name=f"lrp {name}", mac=mac, networks=f"10.{number}.0.1/16")
        add(
            self.nb,
            "Logical_Switch_Port",
            f"{name}-r",
            name=f"{name}-r",
            type="router",
            addresses="router",
            options=words(**{"router-port": f"lrp {name}"}),
        )
        for kind, known_as, key in (("switch", name, 2 * number + 1), ("router", router, 2 * number + 2)):
            ids = words(**{f"logical-{kind}": str(uid(known_as))})
            add(self.sb, "Datapath_Binding", f"datapath {known_as}", tunnel_key=key, external_ids=ids)
        for place, own in enumerate(ports):
            address = f"02:00:00:{number:02x}:{place >> 8:02x}:{place & 255:02x} 10.{number}.1.{place}"
            add(
                self.nb,
                "Logical_Switch_Port",
                own,
                name=own,
                addresses=address,
                up=True,
                dhcpv4_options=ref(f"dhcp {name}"),
                options=words(**{"requested-chassis": f"host{place % CHASSIS}"}),
            )
            self.bind(own, name, place + 1, chassis=ref(f"hv{place % CHASSIS}"), up=True)
        self.bind(f"{name}-r", name, PORTS_PER_SWITCH + 1, type="patch")
        self.bind(f"lrp {name}", router, 1, type="patch")

    def bind(self, port: str, owner: str, key: int, **columns: Any) -> None:
        datapath = ref(f"datapath {owner}")
        self.add(
            self.sb, "Port_Binding", f"binding {port}", logical_port=port, datapath=datapath, tunnel_key=key, **columns
        )


def contents(schema: str, rows: Rows) -> Contents:
    return Contents(DatabaseSchema.from_json(msgspec.json.decode(find_schema(schema).read_bytes())), rows)


def test_ten_thousand_ports_with_their_placement_are_looked_through_in_two_seconds() -> None:
    made = Large()
    with (
        Northbound.over(contents("ovn-nb.ovsschema", made.nb), "nb") as nb,
        Southbound.over(contents("ovn-sb.ovsschema", made.sb), "sb") as sb,
    ):
        began = time.process_time()
        findings = check(nb, sb)
        took = time.process_time() - began
    assert not findings, str(findings)
    assert took < SECONDS


def outside(routers: int) -> Rows:
    """The Northbound rows of routers with a floating IP each, all on one switch."""
    rows: Rows = {}

    def add(table: str, known_as: str, **columns: Any) -> None:
        rows.setdefault(table, {})[uid(known_as)] = msgspec.json.encode(columns)

    for number in range(routers):
        end, port = f"{number >> 8}.{number & 255}", f"lrp{number}"
        mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        add("NAT", f"nat{number}", type="dnat_and_snat", external_ip=f"198.18.{end}", logical_ip="10.0.0.5")
        add("Gateway_Chassis", f"gateway{number}", name=f"gateway{number}", chassis_name="hv1", priority=1)
        gateways = ref(f"gateway{number}")
        add("Logical_Router_Port", port, name=port, mac=mac, networks=f"172.16.{end}/12", gateway_chassis=gateways)
        add("Logical_Router", f"r{number}", name=f"r{number}", ports=ref(port), nat=ref(f"nat{number}"))
        options = words(**{"router-port": port})
        add("Logical_Switch_Port", f"to {port}", name=f"to {port}", type="router", addresses="router", options=options)
    options = words(network_name="physnet1")
    add("Logical_Switch_Port", "localnet", name="localnet", type="localnet", addresses="unknown", options=options)
    ports = ["localnet", *(f"to lrp{number}" for number in range(routers))]
    add("Logical_Switch", "public", name="public", ports=refs(ports))
    return rows


def test_a_thousand_routers_on_one_switch_are_looked_through_in_two_seconds() -> None:
    with Northbound.over(contents("ovn-nb.ovsschema", outside(1000)), "nb") as nb:
        began = time.process_time()
        findings = check(nb, only=["OVN203", "OVN401", "OVN406"])
        took = time.process_time() - began
    assert not findings, str(findings)
    assert took < SECONDS
