"""The base that the operations of the OVN Southbound database share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ovnkit.ovsdb.operate import Operations
from ovnkit.southbound.rows import SB

if TYPE_CHECKING:
    from ovnkit.southbound.client import SouthboundTransaction

__all__ = ["SouthboundOperations"]

SouthboundOperations: TypeAlias = Operations[SB, "SouthboundTransaction"]
