"""S13: what a hostile server can make a client spend: memory, processor time, log lines, and time to close."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import OvnkitError
from tests.ovsdb.fake_server import END, FakeServer, Message, Twist, dump
from tests.ovsdb.hostile import (
    CLOSE_SECONDS,
    RESYNC_SECONDS,
    SLACK_SECONDS,
    Hostile,
    closing,
    connect,
    connection_threads,
    content,
    instead,
    serving,
    set_up,
)
from tests.ovsdb.kinds import KindsClient, kinds

pytestmark = pytest.mark.alone

MEGABYTE = 1 << 20
BIG = 64
ALLOWED_MEGABYTES = 50
ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with set_up(tmp_path) as hostile:
        yield hostile


# -- memory ------------------------------------------------------------------------------------------------------------


class Measured:
    """A client in another process."""

    def __init__(self, server: FakeServer) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ovsdb.hostile_client", server.remote],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hear()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard

    def expect(self, name: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        self.hear()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(CLOSE_SECONDS + SLACK_SECONDS) == 0
        finally:
            self._process.kill()
            assert self._process.stdout is not None
            self._process.stdout.close()


def _long(start: bytes, filling: bytes, end: bytes, *last: END, megabytes: int = BIG) -> list[bytes | END]:
    return [start, *[filling * (MEGABYTE // len(filling))] * megabytes, end, *last]


_CALL = b'{"id":null,"method":"sing","params":['
_TOLD = b'{"id":null,"method":"update3","params":["x","' + ZERO.encode() + b'",{'
_ROW = _TOLD + b'"Kinds":{"00000000-0000-4000-8000-000000000001":{"insert":{"string":"'

HUGE: dict[str, list[bytes | END]] = {
    "string_that_does_not_end": _long(b'"', b"x" * 1024, b"", END.HANG_UP),
    "string_in_a_message_that_does_not_end": _long(_ROW, b"x" * 1024, b"", END.HANG_UP),
    "backslashes": _long(_CALL + b'"', b"\\" * 1024, b'"]}'),
    "space_between_messages": _long(b"", b" \n" * 512, b""),
    "space_in_a_message": _long(_CALL, b" " * 1024, b"]}"),
    "digits": _long(_CALL, b"1" * 1024, b"]}"),
    "open_arrays": _long(b"", b"[" * 1024, b"", END.HANG_UP),
    "id": _long(b'{"result":{},"error":null,"id":"', b"x" * 1024, b'"}'),
    "string_of_a_notification": _long(_CALL + b'"', b"x" * 1024, b'"]}'),
    "empty_arrays_of_a_notification": _long(_CALL, b"[]," * 256, b"0]}", megabytes=20),
    "empty_objects_of_an_unknown_table": _long(_TOLD + b'"Nowhere":[', b"{}," * 256, b"0]}]}", megabytes=20),
    "arrays_in_place_of_updates": _long(_TOLD + b'"Kinds":[', b"[]," * 256, b"0]}]}", megabytes=20),
    "unknown_members": _long(b'{"id":null,"more":[', b"[]," * 256, b'0],"method":"sing","params":[]}', megabytes=20),
    "reply_that_was_not_asked_for": _long(
        b'{"id":12345678,"error":null,"result":[', b"{}," * 256, b"{}]}", megabytes=20
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_s13_a_huge_message_takes_its_size_and_no_more_than_50_megabytes(name: str, tmp_path: Path) -> None:
    size = sum(len(part) for part in HUGE[name] if isinstance(part, bytes)) / MEGABYTE
    check_memory(tmp_path, HUGE[name], allowed=size + ALLOWED_MEGABYTES)


def test_s13_a_huge_value_is_there_once_and_while_it_is_looked_at_three_times(tmp_path: Path) -> None:
    # In the message, in the row that is kept, and in the value that is read to see whether it can be.
    measured = check_memory(tmp_path, _long(_ROW, b"x" * 1024, b'"}}}}]}'), allowed=3 * BIG + ALLOWED_MEGABYTES)
    assert measured["kept"] < BIG + ALLOWED_MEGABYTES


def test_s13_a_huge_reply_takes_no_more(tmp_path: Path) -> None:
    def fill(message: Message) -> list[bytes | END]:
        start = b'{"error":null,"id":' + dump(message["id"]) + b',"result":['
        return _long(start, b"{}," * 256, b"{}]}", megabytes=20)

    with serving(tmp_path) as server:
        client = Measured(server)
        try:
            client.expect("after it")
            for step in ("get_schema", "get_schema _Server", "monitor_cond _Server", "monitor_cond_since"):
                server.twist(step, fill)
            server.hang_up()
            server.insert("Child", name="after it")
            measured = client.hear()
        finally:
            client.close()
    assert not measured["failure"], measured
    assert measured["peak"] < 20 + ALLOWED_MEGABYTES, measured


def test_s13_echoes_whose_answers_are_not_read_do_not_pile_up(tmp_path: Path) -> None:
    echo = dump({"id": "again", "method": "echo", "params": ["x" * MEGABYTE]})
    check_memory(tmp_path, [echo] * 100, allowed=1 + ALLOWED_MEGABYTES)


def check_memory(directory: Path, said: Iterable[bytes | END], *, allowed: float) -> dict[str, Any]:
    with serving(directory) as server:
        client = Measured(server)
        try:
            client.expect("after it")
            server.say(*said)
            server.insert("Child", name="after it")
            measured = client.hear()
        finally:
            client.close()
    assert not measured["failure"], measured
    assert measured["peak"] < allowed, measured
    assert measured["kept"] < allowed, measured
    return measured


def test_s13_a_huge_schema_takes_time_in_proportion(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.twist("get_schema", instead(*_long(b'{"id":0,"result":"', b"x" * 1024, b"")), times=100)
        began = time.monotonic()
        with pytest.raises(OvnkitError):
            connect(server, timeout=1)
        assert time.monotonic() - began < 1 + SLACK_SECONDS


def test_s13_a_long_message_in_small_pieces_takes_time_in_proportion(hostile: Hostile) -> None:
    hostile.server.pieces = lambda data: (data[start : start + 1024] for start in range(0, len(data), 1024))
    began = time.monotonic()
    hostile.server.insert("Kinds", string="x" * (4 * MEGABYTE))
    hostile.check_shows()
    assert time.monotonic() - began < RESYNC_SECONDS
    assert hostile.server.connections == 2


# -- processor time and log lines --------------------------------------------------------------------------------------

_WATCHED_SECONDS = 1.0


def _closing_at_once(server: FakeServer) -> None:
    server.closing_at_once = True


def _deaf(server: FakeServer) -> None:
    server.deaf = True


def _gone(server: FakeServer) -> None:
    server.path.rename(server.path.with_name("elsewhere"))


def _saying(step: str, *said: bytes | END) -> Any:
    return lambda server: server.twist(step, instead(*said), times=1_000_000)


def _spoiling(message: Message) -> list[bytes]:
    return [dump(message), b"garbage"]


ALWAYS: dict[str, Any] = {
    "closes_at_once": _closing_at_once,
    "accepts_and_is_deaf": _deaf,
    "is_gone": _gone,
    "hangs_up_in_the_handshake": _saying("monitor_cond_since", END.HANG_UP),
    "says_garbage_in_the_handshake": _saying("get_schema _Server", b"garbage"),
    "answers_with_nothing": _saying("monitor_cond_since", b'{"id":1,"result":null,"error":null}'),
    "sends_garbage_after_the_first_sync": lambda server: server.twist("monitor_cond_since", _spoiling, times=1_000_000),
    "cannot_be_read": lambda server: server.twist(
        "monitor_cond_since",
        lambda message: [dump({**message, "result": [False, ZERO, {"Kinds": 5}]})],
        times=1_000_000,
    ),
}


@pytest.mark.parametrize("name", ALWAYS)
def test_s13_a_server_that_is_always_wrong_costs_next_to_nothing(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(tmp_path) as server, closing(connect(server)) as client:
        hostile = Hostile(server, client)
        hostile.check_shows()
        ALWAYS[name](server)
        server.hang_up()
        caplog.clear()
        connections, spent = server.connections, _spent(client)
        time.sleep(_WATCHED_SECONDS)
        assert _spent(client) - spent < 0.1 * _WATCHED_SECONDS
        assert server.connections - connections < 10 * _WATCHED_SECONDS
        assert len(caplog.records) < 20 * _WATCHED_SECONDS, caplog.text[:2000]
        assert content(client)
        hostile.check_lives()
        if name == "is_gone":
            server.path.with_name("elsewhere").rename(server.path)
        server.heal()
        hostile.check_shows()


def _spent(client: KindsClient) -> float:
    """Seconds of processor time of the client's threads."""
    clocks = [time.pthread_getcpuclockid(thread.ident) for thread in connection_threads(client) if thread.ident]
    return sum(time.clock_gettime(clock) for clock in clocks)


