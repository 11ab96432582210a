"""Values make the way to the wire and back unchanged, and what cannot make it is refused."""

from __future__ import annotations

from enum import Enum, IntEnum
from json import dumps
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.errors import InvalidValue, ProtocolError
from ovnkit.ovsdb import Column, Map, Ref, codec
from ovnkit.ovsdb.schema import BOOLEAN, INTEGER, REAL, STRING, ColumnType, atom, many, mapping, one, optional, ref
from tests.ovsdb.kinds import Child, Kinds, KindsClient, KindsDatabase, kinds, values

refer = KindsDatabase.row_class
COLUMNS = sorted(Kinds._columns.values(), key=lambda column: column.name)


def read(type: ColumnType, json: Any) -> Any:
    """What a row holds whose column ``c`` has this JSON."""
    return codec.reader("c", type, refer, "T")(dumps({"b": {"c": 1}, "c": json, "d": ["set", []]}).encode())


def normalised(type: ColumnType, value: Any) -> Any:
    return codec.normalise(type, value, refer, table="T", column="c")


@given(st.data())
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_value_of_every_type_comes_back_from_the_wire(column: Column[Any], data: st.DataObject) -> None:
    value = data.draw(values(column.type))
    held = normalised(column.type, value)
    assert held == value
    codec.check_limits(column.type, held, table="T", column="c")
    decoded = read(column.type, codec.encode(held))
    assert decoded == held
    assert type(decoded) is type(held)
    hash(decoded)


@pytest.mark.parametrize(
    ("type", "json", "value"),
    [
        (one(STRING), "", ""),
        (one(REAL), 3, 3.0),
        (optional(INTEGER), ["set", []], None),
        (optional(INTEGER), 7, 7),
        (optional(INTEGER), ["set", [7]], 7),
        (many(STRING), "alone", frozenset({"alone"})),
        (many(STRING), ["set", []], frozenset()),
        (mapping(STRING, STRING), ["map", []], Map()),
        (one(STRING), ["set", []], ""),
    ],
)
def test_the_shape_is_that_of_the_model(type: ColumnType, json: Any, value: Any) -> None:
    assert read(type, json) == value


@pytest.mark.parametrize(
    ("type", "json"),
    [
        (one(STRING), 5),
        (one(STRING), None),
        (one(INTEGER), 2.5),
        (one(INTEGER), 10**400),
        (one(BOOLEAN), 1),
        (optional(STRING), ["set", [1]]),
        (many(STRING), {"a": 1}),
        (many(STRING), ["set"]),
        (mapping(STRING, STRING), ["map", [["a"]]]),
        (mapping(STRING, STRING), "a"),
        (one(ref("Child")), ["uuid", "no uuid"]),
        (many(ref("Child")), "a"),
    ],
)
def test_what_a_column_cannot_hold_is_an_error_that_names_it(type: ColumnType, json: Any) -> None:
    with pytest.raises(ProtocolError, match=r"T\.c"):
        read(type, json)
    assert codec.reader("other", type, refer, "T")(dumps({"c": json}).encode()) is codec.ABSENT


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (one(STRING), ""),
        (one(INTEGER), 0),
        (one(REAL), 0.0),
        (one(BOOLEAN), False),
        (one(atom("uuid")), UUID(int=0)),
        (one(ref("Child")), Ref(Child, UUID(int=0))),
        (optional(STRING), None),
        (many(STRING), frozenset()),
        (many(INTEGER, at_least=1), frozenset({0})),
        (mapping(STRING, STRING), Map()),
    ],
)
def test_the_default_of_a_column_that_was_never_written(type: ColumnType, value: Any) -> None:
    assert codec.default(type, refer) == value


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (one(STRING), 5),
        (one(STRING), b"bytes"),
        (one(STRING), None),
        (one(STRING), "a\0b"),
        (one(STRING), "\udc80"),
        (one(STRING), ["a"]),
        (one(INTEGER), True),
        (one(INTEGER), 1.0),
        (one(INTEGER), "1"),
        (one(INTEGER), 2**63),
        (one(INTEGER), -(2**63) - 1),
        (one(REAL), float("nan")),
        (one(REAL), float("inf")),
        (one(REAL), True),
        (one(REAL), 10**400),
        (one(REAL), "1.0"),
        (one(BOOLEAN), 1),
        (one(BOOLEAN), "true"),
        (one(atom("uuid")), str(UUID(int=7))),
        (one(ref("Child")), UUID(int=7)),
        (one(ref("Child")), Ref(Kinds, UUID(int=7))),
        (one(ref("Child")), Ref(Child, UUID(int=0))),
        (one(ref("Child")), "name"),
        (optional(INTEGER), [1]),
        (many(STRING), "abc"),
        (many(STRING), b"abc"),
        (many(STRING), {"a": "b"}),
        (many(STRING), None),
        (many(STRING), ["good", 5]),
        (many(INTEGER), [1, True]),
        (mapping(STRING, STRING), [("a", "b")]),
        (mapping(STRING, STRING), {"a": 5}),
        (mapping(STRING, STRING), {5: "a"}),
        (mapping(STRING, STRING), {"a": None}),
        (mapping(STRING, STRING), {"a\0": "b"}),
    ],
)
def test_a_value_of_another_type_is_refused_by_table_column_and_value(type: ColumnType, value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        normalised(type, value)
    error = caught.value
    assert (error.table, error.column) == ("T", "c")
    assert error.allowed
    assert "T.c" in str(error)
    str(error).encode()


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (one(atom("integer", minimum=1, maximum=3)), 0),
        (one(atom("integer", minimum=1, maximum=3)), 4),
        (one(atom("real", minimum=0.5)), 0.25),
        (one(atom("real", maximum=0.5)), 0.75),
        (one(atom("string", enum=("a", "b"))), "c"),
        (one(atom("string", max_length=2)), "abc"),
        (one(atom("string", min_length=2)), "a"),
        (many(STRING, at_most=1), frozenset({"a", "b"})),
        (many(STRING, at_least=1), frozenset()),
        (many(atom("string", enum=("a",))), frozenset({"a", "b"})),
        (mapping(STRING, atom("integer", maximum=1)), Map({"a": 2})),
        (mapping(atom("integer", maximum=1), STRING), Map({2: "a"})),
        (mapping(STRING, STRING, at_most=1), Map({"a": "b", "c": "d"})),
    ],
)
def test_a_value_beyond_the_limits_is_refused(type: ColumnType, value: Any) -> None:
    with pytest.raises(InvalidValue):
        codec.check_limits(type, normalised(type, value), table="T", column="c")


