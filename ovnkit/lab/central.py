"""The central services of the lab: NB, SB and ovn-northd on one host, or hosts on which somebody else starts them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ovnkit.lab.processes import Daemon
from ovnkit.northbound import Northbound
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Southbound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ovnkit.lab.processes import Launcher

__all__ = ["Central", "CentralClients"]

_NORTHBOUND_SOCKET = "ovnnb_db"
_SOUTHBOUND_SOCKET = "ovnsb_db"
_NORTHBOUND_PORT = 6641
_SOUTHBOUND_PORT = 6642


class CentralClients:
    """Clients of NB and SB by the sockets in the directories of the hosts that serve them."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self._lock = threading.Lock()
        self._northbound: Northbound | None = None
        self._southbound: Southbound | None = None

    def sockets(self, name: str) -> str:
        """The sockets of a database as a connection string."""
        return ",".join(f"unix:{directory / name}.sock" for directory in self._directories)

    @property
    def variables(self) -> Mapping[str, str]:
        """What tells the programs of every host where the databases are."""
        return {"OVN_NB_DB": self.sockets(_NORTHBOUND_SOCKET), "OVN_SB_DB": self.sockets(_SOUTHBOUND_SOCKET)}

    @property
    def northbound(self) -> Northbound:
        """A client of NB, the same one every time. Raises ConnectionFailed or Timeout."""
        with self._lock:
            if self._northbound is None:
                self._northbound = Northbound.connect(self.sockets(_NORTHBOUND_SOCKET))
            return self._northbound

    @property
    def southbound(self) -> Southbound:
        """A client of SB, the same one every time. Raises ConnectionFailed or Timeout."""
        with self._lock:
            if self._southbound is None:
                self._southbound = Southbound.connect(self.sockets(_SOUTHBOUND_SOCKET))
            return self._southbound

    def start_all(self) -> None:
        """Nothing: it is for somebody else to start what serves them."""

    def close(self) -> None:
        """Close the clients, if there are any."""
        with self._lock:
            for client in (self._northbound, self._southbound):
                if client is not None:
                    client.close()
            self._northbound = self._southbound = None


class Central(CentralClients):
    """NB and SB, each on a Unix socket and by TCP on the management network, and ovn-northd."""

    def __init__(self, launcher: Launcher, directory: Path, address: str) -> None:
        super().__init__([directory])
        environment = launcher.environment
        self._address = address

        def server(name: str, schema: str, port: int, connections: str) -> Server:
            return Server(
                directory / f"{name}.db",
                find_schema(schema, environment),
                run_dir=directory,
                name=name,
                listen=[f"ptcp:{port}:{address}"],
                extra_remotes=[connections],
                namespace=launcher.namespace,
                env=environment,
                die_with_parent=False,
            )

        self.northbound_server = server(
            _NORTHBOUND_SOCKET, "ovn-nb.ovsschema", _NORTHBOUND_PORT, "db:OVN_Northbound,NB_Global,connections"
        )
        self.southbound_server = server(
            _SOUTHBOUND_SOCKET, "ovn-sb.ovsschema", _SOUTHBOUND_PORT, "db:OVN_Southbound,SB_Global,connections"
        )
        self.northd = Daemon(
            launcher,
            [
                launcher.program("ovn-northd"),
                f"--ovnnb-db={self.northbound_server.remote}",
                f"--ovnsb-db={self.southbound_server.remote}",
                "--pidfile",
                "--overwrite-pidfile",
                "--no-chdir",
                "-vconsole:info",
                "-vsyslog:off",
            ],
            log=directory / "ovn-northd.log",
        )

    @property
    def northbound_remote(self) -> str:
        """Where NB is reached on the management network."""
        return f"tcp:{self._address}:{_NORTHBOUND_PORT}"

    @property
    def southbound_remote(self) -> str:
        """Where SB is reached on the management network; what ``ovn-remote`` is to be."""
        return f"tcp:{self._address}:{_SOUTHBOUND_PORT}"

    def start_all(self) -> None:
        """Start both databases at once, and then ovn-northd. Raises ServerFailed."""
        servers = (self.northbound_server, self.southbound_server)
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_ready()
        self.northd.start()
