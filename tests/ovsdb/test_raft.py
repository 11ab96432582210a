"""The log of a member of a cluster: which entries count, and what no server would take."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovnkit.ovsdb import files
from ovnkit.ovsdb.records import write_record
from tests.ovsdb.reader import rows_of

OWN, SECOND, THIRD = (str(UUID(int=number)) for number in (1, 2, 3))
ROW = str(UUID(int=9))
SCHEMA: dict[str, Any] = {
    "name": "D",
    "version": "1.0.0",
    "tables": {"T": {"columns": {"a": {"type": "string"}, "b": {"type": "string"}}, "isRoot": True}},
}
NEWER: dict[str, Any] = {
    "name": "D",
    "version": "2.0.0",
    "tables": {"T": {"columns": {"a": {"type": "string"}, "c": {"type": "integer"}}, "isRoot": True}},
}
SETS = {"type": {"key": "string", "min": 0, "max": "unlimited"}}
THREE = {OWN: "tcp:1", SECOND: "tcp:2", THIRD: "tcp:3"}


def member(*records: dict[str, Any], servers: dict[str, str] = THREE) -> files.DatabaseFile:
    """A file whose snapshot, at index 1 in term 1, has one row."""
    header = {
        "server_id": OWN,
        "cluster_id": str(UUID(int=7)),
        "local_address": "tcp:1",
        "name": "D",
        "prev_term": 1,
        "prev_index": 1,
        "prev_eid": str(UUID(int=8)),
        "prev_servers": servers,
        "prev_data": [SCHEMA, {"T": {ROW: {"a": "snapshot", "b": "old"}}}],
    }
    data = b"".join(write_record(json.dumps(record).encode()) for record in (header, *records))
    return files.parse(data.replace(b"OVSDB JSON ", b"OVSDB CLUSTER "), "member.db")


def entry(index: int, value: str, *, term: int = 1) -> dict[str, Any]:
    return {"index": index, "term": term, "eid": OWN, "data": [None, {"T": {ROW: {"a": value}}}]}


def value(found: files.DatabaseFile) -> str:
    (text,) = rows_of(found.contents)["T"][UUID(ROW)]["a"]
    return str(text)


def indexes(found: files.DatabaseFile) -> tuple[int, int]:
    assert found.membership is not None
    return found.membership.committed, found.membership.uncommitted


def test_of_several_members_one_has_what_it_knows_to_be_committed() -> None:
    assert value(member()) == "snapshot"
    found = member(entry(2, "two"), entry(3, "three"))
    assert (value(found), indexes(found)) == ("snapshot", (1, 2))
    found = member(entry(2, "two"), {"commit_index": 2}, entry(3, "three"))
    assert (value(found), indexes(found)) == ("two", (2, 1))
    found = member(entry(2, "two"), entry(3, "three"), {"commit_index": 2}, {"commit_index": 3})
    assert (value(found), indexes(found)) == ("three", (3, 0))


def test_the_only_member_has_all_that_is_there() -> None:
    found = member(entry(2, "two"), entry(3, "three"), servers={OWN: "tcp:1"})
    assert (value(found), indexes(found)) == ("three", (3, 0))
    # Whom the cluster has is what the last entry says that says anything of it.
    found = member(entry(2, "two"), {"index": 3, "term": 1, "servers": THREE}, servers={OWN: "tcp:1"})
    assert (value(found), indexes(found)) == ("snapshot", (1, 2))


def test_what_a_later_leader_overwrote_is_gone() -> None:
    found = member(entry(2, "lost"), entry(3, "lost"), entry(2, "kept", term=2), {"commit_index": 2})
    assert (value(found), indexes(found), found.damage) == ("kept", (2, 0), None)


def test_records_that_change_no_data_are_passed_over() -> None:
    found = member(
        {"term": 2, "vote": SECOND},
        {"term": 2, "leader": SECOND},
        {"note": "transfer leadership", "comment": "to another"},
        {"index": 2, "term": 2},
        {"index": 3, "term": 2, "election_timer": 4000},
        {"commit_index": 3},
    )
    assert (value(found), indexes(found), found.damage, found.records) == ("snapshot", (3, 0), None, 7)
    left = member({"note": "left"})
    assert left.membership is not None
    assert left.membership.left


def test_a_conversion_without_data_keeps_what_the_new_schema_has() -> None:
    convert = {"index": 2, "term": 1, "eid": OWN, "data": [NEWER, None]}
    found = member(convert, {"commit_index": 2})
    assert found.contents is not None
    assert found.contents.schema.version == "2.0.0"
    assert rows_of(found.contents) == {"T": {UUID(ROW): {"a": ["snapshot"]}}}


def test_a_conversion_with_data_begins_anew() -> None:
    convert = {"index": 2, "term": 1, "eid": OWN, "data": [NEWER, {"T": {SECOND: {"c": 3}}}]}
    found = member(convert, {"commit_index": 2})
    assert rows_of(found.contents) == {"T": {UUID(SECOND): {"c": [3]}}}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"commit_index": 4}, "the last entry is 3"),
        ({"commit_index": 1}, "moves the commit index from 2 to 1"),
        (entry(5, "x"), "entry 5 comes after 3"),
        (entry(2, "x"), "of which 2 are committed"),
        (entry(4, "x", term=0), "is of term 0, and the one before it of 1"),
        ({"index": "four"}, "no record of a clustered database"),
    ],
)
def test_a_record_with_which_no_server_starts_ends_the_reading(bad: dict[str, Any], reason: str) -> None:
    good = (entry(2, "two"), entry(3, "three"), {"commit_index": 2})
    found = member(*good, bad, {"commit_index": 3})
    assert (value(found), indexes(found)) == ("two", (2, 1))
    assert found.damage is not None
    assert found.damage.records == 4
    assert reason in found.damage.reason


def test_an_entry_that_cannot_be_applied_is_damage_at_its_place() -> None:
    bad = {"index": 3, "term": 1, "eid": OWN, "data": [None, {"Nothing": {}}]}
    found = member(entry(2, "two"), bad, entry(4, "four"), {"commit_index": 4})
    assert (value(found), indexes(found)) == ("two", (2, 2))
    assert found.damage is not None
    assert "no table 'Nothing'" in found.damage.reason


ATOMS = st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats(allow_nan=False) | st.text(max_size=3)
KEYS = st.sampled_from(["T", ROW, SECOND, "a", "s", "set", "map"])
JSON = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
CELLS = JSON | st.lists(ATOMS, max_size=3).map(lambda members: ["set", members])
TRANSACTIONS = st.fixed_dictionaries(
    {"T": st.dictionaries(st.sampled_from([ROW, SECOND]), st.none() | st.fixed_dictionaries({"s": CELLS}) | JSON)},
    optional={"_is_diff": st.booleans(), "_date": JSON},
)
MEMBERS = st.sampled_from(
    ["index", "term", "data", "servers", "commit_index", "note", "vote", "T", "_is_diff", "_date"]
)
RECORDS = st.lists(st.dictionaries(MEMBERS, JSON | st.integers(1, 4), max_size=4) | TRANSACTIONS, max_size=4)


@settings(deadline=None)
@given(RECORDS)
@example([{"_date": 2**62}])
@example([{"_date": -(2**62)}])
def test_whatever_good_records_say_it_is_read_or_reported(records: list[dict[str, Any]]) -> None:
    clustered = member(*records)
    assert clustered.contents is not None
    assert clustered.records + (clustered.damage is not None) <= len(records) + 2
    text = json.dumps({"name": "D", "version": "1.0.0", "tables": {"T": {"columns": {"s": SETS}}}})
    data = b"".join(write_record(one.encode()) for one in (text, *map(json.dumps, records)))
    standalone = files.parse(data)
    assert standalone.contents is not None
    assert standalone.records + (standalone.damage is not None) <= len(records) + 1
