"""S2 and S3: leaders that are killed, and that hand over, under writers with an oracle."""

from __future__ import annotations

import attrs
import pytest

from tests.chaos.campaign import CAMPAIGN, Result, Trial, run

pytestmark = pytest.mark.alone

TRIALS = {trial.name: trial for trial in CAMPAIGN}


def short(name: str, faults: int) -> Trial:
    return attrs.evolve(TRIALS[name], faults=faults, writers=4, least_acknowledged=100, brief=True)


def check(result: Result, faults: int) -> None:
    assert result.broken == []
    assert (result.lost, result.doubled, result.false_failures, result.unresolved) == (0, 0, 0, 0)
    assert result.faults == faults


def test_s2_leaders_that_are_killed_lose_and_double_nothing() -> None:
    # So often that a slow machine comes to 100 writes as well.
    result = run(short("kill-leader", 10), "ovnkit", seed=2)
    check(result, 10)
    assert result.gap is not None
    assert result.gap <= 5


def test_s3_leaders_that_hand_over_lose_and_double_nothing() -> None:
    check(run(short("transfer", 10), "ovnkit", seed=3), 10)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "faults"), [("kill-leader", 20), ("transfer", 100)])
def test_s2_s3_a_minute_of_faults_loses_and_doubles_nothing(name: str, faults: int) -> None:
    check(run(attrs.evolve(TRIALS[name], faults=faults, least_acknowledged=1_000), "ovnkit", seed=20), faults)
