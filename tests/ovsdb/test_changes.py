"""What was changed, as people read it."""

from __future__ import annotations

from uuid import UUID

import pytest

from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Changes, ColumnChange, Map, Ref

SWITCH = Ref(LogicalSwitch, UUID("11111111-0000-4000-8000-000000000000"))
PORT = Ref(LogicalSwitchPort, UUID("22222222-0000-4000-8000-000000000000"))
OTHER = Ref(LogicalSwitchPort, UUID("33333333-0000-4000-8000-000000000000"))


def switch(column: str, before: object, after: object) -> ColumnChange:
    return ColumnChange("update", "Logical_Switch", SWITCH, column, before, after, "web")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (switch("name", "web", "www"), "~ Logical_Switch web name = web -> www"),
        (switch("name", "", "\x1b[31m"), "~ Logical_Switch web name = '' -> '\\x1b[31m'"),
        (switch("copp", None, "x"), "+ Logical_Switch web copp = x"),
        (switch("copp", "x", None), "- Logical_Switch web copp = x"),
        (
            switch("external_ids", Map({"a": "1", "b": "2", "c": "3"}), Map({"a": "1", "b": "0", "d": "4"})),
            """\
~ Logical_Switch web external_ids:b = 2 -> 0
- Logical_Switch web external_ids:c = 3
+ Logical_Switch web external_ids:d = 4""",
        ),
        (
            switch("ports", frozenset({PORT}), frozenset({OTHER})),
            """\
- Logical_Switch web ports: Logical_Switch_Port 22222222
+ Logical_Switch web ports: Logical_Switch_Port 33333333""",
        ),
        (ColumnChange("insert", "Logical_Switch", SWITCH, None, None, None), "+ Logical_Switch"),
        (ColumnChange("delete", "Logical_Switch", SWITCH, None, None, None, "web"), "- Logical_Switch web"),
    ],
)
def test_a_change_is_shown_key_by_key_and_member_by_member(change: ColumnChange, text: str) -> None:
    assert str(change) == text


def test_among_changes_references_are_shown_by_the_names_of_the_rows() -> None:
    changes = Changes(
        [
            ColumnChange("insert", "Logical_Switch_Port", PORT, "name", None, "vm1", "vm1"),
            switch("ports", frozenset(), frozenset({PORT})),
        ]
    )
    assert str(changes).splitlines()[1] == "+ Logical_Switch web ports: Logical_Switch_Port vm1"
    assert str(Changes()) == "no changes"
    assert not Changes()
