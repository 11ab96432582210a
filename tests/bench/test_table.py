"""The table of the bench says what was measured, and whether that is enough."""

from __future__ import annotations

import pytest

from tests.bench import growth, synchronising
from tests.bench.synchronising import Synchronised
from tests.bench.table import (
    FLOOR,
    NBCTL,
    OURS,
    OVSDBAPP,
    Line,
    Verdict,
    as_markdown,
    as_text,
    ratio,
)


def test_a_limit_that_is_reached_says_so() -> None:
    assert str(Verdict.at_most(1.35, 1.34, "x the raw floor")) == "at most 1.35 x the raw floor: 1.34, reached"
    assert str(Verdict.at_least(10, 10.0, "x faster")) == "at least 10 x faster: 10.0, reached"


def test_a_limit_that_is_not_reached_says_so_loudly() -> None:
    assert str(Verdict.at_most(1.35, 1.36, "x the raw floor")).endswith("1.36, NOT REACHED")
    assert str(Verdict.at_least(10, 9.99, "x faster")).endswith("9.99, NOT REACHED")


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    verdict = Verdict.at_most(1, ratio({OURS: 1.0}, OURS, NBCTL), "x ovn-nbctl")
    assert verdict.reached is None
    assert str(verdict) == "at most 1 x ovn-nbctl: not measured"


@pytest.mark.parametrize(
    ("first", "second", "reached"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_one_of_two_limits_is_enough(first: bool, second: bool, reached: bool) -> None:
    verdicts = (Verdict("a", "1", first), Verdict("b", "2", second))
    assert Verdict.any_of(*verdicts).reached is reached


def test_one_of_two_limits_that_is_known_decides() -> None:
    assert Verdict.any_of(Verdict("a"), Verdict("b", "2", reached=True)).reached is True
    assert Verdict.any_of(Verdict("a"), Verdict("b")).reached is None


def test_a_cell_says_how_many_times_worse_than_ovnkit_it_is() -> None:
    seconds = Line("sync", "s", {OURS: 2.0, OVSDBAPP: 20.0, FLOOR: 1.0})
    assert [seconds.cell(name) for name in (OURS, OVSDBAPP, FLOOR, NBCTL)] == [
        "2.00",
        "20.0 (10.0 x)",
        "1.00 (0.500 x)",
        "-",
    ]
    rates = Line("writes", "1/s", {OURS: 5000.0, OVSDBAPP: 500.0}, higher_is_better=True)
    assert rates.cell(OVSDBAPP) == "500 (10.0 x)"


def test_text_and_markdown_have_every_line_and_every_limit() -> None:
    verdict = Verdict.at_most(1, 2.0, "s")
    sections = {"some ports": [Line("sync", "s", {OURS: 2.0}, (verdict,))], "any": [Line("import", "ms", {OURS: 5.0})]}
    for shown in (as_text(sections), as_markdown(sections, {"ovs": "4.0.0"}, ["A note."])):
        for expected in ("some ports", "sync", "2.00", str(verdict), "any", "import", "5.00"):
            assert expected in shown
    assert "Measured with ovs 4.0.0." in as_markdown(sections, {"ovs": "4.0.0"}, [])
    assert "A note." in as_markdown(sections, {}, ["A note."])


def reported(seconds: float, floor: float, rss: float) -> Synchronised:
    found = Synchronised()
    found.reports = {
        OURS: [{"seconds": seconds * 2, "rss": rss, "peak": rss}, {"seconds": seconds, "rss": rss, "peak": rss}],
        FLOOR: [{"seconds": floor, "rss": 1.0, "peak": 1.0}],
    }
    return found


def test_growth_compares_the_ratio_to_the_floor_and_the_memory_for_each_port() -> None:
    sizes = {
        1_000: reported(1.0, 1.0, 30e6),
        10_000: reported(11.0, 10.0, 30e6 + 9_000 * 1000),
        20_000: reported(24.0, 20.0, 30e6 + 9_000 * 1000 + 10_000 * 1200),
    }
    ratios, first, second, memory = growth.lines(sizes)
    assert ratios.values[OURS] == pytest.approx(20)
    assert ratios.verdicts[0].reached is False
    assert [first.values[OURS], second.values[OURS]] == pytest.approx([1000, 1200])
    assert memory.values[OURS] == pytest.approx(20)
    assert memory.verdicts[0].reached is False


def test_growth_that_is_even_is_reached() -> None:
    sizes = {ports: reported(ports * 1.1, ports, 30e6 + ports * 1000) for ports in (1_000, 10_000, 20_000)}
    ratios, *_, memory = growth.lines(sizes)
    assert (ratios.verdicts[0].reached, memory.verdicts[0].reached) == (True, True)


def test_limits_in_seconds_and_megabytes_are_for_the_full_size_alone() -> None:
    found = reported(1.0, 1.0, 150e6)
    small = synchronising.lines(found, 10_000)["memory"].verdicts
    full = synchronising.lines(found, synchronising.FULL_SIZE)["memory"].verdicts
    assert [str(verdict) for verdict in full if verdict not in small] == ["at most 200 MB: 150, reached"]
