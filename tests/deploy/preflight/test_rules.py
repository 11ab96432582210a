"""Each rule with a host that is as it should be, and with hosts that are not; and with hosts that do not tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy import RULES, Answer, Finding, Subject, broken, holds, needless, rule
from ovnkit.deploy.preflight.facts import (
    BridgeFacts,
    Certificate,
    Disk,
    Firewall,
    HostFacts,
    KeyFile,
    Known,
    Link,
    Modules,
    Mount,
    Mounts,
    NorthboundFacts,
    Pidfile,
    Probe,
    Process,
    Socket,
    View,
)
from ovnkit.deploy.preflight.rule import judge
from ovnkit.errors import Timeout
from tests.deploy.preflight.subjects import (
    DATABASE,
    DAY,
    FACTS,
    GOOD,
    NORTH,
    NOW,
    OWN_CHASSIS,
    PROCESSES,
    SHARED,
    asked,
    central_only,
    chassis,
    member,
    on,
    registered,
    running,
    with_bridges,
    with_facts,
    with_ids,
    with_process,
    without,
)

METADATA = "neutron-ovn-metadata-agent"
NETDEV = {"ovn-bridge-datapath-type": "netdev"}
OLD = on(release="4.2.0-16-generic")
LOADABLE = Modules(
    present=frozenset({"nf_conntrack", "nf_nat"}), built_in=frozenset(), loadable=frozenset({"openvswitch", "geneve"})
)
NO_MODULES = Modules(present=frozenset(), built_in=frozenset(), loadable=frozenset())
# A kernel without loadable modules shows in sysfs only some of what is built in.
OPAQUE = Modules(present=frozenset({"kernel"}), built_in=None, loadable=None)
STACKED = Mounts(count=90, maximum=100_000, netns=(SHARED, SHARED, SHARED))
FULL = Mounts(count=60_000, maximum=100_000, netns=(SHARED,) * 17)
CONFINED = Process(pid=9, program=METADATA, apart=True, netns=SHARED, profile="docker-default (enforce)")
WITHOUT_BIND = Process(pid=9, program=METADATA, apart=True)
PRIVATE_BIND = Process(pid=9, program=METADATA, apart=True, netns=Mount("/run/netns", "/", "tmpfs", shared=False))
OVS_AGENT = Process(pid=9, program="neutron-openvswitch-agent")
DARK = (Probe("192.0.2.1", 6642, "no answer", silent=True),)
REFUSED = (Probe("192.0.2.1", 6642, "Connection refused"),)
IPV6 = asked(encap_ip="2001:db8::1")


FIRST, SECOND, THIRD = NORTH.peers
PIDFILES = FACTS.pidfiles.value


def unlike(**fields: Any) -> Subject:
    """A member that says something else of Northbound."""
    return member(attrs.evolve(NORTH, **fields))


def timed(milliseconds: float) -> Subject:
    """The chassis has written so long ago that it was up to date."""
    return registered(attrs.evolve(OWN_CHASSIS, nb_cfg_timestamp=int(NOW * 1000 - milliseconds)))


def with_links(*links: Link) -> Subject:
    return on(links=links)


ETH0 = Link(name="eth0", mtu=1600, up=True, addresses=("192.0.2.1",))

BAD: list[tuple[str, str, Subject, str]] = [
    ("kernel-datapath", "error", OLD, "4.2.0-16-generic"),
    ("kernel-nat", "error", on(release="4.5.7"), "no NAT"),
    ("kernel-nat", "warning", with_facts(asked(gateway=False), release="4.5.7"), "no NAT"),
    ("kernel-features", "info", on(release="4.17.2"), "check_pkt_len"),
    ("module-openvswitch", "error", on(modules=NO_MODULES), "no openvswitch"),
    ("module-openvswitch", "warning", on(modules=LOADABLE), "not loaded: openvswitch"),
    ("module-tunnel", "error", on(modules=NO_MODULES), "no geneve"),
    ("module-tunnel", "warning", on(modules=LOADABLE), "not loaded: geneve"),
    ("module-tunnel", "warning", asked(encap="geneve,vxlan"), "not loaded: vxlan"),
    ("module-conntrack", "error", on(modules=NO_MODULES), "nf_conntrack, nf_nat"),
    ("module-boot", "info", on(boot_modules=frozenset()), "geneve"),
    ("ipv6-enabled", "error", with_facts(IPV6, sysctls={"net/ipv6/conf/all/disable_ipv6": "1"}), "2001:db8::1"),
    (
        "rp-filter",
        "warning",
        on(sysctls={"net/ipv4/conf/all/rp_filter": "1", "net/ipv4/conf/eth0/rp_filter": "0"}),
        "eth0",
    ),
    ("neighbour-table", "warning", on(sysctls={"net/ipv4/neigh/default/gc_thresh3": "1"}), "room for 1"),
    ("apparmor-mount", "error", with_process(CONFINED), "process 9): docker-default (enforce)"),
    ("apparmor-mount", "warning", running(*PROCESSES[:4]), "docker there, and no agent runs yet"),
    ("netns-mounts", "warning", on(mounts=STACKED), "mounted 3 times"),
    ("netns-mounts", "error", on(mounts=FULL), "60000 rows"),
    ("netns-mounts", "error", on(mounts=Mounts(count=90, maximum=100, netns=())), "90 rows"),
    ("netns-shared", "error", with_process(WITHOUT_BIND), "process 9) has none"),
    ("netns-shared", "error", with_process(PRIVATE_BIND), "not shared"),
    ("docker-mount-flags", "warning", on(mount_flags="slave"), "MountFlags=slave"),
    ("host-view", "warning", on(view=View(files=False, processes=True)), "container"),
    ("host-view", "warning", on(view=View(files=True, processes=False)), "container"),
    ("ovs-database", "error", without(GOOD, "database"), "for a test"),
    ("ovs-vswitchd", "error", running(), "none runs"),
    ("ovs-vswitchd", "error", with_process(Process(pid=9, program="ovs-vswitchd")), "process 9"),
    ("ovn-controller", "warning", running(), "none runs"),
    ("ovn-controller", "warning", with_process(Process(pid=9, program="ovn-controller")), "process 9"),
    (
        "system-id",
        "error",
        attrs.evolve(with_ids(system_id="old"), southbound=registered(chassis("old", ip="192.0.2.1")).southbound),
        "registered as old",
    ),
    ("system-id-files", "error", on(system_id_override="other"), "system-id-override says other"),
    ("system-id-files", "warning", on(system_id_conf="other"), "system-id.conf says other"),
    ("system-id-unique", "error", registered(chassis("gw1", ip="192.0.2.9")), "elsewhere at 192.0.2.9"),
    ("hostname", "warning", with_ids(hostname="gw1.example"), "gw1.example in the database"),
    ("hostname-unique", "error", registered(chassis("stale", ip="192.0.2.9", hostname="gw1")), "chassis stale"),
    (
        "matching-release",
        "error",
        with_facts(asked(options={"ovn-match-northd-version": True}), ovn_release="22.03.0"),
        "ovn-controller 22.03.0, ovn-northd 23.03.1",
    ),
    ("matching-release", "error", with_facts(with_ids(ovn_match_northd_version="True"), ovn_release="1.2.3"), "1.2.3"),
    ("dead-keys", "info", asked(options={"ovn-cleanup-on-exit": True}), "23.03.1 does not read ovn-cleanup-on-exit"),
    ("encap-address", "error", with_links(), "no interface has 192.0.2.1"),
    ("encap-address", "error", with_links(attrs.evolve(ETH0, up=False)), "eth0 is down"),
    ("encap-device", "error", with_links(attrs.evolve(ETH0, name="eth1")), "a port of br-ex"),
    ("encap-device", "warning", with_links(attrs.evolve(ETH0, name="br-ex")), "physical network"),
    ("encap-unique", "error", registered(chassis("stale", ip="192.0.2.1")), "chassis stale has 192.0.2.1"),
    ("mtu", "error", with_links(attrs.evolve(ETH0, mtu=1499)), "leaves 1441, and a network has 1442"),
    (
        "mtu",
        "info",
        attrs.evolve(with_links(attrs.evolve(ETH0, mtu=1500)), northbound=Known(NorthboundFacts())),
        "leaves 1442",
    ),
    ("mtu", "error", attrs.evolve(IPV6, northbound=Known(NorthboundFacts(mtu=1530))), "leaves 1522"),
    ("tunnel-port", "error", on(owners={13: "iperf"}), "6081 is iperf's"),
    ("firewall-tunnel", "warning", on(firewall=Firewall(closed=True, ports=((22, 22),))), "UDP 6081"),
    ("southbound-reachable", "error", on(probes=DARK), "192.0.2.1:6642: no answer"),
    ("southbound-reachable", "warning", on(probes=REFUSED), "Connection refused"),
    ("southbound-reachable", "warning", on(probes=(*DARK, Probe("192.0.2.2", 6642, "connected"))), "no answer"),
    ("bridge", "error", with_bridges(br_ex=None), "not there: br-ex"),
    ("uplink", "warning", with_bridges(br_ex=BridgeFacts(name="br-ex", ports={"br-ex": "internal"})), "br-ex"),
    (
        "uplink-address",
        "error",
        with_links(Link(name="eth1", mtu=1500, up=True, master="bond0")),
        "eth1 is a port of bond0",
    ),
    (
        "uplink-address",
        "warning",
        with_links(Link(name="eth1", mtu=1500, up=True, addresses=("203.0.113.1", "fe80::1"))),
        "eth1 has 203.0.113.1",
    ),
    ("bridge-mode", "warning", with_bridges(br_ex=BridgeFacts(name="br-ex", fail_mode="secure")), "br-ex"),
    ("bridge-datapath", "error", with_bridges(br_ex=BridgeFacts(name="br-ex", datapath_type="netdev")), "is netdev"),
    ("bridge-datapath", "error", asked(options=NETDEV), "br-ex is system"),
    ("agent", "error", with_process(OVS_AGENT), "neutron-openvswitch-agent (process 9)"),
    ("agent", "warning", with_process(Process(pid=9, program="neutron-l3-agent")), "neutron-l3-agent"),
    (
        "agent-remains",
        "warning",
        with_bridges(
            br_ex=BridgeFacts(name="br-ex", ports={"phy-br-ex": "patch"}),
            br_tun=BridgeFacts(name="br-tun", controllers=("tcp:127.0.0.1:6633",)),
        ),
        "ports phy-br-ex; bridge br-tun; controllers of br-tun",
    ),
    ("agent-remains", "warning", on(namespaces=("qrouter-1",)), "qrouter-1"),
    ("central-ports", "error", on(owners={11: "ovsdb-server", 12: "nginx"}), "6642 is nginx's"),
    ("member-address", "error", central_only("192.0.2.50"), "no interface has 192.0.2.50"),
    (
        "database-port",
        "error",
        with_facts(asked(ovsdb="ssl:192.0.2.1:6640"), sockets=(Socket("tcp", 6640, 15),), owners={15: "ncat"}),
        "6640 is ncat's",
    ),
    ("firewall-central", "warning", on(firewall=Firewall(closed=True, ports=((6642, 6642),))), "TCP 6641"),
    (
        "listener-twice",
        "warning",
        with_process(Process(pid=9, program="ovsdb-server", remotes=("ptcp:6642:0.0.0.0",))),
        "told twice: 6642",
    ),
    ("open-files", "warning", with_process(Process(pid=9, program="ovsdb-server", open_files=1024)), "1024"),
    ("database-disk", "error", on(disk=Disk("/run", "tmpfs", 50 << 30)), "tmpfs"),
    ("database-disk", "warning", on(disk=Disk("/", "ext4", 5 << 20)), "0.0 GB free"),
    (
        "members",
        "warning",
        asked(central={"southbound": "ssl:192.0.2.1:6642,ssl:192.0.2.2:6642"}),
        "members: 1 and 2",
    ),
    ("clock", "warning", on(clock=-30.0), "30 s behind"),
    ("clock-chassis", "warning", timed(-30_000), "at least 30 s ahead of here"),
    ("clock-chassis", "warning", timed(91_000), "30 s behind ovn-northd"),
    (
        "database-socket",
        "error",
        running(*PROCESSES[:2], attrs.evolve(PROCESSES[2], sockets=("7:7",))),
        "ovn-controller (process 3) uses another",
    ),
    (
        "database-socket",
        "error",
        running(PROCESSES[0], attrs.evolve(PROCESSES[1], sockets=())),
        "ovs-vswitchd (process 2) uses one that is not there",
    ),
    (
        "pidfiles",
        "warning",
        on(pidfiles=(*PIDFILES, Pidfile("/run/ovn/ovn-northd.pid", "ovn-northd", 99, runs=False))),
        "/run/ovn/ovn-northd.pid names nothing that runs",
    ),
    ("pidfiles", "warning", on(pidfiles=PIDFILES[1:]), "ovsdb-server (process 1) is in none"),
    ("socket-mode", "warning", on(socket_files={"/run/ovn/x.sock": 0o777}), "/run/ovn/x.sock has mode 777"),
    (
        "database-schema",
        "warning",
        attrs.evolve(GOOD, database=Known(attrs.evolve(DATABASE, db_version="8.5.0"))),
        "it has 8.3.1, and ovs-ctl has started it with 8.5.0",
    ),
    ("database-sync", "warning", on(sync=35.0), "35.0 ms"),
    ("database-sync", "error", with_facts(member(), sync=334.0), "with an election timer of 1000 ms"),
    ("database-sync", "warning", with_facts(member(election_timer=5000), sync=334.0), "334.0 ms"),
    (
        "database-file",
        "error",
        with_process(Process(pid=9, program="ovsdb-server", pinned=("/var/lib/ovn/ovnnb_db.db",))),
        "/var/lib/ovn/ovnnb_db.db of ovsdb-server (process 9)",
    ),
    ("central-schema", "warning", unlike(schema_version="6.3.0"), "OVN_Northbound has 6.3.0, and 7.0.0 is installed"),
    ("cluster-member", "error", unlike(connected=False), "it knows of no majority"),
    (
        "cluster-member",
        "error",
        unlike(connected=False, status="joining cluster"),
        "it has yet to join",
    ),
    ("cluster-member", "error", unlike(model="standalone"), "OVN_Northbound is standalone"),
    ("cluster-servers", "warning", unlike(peers=(FIRST, SECOND)), "no server at ssl:192.0.2.3:6643"),
    (
        "cluster-servers",
        "warning",
        unlike(peers=(FIRST, SECOND, THIRD, attrs.evolve(THIRD, server_id="dddd"))),
        "cccc at ssl:192.0.2.3:6643, more than once",
    ),
    (
        "cluster-servers",
        "warning",
        unlike(peers=(*NORTH.peers, attrs.evolve(THIRD, server_id="dddd", address="ssl:192.0.2.4:6643"))),
        "dddd at ssl:192.0.2.4:6643, which the spec does not name",
    ),
    (
        "cluster-servers",
        "warning",
        unlike(peers=(FIRST, SECOND, attrs.evolve(THIRD, last_message=60_000))),
        "does not hear of gw3 at ssl:192.0.2.3:6643",
    ),
    ("cluster-log", "warning", unlike(uncommitted=4321), "4321 entries not committed, 0 not applied"),
    ("cluster-log", "warning", unlike(unapplied=101), "101 not applied"),
    ("private-key", "error", on(key=None), "/etc/ovn/key.pem is not there"),
    ("private-key", "error", on(key=KeyFile(0o640, "root")), "mode 640"),
    (
        "private-key",
        "error",
        with_facts(on(key=KeyFile(0o600, "root")), processes=(Process(pid=3, program="ovn-controller", user="ovn"),)),
        "runs as ovn",
    ),
    ("certificate-name", "warning", on(certificate=Certificate("other", NOW + 300 * DAY)), "it is for other"),
    ("certificate-end", "error", on(certificate=Certificate("gw1", NOW - 3 * DAY)), "ended 3 days ago"),
    ("certificate-end", "warning", on(certificate=Certificate("gw1", NOW + 3 * DAY)), "holds for 3 days"),
]

# Where the host that is as it should be is not one of those that the rule is about.
GOOD_OTHERWISE = {
    **dict.fromkeys(("central-schema", "cluster-member", "cluster-servers", "cluster-log"), member()),
    "member-address": central_only("192.0.2.1"),
    "ipv6-enabled": IPV6,
    "matching-release": asked(options={"ovn-match-northd-version": True}),
    "database-port": with_facts(
        asked(ovsdb="ssl:192.0.2.1:6640"), sockets=(Socket("tcp", 6640, 15),), owners={15: "ovsdb-server"}
    ),
}

NEEDLESS: list[tuple[str, Subject]] = [
    *((name, asked(options=NETDEV)) for name in ("kernel-datapath", "kernel-nat", "kernel-features")),
    *((f"module-{name}", asked(options=NETDEV)) for name in ("openvswitch", "tunnel", "conntrack", "boot")),
    *((name, asked(options=NETDEV)) for name in ("tunnel-port", "firewall-tunnel")),
    ("kernel-nat", with_bridges(br_int=BridgeFacts(name="br-int", datapath_type="netdev"))),
    ("kernel-nat", with_ids(ovn_bridge_datapath_type="netdev")),
    *((name, IPV6) for name in ("rp-filter",)),
    ("apparmor-mount", on(apparmor=False)),
    ("apparmor-mount", with_facts(on(engines=frozenset()), processes=())),
    ("netns-shared", running(Process(pid=9, program=METADATA))),
    ("docker-mount-flags", on(mount_flags=None)),
    ("southbound-reachable", on(probes=())),
    *((name, asked(bridge_mappings={})) for name in ("bridge", "uplink", "uplink-address", "bridge-mode")),
    ("bridge-datapath", asked(bridge_mappings={})),
    *(
        (name, asked(central={"northbound": "ssl:192.0.2.9:6641", "southbound": "ssl:192.0.2.9:6642"}))
        for name in ("central-ports", "firewall-central", "listener-twice", "open-files", "database-disk", "members")
    ),
    *(
        (name, asked(central={"southbound": "unix:/run/ovn/ovnsb_db.sock"}))
        for name in ("private-key", "certificate-name", "certificate-end")
    ),
    *((name, with_links()) for name in ("encap-device", "mtu", "rp-filter")),
    *((name, GOOD) for name in ("central-schema", "cluster-member", "cluster-servers", "cluster-log")),
    *((name, central_only("192.0.2.1")) for name in ("cluster-member", "cluster-servers", "cluster-log")),
    ("database-sync", asked(central={"northbound": "ssl:192.0.2.9:6641", "southbound": "ssl:192.0.2.9:6642"})),
    ("database-schema", attrs.evolve(GOOD, database=Known(attrs.evolve(DATABASE, db_version=None)))),
    ("clock-chassis", registered()),
    ("clock-chassis", registered(attrs.evolve(OWN_CHASSIS, nb_cfg_timestamp=0))),
]


def finding(name: str, subject: Subject) -> Finding:
    (one,) = (found for found in judge(RULES, subject) if found.rule == name)
    return one


@pytest.mark.parametrize("name", [one.id for one in RULES])
def test_a_host_that_is_as_it_should_be_is_ok(name: str) -> None:
    found = finding(name, GOOD_OTHERWISE.get(name, GOOD))
    assert (found.state, found.remedy) == ("ok", ""), found
    assert found.seen


@pytest.mark.parametrize(
    ("name", "severity", "subject", "seen"), BAD, ids=[f"{name}-{severity}" for name, severity, _, _ in BAD]
)
def test_a_host_that_is_not_is_told_what_was_seen_and_what_mends_it(
    name: str, severity: str, subject: Subject, seen: str
) -> None:
    found = finding(name, subject)
    assert found.state == severity, found
    assert seen in found.seen
    assert found.remedy
    assert found.seen.isprintable()


@pytest.mark.parametrize(("name", "subject"), NEEDLESS, ids=[name for name, _ in NEEDLESS])
def test_a_host_that_a_rule_is_not_about_is_left_alone(name: str, subject: Subject) -> None:
    found = finding(name, subject)
    assert (found.state, found.remedy) == ("not needed", ""), found
    assert found.seen


def test_every_rule_is_shown_at_its_worst() -> None:
    ranks = ["info", "warning", "error"]
    worst = {one.id: max((s for name, s, _, _ in BAD if name == one.id), key=ranks.index, default="") for one in RULES}
    assert worst == {one.id: one.severity for one in RULES}


def test_rules_have_names_of_their_own_and_say_all_there_is_to_say() -> None:
    assert len({one.id for one in RULES}) == len(RULES)
    for one in RULES:
        assert all(text.strip() for text in (one.what, one.why, one.remedy, one.document)), one.id
        assert one.what.endswith("."), one.id
        assert one.why.endswith("."), one.id


def facts() -> Iterator[str]:
    yield from attrs.fields_dict(HostFacts)
    yield from ("database", "southbound", "northbound", "services")


def test_of_a_host_of_which_nothing_is_known_no_rule_says_ok() -> None:
    nothing = without(GOOD, *facts())
    states = {found.rule: found.state for found in judge(RULES, nothing)}
    assert {name: state for name, state in states.items() if state != "unknown"} == {
        "ovs-database": "error",
        "ipv6-enabled": "not needed",
        "database-port": "not needed",
        "member-address": "not needed",
        **dict.fromkeys(("central-schema", "cluster-member", "cluster-servers", "cluster-log"), "not needed"),
    }


@given(case=st.sampled_from(BAD), unread=st.sets(st.sampled_from(sorted(facts()))))
def test_what_is_not_as_it_should_be_is_never_ok_because_something_could_not_be_read(
    case: tuple[str, str, Subject, str], unread: set[str]
) -> None:
    name, _, subject, _ = case
    found = finding(name, without(subject, *unread))
    assert found.state != "ok", found


@pytest.mark.parametrize("name", ["central-schema", "cluster-member", "cluster-servers", "cluster-log"])
def test_a_server_that_says_nothing_is_unknown_and_one_that_is_broken_beside_it_is_broken(name: str) -> None:
    silent = attrs.evolve(NORTH, problem=Timeout("asking gw1", 10.0))
    assert finding(name, member(silent)).state == "unknown"
    (bad,) = {found.id for found in RULES if found.id == name}
    _, _, subject, _ = next(case for case in BAD if case[0] == bad)
    broken_north, south = subject.services.value
    both = attrs.evolve(subject, services=Known((broken_north, attrs.evolve(south, problem=silent.problem))))
    assert finding(name, both).state in ("warning", "error")


def test_a_chassis_whose_time_was_written_by_an_earlier_change_is_not_compared_with_that_of_a_later_one() -> None:
    north = attrs.evolve(GOOD.northbound.value, sb_cfg=8)
    late = attrs.evolve(timed(91_000), northbound=Known(north))
    assert finding("clock-chassis", late).state == "ok"


def test_a_program_in_a_container_has_its_number_in_a_namespace_of_its_own() -> None:
    inside = attrs.evolve(PROCESSES[2], pid=4711, apart=True)
    subject = with_facts(running(*PROCESSES[:2], inside, PROCESSES[3]), pidfiles=(*PIDFILES[:2], PIDFILES[3]))
    assert finding("pidfiles", subject).state == "ok"
    left = attrs.evolve(PIDFILES[2], pid=8, runs=False)
    assert finding("pidfiles", with_facts(subject, pidfiles=(*PIDFILES[:2], PIDFILES[3], left))).state == "ok"


def test_what_uses_tcp_uses_no_socket() -> None:
    by_tcp = attrs.evolve(PROCESSES[2], sockets=("-",))
    assert finding("database-socket", running(*PROCESSES[:2], by_tcp)).state == "ok"


def test_the_certificate_of_the_command_line_counts_before_that_of_the_database() -> None:
    told = attrs.evolve(PROCESSES[2], key="/srv/key.pem", certificate="/srv/cert.pem")
    subject = with_facts(running(*PROCESSES[:2], told), key=KeyFile(0o644, "root"))
    assert "/srv/key.pem has mode 644" in finding("private-key", subject).seen
    without_row = attrs.evolve(DATABASE, key="", certificate="")
    none = attrs.evolve(subject, database=Known(without_row))
    assert "/srv/key.pem has mode 644" in finding("private-key", none).seen
    assert finding("certificate-name", none).state == "ok"


@pytest.mark.parametrize("name", ["module-openvswitch", "module-tunnel", "module-conntrack"])
def test_a_module_that_nobody_can_tell_of_is_unknown(name: str) -> None:
    found = finding(name, on(modules=OPAQUE))
    assert found.state == "unknown"
    assert "built in" in found.seen


def test_a_module_that_is_built_in_is_there_and_needs_no_file() -> None:
    built_in = Modules(
        present=frozenset(),
        built_in=frozenset({"openvswitch", "geneve", "nf_conntrack", "nf_nat"}),
        loadable=frozenset(),
    )
    subject = with_facts(on(modules=built_in), boot_modules=frozenset())
    for name in ("module-openvswitch", "module-tunnel", "module-conntrack", "module-boot"):
        assert finding(name, subject).state == "ok"


def test_a_port_that_somebody_has_who_may_not_be_seen_is_unknown() -> None:
    found = finding("central-ports", on(owners={11: "ovsdb-server"}))
    assert (found.state, found.seen) == ("unknown", "somebody listens at 6642, and it cannot be told who")


@pytest.mark.parametrize("name", ["ovs-vswitchd", "ovn-controller", "agent", "apparmor-mount", "listener-twice"])
def test_a_program_that_a_container_may_not_see_is_unknown(name: str) -> None:
    confined = on(processes=(), view=View(files=False, processes=False))
    assert finding(name, confined).state == "unknown"
    assert "its own processes only" in finding(name, confined).seen


def test_a_program_that_a_container_does_see_is_there() -> None:
    confined = with_facts(GOOD, view=View(files=False, processes=False))
    assert finding("ovs-vswitchd", confined).state == "ok"
    assert finding("tunnel-port", confined).state == "unknown"


def test_what_is_left_in_the_database_is_told_where_namespaces_cannot_be() -> None:
    left = with_bridges(br_tun=BridgeFacts(name="br-tun"))
    assert finding("agent-remains", without(left, "namespaces")).state == "warning"
    assert finding("agent-remains", without(GOOD, "namespaces")).state == "unknown"


EVIL = "x;rm -rf $(HOME)"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("encap-unique", registered(chassis(EVIL, ip="192.0.2.1"))),
        ("hostname-unique", registered(chassis(EVIL, ip="192.0.2.9", hostname="gw1"))),
        ("hostname", with_facts(with_ids(hostname="other"), hostname=EVIL)),
        ("encap-address", with_links(attrs.evolve(ETH0, name=EVIL, up=False))),
        ("mtu", with_links(attrs.evolve(ETH0, name=EVIL, mtu=1400))),
    ],
)
def test_a_name_that_somebody_else_gave_does_nothing_in_the_command_that_mends(name: str, subject: Subject) -> None:
    found = finding(name, subject)
    assert EVIL in found.remedy
    assert EVIL not in found.remedy.replace(f"'{EVIL}'", "").replace(f"hostname='{EVIL}'", "")


def test_a_setting_that_this_kernel_does_not_have_is_unknown() -> None:
    assert finding("neighbour-table", on(sysctls={})).state == "unknown"


def test_a_release_that_makes_no_sense_is_unknown() -> None:
    assert finding("kernel-nat", on(release="hurd")).state == "unknown"


def test_the_agent_of_ml2_ovs_makes_no_namespaces_and_may_be_confined() -> None:
    confined = Process(pid=9, program="neutron-openvswitch-agent", apart=True, profile="docker-default (enforce)")
    subject = with_process(confined)
    assert finding("apparmor-mount", subject).state == "ok"
    assert finding("netns-shared", subject).state == "ok"


def test_a_host_under_its_own_name_or_address_is_central_and_another_is_not() -> None:
    def central(server: str) -> bool:
        return asked(central={"northbound": server, "southbound": "ssl:192.0.2.9:6642"}).runs_central

    assert central("ssl:gw1:6641")
    assert central("ssl:192.0.2.1:6641")
    assert central("ssl:[2001:db8::1]:6641")
    assert not central("ssl:192.0.2.9:6641")
    # Loopback is that of the machine that deploys.
    assert not central("tcp:127.0.0.1:6641")


def test_of_a_host_that_is_no_chassis_only_what_concerns_any_host_is_asked() -> None:
    subject = central_only("192.0.2.1")
    states = {found.rule: found.state for found in judge(RULES, subject)}
    chassis = {one.id for one in RULES if one.about == "chassis"}
    assert {name for name, state in states.items() if state == "not needed"} >= chassis
    others = {states[name] for name in states if name not in chassis and not name.startswith("cluster-")}
    assert others == {"ok"}


def test_members_that_the_spec_names_are_central_and_their_addresses_do_not_matter() -> None:
    subject = central_only("192.0.2.50")
    assert subject.runs_central
    assert subject.central_ports == {6641, 6642, 16642}
    other = attrs.evolve(subject, name="elsewhere")
    assert not other.runs_central
    assert other.central_ports == set()


def test_a_loopback_address_of_a_member_is_always_there() -> None:
    assert finding("member-address", central_only("127.0.0.9")).state == "ok"


def test_a_certificate_that_apply_brings_is_not_missed() -> None:
    subject = asked(central={"tls": "pki"})
    bare = attrs.evolve(subject.database.value, certificate="", key="")
    for name in ("private-key", "certificate-name", "certificate-end"):
        assert finding(name, attrs.evolve(subject, database=Known(bare))).state == "not needed"
        assert finding(name, attrs.evolve(GOOD, database=Known(bare))).state == "unknown"
        assert finding(name, subject).state == "ok"


def test_a_rule_of_ones_own_is_asked_like_the_others() -> None:
    @rule("cores", severity="warning", what="It has cores.", why="More is better.", remedy="buy", document="none")
    def cores(subject: Subject) -> Answer:
        if subject.host.gateway:
            return broken(f"{subject.facts.release.value} has two", "buy", severity="warning")
        return holds("four") if subject.host.bridge_mappings else needless("it has none")

    assert [found.state for found in judge([cores], GOOD)] == ["warning"]
    assert [found.state for found in judge([cores], asked(gateway=False))] == ["ok"]
    assert [found.state for found in judge([cores], without(GOOD, "release"))] == ["unknown"]
