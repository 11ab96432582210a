"""What an open transaction is going to do: an overlay on the replica. Pure logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ovnkit.errors import InvalidValue, Unreferenced
from ovnkit.ovsdb import codec
from ovnkit.ovsdb.changes import ColumnChange
from ovnkit.ovsdb.edits import Add, Put, Remove
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.values import Map, Ref

if TYPE_CHECKING:
    from ovnkit.ovsdb.filter import Filter
    from ovnkit.ovsdb.snapshot import Snapshot
    from ovnkit.ovsdb.store import Store

__all__ = ["Operation", "Pending", "PendingRow", "View"]

Operation = dict[str, Any]
_Key = tuple[str, UUID]


class PendingRow:
    """One row that a transaction inserts, updates or deletes.

    ``base`` is the row as it was read (None for a new one). ``whole`` holds the columns that are replaced, ``members``
    those of which single members or keys are edited.
    """

    def __init__(self, row: Row[Any], *, inserted: bool) -> None:
        self.base = None if inserted else row
        self.row = row
        self.whole: set[str] = set()
        self.members: set[str] = set()
        self.deleted = False

    def copy(self) -> PendingRow:
        """An independent copy; rows themselves are immutable."""
        other = PendingRow(self.row, inserted=True)
        other.base = self.base
        other.whole = set(self.whole)
        other.members = set(self.members)
        other.deleted = self.deleted
        return other

    def set(self, name: str, value: Any) -> None:
        """Replace a column, or edit members of it. What changes nothing leaves no trace."""
        before = getattr(self.row, name)
        edit = isinstance(value, (Add, Remove, Put))
        after = _edited(self.row, name, before, value) if edit else type(self.row)._normalise(name, value)
        if after == before:
            return
        (self.members if edit and name not in self.whole else self.whole).add(name)
        if not edit:
            self.members.discard(name)
        self.row = self.row._with(self.row._uuid, {name: after})

    def release(self, name: str, ref: Ref[Any]) -> None:
        """Take a reference out of a column. One that the column cannot be without stays; the server will object."""
        value = getattr(self.row, name)
        if isinstance(value, frozenset):
            self.set(name, Remove(ref))
        elif isinstance(value, Map):
            self.set(name, Remove(*(key for key, held in value.items() if ref in (key, held))))
        elif self.row._column(name).type.is_optional:
            self.set(name, None)

    def outdates(self, row: Row[Any], name: str, value: Any) -> bool:
        """Whether ``row`` was read at another time than what is pending, so that ``value`` goes by other old values."""
        if isinstance(value, (Add, Remove)) or self.base is None or self.comes_from(row):
            return False
        mine, theirs = getattr(self.base, name), getattr(row, name)
        if isinstance(value, Put) and isinstance(mine, Map):
            return any(mine.get(key) != theirs.get(key) for key in value.pairs)
        return bool(mine != theirs)

    def comes_from(self, row: Row[Any]) -> bool:
        """Whether ``row`` is what was read, or that with writes of this transaction, all of them or the first few."""
        return self.base is None or row._raw is self.base._raw

    @property
    def changes_something(self) -> bool:
        """Whether the server is asked for anything."""
        return self.base is None or self.deleted or any(True for _ in self.columns)

    @property
    def columns(self) -> Iterator[tuple[str, Any, Any]]:
        """The columns that end up different: name, value before, value after."""
        if self.base is None:
            own = self.row._columns
            for name, value in self.row.__dict__.items():
                if value != own[name].default:
                    yield name, None, value
            return
        for name in sorted(self.whole | self.members):
            before, after = getattr(self.base, name), getattr(self.row, name)
            if before != after:
                yield name, before, after


def _edited(row: Row[Any], name: str, before: Any, edit: Add[Any] | Remove[Any] | Put[Any, Any]) -> Any:
    own = type(row)
    type_ = own._column(name).type
    refer = own._database.row_class
    if isinstance(edit, Put):
        if not isinstance(before, Map):
            raise InvalidValue(table=own._table, column=name, value=edit, allowed="Put() is for maps")
        return Map({**before, **codec.normalise(type_, edit.pairs, refer, table=own._table, column=name)})
    members = {codec.normalise_atom(type_.key, item, refer, table=own._table, column=name) for item in edit.members}
    if isinstance(before, Map) and isinstance(edit, Remove):
        return Map({key: value for key, value in before.items() if key not in members})
    if not isinstance(before, frozenset):
        allowed = "Add() is for sets" if isinstance(edit, Add) else "Remove() is for sets and maps"
        raise InvalidValue(table=own._table, column=name, value=edit, allowed=allowed)
    return before | members if isinstance(edit, Add) else before - members


class View:
    """The replica as a transaction sees it: as it was at its first read, with its own writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._first_read: Snapshot | None = None

    def _snapshot(self) -> Snapshot:
        if self._first_read is None:
            self._first_read = self._store.snapshot()
        return self._first_read

    def end(self) -> None:
        """It will not be read any more."""
        if self._first_read is not None:
            self._store.release(self._first_read)

    def find(self, matches: Filter, pending: Pending) -> list[Row[Any]]:
        """The rows that match."""
        own = pending.of(matches.row_class._table)
        found = self._snapshot().find(matches)
        if not own:
            return found
        return [row for row in found if row.uuid not in own] + [
            item.row for item in own.values() if not item.deleted and matches(item.row)
        ]

    def get(self, table: str, uuid: UUID, pending: Pending) -> Row[Any] | None:
        """One row."""
        item = pending.items.get((table, uuid))
        if item is not None:
            return None if item.deleted else item.row
        return self._snapshot().get(table, uuid)

    def referrers(self, row_class: type[Row[Any]], name: str, target: Ref[Any], pending: Pending) -> list[Row[Any]]:
        """The rows of a table that refer to a row in one column."""
        own = pending.of(row_class._table)
        found = [row for row in self._snapshot().referrers(row_class, name, target) if row.uuid not in own]
        return found + [
            item.row
            for item in own.values()
            if not item.deleted and item.row._readable(name) and target in _refs(getattr(item.row, name))
        ]


