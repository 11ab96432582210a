"""Rows: immutable snapshots whose columns are decoded when they are first read."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

import attrs

from ovnkit.errors import NotMonitored, NotStored, ProtocolError
from ovnkit.ovsdb import codec
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.edits import Add, Exactly, Put, Remove
from ovnkit.ovsdb.schema import ColumnType, TableSchema
from ovnkit.ovsdb.values import Map, Ref

__all__ = ["Add", "Database", "Exactly", "Map", "Put", "Ref", "Remove", "ReplicatedTable", "Row", "SetOf"]

T = TypeVar("T")
D_co = TypeVar("D_co", covariant=True)

SetOf = Set[T] | list[T] | tuple[T, ...]
"""What may be given where a column holds a set; never a lone string."""


class Database:
    """A nominal mark for each database, so that rows of one are not taken for rows of another."""

    name: ClassVar[str]
    tables: ClassVar[dict[str, type[Row[Any]]]]
    product: ClassVar[str] = ""
    releases: ClassVar[dict[str, str]] = {}
    """The schema's version in each release of ``product``, oldest first."""
    manual: ClassVar[str] = ""
    """The man page of section 5 that describes it, such as ``ovn-nb``."""

    def __init_subclass__(cls) -> None:
        cls.tables = {}

    @classmethod
    def release_of(cls, version: str) -> str | None:
        """The newest release whose schema is not newer than ``version``; None where all are."""
        found = [release for release, own in cls.releases.items() if _numbers(own) <= _numbers(version)]
        return found[-1] if found else None

    @classmethod
    def row_class(cls, table: str) -> type[Row[Any]]:
        """The class of a table's rows; plain Row for a table that is newer than the models."""
        return cls.tables.get(table, Row)


@attrs.frozen
class ReplicatedTable:
    """What rows need to know of their table in the replica: the live schema and the columns that are monitored."""

    schema: TableSchema
    monitored: frozenset[str]

    @property
    def whole(self) -> bool:
        """Whether every live column is monitored."""
        return len(self.monitored) == len(self.schema.columns)


