"""Where the central services keep their things on a host."""

from __future__ import annotations

from typing import Final

import attrs

from ovnkit.deploy.databases import Database
from ovnkit.deploy.host import Host

__all__ = ["Layout", "TlsFiles", "layout_of"]

_DIRECTORIES: Final = """\
for directory in "${OVN_RUNDIR-/var/run/ovn}" "${OVN_DBDIR-/var/lib/ovn}" "${OVN_LOGDIR-/var/log/ovn}" \\
  "${OVN_SYSCONFDIR-/etc}/ovn" "${OVN_PKGDATADIR-/usr/share/ovn}"
do printf '%s\\0' "$directory"
done
"""


@attrs.frozen
class TlsFiles:
    """The PEM files of one program on its host."""

    key: str
    certificate: str
    authority: str

    @property
    def options(self) -> tuple[str, ...]:
        """The options that every program of OVN takes for them."""
        return f"--private-key={self.key}", f"--certificate={self.certificate}", f"--ca-cert={self.authority}"


@attrs.frozen(kw_only=True)
class Layout:
    """The directories of OVN on a host; the defaults are those of the distributions (ovn-ctl(8), FILES)."""

    run: str = "/var/run/ovn"
    databases: str = "/var/lib/ovn"
    logs: str = "/var/log/ovn"
    configuration: str = "/etc/ovn"
    schemas: str = "/usr/share/ovn"

    def file(self, database: Database) -> str:
        """The file of a database."""
        return f"{self.databases}/{database.stem}.db"

    def socket(self, database: Database) -> str:
        """The socket on which programs of the host reach a database."""
        return f"{self.run}/{database.stem}.sock"

    def control(self, database: Database) -> str:
        """The socket on which ovn-appctl(8) reaches the server of a database."""
        return f"{self.run}/{database.stem}.ctl"

    def schema(self, database: Database) -> str:
        """The installed schema of a database."""
        return f"{self.schemas}/{database.schema}"

    def tls(self, name: str) -> TlsFiles:
        """Where a program finds its key, its certificate and the authority: ``central`` or ``chassis``."""
        directory = f"{self.configuration}/pki"
        return TlsFiles(f"{directory}/{name}/key.pem", f"{directory}/{name}/cert.pem", f"{directory}/cacert.pem")


def layout_of(host: Host) -> Layout:
    """The directories that the programs of a host use, by its environment (ovn-ctl(8)). Raises HostFailed."""
    run, databases, logs, configuration, schemas, _ = host.run(["sh", "-c", _DIRECTORIES, "directories"]).split("\0")
    return Layout(run=run, databases=databases, logs=logs, configuration=configuration, schemas=schemas)
