"""Rows, client and operations of a host's local Open_vSwitch database."""

from __future__ import annotations

from ovnkit.vswitch import rows
from ovnkit.vswitch.chassis_config import ChassisConfig
from ovnkit.vswitch.client import VSwitch, VSwitchTransaction
from ovnkit.vswitch.patch_ports import PatchPort
from ovnkit.vswitch.rows import *

__all__ = ["ChassisConfig", "PatchPort", "VSwitch", "VSwitchTransaction"]
__all__ += rows.__all__
