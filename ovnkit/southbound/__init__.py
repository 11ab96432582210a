"""Rows, client and operations of the OVN Southbound database."""

from __future__ import annotations

from ovnkit.southbound import rows
from ovnkit.southbound.client import Southbound, SouthboundTransaction
from ovnkit.southbound.rows import *

__all__ = ["Southbound", "SouthboundTransaction"]
__all__ += rows.__all__
