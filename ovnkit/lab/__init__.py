"""Real OVN on one machine: hosts, virtual machines and an outside network in namespaces, with real packets."""

from __future__ import annotations

from ovnkit.lab.cleanup import down
from ovnkit.lab.endpoint import Endpoint, PingResult, Transfer
from ovnkit.lab.host import Host
from ovnkit.lab.lab import Lab, check
from ovnkit.lab.metadata import METADATA_URL
from ovnkit.lab.outside import Outside
from ovnkit.lab.vm import VM

__all__ = [
    "METADATA_URL",
    "VM",
    "Endpoint",
    "Host",
    "Lab",
    "Outside",
    "PingResult",
    "Transfer",
    "check",
    "down",
]
