"""What the kernel tells, as real machines tell it, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy.preflight import procfs
from ovnkit.deploy.preflight.facts import AGENTS, PROGRAMS, Mount, Pidfile, Process, Socket, Unread

# Debian 12 with Docker, after three `ip netns add` in containers without a shared bind.
MOUNTINFO = """\
22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
25 29 0:23 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=401908k,mode=755,inode64
1480 25 0:23 /netns /run/netns rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=401908k,mode=755,inode64
1481 1480 0:23 /netns /run/netns rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=401908k,mode=755,inode64
1497 1481 0:4 net:[4026532317] /run/netns/ovnmeta-6c1c rw shared:754 - nsfs nsfs rw
612 29 0:52 / /var/lib/docker/overlay2/a\\040b/merged rw,relatime master:3 - overlay overlay rw,lowerdir=/x
"""

MODULES = """\
vport_geneve 16384 1 - Live 0xffffffffc0a51000
openvswitch 204800 5 vport_geneve, Live 0xffffffffc0a1d000
nsh 16384 1 openvswitch, Live 0xffffffffc0a18000
nf_conncount 24576 1 openvswitch, Live 0xffffffffc09bf000
nf_nat 57344 2 xt_MASQUERADE,openvswitch, Live 0xffffffffc0987000
nf_conntrack 188416 5 nf_nat,openvswitch, Live 0xffffffffc0936000
"""
BUILT_IN = "kernel/drivers/net/loopback.ko\nkernel/net/ipv6/ipv6.ko\nkernel/net/netfilter/nf_conntrack.ko\n"
LOADABLE = """\
kernel/net/openvswitch/vport-geneve.ko: kernel/net/openvswitch/openvswitch.ko kernel/drivers/net/geneve.ko
kernel/drivers/net/geneve.ko.xz: kernel/net/ipv4/udp_tunnel.ko.xz kernel/net/ipv6/ip6_udp_tunnel.ko.xz
kernel/net/openvswitch/openvswitch.ko.zst: kernel/net/nsh/nsh.ko.zst
"""

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:19F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22831 1 0000000064 100 0
   1: 0100007F:19F0 00000000:0000 0A 00000000:00000000 00:00000000 00000000   112        0 19210 1 0000000012 100 0
   2: 0A0000C0:19F2 0B0000C0:D431 01 00000000:00000000 02:000001A2 00000000     0        0 31107 4 00000000ab 20 4
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 \
00000000     0        0 17755 1 00000000c1 100 0 0 10 0
"""
UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1204: 00000000:17C1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 25117 2 00000000f2 0
"""

PROCESSES = (
    "812\troot\tsame\tunconfined\t65535\t\t25:100 \t/etc/openvswitch/conf.db "
    "\tovsdb-server\t/etc/openvswitch/conf.db\t-vconsole:emer"
    "\t--remote=punix:/var/run/openvswitch/db.sock\t--remote=db:Open_vSwitch,Open_vSwitch,manager_options\t\n"
    "1411\tneutron\town\tdocker-default (enforce)\t1048576"
    "\t2011 1984 0:25 /netns /run/netns rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=401908k"
    "\t\t\t/var/lib/kolla/venv/bin/python3\t/var/lib/kolla/venv/bin/neutron-ovn-metadata-agent\t--config-file\t/x\t\n"
    "1500\t42435\town\tunconfined\tunlimited\t"
    "\t\t\tneutron-l3-agent (/usr/bin/python3 /usr/bin/neutron-l3-agent --config-file /etc/neutron/neutron.conf)\t\n"
    "77\troot\tsame\t\t1024\t\t\t\tvi\t/etc/neutron/neutron-l3-agent.ini\t\n"
    "78\troot\tsame\t\t1024\t\t\t\ttail\t-f\t/var/log/ovn/ovn-controller.log\t\n"
    "89\troot\tsame\t\t1024\t\t\t\tovs-vswitchd: monitoring pid 90 (healthy)\t\n"
    "90\troot\tsame\t\t1024\t\t- 25:100\t\t/lib64/ld-linux-x86-64.so.2\t--argv0\t/srv/bin/ovs-vswitchd"
    "\t--private-key=/k\t-c\t/c\t\n"
)


def test_rows_of_the_mount_table_are_read() -> None:
    found = procfs.parse_mountinfo(MOUNTINFO)
    assert len(found) == 7
    assert [mount for mount in found if mount.point == "/run/netns"] == [
        Mount("/run/netns", "/netns", "tmpfs", shared=True),
        Mount("/run/netns", "/netns", "tmpfs", shared=False),
    ]
    assert found[5].kind == "nsfs"
    assert found[6].point == "/var/lib/docker/overlay2/a b/merged"


def test_modules_are_loaded_built_in_or_to_be_loaded() -> None:
    found = procfs.parse_modules(MODULES, "kernel nf_conntrack", BUILT_IN, LOADABLE)
    assert found.state("openvswitch") == "there"
    assert found.state("nf_conntrack") == "there"
    assert found.state("ipv6") == "there"
    assert found.state("geneve") == "loadable"
    assert found.state("vport_geneve") == "there"
    assert found.state("vxlan") == "missing"


def test_without_lib_modules_what_is_not_seen_may_still_be_built_in() -> None:
    found = procfs.parse_modules(None, "kernel openvswitch", None, None)
    assert found.state("openvswitch") == "there"
    with pytest.raises(Unread, match="vxlan is not loaded"):
        found.state("vxlan")


def test_modules_that_are_loaded_at_boot_are_read_and_comments_are_not() -> None:
    assert procfs.parse_modules_load("# geneve\n; vxlan\n\nopenvswitch\nvport-geneve option=1\n") == {
        "openvswitch",
        "vport_geneve",
    }


def test_listening_sockets_are_read_and_connections_are_not() -> None:
    assert procfs.parse_sockets(TCP, UDP) == (
        Socket("tcp", 6641, 22831),
        Socket("tcp", 6640, 19210),
        Socket("tcp", 22, 17755),
        Socket("udp", 6081, 25117),
    )


def test_owners_of_sockets_are_read() -> None:
    assert procfs.parse_owners("socket:[22831] ovsdb-server\nsocket:[9] \n/dev/null x\n") == {22831: "ovsdb-server"}


def test_settings_are_read_by_their_path() -> None:
    text = "/proc/sys/net/ipv4/conf/br-ex/rp_filter:2\n/proc/sys/net/ipv6/conf/all/disable_ipv6:0\n"
    assert procfs.parse_sysctls(text) == {"net/ipv4/conf/br-ex/rp_filter": "2", "net/ipv6/conf/all/disable_ipv6": "0"}


def test_processes_are_programs_and_not_words_of_others() -> None:
    database, controller, metadata, l3 = procfs.parse_processes(PROCESSES)
    assert database == Process(
        pid=90,
        program="ovs-vswitchd",
        user="root",
        open_files=1024,
        key="/k",
        certificate="/c",
        sockets=("-", "25:100"),
    )
    assert (controller.sockets, controller.pinned) == (("25:100",), ("/etc/openvswitch/conf.db",))
    assert controller.remotes == (
        "punix:/var/run/openvswitch/db.sock",
        "db:Open_vSwitch,Open_vSwitch,manager_options",
    )
    assert controller.open_files == 65535
    assert metadata == Process(
        pid=1411,
        program="neutron-ovn-metadata-agent",
        user="neutron",
        profile="docker-default (enforce)",
        apart=True,
        netns=Mount("/run/netns", "/netns", "tmpfs", shared=True),
        open_files=1048576,
    )
    assert (l3.program, l3.profile, l3.netns, l3.open_files) == ("neutron-l3-agent", "", None, None)


def test_pidfiles_are_read_with_the_programs_that_are_known_by_their_names() -> None:
    text = (
        "/run/ovn/ovnsb_db.pid\t41\truns\n/run/ovn/ovn-controller.pid\t42\tgone\n"
        "/run/ovn/ovn-ic.pid\t43\tgone\n/run/ovn/ovn-northd.pid\t\tgone\n\n"
    )
    assert procfs.parse_pidfiles(text) == (
        Pidfile("/run/ovn/ovnsb_db.pid", "ovsdb-server", 41, runs=True),
        Pidfile("/run/ovn/ovn-controller.pid", "ovn-controller", 42, runs=False),
        Pidfile("/run/ovn/ovn-ic.pid", "", 43, runs=False),
    )


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.1.0-18-amd64", (6, 1)),
        ("4.4.0-210-generic\n", (4, 4)),
        ("5.14.0-362.el9.x86_64", (5, 14)),
        ("6", None),
        ("", None),
    ],
)
def test_a_release_has_two_numbers_that_count(release: str, version: tuple[int, int] | None) -> None:
    assert procfs.version_of(release) == version


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_garbage_is_passed_over(text: str) -> None:
    procfs.version_of(text)
    procfs.parse_modules(text, text, text, text)
    procfs.parse_modules_load(text)
    procfs.parse_mountinfo(text)
    procfs.parse_sockets(text, text)
    procfs.parse_owners(text)
    procfs.parse_pidfiles(text)
    procfs.parse_sysctls(text)
    assert all(process.program in PROGRAMS | AGENTS for process in procfs.parse_processes(text))


@given(st.sampled_from((MOUNTINFO, MODULES, LOADABLE, TCP, UDP, PROCESSES)), st.data())
def test_of_text_that_was_cut_the_whole_lines_are_read(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    kept = data.draw(st.integers(0, len(lines) - 1))
    whole = "".join(lines[:kept])
    cut = whole + lines[kept][: data.draw(st.integers(0, len(lines[kept]) - 1))]
    for parse in (procfs.parse_mountinfo, procfs.parse_processes, lambda part: procfs.parse_sockets(part, part)):
        assert set(parse(whole)) <= set(parse(cut))


@given(st.text(alphabet="\\0123456789 /ab", max_size=20))
def test_a_mount_point_with_blanks_is_the_one_that_was_mounted(path: str) -> None:
    written = "".join(f"\\{ord(letter):03o}" if letter in " \\" else letter for letter in f"/{path}")
    (mount,) = procfs.parse_mountinfo(f"1 2 0:3 / {written} rw - tmpfs tmpfs rw\n")
    assert mount.point == f"/{path}"


@given(st.integers(0, 65535), st.integers(1, 10**9), st.sampled_from(["tcp", "udp"]))
def test_any_port_makes_the_round_trip(port: int, inode: int, protocol: str) -> None:
    state = "0A" if protocol == "tcp" else "07"
    line = f"   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n"
    (found,) = procfs.parse_sockets(line if protocol == "tcp" else "", line if protocol == "udp" else "")
    assert (found.protocol, found.port, found.inode) == (protocol, port, inode)
