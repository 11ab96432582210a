"""Flows as ovs-ofctl dumps them: whose each is, and what goes back as it was."""

from __future__ import annotations

from ovnkit.deploy.flows import agent_cookies, of_agent, of_ovn, parse_flows

# Of br-int under ovn-controller 23.03, and beside them the agent's.
BR_INT = """\
NXST_FLOW reply (xid=0x4):
 cookie=0x3c6fd4c1, priority=100,in_port="v-vm1" actions=load:0x1->OXM_OF_METADATA[],resubmit(,8)
 cookie=0x0, table=64, priority=0 actions=resubmit(,65)
 cookie=0x59a7e1b2, table=8, priority=50,reg14=0x1,metadata=0x1 actions=resubmit(,9)
 cookie=0x9f3ec1d40a7e5b26, idle_age=4, hard_age=70, priority=2,in_port="int-br-ex" actions=drop
 cookie=0x9f3ec1d40a7e5b26, table=23, priority=0 actions=drop
"""
BR_EX = """\
OFPST_FLOW reply (OF1.3) (xid=0x2):
 cookie=0x77, priority=4,in_port="phy-br-ex",dl_vlan=1 actions=strip_vlan,NORMAL
 cookie=0x0, priority=0 actions=NORMAL
"""


def test_a_dump_is_read_flow_by_flow_and_its_ages_are_left_out() -> None:
    flows = parse_flows(BR_INT)
    assert [(flow.table, hex(flow.cookie)) for flow in flows] == [
        (0, "0x3c6fd4c1"), (64, "0x0"), (8, "0x59a7e1b2"), (0, "0x9f3ec1d40a7e5b26"), (23, "0x9f3ec1d40a7e5b26"),
    ]  # fmt: skip
    assert flows[3].text == 'cookie=0x9f3ec1d40a7e5b26, priority=2,in_port="int-br-ex" actions=drop'
    assert parse_flows("NXST_FLOW reply (xid=0x4):\n") == []


def test_ovns_flows_are_told_from_the_agents() -> None:
    flows = parse_flows(BR_INT)
    assert [flow.table for flow in of_ovn(flows)] == [64, 8]
    assert [flow.table for flow in of_agent(flows)] == [0, 23]


def test_an_agent_with_a_short_cookie_is_known_by_its_other_bridges() -> None:
    cookies = agent_cookies([parse_flows(BR_EX)])
    assert cookies == {0x77}
    flows = parse_flows(
        "cookie=0x77, table=60, priority=3 actions=NORMAL\ncookie=0x9, table=8, priority=0 actions=drop"
    )
    assert [flow.table for flow in of_agent(flows, cookies)] == [60]
    assert [flow.table for flow in of_ovn(flows, cookies)] == [8]


def test_a_bridge_that_switches_by_itself_has_flows_of_neither() -> None:
    flows = parse_flows(" cookie=0x0, priority=0 actions=NORMAL\n")
    assert of_ovn(flows) == of_agent(flows) == []
