"""The client of the OVN Northbound database, and its transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from ovnkit.northbound.rows import NB
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.operate import ClientOperations, TransactionOperations
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref

__all__ = ["Northbound", "NorthboundTransaction"]

R = TypeVar("R", bound=Row[NB])


class NorthboundTransaction(Transaction[NB], TransactionOperations[NB, Any]):
    """A transaction of the OVN Northbound database."""

    def insert(self, row: R) -> Ref[R]:
        """Insert a row made in Python; returns its reference with its final uuid. Raises InvalidValue, NotOnServer."""
        return self._insert(row)


class Northbound(Client[NB, NorthboundTransaction], ClientOperations[NB, Any]):
    """A client of the OVN Northbound database."""

    _database = NB
    _transaction_class = NorthboundTransaction
