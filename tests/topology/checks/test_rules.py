"""Every rule fires on its case on real databases, and on no healthy network."""

from __future__ import annotations

import pytest

from ovnkit.topology.checks import RULES
from tests.docs.pages import matches
from tests.topology.checks.cases import ALSO, CASES
from tests.topology.checks.networks import NETWORKS, simple
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
    try:
        findings = world.check()
    finally:
        if not world.settling:
            world.tell_northd("resume")
    rule = next(rule for rule in RULES if rule.id == id)
    own = findings.of_rule(id)
    assert [one.text for one in own] == [rule.example] or matches(rule.example, own[0].text), str(findings)
    assert own[0].severity == rule.severity
    assert own[0].rows
    assert own[0].remedy
    assert {one.rule for one in findings} == {id} | ALSO[id], str(findings)
