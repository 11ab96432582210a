"""S13: whatever a server answers to a write, the write ends in time, and what it is said to have become is true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OutcomeUnknown, OvnkitError
from ovnkit.ovsdb import Ref
from tests.ovsdb.fake_server import Message, Twist, dump
from tests.ovsdb.hostile import (
    BROKEN_RESULTS,
    JUNK,
    NOT_ANSWERS,
    REFUSALS,
    RESYNC_SECONDS,
    SLACK_SECONDS,
    SOME_JUNK,
    Hostile,
    each,
    replace,
    result,
    set_up,
)
from tests.ovsdb.kinds import Kinds, kinds


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


def check_write(hostile: Hostile, *, timeout: float = 1.0) -> None:
    """A write ends in time, and what it is said to have become is true."""
    began = time.monotonic()
    ref: Ref[Kinds] | None = None
    try:
        with hostile.client.transaction(timeout=timeout) as tx:
            ref = tx.insert(kinds(string="new", optional_integer=5))
        said_to_be_applied: bool | None = True
    except OutcomeUnknown:
        said_to_be_applied = None
    except OvnkitError:
        said_to_be_applied = False
    assert time.monotonic() - began < timeout + SLACK_SECONDS
    assert ref is not None
    applied = str(ref.uuid) in hostile.server.content["Kinds"]
    assert said_to_be_applied in (applied, None), f"applied: {applied}, said to be: {said_to_be_applied}"
    hostile.server.heal()
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()


WRONG_REPLIES: dict[str, Twist] = {
    "too_few_results": result(lambda results: results[:-1]),
    "too_many_results": result(lambda results: [*results, {}]),
    "no_uuid": result(lambda results: [{} for _ in results]),
    "uuid_is_a_number": result(lambda results: [{"uuid": 5} for _ in results]),
    "uuid_of_another": result(
        lambda results: [{"uuid": ["uuid", "00000000-0000-4000-8000-000000000000"]} for _ in results]
    ),
    "results_null": result(lambda results: [None for _ in results]),
    "results_are_words": result(lambda results: ["ok" for _ in results]),
    "results_are_arrays": result(lambda results: [[] for _ in results]),
    "error_is_null_in_a_result": result(lambda results: [{**item, "error": None} for item in results]),
    "said_twice": lambda message: [dump(message), dump(message)],
    "said_to_all": lambda message: [dump({**message, "id": number}) for number in range(50)] + [dump(message)],
    "with_members_more": replace(jsonrpc="1.0", more={"a": [1]}),
}


@each(JUNK, BROKEN_RESULTS, WRONG_REPLIES)
def test_s13_a_write_ends_truly_whatever_the_reply(twist: Twist, hostile: Hostile) -> None:
    hostile.server.twist("transact", twist)
    check_write(hostile)


@each(NOT_ANSWERS)
def test_s13_a_write_ends_by_its_deadline_where_no_reply_comes(twist: Twist, hostile: Hostile) -> None:
    hostile.server.twist("transact", twist)
    check_write(hostile, timeout=0.3)


@each(SOME_JUNK, BROKEN_RESULTS, REFUSALS)
def test_s13_a_write_that_was_dropped_is_made_or_said_to_be_lost(twist: Twist, hostile: Hostile) -> None:
    def forget(message: Message) -> Any:
        hostile.server.forgetful = False
        return twist(message)

    hostile.server.forgetful = True
    hostile.server.twist("transact", forget)
    check_write(hostile)


@each(SOME_JUNK, BROKEN_RESULTS, REFUSALS)
def test_s13_a_write_ends_truly_where_looking_it_up_goes_wrong_as_well(twist: Twist, hostile: Hostile) -> None:
    hostile.server.twist("transact", JUNK["hang_up"])
    hostile.server.twist("select", twist, times=1_000_000)
    check_write(hostile, timeout=0.5)


@pytest.mark.parametrize("count", [0, 2, -1, 1.5, "1", None, True, [1], 2**70], ids=str)
def test_s13_an_update_ends_truly_whatever_the_count(count: Any, hostile: Hostile) -> None:
    def miscount(results: list[Any]) -> list[Any]:
        return [{"count": count} if "count" in item else item for item in results]

    hostile.server.twist("transact", result(miscount))
    row = hostile.client.get(Kinds, string="black")
    try:
        with hostile.client.transaction(timeout=1) as tx:
            tx.update(row, string="white")
        said_to_be_applied: bool | None = True
    except OutcomeUnknown:
        said_to_be_applied = None
    except OvnkitError:
        said_to_be_applied = False
    assert said_to_be_applied in (True, None)
    hostile.check_shows()
    hostile.check_writes()


def test_s13_replies_in_another_order_go_to_their_writes(hostile: Hostile) -> None:
    held: list[bytes] = []

    def hold_back(message: Message) -> list[bytes]:
        held.append(dump(message))
        return held[::-1] if len(held) == 10 else []

    hostile.server.twist("transact", hold_back, times=10)
    futures = []
    for number in range(10):
        tx = hostile.client.transaction(timeout=RESYNC_SECONDS)
        tx.insert(kinds(string=f"row {number}"))
        futures.append(tx.submit())
    for future in futures:
        assert future.result(RESYNC_SECONDS) is None
    hostile.check_shows()
