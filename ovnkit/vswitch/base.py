"""The base that the operations of a host's local Open_vSwitch database share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ovnkit.ovsdb.operate import Operations
from ovnkit.vswitch.rows import VS

if TYPE_CHECKING:
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["VSwitchOperations"]

VSwitchOperations: TypeAlias = Operations[VS, "VSwitchTransaction"]
