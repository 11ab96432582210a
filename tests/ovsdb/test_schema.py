"""The live schema is read as RFC 7047 writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ovnkit.ovsdb.schema import (
    INTEGER,
    STRING,
    BaseType,
    ColumnType,
    DatabaseSchema,
    atom,
    many,
    mapping,
    one,
    optional,
    ref,
)
from ovnkit.ovsdb.server import find_schema
from tests.ovsdb.kinds import KINDS, Child, Kinds


@pytest.mark.parametrize(
    ("written", "type"),
    [
        ("string", one(STRING)),
        ({"key": "integer", "min": 0, "max": 1}, optional(INTEGER)),
        ({"key": "string", "min": 0, "max": "unlimited"}, many(STRING)),
        ({"key": "string", "value": "string", "min": 0, "max": "unlimited"}, mapping(STRING, STRING)),
        ({"key": {"type": "string", "enum": ["set", ["a", "b"]]}}, one(atom("string", enum=("a", "b")))),
        ({"key": {"type": "string", "enum": "a"}}, one(atom("string", enum=("a",)))),
        ({"key": {"type": "integer", "minInteger": 0, "maxInteger": 9}}, one(atom("integer", minimum=0, maximum=9))),
        ({"key": {"type": "uuid", "refTable": "T"}}, one(ref("T"))),
        ({"key": {"type": "uuid", "refTable": "T", "refType": "weak"}}, one(ref("T", weak=True))),
        ({"key": {"type": "string", "maxLength": 63}, "min": 0}, optional(atom("string", max_length=63))),
    ],
)
def test_a_type_is_read(written: Any, type: ColumnType) -> None:
    assert ColumnType.from_json(written) == type


def test_the_models_of_the_test_database_are_its_schema() -> None:
    schema = DatabaseSchema.from_json(KINDS)
    assert (schema.name, schema.version) == ("Kinds", "1.2.3")
    for row_class in (Kinds, Child):
        table = schema.tables[row_class._table]
        assert table.is_root is row_class._root
        assert table.indexes == row_class._indexes
        assert {name: column.type for name, column in row_class._columns.items()} == {
            name: column.type for name, column in table.columns.items()
        }
    columns = schema.tables["Kinds"].columns
    assert not columns["fixed"].mutable
    assert columns["fleeting"].ephemeral
    assert columns["string"].mutable
    assert not columns["string"].ephemeral


def test_without_any_root_all_tables_are_roots() -> None:
    written = {"name": "Old", "tables": {"A": {"columns": {}}, "B": {"columns": {}}}}
    assert all(table.is_root for table in DatabaseSchema.from_json(written).tables.values())


@pytest.mark.parametrize("file", ["ovn-nb.ovsschema", "ovn-sb.ovsschema", "vswitch.ovsschema"])
def test_each_column_of_a_real_schema_is_scalar_optional_set_or_map(file: str) -> None:
    schema = DatabaseSchema.from_json(json.loads(find_schema(file).read_text()))
    for table in schema.tables.values():
        for column in table.columns.values():
            type = column.type
            assert [type.is_scalar, type.is_optional, type.is_set, type.is_map].count(True) == 1, column
            assert type.key.allowed


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (atom("integer", minimum=0, maximum=9), "an integer from 0 to 9"),
        (atom("string", enum=("b", "a")), "one of 'a', 'b'"),
        (atom("string", max_length=63), "a string of at most 63 characters"),
        (atom("string", min_length=1), "a string of at least 1 characters"),
        (ref("Meter"), "a reference to a row of Meter"),
        (INTEGER, "an integer of 64 bits"),
    ],
)
def test_what_is_allowed_is_said_in_words(base: BaseType, words: str) -> None:
    assert base.allowed == words
