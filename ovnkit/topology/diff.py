"""The differences between two states of a network: live ones, files, snapshots, or topologies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, TypeAlias
from uuid import UUID

import attrs

from ovnkit.errors import NotMonitored
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import NB
from ovnkit.ovsdb.changes import ColumnChange
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Map, Ref
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import SB
from ovnkit.topology.building import read
from ovnkit.topology.difference import Difference, RowDifference
from ovnkit.topology.files import open_files
from ovnkit.topology.graph import Topology
from ovnkit.topology.identity import Rows, matched, refs
from ovnkit.topology.network import Network
from ovnkit.topology.snapshot import Snapshot
from ovnkit.topology.source import Source
from ovnkit.topology.text import natural
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import VS

__all__ = ["Side", "diff"]

_Open: TypeAlias = Network | Topology | Northbound | Southbound | VSwitch
Side: TypeAlias = _Open | Snapshot | str | os.PathLike[str]

_VOLATILE_TABLES = frozenset(
    {
        *("MAC_Binding", "FDB", "IGMP_Group", "Controller_Event", "Learned_Route", "ECMP_Nexthop"),
        *("Logical_Flow", "Logical_DP_Group"),
    }
)
"""Learnt from packets, or made by ovn-northd of what else is there."""

_VOLATILE = frozenset(
    {
        *(
            "nb_cfg",
            "sb_cfg",
            "hv_cfg",
            "nb_cfg_timestamp",
            "sb_cfg_timestamp",
            "hv_cfg_timestamp",
            "cur_cfg",
            "next_cfg",
        ),
        *("timestamp", "statistics", "rstp_statistics", "status", "rstp_status", "bfd_status", "lldp", "up"),
        *("link_resets", "link_state", "link_speed", "admin_state", "duplex", "ofport", "ifindex", "mac_in_use"),
        *("is_connected", "lacp_current", "cfm_fault", "cfm_fault_status", "cfm_flap_count", "cfm_health"),
        *("cfm_remote_mpids", "cfm_remote_opstate", "bond_active_slave", "datapath_id", "seq_num", "role"),
    }
)
_VOLATILE_KEYS = frozenset(
    {
        *("ovn-installed", "ovn-installed-ts", "sec_since_connect", "sec_since_disconnect"),
        *("ovn-nb-cfg", "ovn-nb-cfg-ts", "ovn-startup-ts"),
    }
)
_VOLATILE_KEYS_BEGIN = ("ct-zone-", "ovn-chassis-idx-")
"""What ovn-controller keeps for itself at its integration bridge and in ``other_config`` of its host."""


def diff(before: Side, after: Side, *, volatile: bool = False) -> Difference:
    """The rows that are in one of two states of a network alone, or not the same in both.

    Each side is a Network, a Snapshot, a Topology (as it was when it was read), a client, or the path of what
    ``open_files`` reads. Two states of one database are compared row by row; where a database was made anew, rows are
    the same that have the same name, or whatever else tells them apart. Hosts are matched by their database, then by
    their system-id. A database or table that one side does not have is not compared, and ``left_out`` names it.

    Left out unless ``volatile``: counters, timestamps, sequence numbers and states (``nb_cfg``, ``statistics``,
    ``status``, ``up``, ``link_resets``, ``ofport``, …), what is learnt from packets (MAC_Binding, FDB, …) and logical
    flows, which ovn-northd makes of the rest. Raises NotADatabase and OSError for paths.
    """
    with ExitStack() as stack:
        sides = _opened(before, stack), _opened(after, stack)
        earlier, later = map(_read, sides)
        drawings = tuple(map(_drawing, sides))
    left_out: list[str] = []
    found: list[RowDifference] = []
    rows: list[Rows] = []
    for one, other in _paired(earlier, later, left_out):
        comparison = _Comparison(one, other, volatile=volatile)
        found += comparison.rows()
        left_out += comparison.left_out
        rows += (other.rows, one.rows)
    return Difference(found, names=_names(found, rows), left_out=left_out, drawings=drawings)


@attrs.frozen(eq=False)
class _State:
    """What one database held. ``host``: the system-id of a host, empty for the others."""

    database: str
    host: str
    rows: Rows

    @property
    def title(self) -> str:
        return f"{self.database} {self.host}".rstrip()

    @property
    def root(self) -> UUID | None:
        """What is the same in all states of one host's database."""
        return next(iter(self.rows.get("Open_vSwitch", ())), None)


