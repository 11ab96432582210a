"""Decisions of reconciling: which pairs OVN still has to make, and what is said of each port."""

from __future__ import annotations

import attrs

from ovnkit.deploy.port_report import ReconcileReport, port_outcomes
from ovnkit.deploy.reconcile import missing_pairs
from ovnkit.deploy.sequence import StepResult
from ovnkit.vswitch.patch_ports import classify
from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState


def patch(name: str, peer: str, *, mark: str | None = None, ofport: int | None = 4) -> PortState:
    ids = {} if mark is None else {"ovn-localnet-port": mark}
    return PortState(name=name, peer=peer, external_ids=ids, ofport=ofport)


INNER = patch("patch-br-int-to-p1", "patch-p1-to-br-int", mark="p1")
OUTER = patch("patch-p1-to-br-int", "patch-br-int-to-p1", mark="p1")
AGENT = patch("int-br-ex", "phy-br-ex")


def host(*inner: PortState, outer: tuple[PortState, ...]) -> HostState:
    return HostState(
        bridges=(BridgeState(name="br-int", ports=inner), BridgeState(name="br-ex", ports=outer)),
        mappings={"physnet1": "br-ex"},
        wanted={"p1": "physnet1", "p2": "physnet2"},
        controller_running=True,
    )


def missing(state: HostState) -> list[str]:
    return missing_pairs(state, classify(state))


def test_a_pair_is_there_when_both_ends_have_numbers() -> None:
    assert missing(host(INNER, outer=(OUTER,))) == []
    assert missing(host(INNER, outer=(attrs.evolve(OUTER, ofport=None),))) == ["p1"]
    assert missing(host(INNER, outer=())) == ["p1"]
    assert missing(host(outer=())) == ["p1"]


def test_nothing_is_waited_for_that_an_imposter_keeps_from_coming() -> None:
    imposter = patch("mine", "patch-p1-to-br-int")
    assert missing(host(imposter, outer=())) == []


def test_every_port_is_reported_with_why_it_stays_or_goes() -> None:
    state = host(INNER, AGENT, outer=(OUTER, patch("phy-br-ex", "int-br-ex"), patch("x", "y")))
    before = classify(state)
    planned = port_outcomes(before, [port.port for port in before], (), dry_run=True)
    assert {outcome.port.port: outcome.state for outcome in planned} == {
        "patch-br-int-to-p1": "kept",
        "int-br-ex": "to remove",
        "patch-p1-to-br-int": "kept",
        "phy-br-ex": "to remove",
        "x": "kept",
    }
    done = port_outcomes(before, ["patch-br-int-to-p1", "patch-p1-to-br-int", "x"], (), dry_run=False)
    report = ReconcileReport("ctl: ports", (StepResult("all of it", "done", 0.1),), done)
    assert report
    assert str(report).split("\n") == [
        "ctl: ports",
        "  done          all of it (0.1 s)",
        "  kept          br-int patch-br-int-to-p1: ovn-live, ovn-controller made it for logical port p1",
        "  removed       br-int int-br-ex: agent, the OpenStack agent's pair to br-ex, beside OVN's own",
        "  kept          br-ex patch-p1-to-br-int: ovn-live, ovn-controller made it for logical port p1",
        "  removed       br-ex phy-br-ex: agent, the OpenStack agent's pair to br-ex, beside OVN's own",
        "  kept          br-ex x: half-open, not known to ovnkit, and y is missing or does not point back",
    ]
