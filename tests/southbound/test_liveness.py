"""Which chassis look abandoned. Plain values."""

from __future__ import annotations

from uuid import UUID

import pytest

from ovnkit.ovsdb import Ref
from ovnkit.southbound import Chassis, ChassisPrivate, Encap
from ovnkit.southbound.liveness import StaleChassis, stale_chassis

NOW = 1_000_000.0
ENCAP = Ref(Encap, UUID(int=1))


def chassis(*names: str) -> dict[str, Chassis]:
    return {name: Chassis(name=name, hostname=f"host-{name}", encaps=[ENCAP]) for name in names}


def private(**reached: int) -> dict[str, ChassisPrivate]:
    """What each has reached; all of them did so 100 s ago."""
    at = int((NOW - 100) * 1000)
    return {name: ChassisPrivate(name=name, nb_cfg=number, nb_cfg_timestamp=at) for name, number in reached.items()}


def found(**arguments: object) -> list[tuple[str, str]]:
    defaults: dict[str, object] = {"target": 5, "now": NOW}
    stale = stale_chassis(chassis("a", "b"), private(a=5, b=3), **{**defaults, **arguments})  # type: ignore[arg-type]
    return [(one.name, one.state) for one in stale]


def test_who_is_behind_is_stale_once_another_has_followed_longer_ago_than_the_grace() -> None:
    assert found() == [("b", "stale")]
    assert found(grace=200.0) == [("b", "unknown")]


def test_when_nb_cfg_was_raised_decides_where_it_is_known() -> None:
    assert found(raised=NOW - 61) == [("b", "stale")]
    assert found(raised=NOW - 59) == []


def test_in_a_file_nobody_is_late() -> None:
    assert found(now=None) == [("b", "unknown")]
    assert found(now=None, raised=NOW - 1000) == [("b", "unknown")]


def test_where_nb_cfg_never_moved_nothing_is_known() -> None:
    assert found(target=0) == [("a", "unknown"), ("b", "unknown")]


def test_who_has_never_followed_may_be_new() -> None:
    stale = list(stale_chassis(chassis("a", "b"), private(a=5, b=0), target=5, now=NOW))
    assert stale == [
        StaleChassis(name="b", why="it has never followed nb_cfg, which is 5", state="unknown", hostname="host-b")
    ]


@pytest.mark.parametrize("now", [NOW, None])
def test_one_of_the_two_rows_alone_is_stale_whatever_the_time(now: float | None) -> None:
    stale = list(stale_chassis(chassis("a"), private(b=5), target=5, now=now))
    assert [(one.name, one.state, one.why) for one in stale] == [
        ("b", "stale", "Chassis_Private without Chassis"),
        ("a", "stale", "Chassis without Chassis_Private"),
    ]


def test_chassis_of_other_zones_and_of_vtep_have_no_private_row() -> None:
    rows = {
        "remote": Chassis(name="remote", encaps=[ENCAP], other_config={"is-remote": "true"}),
        "vtep": Chassis(name="vtep", encaps=[ENCAP], vtep_logical_switches=["ls"]),
    }
    assert list(stale_chassis(rows, {}, target=5, now=NOW)) == []
