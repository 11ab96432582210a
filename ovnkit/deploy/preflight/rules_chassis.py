"""Rules about the host as a chassis: its names, the programs that run on it, and what their releases read."""

from __future__ import annotations

from shlex import quote
from typing import Final

from ovnkit.deploy.preflight.facts import PROGRAMS, Unknown, Unread
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS

__all__ = ["CHASSIS_RULES"]

_CONTROLLER: Final = "ovn-controller(8), External Configuration"
_SERVER: Final = "ovsdb-server"
_BY_OTHER_WAYS: Final = "-"
_MATCH: Final = "ovn-match-northd-version"


@rule(
    "ovs-database",
    severity="error",
    what="The Open_vSwitch database of the host answers.",
    why="Everything that is set on a chassis is in it.",
    remedy="`systemctl start openvswitch-switch` (`openvswitch` on Fedora)",
    document="ovs-vswitchd.conf.db(5)",
)
def _ovs_database(subject: Subject) -> Answer:
    if isinstance(subject.database, Unknown):
        return broken(subject.database.reason, "systemctl start openvswitch-switch", severity="error")
    return holds(f"Open vSwitch {subject.database.value.ovs_version or 'that has not said its release'}")


@rule(
    "ovs-vswitchd",
    severity="error",
    what="One ovs-vswitchd runs.",
    why="Without it no packet goes anywhere. Two, such as one of the distribution and one in a container, fight for"
    " the same bridges.",
    remedy="`systemctl start openvswitch-switch` (`openvswitch` on Fedora)",
    document="ovs-vswitchd(8)",
)
def _ovs_vswitchd(subject: Subject) -> Answer:
    found = subject.facts.running("ovs-vswitchd")
    seen = ", ".join(map(str, found))
    if not found:
        return broken("none runs in this network namespace", "systemctl start openvswitch-switch", severity="error")
    return broken(seen, "stop all but one", severity="error") if len(found) > 1 else holds(seen)


@rule(
    "ovn-controller",
    severity="warning",
    what="One ovn-controller runs.",
    why="Without it nothing comes of what is set. Several are legal, each with a system-id and a bridge of its own"
    " (`-n`), but mostly it is one of the distribution beside one in a container, which undo each other's work.",
    remedy="`systemctl start ovn-controller`; stop all but one",
    document="ovn-controller(8)",
)
def _ovn_controller(subject: Subject) -> Answer:
    found = subject.facts.running("ovn-controller")
    seen = ", ".join(map(str, found))
    if not found:
        return broken("none runs in this network namespace", "systemctl start ovn-controller", severity="warning")
    return broken(seen, "stop all but one", severity="warning") if len(found) > 1 else holds(seen)


@rule(
    "database-socket",
    severity="error",
    what="ovs-vswitchd and ovn-controller use the socket at which a server of this host listens.",
    why="In a container /run/openvswitch may be another directory than the host's, of the same name. They wait for a"
    " database then that nobody serves, or work with another one.",
    remedy="Start the container with `-v /run/openvswitch:/run/openvswitch`.",
    document="ovs-vswitchd(8); ovn-controller(8)",
)
def _database_socket(subject: Subject) -> Answer:
    servers = subject.facts.running(_SERVER)
    clients = subject.facts.running("ovs-vswitchd", "ovn-controller")
    if not servers or not clients:
        missing = "ovs-vswitchd or ovn-controller" if servers else _SERVER
        raise Unread(f"no {missing} runs in this network namespace")
    served = {socket for server in servers for socket in server.sockets}
    lost = [client for client in clients if not {*client.sockets} & {*served, _BY_OTHER_WAYS}]
    if lost:
        seen = ", ".join(f"{client} uses {'another' if client.sockets else 'one that is not there'}" for client in lost)
        return broken(seen, "bind /run/openvswitch of the host into the container, and restart it", severity="error")
    return holds(", ".join(map(str, clients)))


@rule(
    "pidfiles",
    about="any",
    severity="warning",
    what="The pidfiles of the host name the programs that run, and each of those is in one.",
    why="By them ovs-appctl and ovn-appctl find a program. One that nothing runs by was left by a crash; a program that"
    " is in none was started with other directories, or another one has taken its pidfile.",
    remedy="`rm FILE`; stop the program, and start it as the others",
    document="ovs-appctl(8)",
)
def _pidfiles(subject: Subject) -> Answer:
    files = subject.facts.pidfiles.value
    running = [process for process in subject.facts.processes.value if process.program in PROGRAMS]
    # The number that one in a container has is that of its own namespace.
    apart = {process.program for process in running if process.apart}
    stale = [file.path for file in files if file.program and not file.runs and file.program not in apart]
    named = {file.pid for file in files}
    without = [process for process in running if not process.apart and process.pid not in named]
    if stale or without:
        seen = [f"{path} names nothing that runs" for path in stale] + [f"{process} is in none" for process in without]
        mend = [f"rm {quote(path)}" for path in stale] + ["start it as the others are"] * bool(without)
        return broken(", ".join(seen), "; ".join(mend), severity="warning")
    return holds(", ".join(file.path for file in files) or "there are none, and no program runs that should be in one")


