"""The report: what it counts as ready, and how it prints."""

from __future__ import annotations

import pickle

import pytest

from ovnkit.deploy import RULES, Finding, HostPreflight, PreflightReport
from ovnkit.deploy.preflight.rule import State, judge
from ovnkit.errors import NeedsHost
from tests.deploy.preflight.subjects import GOOD


def finding(host: str, rule: str, state: State, *, seen: str = "seen", remedy: str = "") -> Finding:
    return Finding(
        host=host,
        rule=rule,
        state=state,
        severity="error",
        seen=seen,
        why="It matters.",
        remedy=remedy,
        document="ovn-nb(5)",
    )


def test_warnings_and_unknown_facts_leave_a_host_ready_and_errors_do_not() -> None:
    states: tuple[State, ...] = ("ok", "warning", "info", "unknown", "not needed")
    ready = HostPreflight("gw1", tuple(finding("gw1", state, state) for state in states))
    broken = HostPreflight("gw2", (finding("gw2", "mtu", "error"),))
    unseen = HostPreflight("gw3", (), NeedsHost("it", "do"))
    report = PreflightReport((ready, broken, unseen))
    assert (ready.ok, broken.ok, unseen.ok) == (True, False, False)
    assert report.failed == (broken, unseen)
    assert not report
    assert not report.ok
    assert PreflightReport((ready,)).ok
    assert len(report.findings) == 6


def test_the_worst_comes_first_and_each_rule_is_explained_once() -> None:
    report = PreflightReport(
        (
            HostPreflight("gw1", (finding("gw1", "clock", "warning", seen="30 s ahead", remedy="chrony"),)),
            HostPreflight(
                "cmp1",
                (
                    finding("cmp1", "mtu", "error", seen="eth0 has 1400", remedy="ip link set eth0 mtu 1600"),
                    finding("cmp1", "clock", "warning", seen="9 s behind", remedy="chrony"),
                    finding("cmp1", "disk", "unknown", seen="it is not there"),
                    finding("cmp1", "bridge", "ok"),
                ),
                NeedsHost("looking at cmp1", "do it there"),
            ),
        )
    )
    assert str(report).splitlines() == [
        "! cmp1: looking at cmp1 needs access to the host; by hand: do it there",
        "         host  rule   seen",
        "error    cmp1  mtu    eth0 has 1400",
        "warning  gw1   clock  30 s ahead",
        "warning  cmp1  clock  9 s behind",
        "unknown  cmp1  disk   it is not there",
        "",
        "mtu: It matters.",
        "  See ovn-nb(5).",
        "  > cmp1: ip link set eth0 mtu 1600",
        "",
        "clock: It matters.",
        "  See ovn-nb(5).",
        "  > gw1, cmp1: chrony",
        "",
        "2 hosts: 1 error, 2 warnings, 1 unknown, 1 ok",
    ]


def test_a_host_that_is_ready_prints_as_one_line() -> None:
    assert str(HostPreflight("gw1", (finding("gw1", "mtu", "ok"),))) == "1 host: 1 ok"
    assert str(PreflightReport(())) == "0 hosts: nothing was looked at"


def test_long_text_is_broken_and_what_is_not_printable_is_escaped() -> None:
    seen = "one two three " * 20
    lines = str(HostPreflight("gw1", (finding("gw1", "mtu", "error", seen=seen, remedy="a\x1b[31mb"),))).splitlines()
    assert all(len(line) <= 88 for line in lines)
    assert all(line.isprintable() for line in lines)
    assert sum("three" in line for line in lines) > 1


def test_a_finding_is_found_by_its_rule() -> None:
    host = HostPreflight("gw1", (finding("gw1", "mtu", "ok"),))
    assert host.finding("mtu").state == "ok"
    with pytest.raises(KeyError, match="clock"):
        host.finding("clock")


def test_a_report_can_be_pickled() -> None:
    report = PreflightReport((HostPreflight("gw1", judge(RULES, GOOD)),))
    assert pickle.loads(pickle.dumps(report)) == report
