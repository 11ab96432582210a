"""Rows, client and operations of the OVN Northbound database."""

from __future__ import annotations

from ovnkit.northbound import rows
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.rows import *

__all__ = ["Northbound", "NorthboundTransaction"]
__all__ += rows.__all__
