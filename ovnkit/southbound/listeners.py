"""Where the servers of the Southbound database listen: one Connection row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.listening import put_listener, remove_listener, warn_of
from ovnkit.ovsdb.targets import check_probe, check_target
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.base import SouthboundOperations
from ovnkit.southbound.rows import Connection, SBGlobal

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

        Gives the warning OpenToAll for plain TCP, for no probes, and for a new listener with TLS and no word of
        ``role``. Raises InvalidValue.
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
        warn_of(target, inactivity_probe=inactivity_probe)

        def body(tx: SouthboundTransaction) -> Ref[Any]:
            return put_listener(tx, Connection, SBGlobal, target, columns)

        return self._operate(body, dry_run=dry_run)

    def remove_listener(self, target: str, *, dry_run: bool = False) -> Changes:
        """Remove the Connection row with this target, and no other. Sessions that came in there end.

        Identity: ``target``; nothing changes where there is none.
        """

        def body(tx: SouthboundTransaction) -> None:
            remove_listener(tx, Connection, target)

        return self._operate(body, dry_run=dry_run)