class Pending:
    """All rows that a transaction touches, in order."""

    def __init__(self, database: type[Database], items: dict[_Key, PendingRow] | None = None) -> None:
        self.database = database
        self.items: dict[_Key, PendingRow] = {}
        self.guards: list[Operation] = []
        self._tables: dict[str, dict[UUID, PendingRow]] = {}
        for item in (items or {}).values():
            self.put(item)

    def copy(self) -> Pending:
        """A savepoint."""
        other = Pending(self.database, {key: item.copy() for key, item in self.items.items()})
        other.guards = list(self.guards)
        return other

    def of(self, table: str) -> dict[UUID, PendingRow]:
        """What is pending in one table."""
        return self._tables.get(table, {})

    def put(self, item: PendingRow) -> None:
        """Have this as what is pending of its row."""
        table, uuid = item.row._table, item.row.uuid
        self.items[table, uuid] = self._tables.setdefault(table, {})[uuid] = item

    def edit(self, row: Row[Any]) -> PendingRow:
        """The pending form of a row that was read."""
        item = self.items.get((row._table, row.uuid))
        if item is None:
            item = PendingRow(row, inserted=False)
            self.put(item)
        return item

    def insert(self, row: Row[Any], uuid: UUID) -> PendingRow:
        """A new row."""
        item = PendingRow(row._with(uuid, {}), inserted=True)
        self.put(item)
        return item

    def delete(self, row: Row[Any]) -> None:
        """Delete a row; one that was inserted here is simply forgotten."""
        key = (row._table, row.uuid)
        item = self.edit(row)
        if item.base is None:
            del self.items[key]
            del self._tables[row._table][row.uuid]
        else:
            item.deleted = True

    # -- what the server will do by itself -------------------------------------------------------------------------

    def referrers(self, view: View, target: Row[Any], *, strong: bool) -> Iterator[tuple[Row[Any], str]]:
        """The rows and columns that refer to a row."""
        for row_class in self.database.tables.values():
            for name, column in row_class._columns.items():
                bases = [base for base in (column.type.key, column.type.value) if base is not None]
                kinds = {base.ref_type for base in bases if base.ref_table == target._table}
                if ("strong" if strong else "weak") not in kinds:
                    continue
                for row in view.referrers(row_class, name, target.ref, self):
                    yield row, name

    def settled(self, view: View) -> Pending:
        """What is pending and what follows from it.

        Rows that lose their last strong reference go; weak references to rows that go are emptied.
        """
        result = self.copy()
        lost = [row for item in self.items.values() for row in _lost_children(item, view, self)]
        while lost:
            row = lost.pop()
            if result.view_of(row) is None or any(True for _ in result.referrers(view, row, strong=True)):
                continue
            result.delete(row)
            lost += [child for child in _children(row, view, result) if not child._root]
        for item in list(result.items.values()):
            if item.deleted:
                for row, name in list(result.referrers(view, item.row, strong=False)):
                    result.edit(row).release(name, item.row.ref)
        return result

    def view_of(self, row: Row[Any]) -> Row[Any] | None:
        """The row as it is pending; None where it is to be deleted."""
        item = self.items.get((row._table, row.uuid))
        return row if item is None else None if item.deleted else item.row

    # -- results ---------------------------------------------------------------------------------------------------

    def changes(self, since: Pending | None = None) -> list[ColumnChange]:
        """Every column that ends up different from what was read, or from what was pending at a savepoint."""
        earlier = {} if since is None else since.items
        found: list[ColumnChange] = []
        for key, item in self.items.items():
            known = earlier.get(key)
            base = item.base if known is None else None if known.deleted else known.row
            found += _row_changes(base, item)
        for key, item in earlier.items():
            if key not in self.items:
                found.append(ColumnChange("delete", item.row._table, item.row.ref, None, None, None, item.row._label))
        return found

    def check_referenced(self) -> None:
        """Raise Unreferenced for a new row that the server would remove at once."""
        children = [item for item in self.items.values() if item.base is None and not item.row._root]
        if not children:
            return
        # A new uuid is known to this transaction only, so only columns that it writes can refer to it.
        referenced = {
            ref
            for item in self.items.values()
            if not item.deleted
            for ref in _strong_refs(item.row, item.row.__dict__ if item.base is None else item.whole | item.members)
        }
        for item in children:
            if item.row.ref not in referenced:
                raise Unreferenced(
                    "unreferenced row",
                    f"nothing refers to the new row {item.row._label!r} of {item.row._table}; the server would remove "
                    f"it at once. In the same transaction, put it into {_holders(item.row)}",
                    {"op": "insert", "table": item.row._table},
                )


