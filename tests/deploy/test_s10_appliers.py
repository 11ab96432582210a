"""S10: several who deploy the same hosts at once, alike and differently, beside others who write to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ovnkit import deploy
from ovnkit.errors import Conflict
from ovnkit.vswitch import OpenVSwitch
from tests.deploy.site import Site

FIRST: dict[str, Any] = {
    "gateway": True,
    "bridge_mappings": {"physnet1": "br-one", "physnet2": "br-two"},
    "availability_zones": ["az1"],
}
SECOND: dict[str, Any] = {
    "bridge_mappings": {"physnet2": "br-two", "physnet3": "br-three"},
    "availability_zones": ["az2"],
    "options": {"ovn-monitor-all": True},
}
ROUNDS = 12


def at_once(*work: Callable[[], object]) -> None:
    """Do all of it at the same time."""
    begin = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> None:
        begin.wait()
        one()

    with ThreadPoolExecutor(len(work)) as pool:
        for ended in [pool.submit(run, one) for one in work]:
            ended.result()


def outcomes(site: Site, wanted: dict[str, Any], reports: list[deploy.Report]) -> Callable[[], object]:
    """Deploy, again and again."""

    def run() -> None:
        reports.extend(deploy.plan(site.spec(ctl=wanted)).apply() for _ in range(ROUNDS))

    return run


def foreign_writer(site: Site, number: int) -> Callable[[], object]:
    """Somebody who adds items of their own, as other tools do: without a mark."""

    def run() -> None:
        with site.vswitch("ctl") as vs:
            for turn in range(ROUNDS):
                mine = f"theirs{number}-{turn}"

                def edit(tx: Any, mine: str = mine, turn: int = turn) -> None:
                    row = tx.get(OpenVSwitch)
                    keys = dict(row.external_ids)
                    for key, item in (("ovn-bridge-mappings", f"{mine}:br-{number}-{turn}"), ("ovn-cms-options", mine)):
                        items = [old for old in keys.get(key, "").split(",") if old]
                        keys[key] = ",".join([*items, item])
                    tx.update(row, external_ids=keys)

                vs.transact(edit, timeout=30)

    return run


def theirs(site: Site) -> tuple[set[str], set[str]]:
    """What others have added and is there."""
    ids = site.ids("ctl")
    mappings, options = ids["ovn-bridge-mappings"].split(","), ids["ovn-cms-options"].split(",")
    return {item for item in mappings if item.startswith("theirs")}, {i for i in options if i.startswith("theirs")}


def check_theirs(site: Site, writers: int) -> None:
    """Nothing of what others have added is lost."""
    turns = [(number, turn) for number in range(writers) for turn in range(ROUNDS)]
    assert theirs(site) == (
        {f"theirs{number}-{turn}:br-{number}-{turn}" for number, turn in turns},
        {f"theirs{number}-{turn}" for number, turn in turns},
    )


def test_s10_two_who_want_the_same_converge_beside_others_whose_items_all_stay(site: Site) -> None:
    reports: list[deploy.Report] = []
    appliers = [outcomes(site, FIRST, reports) for _ in range(2)]
    at_once(*appliers, *(foreign_writer(site, number) for number in range(2)))
    assert all(reports)
    assert len(reports) == 2 * ROUNDS
    assert not deploy.plan(site.spec(ctl=FIRST))
    check_theirs(site, 2)
    with site.vswitch("ctl") as vs:
        config = vs.chassis_config()
    assert {item: bridge for item, bridge in config.bridge_mappings.items() if not item.startswith("theirs")} == (
        FIRST["bridge_mappings"]
    )


def test_s10_two_who_want_different_things_end_with_one_of_them_or_a_conflict(site: Site) -> None:
    reports: list[deploy.Report] = []
    appliers = [outcomes(site, wanted, reports) for wanted in (FIRST, SECOND)]
    at_once(*appliers, foreign_writer(site, 0))
    assert all(isinstance(result.problem, Conflict) for report in reports for result in report.failed)
    check_theirs(site, 1)
    settled = [wanted for wanted in (FIRST, SECOND) if not deploy.plan(site.spec(ctl=wanted))]
    assert len(settled) == 1
    for wanted in (SECOND, FIRST):
        assert deploy.plan(site.spec(ctl=wanted)).apply()
        assert not deploy.plan(site.spec(ctl=wanted))
    check_theirs(site, 1)


def test_s10_those_who_only_look_see_each_host_while_others_apply(site: Site) -> None:
    spec = site.spec(ctl=FIRST)
    plans: list[deploy.Plan] = []
    seen: list[deploy.Verification] = []
    reports: list[deploy.Report] = []

    def look() -> None:
        plans.extend(deploy.plan(spec) for _ in range(ROUNDS))

    def verify() -> None:
        seen.append(deploy.verify(spec, timeout=5))

    at_once(look, verify, verify, outcomes(site, FIRST, reports))
    assert all(plan.ok for plan in plans)
    assert all(reports)
    for verification in seen:
        # There is no ovn-controller here that would bring the rest about.
        databases = [check for check in verification.checks if check.what == "local database"]
        assert [check.ok for check in databases] == [True] * len(spec.hosts)