@rule(
    "socket-mode",
    about="any",
    severity="warning",
    what="Owner and group alone may use the sockets of Open vSwitch and OVN.",
    why="Whoever can write to one can change everything in that database, or drive that daemon.",
    remedy="`chmod o= FILE`, also in what has changed it: ovsdb-server makes them so",
    document="ovsdb-server(1), unix(7)",
)
def _socket_mode(subject: Subject) -> Answer:
    modes = subject.facts.socket_files.value
    wide = {path: mode for path, mode in sorted(modes.items()) if mode & 0o002}
    if wide:
        seen = ", ".join(f"{path} has mode {mode:o}" for path, mode in wide.items())
        return broken(seen, f"chmod o= {' '.join(map(quote, wide))}", severity="warning")
    return holds(f"{len(modes)} sockets" if modes else "there are none yet")


@rule(
    "database-schema",
    severity="warning",
    what="The host's database has the schema that is installed.",
    why="A server that was not restarted after an upgrade goes on with the old schema, and what is new in the release"
    " cannot be set.",
    remedy="`ovsdb-client convert unix:/run/openvswitch/db.sock /usr/share/openvswitch/vswitch.ovsschema`",
    document="ovs-vswitchd.conf.db(5), Open_vSwitch, db_version; ovs-ctl(8)",
)
def _database_schema(subject: Subject) -> Answer:
    there, installed = subject.database.value.schema_version, subject.database.value.db_version
    if installed is None:
        return needless("it was not started by ovs-ctl, which says what is installed")
    if there != installed:
        mend = "ovsdb-client convert unix:/run/openvswitch/db.sock /usr/share/openvswitch/vswitch.ovsschema"
        return broken(f"it has {there}, and ovs-ctl has started it with {installed}", mend, severity="warning")
    return holds(there)


@rule(
    "system-id",
    severity="error",
    what="The host is not yet a chassis of another name.",
    why="A registered chassis does not follow a new system-id: the old row stays in Southbound, and keeps the"
    " tunnel address from the new one.",
    remedy="`ovnkit chassis rename FILE HOST`",
    document=_CONTROLLER,
)
def _system_id(subject: Subject) -> Answer:
    there, wanted = subject.database.value.config.system_id, subject.host.system_id
    if there in (None, wanted):
        return holds("none yet" if there is None else f"{there}, as in the spec")
    if any(chassis.name == there for chassis in subject.southbound.value.chassis):
        mend = f"ovnkit chassis rename FILE {subject.host.name}"
        return broken(f"registered as {there}, and the spec says {wanted}", mend, severity="error")
    return holds(f"{there}, which is registered nowhere, and becomes {wanted}")


@rule(
    "system-id-files",
    severity="error",
    what="No file gives the chassis another name.",
    why="ovn-controller takes system-id-override before the database. ovs-ctl writes what is in system-id.conf into"
    " the database whenever Open vSwitch starts; `apply` writes that file.",
    remedy="`rm /etc/ovn/system-id-override`; `ovnkit deploy apply FILE`",
    document="ovn-controller(8); ovs-ctl(8)",
)
def _system_id_files(subject: Subject) -> Answer:
    override, conf = subject.facts.system_id_override.value, subject.facts.system_id_conf.value
    if override and override != subject.host.system_id:
        return broken(f"system-id-override says {override}", "rm /etc/ovn/system-id-override", severity="error")
    if conf and conf != subject.host.system_id:
        return broken(f"system-id.conf says {conf}", "ovnkit deploy apply FILE", severity="warning")
    return holds("none" if not conf and not override else "as in the spec")


@rule(
    "system-id-unique",
    severity="error",
    what="No other host is registered with this system-id.",
    why="Two chassis of one name take turns in one row of Southbound, both at full load, and ports flap between them.",
    remedy="Give one of them another system_id.",
    document="ovn-sb(5), Chassis",
)
def _system_id_unique(subject: Subject) -> Answer:
    chassis = next((one for one in subject.southbound.value.chassis if one.name == subject.host.system_id), None)
    if chassis is None:
        return holds("nobody is registered with it")
    addresses = {encap.ip for encap in chassis.encaps}
    if subject.host.encap_ip in addresses or chassis.hostname == _known_name(subject):
        return holds(f"{chassis.hostname or 'a host without a name'} is registered with it, which is this host")
    seen = f"{chassis.hostname or 'a host without a name'} at {', '.join(sorted(addresses))} is registered with it"
    return broken(seen, f"another system_id for {subject.host.name}, or: ovn-sbctl chassis-del", severity="error")


