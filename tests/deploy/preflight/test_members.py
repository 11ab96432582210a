"""Preflight of hosts that run the central services, once they do."""

from __future__ import annotations

import os
import time

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import HostPreflight, Spec, central
from tests.deploy.members import members


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to see whose a socket is")
def test_a_member_at_work_is_as_it_should_be() -> None:
    with members(1) as one:
        spec = one.listening("s1")
        (before,) = deploy.preflight(spec, timeout=2).hosts
        assert before.problem is None
        assert before.finding("member-address").state == "ok"
        assert {before.finding(rule).state for rule in ("listener-twice", "central-schema")} == {"unknown"}
        assert central.create(spec)
        (after,) = deploy.preflight(spec).hosts
        process = one.pid("s1", "ovnsb_db")
    assert (after.finding("central-ports").state, after.finding("central-ports").seen[:12]) == ("ok", "ovsdb-server")
    assert after.finding("listener-twice").state == "ok"
    assert f"(process {process}): " in after.finding("open-files").seen
    assert after.finding("database-disk").state != "unknown"
    assert after.finding("ovs-database").state == "not needed"
    assert after.finding("database-sync").seen.endswith(" ms")
    assert {after.finding(name).state for name in ("database-file", "central-schema")} == {"ok"}


CLUSTER = ("cluster-member", "cluster-servers", "cluster-log", "central-schema")


def look(spec: Spec, host: str) -> HostPreflight:
    rules = [rule for rule in deploy.RULES if rule.id in (*CLUSTER, "pidfiles")]
    (one,) = deploy.preflight(spec, host, timeout=4, rules=rules).hosts
    return one


def test_what_is_the_matter_with_a_cluster_is_seen_at_its_members() -> None:
    with members(3) as three:
        spec = three.spec()
        assert central.create(spec)
        for host in deploy.preflight(spec).hosts:
            assert {host.finding(rule).state for rule in CLUSTER} == {"ok"}, host
        # A spec that has forgotten one.
        two = attrs.evolve(spec, central=attrs.evolve(spec.central, members=spec.central.members[:2]))
        stranger = look(two, "s1").finding("cluster-servers")
        assert stranger.state == "warning"
        assert f"at tcp:{three.addresses['s3']}:6643, which the spec does not name" in stranger.seen
        leader = next(one.host for one in central.status(spec) if one.leader and one.database == "OVN_Northbound")
        gone = next(name for name in three.names if name != leader)
        three.kill(gone, "ovnnb_db")
        deadline = time.monotonic() + 30
        while (silent := look(spec, leader).finding("cluster-servers")).state == "ok":
            assert time.monotonic() < deadline
        assert silent.state == "warning"
        assert f"OVN_Northbound does not hear of {gone} at" in silent.seen
        dead = look(spec, gone)
        assert {dead.finding(rule).state for rule in ("cluster-member", "cluster-log")} == {"unknown"}
        assert dead.finding("pidfiles").state == "warning"
        assert f"{gone}/ovnnb_db.pid names nothing that runs" in dead.finding("pidfiles").seen
