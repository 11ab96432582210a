"""Rules about the hosts of the central databases, about certificates, and about clocks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from shlex import quote
from typing import Final

from ovnkit.deploy.databases import DATABASES, SOUTHBOUND
from ovnkit.deploy.preflight.facts import Certificate, KeyFile, Known, Process, Unread
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule
from ovnkit.remote import parse_remotes

__all__ = ["CENTRAL_RULES"]

_ELSEWHERE: Final = "the central databases run elsewhere"
_SERVER: Final = "ovsdb-server"
_CLUSTER_PORTS: Final = frozenset(database.raft_port for database in DATABASES)
_LISTENER: Final = re.compile(r"p(?:tcp|ssl):(\d{1,5})\b")
_OPEN_FILES: Final = 8192
_FREE: Final = 1 << 30
_LOST_WITH_THE_MACHINE: Final = ("tmpfs", "ramfs")
_SOON: Final = 30 * 86400.0
_LEAD: Final = 2.0
_ROUND: Final = 10.0


@rule(
    "central-ports",
    about="any",
    severity="error",
    what="The ports of the central databases are free, or ovsdb-server's.",
    why="6641 and 6642 are where clients look for them, 6643 and 6644 where the members of a cluster find each other.",
    remedy="Stop the program that has the port.",
    document="ovn-ctl(8)",
)
def _central_ports(subject: Subject) -> Answer:
    if not subject.runs_central:
        return needless(_ELSEWHERE)
    return _ports_answer(subject, subject.central_ports | _CLUSTER_PORTS)


@rule(
    "member-address",
    about="any",
    severity="error",
    what="The address of a member of the central services is one of the host.",
    why="Its databases listen there, and are not started where it is not.",
    remedy="`ip address add ADDRESS/PREFIX dev DEVICE`",
    document="ovn-ctl(8)",
)
def _member_address(subject: Subject) -> Answer:
    member = subject.member
    if member is None:
        return needless("the spec does not name it as a member of the central services")
    link = subject.facts.addresses().get(member.address)
    if link is not None:
        return holds(f"{link.name} has {member.address}")
    if ipaddress.ip_address(member.address).is_loopback:
        return holds(f"{member.address} is loopback")
    mend = f"ip address add {member.address}/PREFIX dev DEVICE"
    return broken(f"no interface has {member.address}", mend, severity="error")


@rule(
    "database-port",
    severity="error",
    what="The port of the host's own database is free, or ovsdb-server's.",
    why="Where the spec reaches it by TCP, another program there would be asked.",
    remedy="Stop the program that has the port.",
    document="ovsdb(7), Connection Methods",
)
def _database_port(subject: Subject) -> Answer:
    ovsdb = subject.host.ovsdb or ""
    if not ovsdb.startswith(("tcp:", "ssl:")):
        return needless("its database is reached by a socket")
    return _ports_answer(subject, {server.port for server in parse_remotes(ovsdb) if server.scheme != "unix"})


def _ports_answer(subject: Subject, wanted: Iterable[int]) -> Answer:
    found = {one.port: one.inode for one in subject.facts.sockets.value if one.protocol == "tcp"}
    used = {port: found[port] for port in sorted(wanted) if port in found}
    owners = {port: subject.facts.owners.value.get(inode) for port, inode in used.items()}
    others = {port: owner for port, owner in owners.items() if owner not in (None, _SERVER)}
    if others:
        seen = ", ".join(f"{port} is {owner}'s" for port, owner in others.items())
        return broken(seen, "stop the program, or choose another port", severity="error")
    unseen = [str(port) for port, owner in owners.items() if owner is None]
    if unseen:
        raise Unread(f"somebody listens at {', '.join(unseen)}, and it cannot be told who")
    return holds(f"{_SERVER} has {', '.join(map(str, used))}" if used else "free")


@rule(
    "firewall-central",
    about="any",
    severity="warning",
    what="The firewall of the host lets clients of the central databases in.",
    why="Otherwise chassis do not see Southbound, and neutron-server does not see Northbound. It is looked for as in"
    " firewall-tunnel.",
    remedy="`nft add rule inet filter input tcp dport 6642 accept` for chassis; for neutron-server and other members"
    " `nft add rule inet filter input ip saddr ADDRESS tcp dport { 6641, 6643, 6644, 16642 } accept`",
    document="nft(8); iptables(8)",
)
def _firewall_central(subject: Subject) -> Answer:
    ports = subject.central_ports
    if not ports:
        return needless(_ELSEWHERE)
    firewall = subject.facts.firewall.value
    shut = [str(port) for port in sorted(ports) if not firewall.names(port)]
    if firewall.closed and shut:
        mend = "; ".join(f"nft add rule inet filter input tcp dport {port} accept" for port in shut)
        return broken(f"it refuses the rest, and no rule names TCP {', '.join(shut)}", mend, severity="warning")
    return holds("it names the ports" if firewall.closed else "it does not refuse the rest")


@rule(
    "listener-twice",
    about="any",
    severity="warning",
    what="No central database is told of one port twice, by its command line and by a Connection row.",
    why='The second attempt fails as "Address already in use", for good, and which of the two settings counts is'
    " chance.",
    remedy="Take `--remote=ptcp:PORT` from the command line, and keep the row.",
    document="ovsdb-server(1); ovn-sb(5), Connection",
)
def _listener_twice(subject: Subject) -> Answer:
    if not subject.runs_central:
        return needless(_ELSEWHERE)
    by_word = _listened_at(word for process in subject.facts.running(_SERVER) for word in process.remotes)
    by_row = _listened_at((*subject.northbound.value.listeners, *subject.southbound.value.listeners))
    twice = sorted(by_word & by_row)
    if twice:
        mend = "; ".join(f"take --remote=ptcp:{port} from the command line" for port in twice)
        return broken(f"told twice: {', '.join(map(str, twice))}", mend, severity="warning")
    return holds("each port once")


def _listened_at(targets: Iterable[str]) -> set[int]:
    return {int(found[1]) for target in targets if (found := _LISTENER.match(target))}


@rule(
    "open-files",
    about="any",
    severity="warning",
    what="The server of Southbound may have 8,192 files open.",
    why="Each chassis is one, each client as well. The 1,024 of many systems are gone with some hundreds of hosts.",
    remedy="`LimitNOFILE=65536` in the unit, `--ulimit nofile=65536` of the container",
    document="ovn-ctl(8)",
)
def _open_files(subject: Subject) -> Answer:
    if not subject.runs(SOUTHBOUND):
        return needless(_ELSEWHERE)
    servers = [
        process
        for process in subject.facts.running(_SERVER)
        if not any("Open_vSwitch" in remote for remote in process.remotes)
    ]
    short = [server for server in servers if server.open_files is not None and server.open_files < _OPEN_FILES]
    if short:
        seen = ", ".join(f"{server}: {server.open_files}" for server in short)
        mend = "LimitNOFILE=65536 in the unit, or --ulimit nofile=65536 of the container"
        return broken(seen, mend, severity="warning")
    return holds(
        ", ".join(f"{server}: {server.open_files or 'no limit'}" for server in servers) or "it does not run yet"
    )


@rule(
    "database-disk",
    about="any",
    severity="error",
    what="The central databases lie on a disk, with 1 GB free.",
    why="What is in memory is gone after a restart, and with it a member of the cluster. Without space, the"
    " database stops taking writes (a warning below 1 GB).",
    remedy="Give /var/lib/ovn a file system of its own.",
    document="ovsdb(7), Clustered Database Service Model",
)
def _database_disk(subject: Subject) -> Answer:
    if not subject.runs_central:
        return needless(_ELSEWHERE)
    disk = subject.facts.disk.value
    seen = f"{disk.mount} is {disk.kind}, {disk.free / _FREE:.1f} GB free"
    if disk.kind in _LOST_WITH_THE_MACHINE:
        return broken(seen, "put the databases on a disk", severity="error")
    return broken(seen, "make room", severity="warning") if disk.free < _FREE else holds(seen)


@rule(
    "members",
    about="any",
    severity="warning",
    what="The central databases have an odd number of members.",
    why="Of two members none may fail, of four no more than of three: a cluster needs more than half.",
    remedy="Add a member, or take one out.",
    document="ovsdb(7), Clustered Database Service Model",
)
def _members(subject: Subject) -> Answer:
    if not subject.runs_central:
        return needless(_ELSEWHERE)
    central = subject.spec.central
    counts = {len(parse_remotes(remotes)) for remotes in (central.northbound, central.southbound)}
    if central.members:
        counts = {len(central.members)}
    seen = f"members: {' and '.join(map(str, sorted(counts)))}"
    if any(count % 2 == 0 for count in counts):
        return broken(seen, "add a member, or take one out", severity="warning")
    return holds(seen)


@rule(
    "clock",
    about="any",
    severity="warning",
    what="The clock of the host agrees with the one here, to two seconds.",
    why="Certificates hold or not by it, and logs and timestamps of several hosts are read side by side.",
    remedy="`systemctl enable --now chrony` (`chronyd` on Fedora)",
    document="chronyd(8)",
)
def _clock(subject: Subject) -> Answer:
    lead = subject.facts.clock.value
    if abs(lead) > _LEAD:
        seen = f"{abs(lead):.0f} s {'ahead' if lead > 0 else 'behind'}"
        return broken(seen, "systemctl enable --now chrony", severity="warning")
    return holds("it agrees")


@rule(
    "clock-chassis",
    severity="warning",
    what="The clock of the chassis agrees with that of ovn-northd, by the times that they write into the databases.",
    why="A chassis that has carried out a change before ovn-northd had it, or will do so, has another time. That is"
    " seen of a host as well that cannot be reached beyond its database.",
    remedy="`systemctl enable --now chrony` (`chronyd` on Fedora)",
    document="ovn-sb(5), Chassis_Private, nb_cfg_timestamp; ovn-nb(5), NB_Global, sb_cfg_timestamp",
)
def _clock_chassis(subject: Subject) -> Answer:
    north = subject.northbound.value
    own = next((one for one in subject.southbound.value.chassis if one.name == subject.host.system_id), None)
    if own is None or not own.nb_cfg_timestamp:
        return needless("it has not yet been asked to say when it is up to date")
    ahead = own.nb_cfg_timestamp / 1000 - subject.now
    # ovn-northd writes its time down in the round after the one in which the chassis may have seen the change.
    behind = (north.sb_cfg_timestamp - own.nb_cfg_timestamp) / 1000 if north.sb_cfg == own.nb_cfg else 0.0
    if ahead > _LEAD or behind > _ROUND:
        seen = f"at least {ahead:.0f} s ahead of here" if ahead > behind else f"{behind:.0f} s behind ovn-northd"
        return broken(seen, "systemctl enable --now chrony", severity="warning")
    return holds("they agree as far as that shows")


def _told(subject: Subject) -> Process | None:
    """An ovn-controller that was told its certificate by its command line, which it takes before its database."""
    facts = subject.facts.processes
    running = facts.value if isinstance(facts, Known) else ()
    return next((one for one in running if one.program == "ovn-controller" and one.key and one.certificate), None)


def _certificate_path(subject: Subject) -> str:
    told = _told(subject)
    return subject.database.value.certificate if told is None else told.certificate


def _key_path(subject: Subject) -> str:
    told = _told(subject)
    return subject.database.value.key if told is None else told.key


def _unused(subject: Subject) -> str | None:
    """Why the certificate of the host does not matter, None where it does. Raises Unread."""
    if not any(remote.scheme == "ssl" for remote in parse_remotes(subject.spec.central.southbound)):
        return "Southbound is reached without TLS"
    if not _certificate_path(subject) and subject.spec.central.tls is not None:
        return "there is none yet, and apply brings one"
    return None


def _certificate(subject: Subject) -> Certificate:
    path = _certificate_path(subject)
    if not path:
        raise Unread("neither the database nor the command line of ovn-controller names one")
    found = subject.facts.certificate.value
    if found is None:
        raise Unread(f"{path} is not there")
    return found


def _key(subject: Subject) -> tuple[str, KeyFile | None]:
    path = _key_path(subject)
    if not path:
        raise Unread("neither the database nor the command line of ovn-controller names one")
    return path, subject.facts.key.value


@rule(
    "private-key",
    severity="error",
    what="The private key of the host is there, its owner alone may read it, and that is who runs ovn-controller.",
    why="Without it there is no connection to Southbound; who can read it can be this chassis.",
    remedy="`chmod 600 FILE`; `chown USER FILE`",
    document="ovs-vswitchd.conf.db(5), SSL",
)
def _private_key(subject: Subject) -> Answer:
    if (why := _unused(subject)) is not None:
        return needless(why)
    path, key = _key(subject)
    if key is None:
        return broken(f"{path} is not there", "put the key there, or: ovs-vsctl set-ssl KEY CERT CA", severity="error")
    if key.mode & 0o077:
        return broken(f"{path} has mode {key.mode:o}, owner {key.owner}", f"chmod 600 {quote(path)}", severity="error")
    users = {process.user for process in subject.facts.running("ovn-controller") if process.user}
    blind = sorted(users - {"root", key.owner})
    if blind:
        mend = f"chown {quote(blind[0])} {quote(path)}"
        return broken(f"{path} is {key.owner}'s, and ovn-controller runs as {blind[0]}", mend, severity="error")
    return holds(f"{path} has mode {key.mode:o}, owner {key.owner}")


@rule(
    "certificate-name",
    severity="warning",
    what="The certificate of the host is for its system-id.",
    why="With role-based access control a chassis may write its own rows only, and which those are says the common"
    " name of its certificate.",
    remedy="Make a certificate whose common name is the system-id.",
    document="OVN, Role Based Access Control",
)
def _certificate_name(subject: Subject) -> Answer:
    if (why := _unused(subject)) is not None:
        return needless(why)
    certificate = _certificate(subject)
    if certificate.name != subject.host.system_id:
        mend = f"a certificate with CN={subject.host.system_id}"
        return broken(f"it is for {certificate.name or 'nobody'}", mend, severity="warning")
    return holds(f"it is for {certificate.name}")


@rule(
    "certificate-end",
    severity="error",
    what="The certificate of the host holds for 30 days more.",
    why="When it has ended, ovn-controller cannot connect to Southbound any more, and all is as it was last (a"
    " warning in the 30 days before).",
    remedy="Put a new certificate into the same file.",
    document="ovs-vswitchd.conf.db(5), SSL",
)
def _certificate_end(subject: Subject) -> Answer:
    if (why := _unused(subject)) is not None:
        return needless(why)
    left = _certificate(subject).ends - subject.now
    if left < 0:
        mend = f"put a new certificate into {_certificate_path(subject)}"
        return broken(f"it ended {-left / 86400:.0f} days ago", mend, severity="error")
    seen = f"it holds for {left / 86400:.0f} days"
    if left < _SOON:
        mend = f"put a new certificate into {_certificate_path(subject)}"
        return broken(seen, mend, severity="warning")
    return holds(seen)


CENTRAL_RULES: Final[tuple[Rule, ...]] = (
    _central_ports,
    _member_address,
    _database_port,
    _firewall_central,
    _listener_twice,
    _open_files,
    _database_disk,
    _members,
    _clock,
    _clock_chassis,
    _private_key,
    _certificate_name,
    _certificate_end,
)
