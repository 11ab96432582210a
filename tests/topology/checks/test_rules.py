"""Every rule fires on its case on real databases, and on no healthy network."""

from __future__ import annotations

import pytest

from ovnkit import open_files
from ovnkit.southbound import SBGlobal
from ovnkit.topology.checks import RULES, judge
from ovnkit.topology.tables import Tables
from tests.docs.pages import matches
from tests.topology.checks.cases import ALSO, CASES, change, floating_ip_to_nobody, switch_port
from tests.topology.checks.networks import NETWORKS, simple
from tests.topology.checks.variants import VARIANTS, Variant
from tests.topology.checks.world import World


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_found_in_a_healthy_network(world: World, name: str) -> None:
    NETWORKS[name](world)
    world.settle()
    found = world.check()
    assert not found, str(found)
    assert not found.unasked


def test_every_rule_has_a_case() -> None:
    assert sorted(CASES) == [rule.id for rule in RULES]


@pytest.mark.parametrize("id", sorted(CASES))
def test_a_rule_fires_on_its_case_and_on_nothing_else(world: World, id: str) -> None:
    simple(world)
    world.settle()
    CASES[id](world)
    world.settle()
    findings = world.check()
    rule = next(rule for rule in RULES if rule.id == id)
    own = findings.of_rule(id)
    assert [one.text for one in own] == [rule.example] or matches(rule.example, own[0].text), str(findings)
    assert own[0].severity == rule.severity
    assert own[0].rows
    assert own[0].remedy
    assert {one.rule for one in findings} == {id} | ALSO[id], str(findings)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: f"{one.rule} {one.fault.__name__}")
def test_a_rule_knows_other_ways_of_being_wrong(world: World, variant: Variant) -> None:
    simple(world)
    world.settle()
    variant.fault(world)
    world.settle()
    found = world.check()
    own = found.of_rule(variant.rule)
    assert [(one.text, one.severity) for one in own] == [(variant.text, variant.severity)], str(found)


def test_a_chassis_that_has_not_followed_is_stale_only_when_that_was_long_ago(world: World) -> None:
    simple(world)
    world.settle()
    world.lost.add("hv2")
    world.settle()
    tables = Tables(world.nb, world.sb)
    assert not judge(RULES, tables)
    assert tables.read_at is not None
    tables.read_at += 120
    found = judge(RULES, tables).of_rule("OVN101")
    assert len(found) == 1
    assert found[0].text.startswith("chassis hv2 (host hv2): its nb_cfg is ")
    assert [row.table for row in found[0].rows] == ["Chassis", "Chassis_Private"]


def test_of_a_gateway_whose_chassis_are_behind_a_file_cannot_tell_whether_they_are_gone(world: World) -> None:
    simple(world)
    world.settle()
    world.lost.update(("hv1", "hv2"))
    world.settle()
    with open_files(world.directory / "nb.db", world.directory / "sb.db") as network:
        found = network.check(only=["OVN3", "OVN101"])
    text = (
        "whether the chassis of gateways are at work cannot be told, for since when they are behind nothing tells:"
        " r-ext"
    )
    assert [(one.rule, one.severity, one.text) for one in found] == [("OVN301", "unknown", text)]


def test_where_nb_cfg_never_moved_nothing_is_known_of_gateways(world: World) -> None:
    simple(world)
    world.settle()
    world.pause()
    change(world.sb, SBGlobal, {}, nb_cfg=0)
    found = world.check(only=["OVN1", "OVN3"])
    text = "whether the chassis of gateways are at work cannot be told, for nb_cfg has never moved: r-ext"
    assert [(one.rule, one.severity, one.text) for one in found] == [("OVN301", "unknown", text)]
    assert found.ok


def test_a_southbound_from_before_is_not_compared(world: World) -> None:
    simple(world)
    world.settle()
    world.pause()
    world.nb.add_switch("new")
    change(world.sb, SBGlobal, {}, nb_cfg=1)
    assert [one.rule for one in world.check(only=["OVN6"])] == ["OVN601"]


@pytest.mark.parametrize(
    ("columns", "is_found"),
    [
        ({"addresses": ["unknown"]}, False),
        ({"addresses": ["02:00:00:00:00:07 10.0.0.13"], "port_security": ["02:00:00:00:00:07 10.0.0.99"]}, False),
        ({"addresses": ["02:00:00:00:00:07 10.0.0.13"]}, True),
    ],
)
def test_a_floating_ip_may_lead_to_what_ports_are_allowed_to_have(
    world: World, columns: dict[str, list[str]], is_found: bool
) -> None:
    simple(world)
    floating_ip_to_nobody(world)
    switch_port(world, "web", "vm9", **columns)
    world.settle()
    assert bool(world.check(only=["OVN306"])) == is_found
