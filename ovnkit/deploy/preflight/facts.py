"""What preflight knows of a host: each fact either as it was read, or why it could not be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Literal, Never, TypeVar

import attrs

from ovnkit.southbound.chassis import ChassisSummary
from ovnkit.vswitch.chassis_config import ChassisConfig

__all__ = [
    "AGENTS",
    "PROGRAMS",
    "BridgeFacts",
    "Certificate",
    "DatabaseFacts",
    "Disk",
    "Fact",
    "Firewall",
    "HostFacts",
    "KeyFile",
    "Known",
    "Link",
    "Modules",
    "Mount",
    "Mounts",
    "NorthboundFacts",
    "Pidfile",
    "Probe",
    "Process",
    "Socket",
    "SouthboundFacts",
    "Unknown",
    "Unread",
    "View",
]

T_co = TypeVar("T_co", covariant=True)

AGENTS = frozenset(
    {
        "neutron-dhcp-agent",
        "neutron-l3-agent",
        "neutron-metadata-agent",
        "neutron-openvswitch-agent",
        "neutron-ovn-agent",
        "neutron-ovn-metadata-agent",
        "neutron-ovn-vpn-agent",
    }
)
"""Programs of Neutron that work with network namespaces or with Open vSwitch."""

PROGRAMS = frozenset({"ovn-controller", "ovn-northd", "ovs-vswitchd", "ovsdb-server"})
"""Programs of OVN and Open vSwitch."""


class Unread(Exception):
    """Somebody has asked for a fact that could not be read. A rule lets it pass: its answer is then "unknown"."""


@attrs.frozen
class Known(Generic[T_co]):
    """A fact that was read."""

    value: T_co


@attrs.frozen
class Unknown:
    """A fact that could not be read, and why."""

    reason: str

    @property
    def value(self) -> Never:
        """Raises Unread with the reason."""
        raise Unread(self.reason)


Fact = Known[T_co] | Unknown
"""``fact.value`` is what was read, or raises Unread."""


@attrs.frozen(kw_only=True)
class Modules:
    """The modules of the kernel that runs: those in it now, and those that it could load; None where nobody can tell.

    ``present`` has what is loaded, and of what is built in that which sysfs shows.
    """

    present: frozenset[str]
    built_in: frozenset[str] | None
    loadable: frozenset[str] | None

    def state(self, name: str) -> Literal["there", "loadable", "missing"]:
        """Whether a module is in the kernel. Raises Unread where that cannot be told."""
        if name in self.present or name in (self.built_in or ()):
            return "there"
        if name in (self.loadable or ()):
            return "loadable"
        if self.built_in is None or self.loadable is None:
            raise Unread(f"{name} is not loaded, and /lib/modules does not tell what is built in")
        return "missing"


@attrs.frozen
class Mount:
    """One row of ``/proc/PID/mountinfo`` (proc(5)). ``shared``: what is mounted below is seen in other namespaces."""

    point: str
    root: str
    kind: str
    shared: bool


@attrs.frozen(kw_only=True)
class Mounts:
    """The mount table: how many rows it has and may have, and those at and below ``/run/netns``."""

    count: int
    maximum: int | None
    netns: tuple[Mount, ...]


@attrs.frozen(kw_only=True)
class Process:
    """A program of ``PROGRAMS`` or ``AGENTS`` that runs in the network namespace of the host.

    ``user``: whose it is, "" where that is not known. ``profile``: how AppArmor confines it, such as
    ``docker-default (enforce)``; "" where it does not. ``apart``: whether it has mounts of its own, as in a container;
    ``netns`` is its row for ``/run/netns`` then, None for none. ``open_files``: its limit, None for none. ``remotes``:
    what it was told by ``--remote``; ``key`` and ``certificate`` the same, "" for nothing.

    ``sockets``: which sockets of a database it names, by device and inode; ``-`` stands for a way that is none.
    ``pinned``: files of databases that are mounted by themselves.
    """

    pid: int
    program: str
    user: str = ""
    profile: str = ""
    apart: bool = False
    netns: Mount | None = None
    open_files: int | None = None
    remotes: tuple[str, ...] = ()
    key: str = ""
    certificate: str = ""
    sockets: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid})"


@attrs.frozen
class Pidfile:
    """A pidfile: whose of ``PROGRAMS`` it is by its name, "" for another, the number in it, and whether that runs."""

    path: str
    program: str
    pid: int
    runs: bool


@attrs.frozen
class Socket:
    """A port that is listened at, and the inode of the socket."""

    protocol: Literal["tcp", "udp"]
    port: int
    inode: int


@attrs.frozen(kw_only=True)
class Link:
    """A network interface. ``master`` is what it is a port of, None for nothing."""

    name: str
    mtu: int
    up: bool
    master: str | None = None
    addresses: tuple[str, ...] = ()


@attrs.frozen
class Firewall:
    """What the rules for incoming packets look like: whether they end in a refusal, and the ports that rules name."""

    closed: bool
    ports: tuple[tuple[int, int], ...] = ()

    def names(self, port: int) -> bool:
        """Whether a rule names the port."""
        return any(first <= port <= last for first, last in self.ports)


@attrs.frozen
class Disk:
    """Where the central databases lie: the mount point, the type of the file system, and free space in bytes."""

    mount: str
    kind: str
    free: int


@attrs.frozen
class Certificate:
    """A certificate: the common name, and until when it holds, in seconds since the epoch."""

    name: str
    ends: float


@attrs.frozen
class KeyFile:
    """The file of a private key: its mode and its owner. What is in it, nobody has looked at."""

    mode: int
    owner: str


@attrs.frozen
class Probe:
    """What came of connecting from the host to a server: "connected", or in words why not."""

    host: str
    port: int
    outcome: str
    silent: bool = False
    """Nothing came back at all, as where a firewall drops packets."""

    @property
    def connected(self) -> bool:
        """Whether somebody has answered."""
        return self.outcome == "connected"


@attrs.frozen
class View:
    """Whether what is seen is the host's own, and not that of a container on it: files and mounts, and processes."""

    files: bool
    processes: bool


