"""The central services: the Northbound and Southbound databases and ovn-northd, on one host or on several."""

from __future__ import annotations

from ovnkit.deploy.central.commands import Daemon
from ovnkit.deploy.central.create import create, join
from ovnkit.deploy.central.layout import Layout
from ovnkit.deploy.central.node import Starter, start_directly, start_with_systemd
from ovnkit.deploy.central.services import status
from ovnkit.deploy.central.status import MemberStatus, Peer

__all__ = [
    "Daemon",
    "Layout",
    "MemberStatus",
    "Peer",
    "Starter",
    "create",
    "join",
    "start_directly",
    "start_with_systemd",
    "status",
]
