"""Packets as ovn-trace takes them."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.errors import InvalidValue
from ovnkit.topology.trace.packet import Packet, Protocol, ProtocolName, quoted, the_protocol

ONE, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def fields(name: ProtocolName, port: int | None = None, *, six: bool = False, **more: Any) -> list[str]:
    ends = ("fd00::1", "fd00::12:3456") if six else ("10.0.0.1", "10.0.0.2")
    kind = IPv6Address if six else IPv4Address
    packet = Packet(
        inport="vm1",
        eth_src=ONE,
        eth_dst=OTHER,
        source=kind(ends[0]),
        target=kind(ends[1]),
        protocol=Protocol(name, port),
        **more,
    )
    found = packet.expression.split(" && ")
    assert found[:2] == ['inport == "vm1"', f"eth.src == {ONE}"]
    return found[2:]


def test_a_ping() -> None:
    assert fields("icmp", ttl=3) == [
        f"eth.dst == {OTHER}",
        "ip4.src == 10.0.0.1",
        "ip4.dst == 10.0.0.2",
        "ip.ttl == 3",
        "icmp4.type == 8",
        "icmp4.code == 0",
    ]


def test_the_answer_to_a_ping() -> None:
    assert fields("icmp", reply=True)[-2:] == ["icmp4.type == 0", "icmp4.code == 0"]
    assert fields("icmp", six=True, reply=True)[-2:] == ["icmp6.type == 129", "icmp6.code == 0"]


def test_a_connection_begins_with_syn_and_is_answered_from_the_port() -> None:
    assert fields("tcp", 80)[-3:] == ["tcp.src == 49152", "tcp.dst == 80", "tcp.flags == 2"]
    assert fields("tcp", 80, reply=True)[-3:] == ["tcp.src == 80", "tcp.dst == 49152", "tcp.flags == 18"]
    assert fields("udp", 53)[-2:] == ["udp.src == 49152", "udp.dst == 53"]
    assert fields("sctp", 53)[-2:] == ["sctp.src == 49152", "sctp.dst == 53"]


def test_who_has_an_address_is_asked_of_all() -> None:
    assert fields("arp") == [
        "eth.dst == ff:ff:ff:ff:ff:ff",
        "arp.op == 1",
        f"arp.sha == {ONE}",
        "arp.spa == 10.0.0.1",
        "arp.tha == 00:00:00:00:00:00",
        "arp.tpa == 10.0.0.2",
    ]


def test_neighbours_are_asked_by_the_group_of_the_address() -> None:
    found = fields("arp", six=True)
    assert found[0] == "eth.dst == 33:33:ff:12:34:56"
    assert "ip6.dst == ff02::1:ff12:3456" in found
    assert found[-2:] == ["nd.target == fd00::12:3456", f"nd.sll == {ONE}"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_names_are_quoted_as_in_json(name: str) -> None:
    assert json.loads(quoted(name)) == name
    assert "\n" not in quoted(name)


@pytest.mark.parametrize(
    "wrong", [{"tcp": 0}, {"udp": 65536}, {"tcp": True}, {"tcp": 80, "udp": 53}, {"icmp": True, "arp": True}]
)
def test_a_wrong_port_and_two_protocols_are_refused(wrong: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {"tcp": None, "udp": None, "sctp": None, "icmp": False, "arp": False}
    with pytest.raises(InvalidValue):
        the_protocol(**nothing | wrong)
