"""S13: a value of a wrong type is never shown: reading it raises, or the rows are fetched again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OvnkitError
from tests.ovsdb.fake_server import Message, dump
from tests.ovsdb.hostile import RESYNC_SECONDS, Hostile, content, set_up
from tests.ovsdb.kinds import Child

UNKNOWN = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


WRONG_VALUES: dict[str, tuple[str, Any]] = {
    "number_as_string": ("string", 5),
    "null_as_string": ("string", None),
    "object_as_string": ("string", {}),
    "boolean_as_string": ("string", True),
    "set_of_two_as_string": ("string", ["set", ["a", "b"]]),
    "empty_set_as_string": ("string", ["set", []]),
    "uuid_as_string": ("string", ["uuid", UNKNOWN]),
    "array_as_string": ("string", ["a"]),
    "map_as_string": ("string", ["map", [["a", "b"]]]),
    "string_as_integer": ("integer", "5"),
    "boolean_as_integer": ("integer", True),
    "fraction_as_integer": ("integer", 5.5),
    "integer_of_70_bits": ("integer", 2**70),
    "string_as_real": ("real", "0.5"),
    "boolean_as_real": ("real", True),
    "number_as_boolean": ("boolean", 1),
    "string_as_boolean": ("boolean", "true"),
    "string_as_uuid": ("uuid_", UNKNOWN),
    "uuid_that_is_none": ("uuid_", ["uuid", "x"]),
    "uuid_of_a_number": ("uuid_", ["uuid", 5]),
    "uuid_without_text": ("uuid_", ["uuid"]),
    "named_uuid": ("uuid_", ["named-uuid", "row"]),
    "two_as_optional": ("optional_string", ["set", ["a", "b"]]),
    "number_as_optional": ("optional_string", ["set", [5]]),
    "null_as_optional": ("optional_string", None),
    "set_without_members": ("strings", ["set"]),
    "set_of_an_object": ("strings", ["set", {}]),
    "set_of_a_string": ("strings", ["set", "abc"]),
    "set_of_numbers": ("strings", ["set", ["a", 5]]),
    "set_of_arrays": ("strings", ["set", [["a"]]]),
    "set_of_sets": ("strings", ["set", [["set", []]]]),
    "set_of_objects": ("strings", ["set", [{}]]),
    "array_as_set": ("strings", ["a", "b"]),
    "empty_array_as_set": ("strings", []),
    "map_as_set": ("strings", ["map", [["a", "b"]]]),
    "fractions_in_a_set": ("integers", ["set", [1, 2.5]]),
    "string_as_map": ("texts", "a=b"),
    "set_as_map": ("texts", ["set", ["a"]]),
    "object_as_map": ("texts", {"a": "b"}),
    "map_without_pairs": ("texts", ["map"]),
    "map_of_an_object": ("texts", ["map", {"a": "b"}]),
    "pair_of_one": ("texts", ["map", [["a"]]]),
    "pair_of_three": ("texts", ["map", [["a", "b", "c"]]]),
    "pair_as_a_string": ("texts", ["map", ["ab"]]),
    "pair_of_numbers": ("texts", ["map", [[1, 2]]]),
    "value_of_null": ("texts", ["map", [["a", None]]]),
    "value_of_a_set": ("texts", ["map", [["a", ["set", ["b"]]]]]),
    "value_of_a_word": ("counts", ["map", [["a", "5"]]]),
    "reference_as_a_string": ("child", UNKNOWN),
    "reference_to_no_uuid": ("children", ["set", [["uuid", ""]]]),
    "references_by_number": ("children_by_name", ["map", [["a", 5]]]),
}


def check_value(hostile: Hostile, column: str, value: Any, tell: Callable[[], object]) -> None:
    """Told wrongly, a column is right again, or its reading raises; it never reads as another type."""

    def wrong(message: Message) -> list[bytes]:
        monitor, last_id, [(table, told)] = (*message["params"][:2], message["params"][2].items())
        rows = {uuid: {kind: {**row, column: value} for kind, row in change.items()} for uuid, change in told.items()}
        return [dump({**message, "params": [monitor, last_id, {table: rows}]})]

    hostile.server.twist("update3", wrong)
    tell()
    hostile.client.wait(Child, name="after it", timeout=RESYNC_SECONDS)
    try:
        content(hostile.client)
    except OvnkitError:
        hostile.server.hang_up()
    hostile.check_shows()
    hostile.check_writes()


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_s13_a_value_of_a_wrong_type_is_never_shown_in_a_new_row(name: str, hostile: Hostile) -> None:
    def tell() -> None:
        hostile.server.insert("Kinds", string="new")
        hostile.server.insert("Child", name="after it")

    check_value(hostile, *WRONG_VALUES[name], tell)


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_s13_a_value_of_a_wrong_type_is_never_shown_in_a_changed_row(name: str, hostile: Hostile) -> None:
    def tell() -> None:
        hostile.server.update("Kinds", next(iter(hostile.server.content["Kinds"])), optional_integer=3)
        hostile.server.insert("Child", name="after it")

    check_value(hostile, *WRONG_VALUES[name], tell)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("string", ["set", ["new"]]),
        ("optional_string", ["set", ["new"]]),
        ("strings", "new"),
        ("strings", ["set", []]),
        ("real", 5),
        ("real", -0.0),
        ("integer", 2**63 - 1),
        ("string", "\u0001\u2028\U0001f600"),
        ("string", "}{][\\\"'"),
        ("string", "x" * 100_000),
        ("texts", ["map", [["}", "{"], ["\\", '"']]]),
    ],
)
def test_s13_values_in_every_legal_form_are_read(column: str, value: Any, hostile: Hostile) -> None:
    connections = hostile.server.connections
    hostile.server.insert("Kinds", **{column: value})
    hostile.check_shows()
    assert hostile.server.connections == connections
