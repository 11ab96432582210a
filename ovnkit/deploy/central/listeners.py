"""Where the servers of the central databases are to listen, and the rows that say so before anybody can connect."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ovnkit.deploy.databases import SOUTHBOUND, Database
from ovnkit.deploy.spec_central import Central
from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.pending import Operation

__all__ = ["CHASSIS_ROLE", "Listener", "check_address", "insert_listeners", "listeners", "replace_listeners"]

CHASSIS_ROLE: Final = "ovn-controller"
"""The role of chassis under role-based access control (ovn-sb(5), RBAC_Role)."""


@attrs.frozen
class Listener:
    """A target on which the servers of a database listen, and the role of those who come in there."""

    target: str
    role: str = ""

    def __str__(self) -> str:
        return f"{self.target} (role {self.role})" if self.role else self.target


def listeners(central: Central, database: Database) -> tuple[Listener, ...]:
    """The listeners that a spec asks for.

    All members of a cluster share the rows, so that these name no address there: what keeps others out then is a
    firewall, and TLS. A single server listens at its own address alone.
    """
    scheme = "ptcp" if central.tls is None else "pssl"
    address = "" if central.clustered else f":{_bracketed(central.members[0].address)}"
    ports = central.ports(database)
    return tuple(
        Listener(
            f"{scheme}:{port}{address}",
            CHASSIS_ROLE if central.rbac and database is SOUTHBOUND and port == ports[0] else "",
        )
        for port in ports
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def check_address(central: Central, target: str, *, anywhere: bool = False) -> None:
    """Raise InvalidValue for a target with an address that members of a cluster share: only one could listen there.

    A single server has to name one, unless it is to listen ``anywhere``. An address of loopback is everybody's.
    """
    _, _, address = target.removeprefix("ptcp:").removeprefix("pssl:").partition(":")
    if central.clustered and address and not address.startswith(("127.", "[::1]")):
        allowed = f"no address, for all members of the cluster share the row: {target.removesuffix(f':{address}')}"
    elif not central.clustered and not address and not anywhere:
        allowed = f"the address of the one server as well: {target}:ADDRESS"
    else:
        return
    raise InvalidValue(table="Connection", column="target", value=target, allowed=allowed)


def insert_listeners(
    database: Database, wanted: Iterable[Listener], there: Iterable[Mapping[str, Any]], *, first: bool
) -> list[Operation]:
    """The operations that add the listeners which are not ``there`` (Connection rows in JSON form).

    ``first``: the database does not have its one row yet. Who does the same at the same time fails, and finds nothing
    left to do when asked again: targets are unique, and so is the row.
    """
    known = {row["target"] for row in there}
    missing = {str(uuid.uuid4()): listener for listener in wanted if listener.target not in known}
    operations: list[Operation] = [
        {"op": "insert", "table": "Connection", "uuid": row_id, "row": _row(listener)}
        for row_id, listener in missing.items()
    ]
    added = ["set", [["uuid", row_id] for row_id in missing]]
    if first:
        return [*operations, {"op": "insert", "table": database.table, "row": {"connections": added}}]
    if not missing:
        return []
    mutation = ["connections", "insert", added]
    return [*operations, {"op": "mutate", "table": database.table, "where": [], "mutations": [mutation]}]


def replace_listeners(
    database: Database, wanted: Iterable[Listener], unwanted: Iterable[Listener], there: Iterable[Mapping[str, Any]]
) -> list[Operation]:
    """The operations that put listeners in the place of others, at once: they may be at the same ports."""
    rows = {row["target"]: row["_uuid"] for row in there}
    new = {str(uuid.uuid4()): listener for listener in wanted if listener.target not in rows}
    old = [rows[listener.target] for listener in unwanted if listener.target in rows]
    operations: list[Operation] = [
        {"op": "insert", "table": "Connection", "uuid": row_id, "row": _row(listener)}
        for row_id, listener in new.items()
    ]
    mutations = [
        ["connections", "delete", ["set", old]],
        ["connections", "insert", ["set", [["uuid", row_id] for row_id in new]]],
    ]
    return [*operations, {"op": "mutate", "table": database.table, "where": [], "mutations": mutations}]


def _row(listener: Listener) -> dict[str, str]:
    return {"target": listener.target, **({"role": listener.role} if listener.role else {})}
