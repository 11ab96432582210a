"""Where the servers of the Southbound database listen: one Connection row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.errors import NotFound
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Add
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.base import SouthboundOperations
from ovnkit.southbound.rows import Connection, SBGlobal
from ovnkit.southbound.targets import check_probe, check_target

if TYPE_CHECKING:
    from ovnkit.southbound.client import SouthboundTransaction

__all__ = ["ListenerOperations"]


class ListenerOperations(SouthboundOperations):
    """Adding and removing listeners beside those of others, which ``set-connection`` of ovn-sbctl(8) deletes."""

    def add_listener(
        self,
        target: str,
        *,
        inactivity_probe: int | None = None,
        max_backoff: int | None = None,
        role: str | None = None,
        read_only: bool | None = None,
        insecure: bool = False,
        dry_run: bool = False,
    ) -> Changes:
        """Have the servers listen at ``target``, or change how: the Connection row with this target (ovn-sb(5)).

        Identity: ``target``, ``pssl:PORT[:ADDRESS]`` or ``ptcp:PORT[:ADDRESS]``; in a cluster all members share the
        row, so leave the address out there. ``inactivity_probe``: milliseconds, 0 for none. ``max_backoff``:
        milliseconds, at least 1000. ``role``: ``"ovn-controller"`` for role-based access control, ``""`` for full
        access. What is None stays as it is. Plain TCP off loopback needs ``insecure``.

        Raises InvalidValue.
        """
        check_target(target, table="Connection", insecure=insecure)
        check_probe(inactivity_probe, table="Connection")
        asked: dict[str, Any] = {
            "inactivity_probe": inactivity_probe,
            "max_backoff": max_backoff,
            "role": role,
            "read_only": read_only,
        }
        columns = {name: value for name, value in asked.items() if value is not None}

        def body(tx: SouthboundTransaction) -> Ref[Any]:
            found = tx.find(Connection, target=target)
            if found:
                tx.update(found[0], **columns)
                return found[0].ref
            tx.check_none(Connection, target=target)
            ref = tx.insert(Connection(target=target, **columns))
            tx.update(_sb_global(tx), connections=Add(ref))
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_listener(self, target: str, *, dry_run: bool = False) -> Changes:
        """Remove the Connection row with this target, and no other. Sessions that came in there end.

        Identity: ``target``; nothing changes where there is none.
        """

        def body(tx: SouthboundTransaction) -> None:
            for connection in tx.find(Connection, target=target):
                tx.delete(connection)

        return self._operate(body, dry_run=dry_run)


def _sb_global(tx: SouthboundTransaction) -> SBGlobal:
    try:
        return tx.get(SBGlobal)
    except NotFound:
        # A database that neither ovn-northd nor "ovn-sbctl init" has seen yet.
        tx.check_none(SBGlobal)
        return tx[tx.insert(SBGlobal())]
