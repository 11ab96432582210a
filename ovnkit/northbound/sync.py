"""Waiting until ovn-northd, or every hypervisor, has caught up with the Northbound database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from ovnkit.errors import InvalidValue
from ovnkit.northbound.rows import NBGlobal

if TYPE_CHECKING:
    from ovnkit.northbound.client import Northbound, NorthboundTransaction

__all__ = ["Level", "raise_nb_cfg", "sync"]

Level = Literal["sb", "hv"]
"""How far: to the Southbound database, or to the flows of every hypervisor."""

_WHO = {
    "sb": "ovn-northd, which has to run and to reach both databases",
    "hv": "all chassis; one that is dead holds it back for ever: look at nb_cfg of each Chassis_Private in SB",
}


def sync(nb: Northbound, level: Level, timeout: float) -> int:
    """Raise NB_Global:nb_cfg and wait until it has arrived; returns the number that was waited for."""
    if level not in _WHO:
        raise InvalidValue(table="NB_Global", column="nb_cfg", value=level, allowed="level 'sb' or 'hv'")
    deadline = time.monotonic() + timeout
    number = nb.transact(raise_nb_cfg, "ovnkit: sync", timeout=timeout)

    def arrived() -> int | None:
        for row in nb.find(NBGlobal):
            # Without any chassis hv_cfg may run ahead of sb_cfg.
            if (row.sb_cfg if level == "sb" else min(row.sb_cfg, row.hv_cfg)) >= number:
                return number
        return None

    what = f"NB_Global:{level}_cfg to reach {number}: {_WHO[level]}"
    return nb._wait(arrived, max(0.0, deadline - time.monotonic()), what)


def raise_nb_cfg(tx: NorthboundTransaction) -> int:
    """Have ovn-northd and every chassis say when they have done what this transaction changes; returns the number."""
    for row in tx.find(NBGlobal):
        tx.update(row, nb_cfg=row.nb_cfg + 1)
        return row.nb_cfg + 1
    tx.check_none(NBGlobal)
    tx.insert(NBGlobal(nb_cfg=1))
    return 1
