"""The base of operations: one way to write them for a client and for its open transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.ovsdb.typing import Readable

__all__ = ["ClientOperations", "Operations", "TransactionOperations"]

D = TypeVar("D")
TX = TypeVar("TX")
T = TypeVar("T")
P = ParamSpec("P")


class Operations(Generic[D, TX]):
    """What a writing operation calls. ``body(tx)`` does the work and returns the row that the operation is about."""

    if TYPE_CHECKING:

        def find(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> list[T]:
            """As of the client or the transaction."""
            ...

        def get(self, table: Readable[D, P, T], /, *args: P.args, **columns: P.kwargs) -> T:
            """As of the client or the transaction."""
            ...

        def _operate(self, body: Callable[[TX], Ref[Any] | None], *, dry_run: bool) -> Changes:
            """Of the client one transaction, of a transaction a part of it."""
            ...


class ClientOperations(Operations[D, TX]):
    """On a client an operation is one transaction, run again on conflict."""

    def _operate(self, body: Callable[[TX], Ref[Any] | None], *, dry_run: bool) -> Changes:
        client: Any = self
        assert isinstance(client, Client)

        def run(tx: Any) -> Changes:
            ref = body(tx)
            return Changes(tx.changes(), ref=ref)

        if not dry_run:
            return client.transact(run)
        tx = client.transaction()
        try:
            return run(tx)
        finally:
            tx.discard()


class TransactionOperations(Operations[D, TX]):
    """On an open transaction an operation joins it."""

    def _operate(self, body: Callable[[TX], Ref[Any] | None], *, dry_run: bool) -> Changes:
        tx: Any = self
        assert isinstance(tx, Transaction)
        return tx._joined(body, dry_run=dry_run)