def test_lengths_are_counted_in_characters_and_none_has_no_length() -> None:
    limited = optional(atom("string", max_length=3))
    codec.check_limits(limited, "äöü", table="T", column="c")
    codec.check_limits(limited, None, table="T", column="c")
    with pytest.raises(InvalidValue, match="at most 3 characters"):
        codec.check_limits(limited, "äöüß", table="T", column="c")


def test_python_enumerations_become_plain_words_and_numbers() -> None:
    class Word(str, Enum):  # noqa: UP042
        DROP = "drop"

    class Number(IntEnum):
        TWO = 2

    word, number = normalised(one(STRING), Word.DROP), normalised(one(INTEGER), Number.TWO)
    assert (type(word), word) == (str, "drop")
    assert (type(number), number) == (int, 2)


def test_equal_values_have_equal_json() -> None:
    assert codec.encode(frozenset({"b", "a"})) == codec.encode(frozenset({"a", "b"})) == ["set", ["a", "b"]]
    assert codec.encode(Map({"b": 1, "a": 2})) == ["map", [["a", 2], ["b", 1]]]


@pytest.mark.parametrize(
    ("type", "old", "diff", "new"),
    [
        (one(STRING), "a", "b", "b"),
        (optional(STRING), "a", ["set", []], None),
        (many(STRING), ["set", ["a", "b"]], ["set", ["b", "c"]], frozenset({"a", "c"})),
        (many(STRING), "a", "a", frozenset()),
        (many(STRING), ["set", []], "a", frozenset({"a"})),
        (mapping(STRING, STRING), ["map", [["a", "1"], ["b", "2"]]], ["map", [["a", "1"]]], Map({"b": "2"})),
        (mapping(STRING, STRING), ["map", [["a", "1"]]], ["map", [["a", "9"]]], Map({"a": "9"})),
        (mapping(STRING, STRING, at_most=1), ["map", [["a", "1"]]], ["map", [["b", "2"]]], Map({"b": "2"})),
    ],
)
def test_differences_are_applied_as_the_server_means_them(type: ColumnType, old: Any, diff: Any, new: Any) -> None:
    assert read(type, codec.apply_diff(type, old, diff)) == new


_ROWS = st.fixed_dictionaries(
    {},
    optional={
        column.name: values(column.type)
        for column in COLUMNS
        # References need rows to point to, and fixed columns cannot be written again.
        if column.type.key.ref_table is None
        and (column.type.value is None or column.type.value.ref_table is None)
        and not column.immutable
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROWS, min_size=2, max_size=5))
def test_a_replica_that_lives_on_differences_equals_one_that_begins_now(
    kinds_client: KindsClient, rows: list[dict[str, Any]]
) -> None:
    with kinds_client.transaction() as tx:
        new = tx.insert(kinds(**rows[0]))
    for columns in rows[1:]:
        with kinds_client.transaction() as tx:
            tx.update(tx[new], **columns)
    expected = {name: value for columns in rows for name, value in columns.items()}
    row = kinds_client[new]
    assert {name: getattr(row, name) for name in expected} == expected
    with KindsClient.connect(kinds_client.remote, timeout=5) as fresh:
        assert fresh[new] == row
