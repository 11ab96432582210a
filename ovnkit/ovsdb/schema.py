"""Schemas: the types of columns as RFC 7047 defines them, and the live schema of a server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import attrs

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "REAL",
    "STRING",
    "UUID",
    "AtomType",
    "BaseType",
    "ColumnSchema",
    "ColumnType",
    "DatabaseSchema",
    "TableSchema",
    "atom",
    "many",
    "mapping",
    "one",
    "optional",
    "ref",
]

AtomType = Literal["integer", "real", "boolean", "string", "uuid"]
_Atom = int | float | bool | str


@attrs.frozen
class BaseType:
    """The type of one atom, with its limits (RFC 7047 3.2, <base-type>). Lengths are in characters."""

    type: AtomType
    enum: frozenset[_Atom] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    ref_table: str | None = None
    ref_type: Literal["strong", "weak"] | None = None
    limited: bool = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(lambda self: self._is_limited(), takes_self=True)
    )
    """Whether there is anything to check beyond the type."""

    @classmethod
    def from_json(cls, json: str | Mapping[str, Any]) -> BaseType:
        """From a <base-type> of a schema."""
        if isinstance(json, str):
            return cls(json)  # type: ignore[arg-type]
        kind = json["type"]
        enum = json.get("enum")
        return cls(
            kind,
            enum=None if enum is None else frozenset(enum[1] if isinstance(enum, list) else [enum]),
            minimum=json.get("minInteger", json.get("minReal")),
            maximum=json.get("maxInteger", json.get("maxReal")),
            min_length=json.get("minLength"),
            max_length=json.get("maxLength"),
            ref_table=json.get("refTable"),
            ref_type=json.get("refType", "strong") if "refTable" in json else None,
        )

    def to_json(self) -> str | dict[str, Any]:
        """As a <base-type> of a schema."""
        if self.ref_table is not None:
            return {"type": "uuid", "refTable": self.ref_table, "refType": self.ref_type}
        unit = "Real" if self.type == "real" else "Integer"
        limits = {
            "enum": None if self.enum is None else ["set", sorted(self.enum)],
            f"min{unit}": self.minimum,
            f"max{unit}": self.maximum,
            "minLength": self.min_length,
            "maxLength": self.max_length,
        }
        set_limits = {name: limit for name, limit in limits.items() if limit is not None}
        return {"type": self.type, **set_limits} if set_limits else self.type

    def _is_limited(self) -> bool:
        limits = (self.enum, self.minimum, self.maximum, self.min_length, self.max_length)
        return any(limit is not None for limit in limits)

    @property
    def allowed(self) -> str:
        """What the type accepts, in words, for error messages."""
        if self.enum is not None:
            return "one of " + ", ".join(sorted(map(repr, self.enum)))
        if self.ref_table is not None:
            return f"a reference to a row of {self.ref_table}"
        text = {
            "integer": "an integer",
            "real": "a number",
            "boolean": "True or False",
            "string": "a string",
            "uuid": "a UUID",
        }[self.type]
        if self.type == "integer" and self.minimum is None and self.maximum is None:
            return "an integer of 64 bits"
        if self.minimum is not None:
            text += f" from {self.minimum}"
        if self.maximum is not None:
            text += f" to {self.maximum}"
        if self.min_length:
            text += f" of at least {self.min_length} characters"
        if self.max_length is not None:
            text += f" of at most {self.max_length} characters"
        return text


@attrs.frozen
class ColumnType:
    """The type of a column: how many keys, or pairs of key and value, it holds (RFC 7047 3.2, <type>).

    ``max`` is None where the number is unlimited.
    """

    key: BaseType
    value: BaseType | None = None
    min: int = 1
    max: int | None = 1

    @classmethod
    def from_json(cls, json: str | Mapping[str, Any]) -> ColumnType:
        """From a <type> of a schema."""
        if isinstance(json, str):
            return cls(BaseType.from_json(json))
        largest = json.get("max", 1)
        return cls(
            BaseType.from_json(json["key"]),
            BaseType.from_json(json["value"]) if "value" in json else None,
            json.get("min", 1),
            None if largest == "unlimited" else largest,
        )

    def to_json(self) -> str | dict[str, Any]:
        """As a <type> of a schema."""
        if self.is_scalar:
            key = self.key.to_json()
            return key if isinstance(key, str) else {"key": key}
        result: dict[str, Any] = {"key": self.key.to_json()}
        if self.value is not None:
            result["value"] = self.value.to_json()
        return result | {"min": self.min, "max": "unlimited" if self.max is None else self.max}

    @property
    def is_map(self) -> bool:
        """Whether it holds pairs."""
        return self.value is not None

    @property
    def is_scalar(self) -> bool:
        """Whether it holds exactly one atom."""
        return self.value is None and self.min == 1 and self.max == 1

    @property
    def is_optional(self) -> bool:
        """Whether it holds one atom or none."""
        return self.value is None and self.min == 0 and self.max == 1

    @property
    def is_set(self) -> bool:
        """Whether it holds any other number of atoms."""
        return self.value is None and not self.is_scalar and not self.is_optional

    def is_required(self, gone: Collection[str] = ()) -> bool:
        """Whether a new row must say what it holds: its default in OVSDB (RFC 7047 5.2.1) is not a legal value.

        ``gone`` are words of its enumeration that newer servers do not take.
        """
        key = self.key
        if self.min == 0 or not self.is_scalar or key.ref_table is not None or key.min_length:
            return self.min > 0
        zero = {"string": "", "integer": 0, "real": 0.0, "boolean": False}.get(key.type)
        if key.enum is not None:
            return zero in gone or zero not in key.enum
        return (key.minimum or 0) > 0 or (key.maximum is not None and key.maximum < 0)

    @property
    def size_allowed(self) -> str:
        """How many members are accepted, in words."""
        what = "pairs" if self.is_map else "members"
        return f"{self.min} to {'any number of' if self.max is None else self.max} {what}"


@attrs.frozen
class ColumnSchema:
    """A column of the live schema."""

    name: str
    type: ColumnType
    mutable: bool = True
    ephemeral: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a <column-schema>."""
        result: dict[str, Any] = {"type": self.type.to_json()}
        if self.ephemeral:
            result["ephemeral"] = True
        if not self.mutable:
            result["mutable"] = False
        return result