def _opened(side: Side, stack: ExitStack) -> _Open:
    if isinstance(side, str | os.PathLike):
        return stack.enter_context(open_files(side))
    return stack.enter_context(side.network()) if isinstance(side, Snapshot) else side


def _drawing(side: _Open) -> Source | Topology:
    """What a side is drawn from."""
    if isinstance(side, Topology):
        return side
    if isinstance(side, Network):
        return read(side._nb, side._sb, side.vswitches)
    return read(
        side if isinstance(side, Northbound) else None,
        side if isinstance(side, Southbound) else None,
        (side,) if isinstance(side, VSwitch) else (),
    )


def _read(side: _Open) -> list[_State]:
    if isinstance(side, Topology):
        return list(_of_topology(side))
    clients: tuple[Client[Any, Any], ...] = side.clients if isinstance(side, Network) else (side,)
    return [_of_client(client) for client in clients]


def _of_client(client: Client[Any, Any]) -> _State:
    rows: dict[str, dict[UUID, Row[Any]]] = {}
    for table in client.schema.tables:
        try:
            rows[table] = {row.uuid: row for row in client.rows(table)}
        except NotMonitored:
            continue
    return _state(client._database.name, rows)


def _of_topology(top: Topology) -> Iterator[_State]:
    tables = top.source.tables
    reads: list[tuple[Any, Callable[[type[Row[Any]]], Mapping[Ref[Any], Row[Any]]]]] = []
    if top.source.nb is not None:
        reads.append((NB, tables.nb))
    if top.source.sb is not None:
        reads.append((SB, tables.sb))
    reads += [(VS, host.rows) for host in tables.hosts]
    for database, rows_of in reads:
        rows: dict[str, dict[UUID, Row[Any]]] = {}
        for table, row_class in database.tables.items():
            try:
                rows[table] = {ref.uuid: row for ref, row in rows_of(row_class).items()}
            except NotMonitored:
                continue
        yield _state(database.name, rows)


def _state(database: str, rows: dict[str, dict[UUID, Row[Any]]]) -> _State:
    root: Any = next(iter(rows.get("Open_vSwitch", {}).values()), None)
    return _State(database, "" if root is None else root.external_ids.get("system-id", ""), rows)


def _paired(before: list[_State], after: list[_State], left_out: list[str]) -> list[tuple[_State, _State]]:
    """The states of the same database; what has no counterpart is left out."""
    pairs: list[tuple[_State, _State]] = []
    earlier, later = list(before), list(after)
    # By the database itself before the name that a host has at the time.
    for same in (_has_same_root, _has_same_host):
        for one in list(earlier):
            other = next((other for other in later if other.database == one.database and same(one, other)), None)
            if other is not None:
                pairs.append((one, other))
                earlier.remove(one)
                later.remove(other)
    left_out += [f"{one.title} (only before)" for one in earlier]
    left_out += [f"{other.title} (only after)" for other in later]
    order = {id(one): number for number, one in enumerate(before)}
    return sorted(pairs, key=lambda pair: order[id(pair[0])])


def _has_same_root(one: _State, other: _State) -> bool:
    return one.root == other.root


def _has_same_host(one: _State, other: _State) -> bool:
    return one.host == other.host


def _names(found: Iterable[RowDifference], rows: Iterable[Rows]) -> dict[Ref[Any], str]:
    """What the rows are called that the differences refer to."""
    wanted = {
        ref for one in found for change in one.changes for value in (change.before, change.after) for ref in refs(value)
    }
    names: dict[Ref[Any], str] = {}
    for ref in wanted:
        row = next((own[ref.uuid] for state in rows if ref.uuid in (own := state.get(ref.row_class._table, {}))), None)
        names[ref] = "" if row is None else row._label
    return names


