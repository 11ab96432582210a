"""Patch ports on a real database: told apart, and put in order beside OVN's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.errors import Conflict
from ovnkit.ovsdb import Add, Put
from ovnkit.southbound import (
    Chassis,
    DatapathBinding,
    Encap,
    HAChassis,
    HAChassisGroup,
    PortBinding,
    Southbound,
)
from ovnkit.southbound.provider_ports import provider_ports
from ovnkit.vswitch import Bridge, Controller, Interface, OpenVSwitch, Port, VSwitch
from tests.operations import check_operation, clear, snapshot

AGENT = "tcp:127.0.0.1:6633"
NAMES = ("patch-br-int-to-provnet-1", "patch-provnet-1-to-br-int")


def bridge(vs: VSwitch, name: str) -> Bridge:
    return vs.get(Bridge, name=name)


def add_patch(vs: VSwitch, on: str, name: str, peer: str, *, mark: str | None = None, ofport: int | None = 4) -> None:
    with vs.transaction() as tx:
        inner = tx.insert(Interface(name=name, type="patch", options={"peer": peer}, ofport=ofport))
        marks = {} if mark is None else {"ovn-localnet-port": mark}
        port = tx.insert(Port(name=name, interfaces=[inner], external_ids=marks))
        tx.update(tx.get(Bridge, name=on), ports=Add(port))


def add_ovn_pair(vs: VSwitch, lport: str = "provnet-1", *, to: str = "br-ex", ofport: int | None = 4) -> None:
    inner, outer = f"patch-br-int-to-{lport}", f"patch-{lport}-to-br-int"
    add_patch(vs, "br-int", inner, outer, mark=lport, ofport=ofport)
    add_patch(vs, to, outer, inner, mark=lport, ofport=ofport)


def add_agent_pair(vs: VSwitch, to: str = "br-ex") -> None:
    add_patch(vs, "br-int", f"int-{to}", f"phy-{to}")
    add_patch(vs, to, f"phy-{to}", f"int-{to}")


def add_agent_controllers(vs: VSwitch, *, connected: bool = False) -> None:
    with vs.transaction() as tx:
        for row in tx.find(Bridge):
            ref = tx.insert(Controller(target=AGENT, is_connected=connected))
            tx.update(row, controller=Add(ref), fail_mode="secure", protocols=["OpenFlow10", "OpenFlow13"])


@pytest.fixture
def host(vs: VSwitch) -> VSwitch:
    """A registered chassis with br-int and br-ex, which physnet1 is mapped to, and an uplink."""
    vs.register_chassis("hv1", encap_ip="10.0.0.2", remote="tcp:10.0.0.1:6642")
    vs.add_bridge_mapping("physnet1", "br-ex")
    vs.add_bridge("br-int", fail_mode="secure")
    vs.add_bridge("br-ex")
    vs.add_port("br-ex", "eth1")
    return vs


@pytest.fixture
def southbound(sb: Southbound) -> Southbound:
    """A chassis hv1 with a VM on a switch that has a localnet port, and a second switch that it has nothing of."""
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="10.0.0.2", chassis_name="hv1"))
        own = tx.insert(Chassis(name="hv1", encaps=[encap]))
        for number, here in ((1, True), (2, False)):
            datapath = tx.insert(DatapathBinding(tunnel_key=number))
            add_binding(tx, datapath, f"provnet-{number}", 1, type="localnet", options={"network_name": "physnet1"})
            add_binding(tx, datapath, f"vm-{number}", 2, **({"chassis": own} if here else {}))
    return sb


def add_binding(tx: Any, datapath: Any, name: str, key: int, **columns: Any) -> None:
    tx.insert(PortBinding(logical_port=name, datapath=datapath, tunnel_key=key, **columns))


def kinds(vs: VSwitch, southbound: Southbound | None = None, **how: Any) -> dict[str, tuple[str, bool]]:
    return {port.port: (port.kind, port.removable) for port in vs.patch_ports(southbound, **how)}


def reconcile(vs: VSwitch, southbound: Southbound | None = None, **how: Any) -> list[str]:
    """Run it in every way; the names of the rows that went."""
    changes = check_operation(vs, lambda on, dry: on.reconcile_patch_ports(southbound, dry_run=dry, **how))
    return sorted(f"{change.table} {change.name}" for change in changes if change.action == "delete")


AGENT_ROWS = ["Interface int-br-ex", "Interface phy-br-ex", "Port int-br-ex", "Port phy-br-ex"]


@pytest.mark.parametrize("known", [True, False])
def test_the_agents_pair_goes_and_ovns_pair_stays(host: VSwitch, southbound: Southbound, known: bool) -> None:
    add_ovn_pair(host)
    add_agent_pair(host)
    before = {name: host.get(Interface, name=name) for name in (*NAMES, "eth1", "br-ex")}
    assert kinds(host, southbound if known else None) == {
        NAMES[0]: ("ovn-live", False),
        NAMES[1]: ("ovn-live", False),
        "int-br-ex": ("agent", True),
        "phy-br-ex": ("agent", True),
    }
    assert reconcile(host, southbound if known else None) == AGENT_ROWS
    assert {name: host.get(Interface, name=name) for name in before} == before


@pytest.mark.parametrize("ofport", [None, -1])
def test_the_only_uplink_stays_unless_forced(host: VSwitch, southbound: Southbound, ofport: int | None) -> None:
    add_ovn_pair(host, ofport=ofport)
    add_agent_pair(host)
    with pytest.raises(Conflict, match=r"int-br-ex on br-int.*provnet-1 is not up yet.*force=True"):
        reconcile(host, southbound)
    assert reconcile(host, southbound, force=True) == AGENT_ROWS


def test_without_ovns_pair_and_without_southbound_the_agents_pair_stays(host: VSwitch) -> None:
    add_agent_pair(host)
    with pytest.raises(Conflict, match="only Southbound can tell"):
        reconcile(host)


def test_where_no_localnet_port_is_wanted_the_agents_pair_goes(host: VSwitch, southbound: Southbound) -> None:
    with southbound.transaction() as tx:
        tx.update(tx.get(PortBinding, logical_port="vm-1"), chassis=None)
    add_agent_pair(host)
    assert reconcile(host, southbound) == AGENT_ROWS


def test_of_a_chassis_that_has_not_registered_every_localnet_port_is_wanted(
    host: VSwitch, southbound: Southbound
) -> None:
    southbound.remove_chassis("hv1")
    add_agent_pair(host)
    with pytest.raises(Conflict, match="not up yet"):
        reconcile(host, southbound)


def test_the_provider_bridges_are_taken_over_and_the_integration_bridge_keeps_its_flows(host: VSwitch) -> None:
    add_ovn_pair(host)
    add_agent_pair(host)
    add_agent_controllers(host)
    integration = bridge(host, "br-int")
    assert reconcile(host) == ["Controller tcp:127.0.0.1:6633", *AGENT_ROWS]
    provider = bridge(host, "br-ex")
    assert (provider.controller, provider.fail_mode, provider.protocols) == (frozenset(), "standalone", frozenset())
    after = bridge(host, "br-int")
    assert (after.controller, after.fail_mode) == (integration.controller, "secure")
    assert after.protocols == {"OpenFlow10", "OpenFlow13", "OpenFlow15"}


def test_a_bridge_with_a_controller_of_somebody_else_keeps_it_and_its_fail_mode(host: VSwitch) -> None:
    add_agent_controllers(host)
    with host.transaction() as tx:
        other = tx.insert(Controller(target="tcp:10.0.0.5:6653"))
        tx.update(tx.get(Bridge, name="br-ex"), controller=Add(other))
    reconcile(host)
    provider = bridge(host, "br-ex")
    assert provider.controller == {other}
    assert (provider.fail_mode, len(provider.protocols)) == ("secure", 2)


def test_a_bridge_without_the_agents_controller_is_left_as_it_is(host: VSwitch) -> None:
    host.add_bridge("br-ex", fail_mode="secure")
    before = snapshot(host)
    assert reconcile(host) == []
    assert snapshot(host) == before


def test_while_the_agent_runs_nothing_is_removed(host: VSwitch) -> None:
    add_ovn_pair(host)
    add_agent_pair(host)
    add_agent_controllers(host, connected=True)
    with pytest.raises(Conflict, match="neutron-openvswitch-agent"):
        reconcile(host)
    assert len(kinds(host)) == 4


def test_what_ovn_left_behind_goes_only_when_no_controller_runs(host: VSwitch, southbound: Southbound) -> None:
    add_ovn_pair(host, "provnet-gone")
    assert reconcile(host, southbound) == []
    gone = ("patch-br-int-to-provnet-gone", "patch-provnet-gone-to-br-int")
    assert kinds(host, southbound) == dict.fromkeys(gone, ("ovn-stale", False))
    assert len(reconcile(host, southbound, controller_running=False)) == 4


def test_an_imposter_of_ovns_port_goes(host: VSwitch, southbound: Southbound) -> None:
    add_patch(host, "br-int", "imposter", NAMES[1])
    assert reconcile(host, southbound) == ["Interface imposter", "Port imposter"]


def test_foreign_pairs_and_those_of_unmapped_bridges_stay(host: VSwitch, southbound: Southbound) -> None:
    host.add_bridge("br-other")
    add_ovn_pair(host)
    add_agent_pair(host, "br-other")
    add_patch(host, "br-int", "mine", "yours")
    add_patch(host, "br-ex", "yours", "mine")
    before = snapshot(host)
    assert reconcile(host, southbound, controller_running=False, force=True) == []
    assert snapshot(host) == before


def test_one_end_that_has_to_stay_keeps_the_other(host: VSwitch) -> None:
    add_ovn_pair(host)
    add_agent_pair(host)
    with host.transaction() as tx:
        tx.update(tx.get(Interface, name="int-br-ex"), external_ids=Put({"iface-id": "vm"}))
    assert reconcile(host, force=True) == []


def test_the_bridge_that_counts_is_the_one_that_ovn_controller_is_told(host: VSwitch) -> None:
    host.set_option("ovn-bridge", "br-alt")
    host.add_bridge("br-alt")
    add_patch(host, "br-alt", "int-br-ex", "phy-br-ex")
    add_patch(host, "br-ex", "phy-br-ex", "int-br-ex")
    assert set(kinds(host).values()) == {("agent", False)}


PIECES: dict[str, Any] = {
    "ovn": add_ovn_pair,
    "ovn down": lambda vs: add_ovn_pair(vs, "provnet-2", ofport=-1),
    "agent": add_agent_pair,
    "other agent": lambda vs: add_agent_pair(vs, "br-other"),
    "imposter": lambda vs: add_patch(vs, "br-int", "imposter", NAMES[1]),
    "half": lambda vs: add_patch(vs, "br-ex", "half", "nowhere"),
    "controllers": add_agent_controllers,
}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.sets(st.sampled_from(sorted(PIECES))), force=st.booleans(), running=st.booleans(), known=st.booleans())
def test_whatever_is_there_the_promises_hold_and_live_ports_stay(
    vs: VSwitch, southbound: Southbound, pieces: set[str], force: bool, running: bool, known: bool
) -> None:
    clear(vs, keep=[OpenVSwitch])
    vs.register_chassis("hv1", encap_ip="10.0.0.2", remote="tcp:10.0.0.1:6642")
    vs.add_bridge_mapping("physnet1", "br-ex")
    for name in ("br-int", "br-ex", "br-other"):
        vs.add_bridge(name)
    for piece in sorted(pieces):
        PIECES[piece](vs)
    source = southbound if known else None
    live = {name: vs.get(Interface, name=name) for name, (kind, _) in kinds(vs, source).items() if kind == "ovn-live"}
    try:
        reconcile(vs, source, force=force, controller_running=running)
    except Conflict:
        assert not force
    assert {name: vs.get(Interface, name=name) for name in live} == live
    assert vs.find(Port, name="half") or "half" not in pieces


# -- which provider networks a chassis carries -------------------------------------------------------------------------


def test_a_chassis_carries_the_localnet_ports_of_its_own_switches(southbound: Southbound) -> None:
    assert provider_ports(southbound, "hv1") == {"provnet-1": "physnet1"}
    assert provider_ports(southbound, "unknown") == {"provnet-1": "physnet1", "provnet-2": "physnet1"}


@pytest.mark.parametrize(
    ("redirect", "member", "expected"),
    [(False, False, True), (True, False, False), (True, True, True)],
)
def test_it_is_followed_through_routers_but_not_through_a_gateway_elsewhere(
    southbound: Southbound, redirect: bool, member: bool, expected: bool
) -> None:
    with southbound.transaction() as tx:
        inside = tx.get(PortBinding, logical_port="vm-1").datapath
        outside = tx.get(PortBinding, logical_port="vm-2").datapath
        router = tx.insert(DatapathBinding(tunnel_key=9))
        add_binding(tx, inside, "sw-r", 5, type="patch", options={"peer": "r-sw"})
        add_binding(tx, router, "r-sw", 1, type="patch", options={"peer": "sw-r"})
        gateway = {"chassis-redirect-port": "cr-r-out"} if redirect else {}
        add_binding(tx, router, "r-out", 2, type="patch", options={"peer": "out-r", **gateway})
        add_binding(tx, outside, "out-r", 6, type="patch", options={"peer": "r-out"})
        group: dict[str, Any] = {"options": {"always-redirect": "true"}}
        if member:
            chassis = tx.insert(HAChassis(chassis=tx.get(Chassis, name="hv1").ref, priority=1))
            group["ha_chassis_group"] = tx.insert(HAChassisGroup(name="g", ha_chassis=[chassis]))
        add_binding(tx, router, "cr-r-out", 3, type="chassisredirect", **group)
    assert ("provnet-2" in provider_ports(southbound, "hv1")) is expected


def test_an_l2gateway_port_counts_where_it_is_bound(southbound: Southbound) -> None:
    with southbound.transaction() as tx:
        datapath = tx.insert(DatapathBinding(tunnel_key=9))
        own = tx.get(Chassis, name="hv1").ref
        add_binding(tx, datapath, "here", 1, type="l2gateway", options={"network_name": "p"}, chassis=own)
        add_binding(tx, datapath, "elsewhere", 2, type="l2gateway", options={"network_name": "p"})
    assert provider_ports(southbound, "hv1") == {"provnet-1": "physnet1", "here": "p"}