def _row_changes(base: Row[Any] | None, item: PendingRow) -> list[ColumnChange]:
    """The changes of one row from what it was (None for a row that was not there)."""
    ref, table, name = item.row.ref, item.row._table, item.row._label
    if item.deleted:
        return [] if base is None else [ColumnChange("delete", table, ref, None, None, None, name)]
    changed = [(column, after) for column, _, after in item.columns]
    if base is None:
        columns = [ColumnChange("insert", table, ref, column, None, after, name) for column, after in changed]
        return columns or [ColumnChange("insert", table, ref, None, None, None, name)]
    return [
        ColumnChange("update", table, ref, column, getattr(base, column), getattr(item.row, column), name)
        for column in sorted({*item.whole, *item.members, *(column for column, _ in changed)})
        if getattr(base, column) != getattr(item.row, column)
    ]


def _refs(value: Any) -> Iterable[Any]:
    if isinstance(value, Ref):
        return (value,)
    if isinstance(value, frozenset):
        return value
    if isinstance(value, Map):
        return (*value.keys(), *value.values())
    return ()


def _strong_refs(row: Row[Any], names: Iterable[str] | None = None) -> Iterator[Ref[Any]]:
    """The strong references in columns of a row, in all of them unless they are named."""
    strong = row._strong_columns()
    for name in strong if names is None else strong.keys() & set(names):
        if row._readable(name):
            tables = strong[name]
            for ref in _refs(getattr(row, name)):
                if isinstance(ref, Ref) and ref.row_class._table in tables:
                    yield ref


def _holders(row: Row[Any]) -> str:
    """The columns in which a row of this table is held."""
    return " or ".join(
        f"{table}.{name}"
        for table, row_class in row._database.tables.items()
        for name, column in row_class._columns.items()
        if any(
            base is not None and base.ref_table == row._table and base.ref_type == "strong"
            for base in (column.type.key, column.type.value)
        )
    )


def _children(row: Row[Any], view: View, pending: Pending) -> list[Row[Any]]:
    """The rows that a row refers to strongly."""
    found = (view.get(ref.row_class._table, ref.uuid, pending) for ref in _strong_refs(row))
    return [child for child in found if child is not None]


def _lost_children(item: PendingRow, view: View, pending: Pending) -> list[Row[Any]]:
    if item.base is None:
        return []
    before = _children(item.base, view, pending)
    kept = set() if item.deleted else {child.uuid for child in _children(item.row, view, pending)}
    return [child for child in before if not child._root and child.uuid not in kept]
