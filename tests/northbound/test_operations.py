"""Every operation from random starting states: twice changes nothing more, and a dry run names what is then done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit import Northbound
from ovnkit.errors import Conflict, NotFound, NotUnique
from ovnkit.northbound import (
    NAT,
    DHCPOptions,
    GatewayChassis,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
    NorthboundTransaction,
)
from tests.operations import check_operation, clear

Step = tuple[str, dict[str, Any]]
Edit = Callable[[NorthboundTransaction], object]

SWITCHES = st.sampled_from(["web", "db", "physnet1"])
TARGETS = st.sampled_from(["pssl:6641", "pssl:16641:192.0.2.1"])
ROUTERS = st.sampled_from(["r1", "r2"])
PORTS = st.sampled_from(["vm1", "vm2", "lrp-r1-web", "lsp-web-r1", "metadata-web", "provnet-physnet1"])
ROUTER_PORTS = st.sampled_from(["lrp-r1-web", "lrp-r1-physnet1", "lrp-r2-web", "gate", "vm1"])
MACS = st.sampled_from(["02:00:00:00:00:01", "02:00:00:00:00:02"])
CHASSIS = st.lists(st.sampled_from(["gw1", "gw2", "gw3"]), min_size=1, max_size=3, unique=True)
CIDRS = st.sampled_from(["10.0.0.0/24", "10.1.0.0/24"])
INNER = st.sampled_from(["10.0.0.8", "10.0.0.9"])
OUTER = st.sampled_from(["192.0.2.11", "192.0.2.12"])
TRIED: set[str] = set()
GROUPS = st.sampled_from(["g1", "g2"])
RULE: dict[str, Any] = {
    "direction": st.just("to-lport"),
    "priority": st.integers(1, 2),
    "match": st.sampled_from(["ip4", "ip6"]),
}
PARENTS: list[dict[str, Any]] = [{"switch": SWITCHES}, {"port_group": GROUPS}]
ACTIONS = st.sampled_from(["drop", "allow"])
POLICY: dict[str, Any] = {"priority": st.integers(1, 2), "match": st.just("ip4")}
MAPS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), max_size=2)


def step(name: str, /, *, maybe: dict[str, st.SearchStrategy[Any]] | None = None, **needed: Any) -> Any:
    """An operation with its arguments; of ``maybe`` any part."""
    TRIED.add(name)
    return st.tuples(st.just(name), st.fixed_dictionaries(needed, optional=maybe or {}))


DISTRIBUTED: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.fixed_dictionaries({"logical_port": st.just("vm1"), "external_mac": MACS})
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    step("add_switch", name=SWITCHES, maybe={"subnet": CIDRS, "other_config": MAPS, "external_ids": MAPS}),
    step("remove_switch", name=SWITCHES),
    step(
        "add_switch_port",
        switch=SWITCHES,
        port=PORTS,
        maybe={
            "addresses": st.sampled_from([["unknown"], ["dynamic"], ["02:00:00:00:00:01 10.0.0.9"], []]),
            "port_security": st.sampled_from([["02:00:00:00:00:01"], []]),
            "dhcp": CIDRS,
            "type": st.sampled_from(["", "localport", "localnet", "router"]),
            "options": MAPS,
            "enabled": st.booleans(),
            "tag": st.integers(1, 2),
            "external_ids": MAPS,
        },
    ),
    step("remove_switch_port", switch=SWITCHES, port=PORTS),
    step("add_router", name=ROUTERS, maybe={"enabled": st.booleans(), "options": MAPS, "external_ids": MAPS}),
    step("remove_router", name=ROUTERS),
    step(
        "connect_router",
        switch=SWITCHES,
        router=ROUTERS,
        networks=st.sampled_from([["10.0.0.1/24"], ["192.0.2.10/24"]]),
        maybe={
            "mac": MACS,
            "default_route": st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
            "router_port": ROUTER_PORTS,
            "switch_port": PORTS,
            "options": MAPS,
        },
    ),
    step("disconnect_router", switch=SWITCHES, router=ROUTERS, maybe={"router_port": ROUTER_PORTS}),
    step("add_provider_network", physnet=st.sampled_from(["physnet1", "physnet2"]), maybe={"switch": SWITCHES}),
    step("add_provider_network", physnet=st.just("physnet1"), switch=SWITCHES, vlan=st.integers(1, 2)),
    step("remove_provider_network", physnet=st.just("physnet1"), maybe={"switch": SWITCHES}),
    step("set_gateway", router_port=ROUTER_PORTS, chassis=CHASSIS),
    step("unset_gateway", router_port=ROUTER_PORTS),
    step("add_snat", router=ROUTERS, external_ip=OUTER, logical_ip=st.one_of(CIDRS, INNER)),
    step("remove_snat", router=ROUTERS, logical_ip=st.one_of(CIDRS, INNER)),
    st.builds(
        lambda plain, distributed: (plain[0], {**plain[1], **distributed}),
        step("add_floating_ip", router=ROUTERS, external_ip=OUTER, logical_ip=INNER),
        DISTRIBUTED,
    ),
    step("remove_floating_ip", router=ROUTERS, external_ip=OUTER),
    step(
        "add_dhcp",
        switch=SWITCHES,
        cidr=CIDRS,
        server_id=st.just("10.0.0.1"),
        maybe={
            "router": st.sampled_from(["10.0.0.1", "10.0.0.254"]),
            "mtu": st.sampled_from([1400, 1500]),
            "dns": st.sampled_from([["10.0.0.3"], ["10.0.0.3", "10.0.0.2"]]),
            "routes": st.dictionaries(CIDRS, INNER, max_size=2),
            "metadata": st.booleans(),
            "ports": st.lists(PORTS, max_size=2),
        },
    ),
    step("remove_dhcp", switch=SWITCHES, cidr=CIDRS),
    step("add_metadata_port", switch=SWITCHES, address=INNER, maybe={"mac": MACS, "port": PORTS}),
    step("remove_metadata_port", switch=SWITCHES, maybe={"port": PORTS}),
    step("add_port_group", name=GROUPS, maybe={"ports": st.lists(PORTS, max_size=2), "external_ids": MAPS}),
    step("remove_port_group", name=GROUPS),
    step("add_address_set", name=GROUPS, maybe={"addresses": st.lists(st.one_of(CIDRS, INNER), max_size=2)}),
    step("remove_address_set", name=GROUPS),
    *(step("add_acl", **parent, **RULE, action=ACTIONS, maybe={"log": st.booleans()}) for parent in PARENTS),
    *(step("remove_acl", **parent, **RULE) for parent in PARENTS),
    step("add_qos", switch=SWITCHES, **RULE, maybe={"rate": st.integers(1, 2), "dscp": st.integers(0, 1)}),
    step("remove_qos", switch=SWITCHES, **RULE),
    step(
        "add_route",
        router=ROUTERS,
        prefix=CIDRS,
        nexthop=st.sampled_from(["10.0.0.8", "10.0.0.9", "discard"]),
        maybe={"ecmp": st.booleans(), "policy": st.sampled_from(["src-ip", "dst-ip"]), "output_port": ROUTER_PORTS},
    ),
    step("remove_route", router=ROUTERS, prefix=CIDRS, maybe={"nexthop": INNER}),
    step("add_policy", router=ROUTERS, **POLICY, action=st.sampled_from(["drop", "allow"])),
    step(
        "add_policy",
        router=ROUTERS,
        **POLICY,
        action=st.just("reroute"),
        nexthops=st.lists(INNER, min_size=1, max_size=2),
    ),
    step("remove_policy", router=ROUTERS, **POLICY),
    step("add_static_mac", router_port=ROUTER_PORTS, ip=INNER, mac=MACS, maybe={"override_dynamic": st.booleans()}),
    step("remove_static_mac", router_port=ROUTER_PORTS, ip=INNER),
    step("add_listener", target=TARGETS, maybe={"inactivity_probe": st.sampled_from([1000, 5000])}),
    step("remove_listener", target=TARGETS),
    step(
        "add_load_balancer",
        name=GROUPS,
        maybe={
            "vips": st.dictionaries(OUTER, st.lists(INNER, max_size=2), max_size=2),
            "protocol": st.sampled_from(["tcp", "udp"]),
            "switches": st.lists(SWITCHES, max_size=2),
            "routers": st.lists(ROUTERS, max_size=2),
        },
    ),
    step(
        "remove_load_balancer",
        name=GROUPS,
        maybe={"vips": st.lists(OUTER, max_size=2), "switches": st.lists(SWITCHES, max_size=1)},
    ),
    step("add_dns", switch=SWITCHES, records=st.dictionaries(st.sampled_from(["vm1", "VM2"]), INNER, max_size=2)),
    step("remove_dns", switch=SWITCHES),
)


def second_switch(tx: NorthboundTransaction) -> None:
    tx.insert(LogicalSwitch(name="web"))


def unmarked(tx: NorthboundTransaction) -> None:
    classes: tuple[Any, ...] = (
        LogicalSwitch,
        LogicalSwitchPort,
        LogicalRouterPort,
        DHCPOptions,
        LogicalRouterStaticRoute,
    )
    for row_class in classes:
        for row in tx.find(row_class):
            tx.update(row, external_ids={})


def foreign_rules(tx: NorthboundTransaction) -> None:
    for router in tx.find(LogicalRouter):
        rule = tx.insert(NAT(type="snat", logical_ip="10.0.0.0/24", external_ip="192.0.2.99"))
        route = tx.insert(LogicalRouterStaticRoute(ip_prefix="0.0.0.0/0", nexthop="192.0.2.1"))
        tx.update(router, nat=router.nat | {rule}, static_routes=router.static_routes | {route})


def nat_through_ports(tx: NorthboundTransaction) -> None:
    for router in tx.find(LogicalRouter):
        for ref in router.nat:
            tx.update(tx[ref], gateway_port=next(iter(sorted(router.ports)), None))


def half_links(tx: NorthboundTransaction) -> None:
    for port in tx.find(LogicalSwitchPort, type="router"):
        tx.delete(port)


def foreign_gateways(tx: NorthboundTransaction) -> None:
    for port in tx.find(LogicalRouterPort):
        if not port.gateway_chassis:
            row = GatewayChassis(name=f"{port.name}_gw2", chassis_name="gw1", priority=9)
            tx.update(port, gateway_chassis=[tx.insert(row)])


EDITS: st.SearchStrategy[Edit] = st.sampled_from(
    [second_switch, unmarked, foreign_rules, nat_through_ports, half_links, foreign_gateways]
)
BASE: list[Step] = [
    ("add_switch", {"name": "web"}),
    ("add_router", {"name": "r1"}),
    ("connect_router", {"switch": "web", "router": "r1", "networks": ["10.0.0.1/24"]}),
    ("add_provider_network", {"physnet": "physnet1"}),
    ("connect_router", {"switch": "physnet1", "router": "r1", "networks": ["192.0.2.10/24"]}),
    ("add_switch_port", {"switch": "web", "port": "vm1"}),
    ("add_metadata_port", {"switch": "web", "address": "10.0.0.2"}),
    ("add_dhcp", {"switch": "web", "cidr": "10.0.0.0/24", "server_id": "10.0.0.1", "metadata": True, "ports": ["vm1"]}),
    ("set_gateway", {"router_port": "lrp-r1-physnet1", "chassis": ["gw1", "gw2"]}),
    ("add_snat", {"router": "r1", "external_ip": "192.0.2.11", "logical_ip": "10.0.0.0/24"}),
    ("add_floating_ip", {"router": "r1", "external_ip": "192.0.2.12", "logical_ip": "10.0.0.9"}),
]


def call(on: Any, operation: Step, *, dry_run: bool) -> Any:
    name, arguments = operation
    chassis = arguments.get("chassis", ())
    rest = {key: value for key, value in arguments.items() if key != "chassis"}
    if chassis:
        return on.set_gateway(rest["router_port"], *chassis, dry_run=dry_run)
    return getattr(on, name)(dry_run=dry_run, **rest)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.integers(-3 * len(BASE), len(BASE)).map(lambda number: number if number >= 0 else len(BASE)),
    st.lists(st.one_of(STEPS, STEPS, STEPS, STEPS, EDITS), min_size=1, max_size=12),
)
def test_operations_keep_their_promises_from_any_state(
    client: Northbound, built: int, steps: list[Step | Edit]
) -> None:
    clear(client)
    for operation in BASE[:built]:
        call(client, operation, dry_run=False)
    for item in steps:
        if callable(item):
            client.transact(item)
            continue
        try:
            check_operation(client, lambda on, dry_run, item=item: call(on, item, dry_run=dry_run))  # type: ignore[misc]
        except (NotFound, NotUnique):
            pass
        except Conflict as refusal:
            # One that the server found would mean that the operation's own guards contradict it.
            if refusal.operation is not None:
                raise


def test_every_operation_is_tried() -> None:
    operations = {
        name
        for owner in Northbound.__mro__
        if owner.__module__.startswith("ovnkit.northbound") and owner is not Northbound
        for name, member in vars(owner).items()
        if callable(member) and not name.startswith("_")
    }
    assert operations == TRIED
