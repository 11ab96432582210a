"""The client of a host's local Open_vSwitch database, and its transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.operate import ClientOperations, TransactionOperations
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.vswitch.rows import VS

__all__ = ["VSwitch", "VSwitchTransaction"]

R = TypeVar("R", bound=Row[VS])


class VSwitchTransaction(Transaction[VS], TransactionOperations[VS, Any]):
    """A transaction of a host's local Open_vSwitch database."""

    def insert(self, row: R) -> Ref[R]:
        """Insert a row made in Python; returns its reference with its final uuid. Raises InvalidValue, NotOnServer."""
        return self._insert(row)


class VSwitch(Client[VS, VSwitchTransaction], ClientOperations[VS, Any]):
    """A client of a host's local Open_vSwitch database."""

    _database = VS
    _transaction_class = VSwitchTransaction
