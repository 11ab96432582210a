"""Which chassis are at work, as far as the databases tell."""

from __future__ import annotations

from ovnkit.northbound.rows import NBGlobal
from ovnkit.southbound.liveness import StaleChassis, stale_chassis
from ovnkit.southbound.rows import ChassisPrivate, SBGlobal
from ovnkit.topology.tables import Tables

__all__ = ["not_alive", "target_of"]


def not_alive(tables: Tables) -> dict[str, StaleChassis]:
    """The chassis that are not at work, or of which that cannot be told, by name."""
    raised = max((row.nb_cfg_timestamp for row in tables.nb(NBGlobal).values()), default=0)
    found = stale_chassis(
        tables.chassis_by_name,
        {row.name: row for row in tables.sb(ChassisPrivate).values()},
        target=target_of(tables),
        now=tables.read_at,
        raised=raised / 1000 if raised > 0 else None,
    )
    return {stale.name: stale for stale in found}


def target_of(tables: Tables) -> int:
    """The ``nb_cfg`` that chassis are to follow; 0 where it has never moved."""
    return max((row.nb_cfg for row in tables.sb(SBGlobal).values()), default=0)
