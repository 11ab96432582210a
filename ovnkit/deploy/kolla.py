"""OVN's services and Neutron's in Kolla's containers: what each one runs and reads, and Kolla-Ansible's variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from ovnkit.deploy.central.commands import Daemon, controller, create_command, join_command, northd, server
from ovnkit.deploy.central.listeners import listeners
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.layout import Layout, TlsFiles
from ovnkit.deploy.neutron.releases import with_networking_ovn
from ovnkit.deploy.render import metadata_file, render
from ovnkit.deploy.rendered import IniFile, Rendered, TextFile
from ovnkit.deploy.spec import Member, Spec
from ovnkit.errors import Conflict, InvalidValue

__all__ = ["Container", "containers", "files", "variables"]

_NODE: Final = "/etc/kolla"
"""Where Kolla-Ansible puts what containers read, on each host."""

_INSIDE: Final = "/var/lib/kolla/config_files"
"""Where a container finds that."""

_OVSDB: Final = "tcp:127.0.0.1:6640"
"""Where the containers of a host reach its own database."""

# Kolla's entry point hands the command to exec unquoted.
_WORD: Final = re.compile(r"[A-Za-z0-9_@%:,./=+\[\]-]+")


class _Layout(Layout):
    """The directories and files in Kolla's images."""

    def file(self, database: Database) -> str:
        """The file of a database, in the volume that is the container's own."""
        return f"/var/lib/openvswitch/ovn-{database.short}/ovn{database.short}.db"


_LAYOUT: Final = _Layout(run="/run/ovn", logs="/var/log/kolla/openvswitch")


@attrs.frozen(kw_only=True)
class Container:
    """One container of a host: what it runs, and what Kolla's entry point is told of it (``config.json``).

    ``first``: commands to be run once in its image and volumes before it starts for the first time; ``then``: commands
    to be run once in it after that. ``copied``: files that the entry point copies from the directory of the container,
    by where they go, each with its owner and mode. ``owned``: directories that are given to a user.
    """

    name: str
    directory: str
    command: tuple[str, ...]
    first: tuple[tuple[str, ...], ...] = ()
    then: tuple[tuple[str, ...], ...] = ()
    copied: Mapping[str, tuple[str, str]] = attrs.field(factory=dict[str, tuple[str, str]], hash=False)
    owned: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for a word that Kolla's entry point would cut into several, or expand."""
        for word in self.command:
            if not _WORD.fullmatch(word):
                allowed = "a word without blanks, quotes and wildcards"
                raise InvalidValue(table=self.directory, column="command", value=word, allowed=allowed)

    @property
    def config(self) -> str:
        """The text of its ``config.json``."""
        found: dict[str, Any] = {"command": " ".join(self.command)}
        if self.copied:
            found["config_files"] = [
                {"source": f"{_INSIDE}/{target.rpartition('/')[2]}", "dest": target, "owner": owner, "perm": mode}
                for target, (owner, mode) in self.copied.items()
            ]
        if self.owned:
            found["permissions"] = [
                {"path": path, "owner": owner, "recurse": True} for path, owner in self.owned.items()
            ]
        return json.dumps(found, indent=4) + "\n"


def containers(spec: Spec, host: str) -> tuple[Container, ...]:
    """The containers of one host: the central services where it is a member, ovn-controller, the metadata agent.

    Raises KeyError for a name that is neither a host nor a member of the spec.
    """
    members = [member for member in spec.central.members if member.host == host]
    if not members:
        spec.host(host)
    found = [one for member in members for one in _central(spec, member)]
    if any(one.name == host for one in spec.hosts):
        found.append(_container(controller(_LAYOUT, ovsdb=_OVSDB), tls=None))
        found += _metadata_agent(spec, host)
    return tuple(found)


def files(spec: Spec, host: str) -> tuple[Rendered, ...]:
    """What the containers of one host read: each one's ``config.json``, and Neutron's files, into what Kolla has there.

    Raises KeyError, as ``containers()`` does.
    """
    found: list[Rendered] = [
        TextFile(path=f"{_NODE}/{one.directory}/config.json", content=one.config, mode=0o640)
        for one in containers(spec, host)
    ]
    if any(one.name == host for one in spec.hosts):
        for file in render(spec, host):
            name = file.path.rpartition("/")[2]
            directory = "neutron-ovn-metadata-agent" if file.private else "neutron-server"
            # The entry point, which is root, gives each to its user inside.
            found.append(attrs.evolve(file, path=f"{_NODE}/{directory}/{name}", owner=None))
    return tuple(found)


