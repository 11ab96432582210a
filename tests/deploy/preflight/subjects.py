"""A host that is as it should be, and the same with single things changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs

from ovnkit.deploy import Central, Encap, HostSpec, Member, Spec, Subject
from ovnkit.deploy.central.status import MemberStatus, Peer
from ovnkit.deploy.preflight.facts import (
    BridgeFacts,
    Certificate,
    DatabaseFacts,
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
    SouthboundFacts,
    Unknown,
    View,
)
from ovnkit.ovsdb import Ref
from ovnkit.southbound import Chassis
from ovnkit.southbound.chassis import ChassisSummary, EncapSummary
from ovnkit.vswitch.chassis_config import chassis_config

NOW = 1_800_000_000.0
DAY = 86400.0
IDS = {
    "system-id": "gw1",
    "hostname": "gw1",
    "ovn-remote": "ssl:192.0.2.1:6642",
    "ovn-encap-type": "geneve",
    "ovn-encap-ip": "192.0.2.1",
}
SHARED = Mount("/run/netns", "/run/netns", "ext4", shared=True)
BRIDGES = {
    "br-int": BridgeFacts(name="br-int", fail_mode="secure", ports={"br-int": "internal"}),
    "br-ex": BridgeFacts(name="br-ex", ports={"br-ex": "internal", "eth1": ""}),
}
PROCESSES = (
    Process(
        pid=1,
        program="ovsdb-server",
        user="openvswitch",
        remotes=("db:Open_vSwitch,Open_vSwitch,x",),
        sockets=("25:100",),
    ),
    Process(pid=2, program="ovs-vswitchd", user="root", sockets=("25:100",)),
    Process(pid=3, program="ovn-controller", user="root", sockets=("25:100",)),
    Process(pid=4, program="ovsdb-server", user="root", open_files=65536, remotes=("db:OVN_Southbound,SB_Global,x",)),
    Process(pid=5, program="neutron-ovn-metadata-agent", user="root", apart=True, netns=SHARED),
)
FACTS = HostFacts(
    release=Known("6.1.0-18-amd64"),
    hostname=Known("gw1"),
    view=Known(View(files=True, processes=True)),
    modules=Known(
        Modules(
            present=frozenset({"openvswitch", "geneve", "nf_conntrack", "nf_nat"}),
            built_in=frozenset(),
            loadable=frozenset({"openvswitch", "geneve", "nf_conntrack", "nf_nat", "vxlan"}),
        )
    ),
    boot_modules=Known(frozenset({"geneve"})),
    mounts=Known(Mounts(count=40, maximum=100_000, netns=(SHARED,))),
    apparmor=Known(True),
    engines=Known(frozenset({"docker"})),
    mount_flags=Known(""),
    processes=Known(PROCESSES),
    sockets=Known((Socket("tcp", 6641, 11), Socket("tcp", 6642, 12), Socket("udp", 6081, 13))),
    owners=Known({11: "ovsdb-server", 12: "ovsdb-server"}),
    links=Known(
        (
            Link(name="lo", mtu=65536, up=True, addresses=("127.0.0.1", "::1")),
            Link(name="eth0", mtu=1600, up=True, addresses=("192.0.2.1", "2001:db8::1")),
            Link(name="eth1", mtu=1500, up=True, master="ovs-system", addresses=("fe80::1",)),
        )
    ),
    sysctls=Known(
        {
            "net/ipv6/conf/all/disable_ipv6": "0",
            "net/ipv4/conf/all/rp_filter": "0",
            "net/ipv4/conf/eth0/rp_filter": "2",
            "net/ipv4/neigh/default/gc_thresh3": "1024",
            "net/ipv6/neigh/default/gc_thresh3": "1024",
        }
    ),
    system_id_conf=Known("gw1"),
    system_id_override=Known(None),
    firewall=Known(Firewall(closed=True, ports=((6081, 6081), (6641, 6644), (16642, 16642)))),
    namespaces=Known(()),
    disk=Known(Disk("/", "ext4", 50 << 30)),
    sync=Known(1.5),
    schemas=Known({"OVN_Northbound": "7.0.0", "OVN_Southbound": "20.27.0"}),
    socket_files=Known({"/run/openvswitch/db.sock": 0o750, "/run/ovn/ovnsb_db.ctl": 0o755}),
    pidfiles=Known(
        (
            Pidfile("/run/openvswitch/ovsdb-server.pid", "ovsdb-server", 1, runs=True),
            Pidfile("/run/openvswitch/ovs-vswitchd.pid", "ovs-vswitchd", 2, runs=True),
            Pidfile("/run/ovn/ovn-controller.pid", "ovn-controller", 3, runs=True),
            Pidfile("/run/ovn/ovnsb_db.pid", "ovsdb-server", 4, runs=True),
        )
    ),
    clock=Known(0.0),
    probes=Known((Probe("192.0.2.1", 6642, "connected"),)),
    certificate=Known(Certificate("gw1", NOW + 300 * DAY)),
    key=Known(KeyFile(0o600, "root")),
    ovn_release=Known("23.03.1"),
)
DATABASE = DatabaseFacts(
    config=chassis_config(IDS),
    bridges=BRIDGES,
    ovs_version="3.1.0",
    schema_version="8.3.1",
    db_version="8.3.1",
    certificate="/etc/ovn/cert.pem",
    key="/etc/ovn/key.pem",
)
SPEC = Spec(
    central=Central(northbound="ssl:192.0.2.1:6641", southbound="ssl:192.0.2.1:6642"),
    hosts=[
        HostSpec(
            name="gw1",
            system_id="gw1",
            encap_ip="192.0.2.1",
            ovsdb="ssh://root@192.0.2.1",
            gateway=True,
            bridge_mappings={"physnet1": "br-ex"},
        )
    ],
)


def chassis(name: str, *, ip: str, hostname: str = "elsewhere") -> ChassisSummary:
    """A chassis that has registered itself."""
    return ChassisSummary(
        name=name,
        hostname=hostname,
        encaps=(EncapSummary("geneve", ip),),
        bridge_mappings={},
        cms_options=(),
        gateway=False,
        availability_zones=(),
        transport_zones=(),
        nb_cfg=7,
        nb_cfg_timestamp=int(NOW - 60) * 1000,
        remote=False,
        ref=Ref(Chassis, UUID(int=1)),
    )


OWN_CHASSIS = chassis("gw1", ip="192.0.2.1", hostname="gw1")
GOOD = Subject(
    spec=SPEC,
    name="gw1",
    chassis=SPEC.hosts[0],
    facts=FACTS,
    database=Known(DATABASE),
    southbound=Known(SouthboundFacts(chassis=(OWN_CHASSIS,), release="23.03.1", listeners=("pssl:6642",))),
    northbound=Known(
        NorthboundFacts(mtu=1442, listeners=("pssl:6641",), sb_cfg=7, sb_cfg_timestamp=int(NOW - 61) * 1000)
    ),
    now=NOW,
)


def on(**facts: object) -> Subject:
    """The same host with other facts of its own."""
    return with_facts(GOOD, **facts)


def with_facts(subject: Subject, **facts: object) -> Subject:
    """Any host with other facts of its own."""
    known: dict[str, Any] = {name: Known(value) for name, value in facts.items()}
    return attrs.evolve(subject, facts=attrs.evolve(subject.facts, **known))


def without(subject: Subject, *names: str) -> Subject:
    """Any host of which some facts could not be read: its own, or whole databases."""
    own: dict[str, Any] = {name: Unknown("for a test") for name in names if name in attrs.fields_dict(HostFacts)}
    others: dict[str, Any] = {name: Unknown("for a test") for name in names if name not in own}
    return attrs.evolve(subject, facts=attrs.evolve(subject.facts, **own), **others)


def running(*processes: Process) -> Subject:
    """The same host with these programs."""
    return on(processes=processes)


def with_process(process: Process) -> Subject:
    """The same host with one program more."""
    return on(processes=(*PROCESSES, process))


def asked(*, central: Mapping[str, Any] | None = None, encap: str = "geneve", **host: Any) -> Subject:
    """The same host with another spec."""
    changed = attrs.evolve(SPEC.hosts[0], **host)
    spec = Spec(central=attrs.evolve(SPEC.central, **(central or {})), encap=Encap(type=encap), hosts=[changed])
    return attrs.evolve(GOOD, spec=spec, chassis=changed)


def central_only(address: str) -> Subject:
    """The same host as a member of the central services, and nothing else."""
    central = Central(members=[Member(host="gw1", address=address, access="local")], tls="pki", rbac=True)
    spec = Spec(central=central)
    alone = attrs.evolve(NORTH, model="standalone", status="", role=None, election_timer=None, peers=())
    south = attrs.evolve(alone, database="OVN_Southbound", schema_version="20.27.0")
    return attrs.evolve(
        GOOD, spec=spec, chassis=None, database=Unknown("it is no chassis"), services=Known((alone, south))
    )


MEMBERS = tuple(Member(host=f"gw{one}", address=f"192.0.2.{one}", access="local") for one in (1, 2, 3))
CLUSTERED = Spec(central=Central(members=MEMBERS, tls="pki"))
NORTH = MemberStatus(
    host="gw1",
    database="OVN_Northbound",
    model="clustered",
    connected=True,
    leader=True,
    schema_version="7.0.0",
    address="ssl:192.0.2.1:6643",
    status="cluster member",
    role="leader",
    election_timer=1000,
    peers=(
        Peer(server_id="aaaa", address="ssl:192.0.2.1:6643", is_self=True),
        Peer(server_id="bbbb", address="ssl:192.0.2.2:6643", is_self=False, match_index=9, last_message=300),
        Peer(server_id="cccc", address="ssl:192.0.2.3:6643", is_self=False, match_index=9, last_message=200),
    ),
)


def member(north: MemberStatus = NORTH, *, election_timer: int = 1000) -> Subject:
    """A member of a cluster, which says of Northbound what is given."""
    south = attrs.evolve(
        NORTH,
        database="OVN_Southbound",
        schema_version="20.27.0",
        leader=False,
        role="follower",
        peers=tuple(
            Peer(server_id=peer.server_id, address=peer.address.replace("6643", "6644"), is_self=peer.is_self)
            for peer in NORTH.peers
        ),
    )
    spec = attrs.evolve(CLUSTERED, central=attrs.evolve(CLUSTERED.central, election_timer=election_timer))
    return attrs.evolve(GOOD, spec=spec, services=Known((north, south)))


def with_ids(**ids: str | None) -> Subject:
    """The same host with other keys in its database; ``_`` stands for ``-``."""
    changed = {**IDS, **{key.replace("_", "-"): value for key, value in ids.items()}}
    config = chassis_config({key: value for key, value in changed.items() if value is not None})
    return attrs.evolve(GOOD, database=Known(attrs.evolve(DATABASE, config=config)))


def with_bridges(**bridges: BridgeFacts | None) -> Subject:
    """The same host with other bridges; ``_`` stands for ``-``."""
    changed = {**BRIDGES, **{name.replace("_", "-"): bridge for name, bridge in bridges.items()}}
    found = {name: bridge for name, bridge in changed.items() if bridge is not None}
    return attrs.evolve(GOOD, database=Known(attrs.evolve(DATABASE, bridges=found)))


def registered(*found: ChassisSummary) -> Subject:
    """The same host with other chassis in Southbound."""
    return attrs.evolve(GOOD, southbound=Known(attrs.evolve(GOOD.southbound.value, chassis=found)))
