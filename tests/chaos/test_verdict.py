"""The campaign can fail: each kind of wrong content is found, and right content is not."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from tests.chaos.content import Content, canonical, differences
from tests.chaos.crew import Crew
from tests.chaos.model import (
    COUNT,
    AddAddress,
    AddressSet,
    Change,
    Count,
    Delete,
    InsertPort,
    InsertSet,
    InsertSwitch,
    PutKey,
    State,
    Switch,
    applied,
    next_change,
)
from tests.chaos.scene import longest_gap
from tests.chaos.verdict import Findings, Refusal, judge
from tests.chaos.writer import Oracle

SWITCH = Switch({COUNT: "2", "a": "w0.5"}, {"v": "w0.6"}, frozenset({"w0.7"}))
SET = AddressSet(frozenset({"w0.2", "w0.3"}))


def stored(*rows: tuple[str, State, UUID]) -> Content:
    """A database with these rows."""
    content: Content = {"Logical_Switch": {}, "Logical_Switch_Port": {}, "Address_Set": {}}
    for name, row, uuid in rows:
        if isinstance(row, AddressSet):
            columns: dict[str, Any] = {"name": name, "addresses": ["set", sorted(row.addresses)]}
        else:
            ports = {str(uuid5(uuid, port)): port for port in row.ports}
            content["Logical_Switch_Port"] |= {key: {"name": canonical(port)} for key, port in ports.items()}
            columns = {
                "name": name,
                "external_ids": ["map", [list(pair) for pair in row.ids.items()]],
                "other_config": ["map", [list(pair) for pair in row.config.items()]],
                "ports": ["set", [["uuid", key] for key in ports]],
            }
        table = "Address_Set" if isinstance(row, AddressSet) else "Logical_Switch"
        content[table][str(uuid)] = {column: canonical(value) for column, value in columns.items()}
    return content


@pytest.fixture
def oracle() -> Oracle:
    """One switch and one set, both acknowledged."""
    oracle = Oracle("w0", rows={"w0.1": SWITCH, "w0.2": SET})
    oracle.uuids = {name: uuid4() for name in oracle.rows}
    return oracle


def content_of(oracle: Oracle, **instead: State | None) -> Content:
    """What the oracle expects, but for some rows."""
    rows = {name: instead.get(name.replace(".", "_"), row) for name, row in oracle.rows.items()}
    return stored(*((name, row, oracle.uuids[name]) for name, row in rows.items() if row is not None))


def counts(findings: Findings) -> tuple[int, int, int]:
    return len(findings.lost), len(findings.doubled), len(findings.false_failures)


def test_right_content_has_no_findings(oracle: Oracle) -> None:
    assert not judge([oracle], content_of(oracle))


def test_an_acknowledged_row_that_is_not_there_is_lost(oracle: Oracle) -> None:
    assert counts(judge([oracle], content_of(oracle, w0_1=None))) == (1, 0, 0)


def test_an_acknowledged_change_that_is_not_there_is_lost(oracle: Oracle) -> None:
    before = AddressSet(frozenset({"w0.2"}))
    assert counts(judge([oracle], content_of(oracle, w0_2=before))) == (1, 0, 0)


def test_a_deletion_that_was_acknowledged_and_is_not_done_is_lost(oracle: Oracle) -> None:
    content = content_of(oracle)
    del oracle.rows["w0.1"]
    oracle.deleted.add("w0.1")
    assert counts(judge([oracle], content)) == (1, 0, 0)


def test_a_second_row_is_doubled(oracle: Oracle) -> None:
    content = content_of(oracle)
    content["Logical_Switch"][str(uuid4())] = content["Logical_Switch"][str(oracle.uuids["w0.1"])]
    assert counts(judge([oracle], content)) == (0, 1, 0)


def test_a_second_row_is_doubled_after_the_first_was_deleted(oracle: Oracle) -> None:
    content = stored(("w0.1", Switch({COUNT: "0"}), uuid4()), ("w0.2", SET, oracle.uuids["w0.2"]))
    del oracle.rows["w0.1"]
    oracle.deleted.add("w0.1")
    assert counts(judge([oracle], content)) == (0, 1, 0)


def test_a_count_that_is_too_high_is_doubled_and_one_that_is_too_low_is_lost(oracle: Oracle) -> None:
    assert counts(judge([oracle], content_of(oracle, w0_1=applied(SWITCH, Count("w0.1"))))) == (0, 1, 0)
    low = Switch({**SWITCH.ids, COUNT: "1"}, SWITCH.config, SWITCH.ports)
    assert counts(judge([oracle], content_of(oracle, w0_1=low))) == (1, 0, 0)


def test_a_row_that_nobody_wrote_is_doubled(oracle: Oracle) -> None:
    content = content_of(oracle)
    content |= {"Address_Set": {**content["Address_Set"], **stored(("x", SET, uuid4()))["Address_Set"]}}
    assert counts(judge([oracle], content)) == (0, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        PutKey("w0.1", "b", "w0.9"),
        Count("w0.1"),
        InsertPort("w0.1", "w0.9"),
        Delete("w0.1", Switch),
    ],
)
def test_a_change_that_was_refused_and_is_there_is_a_false_failure(oracle: Oracle, change: Any) -> None:
    oracle.refused["w0.1"] = [Refusal(PutKey("w0.1", "c", "w0.8"), "Timeout"), Refusal(change, "Timeout")]
    assert counts(judge([oracle], content_of(oracle, w0_1=applied(SWITCH, change)))) == (0, 0, 1)


def test_two_refused_changes_of_one_row_are_two_false_failures(oracle: Oracle) -> None:
    changes: list[Change] = [Count("w0.1"), PutKey("w0.1", "c", "w0.8"), InsertPort("w0.1", "w0.9")]
    oracle.refused["w0.1"] = [Refusal(change, "Timeout") for change in changes]
    row = applied(applied(SWITCH, changes[0]), changes[2])
    assert counts(judge([oracle], content_of(oracle, w0_1=row))) == (0, 0, 2)


@pytest.mark.parametrize("change", [InsertSwitch("w0.9"), InsertSet("w0.9", frozenset({"a"}))])
def test_an_insert_that_was_refused_and_is_there_is_a_false_failure(oracle: Oracle, change: Any) -> None:
    row = applied(None, change)
    assert row is not None
    oracle.refused["w0.9"] = [Refusal(change, "Conflict")]
    rows = [(name, state, oracle.uuids[name]) for name, state in oracle.rows.items()]
    assert counts(judge([oracle], stored(*rows, ("w0.9", row, uuid4())))) == (0, 0, 1)


def test_a_refusal_that_left_nothing_is_right(oracle: Oracle) -> None:
    oracle.refused = {
        "w0.9": [Refusal(InsertSwitch("w0.9"), "Timeout")],
        "w0.2": [Refusal(AddAddress("w0.2", "x"), "")],
    }
    assert not judge([oracle], content_of(oracle))


def test_replicas_differ_in_rows_and_in_columns(oracle: Oracle) -> None:
    content = content_of(oracle)
    assert list(differences(content, content)) == []
    assert len(list(differences(content, content_of(oracle, w0_2=None)))) == 1
    (words,) = differences(
        content, {**content, "Address_Set": content_of(oracle, w0_2=AddressSet(frozenset()))["Address_Set"]}
    )
    assert "addresses" in words


def test_one_atom_and_a_set_of_it_are_the_same_and_order_does_not_matter() -> None:
    assert canonical("a") == canonical(["set", ["a"]])
    assert canonical(["set", ["b", "a"]]) == canonical(["set", ["a", "b"]])
    assert canonical(["uuid", "x"]) == canonical(["set", [["uuid", "x"]]]) != canonical(["set", []])


def test_a_gap_counts_from_the_fault_in_it(oracle: Oracle) -> None:
    oracle.gaps = [(10.0, 13.0), (20.0, 22.0)]
    assert longest_gap([oracle], [11.0, 12.0]) == 2.0
    assert longest_gap([oracle], []) == 3.0


def test_changes_come_from_the_seed_and_touch_own_rows_only() -> None:
    def history(seed: int) -> list[Any]:
        rng, rows, changes = random.Random(seed), dict[str, State](), []
        for number in range(300):
            change = next_change(rng, rows, f"w.{number}", most_rows=10)
            after = applied(rows.get(change.name), change)
            assert change.name in rows or change.name == f"w.{number}"
            if after is None:
                del rows[change.name]
            else:
                rows[change.name] = after
            changes.append(change)
        assert len(rows) <= 10
        return changes

    assert history(1) == history(1) != history(2)
    assert {type(change) for change in history(1)} >= {InsertSwitch, InsertSet, InsertPort, Count, Delete, PutKey}


def test_a_crew_without_a_server_says_so() -> None:
    with (
        Crew("ovsdbapp", writers=["unix:/nonexistent/socket"], readers=[], seed="1", processes=1) as crew,
        pytest.raises(RuntimeError, match="cannot connect"),
    ):
        crew.start()
