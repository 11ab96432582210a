"""What the programs of a host print, as they do, and as they should not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy.preflight import tools
from ovnkit.deploy.preflight.facts import Certificate, Disk, Firewall, KeyFile, Link, Probe

# iproute2 6.1, with a port of a bond and a bridge of Open vSwitch.
ADDRESSES = json.dumps(
    [
        {
            "ifindex": 2, "ifname": "ens3", "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], "mtu": 1600,
            "qdisc": "fq_codel", "operstate": "UP", "group": "default", "txqlen": 1000, "link_type": "ether",
            "address": "52:54:00:12:34:56", "broadcast": "ff:ff:ff:ff:ff:ff",
            "addr_info": [
                {"family": "inet", "local": "192.0.2.10", "prefixlen": 24, "scope": "global", "label": "ens3"},
                {"family": "inet6", "local": "fe80::5054:ff:fe12:3456", "prefixlen": 64, "scope": "link"},
            ],
        },
        {
            "ifname": "ens4", "flags": ["BROADCAST", "MULTICAST", "SLAVE", "UP"], "mtu": 1500, "master": "bond0",
            "operstate": "DOWN", "addr_info": [],
        },
        {"ifname": "br-ex", "flags": ["BROADCAST", "UP", "LOWER_UP"], "mtu": 1500, "operstate": "UNKNOWN"},
        {"ifname": "gre0", "flags": ["NOARP"], "mtu": 1476, "operstate": "DOWN", "addr_info": []},
        {},
    ]
)  # fmt: skip

# dd of coreutils 9.1.
WRITTEN = """\
10+0 records in
10+0 records out
40960 bytes (41 kB, 40 KiB) copied, 0.0151321 s, 2.7 MB/s
"""

# `iptables-save` and `nft list ruleset` of machines with ufw, firewalld, and nothing, as the script cuts them down.
UFW = """\
:INPUT DROP [12:720]
-A INPUT -j ufw-before-logging-input
-A ufw-user-input -p udp -m udp --dport 6081 -j ACCEPT
-A ufw-user-input -p tcp -m multiport --dports 6641:6644,22 -j ACCEPT
"""
OPEN = ":INPUT ACCEPT [100:9000]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
REJECTING = ":INPUT ACCEPT [0:0]\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n-A INPUT -j REJECT --reject-with x\n"
FIREWALLD = """\
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state invalid drop
		reject with icmpx admin-prohibited
	chain filter_IN_public_allow {
		tcp dport 22 accept
		udp dport { 4789, 6081 } accept
		tcp dport 6641-6642 accept
"""
DROPPING = (
    "	chain input {\n		type filter hook input priority filter; policy drop;\n		tcp dport ssh accept\n"
)
FORWARDING = "	chain forward {\n		type filter hook forward priority filter; policy drop;\n		drop\n"


def test_interfaces_are_read() -> None:
    ens3, ens4, bridge, tunnel = tools.parse_links(ADDRESSES)
    assert ens3 == Link(name="ens3", mtu=1600, up=True, addresses=("192.0.2.10", "fe80::5054:ff:fe12:3456"))
    assert ens4 == Link(name="ens4", mtu=1500, up=False, master="bond0")
    assert bridge.up
    assert not tunnel.up


@pytest.mark.parametrize("text", ["", "{}", "[1", "Cannot open netlink", '[{"ifname": "a", "mtu": {}}]'])
def test_what_is_no_list_of_interfaces_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        tools.parse_links(text)


@pytest.mark.parametrize(
    ("parse", "text", "closed", "named", "unnamed"),
    [
        (tools.parse_iptables, UFW, True, (6081, 6641, 6643, 22), (6640, 4789)),
        (tools.parse_iptables, OPEN, False, (22,), (6081,)),
        (tools.parse_iptables, REJECTING, True, (), (6081,)),
        (tools.parse_nft, FIREWALLD, True, (22, 4789, 6081, 6641, 6642), (6643,)),
        (tools.parse_nft, DROPPING, True, (), (6081,)),
        (tools.parse_nft, FORWARDING, False, (), ()),
        (tools.parse_nft, "", False, (), ()),
        (tools.parse_iptables, "", False, (), ()),
    ],
)
def test_a_firewall_is_closed_or_not_and_names_ports(
    parse: Callable[[str], Firewall], text: str, closed: bool, named: tuple[int, ...], unnamed: tuple[int, ...]
) -> None:
    found = parse(text)
    assert found.closed is closed
    assert all(found.names(port) for port in named)
    assert not any(found.names(port) for port in unnamed)


def test_a_file_system_is_read() -> None:
    text = (
        "Filesystem     Type  1024-blocks    Used Available Capacity Mounted on\n"
        "/dev/vda1      ext4     20509264 5242880  14199000      27% /var/lib/my ovn\n"
    )
    assert tools.parse_disk(text) == Disk("/var/lib/my ovn", "ext4", 14199000 * 1024)


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("subject=CN=gw1,OU=x,O=OVN", "gw1"),
        ("subject=O=OVN,CN=gw 1", "gw 1"),
        ("subject=O=a\\,CN=b,CN=gw1", "gw1"),
        ("subject=O=OVN", ""),
        ("subject=", ""),
    ],
)
def test_a_certificate_is_read(subject: str, name: str) -> None:
    found = tools.parse_certificate(f"{subject}\nnotAfter=Jan  2 03:04:05 2030 GMT\n")
    assert found == Certificate(name, 1893553445.0)


def test_the_file_of_a_key_is_read() -> None:
    assert tools.parse_key_file("640 openvswitch\n") == KeyFile(0o640, "openvswitch")


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("ovn-controller 23.03.1\nOpen vSwitch Library 3.1.0\n", "23.03.1"),
        ("ovn-controller (Open vSwitch) 2.9.8\nOpenFlow versions 0x4:0x4\n", "2.9.8"),
        ("", None),
    ],
)
def test_the_release_of_ovn_is_read(text: str, release: str | None) -> None:
    assert tools.parse_release(text) == release


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("LoadState=loaded\nMountFlags=\n", ""),
        ("LoadState=loaded\nMountFlags=slave\n", "slave"),
        ("LoadState=not-found\nMountFlags=\n", None),
        ("", None),
    ],
)
def test_the_mount_flags_of_a_unit_are_read(text: str, flags: str | None) -> None:
    assert tools.parse_mount_flags(text) == flags


def test_attempts_to_connect_are_read() -> None:
    text = (
        "192.0.2.2\t6642\t124\t\n"
        "192.0.2.1\t6642\t0\t\n"
        "192.0.2.3\t6642\t1\tbash: connect: Connection refused\n"
        "nowhere\t6642\t1\t\n"
        "Terminated\n"
    )
    assert tools.parse_probes(text) == (
        Probe("192.0.2.1", 6642, "connected"),
        Probe("192.0.2.2", 6642, "no answer", silent=True),
        Probe("192.0.2.3", 6642, "Connection refused"),
        Probe("nowhere", 6642, "status 1"),
    )
    assert [probe.connected for probe in tools.parse_probes(text)] == [True, False, False, False]


@given(st.text() | st.from_regex(r"[0-9]{1,5}\t[0-9]{1,5}\t[0-9]{1,4}\t.*|.*dport [0-9,:-]{1,20}.*"))
def test_garbage_is_passed_over_or_refused_as_a_value(text: str) -> None:
    tools.parse_iptables(text)
    tools.parse_nft(text)
    tools.parse_release(text)
    tools.parse_mount_flags(text)
    tools.parse_probes(text)
    refusing: tuple[Callable[[str], object], ...] = (
        tools.parse_links,
        tools.parse_disk,
        tools.parse_certificate,
        tools.parse_key_file,
    )
    for parse in refusing:
        with contextlib.suppress(ValueError):
            parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ifname", "mtu", "flags", "operstate", "master", "addr_info", "local"]), inner, max_size=4
        )
    ),
)


@given(JSON)
def test_json_that_is_no_list_of_interfaces_is_passed_over_or_refused_as_a_value(value: object) -> None:
    with contextlib.suppress(ValueError):
        tools.parse_links(json.dumps(value))


def test_how_long_a_write_takes_is_read() -> None:
    assert tools.parse_sync(WRITTEN) == pytest.approx(1.51321)
    assert tools.parse_sync(WRITTEN.replace("0.0151321", "1.5e-05")) == pytest.approx(0.0015)


@pytest.mark.parametrize("text", ["", "0+0 records out\n0 bytes copied, 0.1 s, 0 B/s\n", "dd: no space left\n"])
def test_a_write_that_did_not_happen_took_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="dd says"):
        tools.parse_sync(text)


def test_schemas_are_read_with_their_versions() -> None:
    assert tools.parse_schemas("OVN_Northbound=7.0.0\nOVN_Southbound=\n\n") == {"OVN_Northbound": "7.0.0"}
