"""Hops out of what ovn-trace prints: plain values in, plain values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.topology.trace.hops import Hop, parse

SWITCH = "0b5c2e5e-6f5f-4a3c-9d1c-3d9c0f6f1a11"


def section(title: str, body: str = "", indent: int = 0) -> str:
    lines = [title, "-" * len(title.encode()), *body.splitlines()]
    return "\n" + "\n".join(" " * indent + line for line in lines) + "\n"


def step(table: int, stage: str, match: str, *actions: str, flow: str = "0123abcd", indent: int = 0) -> str:
    lines = [f"{table:2}. {stage} (northd.c:1): {match}, priority 50, uuid {flow}", *(f"    {one}" for one in actions)]
    return "\n".join(" " * indent + line for line in lines)


def ingress(body: str, inport: str = "vm1") -> str:
    return section(f'ingress(dp="{SWITCH}", inport="{inport}")', body)


def egress(body: str, outport: str = "vm2", *, indent: int = 0) -> str:
    return section(f'egress(dp="{SWITCH}", inport="vm1", outport="{outport}")', body, indent)


def test_a_hop_has_its_place_its_flow_and_what_it_does() -> None:
    text = "# icmp,…\n" + ingress(
        step(25, "ls_in_l2_lkup", "eth.dst == 02:00:00:00:00:02", 'outport = "vm2";', "output;")
    )
    assert parse(text) == (
        Hop(
            datapath=SWITCH,
            pipeline="ingress",
            inport="vm1",
            table=25,
            stage="ls_in_l2_lkup",
            match="eth.dst == 02:00:00:00:00:02",
            priority=50,
            actions=('outport = "vm2";', "output;"),
            flow="0123abcd",
        ),
    )


def test_an_output_names_the_port_and_its_type() -> None:
    (hop,) = parse(egress(step(9, "ls_out_apply_port_sec", "1", "output;", '/* output to "vm2", type "localnet" */')))
    assert (hop.pipeline, hop.outport, hop.outputs) == ("egress", "vm2", (("vm2", "localnet"),))


def test_a_table_where_nothing_matches_drops() -> None:
    (hop,) = parse(ingress(" 0. lr_in_admission: no match (implicit drop)"))
    assert (hop.stage, hop.priority, hop.match, hop.drops) == ("lr_in_admission", None, "", True)


def test_a_table_without_a_name_is_a_hop_as_well() -> None:
    (hop,) = parse(ingress(" 3. no match (implicit drop)"))
    assert (hop.table, hop.stage, hop.priority) == (3, "", None)


def test_connection_tracking_stands_before_the_next_hop() -> None:
    text = ingress(step(6, "ls_in_pre_stateful", "1", "ct_next;")) + section(
        "ct_next(ct_state=new|trk)", step(8, "ls_in_acl", "ip4", "drop;")
    )
    assert [hop.before for hop in parse(text)] == ["", "ct_next(ct_state=new|trk)"]


def test_the_packets_that_ovn_makes_itself_are_told_from_the_one_that_is_traced() -> None:
    inner = egress(step(6, "lr_out_delivery", "1", "output;"), "lrp")
    text = ingress(step(21, "lr_in_arp_request", "ip4", "arp { output; };"), "lrp-in") + section("arp") + inner
    assert [hop.packet for hop in parse(text)] == ["", "arp"]


def test_after_a_packet_of_its_own_the_first_one_goes_on() -> None:
    nested = section("icmp4", step(1, "lr_out_x", "1", "output;"), 4)
    text = ingress(
        step(3, "lr_in_ip_input", "1", "icmp4 { output; };") + "\n" + nested + step(4, "lr_in_next", "1", "next;")
    )
    assert [hop.packet for hop in parse(text)] == ["", "icmp4", ""]


def test_what_a_question_is_redirected_to_belongs_to_the_hop_that_asks() -> None:
    said = '/* Replacing type "chassisredirect" outport "cr-p" with distributed port "p". */'
    text = ingress(step(21, "lr_in_arp_request", "ip4", "arp { output; };")) + section(
        "arp", f"    output;\n    {said}"
    )
    assert parse(text)[0].redirected == ("cr-p",)


@pytest.mark.parametrize(
    "name",
    [
        'we"ird',
        "line\nend",
        "back\\slash",
        '")',
        "{}",
        "…",
        '", outport="x',
        ", inport=",
        '"',
        '/* output to "vm9", type "" */',
        '")\n-----\n 0. ls_in_acl: 1, priority 5, uuid 12345678\n    drop;\n',
    ],
)
def test_names_are_taken_as_they_are(name: str) -> None:
    said = f'/* Replacing type "chassisredirect" outport "{name}" with distributed port "p". */'
    (hop,) = parse(ingress(step(0, "ls_in_check_port_sec", "1", "next;", said), name), names=[name, "vm1"])
    assert (hop.inport, hop.redirected) == (name, (name,))
    (hop,) = parse(
        egress(step(9, "ls_out_apply_port_sec", "1", f'/* output to "{name}", type "" */'), name), names=[name]
    )
    assert (hop.outport, hop.outputs) == (name, ((name, ""),))


def test_a_match_that_looks_like_what_ovn_trace_prints_is_taken_as_it_is() -> None:
    match = "ip4 /*, priority 5, uuid 12345678\n    drop;\n\n*/"
    (hop,) = parse(egress(step(4, "ls_out_acl", f"reg0 == 1 && ({match})", "next;")), matches=[match])
    assert (hop.match, hop.flow, hop.actions) == (f"reg0 == 1 && ({match})", "0123abcd", ("next;",))


def test_a_match_may_have_line_ends_and_what_looks_like_the_end_of_a_hop() -> None:
    match = 'outport == "p2" &&\n   ip4 // , priority 5, uuid 12345678\n && udp'
    (hop,) = parse(egress(step(4, "ls_out_acl", match, "drop;")))
    assert (hop.match, hop.flow, hop.actions) == (match, "0123abcd", ("drop;",))


@given(st.text(max_size=300) | st.text(st.sampled_from(' -.:"\n0123456789abingresupt()=,/*'), max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert isinstance(parse(text), tuple)
    assert isinstance(parse(ingress(text), names=[text], matches=[text]), tuple)
