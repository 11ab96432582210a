"""What a filter means for each shape of column."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb import Exactly, Ref
from ovnkit.ovsdb.filter import Filter
from tests.ovsdb.kinds import Child, Kinds, kinds

A, B = Ref(Child, uuid4()), Ref(Child, uuid4())
ROW = kinds(
    string="web", optional_integer=7, strings=["a", "b"], texts={"k": "v", "l": "w"}, boolean=True, children=[A, B]
)


@pytest.mark.parametrize(
    ("columns", "matches"),
    [
        ({}, True),
        ({"string": "web"}, True),
        ({"string": "we"}, False),
        ({"string": Exactly("web")}, True),
        ({"optional_integer": 7}, True),
        ({"optional_integer": 8}, False),
        ({"optional_integer": None}, False),
        ({"optional_string": None}, True),
        ({"optional_string": ""}, False),
        ({"strings": ["a"]}, True),
        ({"strings": []}, True),
        ({"strings": {"b", "a"}}, True),
        ({"strings": ["a", "c"]}, False),
        ({"strings": Exactly(["a"])}, False),
        ({"strings": Exactly(["b", "a"])}, True),
        ({"texts": {"k": "v"}}, True),
        ({"texts": {}}, True),
        ({"texts": {"k": "w"}}, False),
        ({"texts": {"x": "v"}}, False),
        ({"texts": Exactly({"k": "v"})}, False),
        ({"texts": Exactly({"l": "w", "k": "v"})}, True),
        ({"children": [A]}, True),
        ({"children": [Ref(Child, uuid4())]}, False),
        ({"string": "web", "boolean": False}, False),
        ({"string": "web", "boolean": True}, True),
    ],
)
def test_a_filter(columns: dict[str, Any], matches: bool) -> None:
    assert Filter(Kinds, columns)(ROW) is matches


@pytest.mark.parametrize("columns", [{"strings": "a"}, {"integer": True}, {"string": None}, {"texts": ["k"]}])
def test_a_value_of_another_type_is_refused_when_the_filter_is_made(columns: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Filter(Kinds, columns)


def test_an_unknown_column_is_a_type_error_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match=r"Kinds has no column 'strin'; did you mean string\?"):
        Filter(Kinds, {"strin": "x"})
