"""Which chassis look abandoned, by what Southbound says of them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import attrs

from ovnkit.southbound.rows import Chassis, ChassisPrivate

__all__ = ["GRACE", "StaleChassis", "is_remote", "stale_chassis"]

GRACE = 60.0
"""Seconds that a chassis may take to follow ``nb_cfg``."""


@attrs.frozen(kw_only=True)
class StaleChassis:
    """A chassis whose ovn-controller seems to be gone, and in ``why`` what shows it.

    ``state`` is "unknown" where it may be gone, and nothing can show since when.
    """

    name: str
    why: str
    state: Literal["stale", "unknown"] = "stale"
    hostname: str | None = None


def is_remote(chassis: Chassis) -> bool:
    """Whether a chassis belongs to another availability zone (ovn-ic(8))."""
    return chassis.other_config.get("is-remote", "").lower() == "true"


def stale_chassis(
    chassis: Mapping[str, Chassis],
    private: Mapping[str, ChassisPrivate],
    *,
    target: int,
    now: float | None,
    raised: float | None = None,
    grace: float = GRACE,
) -> Iterator[StaleChassis]:
    """Those of ``chassis`` and ``private``, each by its name, that have not followed ``nb_cfg``, which is ``target``.

    ``now``, and ``raised``, when ``nb_cfg`` came to Southbound, are seconds since the epoch. Without ``now``, as in a
    file, nobody is late; without ``raised`` it counts from when the first chassis followed.
    """
    reached = [row.nb_cfg_timestamp / 1000 for row in private.values() if row.nb_cfg >= target and row.nb_cfg_timestamp]
    since = raised if raised is not None else min(reached, default=None)
    late = now is not None and since is not None and now - since > grace
    for name in private.keys() - chassis.keys():
        yield StaleChassis(name=name, why="Chassis_Private without Chassis")
    for name, row in chassis.items():
        if name not in private:
            if not is_remote(row) and not row.vtep_logical_switches:
                yield StaleChassis(name=name, why="Chassis without Chassis_Private", hostname=row.hostname)
        elif not target:
            why = "nb_cfg has never moved, so that no chassis could follow it"
            yield StaleChassis(name=name, why=why, state="unknown", hostname=row.hostname)
        elif private[name].nb_cfg < target and (late or now is None or raised is None):
            own = private[name].nb_cfg
            others = "others have reached" if reached else "nobody has reached"
            why = (
                f"its nb_cfg is {own}, {others} {target}" if own else f"it has never followed nb_cfg, which is {target}"
            )
            state: Literal["stale", "unknown"] = "stale" if late and own else "unknown"
            yield StaleChassis(name=name, why=why, state=state, hostname=row.hostname)
