"""The one row of ``Open_vSwitch``, and edits of its ``external_ids``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ovnkit.errors import NotFound
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.ovsdb.values import Ref
from ovnkit.vswitch.managed import ChassisIds
from ovnkit.vswitch.rows import OpenVSwitch

if TYPE_CHECKING:
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["edit_chassis", "root_row"]


def root_row(tx: VSwitchTransaction) -> OpenVSwitch:
    """The row; a database that neither ovs-vswitchd nor ``ovs-vsctl init`` has seen yet gets it."""
    try:
        return tx.get(OpenVSwitch)
    except NotFound:
        tx.check_none(OpenVSwitch)
        return tx[tx.insert(OpenVSwitch())]


def edit_chassis(
    tx: VSwitchTransaction, edit: Callable[[ChassisIds], None], *, system_id: str | None = None
) -> Ref[OpenVSwitch] | None:
    """Edit the keys of the chassis; every key that changes is guarded by the value that was read.

    None where there is no row and no need for one.
    """
    found = tx.find(OpenVSwitch)
    ids = ChassisIds(found[0].external_ids if found else {}, system_id=system_id)
    edit(ids)
    if not ids.puts and not ids.removals:
        return found[0].ref if found else None
    row = root_row(tx)
    tx.update(row, external_ids=Put(ids.puts))
    tx.update(tx[row.ref], external_ids=Remove(*ids.removals))
    return row.ref
