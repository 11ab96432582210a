"""The certificates of a host's own daemons: the SSL row of its database (ovs-vswitchd.conf.db(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Ref
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.root import root_row
from ovnkit.vswitch.rows import SSL, OpenVSwitch

if TYPE_CHECKING:
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["CertificateOperations"]


class CertificateOperations(VSwitchOperations):
    """What ``ovs-vsctl set-ssl`` and ``del-ssl`` do."""

    def set_ssl(self, *, private_key: str, certificate: str, ca_cert: str, dry_run: bool = False) -> Changes:
        """Have the daemons of the host use these PEM files for ``ssl:`` connections: its one SSL row.

        Identity: the host. ovn-controller uses them for Southbound unless its command line names others
        (ovn-controller(8)), and ovsdb-server for its managers where it was started so. They are absolute paths on the
        host, where daemons read them again when they change.

        Raises InvalidValue for a path that is not absolute.
        """
        paths = {"private_key": private_key, "certificate": certificate, "ca_cert": ca_cert}
        for column, path in paths.items():
            if not path.startswith("/") or not path.isprintable():
                raise InvalidValue(table="SSL", column=column, value=path, allowed="an absolute path, printable")

        def body(tx: VSwitchTransaction) -> Ref[SSL]:
            found = tx.find(SSL)
            if found:
                row = found[0]
                tx.update(row, private_key=private_key, certificate=certificate, ca_cert=ca_cert)
                return row.ref
            tx.check_none(SSL)
            ref = tx.insert(SSL(private_key=private_key, certificate=certificate, ca_cert=ca_cert))
            tx.update(root_row(tx), ssl=ref)
            return ref

        return self._operate(body, dry_run=dry_run)

    def unset_ssl(self, *, dry_run: bool = False) -> Changes:
        """Take the SSL row away; connections by ``ssl:`` fail from then on.

        Identity: the host; nothing changes where there is no row.
        """

        def body(tx: VSwitchTransaction) -> None:
            for row in tx.find(OpenVSwitch):
                if row.ssl is not None:
                    tx.update(row, ssl=None)

        return self._operate(body, dry_run=dry_run)
