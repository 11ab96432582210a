"""Preflight of hosts that run the central services, once they do."""

from __future__ import annotations

import os

import pytest

from ovnkit import deploy
from ovnkit.deploy import central
from tests.deploy.members import members


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to see whose a socket is")
def test_a_member_at_work_is_as_it_should_be() -> None:
    with members(1) as one:
        spec = one.listening("s1")
        (before,) = deploy.preflight(spec, timeout=2).hosts
        assert before.problem is None
        assert before.finding("member-address").state == "ok"
        assert before.finding("listener-twice").state == "unknown"
        assert central.create(spec)
        (after,) = deploy.preflight(spec).hosts
        process = one.pid("s1", "ovnsb_db")
    assert (after.finding("central-ports").state, after.finding("central-ports").seen[:12]) == ("ok", "ovsdb-server")
    assert after.finding("listener-twice").state == "ok"
    assert f"(process {process}): " in after.finding("open-files").seen
    assert after.finding("database-disk").state != "unknown"
    assert after.finding("ovs-database").state == "not needed"