@rule(
    "hostname",
    severity="warning",
    what="OVN knows the host by the name that the kernel knows.",
    why="Neutron and Nova bind ports to that name; where one says the short name and the other the long one, ports"
    " are bound nowhere.",
    remedy="`ovs-vsctl set Open_vSwitch . external_ids:hostname=NAME`, or the same name for Neutron and Nova",
    document=_CONTROLLER,
)
def _hostname(subject: Subject) -> Answer:
    set_there, own = subject.database.value.config.hostname, subject.facts.hostname.value
    if set_there is None or set_there == own:
        return holds(own)
    mend = f"ovs-vsctl set Open_vSwitch . external_ids:hostname={quote(own)}, or the same name for Neutron and Nova"
    return broken(f"{set_there} in the database, {own} in the kernel", mend, severity="warning")


@rule(
    "hostname-unique",
    severity="error",
    what="No other chassis has the name of this host.",
    why="Neutron finds a chassis by the name of its host; a second one, often a stale row of the same host, takes"
    " ports away.",
    remedy="`ovnkit chassis show FILE`; of a stale one `ovn-sbctl chassis-del NAME`",
    document="ovn-sb(5), Chassis",
)
def _hostname_unique(subject: Subject) -> Answer:
    name = _known_name(subject)
    others = [
        chassis.name
        for chassis in subject.southbound.value.chassis
        if chassis.hostname == name and chassis.name != subject.host.system_id
    ]
    if others:
        mend = f"ovn-sbctl chassis-del {quote(others[0])}, if it is stale"
        return broken(f"{name} is also chassis {', '.join(others)}", mend, severity="error")
    return holds(f"{name} is no other chassis")


def _known_name(subject: Subject) -> str:
    """The name that ovn-controller registers the host by."""
    return subject.database.value.config.hostname or subject.facts.hostname.value


@rule(
    "matching-release",
    severity="error",
    what="Where ovn-match-northd-version is set, ovn-controller and ovn-northd are of one release.",
    why="Otherwise ovn-controller stops following Southbound, and does not say so anywhere but in its log.",
    remedy="Upgrade ovn-controller, or set `ovn-match-northd-version = false`.",
    document=_CONTROLLER,
)
def _matching_release(subject: Subject) -> Answer:
    there = subject.database.value.config.options
    if {**there, **subject.host.options}.get(_MATCH, "").lower() != "true":
        return needless(f"{_MATCH} is not set")
    own, northd = _release(subject), subject.southbound.value.release
    if northd is None:
        raise Unread("ovn-northd has not said its release in Southbound")
    if own != northd:
        mend = "upgrade ovn-controller, or set ovn-match-northd-version = false"
        return broken(f"ovn-controller {own}, ovn-northd {northd}", mend, severity="error")
    return holds(f"both are {own}")


@rule(
    "dead-keys",
    severity="info",
    what="Every key that is set is one that this release reads.",
    why="OVN ignores the others without a word: older releases those that came later, newer ones those that are gone.",
    remedy="`ovs-vsctl remove Open_vSwitch . external_ids KEY`",
    document=_CONTROLLER,
)
def _dead_keys(subject: Subject) -> Answer:
    options = {*subject.database.value.config.options, *subject.host.options}
    release = _release(subject)
    dead = sorted(key for key in options if key in CHASSIS_KEYS and not CHASSIS_KEYS[key].read_by(release))
    if dead:
        mend = "; ".join(f"ovs-vsctl remove Open_vSwitch . external_ids {key}" for key in dead)
        return broken(f"OVN {release} does not read {', '.join(dead)}", mend, severity="info")
    return holds(f"OVN {release} reads all of them")


def _release(subject: Subject) -> str:
    release = subject.facts.ovn_release.value
    if release is None:
        raise Unread("neither the host nor a container ovn_controller has ovn-controller")
    return release


CHASSIS_RULES: Final[tuple[Rule, ...]] = (
    _ovs_database,
    _ovs_vswitchd,
    _ovn_controller,
    _database_socket,
    _pidfiles,
    _socket_mode,
    _database_schema,
    _system_id,
    _system_id_files,
    _system_id_unique,
    _hostname,
    _hostname_unique,
    _matching_release,
    _dead_keys,
)
