"""Which rows of two databases are the same thing: by their uuids, or by what people tell them apart by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from uuid import UUID

from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map, Ref

__all__ = ["Rows", "matched", "refs"]

Rows = Mapping[str, Mapping[UUID, Row[Any]]]
"""The rows of one database, by table and uuid."""

# What tells the rows of a table apart within what they belong to. A column, or a key of a map column.
_IDENTITIES: dict[str, tuple[str, ...]] = {
    "ACL": ("direction", "priority", "match"),
    "BFD": ("logical_port", "dst_ip"),
    "Chassis_Template_Var": ("chassis",),
    "DHCP_Options": ("cidr", "external_ids:subnet_id", "external_ids:port_id"),
    "DNS": ("external_ids:ls_name", "external_ids:ovnkit-switch"),
    "Datapath_Binding": ("external_ids:name",),
    "Encap": ("type", "ip", "chassis_name"),
    "FDB": ("dp_key", "mac"),
    "HA_Chassis": ("chassis_name",),
    "IGMP_Group": ("chassis_name", "address"),
    "Load_Balancer_Health_Check": ("vip",),
    "Logical_Flow": ("pipeline", "table_id", "priority", "match", "actions"),
    "Logical_Router_Policy": ("priority", "match"),
    "Logical_Router_Static_Route": ("route_table", "ip_prefix", "policy", "nexthop", "output_port"),
    "MAC_Binding": ("logical_port", "ip"),
    "Multicast_Group": ("name",),
    "NAT": ("type", "external_ip", "logical_ip", "logical_port", "external_port_range"),
    "Port_Binding": ("logical_port",),
    "QoS": ("direction", "priority", "match"),
    "Service_Monitor": ("ip", "port", "protocol", "logical_port"),
    "Static_MAC_Binding": ("logical_port", "ip"),
}
_NAMES = ("name", "target", "table")
"""Of any other table the first of these that it has; where it has none, all its columns."""

_BELONGS_TO = {"Logical_Flow": "logical_datapath", "Multicast_Group": "datapath", "MAC_Binding": "datapath"}
"""Where a row refers to what it belongs to, and not the other way round."""


def matched(before: Rows, after: Rows) -> dict[UUID, UUID]:
    """From the uuid of each row before to that of the row that it has become.

    Two states of one database have rows in common, and then a row is the one with its uuid. Databases that were made
    anew, by a synchronisation or an anonymous snapshot of another moment, have none: there rows are matched by names
    and what else tells them apart, within what they belong to. Of several that nothing tells apart, as many as there
    are on both sides are matched.
    """
    same = {uuid: uuid for table, rows in before.items() for uuid in rows.keys() & after.get(table, {}).keys()}
    if same:
        return same
    found: dict[UUID, UUID] = {}
    earlier, later = _Identities(before), _Identities(after)
    for table in before.keys() & after.keys():
        candidates = later.by_identity(table)
        for identity, uuids in earlier.by_identity(table).items():
            found.update(zip(uuids, candidates.get(identity, ()), strict=False))
    return found


class _Identities:
    """What tells the rows of one database apart."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._owners: dict[UUID, tuple[str, UUID]] = {}
        for table, own in rows.items():
            for uuid, row in own.items():
                for column in row._strong_columns():
                    for ref in refs(getattr(row, column) if row._readable(column) else None):
                        self._owners.setdefault(ref.uuid, (table, uuid))
        self._known: dict[tuple[str, UUID], Hashable] = {}

    def by_identity(self, table: str) -> dict[Hashable, list[UUID]]:
        """The rows of a table by what tells them apart, in the same order whatever their uuids are."""
        found: dict[Hashable, list[UUID]] = defaultdict(list)
        own = self._rows[table]
        for uuid in own:
            found[self._identity(table, uuid)].append(uuid)
        for uuids in found.values():
            if len(uuids) > 1:
                uuids.sort(key=lambda uuid: repr(_content(own[uuid])))
        return found

    def _identity(self, table: str, uuid: UUID, depth: int = 0) -> Hashable:
        known = self._known.get((table, uuid))
        if known is None:
            known = self._known[table, uuid] = self._find(table, uuid, depth)
        return known

    def _find(self, table: str, uuid: UUID, depth: int) -> Hashable:
        row = self._rows[table].get(uuid)
        if row is None or depth > 4:
            return None
        columns = _IDENTITIES.get(table) or next(((name,) for name in _NAMES if name in row._columns), ())
        own: Hashable = tuple(_cell(row, name) for name in columns) if columns else _content(row)
        return own, self._owner(table, row, depth)

    def _owner(self, table: str, row: Row[Any], depth: int) -> Hashable:
        column = _BELONGS_TO.get(table)
        if column is not None:
            ref = _cell(row, column)
            return self._identity(ref.row_class._table, ref.uuid, depth + 1) if isinstance(ref, Ref) else None
        owner = None if row._root else self._owners.get(row.uuid)
        return None if owner is None else self._identity(*owner, depth + 1)


def _cell(row: Row[Any], name: str) -> Any:
    column, _, key = name.partition(":")
    if column not in row._columns or not row._readable(column):
        return None
    value = getattr(row, column)
    return value.get(key) if key else value


def _content(row: Row[Any]) -> Hashable:
    """What a row says without what it refers to."""
    cells = [(name, value) for name, value in sorted(row._values().items()) if not any(True for _ in refs(value))]
    return tuple(
        (name, repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)) for name, value in cells
    )


def refs(value: Any) -> Iterable[Ref[Any]]:
    """The references in the value of a column."""
    members: Iterable[Any]
    if isinstance(value, Map):
        members = [*value.keys(), *value.values()]
    else:
        members = value if isinstance(value, frozenset) else (value,)
    return (member for member in members if isinstance(member, Ref))
