"""Columns: descriptors that hold the facts of a column, and give its value on a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Never, Self, TypeVar, overload

from ovnkit.errors import InvalidValue
from ovnkit.formats import Format, Verbatim
from ovnkit.ovsdb import codec
from ovnkit.ovsdb.edits import Add, Put, Remove
from ovnkit.ovsdb.schema import ColumnType
from ovnkit.ovsdb.wording import column_in_words

if TYPE_CHECKING:
    from ovnkit.ovsdb.row import Row

__all__ = ["Column"]

T_co = TypeVar("T_co", covariant=True)

_READ_ONE_BY_ONE = 3
"""When so many columns of a row have been read, the next one brings all others: it takes hardly longer."""


class Column(Generic[T_co]):
    """A column: on the class the column itself with its facts, on a row the value.

    ``since`` and ``until`` are releases of OVN or OVS, None for "always"; ``gone`` maps enumeration words to the
    release that dropped them. A map has its documented keys as constants: ``LogicalSwitchPort.options.ROUTER_PORT``.
    """

    __slots__ = (
        "_default",
        "_formats",
        "_reader",
        "ephemeral",
        "format",
        "gone",
        "immutable",
        "is_checked",
        "key_format",
        "name",
        "row_class",
        "since",
        "type",
        "until",
    )

    def __init_subclass__(cls) -> None:
        cls.__doc__ = _docstring(cls)

    def __init__(
        self,
        type: ColumnType,
        *,
        since: str | None = None,
        until: str | None = None,
        ephemeral: bool = False,
        immutable: bool = False,
        gone: Mapping[str, str] | None = None,
        format: Format | None = None,
        keys: Format | None = None,
        values: Format | None = None,
        formats: Mapping[str, Format] | None = None,
    ) -> None:
        self.format = format or values
        self.key_format = keys
        self._formats = formats or {}
        self.is_checked = self.format is not None or keys is not None or bool(formats)
        self.type = type
        self.since = since
        self.until = until
        self.ephemeral = ephemeral
        self.immutable = immutable
        self.gone = gone or {}
        self.name = ""
        self.row_class: Any = None
        self._reader: codec.Reader | None = None
        self._default: Any = codec.ABSENT

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name
        self.row_class = owner

    @property
    def table(self) -> str:
        """OVSDB's name of the table."""
        return self.row_class._table  # type: ignore[no-any-return]

    @overload
    def __get__(self, row: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, row: Row[Any], owner: Any) -> T_co: ...
    def __get__(self, row: Row[Any] | None, owner: Any) -> Any:
        if row is None:
            return self
        # Kept in the instance's own dictionary, which is looked at before this descriptor the next time.
        held = row.__dict__
        if len(held) >= _READ_ONE_BY_ONE and row._read_all():
            return held[self.name]
        value = held[self.name] = row._read(self)
        return value

    @property
    def documented_keys(self) -> list[str]:
        """The keys that OVN or OVS documents for a map, which are its constants."""
        return [value for name, value in vars(type(self)).items() if name.isupper() and isinstance(value, str)]

    @property
    def in_words(self) -> str:
        """What it holds, and since when."""
        database = self.row_class._database
        return column_in_words(
            self.type,
            lambda table: str(database.row_class(table).__name__),
            database.product,
            since=self.since,
            until=self.until,
            immutable=self.immutable,
            ephemeral=self.ephemeral,
            gone=self.gone,
        )

    @property
    def default(self) -> Any:
        """The value where it was never written. It is immutable, so that one will do."""
        if self._default is codec.ABSENT:
            self._default = codec.default(self.type, self.row_class._database.row_class)
        return self._default

    @property
    def reader(self) -> codec.Reader:
        """What reads this column out of the JSON of a row."""
        if self._reader is None:
            refer = self.row_class._database.row_class
            self._reader = codec.reader(self.name, self.type, refer, self.row_class._table)
        return self._reader

    def check_format(self, value: Any, known: Any = None) -> None:
        """Raise InvalidValue for a normalised value, or an edit, with a string that does not mean what it should.

        What is in ``known``, the value before, may stay; a Verbatim may be anything.
        """
        if isinstance(value, Remove):
            return
        if self.type.is_map:
            self._check_pairs(value.pairs if isinstance(value, Put) else value, known or {})
        elif self.format is not None:
            members = value.members if isinstance(value, Add) else (value,) if isinstance(value, str) else value or ()
            before = (known,) if isinstance(known, str) else known or ()
            for member in members:
                if member not in before and member != self.default:
                    self._check(self.format, member)

    def _check_pairs(self, pairs: Mapping[Any, Any], known: Mapping[Any, Any]) -> None:
        for key, value in pairs.items():
            if self.key_format is not None and key not in known:
                self._check(self.key_format, key)
            format = self._formats.get(key, self.format)
            if format is not None and known.get(key) != value:
                self._check(format, value, key)

    def _check(self, format: Format, text: Any, key: str = "") -> None:
        if not isinstance(text, Verbatim) and not format.accepts(text):
            column = f"{self.name}:{key}" if key else self.name
            raise InvalidValue(table=self.table, column=column, value=text, allowed=format.allowed)

    if TYPE_CHECKING:

        def __set__(self, row: Row[Any], value: Never) -> None: ...

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            if not name.isupper():
                raise AttributeError(name)
            import difflib

            own = {known for known in vars(type(self)) if known.isupper()}
            close = difflib.get_close_matches(name, own, 1)
            hint = f"did you mean {close[0]}?" if close else "a key without a constant is written as a string"
            raise AttributeError(f"{self.table}.{self.name} has no documented key {name}; {hint}")

    def __repr__(self) -> str:
        return f"<Column {self.table}.{self.name}>"


class _Docstring:
    """Of a class its own text; of a column, what that holds."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def __get__(self, column: Column[Any] | None, owner: type[Any]) -> str | None:
        return self._text if column is None else f"{column.table}.{column.name}: {column.in_words}"


def _docstring(column_class: type[Column[Any]]) -> Any:
    return _Docstring(column_class.__doc__)


Column.__doc__ = _docstring(Column)