@attrs.frozen
class TableSchema:
    """A table of the live schema."""

    name: str
    columns: Mapping[str, ColumnSchema]
    is_root: bool = True
    indexes: tuple[tuple[str, ...], ...] = ()
    max_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As a <table-schema>."""
        result: dict[str, Any] = {"columns": {name: column.to_json() for name, column in self.columns.items()}}
        if self.is_root:
            result["isRoot"] = True
        if self.indexes:
            result["indexes"] = [list(index) for index in self.indexes]
        if self.max_rows is not None:
            result["maxRows"] = self.max_rows
        return result


@attrs.frozen
class DatabaseSchema:
    """The live schema of a database, as the server told it."""

    name: str
    version: str
    tables: Mapping[str, TableSchema]
    json: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)
    """As it came."""

    def to_json(self) -> dict[str, Any]:
        """As a <database-schema>, which ``ovsdb-tool create`` takes."""
        tables = {name: table.to_json() for name, table in self.tables.items()}
        return {"name": self.name, "version": self.version, "tables": tables}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> DatabaseSchema:
        """From the reply to ``get_schema`` (RFC 7047 3.2, <database-schema>). ValueError where it is none."""
        try:
            return cls._from_json(json)
        except (AttributeError, LookupError, TypeError) as exc:
            raise ValueError(f"this is no schema of a database: {exc!r:.200}") from exc

    @classmethod
    def _from_json(cls, json: Mapping[str, Any]) -> DatabaseSchema:
        tables = json["tables"]
        # A schema in which no table says isRoot predates the distinction: all its tables are roots.
        says_root = any("isRoot" in table for table in tables.values())
        return cls(
            json["name"],
            json.get("version", ""),
            {
                name: TableSchema(
                    name,
                    {
                        column: ColumnSchema(
                            column,
                            ColumnType.from_json(facts["type"]),
                            facts.get("mutable", True),
                            facts.get("ephemeral", False),
                        )
                        for column, facts in table["columns"].items()
                    },
                    table.get("isRoot", False) if says_root else True,
                    tuple(tuple(index) for index in table.get("indexes", [])),
                    table.get("maxRows"),
                )
                for name, table in tables.items()
            },
            json,
        )


BOOLEAN = BaseType("boolean")
INTEGER = BaseType("integer")
REAL = BaseType("real")
STRING = BaseType("string")
UUID = BaseType("uuid")


def atom(
    type: AtomType,
    *,
    enum: tuple[_Atom, ...] | None = None,
    minimum: int | float | None = None,
    maximum: int | float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> BaseType:
    """A base type with limits."""
    return BaseType(type, None if enum is None else frozenset(enum), minimum, maximum, min_length, max_length)


def ref(table: str, *, weak: bool = False) -> BaseType:
    """A reference to a row of ``table``."""
    return BaseType("uuid", ref_table=table, ref_type="weak" if weak else "strong")


def one(key: BaseType) -> ColumnType:
    """Exactly one atom."""
    return ColumnType(key)


def optional(key: BaseType) -> ColumnType:
    """One atom or none."""
    return ColumnType(key, None, 0, 1)


def many(key: BaseType, *, at_least: int = 0, at_most: int | None = None) -> ColumnType:
    """A set of atoms."""
    return ColumnType(key, None, at_least, at_most)


def mapping(key: BaseType, value: BaseType, *, at_least: int = 0, at_most: int | None = None) -> ColumnType:
    """A map."""
    return ColumnType(key, value, at_least, at_most)
