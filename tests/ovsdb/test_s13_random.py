"""S13: messages cut anywhere, messages with anything changed in them, and bytes at random."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from ovnkit.errors import OvnkitError
from tests.ovsdb.fake_server import END, Message, Twist, dump
from tests.ovsdb.hostile import RESYNC_SECONDS, SLACK_SECONDS, Hostile, closing, connect, content, serving, set_up
from tests.ovsdb.kinds import kinds

STEPS = (
    "get_schema _Server",
    "monitor_cond _Server",
    "monitor_cond_since",
    "update3",
    "transact",
    "set_db_change_aware",
)
TEXT = 'ж☃😀 }{ ][ \\ " \\" \n \u2028 '


@contextmanager
def session() -> Iterator[Hostile]:
    # Of its own for each example, so that one does not explain another.
    with tempfile.TemporaryDirectory() as directory, set_up(Path(directory)) as hostile:
        yield hostile


def check_survives(hostile: Hostile) -> None:
    """Whatever was said, the client lives, reads end, and after the next connection it is as if nothing had been."""
    hostile.check_lives()
    with contextlib.suppress(OvnkitError):
        content(hostile.client)
    hostile.server.heal()
    hostile.server.hang_up()
    hostile.check_shows()
    hostile.check_writes()


# -- cut anywhere ------------------------------------------------------------------------------------------------------


def test_s13_an_update_in_two_pieces_is_an_update_wherever_it_is_cut() -> None:
    with session() as hostile:
        connections = hostile.server.connections
        uuid = hostile.server.insert("Kinds", string=TEXT)
        length = len(dump({"id": None, "method": "update3", "params": []})) + 250
        for at in range(1, length):
            hostile.server.pieces = lambda data, at=at: (data[:at], data[at:])
            hostile.server.update("Kinds", uuid, string=f"{TEXT}{at}")
            hostile.check_shows()
        assert hostile.server.connections == connections


@settings(max_examples=20)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_s13_a_stream_in_random_pieces_gives_the_same_rows(sizes: list[int]) -> None:
    def pieces(data: bytes) -> Iterator[bytes]:
        # Of the schemas, which are long, the end will do.
        start, number = max(0, len(data) - 2000), 0
        yield data[:start]
        while start < len(data):
            size = sizes[number % len(sizes)]
            yield data[start : start + size]
            start, number = start + size, number + 1

    with tempfile.TemporaryDirectory() as directory, serving(Path(directory), patience=60) as server:
        server.insert("Kinds", string=TEXT, texts=["map", [[TEXT, TEXT], ["}", "{"]]])
        server.pieces = pieces
        with closing(connect(server)) as client:
            hostile = Hostile(server, client)
            hostile.check_shows()
            hostile.server.insert("Kinds", string=TEXT * 3)
            hostile.check_writes()
            assert server.connections == 2


@settings(max_examples=20)
@given(st.lists(st.sampled_from([b" ", b"\n", b"\r\n", b"\t", b""]), min_size=1, max_size=10))
def test_s13_space_between_and_behind_messages_means_nothing(spaces: list[bytes]) -> None:
    with session() as hostile:
        connections = hostile.server.connections
        for number, space in enumerate(spaces):
            hostile.server.say(space)
            hostile.server.twist("update3", lambda message, space=space: [space + dump(message) + space])  # type: ignore[misc]
            hostile.server.insert("Child", name=str(number))
        hostile.check_shows()
        assert hostile.server.connections == connections


# -- changed anywhere --------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["set", "map", "uuid", "insert", "delete", "Kinds", "00000000-0000-4000-8000-000000000001", 2**64]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(json: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(json, dict):
        items = json.items()
    elif isinstance(json, list):
        items = enumerate(json)
    for key, value in items:
        yield from _places(value, (*path, key))


def _with(json: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(json)
    copy = json.copy()
    copy[path[0]] = _with(json[path[0]], path[1:], change)
    return copy


@st.composite
def changed_values(draw: st.DrawFn) -> Twist:
    """A message with some of its values replaced, left out or repeated."""
    changes = draw(st.lists(st.tuples(st.integers(0, 10_000), ANYTHING), min_size=1, max_size=3))

    def twist(message: Message) -> list[bytes]:
        for number, value in changes:
            places = list(_places(message))
            message = _with(message, places[number % len(places)], lambda _old, value=value: value)  # type: ignore[misc]
        return [json.dumps(message).encode("utf-8", "surrogatepass")]

    return twist


@st.composite
def changed_bytes(draw: st.DrawFn) -> Twist:
    """A message of which bytes are other bytes, missing, doubled or moved."""
    ways = st.sampled_from(["set", "cut", "double", "insert"])
    changes = draw(
        st.lists(
            st.tuples(ways, st.integers(0, 100_000), st.integers(1, 50), st.binary(min_size=1, max_size=4)),
            min_size=1,
            max_size=4,
        )
    )

    def twist(message: Message) -> list[bytes]:
        data = dump(message)
        for kind, at, size, new in changes:
            start = at % max(1, len(data))
            if kind == "set":
                data = data[:start] + new + data[start + len(new) :]
            elif kind == "cut":
                data = data[:start] + data[start + size :]
            elif kind == "double":
                data = data[:start] + data[start : start + size] + data[start:]
            else:
                data = data[:start] + new + data[start:]
        return [data]

    return twist


@st.composite
def any_bytes(draw: st.DrawFn) -> Twist:
    """Bytes that are no message, or hardly one."""
    pieces = st.binary(max_size=40) | st.text('{}[]",:\\ent012.-ж', max_size=40).map(str.encode)
    data = draw(st.lists(pieces, min_size=1, max_size=5))
    return lambda message: [*data, dump(message)]


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(twist=changed_values() | changed_bytes() | any_bytes())
def test_s13_a_client_survives_whatever_is_said(step: str, twist: Twist) -> None:
    said: list[bytes | END] = []
    read = threading.Event()

    def recorded(message: Message) -> Iterator[bytes | END]:
        try:
            for item in twist(message):
                said.append(item)
                yield item
        finally:
            # Also where the client has left before all of it was said.
            read.set()

    try:
        with session() as hostile:
            hostile.server.twist(step, recorded)
            # What is said in pieces has been read when the next thing happens.
            hostile.server.pieces = lambda data: [data]
            if step == "update3":
                hostile.server.insert("Kinds", string="new", texts=["map", [["a", TEXT]]], integers=["set", [1, 2]])
            elif step == "transact":
                check_write_ends(hostile)
            else:
                hostile.server.hang_up()
            assert read.wait(RESYNC_SECONDS)
            check_survives(hostile)
    finally:
        note(f"said: {said}")


@settings(max_examples=30)
@given(twist=changed_values() | changed_bytes() | any_bytes())
def test_s13_connect_ends_in_time_whatever_is_said(twist: Twist) -> None:
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as server:
        server.twist("get_schema", twist, times=1_000_000)
        began = time.monotonic()
        with contextlib.suppress(OvnkitError):
            connect(server, timeout=0.1).close()
        assert time.monotonic() - began < 0.1 + SLACK_SECONDS


def check_write_ends(hostile: Hostile) -> None:
    began = time.monotonic()
    with contextlib.suppress(OvnkitError), hostile.client.transaction(timeout=0.3) as tx:
        tx.insert(kinds(string="new"))
    assert time.monotonic() - began < 0.3 + SLACK_SECONDS
