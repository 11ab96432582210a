"""Rows, client and operations of the OVN Southbound database."""

from __future__ import annotations

from ovnkit.southbound import rows
from ovnkit.southbound.chassis import ChassisSummary, EncapSummary, Gateway, Location
from ovnkit.southbound.client import Southbound, SouthboundTransaction
from ovnkit.southbound.liveness import StaleChassis
from ovnkit.southbound.rows import *

__all__ = [
    "ChassisSummary",
    "EncapSummary",
    "Gateway",
    "Location",
    "Southbound",
    "SouthboundTransaction",
    "StaleChassis",
]
__all__ += rows.__all__