class Row(Generic[D_co]):
    """The base of all rows: an immutable snapshot, equal to another of the same class, uuid and columns.

    A subclass stands for a table; its attributes are the columns (Column). One made by calling the class is in no
    database yet. Unknown column names are a TypeError, values of a wrong type InvalidValue.
    """

    __slots__ = ("__dict__", "__weakref__", "_raw", "_replicated", "_uuid")

    _database: ClassVar[type[Database]]
    _table: ClassVar[str] = ""
    _columns: ClassVar[dict[str, Column[Any]]] = {}
    _root: ClassVar[bool] = True
    _indexes: ClassVar[tuple[tuple[str, ...], ...]] = ()
    _max_rows: ClassVar[int | None] = None
    _since: ClassVar[str | None] = None
    _until: ClassVar[str | None] = None
    _required_columns: ClassVar[frozenset[str] | None] = None
    _strong: ClassVar[dict[str, frozenset[str]] | None] = None
    _whole: ClassVar[codec.WholeReader]

    if TYPE_CHECKING:
        _uuid: UUID | None
        _raw: bytes
        _replicated: ReplicatedTable | None

    def __init_subclass__(
        cls,
        *,
        database: type[Database],
        table: str,
        root: bool = True,
        indexes: tuple[tuple[str, ...], ...] = (),
        max_rows: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        cls._database = database
        cls._table = table
        cls._root = root
        cls._indexes = indexes
        cls._max_rows = max_rows
        cls._since = since
        cls._until = until
        cls._columns = {name: value for name, value in vars(cls).items() if isinstance(value, Column)}
        database.tables[table] = cls

    def __init__(self, **columns: Any) -> None:
        _set_uuid(self, None)
        _set_raw(self, _EMPTY)
        _set_replicated(self, None)
        own, held = type(self), self.__dict__
        for name, value in columns.items():
            held[name] = own._checked(name, value)
        if missing := own._required() - columns.keys():
            raise TypeError(f"{own.__name__}() needs {', '.join(sorted(missing))}: OVSDB has no legal default for it")

    @classmethod
    def _stored(cls, uuid: UUID | None, raw: bytes, replicated: ReplicatedTable | None) -> Self:
        """A row whose columns are in ``raw``, the JSON of a <row>, and decoded when they are first read."""
        row = cls.__new__(cls)
        _set_uuid(row, uuid)
        _set_raw(row, raw)
        _set_replicated(row, replicated)
        return row

    @classmethod
    def _required(cls) -> frozenset[str]:
        if cls._required_columns is None:
            cls._required_columns = frozenset(
                name for name, column in cls._columns.items() if column.type.is_required(column.gone)
            )
        return cls._required_columns

    @classmethod
    def _whole_reader(cls) -> codec.WholeReader:
        """What reads all columns out of the JSON of a <row>. It raises ProtocolError where one of them cannot be."""
        if "_whole" not in cls.__dict__:
            types = {name: column.type for name, column in cls._columns.items()}
            cls._whole = codec.whole_reader(types, cls._database.row_class, cls._table)
        return cls._whole

    @classmethod
    def _strong_columns(cls) -> dict[str, frozenset[str]]:
        """The columns that hold strong references, and the tables that these point to."""
        if cls._strong is None:
            cls._strong = {
                name: tables for name, column in cls._columns.items() if (tables := _strong_tables(column.type))
            }
        return cls._strong

    @classmethod
    def _column(cls, name: str) -> Column[Any]:
        column = cls._columns.get(name)
        if column is None:
            import difflib

            close = difflib.get_close_matches(name, cls._columns, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise TypeError(f"{cls.__name__} has no column {name!r}{hint}")
        return column

    @classmethod
    def _normalise(cls, name: str, value: Any) -> Any:
        column = cls._column(name)
        return codec.normalise(column.type, value, cls._database.row_class, table=cls._table, column=name)

    @classmethod
    def _checked(cls, name: str, value: Any, known: Any = None) -> Any:
        """The same for a value that is to be written: also of the format of its column, unless it was there before."""
        normalised = cls._normalise(name, value)
        column = cls._columns[name]
        if column.is_checked:
            column.check_format(value, known)
        return normalised

    def _peek(self, name: str) -> Any:
        """A column, without keeping the decoded value: for looking through many rows."""
        held = self.__dict__
        return held[name] if name in held else self._read(self._columns[name])

    def _read(self, column: Column[Any]) -> Any:
        value = column.reader(self._raw)
        if value is not codec.ABSENT:
            return value
        replicated = self._replicated
        if (
            replicated is not None
            and column.name not in replicated.monitored
            and column.name in replicated.schema.columns
        ):
            raise NotMonitored(self._table, column.name)
        return column.default

    def _read_all(self) -> bool:
        """Read the columns that have not been read; False where one cannot be."""
        own, replicated = type(self), self._replicated
        if replicated is None or not replicated.whole:
            return False
        held = self.__dict__
        try:
            values = own._whole_reader()(self._raw)
        except ProtocolError:
            # Whoever reads that column hears of it.
            return False
        values.update(held)
        held.update(values)
        return True

    def _with(self, uuid: UUID | None, columns: Mapping[str, Any]) -> Self:
        """The same row with other (normalised) columns."""
        row = self._stored(uuid, self._raw, self._replicated)
        row.__dict__.update(self.__dict__)
        row.__dict__.update(columns)
        return row

    def _values(self) -> dict[str, Any]:
        """All columns that can be read."""
        return {name: getattr(self, name) for name in self._columns if self._readable(name)}

    def _readable(self, name: str) -> bool:
        replicated = self._replicated
        return replicated is None or name in replicated.monitored or name not in replicated.schema.columns

    @property
    def uuid(self) -> UUID:
        """The uuid in the database. Raises NotStored for a row that was made in Python."""
        if self._uuid is None:
            raise NotStored(self._table)
        return self._uuid

    @property
    def ref(self) -> Ref[Self]:
        """A reference to this row. Raises NotStored for a row that was made in Python."""
        return Ref(type(self), self.uuid)

    @property
    def extra(self) -> Map[str, Any]:
        """The columns of this server that are newer than the models."""
        replicated = self._replicated
        if replicated is None:
            return Map()
        refer = self._database.row_class if self._table else _any_row
        values = {}
        for name in replicated.monitored - self._columns.keys():
            schema = replicated.schema.columns[name]
            value = codec.reader(name, schema.type, refer, replicated.schema.name)(self._raw)
            values[name] = codec.default(schema.type, refer) if value is codec.ABSENT else value
        return Map(values)

    @property
    def _label(self) -> str:
        """What a person calls the row: its name or another identity, else the start of its uuid.

        Nothing where a table has no more than one row.
        """
        for name in ("name", "target", "lport", "external_ip", "logical_port", "cidr"):
            if name in self._columns and self._readable(name):
                value = getattr(self, name)
                if value and isinstance(value, str):
                    return value
        if (self._max_rows if self._replicated is None else self._replicated.schema.max_rows) == 1:
            return ""
        return "new" if self._uuid is None else str(self._uuid)[:8]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"rows are immutable; change {name} with transaction.update(row, {name}=…)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("rows are immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row) or type(other) is not type(self) or other._uuid != self._uuid:
            return False
        return self is other or (self._values() == other._values() and self.extra == other.extra)

    def __hash__(self) -> int:
        return hash((type(self), self._uuid))

    def __repr__(self) -> str:
        shown = []
        for name in self._columns:
            if not self._readable(name):
                continue
            value = getattr(self, name)
            if value in (None, "") or (isinstance(value, (frozenset, Map)) and not value):
                continue
            if isinstance(value, frozenset):
                text = (
                    f"[{len(value)}]" if len(value) > 3 else "[" + ", ".join(map(repr, sorted(value, key=repr))) + "]"
                )
            else:
                text = repr(value)
            if name != "name" and len(text) <= 60:
                shown.append(f"{name}={text}")
        label = f" {self._label!r}" if self._label else ""
        return f"<{type(self).__name__}{label}{''.join(' ' + item for item in shown)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._uuid, self._raw, self._replicated, dict(self.__dict__))

    if not TYPE_CHECKING:

        def __replace__(self, **columns):
            """The same snapshot with other columns (copy.replace)."""
            return self._with(
                self._uuid, {name: self._checked(name, value, getattr(self, name)) for name, value in columns.items()}
            )


# The members of the slots, because rows refuse to be written to.
_set_uuid: Any = vars(Row)["_uuid"].__set__
_set_raw: Any = vars(Row)["_raw"].__set__
_set_replicated: Any = vars(Row)["_replicated"].__set__
_EMPTY = b"{}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _any_row(_table: str) -> type[Row[Any]]:
    return Row


def _restore(
    cls: type[Row[Any]],
    uuid: UUID | None,
    raw: bytes,
    replicated: ReplicatedTable | None,
    columns: dict[str, Any],
) -> Row[Any]:
    row = cls._stored(uuid, raw, replicated)
    row.__dict__.update(columns)
    return row


def _strong_tables(type: ColumnType) -> frozenset[str]:
    bases = [type.key] if type.value is None else [type.key, type.value]
    return frozenset(base.ref_table for base in bases if base.ref_table is not None and base.ref_type == "strong")
