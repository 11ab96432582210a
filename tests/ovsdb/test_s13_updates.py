"""S13: whatever a server tells of its rows, a client shows what is there, or says that it cannot."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ovsdb.fake_server import END, Message, Twist, dump
from tests.ovsdb.hostile import JUNK, RESYNC_SECONDS, Hostile, content, each, instead, set_up

UNKNOWN = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


def params(change: Callable[[list[Any]], Any]) -> Twist:
    """The notification with other params."""
    return lambda message: [dump({**message, "params": change(message["params"])})]


def updates(change: Callable[[Message], Any]) -> Twist:
    """The notification of other updates."""
    return params(lambda old: [*old[:2], change(old[2])])


def rows(change: Callable[[Message], Any]) -> Twist:
    """The notification, each row of it told otherwise."""
    return updates(
        lambda old: {table: {uuid: change(row) for uuid, row in told.items()} for table, told in old.items()}
    )


BROKEN_UPDATES: dict[str, Twist] = {
    "no_params": params(lambda _old: []),
    "too_few_params": params(lambda old: old[:2]),
    "too_many_params": params(lambda old: [*old, old[2]]),
    "monitor_unknown": params(lambda old: ["another", *old[1:]]),
    "monitor_null": params(lambda old: [None, *old[1:]]),
    "monitor_object": params(lambda old: [{}, *old[1:]]),
    "id_null": params(lambda old: [old[0], None, old[2]]),
    "id_number": params(lambda old: [old[0], 5, old[2]]),
    "id_not_a_uuid": params(lambda old: [old[0], "latest", old[2]]),
    "id_object": params(lambda old: [old[0], {}, old[2]]),
    "method_update2_with_three": lambda message: [dump({**message, "method": "update2"})],
    "method_update2": lambda message: [dump({**message, "method": "update2", "params": message["params"][::2]})],
    "method_update": lambda message: [dump({**message, "method": "update", "params": message["params"][::2]})],
    "updates_null": updates(lambda _old: None),
    "updates_array": updates(lambda old: [old]),
    "updates_word": updates(lambda _old: "Kinds"),
    "unknown_table": updates(lambda old: {"Nowhere": old["Kinds"]}),
    "unknown_table_beside": updates(lambda old: {**old, "Nowhere": {UNKNOWN: {"delete": None}}}),
    "table_null": updates(lambda _old: {"Kinds": None}),
    "table_array": updates(lambda old: {"Kinds": [old["Kinds"]]}),
    "table_number": updates(lambda _old: {"Kinds": 5}),
    "uuid_word": updates(lambda old: {"Kinds": dict(zip(["me"], old["Kinds"].values(), strict=True))}),
    "uuid_empty": updates(lambda old: {"Kinds": dict(zip([""], old["Kinds"].values(), strict=True))}),
    "uuid_too_long": updates(lambda old: {"Kinds": {f"{uuid}0": row for uuid, row in old["Kinds"].items()}}),
    "row_null": rows(lambda _row: None),
    "row_number": rows(lambda _row: 5),
    "row_array": rows(lambda row: [row]),
    "row_empty": rows(lambda _row: {}),
    "row_of_another_kind": rows(lambda row: {"upsert": row}),
    "row_old_and_new": rows(lambda row: {"new": row.get("insert", row.get("modify"))}),
    "content_null": rows(dict.fromkeys),
    "content_array": rows(lambda row: {kind: [told] for kind, told in row.items()}),
    "content_word": rows(lambda row: dict.fromkeys(row, "x")),
    "modified_without_being_there": updates(
        lambda old: {"Kinds": {**old["Kinds"], UNKNOWN: {"modify": {"string": "x"}}}}
    ),
    "deleted_without_being_there": updates(lambda old: {"Kinds": {**old["Kinds"], UNKNOWN: {"delete": None}}}),
    "inserted_and_deleted": rows(lambda row: {**row, "delete": None}),
    "told_twice": lambda message: [dump(message), dump(message)],
    "in_one_array": lambda message: [dump({**message, "params": [message["params"]]})],
    "with_an_id": lambda message: [dump({**message, "id": 5})],
}

OTHER_COLUMNS: dict[str, Twist] = {
    "column_unknown": rows(lambda row: {kind: {**told, "colour": "red"} for kind, told in row.items()}),
    "column_uuid": rows(lambda row: {kind: {**told, "_uuid": ["uuid", UNKNOWN]} for kind, told in row.items()}),
}


def test_s13_what_arrives_after_the_decision_to_leave_does_not_undo_it(hostile: Hostile) -> None:
    connection, connections = hostile.client._connection, hostile.server.connections
    decided = threading.Event()

    def leave() -> None:
        connection.idl.force_reconnect()
        decided.set()
        assert select.select([connection.idl._session.rpc.stream.socket], [], [], RESYNC_SECONDS)[0]
        assert not connection.idl.take_in()

    left = connection.call(leave)
    assert decided.wait(RESYNC_SECONDS)
    hostile.server.insert("Kinds", string="new")
    left.result(RESYNC_SECONDS)
    hostile.check_shows()
    assert hostile.server.connections == connections + 1


@pytest.mark.parametrize("number", range(3))
def test_s13_what_follows_a_word_that_cannot_be_is_not_taken_for_everything(number: int, hostile: Hostile) -> None:
    told = [hostile.server.monitors["_Server"], {"Database": {UNKNOWN: {"insert": None}}}]
    nonsense = dump({"id": None, "method": "update2", "params": told})
    hostile.server.twist("update3", lambda message: [nonsense, *[dump(message)] * number])
    hostile.server.insert("Kinds", string="new")
    hostile.check_shows()
    for later in range(5):
        hostile.server.insert("Child", name=str(later))
        time.sleep(0.001)
    hostile.check_shows()


@each(JUNK, BROKEN_UPDATES, OTHER_COLUMNS)
def test_s13_a_client_shows_what_is_there_after_an_insert_that_was_told_wrongly(twist: Twist, hostile: Hostile) -> None:
    hostile.server.twist("update3", twist)
    hostile.server.insert("Kinds", string="new", integer=7)
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()


@each(BROKEN_UPDATES, OTHER_COLUMNS)
def test_s13_a_client_shows_what_is_there_after_a_change_that_was_told_wrongly(twist: Twist, hostile: Hostile) -> None:
    uuid = next(iter(hostile.server.content["Kinds"]))
    hostile.server.twist("update3", twist)
    hostile.server.update("Kinds", uuid, string="white", integer=2)
    hostile.check_shows()


@each(BROKEN_UPDATES)
def test_s13_a_client_shows_what_is_there_after_a_removal_that_was_told_wrongly(twist: Twist, hostile: Hostile) -> None:
    uuid = next(iter(hostile.server.content["Kinds"]))
    hostile.server.twist("update3", twist)
    hostile.server.delete("Kinds", uuid)
    hostile.check_shows()


# -- what nobody asked for ---------------------------------------------------------------------------------------------

UNASKED: dict[str, bytes] = {
    "monitor_canceled_nothing": b'{"id":null,"method":"monitor_canceled","params":[]}',
    "monitor_canceled_null": b'{"id":null,"method":"monitor_canceled","params":[null]}',
    "monitor_canceled_array": b'{"id":null,"method":"monitor_canceled","params":[[]]}',
    "monitor_canceled_unknown": b'{"id":null,"method":"monitor_canceled","params":["x"]}',
    "update_nothing": b'{"id":null,"method":"update","params":[]}',
    "update2_nothing": b'{"id":null,"method":"update2","params":[]}',
    "update3_nothing": b'{"id":null,"method":"update3","params":[]}',
    "unknown_notification": b'{"id":null,"method":"sing","params":[{"song":["la"]}]}',
    "unknown_request": b'{"id":7,"method":"sing","params":[]}',
    "transact_request": b'{"id":7,"method":"transact","params":["Kinds"]}',
    "locked_nothing": b'{"id":null,"method":"locked","params":[]}',
    "locked_null": b'{"id":null,"method":"locked","params":[null]}',
    "stolen_unknown": b'{"id":null,"method":"stolen","params":["x"]}',
    "echo_notification": b'{"id":null,"method":"echo","params":[]}',
    "echo_with_an_object_as_id": b'{"id":{"a":[1]},"method":"echo","params":[{"b":null}]}',
    "echo_with_a_word_as_id": b'{"id":"echo","method":"echo","params":["x"]}',
    "echo_reply": b'{"id":"echo","result":[],"error":null}',
    "echo_error": b'{"id":"echo","result":null,"error":"no"}',
    "reply": b'{"id":12345678,"result":[{}],"error":null}',
    "reply_with_an_object_as_id": b'{"id":{},"result":[{}],"error":null}',
    "error": b'{"id":12345678,"result":null,"error":{"error":"x"}}',
    "error_null": b'{"id":null,"result":null,"error":null}',
    "space": b" \t\r\n" * 1000,
}


@pytest.mark.parametrize("name", UNASKED)
def test_s13_what_nobody_asked_for_changes_nothing(name: str, hostile: Hostile) -> None:
    hostile.server.say(UNASKED[name])
    hostile.server.insert("Child", name="after it")
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()


@pytest.mark.parametrize("name", UNASKED)
def test_s13_what_nobody_asked_for_does_no_harm_during_the_first_sync(name: str, hostile: Hostile) -> None:
    for step in ("get_schema _Server", "monitor_cond _Server", "monitor_cond_since"):
        hostile.server.twist(step, lambda message: [UNASKED[name], dump(message), UNASKED[name]])
    hostile.server.hang_up()
    hostile.server.insert("Child", name="after it")
    hostile.check_shows()
    hostile.check_writes()


@pytest.mark.parametrize("database", ["Kinds", "_Server"])
def test_s13_a_monitor_that_is_canceled_is_asked_for_again(database: str, hostile: Hostile) -> None:
    hostile.server.say(dump({"id": None, "method": "monitor_canceled", "params": [hostile.server.monitors[database]]}))
    hostile.server.insert("Child", name="meanwhile")
    hostile.check_shows()
    hostile.check_writes()


SERVER_UPDATES: dict[str, Any] = {
    "null": None,
    "array": [],
    "unknown_table": {"Nowhere": {}},
    "table_null": {"Database": None},
    "row_null": {"Database": {UNKNOWN: None}},
    "content_null": {"Database": {UNKNOWN: {"insert": None}}},
    "row_unknown": {"Database": {UNKNOWN: {"modify": {"connected": False}}}},
    "row_deleted": {"Database": {UNKNOWN: {"delete": None}}},
    "name_number": {"Database": {UNKNOWN: {"insert": {"name": 5}}}},
    "model_number": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "model": 5}}}},
    "model_unknown": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "model": "cloud"}}}},
    "relay_without_schema": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "model": "relay"}}}},
    "index_negative": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "model": "clustered", "index": -5}}}},
    "cid_word": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "cid": "x"}}}},
    "schema_is_not_json": {"Database": {UNKNOWN: {"insert": {"name": "Kinds", "schema": "{"}}}},
}


@pytest.mark.parametrize("name", SERVER_UPDATES)
def test_s13_a_broken_word_of_the_server_itself_does_no_lasting_harm(name: str, hostile: Hostile) -> None:
    told = [hostile.server.monitors["_Server"], SERVER_UPDATES[name]]
    hostile.server.say(dump({"id": None, "method": "update2", "params": told}))
    hostile.server.insert("Child", name="meanwhile")
    hostile.check_shows()
    hostile.check_lives()
    hostile.check_writes()


@pytest.mark.parametrize("after", [instead(), instead(END.HANG_UP)], ids=["then_nothing", "then_hang_up"])
def test_s13_half_an_update_changes_nothing(after: Twist, hostile: Hostile) -> None:
    before = content(hostile.client)

    def half(message: Message) -> list[bytes | END]:
        return [dump(message)[:-10], *after(message)]

    hostile.server.twist("update3", half)
    hostile.server.insert("Kinds", string="new")
    time.sleep(0.05)
    shown = content(hostile.client)
    assert shown == before or len(shown) == len(before) + 1
    hostile.server.hang_up()
    hostile.check_shows()
