"""A cluster in plain TCP comes to speak TLS while a virtual machine is pinged by its floating IP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ovnkit import deploy
from ovnkit.deploy import Spec, central
from ovnkit.lab import Lab
from ovnkit.northbound import Connection as OfNorthbound
from ovnkit.southbound import Connection as OfSouthbound
from tests.lab.gaps import pings
from tests.lab.three_controllers import FLOATING_IP, nothing_stale, three_controllers

pytestmark = pytest.mark.lab


@pytest.fixture
def plain(lab_possible: None, records: object) -> Iterator[tuple[Lab, Spec]]:
    """The cluster without TLS, and the spec that has it."""
    with three_controllers(tls=False) as (lab, wanted):
        yield lab, wanted


class Interrupted(Exception):
    """Somebody has pressed Ctrl-C."""


def test_nothing_is_noticed_but_that_it_cannot_be_overheard(plain: tuple[Lab, Spec]) -> None:
    lab, spec = plain
    deploy.certify(spec)
    with pings(lab.outside, FLOATING_IP) as seen:
        for stop in (3, 9, 14):
            _interrupted(spec, stop)
        report = deploy.secure(spec)
        assert report, str(report)
        lab.northbound.sync("hv", timeout=30)
    assert seen.longest_gap < 1.0
    assert not deploy.plan(spec)
    assert {step.state for step in deploy.secure(spec).steps} == {"already done"}
    for status in central.status(spec):
        assert {peer.address.partition(":")[0] for peer in status.peers} == {"ssl"}
    assert sorted(row.target for row in lab.northbound.find(OfNorthbound)) == ["pssl:6641"]
    assert sorted(row.target for row in lab.southbound.find(OfSouthbound)) == ["pssl:16642", "pssl:6642"]
    assert deploy.verify(spec, timeout=30)
    nothing_stale(lab, spec)


def _interrupted(spec: Spec, stop: int) -> None:
    seen: list[object] = []

    def tell(step: object) -> None:
        seen.append(step)
        if len(seen) > stop:
            raise Interrupted

    with pytest.raises(Interrupted):
        deploy.secure(spec, progress=tell)
