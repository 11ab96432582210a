"""The order of upgrading OVN, and the releases between which there is one."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit import Southbound, VSwitch, deploy
from ovnkit.errors import InvalidValue
from ovnkit.ovsdb import Exactly
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import SBGlobal
from ovnkit.vswitch import OpenVSwitch

RELEASES = st.builds("{}.{}".format, st.integers(20, 40), st.sampled_from(["03", "06", "09", "12"]))


def refused(from_: str, to: str) -> str:
    with pytest.raises(InvalidValue) as caught:
        deploy.upgrade_steps(from_, to)
    return str(caught.value)


@pytest.mark.parametrize(
    ("from_", "to"),
    [
        ("22.03", "24.03"),
        ("24.03", "26.03"),
        ("24.03", "25.03"),
        ("22.03", "22.06"),
        ("23.03", "24.03"),
        ("25.09", "26.03"),
        ("21.12", "22.03"),
        ("20.03", "22.03"),
        ("23.09.1", "24.03.4"),
        ("24.03", "24.03.2"),
        ("24.03.1", "24.03.2"),
        ("23.06.1", "23.06.3"),
        ("26.03", "28.03"),
    ],
)
def test_supported_spans_are_one_upgrade(from_: str, to: str) -> None:
    assert deploy.upgrade_path(from_, to) == (to,)
    assert deploy.upgrade_steps(from_, to)


@pytest.mark.parametrize(
    ("from_", "to", "path"),
    [
        ("22.03", "26.03", ("24.03", "26.03")),
        ("22.03", "25.03", ("24.03", "25.03")),
        ("23.03", "26.03", ("24.03", "26.03")),
        ("23.03.1", "24.09.2", ("24.03", "24.09.2")),
        ("20.12", "26.03.1", ("22.03", "24.03", "26.03.1")),
    ],
)
def test_a_longer_way_leads_over_the_long_term_releases(from_: str, to: str, path: tuple[str, ...]) -> None:
    assert deploy.upgrade_path(from_, to) == path
    assert f"allowed: {', then '.join(path)}" in refused(from_, to)
    assert 'method="fail-safe"' in refused(from_, to)


@pytest.mark.parametrize(("from_", "to"), [("23.03", "23.06"), ("23.03", "23.12"), ("24.09", "25.03")])
def test_between_two_long_term_releases_nothing_leads_on_but_to_the_next(from_: str, to: str) -> None:
    message = refused(from_, to)
    assert ("24.03, to which alone" if from_.startswith("23") else "26.03, to which alone") in message
    assert deploy.upgrade_steps(from_, to, method="fail-safe")


@pytest.mark.parametrize(("from_", "to"), [("24.03", "23.09"), ("24.03.2", "24.03.1"), ("26.03", "24.03")])
def test_there_is_no_way_back(from_: str, to: str) -> None:
    assert "backup" in refused(from_, to)
    with pytest.raises(InvalidValue, match="backup"):
        deploy.upgrade_steps(from_, to, method="fail-safe")


@pytest.mark.parametrize("release", ["2.12", "24.3", "24.04", "24.03.x", "", "24.03 ", "v24.03", "24.03\n", "19.12"])
def test_what_is_no_release_is_refused(release: str) -> None:
    for from_, to in ((release, "24.03"), ("24.03", release)):
        for method in deploy.upgrade_steps, deploy.upgrade_path:
            with pytest.raises(InvalidValue, match=r"upgrade\.(from|to).*such as 24\.03"):
                method(from_, to)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InvalidValue, match="rolling or fail-safe"):
        deploy.upgrade_steps("24.03", "26.03", method="brave")  # type: ignore[arg-type]


def test_the_same_release_is_nothing_to_do() -> None:
    assert deploy.upgrade_path("24.03.1", "24.03.1") == ()
    assert deploy.upgrade_steps("24.03", "24.03") == ()
    assert deploy.upgrade_steps("24.03", "24.03", method="fail-safe") == ()


@given(RELEASES, RELEASES)
def test_every_stop_of_a_path_is_supported_and_there_is_none_too_many(from_: str, to: str) -> None:
    try:
        path = deploy.upgrade_path(from_, to)
    except InvalidValue:
        return
    stops = (from_, *path)
    assert stops[-1] == to
    for before, after in pairwise(stops):
        assert deploy.upgrade_path(before, after) == (after,)
    for before, _, after in zip(stops, stops[1:], stops[2:], strict=False):
        assert len(deploy.upgrade_path(before, after)) == 2


def index(steps: tuple[deploy.UpgradeStep, ...], words: str) -> int:
    (found,) = [number for number, step in enumerate(steps) if words in step.what]
    return found


def test_rolling_the_controllers_come_first_and_are_not_pinned() -> None:
    steps = deploy.upgrade_steps("24.03", "26.03")
    order = [
        index(steps, words)
        for words in ("ovn-match-northd-version is off", "restart ovn-controller", "and ovn-northd", "Northbound")
    ]
    assert order == sorted(order)
    assert steps[index(steps, "restart ovn-controller")].where == "every chassis"
    assert index(steps, "back up") < index(steps, "and ovn-northd")
    assert not [step for step in steps if "ovn-match-northd-version=true" in "".join(step.commands)]


def test_fail_safe_the_central_services_come_first_and_the_controllers_are_pinned_meanwhile() -> None:
    steps = deploy.upgrade_steps("22.03", "26.03", method="fail-safe")
    words = (
        *("last point release of 22.03", "ovn-match-northd-version is on", "stop ovn-northd", "a version that nobody"),
        *("databases and ovn-northd", "restart ovn-controller", "ovn-match-northd-version is off", "Northbound"),
    )
    order = [index(steps, word) for word in words]
    assert order == sorted(order)
    assert index(steps, "back up") < index(steps, "stop ovn-northd")


def test_a_step_prints_where_what_why_and_how() -> None:
    step = deploy.upgrade_steps("24.03", "26.03")[1]
    assert str(step).splitlines() == [f"{step.where}: {step.what}", f"  {step.why}", f"  $ {step.commands[0]}"]


def test_the_commands_that_write_and_read_databases_do_what_they_are_for(tmp_path: Path) -> None:
    """Those that start and stop services are of a host with systemd, and are not run."""
    steps = deploy.upgrade_steps("22.03", "26.03", method="fail-safe")
    servers = [
        Server(tmp_path / f"{name}.db", find_schema(schema), run_dir=tmp_path, name=name)
        for name, schema in (
            ("ovnnb_db", "ovn-nb.ovsschema"),
            ("ovnsb_db", "ovn-sb.ovsschema"),
            ("db", "vswitch.ovsschema"),
        )
    ]
    with servers[0], servers[1], servers[2]:
        environment = {**os.environ, "OVS_RUNDIR": str(tmp_path), "OVN_RUNDIR": str(tmp_path)}

        def run(words: str) -> None:
            for command in steps[index(steps, words)].commands:
                subprocess.run(["sh", "-ec", command], env=environment, cwd=tmp_path, check=True, timeout=60)

        with (
            VSwitch.connect(servers[2].remote, timeout=20) as vs,
            Southbound.connect(servers[1].remote, timeout=20) as sb,
        ):
            vs.transact(lambda tx: tx.insert(OpenVSwitch(external_ids={"system-id": "cmp1"})))
            sb.transact(lambda tx: tx.insert(SBGlobal()))
            pinned = {"system-id": "cmp1", "ovn-match-northd-version": "true"}
            run("ovn-match-northd-version is on")
            vs.wait(OpenVSwitch, external_ids=pinned, timeout=20)
            for _ in range(2):
                run("ovn-match-northd-version is off")
                vs.wait(OpenVSwitch, external_ids=Exactly({"system-id": "cmp1"}), timeout=20)
            run("a version that nobody has")
            sb.wait(SBGlobal, options={"northd_internal_version": "upgrading"}, timeout=20)
            run("back up")
    for name in ("ovnnb", "ovnsb"):
        assert '"OVN_' in (tmp_path / f"{name}-22.03.backup").read_text()
