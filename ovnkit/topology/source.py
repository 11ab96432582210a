"""Where a topology comes from: the clients of the databases, to read them anew, to trace and to check."""

from __future__ import annotations

import attrs

from ovnkit.northbound.client import Northbound
from ovnkit.southbound.client import Southbound
from ovnkit.topology.tables import Tables
from ovnkit.vswitch.client import VSwitch

__all__ = ["Source"]


@attrs.frozen(eq=False)
class Source:
    """The databases of a network, and what they held when they were read."""

    nb: Northbound | None
    sb: Southbound | None
    vswitches: tuple[VSwitch, ...]
    tables: Tables = attrs.field(repr=False)