class _Comparison:
    """Two states of one database."""

    def __init__(self, before: _State, after: _State, *, volatile: bool) -> None:
        self._before, self._after = before, after
        self._volatile = volatile
        passed = frozenset() if volatile else _VOLATILE_TABLES
        only = (before.rows.keys() ^ after.rows.keys()) - passed
        self.left_out = [f"{after.title} {table}" for table in sorted(only)]
        self._tables = sorted((before.rows.keys() & after.rows.keys()) - passed)
        self._became = matched(before.rows, after.rows)
        self._texts = {str(uuid): str(other) for uuid, other in self._became.items() if uuid != other}

    def rows(self) -> Iterator[RowDifference]:
        """The rows that are different, by table and name."""
        for table in self._tables:
            found = [one for one in self._of_table(table) if one is not None]
            yield from sorted(found, key=lambda one: (natural(one.name), one.action))

    def _of_table(self, table: str) -> Iterator[RowDifference | None]:
        before, after = self._before.rows[table], self._after.rows[table]
        for uuid, row in before.items():
            other = after.get(self._became.get(uuid, uuid))
            yield self._changed(table, row, other) if other is not None else self._single("removed", table, row)
        kept = {self._became.get(uuid, uuid) for uuid in before}
        for uuid, row in after.items():
            if uuid not in kept:
                yield self._single("added", table, row)

    def _changed(self, table: str, before: Row[Any], after: Row[Any]) -> RowDifference | None:
        if before._raw == after._raw:
            return None
        old, new = self._cells(before), self._cells(after)
        ref = after.ref
        changes = tuple(
            ColumnChange("update", table, ref, name, self._translated(old[name]), new[name])
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name] and self._translated(old[name]) != new[name]
        )
        return self._difference("changed", before, after, changes) if changes else None

    def _single(self, action: Any, table: str, row: Row[Any]) -> RowDifference:
        kind: Any = "insert" if action == "added" else "delete"
        cells = {name: value for name, value in self._cells(row).items() if not _is_default(row, name, value)}
        changes = tuple(
            ColumnChange(kind, table, row.ref, name, *((None, value) if action == "added" else (value, None)))
            for name, value in sorted(cells.items())
        ) or (ColumnChange(kind, table, row.ref, None, None, None),)
        before, after = (None, row) if action == "added" else (row, None)
        return self._difference(action, before, after, changes)

    def _difference(
        self, action: Any, before: Row[Any] | None, after: Row[Any] | None, changes: tuple[ColumnChange, ...]
    ) -> RowDifference:
        row, state = (after, self._after) if after is not None else (before, self._before)
        assert row is not None
        return RowDifference(
            action, state.database, state.host, changes[0].table, row._label, str(row.uuid), before, after, changes
        )

    def _cells(self, row: Row[Any]) -> dict[str, Any]:
        cells = {**row._values(), **row.extra}
        if self._volatile:
            return cells
        return {name: _steady(value) for name, value in cells.items() if name not in _VOLATILE}

    def _translated(self, value: Any) -> Any:
        """A value before, with references and uuids as they are after, where a database was made anew."""
        if isinstance(value, Ref):
            return Ref(value.row_class, self._became.get(value.uuid, value.uuid))
        if isinstance(value, str):
            return self._texts.get(value, value)
        if isinstance(value, frozenset):
            return frozenset(map(self._translated, value))
        if isinstance(value, Map):
            return Map((self._translated(key), self._translated(item)) for key, item in value.items())
        return value


def _steady(value: Any) -> Any:
    if isinstance(value, Map) and any(map(_is_volatile, value)):
        return Map((key, item) for key, item in value.items() if not _is_volatile(key))
    return value


def _is_volatile(key: object) -> bool:
    return key in _VOLATILE_KEYS or (isinstance(key, str) and key.startswith(_VOLATILE_KEYS_BEGIN))


def _is_default(row: Row[Any], name: str, value: Any) -> bool:
    return name in row._columns and value == row._columns[name].default
