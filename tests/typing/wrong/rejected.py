"""Wrong uses, one on each marked line. The type checkers must object to these lines and to no others."""

from __future__ import annotations

from typing import Any

from ovnkit import Northbound, Southbound, VSwitch, describe
from ovnkit.northbound import ACL, LogicalSwitch, LogicalSwitchPort, Meter, NorthboundTransaction
from ovnkit.northbound import Connection as NorthboundConnection
from ovnkit.ovsdb import Add, Event, Put, Ref, Remove, schema_of
from ovnkit.southbound import Chassis, PortBinding
from ovnkit.southbound import Connection as SouthboundConnection
from ovnkit.vswitch import Bridge


def reading(nb: Northbound, sb: Southbound, vs: VSwitch, chassis: Ref[Chassis]) -> None:
    nb.get(LogicalSwitch, name="right")
    nb.get(LogicalSwitch, nam="web")  # wrong: column
    nb.get(LogicalSwitch, name=5)  # wrong: type
    nb.get(LogicalSwitch, name=None)  # wrong: a scalar is always set
    nb.get(LogicalSwitch, "web")  # wrong: positional
    nb.get("Logical_Switch")  # wrong: not a row class
    nb.find(ACL, action="dorp")  # wrong: word
    nb.find(LogicalSwitchPort, addresses="dynamic")  # wrong: a lone string is no set
    nb.find(LogicalSwitchPort, addresses=[1])  # wrong: type of the members
    nb.find(LogicalSwitch, external_ids={"k": 1})  # wrong: type of the values
    nb.find(LogicalSwitch, ports=[chassis])  # wrong: row class in a reference
    nb.find(LogicalSwitch, timeout=3)  # wrong: find does not wait
    nb.wait(LogicalSwitch, timeout="3")  # wrong: type of the timeout
    nb.get(Chassis, name="hv1")  # wrong: another database
    nb.find(SouthboundConnection)  # wrong: another database with a table of the same name
    nb.watch(PortBinding)  # wrong: another database
    nb.wait_gone(Bridge)  # wrong: another database
    sb.get(LogicalSwitch)  # wrong: another database
    vs.find(NorthboundConnection)  # wrong: another database
    nb.has(Chassis)  # wrong: another database
    print(nb.get(LogicalSwitch).no_such_column)  # wrong: column
    nb.get(LogicalSwitch).name = "x"  # wrong: rows are immutable
    nb.get(LogicalSwitch).external_ids["k"] = "v"  # wrong: maps are immutable
    print(nb.get(LogicalSwitchPort).tag + 1)  # wrong: may be unset
    port: LogicalSwitchPort = nb.get(LogicalSwitch)  # wrong: row class
    print(port)


def making(chassis: Ref[Chassis]) -> None:
    LogicalSwitch(nam="web")  # wrong: column
    LogicalSwitch(name=5)  # wrong: type
    LogicalSwitch("web")  # wrong: positional
    LogicalSwitch(ports=[chassis])  # wrong: row class in a reference
    LogicalSwitchPort(addresses="dynamic")  # wrong: a lone string is no set
    LogicalSwitchPort(tag="7")  # wrong: type
    ACL(match="ip4")  # wrong: a required column is missing
    ACL(action="dorp", direction="to-lport")  # wrong: word
    Meter(name="m", unit="kbps")  # wrong: a required column is missing


def writing(tx: NorthboundTransaction, switch: LogicalSwitch, port: LogicalSwitchPort, chassis: Chassis) -> None:
    tx.update(switch, nam="x")  # wrong: column
    tx.update(switch, name=5)  # wrong: type
    tx.update(port, addresses="dynamic")  # wrong: a lone string is no set
    tx.update(port, addresses=Add(1))  # wrong: type of the members
    tx.update(switch, ports=Add("vm1"))  # wrong: a name is no reference
    tx.update(switch, ports=Add(switch))  # wrong: row class in a reference
    tx.update(switch, external_ids=Put({"k": 1}))  # wrong: type of the values
    tx.update(switch, external_ids=Add("k"))  # wrong: Add is for sets
    tx.update(switch, external_ids=Remove(1))  # wrong: type of the keys
    tx.update(switch, name=Add("x"))  # wrong: Add is for sets
    tx.update(chassis, name="x")  # wrong: another database
    tx.update(switch.ref, name="x")  # wrong: a reference has no columns
    tx.insert(chassis)  # wrong: another database
    tx.insert(switch.ref)  # wrong: not a row
    tx.delete(chassis)  # wrong: another database
    tx.delete(chassis.ref)  # wrong: another database
    tx.check(chassis)  # wrong: another database
    tx.check_none(Chassis, name="hv1")  # wrong: another database
    tx.check_none(LogicalSwitch, nam="x")  # wrong: column


def operating(nb: Northbound) -> None:
    nb.add_acl(switch="web", direction="to-lport", priority=1, match="ip4", action="dorp")  # wrong: word
    nb.add_acl(switch="web", direction="in", priority=1, match="ip4", action="drop")  # wrong: word
    nb.add_acl(switch="web", direction="to-lport", priority="1", match="ip4", action="drop")  # wrong: type
    nb.add_acl("web", direction="to-lport", priority=1, match="ip4", action="drop")  # wrong: positional
    nb.remove_acl(switch="web", priority=1, match="ip4")  # wrong: part of the identity is missing
    nb.add_port_group("web", ports="vm1")  # wrong: a lone string is no set
    nb.add_address_set("hosts", addresses="10.0.0.4")  # wrong: a lone string is no set
    nb.add_load_balancer("lb", vips=["192.0.2.1:80"])  # wrong: not a map
    nb.add_load_balancer("lb", vips={"192.0.2.1:80": [80]})  # wrong: type of the backends
    nb.add_load_balancer("lb", protocol="icmp")  # wrong: word
    nb.add_route("r", "0.0.0.0/0", "192.0.2.254", policy="src")  # wrong: word
    nb.add_route("r", "0.0.0.0/0")  # wrong: a nexthop is missing
    nb.add_policy("r", priority=1, match="ip4", action="jmp")  # wrong: word
    nb.add_dns("web", {"vm1.example": 10})  # wrong: type of the answers
    nb.add_qos("web", direction="from-lport", priority=1, match="ip4", rate="1000")  # wrong: type
    nb.add_static_mac("rp", "192.0.2.254")  # wrong: a MAC address is missing
    nb.remove_route("r", ["0.0.0.0/0"])  # wrong: type


def models(port: LogicalSwitchPort, chassis: Ref[Chassis]) -> None:
    print(LogicalSwitchPort.options.ROUTER_POTR)  # wrong: key
    print(LogicalSwitchPort.adresses)  # wrong: column
    describe("Logical_Switch_Port")  # wrong: not a row class
    describe(port)  # wrong: a row, not its class
    schema_of("OVN_Northbound")  # wrong: not a client's class
    print(port.extra.newer)  # wrong: a map has keys


def calling(nb: Northbound) -> None:
    def of_another_row(event: Event[LogicalSwitch]) -> None: ...
    def of_any(event: Event[Any]) -> None: ...

    nb.on_change(LogicalSwitchPort, of_any)
    nb.on_change(LogicalSwitchPort, of_another_row)  # wrong: row class
    nb.transaction(1)  # wrong: type of the comment
    Northbound.connect(6641)  # wrong: type of the remote
    Northbound.connect(monitor={"Logical_Switch": None})  # wrong: not a row class
    Northbound.connect(monitor={Chassis: None})  # wrong: a table of another database
