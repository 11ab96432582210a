"""Right uses of the typed clients. Only the type checkers run this file."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, assert_type
from uuid import UUID

from ovnkit import Northbound, Southbound, Tls, VSwitch, describe
from ovnkit.northbound import (
    ACL,
    NB,
    LogicalSwitch,
    LogicalSwitchPort,
    Meter,
    MeterBand,
    NBGlobal,
    NorthboundTransaction,
)
from ovnkit.ovsdb import Add, Changes, DatabaseSchema, Event, Exactly, Map, Put, Ref, Remove, Verbatim, Watch, schema_of
from ovnkit.southbound import Chassis, Encap, PortBinding, SouthboundTransaction
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch, Port, VSwitchTransaction


def connecting() -> None:
    Northbound.connect()
    Tls("a", "b", "c", server_name="nb1", verify_name=False)
    Tls("a", "b", "c", server_name={"ssl:192.0.2.1:6641": "nb1"})
    Northbound.connect("ssl:192.0.2.1:6641", tls=Tls(key="a", cert="b", ca="c"), timeout=3, leader_only=True)
    Northbound.connect(monitor={LogicalSwitch: [LogicalSwitch.name], NBGlobal: None, ACL: {"action": "drop"}})
    monitor = {LogicalSwitch: None, NBGlobal: None}
    with Northbound.connect(monitor=monitor) as nb:
        assert_type(nb, Northbound)
        assert_type(nb.has(LogicalSwitch), bool)
        assert_type(nb.has(LogicalSwitch.ports), bool)


def reading(nb: Northbound, sb: Southbound, vs: VSwitch) -> None:
    switch = nb.get(LogicalSwitch, name="web")
    assert_type(switch, LogicalSwitch)
    assert_type(switch.name, str)
    assert_type(switch.ports, frozenset[Ref[LogicalSwitchPort]])
    assert_type(switch.external_ids, Map[str, str])
    assert_type(switch.uuid, UUID)
    assert_type(switch.ref, Ref[LogicalSwitch])
    assert_type([nb[port] for port in switch.ports], list[LogicalSwitchPort])
    port = nb.get(LogicalSwitchPort)
    assert_type(port.up, bool | None)
    assert_type(port.tag, int | None)
    assert_type(port.addresses, frozenset[str])
    assert_type(nb.find(ACL, action="drop", external_ids={"k": "v"}), list[ACL])
    assert_type(nb.find(LogicalSwitch, ports=[port, port.ref], external_ids=Exactly({})), list[LogicalSwitch])
    assert_type(nb.find(LogicalSwitchPort, addresses=("a",), tag=None), list[LogicalSwitchPort])
    assert_type(nb.wait(LogicalSwitchPort, name="vm1", up=True, timeout=30), LogicalSwitchPort)
    assert_type(nb.wait(LogicalSwitchPort, timeout=None), LogicalSwitchPort)
    nb.wait_gone(LogicalSwitchPort, name="vm1", timeout=0.5)
    assert_type(sb.get(Chassis, name="hv1"), Chassis)
    assert_type(sb.find(PortBinding, logical_port="vm1"), list[PortBinding])
    assert_type(vs.get(OpenVSwitch).bridges, frozenset[Ref[Bridge]])
    assert_type(vs.find(Interface, name="eth0"), list[Interface])
    external_ids: Mapping[str, str] = switch.external_ids
    nb.find(LogicalSwitch, external_ids=external_ids)


def watching(nb: Northbound) -> None:
    def call(event: Event[LogicalSwitchPort]) -> None:
        assert_type(event.after, LogicalSwitchPort | None)

    with nb.watch(LogicalSwitchPort, type="router") as events:
        assert_type(events, Watch[LogicalSwitchPort])
        for event in events:
            assert_type(event, Event[LogicalSwitchPort])
        assert_type(events.next(timeout=1).before, LogicalSwitchPort | None)
    nb.on_change(LogicalSwitchPort, call).close()


def writing(nb: Northbound, switch: LogicalSwitch, port: LogicalSwitchPort) -> None:
    with nb.transaction(comment="why", timeout=3, durable=True) as tx:
        assert_type(tx, NorthboundTransaction)
        new = tx.insert(LogicalSwitchPort(name="vm2", addresses=["dynamic"], tag=7, enabled=True))
        assert_type(new, Ref[LogicalSwitchPort])
        assert_type(tx[new], LogicalSwitchPort)
        tx.insert(LogicalSwitch(name="web", ports=[new, port], external_ids={"k": "v"}))
        band = tx.insert(MeterBand(action="drop", rate=10))
        tx.insert(Meter(name="m", unit="kbps", bands=[band]))
        tx.insert(ACL(action="allow-related", direction="to-lport", match="ip4", severity="info"))
        tx.update(switch, ports=Add(new, port), external_ids=Put({"owner": "me"}), name="www")
        tx.update(switch, ports=Remove(port.ref), external_ids=Remove("owner"), copp=None)
        tx.update(port, addresses=["02:00:00:00:00:01 10.0.0.9"], tag=None)
        tx.delete(port)
        tx.delete(new)
        tx.check(switch)
        tx.check_none(LogicalSwitch, name="db")
        assert_type(tx.get(LogicalSwitch, name="web"), LogicalSwitch)
        assert_type(tx.find(LogicalSwitchPort, name="vm1"), list[LogicalSwitchPort])
        assert_type(tx.changes(), Changes)
        assert_type(tx.submit(), Future[None])

    def body(tx: NorthboundTransaction) -> int:
        return len(tx.find(LogicalSwitch))

    assert_type(nb.transact(body, "why", timeout=3), int)


def operating(nb: Northbound) -> None:
    assert_type(nb.add_acl(switch="web", direction="to-lport", priority=1, match="ip4", action="drop"), Changes)
    nb.add_port_group("web", ports=["vm1"])
    nb.add_address_set("hosts", addresses={Verbatim("anything")}, dry_run=True)
    nb.add_load_balancer("lb", vips={"192.0.2.1:80": ["10.0.0.4:80"]}, protocol="tcp", routers=("r",))
    nb.add_route("r", "0.0.0.0/0", "192.0.2.254", policy="src-ip")
    nb.add_policy("r", priority=1, match="ip4", action="reroute", nexthops=["10.0.0.9"])
    nb.add_dns("web", {"vm1.example": ["10.0.0.4"]})
    nb.add_qos("web", direction="from-lport", priority=1, match="ip4", rate=1000, dscp=10)
    nb.add_static_mac("rp", "192.0.2.254", "02:00:00:00:00:01")
    assert_type(nb.remove_acl(port_group="web", direction="to-lport", priority=1, match="ip4"), Changes)


def models(port: LogicalSwitchPort) -> None:
    key: str = LogicalSwitchPort.options.ROUTER_PORT
    assert_type(port.options.get(key), str | None)
    describe(LogicalSwitchPort)
    describe(LogicalSwitchPort.options, LogicalSwitchPort.options.ROUTER_PORT)
    assert_type(port.extra["newer"], Any)
    assert_type(schema_of(NB, "25.03"), DatabaseSchema)


def other_databases(sb: Southbound, vs: VSwitch, port: Port) -> None:
    with sb.transaction() as stx:
        assert_type(stx, SouthboundTransaction)
        encap = stx.insert(Encap(type="geneve", ip="192.0.2.1", chassis_name="hv1"))
        assert_type(stx.insert(Chassis(name="hv1", encaps=[encap])), Ref[Chassis])
    with vs.transaction() as vtx:
        assert_type(vtx, VSwitchTransaction)
        vtx.update(vs.get(OpenVSwitch), external_ids=Put({"ovn-encap-type": "geneve"}))
        vtx.update(vs.get(Bridge, name="br0"), ports=Add(port), fail_mode="secure")
