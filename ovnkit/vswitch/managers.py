"""Where the host's own ovsdb-server listens: one Manager row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Add
from ovnkit.ovsdb.listening import warn_of
from ovnkit.ovsdb.targets import check_probe, check_target
from ovnkit.ovsdb.values import Ref
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.root import root_row
from ovnkit.vswitch.rows import Manager

if TYPE_CHECKING:
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["ManagerOperations"]


class ManagerOperations(VSwitchOperations):
    """Adding and removing managers beside those of others, which ``set-manager`` of ovs-vsctl(8) deletes."""

    def add_manager(
        self,
        target: str,
        *,
        inactivity_probe: int | None = None,
        max_backoff: int | None = None,
        insecure: bool = False,
        dry_run: bool = False,
    ) -> Changes:
        """Have ovsdb-server listen at, or connect to, ``target``, or change how: the Manager row with this target.

        Identity: ``target``, such as ``ptcp:6640:127.0.0.1``, where OpenStack's agents look (ovs-vswitchd.conf.db(5)).
        Everyone who can connect there administers Open vSwitch: plain TCP off loopback needs ``insecure``.
        ``inactivity_probe``: milliseconds, 0 for none; ``max_backoff``: milliseconds, at least 1000. What is None stays
        as it is.

        Gives the warning OpenToAll for plain TCP, and for no probes. Raises InvalidValue.
        """
        check_target(target, table="Manager", active=True, insecure=insecure)
        check_probe(inactivity_probe, table="Manager")
        asked: dict[str, Any] = {"inactivity_probe": inactivity_probe, "max_backoff": max_backoff}
        columns = {name: value for name, value in asked.items() if value is not None}
        warn_of(target, inactivity_probe=inactivity_probe)

        def body(tx: VSwitchTransaction) -> Ref[Manager]:
            found = tx.find(Manager, target=target)
            if found:
                tx.update(found[0], **columns)
                return found[0].ref
            tx.check_none(Manager, target=target)
            ref = tx.insert(Manager(target=target, **columns))
            tx.update(root_row(tx), manager_options=Add(ref))
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_manager(self, target: str, *, dry_run: bool = False) -> Changes:
        """Remove the Manager row with this target, and no other. Sessions that came in there end.

        Identity: ``target``; nothing changes where there is none.
        """

        def body(tx: VSwitchTransaction) -> None:
            for manager in tx.find(Manager, target=target):
                tx.delete(manager)

        return self._operate(body, dry_run=dry_run)
