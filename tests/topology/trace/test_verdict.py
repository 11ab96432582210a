"""What hops come to: also those of releases whose northd has other stages than the one that is installed."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit.northbound import ACL, LoadBalancer, LogicalRouter, LogicalSwitch
from ovnkit.topology.tables import Tables
from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.verdict import Conclusion, conclude

NOTHING = Tables(None)


def hop(stage: str, *actions: str, device: Any = None, row: Any = None, **more: Any) -> Hop:
    kind = LogicalSwitch(name="web") if stage.startswith("ls_") else LogicalRouter(name="r")
    pipeline = "egress" if "_out_" in stage else "ingress"
    plain: dict[str, Any] = {"match": "1", "priority": 1, "inport": "vm1", "table": 1, "datapath": kind.name}
    return Hop(stage=stage, actions=actions, device=device or kind, row=row, pipeline=pipeline, **{**plain, **more})  # type: ignore[arg-type]


def concluded(*hops: Hop, wanted: tuple[str, ...] = ("vm2",)) -> Conclusion:
    return conclude(NOTHING, hops, to="10.0.0.2", wanted=wanted, of_source="vm1", anyone=False)


def acl(action: Any, name: str) -> ACL:
    return ACL(name=name, action=action, direction="to-lport", match="ip4", priority=7)


def test_since_23_06_the_acl_is_found_in_one_stage_and_drops_in_a_later_one() -> None:
    wall = acl("drop", "wall")
    found = concluded(
        hop("ls_out_acl_eval", "reg8[17] = 1;", "next;", row=wall),
        hop("ls_out_acl_action", "reg8[16] = 0;", "drop;"),
    )
    assert found.verdict == "dropped"
    assert found.drop is not None
    assert (found.drop.acl, found.drop.hop is not None) == (wall, True)


def test_an_acl_that_lets_it_pass_is_not_the_one_that_drops_it() -> None:
    found = concluded(hop("ls_in_acl_eval", row=acl("allow-related", "gate")), hop("ls_in_acl_action", "drop;"))
    assert found.drop is not None
    assert found.drop.acl is None
    assert "no ACL allows it" in found.reason


def test_an_acl_of_the_other_pipeline_is_not_the_one_either() -> None:
    found = concluded(hop("ls_in_acl_eval", row=acl("drop", "other")), hop("ls_out_acl_action", "drop;"))
    assert found.drop is not None
    assert found.drop.acl is None


def test_what_connection_tracking_takes_for_invalid_is_said_to_be() -> None:
    assert "invalid" in concluded(hop("ls_out_acl_eval", "drop;", match="ct.inv || ct.est")).reason


def test_a_reject_is_an_answer_to_the_sender() -> None:
    found = concluded(
        hop("ls_out_acl_eval", row=acl("reject", "wall")),
        hop("ls_out_acl_action", "reject { … };"),
        hop("ls_in_check_port_sec", packet="tcp_reset"),
    )
    assert (found.verdict, found.reason.partition(" on ")[0]) == ("rejected", "rejected by ACL wall")


@pytest.mark.parametrize("stage", ["lr_in_dnat", "lr_in_lb_aff_check", "ls_in_lb"])
def test_a_load_balancer_without_backends(stage: str) -> None:
    found = concluded(hop(stage, "drop;", row=LoadBalancer(name="front")))
    assert "by load balancer front" in found.reason


def test_a_stage_that_is_not_known_is_told_as_it_is() -> None:
    found = concluded(hop("ls_in_something_new", "drop;", match="eth.dst == 7"))
    assert found.reason.endswith("in stage ls_in_something_new (ingress): priority 1, match eth.dst == 7")
    found = concluded(hop("lr_in_something_new", match="", priority=None))
    assert found.reason == "dropped on router r in stage lr_in_something_new (ingress): no flow matches"


def test_another_port_than_the_wanted_one_is_elsewhere() -> None:
    found = concluded(hop("ls_out_apply_port_sec", "output;", outputs=(("vm9", ""),)))
    assert (found.verdict, found.reason) == ("elsewhere", "delivered to vm9, which is not where it was to go")


def test_without_a_hop_nothing_is_known() -> None:
    assert concluded().verdict == "unknown"


def test_a_router_that_asks_has_not_sent_the_packet_on_whatever_follows() -> None:
    found = concluded(
        hop("lr_in_ip_routing", "reg0 = 10.0.0.254;"),
        hop("lr_in_arp_request", "arp { output; };", "output;"),
        hop("ls_out_apply_port_sec", packet="arp", outputs=(("provnet", "localnet"),)),
        hop("ls_out_apply_port_sec", outputs=(("provnet", "localnet"),)),
        wanted=("provnet",),
    )
    assert found.verdict == "unresolved"
    assert "the MAC address of 10.0.0.254 yet, and asks for it by provnet" in found.reason
