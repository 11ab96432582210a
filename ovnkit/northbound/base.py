"""The base that the operations of the OVN Northbound database share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ovnkit.northbound.rows import NB
from ovnkit.ovsdb.operate import Operations

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["NorthboundOperations"]

NorthboundOperations: TypeAlias = Operations[NB, "NorthboundTransaction"]
