"""A database of our own that has a column of every type, its rows, its client, and random values for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis import strategies as st

from ovnkit.ovsdb import Client, Column, Database, Map, Ref, Row, Transaction
from ovnkit.ovsdb.schema import (
    BOOLEAN,
    INTEGER,
    REAL,
    STRING,
    BaseType,
    ColumnType,
    atom,
    many,
    mapping,
    one,
    optional,
    ref,
)
from ovnkit.ovsdb.schema import UUID as UUID_TYPE

__all__ = ["KINDS", "Child", "Kinds", "KindsClient", "KindsDatabase", "KindsTransaction", "kinds", "values", "write_to"]

WORDS = ("black", "white")

_STRONG = {"type": "uuid", "refTable": "Child"}
_WEAK = {"type": "uuid", "refTable": "Kinds", "refType": "weak"}
_WORD = {"type": "string", "enum": ["set", list(WORDS)]}


def _many(key: Any, value: Any = None, *, smallest: int = 0, largest: Any = "unlimited") -> dict[str, Any]:
    pair = {"key": key} if value is None else {"key": key, "value": value}
    return {**pair, "min": smallest, "max": largest}


_COLUMNS: dict[str, Any] = {
    "string": "string",
    "short": {"key": {"type": "string", "maxLength": 3}, "min": 0},
    "long": {"key": {"type": "string", "minLength": 2}, "min": 0},
    "word": {"key": _WORD},
    "optional_string": _many("string", largest=1),
    "integer": "integer",
    "ranged": {"key": {"type": "integer", "minInteger": 1, "maxInteger": 10}},
    "optional_integer": _many("integer", largest=1),
    "real": "real",
    "share": {"key": {"type": "real", "minReal": 0.0, "maxReal": 1.0}},
    "boolean": "boolean",
    "optional_boolean": _many("boolean", largest=1),
    "uuid_": "uuid",
    "optional_uuid": _many("uuid", largest=1),
    "strings": _many("string"),
    "integers": _many("integer", largest=3),
    "some_integers": _many("integer", smallest=1, largest=5),
    "reals": _many("real"),
    "booleans": _many("boolean"),
    "uuids": _many("uuid"),
    "words": _many(_WORD),
    "texts": _many("string", "string"),
    "counts": _many("string", "integer"),
    "numbered": _many({"type": "integer", "minInteger": 0, "maxInteger": 7}, "string"),
    "measures": _many("string", "real"),
    "one_pair": _many("string", "string", largest=1),
    "child": _many(_STRONG, largest=1),
    "children": _many(_STRONG),
    "children_by_name": _many("string", _STRONG),
    "friend": _many(_WEAK, largest=1),
    "friends": _many(_WEAK),
}

KINDS: dict[str, Any] = {
    "name": "Kinds",
    "version": "1.2.3",
    "tables": {
        "Kinds": {
            "isRoot": True,
            "columns": {
                **{name: {"type": type} for name, type in _COLUMNS.items()},
                "fixed": {"type": "string", "mutable": False},
                "fleeting": {"type": "string", "ephemeral": True},
            },
        },
        "Child": {
            "columns": {"name": {"type": "string"}, "toy": {"type": "string"}},
            "indexes": [["name"]],
        },
    },
}


def write_to(directory: Path) -> Path:
    """The schema as a file, for ovsdb-tool."""
    path = directory / "kinds.ovsschema"
    path.write_text(json.dumps(KINDS))
    return path


class KindsDatabase(Database):
    name: ClassVar[str] = "Kinds"
    kinds: bool


class Child(Row[KindsDatabase], database=KindsDatabase, table="Child", root=False, indexes=(("name",),)):
    __slots__ = ()

    name: Column[str] = Column(one(STRING))
    toy: Column[str] = Column(one(STRING))

    if TYPE_CHECKING:

        def __init__(self, **columns: Any) -> None: ...
        @classmethod
        def _in(cls) -> KindsDatabase: ...
        @classmethod
        def _where(cls, **columns: Any) -> Child: ...
        @classmethod
        def _wait(cls, *, timeout: float | None = ..., **columns: Any) -> Child: ...
        def __replace__(self, **columns: Any) -> Child: ...


class Kinds(Row[KindsDatabase], database=KindsDatabase, table="Kinds"):
    __slots__ = ()

    string: Column[str] = Column(one(STRING))
    short: Column[str | None] = Column(optional(atom("string", max_length=3)))
    long: Column[str | None] = Column(optional(atom("string", min_length=2)))
    word: Column[str] = Column(one(atom("string", enum=WORDS)))
    optional_string: Column[str | None] = Column(optional(STRING))
    integer: Column[int] = Column(one(INTEGER))
    ranged: Column[int] = Column(one(atom("integer", minimum=1, maximum=10)))
    optional_integer: Column[int | None] = Column(optional(INTEGER))
    real: Column[float] = Column(one(REAL))
    share: Column[float] = Column(one(atom("real", minimum=0.0, maximum=1.0)))
    boolean: Column[bool] = Column(one(BOOLEAN))
    optional_boolean: Column[bool | None] = Column(optional(BOOLEAN))
    uuid_: Column[UUID] = Column(one(UUID_TYPE))
    optional_uuid: Column[UUID | None] = Column(optional(UUID_TYPE))
    strings: Column[frozenset[str]] = Column(many(STRING))
    integers: Column[frozenset[int]] = Column(many(INTEGER, at_most=3))
    some_integers: Column[frozenset[int]] = Column(many(INTEGER, at_least=1, at_most=5))
    reals: Column[frozenset[float]] = Column(many(REAL))
    booleans: Column[frozenset[bool]] = Column(many(BOOLEAN))
    uuids: Column[frozenset[UUID]] = Column(many(UUID_TYPE))
    words: Column[frozenset[str]] = Column(many(atom("string", enum=WORDS)))
    texts: Column[Map[str, str]] = Column(mapping(STRING, STRING))
    counts: Column[Map[str, int]] = Column(mapping(STRING, INTEGER))
    numbered: Column[Map[int, str]] = Column(mapping(atom("integer", minimum=0, maximum=7), STRING))
    measures: Column[Map[str, float]] = Column(mapping(STRING, REAL))
    one_pair: Column[Map[str, str]] = Column(mapping(STRING, STRING, at_most=1))
    child: Column[Ref[Child] | None] = Column(optional(ref("Child")))
    children: Column[frozenset[Ref[Child]]] = Column(many(ref("Child")))
    children_by_name: Column[Map[str, Ref[Child]]] = Column(mapping(STRING, ref("Child")))
    friend: Column[Ref[Kinds] | None] = Column(optional(ref("Kinds", weak=True)))
    friends: Column[frozenset[Ref[Kinds]]] = Column(many(ref("Kinds", weak=True)))
    fixed: Column[str] = Column(one(STRING), immutable=True)
    fleeting: Column[str] = Column(one(STRING), ephemeral=True)

    if TYPE_CHECKING:

        def __init__(self, **columns: Any) -> None: ...
        @classmethod
        def _in(cls) -> KindsDatabase: ...
        @classmethod
        def _where(cls, **columns: Any) -> Kinds: ...
        @classmethod
        def _wait(cls, *, timeout: float | None = ..., **columns: Any) -> Kinds: ...
        def __replace__(self, **columns: Any) -> Kinds: ...


def kinds(**columns: Any) -> Kinds:
    """A row with legal values where OVSDB has no legal default."""
    return Kinds(**{"word": "black", "ranged": 1, "some_integers": [0], **columns})


R = TypeVar("R", bound=Row[KindsDatabase])


class KindsTransaction(Transaction[KindsDatabase]):
    def insert(self, row: R) -> Ref[R]:
        return self._insert(row)


class KindsClient(Client[KindsDatabase, KindsTransaction]):
    _database = KindsDatabase
    _transaction_class = KindsTransaction


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
# Servers print 15 digits of a real.
_REALS = st.integers(-(2**40), 2**40).map(lambda number: number / 8)


def _atoms(base: BaseType) -> st.SearchStrategy[Any]:
    if base.enum is not None:
        return st.sampled_from(sorted(base.enum, key=str))
    if base.ref_table is not None:
        row_class = KindsDatabase.tables[base.ref_table]
        return st.uuids(version=4).map(lambda uuid: Ref(row_class, uuid))
    if base.type == "integer":
        smallest = -(2**63) if base.minimum is None else int(base.minimum)
        return st.integers(smallest, 2**63 - 1 if base.maximum is None else int(base.maximum))
    if base.type == "real":
        return _REALS if base.minimum is None else st.integers(0, 8).map(lambda number: number / 8)
    if base.type == "string":
        return _TEXT.filter(lambda text: (base.min_length or 0) <= len(text) <= (base.max_length or 8))
    return st.booleans() if base.type == "boolean" else st.uuids()


def values(type: ColumnType) -> st.SearchStrategy[Any]:
    """Random values of a column, in the form that rows hold."""
    atoms = _atoms(type.key)
    if type.value is not None:
        return st.dictionaries(atoms, _atoms(type.value), min_size=type.min, max_size=min(type.max or 5, 5)).map(Map)
    if type.is_scalar:
        return atoms
    if type.is_optional:
        return st.none() | atoms
    return st.frozensets(atoms, min_size=type.min, max_size=min(type.max or 5, 5))
