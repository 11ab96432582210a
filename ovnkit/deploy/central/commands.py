"""The command lines of the central services: for starting them directly, by systemd, or in a container."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

import attrs

from ovnkit.deploy.databases import Database
from ovnkit.deploy.layout import Layout, TlsFiles

__all__ = ["Daemon", "controller", "create_command", "join_command", "northd", "server"]

_UNIT: Final = """\
[Unit]
Description={description}
After=network-online.target
Wants=network-online.target
Conflicts=ovn-central.service ovn-ovsdb-server-nb.service ovn-ovsdb-server-sb.service
StartLimitIntervalSec=0

[Service]
Type=simple
{before}ExecStart={command}
Restart=on-failure
RestartSec=1
LimitNOFILE={files}

[Install]
WantedBy=multi-user.target
"""
_FILES: Final = 65536
"""Every chassis is a connection to Southbound; ovn-ctl(8) asks for 8192 at least."""

_SAFE: Final = re.compile(r"[A-Za-z0-9_@:,./=+-]+")


@attrs.frozen(kw_only=True)
class Daemon:
    """One daemon on one host, and the command lines that start it.

    ``name`` is also that of its systemd unit and of its container. ``control``: what ``ovn-appctl -t`` takes.
    """

    name: str
    description: str
    program: str
    arguments: tuple[str, ...]
    operands: tuple[str, ...] = ()
    pidfile: str
    log: str
    control: str

    @property
    def direct(self) -> tuple[str, ...]:
        """Starts it in the background, with a monitor that starts it again when it crashes; returns when it answers."""
        logging = ("-vconsole:off", "-vsyslog:err", "-vfile:info", f"--log-file={self.log}")
        return (self.program, *self.arguments, *logging, "--detach", "--monitor", *self._last)

    @property
    def foreground(self) -> tuple[str, ...]:
        """Stays in the foreground and logs to standard error: for systemd, and for containers."""
        return (self.program, *self.arguments, "-vconsole:info", "-vsyslog:off", "-vfile:off", *self._last)

    @property
    def _last(self) -> tuple[str, ...]:
        return (f"--pidfile={self.pidfile}", "--overwrite-pidfile", "--no-chdir", *self.operands)

    def unit(self, path: str, *, places: Sequence[str] = ()) -> str:
        """The text of a systemd unit that runs it; ``path`` is that of its program (systemd.service(5)).

        ``places``: directories that are made before, for that of sockets is gone when the machine starts again.
        """
        command = " ".join(_unit_word(word) for word in (path, *self.foreground[1:]))
        made = ("/bin/mkdir", "-p", "-m", "0750", *places)
        before = f"ExecStartPre={' '.join(map(_unit_word, made))}\n" if places else ""
        return _UNIT.format(description=self.description, before=before, command=command, files=_FILES)

    def __str__(self) -> str:
        return shlex.join(self.direct)


def _unit_word(word: str) -> str:
    """A word of ``ExecStart``, in which systemd gives ``%``, ``$`` and quotes a meaning."""
    if _SAFE.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def server(database: Database, layout: Layout, *, tls: TlsFiles | None = None) -> Daemon:
    """The ovsdb-server of one database (ovsdb-server(1)).

    It listens on its socket and wherever the Connection rows of the database say: what is set there takes effect. Its
    certificates are files; without ``tls`` they are what the SSL row of the database names, as ovn-ctl(8) has it.
    """
    column = f"db:{database.name},SSL"
    of_row = (
        f"--private-key={column},private_key",
        f"--certificate={column},certificate",
        f"--ca-cert={column},ca_cert",
    )
    return Daemon(
        name=f"ovn-{database.short}-db",
        description=f"Server of the {database.name} database",
        program="ovsdb-server",
        arguments=(
            f"--remote=punix:{layout.socket(database)}",
            f"--remote=db:{database.name},{database.table},connections",
            f"--unixctl={layout.control(database)}",
            *(of_row if tls is None else tls.options),
        ),
        operands=(layout.file(database),),
        pidfile=f"{layout.run}/{database.stem}.pid",
        log=f"{layout.logs}/ovsdb-server-{database.short}.log",
        control=layout.control(database),
    )


def northd(layout: Layout, *, northbound: str, southbound: str, tls: TlsFiles | None = None) -> Daemon:
    """ovn-northd, by the connection strings of the two databases (ovn-northd(8)).

    In a cluster these have to name all members: it works with the leader. Of several ovn-northd one works at a time.
    """
    return Daemon(
        name="ovn-northd",
        description="Translates the OVN Northbound database into the Southbound one",
        program="ovn-northd",
        arguments=(f"--ovnnb-db={northbound}", f"--ovnsb-db={southbound}", *(() if tls is None else tls.options)),
        pidfile=f"{layout.run}/ovn-northd.pid",
        log=f"{layout.logs}/ovn-northd.log",
        control="ovn-northd",
    )


def controller(layout: Layout, *, ovsdb: str, tls: TlsFiles | None = None) -> Daemon:
    """ovn-controller, which is on every chassis; ``ovsdb`` is its host's own database (ovn-controller(8)).

    Without ``tls`` its certificates are what the SSL row of that database names.
    """
    return Daemon(
        name="ovn-controller",
        description="Makes this host a chassis of OVN",
        program="ovn-controller",
        arguments=() if tls is None else tls.options,
        operands=(ovsdb,),
        pidfile=f"{layout.run}/ovn-controller.pid",
        log=f"{layout.logs}/ovn-controller.log",
        control="ovn-controller",
    )


def create_command(
    database: Database,
    layout: Layout,
    *,
    source: str | None = None,
    raft: str | None = None,
    election_timer: int = 1000,
) -> tuple[str, ...]:
    """Makes the file of a database: standalone, or with the address ``raft`` the first member of a cluster.

    ``source``: a schema, or for a cluster also a backup of a standalone database; the installed schema if None.
    ``election_timer``: milliseconds (ovsdb-tool(1)).
    """
    file, origin = layout.file(database), source or layout.schema(database)
    if raft is None:
        return "ovsdb-tool", "create", file, origin
    return "ovsdb-tool", f"--election-timer={election_timer}", "create-cluster", file, origin, raft


def join_command(database: Database, layout: Layout, *, raft: str, others: Sequence[str]) -> tuple[str, ...]:
    """Makes the file of a member that joins a cluster, whose members listen at ``others`` (ovsdb-tool(1))."""
    return "ovsdb-tool", "join-cluster", layout.file(database), database.name, raft, *others
