"""Port groups and address sets: what matches of ACLs and policies call by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue, NotFound
from ovnkit.northbound.addresses import members
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, marked, string_map, update
from ovnkit.northbound.identity import find_switch_port, one
from ovnkit.northbound.rows import AddressSet, PortGroup
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["GroupOperations", "check_group_name", "find_port_group"]

_NAME = re.compile(r"[A-Za-z_.][A-Za-z_.0-9]*", re.ASCII)
_GROUP, _SET = "Port_Group", "Address_Set"


class GroupOperations(NorthboundOperations):
    """Add and remove port groups and address sets."""

    def add_port_group(
        self,
        name: str,
        *,
        ports: SetOf[str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A named group of switch ports (Port_Group in ovn-nb(5)), ``@NAME`` in a match. Identity: its name.

        ``ports``: the names of its ports, on whatever switches; others are taken out. Of ``external_ids`` the given
        keys are set. What is None is left as it is.

        Raises InvalidValue, and NotFound (no such port).
        """
        check_group_name(name, table=_GROUP)
        names = None if ports is None else members(ports, table=_GROUP, column="ports", allowed="a list of port names")
        columns = given(external_ids=string_map(external_ids, table=_GROUP, column="external_ids"))

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            wanted = dict(columns)
            if names is not None:
                wanted["ports"] = frozenset(_port(tx, port) for port in sorted(names))
            row = find_port_group(tx, name)
            if row is None:
                return tx.insert(PortGroup(name=name, **marked(wanted)))
            update(tx, row, wanted)
            return row.ref

        return self._operate(body, dry_run=dry_run)

    def remove_port_group(self, name: str, *, dry_run: bool = False) -> Changes:
        """Remove a port group with its ACLs; its ports stay. Identity: its name; nothing changes where there is none.

        Raises InvalidValue.
        """
        check_group_name(name, table=_GROUP)

        def body(tx: NorthboundTransaction) -> None:
            row = find_port_group(tx, name)
            if row is not None:
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)

    def add_address_set(
        self,
        name: str,
        *,
        addresses: SetOf[str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A named set of addresses (Address_Set in ovn-nb(5)), ``$NAME`` in a match. Identity: its name.

        ``addresses``: IP addresses and networks or MAC addresses; others are taken out. Of ``external_ids`` the given
        keys are set. What is None is left as it is.

        Raises InvalidValue.
        """
        check_group_name(name, table=_SET)
        columns = given(addresses=addresses, external_ids=string_map(external_ids, table=_SET, column="external_ids"))
        # Refused at once, also where nothing would be written.
        AddressSet(name=name, **columns)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            row = one(tx.find(AddressSet, name=name), _SET, name=name)
            if row is None:
                return tx.insert(AddressSet(name=name, **marked(columns)))
            update(tx, row, columns)
            return row.ref

        return self._operate(body, dry_run=dry_run)

    def remove_address_set(self, name: str, *, dry_run: bool = False) -> Changes:
        """Remove an address set. Identity: its name; nothing changes where there is none.

        What matches with it by then matches nothing. Raises InvalidValue.
        """
        check_group_name(name, table=_SET)

        def body(tx: NorthboundTransaction) -> None:
            for row in tx.find(AddressSet, name=name):
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def check_group_name(name: object, *, table: str) -> None:
    """Raise InvalidValue for a name that a match cannot call."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        allowed = "ASCII letters, digits, '_' and '.', not beginning with a digit"
        raise InvalidValue(table=table, column="name", value=name, allowed=allowed)


def find_port_group(tx: NorthboundTransaction, name: str) -> PortGroup | None:
    """The port group of this name; the schema has no two of one name."""
    return one(tx.find(PortGroup, name=name), _GROUP, name=name)


def _port(tx: NorthboundTransaction, name: str) -> Ref[Any]:
    port = find_switch_port(tx, name)
    if port is None:
        raise NotFound("Logical_Switch_Port", {"name": name})
    return port.ref
