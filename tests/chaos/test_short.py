"""The short form of the campaign: every kind of fault a few times, with the limits of the long one."""

from __future__ import annotations

import os

import pytest

from ovnkit.ovsdb.server import find_program
from tests.chaos.campaign import SHORT, Trial, run

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("trial", SHORT, ids=[trial.name for trial in SHORT])
def test_nothing_is_lost_doubled_or_invented(trial: Trial) -> None:
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    result = run(trial, "ovnkit", seed=3)
    assert result.broken == [], result.notes
    assert result.faults >= trial.faults
    assert result.acknowledged > 0
