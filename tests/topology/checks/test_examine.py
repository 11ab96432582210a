"""Which rules are asked, what becomes of bad values, and how long it takes."""

from __future__ import annotations

import re

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.northbound import (
    ACL,
    NAT,
    DHCPOptions,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
    Northbound,
)
from ovnkit.ovsdb import Verbatim
from ovnkit.southbound import Chassis, Encap
from ovnkit.topology.checks import RULES, Found, check, found, judge, rule
from ovnkit.topology.tables import Tables
from ovnkit.vswitch import OpenVSwitch
from tests.topology.checks.networks import simple
from tests.topology.checks.world import World

HOSTILE = (
    "<script>alert(1)</script>",
    "\"quotes' and `ticks`; $(reboot)",
    "right\u202eto left\u2066",
    "x" * 10_000,
    "line\nend\rtab\tbell\x07",
    "--db=unix:/x",
    " ",
    "10.0.0.0/33",
    "10.0.0.1/24/3 fe80::1%eth0",
    "::ffff:1.2.3.4",
    "[::1:80",
    "$ @ $a.b:c,,{}",
    "dynamic",
)


def test_without_a_database_the_rules_that_need_it_are_told(world: World) -> None:
    simple(world)
    findings = check(world.nb)
    assert not findings
    assert findings.unasked["OVN101"] == "needs Southbound"
    assert findings.unasked["OVN502"] == "needs the hosts' Open_vSwitch"
    assert findings.unasked["OVN509"] == "needs Southbound and the hosts' Open_vSwitch"
    assert "OVN201" not in findings.unasked
    assert check(None, world.sb).unasked["OVN201"] == "needs Northbound"


def test_without_a_table_the_rules_that_look_at_it_are_told(world: World) -> None:
    simple(world)
    with Northbound.connect(world.remotes["nb"], monitor={LogicalSwitch: None, LogicalSwitchPort: None}) as narrow:
        findings = check(narrow)
    assert "OVN205" in findings.unasked
    assert "DHCP_Options" in findings.unasked["OVN205"]
    assert "OVN706" not in findings.unasked


def test_rules_are_chosen_by_their_ids_or_the_beginnings_of_them(world: World) -> None:
    world.nb.add_switch("web")
    world.nb.add_load_balancer("lb", vips={"10.0.0.100:80": []})
    world.nb.add_switch_port("web", "vm1", parent_name="gone", tag=7)
    world.settle()
    assert [one.rule for one in world.check()] == ["OVN706", "OVN803", "OVN807"]
    assert [one.rule for one in world.check(only=["OVN8"])] == ["OVN803", "OVN807"]
    assert [one.rule for one in world.check(only=["OVN8", "OVN706"], ignore=["OVN803"])] == ["OVN706", "OVN807"]
    assert [one.rule for one in world.check(ignore="OVN8")] == ["OVN706"]


@pytest.mark.parametrize("given", ["OVN9", "ovn1", ""])
def test_a_rule_that_is_not_there_is_refused(given: str) -> None:
    with pytest.raises(InvalidValue, match="OVN101"):
        check(None, only=[given])
    with pytest.raises(InvalidValue, match="OVN101"):
        check(None, ignore=[given])


def test_a_rule_of_ones_own_is_asked_beside_the_others(world: World) -> None:
    @rule(
        "LAB001",
        severity="info",
        title="Switches without a name",
        why="Nobody knows what they are for.",
        remedy="`ovn-nbctl set Logical_Switch UUID name=NAME`",
        source="our own convention",
        example="1 switch has no name",
    )
    def nameless(tables: Tables) -> list[Found]:
        rows = [switch for switch in tables.switches if not switch.name]
        return [found(f"{len(rows)} switch has no name", *rows, remedy="name it")] if rows else []

    with world.nb.transaction() as tx:
        tx.insert(LogicalSwitch())
    world.settle()
    findings = judge([*RULES, nameless], Tables(world.nb, world.sb))
    assert [(one.rule, one.text) for one in findings] == [("LAB001", "1 switch has no name")]


def test_what_is_found_is_the_same_each_time_and_worst_first(world: World) -> None:
    fill_with_nonsense(world)
    findings = world.check()
    assert findings == world.check()
    severities = ["error", "warning", "info", "unknown"]
    ranks = [severities.index(one.severity) for one in findings]
    assert ranks == sorted(ranks)


def test_whatever_the_databases_say_it_is_told_on_one_line_and_commands_stay_commands(world: World) -> None:
    fill_with_nonsense(world)
    findings = world.check()
    assert len({one.rule for one in findings}) >= 15
    for one in findings:
        assert one.text.isprintable()
        assert len(one.text) < 1_000
        assert one.remedy.isprintable()
        outside_quotes = re.sub(r"'[^']*'", "", one.remedy.replace("""'"'"'""", ""))
        assert not re.search(r"reboot|script|--db|\u202e", outside_quotes), one.remedy
    assert "<script" not in findings.to_html()


def fill_with_nonsense(world: World) -> None:
    """Everything that is a string, as somebody writes it who means harm; ovn-northd does not see it."""
    world.pause()
    with world.nb.transaction() as tx:
        for number, text in enumerate(HOSTILE):
            value = Verbatim(text)
            port_name = f"{text}{number}"
            port = tx.insert(
                LogicalSwitchPort(
                    name=port_name,
                    addresses=[value],
                    port_security=[value],
                    parent_name=text,
                    dhcpv4_options=tx.insert(DHCPOptions(cidr=value, options={"mtu": value})),
                    options={"requested-chassis": text, "virtual-ip": value, "virtual-parents": text},
                )
            )
            up = tx.insert(LogicalSwitchPort(name=f"up{number}", type="router", options={"router-port": text}))
            net = tx.insert(LogicalSwitchPort(name=f"net{number}", type="localnet", options={"network_name": text}))
            balancer = tx.insert(LoadBalancer(name=text, vips={value: Verbatim("")}))
            acl = tx.insert(
                ACL(
                    priority=1,
                    direction="to-lport",
                    action="drop",
                    match=Verbatim(f'inport == "{text}" && ip4.src == $x{number}'),
                )
            )
            tx.insert(LogicalSwitch(name=text, ports=[port, up, net], load_balancer=[balancer], acls=[acl]))
            tx.insert(LogicalSwitch(name=text))
            router_port = tx.insert(LogicalRouterPort(name=f"{text} {number}", mac=value, networks=[value], peer=text))
            nat = NAT(type="dnat_and_snat", external_ip=value, logical_ip=value, logical_port=text, external_mac=value)
            route = LogicalRouterStaticRoute(ip_prefix=value, nexthop=value)
            tx.insert(
                LogicalRouter(
                    name=text,
                    ports=[router_port],
                    nat=[tx.insert(nat)],
                    static_routes=[tx.insert(route)],
                    options={"chassis": text},
                )
            )
    with world.sb.transaction() as sb:
        for number, text in enumerate(HOSTILE):
            encap = sb.insert(Encap(type="geneve", ip=Verbatim(text), chassis_name=text))
            other = {"ovn-bridge-mappings": Verbatim(text)}
            sb.insert(Chassis(name=f"{text}{number}", hostname=text, encaps=[encap], other_config=other))
    with world.hv1.transaction() as local:
        ids = {"system-id": HOSTILE[0], "ovn-remote": HOSTILE[1], "ovn-bridge-mappings": HOSTILE[2]}
        local.update(local.get(OpenVSwitch), external_ids={key: Verbatim(text) for key, text in ids.items()})
