"""One member at work: its daemons, its database files and what its servers say, through the host that it is on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from ovnkit.deploy.central.commands import Daemon, northd, server
from ovnkit.deploy.central.status import MemberStatus, read_status
from ovnkit.deploy.databases import Database
from ovnkit.deploy.host import Host
from ovnkit.deploy.layout import Layout, TlsFiles, layout_of
from ovnkit.deploy.spec_central import Central, Member, Start
from ovnkit.errors import HostFailed, OvnkitError, Timeout
from ovnkit.ovsdb import outcome
from ovnkit.ovsdb.pending import Operation

__all__ = ["Node"]

_PAUSE: Final = 0.1
_ANSWER_SECONDS: Final = 10
_START: Final = 'ulimit -n 65536 2>/dev/null; mkdir -p -m 0750 -- "$1" "$2" "$3" && shift 3 && exec "$@"'
_COMMAND_LINE: Final = 'pid=$(cat "$1") && [ -e "/proc/$pid/cmdline" ] && cat "/proc/$pid/cmdline" || :'
# A server that is not of a cluster does not know the last command.
_STATUS: Final = """\
ovsdb-client -t "$4" transact "unix:$1" "$5" || exit
printf '\\0'; ovsdb-client -t "$4" get-schema-version "unix:$1" "$3" || exit
printf '\\0'; ovn-appctl -T "$4" -t "$2" cluster/status "$3" 2>&1 || :
"""
# Where the program is, and where an administrator's units are: systemd(1), $SYSTEMD_UNIT_PATH.
_PLACES: Final = 'command -v -- "$1" && units=${SYSTEMD_UNIT_PATH:-/etc/systemd/system} && echo "${units%%:*}"'
_LONG_SECONDS: Final = 600.0
"""For what goes through a whole database."""

# ovsdb-tool(1) makes none over one that is there, which may be half of one.
_MAKE: Final = """\
file=$1 new=$2 place=$3; shift 3
mkdir -p -m 0750 -- "$place" && rm -f -- "$new" && "$@" && mv -f -- "$new" "$file"
"""
_ID: Final = 'if [ -e "$2" ]; then ovsdb-tool -vconsole:off "$1" "$2" 2>/dev/null || :; fi'
_UPLOAD: Final = 'umask 077; cat >"$1.part" && mv -f -- "$1.part" "$1"'
_AWAY: Final = 'if [ -e "$1" ]; then mv -- "$1" "$2"; fi'


def _start_directly(host: Host, layout: Layout, daemon: Daemon) -> None:
    """Start a daemon in the background; after the next start of the machine somebody else has to."""
    host.run(["sh", "-c", _START, "start", layout.run, layout.databases, layout.logs, *daemon.direct])


def _start_with_systemd(host: Host, layout: Layout, daemon: Daemon) -> None:
    """Start a daemon as a unit of systemd, which also starts it with the machine."""
    path, directory = host.run(["sh", "-c", _PLACES, "places", daemon.program]).splitlines()
    places = (layout.run, layout.databases, layout.logs)
    host.write(f"{directory}/{daemon.name}.service", daemon.unit(path, places=places))
    host.run(["systemctl", "daemon-reload"])
    host.run(["systemctl", "enable", daemon.name])
    host.run(["systemctl", "restart", daemon.name])


_STARTERS: Final[Mapping[Start, Callable[[Host, Layout, Daemon], None]]] = {
    "direct": _start_directly,
    "systemd": _start_with_systemd,
}


class Node:
    """A host of the central services."""

    def __init__(self, central: Central, member: Member, host: Host) -> None:
        self.central = central
        self.member = member
        self.host = host

    @property
    def name(self) -> str:
        """The name of its host."""
        return self.member.host

    @cached_property
    def layout(self) -> Layout:
        """Where things are on the host. Raises HostFailed."""
        return layout_of(self.host)

    @property
    def tls(self) -> TlsFiles | None:
        """The files of its certificates, None where there is no TLS."""
        return None if self.central.tls is None else self.layout.tls("central")

    # -- its daemons -----------------------------------------------------------------------------------------------

    def server(self, database: Database) -> Daemon:
        """The server of a database."""
        return server(database, self.layout, tls=self.tls)

    @property
    def northd(self) -> Daemon:
        """ovn-northd."""
        central = self.central
        return northd(self.layout, northbound=central.northbound, southbound=central.southbound_admin, tls=self.tls)

    def runs(self, daemon: Daemon, *, as_wanted: bool = True) -> bool:
        """Whether a daemon runs; ``as_wanted``: by the command line that it is to have. Raises HostFailed."""
        words = self.host.run(["sh", "-c", _COMMAND_LINE, "look", daemon.pidfile]).split("\0")
        wanted = {f"--pidfile={daemon.pidfile}", *((*daemon.arguments, *daemon.operands) if as_wanted else ())}
        return wanted <= set(words)

    def start(self, daemon: Daemon) -> None:
        """Start a daemon; one that runs by another command line ends first. Raises HostFailed and Timeout."""
        self.stop(daemon, timeout=_ANSWER_SECONDS)
        _STARTERS[self.central.start](self.host, self.layout, daemon)

    def stop(self, daemon: Daemon, *, timeout: float) -> None:
        """Have a daemon end cleanly, if it runs: a leader hands its office over. Raises HostFailed and Timeout."""
        if not self.runs(daemon, as_wanted=False):
            return
        self.appctl(daemon, "exit")
        deadline = time.monotonic() + timeout
        while self.runs(daemon, as_wanted=False):
            if time.monotonic() > deadline:
                raise Timeout(f"{daemon.name} of {self.name} to end", timeout)
            time.sleep(_PAUSE)

    def appctl(self, daemon: Daemon, *words: str) -> str:
        """What a daemon says to a command of ovn-appctl(8). Raises HostFailed."""
        return self.host.run(["ovn-appctl", "-T", str(_ANSWER_SECONDS), "-t", daemon.control, *words])

    # -- its databases ---------------------------------------------------------------------------------------------

    def raft(self, database: Database) -> str:
        """Where other members reach it, as ovsdb(7) writes it."""
        return self.central.raft(self.member, database)

    def has_file(self, database: Database) -> bool:
        """Whether the file of a database is there. Raises HostFailed."""
        return self.has(self.layout.file(database))

    def local_address(self, database: Database) -> str:
        """The address by which the other members know it, as its file says. Raises HostFailed."""
        return self.host.run(["ovsdb-tool", "db-local-address", self.layout.file(database)]).strip()

    def has(self, path: str) -> bool:
        """Whether a file is there. Raises HostFailed."""
        return bool(self.host.run(["sh", "-c", '! [ -e "$1" ] || echo there', "look", path]))

    def make_file(self, database: Database, command: Sequence[str]) -> None:
        """Make the file of a database by a command of ovsdb-tool(1) that names it: all of it or nothing.

        Raises HostFailed.
        """
        file = self.layout.file(database)
        new = f"{file}.new"
        words = [new if word == file else word for word in command]
        self.host.run(["sh", "-c", _MAKE, "make", file, new, self.layout.databases, *words], timeout=_LONG_SECONDS)

    def read_id(self, database: Database, what: str) -> str:
        """``db-cid`` or ``db-sid`` of the file of a database (ovsdb-tool(1)); "" where it has none yet, or none at all.

        Raises HostFailed where the host cannot be asked.
        """
        return self.host.run(["sh", "-c", _ID, "id", what, self.layout.file(database)]).strip()

    def upload(self, path: str, text: str) -> None:
        """Write a file that may be long, for its owner alone. Raises HostFailed."""
        self.host.run(["sh", "-c", _UPLOAD, "upload", path], stdin=text, timeout=_LONG_SECONDS)

    def put_away(self, database: Database, suffix: str) -> None:
        """Rename the file of a database, if it is there. Raises HostFailed."""
        file = self.layout.file(database)
        self.host.run(["sh", "-c", _AWAY, "away", file, f"{file}.{suffix}"])

    def status(self, database: Database) -> MemberStatus:
        """What the server of a database says; where it says nothing, why. Never raises."""
        try:
            said = self._said_of(database)
        except OvnkitError as exc:
            return MemberStatus(host=self.name, database=database.name, problem=exc)
        return read_status(self.name, database.name, said)

    def _said_of(self, database: Database) -> str:
        columns = ["model", "connected", "leader", "cid", "sid"]
        where = [["name", "==", database.name]]
        question = ["_Server", {"op": "select", "table": "Database", "where": where, "columns": columns}]
        layout = self.layout
        words = (layout.socket(database), layout.control(database), database.name, str(_ANSWER_SECONDS))
        try:
            return self.host.run(["sh", "-c", _STATUS, "status", *words, json.dumps(question)])
        except HostFailed as exc:
            raise HostFailed(exc.host, f"asking the server of {database.name}", exc.status, exc.output) from exc

    def transact(self, database: Database, operations: Sequence[Operation]) -> list[Any]:
        """The results of a transaction (RFC 7047, 5.2) through the socket of the host, where nobody listens yet.

        Raises HostFailed, and what the server's answer comes to.
        """
        words = ["ovsdb-client", "-t", str(_ANSWER_SECONDS), "transact", f"unix:{self.layout.socket(database)}"]
        results: list[Any] = json.loads(self.host.run([*words, json.dumps([database.name, *operations])]))
        failure = outcome.failure(list(operations), results)
        if failure is not None:
            raise failure
        return results

    def select(self, database: Database, table: str, columns: Sequence[str]) -> list[Mapping[str, Any]]:
        """All rows of a table in JSON form, of the columns named. Raises what ``transact()`` raises."""
        rows: list[Mapping[str, Any]] = self.transact(
            database, [{"op": "select", "table": table, "where": [], "columns": list(columns)}]
        )[0]["rows"]
        return rows