def test_s13_a_flood_of_broken_updates_is_not_a_flood_of_log_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with set_up(tmp_path) as hostile:
        began = time.monotonic()
        hostile.server.twist(
            "monitor_cond_since", lambda message: [dump(message), *[b'{"id":7}'] * 100], times=1_000_000
        )
        hostile.server.hang_up()
        time.sleep(_WATCHED_SECONDS)
        seconds = time.monotonic() - began
        assert len(caplog.records) < 20 * seconds, caplog.text[:2000]
        hostile.server.heal()
        hostile.check_shows()


def test_s13_a_flood_of_echoes_and_unknown_notifications_is_borne(hostile: Hostile) -> None:
    echoes = b"".join(dump({"id": number, "method": "echo", "params": []}) + b"\n" for number in range(5000))
    songs = dump({"id": None, "method": "sing", "params": ["la"]}) * 5000
    connections = hostile.server.connections
    hostile.server.say(echoes, songs)
    hostile.server.insert("Child", name="after it")
    hostile.check_shows()
    assert hostile.server.connections == connections


@pytest.mark.parametrize("what", ["updates", "echoes", "notifications", "replies"])
def test_s13_a_server_that_floods_holds_up_neither_deadlines_nor_close(what: str, hostile: Hostile) -> None:
    nothing = [hostile.server.monitors["Kinds"], ZERO, {"Kinds": {}}]
    message = {
        "updates": {"id": None, "method": "update3", "params": nothing},
        "echoes": {"id": 1, "method": "echo", "params": []},
        "notifications": {"id": None, "method": "sing", "params": []},
        "replies": {"id": "t999999", "result": [], "error": None},
    }[what]
    flood = dump(message) * 20_000
    ended = threading.Event()

    def drown(_message: Message) -> Iterator[bytes]:
        while not ended.is_set():
            yield flood

    hostile.server.twist("transact", drown)
    try:
        began = time.monotonic()
        # Where it is left for the flood, another connection may tell what became of the write.
        with contextlib.suppress(OvnkitError), hostile.client.transaction(timeout=0.3) as tx:
            tx.insert(kinds(string="new"))
        assert time.monotonic() - began < 0.3 + SLACK_SECONDS
        assert content(hostile.client)
        began = time.monotonic()
        hostile.client.close()
        assert time.monotonic() - began < CLOSE_SECONDS
    finally:
        ended.set()


