"""The client of a host's local Open_vSwitch database, and its transaction."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.operate import ClientOperations, TransactionOperations
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.vswitch.bridges import BridgeOperations
from ovnkit.vswitch.certificates import CertificateOperations
from ovnkit.vswitch.chassis import ChassisOperations
from ovnkit.vswitch.chassis_config import ChassisConfigReads
from ovnkit.vswitch.managers import ManagerOperations
from ovnkit.vswitch.patching import PatchOperations
from ovnkit.vswitch.root import root_row
from ovnkit.vswitch.rows import VS, OpenVSwitch

__all__ = ["VSwitch", "VSwitchTransaction"]

R = TypeVar("R", bound=Row[VS])


class VSwitchTransaction(
    Transaction[VS],
    TransactionOperations[VS, Any],
    ChassisOperations,
    ChassisConfigReads,
    BridgeOperations,
    PatchOperations,
    ManagerOperations,
    CertificateOperations,
):
    """A transaction of a host's local Open_vSwitch database."""

    def insert(self, row: R) -> Ref[R]:
        """Insert a row made in Python; returns its reference with its final uuid. Raises InvalidValue, NotOnServer."""
        return self._insert(row)


class VSwitch(
    Client[VS, VSwitchTransaction],
    ClientOperations[VS, Any],
    ChassisOperations,
    ChassisConfigReads,
    BridgeOperations,
    PatchOperations,
    ManagerOperations,
    CertificateOperations,
):
    """A client of a host's local Open_vSwitch database."""

    _database = VS
    _transaction_class = VSwitchTransaction
    _ovsdbapp = "ovnkit.vswitch._ovsdbapp"

    def sync(self, *, timeout: float | None = None) -> None:
        """Wait until ovs-vswitchd has carried out all that is in the database now (``next_cfg`` and ``cur_cfg``).

        Bridges, ports and their OpenFlow numbers are there then; what ovn-controller makes of it is another matter.
        ``timeout``: seconds. Raises Timeout, also where no ovs-vswitchd runs.
        """
        seconds = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds

        def bump(tx: VSwitchTransaction) -> int:
            row = root_row(tx)
            target = row.next_cfg + 1
            tx.update(row, next_cfg=target)
            return target

        target = self.transact(bump, timeout=seconds)

        def look() -> bool | None:
            return any(row.cur_cfg >= target for row in self.find(OpenVSwitch)) or None

        self._wait(look, max(0.0, deadline - time.monotonic()), f"ovs-vswitchd to reach configuration {target}")
