"""The rows by which a database tells its own servers where to listen: one at a time, beside those of others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ovnkit.errors import NotFound
from ovnkit.ovsdb.edits import Add
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref
from ovnkit.remote import OpenToAll

__all__ = ["OpenToAll", "put_listener", "remove_listener", "warn_of"]


def warn_of(target: str, *, inactivity_probe: int | None = None) -> None:
    """Give the warning OpenToAll for a listener that was asked for and is rarely meant."""
    if target.startswith("ptcp:"):
        what = "any user of this machine may change everything there, and off loopback whoever reaches it"
        warnings.warn(f"{target}: {what}", OpenToAll, stacklevel=4)
    if inactivity_probe == 0:
        warnings.warn(f"{target}: without probes it keeps connections of clients that died", OpenToAll, stacklevel=4)


def put_listener(tx: Transaction[Any], connection: Any, root: Any, target: str, columns: Mapping[str, Any]) -> Ref[Any]:
    """Have a row of the class ``connection`` with this target, which the one row of ``root`` holds, with columns."""
    found: list[Any] = tx.find(connection, target=target)
    if found:
        tx.update(found[0], **columns)
        return found[0].ref  # type: ignore[no-any-return]
    if target.startswith("pssl:") and "role" not in columns and hasattr(connection, "role"):
        what = "whoever has a certificate may change everything there; role='ovn-controller' is for chassis, '' for all"
        warnings.warn(f"{target}: {what}", OpenToAll, stacklevel=2)
    tx.check_none(connection, target=target)
    ref = tx._insert(connection(target=target, **columns))
    tx.update(_one_row(tx, root), connections=Add(ref))
    return ref


def remove_listener(tx: Transaction[Any], connection: Any, target: str) -> None:
    """Remove the row of ``connection`` with this target, if there is one."""
    for row in tx.find(connection, target=target):
        tx.delete(row)


def _one_row(tx: Transaction[Any], root: Any) -> Any:
    try:
        return tx.get(root)
    except NotFound:
        # A database that neither ovn-northd nor "ovn-nbctl init" has seen yet.
        tx.check_none(root)
        return tx[tx._insert(root())]
