"""Every patch port of a host gets its class: a table of what is found on real hosts."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.vswitch.patch_ports import PatchPort, agent_port_name, classify
from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState

MAPPED = {"physnet1": "br-ex"}
WANTED = {"provnet-1": "physnet1"}
LONG = "br-provider1"

Bridges = dict[str, list[PortState]]


def patch(
    name: str, peer: str | None, *, mark: str | None = None, key: str = "ovn-localnet-port", ofport: int | None = 4
) -> PortState:
    return PortState(name=name, peer=peer, external_ids={key: mark} if mark is not None else {}, ofport=ofport)


def ovn_pair(
    lport: str, bridge: str, *, br_int: str = "br-int", key: str = "ovn-localnet-port", ofport: int | None = 4
) -> Bridges:
    inner, outer = f"patch-{br_int}-to-{lport}", f"patch-{lport}-to-{br_int}"
    return {
        br_int: [patch(inner, outer, mark=lport, key=key, ofport=ofport)],
        bridge: [patch(outer, inner, mark=lport, key=key, ofport=ofport)],
    }


def agent_pair(bridge: str) -> Bridges:
    inner, outer = agent_port_name("int-", bridge), agent_port_name("phy-", bridge)
    return {"br-int": [patch(inner, outer)], bridge: [patch(outer, inner)]}


def pair(one: str, name: str, other: str, peer: str) -> Bridges:
    return {one: [patch(name, peer)], other: [patch(peer, name)]}


def found(
    *parts: Bridges,
    mappings: Mapping[str, str] = MAPPED,
    wanted: Mapping[str, str] | None = WANTED,
    running: bool = True,
) -> dict[str, PatchPort]:
    bridges: Bridges = {}
    for part in parts:
        for bridge, ports in part.items():
            bridges.setdefault(bridge, []).extend(ports)
    host = HostState(
        bridges=tuple(BridgeState(name=name, ports=tuple(ports)) for name, ports in bridges.items()),
        mappings=mappings,
        wanted=wanted,
        controller_running=running,
    )
    return {port.port: port for port in classify(host)}


def kinds(ports: dict[str, PatchPort]) -> dict[str, tuple[str, bool]]:
    return {name: (port.kind, port.removable) for name, port in ports.items()}


LIVE = {"patch-br-int-to-provnet-1": ("ovn-live", False), "patch-provnet-1-to-br-int": ("ovn-live", False)}


@pytest.mark.parametrize("key", ["ovn-localnet-port", "ovn-l2gateway-port"])
@pytest.mark.parametrize("running", [True, False])
def test_marked_and_wanted_is_live_and_stays(key: str, *, running: bool) -> None:
    ports = found(ovn_pair("provnet-1", "br-ex", key=key), running=running)
    assert kinds(ports) == LIVE
    assert {(port.physnet, port.lport) for port in ports.values()} == {("physnet1", "provnet-1")}


def test_marked_and_mapped_is_live_when_southbound_is_not_known() -> None:
    ports = found(ovn_pair("provnet-1", "br-ex"), wanted=None)
    assert kinds(ports) == LIVE
    assert {port.physnet for port in ports.values()} == {"physnet1"}


@pytest.mark.parametrize(
    ("mappings", "wanted", "why"),
    [
        (MAPPED, {}, "Southbound has no localnet or l2gateway port provnet-1"),
        ({}, WANTED, "physical network physnet1 of logical port provnet-1 is not mapped"),
        ({"physnet1": "br-new"}, WANTED, "mapped to br-new, not to br-ex"),
        ({}, None, "no physical network is mapped to br-ex"),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_marked_and_not_wanted_is_stale_and_goes_only_when_no_controller_runs(
    mappings: dict[str, str], wanted: dict[str, str] | None, why: str, *, running: bool
) -> None:
    ports = found(ovn_pair("provnet-1", "br-ex"), mappings=mappings, wanted=wanted, running=running)
    assert set(kinds(ports).values()) == {("ovn-stale", not running)}
    assert all(why in port.why and ("ovn-controller runs" in port.why) == running for port in ports.values())


@pytest.mark.parametrize("key", ["ovn-l3gateway-port", "ovn-logical-patch-port"])
def test_what_an_old_ovn_left_is_stale(key: str) -> None:
    ends = [
        patch("patch-a-to-b", "patch-b-to-a", mark="a", key=key),
        patch("patch-b-to-a", "patch-a-to-b", mark="b", key=key),
    ]
    for running in (True, False):
        ports = found({"br-int": ends}, running=running)
        assert set(kinds(ports).values()) == {("ovn-stale", not running)}
    assert set(kinds(found({"br-int2": ends}, running=False)).values()) == {("ovn-other", False)}


IMPOSTERS: dict[str, Bridges] = {
    "OVN's peer under another name": {"br-int": [patch("uplink", "patch-provnet-1-to-br-int")]},
    "OVN's names on both ends": pair("br-int", "patch-br-int-to-provnet-1", "br-ex", "patch-provnet-1-to-br-int"),
    "OVN's name on another bridge": {"br-other": [patch("patch-br-int-to-provnet-1", "x")]},
    "OVN's peer on the provider bridge": {"br-ex": [patch("downlink", "patch-br-int-to-provnet-1")]},
}


@pytest.mark.parametrize("case", IMPOSTERS)
@pytest.mark.parametrize("running", [True, False])
def test_an_unmarked_imposter_goes(case: str, *, running: bool) -> None:
    ports = found(IMPOSTERS[case], running=running)
    assert set(kinds(ports).values()) == {("ovn-imposter", True)}
    assert {port.lport for port in ports.values()} == {"provnet-1"}


@pytest.mark.parametrize("case", IMPOSTERS)
def test_an_imposter_stays_where_its_physical_network_is_not_mapped(case: str) -> None:
    assert set(kinds(found(IMPOSTERS[case], mappings={})).values()) == {("ovn-imposter", False)}


@pytest.mark.parametrize("case", IMPOSTERS)
def test_an_imposter_stays_while_nothing_tells_that_ovn_wants_its_name(case: str) -> None:
    ports = found(IMPOSTERS[case], wanted=None)
    assert set(kinds(ports).values()) == {("ovn-imposter", False)}
    assert all("only Southbound can tell" in port.why for port in ports.values())


def test_an_imposter_beside_a_marked_end_is_known_without_southbound() -> None:
    marked = {"br-ex": [patch("patch-provnet-1-to-br-int", "patch-br-int-to-provnet-1", mark="provnet-1")]}
    ports = found(IMPOSTERS["OVN's peer under another name"], marked, wanted=None)
    assert kinds(ports) == {"uplink": ("ovn-imposter", True), "patch-provnet-1-to-br-int": ("half-open", False)}


def test_an_unmarked_end_that_ovn_has_adopted_stays() -> None:
    inner, outer = "patch-br-int-to-provnet-1", "patch-provnet-1-to-br-int"
    ports = found({"br-int": [patch(inner, outer, mark="provnet-1")], "br-ex": [patch(outer, inner)]})
    assert kinds(ports) == {inner: ("ovn-live", False), outer: ("ovn-imposter", False)}


def test_a_name_of_ovns_form_for_no_logical_port_is_foreign() -> None:
    ports = found(pair("br-int", "patch-br-int-to-fw", "br-fw", "patch-fw-to-br-int"))
    assert set(kinds(ports).values()) == {("foreign", False)}


@pytest.mark.parametrize("running", [True, False])
def test_a_mark_under_a_strange_name_is_an_imposter_that_a_running_controller_protects(*, running: bool) -> None:
    ports = found({"br-int": [patch("uplink", "patch-provnet-1-to-br-int", mark="provnet-1")]}, running=running)
    assert kinds(ports) == {"uplink": ("ovn-imposter", not running)}


def test_the_agents_pair_goes_beside_ovns_own() -> None:
    ports = found(ovn_pair("provnet-1", "br-ex"), agent_pair("br-ex"))
    assert kinds(ports) == {**LIVE, "int-br-ex": ("agent", True), "phy-br-ex": ("agent", True)}
    assert kinds(found(ovn_pair("provnet-1", "br-ex"), agent_pair("br-ex"), wanted=None)) == kinds(ports)


def test_the_agents_pair_goes_where_no_localnet_port_is_wanted() -> None:
    assert set(kinds(found(agent_pair("br-ex"), wanted={})).values()) == {("agent", True)}
    assert set(kinds(found(agent_pair("br-ex"), wanted={"other": "physnet2"})).values()) == {("agent", True)}


@pytest.mark.parametrize(
    "ovn",
    [
        {},
        ovn_pair("provnet-1", "br-ex", ofport=None),
        ovn_pair("provnet-1", "br-ex", ofport=-1),
        {"br-int": ovn_pair("provnet-1", "br-ex")["br-int"]},
    ],
)
@pytest.mark.parametrize("wanted", [WANTED, None])
def test_the_agents_pair_stays_while_it_may_be_the_only_uplink(ovn: Bridges, wanted: dict[str, str] | None) -> None:
    ports = found(ovn, agent_pair("br-ex"), wanted=wanted)
    assert (ports["int-br-ex"].kind, ports["int-br-ex"].removable) == ("agent", False)
    assert "it stays" in ports["int-br-ex"].why


def test_an_agents_end_alone_or_not_yet_peered_is_the_agents() -> None:
    alone = {"br-int": [patch("int-br-ex", "phy-br-ex")]}
    assert kinds(found(alone, wanted={})) == {"int-br-ex": ("agent", True)}
    fresh = {"br-int": [patch("int-br-ex", "nonexistent-peer")], "br-ex": [patch("phy-br-ex", "nonexistent-peer")]}
    assert set(kinds(found(fresh, wanted={})).values()) == {("agent", True)}


def test_an_agents_end_whose_counterpart_is_something_else_stays() -> None:
    ports = found(
        {"br-int": [patch("int-br-ex", "phy-br-ex")], "br-other": [patch("phy-br-ex", "int-br-ex")]}, wanted={}
    )
    assert not any(port.removable for port in ports.values())


def test_long_bridge_names_are_hashed_as_the_agent_hashes_them() -> None:
    # sha1("br-provider1") begins with cebb81
    assert (agent_port_name("int-", LONG), agent_port_name("phy-", LONG)) == ("int-br-prcebb81", "phy-br-prcebb81")
    assert agent_port_name("int-", "br-elevench") == "int-br-elevench"
    ports = found(agent_pair(LONG), mappings={"physnet1": LONG}, wanted={})
    assert kinds(ports) == {"int-br-prcebb81": ("agent", True), "phy-br-prcebb81": ("agent", True)}


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,40}", fullmatch=True))
def test_the_agents_names_fit_a_linux_interface(bridge: str) -> None:
    assert len(agent_port_name("int-", bridge)) <= 15


def test_the_pair_of_an_unmapped_bridge_is_foreign() -> None:
    ports = found(agent_pair("br-other"), pair("br-a", "a-to-b", "br-b", "b-to-a"))
    assert set(kinds(ports).values()) == {("foreign", False)}
    assert "not in the mappings" in ports["a-to-b"].why


def test_a_foreign_way_round_a_mapped_bridge_is_reported_as_a_loop() -> None:
    ports = found(pair("br-int", "to-ex", "br-ex", "to-int"))
    assert set(kinds(ports).values()) == {("foreign", False)}
    assert all("frames can loop" in port.why for port in ports.values())


def test_the_pair_to_the_tunnel_bridge_is_the_agents_and_stays() -> None:
    ports = found(pair("br-int", "patch-tun", "br-tun", "patch-int"))
    assert set(kinds(ports).values()) == {("agent-tunnel", False)}


def test_the_agents_veths_are_named_and_stay() -> None:
    ports = found(
        {"br-int": [PortState(name="int-br-ex", type="")], "br-ex": [PortState(name="phy-br-ex", type="system")]}
    )
    assert set(kinds(ports).values()) == {("agent-veth", False)}
    assert "ip link delete int-br-ex" in ports["int-br-ex"].why


def test_trunks_and_bridges_per_port_stay() -> None:
    trunk = found(pair("br-int", "tpi-0a1b2c3d-4e", "tbr-5f6a7b8c-9", "tpt-0a1b2c3d-4e"))
    assert set(kinds(trunk).values()) == {("trunk", False)}
    sub_port = found(pair("br-int", "spi-0a1b2c3d-4e", "tbr-5f6a7b8c-9", "spt-0a1b2c3d-4e"))
    assert set(kinds(sub_port).values()) == {("trunk", False)}
    per_port = found(pair("br-int", "ibp5f6a7b8c-9d0e", "pb5f6a7b8c-9d0", "pbp5f6a7b8c-9d0e"))
    assert set(kinds(per_port).values()) == {("per-port", False)}


@pytest.mark.parametrize("wanted", [WANTED, {}, None])
@pytest.mark.parametrize("running", [True, False])
def test_the_pairs_of_another_integration_bridge_stay(wanted: dict[str, str] | None, *, running: bool) -> None:
    ports = found(ovn_pair("provnet-1", "br-ex", br_int="br-int2"), wanted=wanted, running=running)
    assert set(kinds(ports).values()) == {("ovn-other", False)}


def test_several_provider_networks_on_one_bridge_are_no_duplicates() -> None:
    wanted = {f"provnet-{vlan}": "physnet1" for vlan in range(3)}
    ports = found(*(ovn_pair(lport, "br-ex") for lport in wanted), agent_pair("br-ex"), wanted=wanted)
    live = {name: kind for name, kind in kinds(ports).items() if name.startswith("patch-")}
    assert len(live) == 6
    assert set(live.values()) == {("ovn-live", False)}
    assert ports["int-br-ex"].removable


def test_one_missing_pair_of_several_keeps_the_agents_pair() -> None:
    ports = found(ovn_pair("provnet-1", "br-ex"), agent_pair("br-ex"), wanted={**WANTED, "provnet-2": "physnet1"})
    assert not ports["int-br-ex"].removable
    assert "provnet-2" in ports["int-br-ex"].why


@pytest.mark.parametrize(
    "ports",
    [
        [patch("a", "nowhere")],
        [patch("a", None)],
        [patch("a", "b"), patch("b", "c"), patch("c", "b")],
        [patch("a", "vif"), PortState(name="vif", type="internal")],
    ],
)
def test_an_end_without_its_other_end_is_half_open(ports: list[PortState]) -> None:
    port = found({"br-int": ports})["a"]
    assert (port.kind, port.removable) == ("half-open", False)


def test_a_marked_end_without_its_other_end_is_half_open_and_left_to_the_controller() -> None:
    ports = found({"br-int": ovn_pair("provnet-1", "br-ex")["br-int"]})
    assert kinds(ports) == {"patch-br-int-to-provnet-1": ("half-open", False)}


def test_what_carries_a_vif_or_several_interfaces_stays() -> None:
    imposter = IMPOSTERS["OVN's peer under another name"]["br-int"][0]
    for kept in (attrs.evolve(imposter, interface_ids={"iface-id": "vm1"}), attrs.evolve(imposter, interfaces=2)):
        ports = found({"br-int": [kept]})
        assert kinds(ports) == {"uplink": ("ovn-imposter", False)}
        assert "it stays" in ports["uplink"].why


def test_ports_that_are_no_patch_ports_are_not_listed() -> None:
    assert found({"br-int": [PortState(name="vm1", type="internal"), PortState(name="ovn-abc-0", type="geneve")]}) == {}


def test_an_error_of_vswitchd_is_told() -> None:
    pair_with_error = ovn_pair("provnet-1", "br-ex")
    pair_with_error["br-int"] = [attrs.evolve(pair_with_error["br-int"][0], error="no such device")]
    assert "no such device" in found(pair_with_error)["patch-br-int-to-provnet-1"].why


NAMES = st.sampled_from(
    [
        "patch-br-int-to-provnet-1",
        "patch-provnet-1-to-br-int",
        "int-br-ex",
        "phy-br-ex",
        "patch-tun",
        "patch-int",
        "a",
        "b",
    ]
)
PORTS = st.builds(
    PortState,
    name=NAMES,
    peer=st.one_of(st.none(), NAMES),
    type=st.sampled_from(["patch", "", "internal"]),
    external_ids=st.sampled_from([{}, {"ovn-localnet-port": "provnet-1"}, {"ovn-localnet-port": "b"}]),
    ofport=st.sampled_from([None, -1, 5]),
)
LAYOUTS = st.lists(
    st.tuples(st.sampled_from(["br-int", "br-ex", "br-tun"]), PORTS),
    unique_by=lambda placed: placed[1].name,
    max_size=8,
)


@given(
    layout=LAYOUTS,
    mappings=st.sampled_from([{}, MAPPED]),
    wanted=st.sampled_from([None, {}, WANTED]),
    running=st.booleans(),
)
def test_whatever_is_there_live_and_marked_ports_stay_under_a_running_controller(
    layout: list[tuple[str, PortState]], mappings: dict[str, str], wanted: dict[str, str] | None, *, running: bool
) -> None:
    parts: list[Bridges] = [{bridge: [port]} for bridge, port in layout]
    ports = found(*parts, mappings=mappings, wanted=wanted, running=running)
    marked = {port.name for _, port in layout if port.external_ids}
    for name, port in ports.items():
        assert port.why
        if port.removable:
            assert port.kind in ("agent", "ovn-imposter", "ovn-stale")
            assert not (name in marked and running)
        if port.kind in ("ovn-live", "ovn-stale"):
            assert name in marked
