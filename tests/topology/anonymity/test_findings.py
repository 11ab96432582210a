"""What is wrong with a network is wrong with an anonymous snapshot of it, in the same rows."""

from __future__ import annotations

from uuid import UUID

import pytest

from ovnkit.topology import Findings, snapshot
from tests.topology.checks.cases import CASES
from tests.topology.checks.networks import simple
from tests.topology.checks.world import World

ALWAYS = {"OVN602", "OVN701"} | set(sorted(CASES)[::10])
"""The other rules are asked where there is more time."""

IDS = [pytest.param(id, marks=() if id in ALWAYS else pytest.mark.long) for id in sorted(CASES)]


def found_in(findings: Findings) -> set[tuple[str, frozenset[UUID]]]:
    return {(one.rule, frozenset(row.uuid for row in one.rows)) for one in findings}


@pytest.mark.parametrize("id", IDS)
def test_a_rule_fires_on_an_anonymous_snapshot_as_on_any_other(world: World, id: str) -> None:
    simple(world)
    world.settle()
    CASES[id](world)
    world.settle()
    plain, shared = (
        snapshot(world.nb, world.sb, (world.hv1, world.hv2), anonymize=anonymize).network()
        for anonymize in (False, True)
    )
    assert found_in(shared.check()) == found_in(plain.check())
