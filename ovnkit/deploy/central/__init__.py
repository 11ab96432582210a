"""The central services: the Northbound and Southbound databases and ovn-northd, on one host or on several."""

from __future__ import annotations

from ovnkit.deploy.central.backup import Backup, backup
from ovnkit.deploy.central.convert import convert
from ovnkit.deploy.central.create import create, join
from ovnkit.deploy.central.leadership import step_down
from ovnkit.deploy.central.membership import leave, replace
from ovnkit.deploy.central.restore import reset_controllers, restore
from ovnkit.deploy.central.services import status
from ovnkit.deploy.central.status import MemberStatus, Peer
from ovnkit.deploy.central.timer import set_election_timer
from ovnkit.deploy.databases import NORTHBOUND, SOUTHBOUND

__all__ = [
    "NORTHBOUND",
    "SOUTHBOUND",
    "Backup",
    "MemberStatus",
    "Peer",
    "backup",
    "convert",
    "create",
    "join",
    "leave",
    "replace",
    "reset_controllers",
    "restore",
    "set_election_timer",
    "status",
    "step_down",
]