@attrs.frozen(kw_only=True)
class HostFacts:
    """What the host itself tells, beyond any database.

    Files that are not there, and what there is none of, are None or empty. ``clock``: by how many seconds its clock is
    ahead of the one here, at least. ``owners``: the program behind each inode of a socket; the kernel's own have none.
    ``sync``: milliseconds until a write is on the disk of the central databases, None where there are to be none.
    ``schemas``: the version of the schema of each central database that is installed. ``socket_files``: the mode of
    each socket in the directories of Open vSwitch and OVN.
    """

    release: Fact[str]
    hostname: Fact[str]
    view: Fact[View]
    modules: Fact[Modules]
    boot_modules: Fact[frozenset[str]]
    mounts: Fact[Mounts]
    apparmor: Fact[bool]
    engines: Fact[frozenset[str]]
    mount_flags: Fact[str | None]
    processes: Fact[tuple[Process, ...]]
    sockets: Fact[tuple[Socket, ...]]
    owners: Fact[Mapping[int, str]]
    links: Fact[tuple[Link, ...]]
    sysctls: Fact[Mapping[str, str]]
    system_id_conf: Fact[str | None]
    system_id_override: Fact[str | None]
    firewall: Fact[Firewall]
    namespaces: Fact[tuple[str, ...]]
    disk: Fact[Disk]
    sync: Fact[float | None]
    schemas: Fact[Mapping[str, str]]
    pidfiles: Fact[tuple[Pidfile, ...]]
    socket_files: Fact[Mapping[str, int]]
    clock: Fact[float]
    probes: Fact[tuple[Probe, ...]]
    certificate: Fact[Certificate | None]
    key: Fact[KeyFile | None]
    ovn_release: Fact[str | None]

    @classmethod
    def unread(cls, reason: str) -> HostFacts:
        """Of a host that could not be asked."""
        return cls(**dict.fromkeys(attrs.fields_dict(cls), Unknown(reason)))

    def addresses(self) -> dict[str, Link]:
        """The interface of each address. Raises Unread."""
        return {address: link for link in self.links.value for address in link.addresses}

    def running(self, *programs: str) -> tuple[Process, ...]:
        """The processes of some programs. Raises Unread, also where none is seen and not all can be."""
        found = tuple(process for process in self.processes.value if process.program in programs)
        if not found and not self.view.value.processes:
            raise Unread("none is seen, but this is a container, which sees its own processes only")
        return found


@attrs.frozen(kw_only=True)
class BridgeFacts:
    """A bridge; ``ports`` gives the type of the interface behind each port, "" for one of the system."""

    name: str
    datapath_type: str = ""
    fail_mode: str | None = None
    controllers: tuple[str, ...] = ()
    ports: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @property
    def uplinks(self) -> tuple[str, ...]:
        """Ports that lead out of Open vSwitch by a network card."""
        return tuple(sorted(name for name, kind in self.ports.items() if kind in ("", "system", "afxdp", "dpdk")))


@attrs.frozen(kw_only=True)
class DatabaseFacts:
    """The Open_vSwitch database of the host. ``certificate`` and ``key`` are the paths of its SSL row, "" for none.

    ``schema_version``: of the schema that it has; ``db_version``: of the one that was installed when ovs-ctl started
    it, None where something else did.
    """

    config: ChassisConfig
    bridges: Mapping[str, BridgeFacts] = attrs.field(factory=dict[str, BridgeFacts])
    ovs_version: str | None = None
    schema_version: str = ""
    db_version: str | None = None
    certificate: str = ""
    key: str = ""


@attrs.frozen(kw_only=True)
class SouthboundFacts:
    """OVN_Southbound. ``release`` is that of ovn-northd, None where it has not said; ``listeners`` are targets."""

    chassis: tuple[ChassisSummary, ...] = ()
    release: str | None = None
    listeners: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class NorthboundFacts:
    """OVN_Northbound. ``mtu`` is the largest of a tenant network, None where no network has one.

    ``sb_cfg``: how far ovn-northd was with what sync() asked for, and ``sb_cfg_timestamp`` when it got there
    (milliseconds since the epoch, by its own clock), 0 for never.
    """

    mtu: int | None = None
    sb_cfg: int = 0
    sb_cfg_timestamp: int = 0
    listeners: tuple[str, ...] = ()
