"""The client of the OVN Southbound database, and its transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.operate import ClientOperations, TransactionOperations
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.chassis import ChassisOperations
from ovnkit.southbound.listeners import ListenerOperations
from ovnkit.southbound.rows import SB

__all__ = ["Southbound", "SouthboundTransaction"]

R = TypeVar("R", bound=Row[SB])


class SouthboundTransaction(Transaction[SB], TransactionOperations[SB, Any], ChassisOperations, ListenerOperations):
    """A transaction of the OVN Southbound database."""

    def insert(self, row: R) -> Ref[R]:
        """Insert a row made in Python; returns its reference with its final uuid. Raises InvalidValue, NotOnServer."""
        return self._insert(row)


class Southbound(Client[SB, SouthboundTransaction], ClientOperations[SB, Any], ChassisOperations, ListenerOperations):
    """A client of the OVN Southbound database."""

    _database = SB
    _unmonitored = frozenset({"Logical_Flow", "MAC_Binding", "FDB"})
    _transaction_class = SouthboundTransaction
    _ovsdbapp = "ovnkit.southbound._ovsdbapp"
