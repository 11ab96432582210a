"""S13: a server that says what is not OVSDB, at every step, never hangs or misleads a client."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OvnkitError
from tests.ovsdb.fake_server import END, Message, Twist, dump
from tests.ovsdb.hostile import (
    BROKEN_RESULTS,
    JUNK,
    LOST_BYTES,
    NOT_ANSWERS,
    REFUSALS,
    RESYNC_SECONDS,
    SLACK_SECONDS,
    SOME_JUNK,
    Hostile,
    closing,
    connect,
    content,
    each,
    impatient,
    result,
    serving,
    set_up,
)

HANDSHAKE = ("get_schema", "get_schema _Server", "monitor_cond _Server", "monitor_cond_since")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


# -- connecting --------------------------------------------------------------------------------------------------------

BROKEN_SCHEMAS: dict[str, Twist] = {
    "tables_number": result(lambda schema: {**schema, "tables": 5}),
    "tables_missing": result(lambda schema: {"name": schema["name"], "version": "1.2.3"}),
    "table_null": result(lambda schema: {**schema, "tables": {"Kinds": None}}),
    "columns_array": result(lambda schema: {**schema, "tables": {"Kinds": {"columns": []}}}),
    "column_without_type": result(lambda schema: _with_column(schema, {})),
    "type_unknown": result(lambda schema: _with_column(schema, {"type": "strin"})),
    "type_null": result(lambda schema: _with_column(schema, {"type": None})),
    "type_without_key": result(lambda schema: _with_column(schema, {"type": {"min": 0}})),
    "type_of_enum_number": result(
        lambda schema: _with_column(schema, {"type": {"key": {"type": "string", "enum": 5}}})
    ),
    "type_min_above_max": result(lambda schema: _with_column(schema, {"type": {"key": "string", "min": 5, "max": 2}})),
    "type_max_word": result(lambda schema: _with_column(schema, {"type": {"key": "string", "max": "lots"}})),
    "ref_to_nowhere": result(
        lambda schema: _with_column(schema, {"type": {"key": {"type": "uuid", "refTable": "No"}}})
    ),
    "version_number": result(lambda schema: {**schema, "version": 1}),
    "name_of_another": result(lambda schema: {**schema, "name": "Other"}),
    "indexes_number": result(
        lambda schema: {**schema, "tables": {**schema["tables"], "Child": {**schema["tables"]["Child"], "indexes": 5}}}
    ),
    "no_tables": result(lambda schema: {**schema, "tables": {}}),
}


def _with_column(schema: Message, column: Message) -> Message:
    kinds = schema["tables"]["Kinds"]
    return {**schema, "tables": {**schema["tables"], "Kinds": {"columns": {**kinds["columns"], "string": column}}}}


@each(JUNK, NOT_ANSWERS, BROKEN_RESULTS, REFUSALS, BROKEN_SCHEMAS)
def test_s13_connect_ends_in_time_where_the_schema_is_not_one(twist: Twist, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.twist("get_schema", twist, times=1_000_000)
        began = time.monotonic()
        with contextlib.suppress(OvnkitError):
            connect(server, timeout=0.05).close()
        assert time.monotonic() - began < 0.05 + SLACK_SECONDS
        server.heal()
        with closing(connect(server)) as client:
            Hostile(server, client).check_shows()


@each(BROKEN_RESULTS, REFUSALS, NOT_ANSWERS)
@pytest.mark.parametrize("step", HANDSHAKE)
def test_s13_connect_ends_in_time_where_the_first_sync_goes_wrong(step: str, twist: Twist, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.twist(step, twist, times=1_000_000)
        began = time.monotonic()
        with contextlib.suppress(OvnkitError):
            connect(server, timeout=0.05).close()
        assert time.monotonic() - began < 0.05 + SLACK_SECONDS


# -- connecting anew ---------------------------------------------------------------------------------------------------

BROKEN_SYNCS: dict[str, Twist] = {
    "found_although_nothing_was_known": result(lambda reply: [True, reply[1], {}]),
    "found_is_a_word": result(lambda reply: ["yes", *reply[1:]]),
    "id_is_a_number": result(lambda reply: [False, 5, reply[2]]),
    "too_short": result(lambda reply: reply[:2]),
    "updates_null": result(lambda reply: [*reply[:2], None]),
    "updates_array": result(lambda reply: [*reply[:2], [reply[2]]]),
    "unknown_table": result(lambda reply: [*reply[:2], {**reply[2], "Nowhere": {}}]),
    "table_null": result(lambda reply: [*reply[:2], {"Kinds": None}]),
    "row_null": result(lambda reply: [*reply[:2], _rows(reply[2], lambda _row: None)]),
    "rows_modified": result(lambda reply: [*reply[:2], _rows(reply[2], lambda row: {"modify": row["initial"]})]),
    "rows_of_another_kind": result(lambda reply: [*reply[:2], _rows(reply[2], lambda row: {"new": row["initial"]})]),
    "rows_without_content": result(lambda reply: [*reply[:2], _rows(reply[2], lambda _row: {"initial": None})]),
    "rows_as_arrays": result(lambda reply: [*reply[:2], _rows(reply[2], lambda row: {"initial": [row["initial"]]})]),
    "bad_uuids": result(
        lambda reply: [*reply[:2], {t: {f"{u}0": r for u, r in rs.items()} for t, rs in reply[2].items()}]
    ),
    "said_twice": lambda message: [dump(message), dump(message)],
    "update_before_it": lambda message: [_update({"Kinds": {}}), dump(message)],
    "row_modified_before_it": lambda message: [
        _update({"Kinds": {next(iter(message["result"][2]["Kinds"])): {"modify": {"string": "early"}}}}),
        dump(message),
    ],
}


def _rows(updates: Message, change: Callable[[Message], Any]) -> Message:
    return {table: {uuid: change(row) for uuid, row in rows.items()} for table, rows in updates.items()}


def _update(updates: Message) -> bytes:
    return dump({"id": None, "method": "update3", "params": ["x", "00000000-0000-0000-0000-000000000000", updates]})


def come_back(hostile: Hostile, step: str, twist: Twist) -> None:
    """The connection is lost, and goes wrong once at ``step`` when it is made again."""
    hostile.server.twist(step, twist)
    hostile.server.hang_up()
    hostile.server.insert("Child", name="meanwhile")
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()


@each(BROKEN_RESULTS, REFUSALS, SOME_JUNK)
@pytest.mark.parametrize("step", HANDSHAKE)
def test_s13_a_client_comes_back_after_a_handshake_that_went_wrong(step: str, twist: Twist, hostile: Hostile) -> None:
    come_back(hostile, step, twist)


@each(BROKEN_SYNCS)
def test_s13_a_client_comes_back_after_a_first_reply_that_cannot_be(twist: Twist, hostile: Hostile) -> None:
    come_back(hostile, "monitor_cond_since", twist)


@pytest.mark.parametrize("step", HANDSHAKE)
def test_s13_what_is_told_before_the_first_reply_is_not_shown(step: str, hostile: Hostile) -> None:
    before = content(hostile.client)
    [uuid, *_] = hostile.server.content["Kinds"]
    read = threading.Event()

    def early(_message: Message) -> Iterator[bytes | END]:
        yield _update({"Kinds": {uuid: {"delete": None}}})
        read.set()
        yield END.SILENCE

    hostile.server.pieces = lambda data: [data]
    hostile.server.twist(step, early, times=1_000_000)
    hostile.server.hang_up()
    assert read.wait(RESYNC_SECONDS)
    for _ in range(20):
        assert content(hostile.client) == before
        time.sleep(0.005)


_IN_HANDSHAKE = ("silence", "truncated_then_silence", "no_answer", "id_of_another", "id_true")
_IN_UPDATES = ("silence", "truncated_then_silence", *LOST_BYTES)


@pytest.fixture(scope="module")
def unanswered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future[None]]]:
    """All at once, because each of them waits for probes."""

    def run(step: str, twist: Twist) -> None:
        with set_up(tmp_path_factory.mktemp("s")) as hostile:
            if step == "update3":
                hostile.server.twist(step, twist)
                hostile.server.insert("Child", name="new")
                hostile.check_shows()
            else:
                come_back(hostile, step, twist)

    cases = [(step, name) for step in HANDSHAKE for name in _IN_HANDSHAKE]
    cases += [("update3", name) for name in _IN_UPDATES]
    with impatient(), ThreadPoolExecutor(len(cases)) as pool:
        yield {(step, name): pool.submit(run, step, {**NOT_ANSWERS, **LOST_BYTES}[name]) for step, name in cases}


@pytest.mark.parametrize("name", _IN_HANDSHAKE)
@pytest.mark.parametrize("step", HANDSHAKE)
def test_s13_a_client_comes_back_where_it_was_not_answered(
    step: str, name: str, unanswered: dict[tuple[str, str], Future[None]]
) -> None:
    unanswered[step, name].result()


@pytest.mark.parametrize("name", _IN_UPDATES)
def test_s13_a_client_notices_that_a_server_says_nothing_more_that_makes_sense(
    name: str, unanswered: dict[tuple[str, str], Future[None]]
) -> None:
    unanswered["update3", name].result()