def variables(spec: Spec) -> tuple[Rendered, ...]:
    """What has Kolla-Ansible come to the same: variables, and the options of Neutron for which it has none.

    The secret of the metadata agent is ``metadata_secret`` in Kolla's own ``passwords.yml``. None where the spec has no
    ``[neutron]``. Raises Conflict where hosts have different bridges for one physical network: Kolla has one variable
    for all.
    """
    neutron = spec.neutron
    if neutron is None:
        return ()
    bridges = _bridges(spec)
    found: dict[str, object] = {
        "neutron_plugin_agent": "ovn",
        "neutron_type_drivers": ",".join(neutron.type_drivers),
        "neutron_tenant_network_types": ",".join(neutron.project_network_types),
        "neutron_ovn_distributed_fip": neutron.distributed_floating_ip,
        "ovn_nb_connection": spec.central.northbound,
        "ovn_sb_connection": spec.central.southbound,
        "ovn_sb_connection_no_relay": spec.central.southbound_admin,
        "enable_ovn_sb_db_relay": False,
    }
    if bridges:
        found["neutron_physical_networks"] = ",".join(bridges)
        found["neutron_bridge_name"] = ",".join(bridges.values())
    text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in found.items())
    overrides: list[Rendered] = []
    for file in render(spec, neutron.servers[0]):
        name = file.path.rpartition("/")[2]
        # Kolla has a list of plugins of its own, which begins with OVN's.
        kolla_knows = name == "neutron.conf" and not neutron.service_plugins and neutron.dns_domain is None
        if isinstance(file, IniFile) and not file.private and not kolla_knows:
            overrides.append(attrs.evolve(file, path=f"{_NODE}/config/neutron/{name}", owner=None))
    return (TextFile(path=f"{_NODE}/globals.d/ovnkit.yml", content=f"---\n{text}"), *overrides)


def _bridges(spec: Spec) -> dict[str, str]:
    bridges: dict[str, str] = {}
    for host in spec.hosts:
        for physnet, bridge in host.bridge_mappings.items():
            if bridges.setdefault(physnet, bridge) != bridge:
                details = f"{physnet} is on {bridges[physnet]} and on {bridge} (host {host.name})"
                raise Conflict("Kolla has one bridge for a physical network, on all hosts", details)
    return bridges


def _central(spec: Spec, member: Member) -> Iterator[Container]:
    tls = None if spec.central.tls is None else _LAYOUT.tls("central")
    for database in DATABASES:
        yield attrs.evolve(
            _container(server(database, _LAYOUT, tls=tls), tls=tls),
            first=(_first(spec, member, database),),
            then=tuple(_listen(spec, member, database)),
        )
    daemon = northd(_LAYOUT, northbound=spec.central.northbound, southbound=spec.central.southbound_admin, tls=tls)
    yield _container(daemon, tls=tls)


def _container(daemon: Daemon, *, tls: TlsFiles | None) -> Container:
    modes = {} if tls is None else {tls.key: "0600", tls.certificate: "0644", tls.authority: "0644"}
    return Container(
        name=daemon.name.replace("-", "_"),
        directory=daemon.name,
        command=daemon.foreground,
        copied={path: ("root", mode) for path, mode in modes.items()},
    )


def _first(spec: Spec, member: Member, database: Database) -> tuple[str, ...]:
    """What makes the file of a database, which the server does not do itself."""
    central = spec.central
    if not central.clustered:
        return create_command(database, _LAYOUT)
    others = [_raft(spec, other, database) for other in central.members if other.host != member.host]
    if member is central.members[0]:
        timer = central.election_timer
        return create_command(database, _LAYOUT, raft=_raft(spec, member, database), election_timer=timer)
    return join_command(database, _LAYOUT, raft=_raft(spec, member, database), others=others)


def _raft(spec: Spec, member: Member, database: Database) -> str:
    address = f"[{member.address}]" if ":" in member.address else member.address
    return f"{'tcp' if spec.central.tls is None else 'ssl'}:{address}:{database.raft_port}"


def _listen(spec: Spec, member: Member, database: Database) -> Iterator[tuple[str, ...]]:
    """What has the servers of a database listen, as rows beside those that are there; all members share them."""
    central = spec.central
    if member is not central.members[0]:
        return
    tool = (f"ovn-{database.short}ctl", f"--db=unix:{_LAYOUT.socket(database)}")
    yield (*tool, "init")
    for one in listeners(central, database):
        row = ("--id=@listener", "create", "Connection", f'target="{one.target}"')
        role = (f"role={one.role}",) if one.role else ()
        yield (*tool, "--", *row, *role, "--", "add", database.table, ".", "connections", "@listener")


def _metadata_agent(spec: Spec, host: str) -> Iterator[Container]:
    neutron = spec.neutron
    if neutron is None or not neutron.runs_metadata(host):
        return
    package = "networking" if with_networking_ovn(neutron.release) else "neutron"
    own = ["/etc/neutron/neutron.conf", f"/etc/neutron/{metadata_file(neutron)}"]
    words = [word for path in own for word in ("--config-file", path)]
    yield Container(
        name="neutron_ovn_metadata_agent",
        directory="neutron-ovn-metadata-agent",
        command=(f"{package}-ovn-metadata-agent", *words),
        copied=dict.fromkeys(own, ("neutron", "0600")),
        owned={"/var/log/kolla/neutron": "neutron:neutron", "/var/lib/neutron/kolla": "neutron:neutron"},
    )
