"""Where the servers of the central databases are to listen, and the rows that say so before anybody can connect."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ovnkit.deploy.databases import SOUTHBOUND, Database
from ovnkit.deploy.spec_central import Central
from ovnkit.errors import Conflict, InvalidValue
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
    """The operations that add the listeners which are not ``there`` (Connection rows in JSON form), with their roles.

    ``first``: the database does not have its one row yet. Who does the same at the same time fails, and finds nothing
    left to do when asked again: targets are unique, and so is the row.

    Raises Conflict where a listener of the other kind has the port, and where one has a role that it is not to have:
    only somebody who says so opens it for all.
    """
    wanted, rows = tuple(wanted), {row["target"]: row for row in there}
    _check_ports(wanted, rows)
    missing = {str(uuid.uuid4()): listener for listener in wanted if listener.target not in rows}
    operations: list[Operation] = [
        {"op": "insert", "table": "Connection", "uuid": row_id, "row": _row(listener)}
        for row_id, listener in missing.items()
    ]
    for listener in wanted:
        role = rows.get(listener.target, {}).get("role", listener.role)
        if role != listener.role:
            if not listener.role:
                details = f"{listener.target} has the role {role}; ovnkit central listener add … --role '' opens it"
                raise Conflict("a listener with a role", details)
            where = [["target", "==", listener.target]]
            operations.append({"op": "update", "table": "Connection", "where": where, "row": {"role": listener.role}})
    added = ["set", [["uuid", row_id] for row_id in missing]]
    if first:
        return [*operations, {"op": "insert", "table": database.table, "row": {"connections": added}}]
    if not missing:
        return operations
    mutation = ["connections", "insert", added]
    return [*operations, {"op": "mutate", "table": database.table, "where": [], "mutations": [mutation]}]


def _check_ports(wanted: Iterable[Listener], there: Iterable[str]) -> None:
    taken = {_port(target): target for target in there}
    for listener in wanted:
        other = taken.get(_port(listener.target), listener.target)
        if other.partition(":")[0] != listener.target.partition(":")[0]:
            details = f"{other} has the port of {listener.target}; deploy.secure(spec) changes from plain TCP to TLS"
            raise Conflict("a listener of the other kind", details)


def replace_listeners(
    database: Database, wanted: Iterable[Listener], unwanted: Iterable[Listener], there: Iterable[Mapping[str, Any]]
) -> list[Operation]:
    """The operations that put listeners in the place of others, at once: they may be at the same ports.

    Where one follows another at a port, what that had of ``inactivity_probe`` and ``max_backoff`` goes on to hold.
    """
    rows = {row["target"]: row for row in there}
    old = [rows[listener.target] for listener in unwanted if listener.target in rows]
    kept = {_port(row["target"]): {name: row[name] for name in ("inactivity_probe", "max_backoff")} for row in old}
    new = {str(uuid.uuid4()): listener for listener in wanted if listener.target not in rows}
    operations: list[Operation] = [
        {
            "op": "insert",
            "table": "Connection",
            "uuid": row_id,
            "row": {**_row(listener), **kept.get(_port(listener.target), {})},
        }
        for row_id, listener in new.items()
    ]
    mutations = [
        ["connections", "delete", ["set", [row["_uuid"] for row in old]]],
        ["connections", "insert", ["set", [["uuid", row_id] for row_id in new]]],
    ]
    return [*operations, {"op": "mutate", "table": database.table, "where": [], "mutations": mutations}]


def _port(target: str) -> str:
    return target.partition(":")[2].partition(":")[0]


def _row(listener: Listener) -> dict[str, str]:
    return {"target": listener.target, **({"role": listener.role} if listener.role else {})}