# -- time --------------------------------------------------------------------------------------------------------------


def _drip(drop: bytes) -> Twist:
    def twist(_message: Message) -> Iterator[bytes | END]:
        deadline = time.monotonic() + RESYNC_SECONDS
        while time.monotonic() < deadline:
            yield drop
            time.sleep(0.002)
        yield END.HANG_UP

    return twist


@pytest.mark.parametrize("step", ["get_schema", "get_schema _Server", "monitor_cond _Server", "monitor_cond_since"])
@pytest.mark.parametrize("drop", [b" ", b"[", b'"'], ids=["space", "array", "quote"])
def test_s13_connect_ends_in_time_where_the_server_drips(step: str, drop: bytes, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.twist(step, _drip(drop), times=1_000_000)
        began = time.monotonic()
        with pytest.raises(OvnkitError):
            connect(server, timeout=0.3)
        assert time.monotonic() - began < 0.3 + SLACK_SECONDS


def test_s13_a_write_ends_by_its_deadline_where_the_server_drips(hostile: Hostile) -> None:
    hostile.server.twist("transact", _drip(b" "))
    began = time.monotonic()
    with pytest.raises(OvnkitError), hostile.client.transaction(timeout=0.3) as tx:
        tx.insert(kinds(string="new"))
    assert time.monotonic() - began < 0.3 + SLACK_SECONDS


def test_s13_a_client_can_be_closed_while_the_server_does_not_read(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = connect(server)
        with closing(client):
            server.twist("transact", instead(END.SILENCE))
            # The fake reads while it waits for whole messages, so its thread is kept busy dripping.
            server.twist("transact", _drip(b" "))
            futures = []
            for _ in range(5):
                tx = client.transaction(timeout=60)
                tx.insert(kinds(string="x" * (4 * MEGABYTE)))
                futures.append(tx.submit())
        for future in futures:
            with pytest.raises(OvnkitError):
                future.result(0)


def test_s13_the_first_sync_in_single_bytes_is_a_first_sync(tmp_path: Path) -> None:
    with serving(tmp_path, patience=60) as server:
        # The schemas are longer, and no different.
        server.pieces = lambda data: (data[at : at + 1] for at in range(len(data))) if len(data) < 2000 else [data]
        with closing(connect(server)) as client:
            Hostile(server, client).check_shows()
            assert server.connections == 2
