"""S13: a write ends whatever the server answers to it, or to the question what became of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OutcomeUnknown, TransactionFailed
from tests.ovsdb.fake_server import Message, Twist
from tests.ovsdb.hostile import JUNK, Hostile, each, result, set_up
from tests.ovsdb.kinds import Kinds, kinds

_NO_UUID = "-" * 36


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


def refused(details: Any) -> Twist:
    return result(lambda results: [*results, {"error": "constraint violation", "details": details}])


REFUSALS: dict[str, Twist] = {
    "index_without_uuids": refused(
        'Transaction causes multiple rows in "Kinds" table to have identical values ("a") for index on column "string".'
        f"  First row, with UUID {_NO_UUID}, was inserted by this transaction."
        f"  Second row, with UUID {_NO_UUID}, existed in the database before this transaction."
    ),
    "reference_without_uuid": refused(f"Table Kinds column string row {_NO_UUID} references nothing."),
    "delete_without_uuid": refused(f"cannot delete Kinds row {_NO_UUID} because of 1 remaining reference"),
    "details_are_null": refused(None),
}
NONSENSE: dict[str, Twist] = {
    "details_are_a_number": refused(5),
    "details_are_an_array": refused([{}]),
}


@each(REFUSALS)
def test_s13_a_refusal_ends_the_write_whatever_its_details(twist: Twist, hostile: Hostile) -> None:
    def refuse(message: Message) -> Any:
        hostile.server.forgetful = False
        return twist(message)

    hostile.server.forgetful = True
    hostile.server.twist("transact", refuse)
    tx = hostile.client.transaction(timeout=1)
    tx.insert(kinds(string="new"))
    assert isinstance(tx.submit().exception(5), TransactionFailed)
    hostile.check_shows()


@each(NONSENSE)
def test_s13_a_refusal_that_makes_no_sense_is_none_and_the_write_is_seen_through(
    twist: Twist, hostile: Hostile
) -> None:
    hostile.server.twist("transact", twist)
    tx = hostile.client.transaction(timeout=5)
    tx.insert(kinds(string="new"))
    assert tx.submit().exception(10) is None
    hostile.check_shows()


def rows(change: Callable[[list[Any]], Any]) -> Twist:
    return result(lambda results: [{"rows": change(item["rows"])} for item in results])


ANSWERS: dict[str, Twist] = {
    "one_result_more": result(lambda results: [*results, {"rows": []}]),
    "no_rows": result(lambda results: [{} for _ in results]),
    "results_null": result(lambda results: [None for _ in results]),
    "rows_null": rows(lambda _: None),
    "rows_a_number": rows(lambda _: 5),
    "rows_of_numbers": rows(lambda _: [5]),
    "rows_of_arrays": rows(lambda _: [[]]),
    "a_number_for_a_string": rows(lambda found: [{**row, "string": 5} for row in found]),
    "an_object_for_a_string": rows(lambda found: [{**row, "string": {}} for row in found]),
    "no_such_column_any_more": rows(lambda found: [{} for _ in found]),
}


@each(ANSWERS)
def test_s13_an_answer_to_a_look_up_that_makes_no_sense_leaves_the_outcome_unknown(
    twist: Twist, hostile: Hostile
) -> None:
    row = hostile.client.get(Kinds, string="black")
    hostile.server.twist("transact", JUNK["hang_up"])
    hostile.server.twist("select", twist, times=1_000_000)
    tx = hostile.client.transaction(timeout=2)
    tx.update(row, string="white")
    unknown = tx.submit().exception(5)
    if unknown is not None:
        assert isinstance(unknown, OutcomeUnknown)
        with contextlib.suppress(OutcomeUnknown):
            assert unknown.resolve(1)
        hostile.server.heal()
        assert unknown.resolve(5)
    hostile.server.heal()
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()
