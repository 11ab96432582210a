"""A test that ends differently is found, whichever way."""

from __future__ import annotations

import pytest

from tests.ovsdbapp.compare import Outcomes, counts, differences

STOCK: Outcomes = {
    "suite.test_a": ("passed", ""),
    "suite.test_b": ("failed", "as it should not be"),
    "suite.test_c": ("skipped", "old"),
}


def test_the_same_outcomes_do_not_differ() -> None:
    assert differences(STOCK, dict(STOCK)) == []


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("suite.test_a", ("failed", "a reason")),
        ("suite.test_a", ("skipped", "a reason")),
        ("suite.test_b", ("passed", "")),
        ("suite.test_c", ("failed", "a reason")),
        ("suite.test_d", ("passed", "")),
    ],
)
def test_a_test_that_ends_differently_is_told_with_its_reason(test: str, outcome: tuple[str, str]) -> None:
    found = differences(STOCK, {**STOCK, test: outcome})
    assert len(found) == 1
    assert found[0].startswith(test)
    assert outcome[1] in found[0]


def test_a_test_that_is_not_there_is_told() -> None:
    ours = {test: outcome for test, outcome in STOCK.items() if test != "suite.test_b"}
    assert differences(STOCK, ours) == [
        "suite.test_b: failed with ovs, not run with ovnkit\nas it should not be",
    ]


def test_outcomes_are_counted() -> None:
    assert counts(STOCK) == {"failed": 1, "passed": 1, "skipped": 1}
