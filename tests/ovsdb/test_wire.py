"""Framing and decoding: messages come out whole, however they arrive, and each byte is looked at once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.ovsdb import wire

_TEXT = st.text(st.sampled_from('ab{}"\\[],:\n é☃'), max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=10,
)
_MESSAGES = st.lists(st.dictionaries(_TEXT, _JSON, max_size=3), min_size=1, max_size=5)


def encoded(messages: list[Any], *, ascii: bool, between: str) -> bytes:
    return "".join(json.dumps(message, ensure_ascii=ascii) + between for message in messages).encode()


@given(_MESSAGES, st.booleans(), st.sampled_from(["", "\n", " \t"]), st.lists(st.integers(1, 40), min_size=1))
def test_messages_come_out_as_they_went_in_however_the_bytes_arrive(
    messages: list[Any], ascii: bool, between: str, sizes: list[int]
) -> None:
    data = encoded(messages, ascii=ascii, between=between)
    framer = wire.Framer()
    found = []
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        found += framer.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert [json.loads(message) for message in found] == messages
    assert framer.buffered == 0


@given(_MESSAGES, st.booleans(), st.integers(0, 20), st.integers(0, 20))
def test_what_is_read_as_whole_messages_is_all_that_arrived(
    messages: list[Any], ascii: bool, lost: int, left: int
) -> None:
    data = encoded(messages, ascii=ascii, between="")
    for part in (data, data[lost:], data[: len(data) - left]):
        found = wire.whole(part) or []
        assert all(isinstance(json.loads(message), dict) for _, message in found)
        assert b"".join(message for _, message in found) == (part if found else b"")


def test_a_few_whole_messages_are_read_without_counting_braces() -> None:
    found = wire.whole(b'{"id":1,"result":[{}]}{"id":2,"method":"m","params":["}"]}')
    assert found is not None
    assert [(bytes(head.id), head.method) for head, _ in found] == [(b"1", None), (b"2", "m")]
    assert wire.whole(b'{"id":1,"result":"}{"}') is None
    assert wire.whole(b'{"id":1}{"id":') is None


@pytest.mark.parametrize("data", [b"hello", b"[1]", b"}", b'"{"', b"\x00", b"{}}", b"7"])
def test_what_is_no_object_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        wire.Framer().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"' + b"}{" * 200_000,
        b'{"a":"' + b'\\"' * 200_000,
        b'{"a":' + b"[" * 200_000,
        b'{"a":{"b":[' + b"{}," * 200_000,
    ],
    ids=["ends in a string", "escapes", "nesting", "many objects"],
)
def test_a_message_that_never_ends_costs_no_more_than_its_bytes(data: bytes) -> None:
    framer = wire.Framer()
    began = time.process_time()
    for at in range(0, len(data), 1000):
        assert framer.feed(data[at : at + 1000]) == []
    # Quadratic, it would be minutes.
    assert time.process_time() - began < 5
    assert framer.buffered == len(data)


def test_objects_that_are_nested_too_deep_are_refused() -> None:
    with pytest.raises(ValueError, match="within each other"):
        wire.Framer().feed(b'{"a":' * 200_000)


@pytest.mark.parametrize(
    "data", [b'{"a":{"b":1}{"c":1}', b'{"a":[{"b":1} {"c":1}]', b'{"a":[{"id":1,"b":"}{"}{"id":2}']
)
def test_an_object_right_behind_another_within_a_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="missing"):
        wire.Framer().feed(data)


@pytest.mark.parametrize("lost", [b'{"id":null,"method":"upd', b'{"id":null,"params":["a\\', b'{"id":nu', b'{"a"":1}'])
def test_a_message_of_which_bytes_were_lost_is_seen_not_to_be_one(lost: bytes) -> None:
    framer = wire.Framer()
    framer.feed(lost)
    framer.check()
    framer.feed(b'{"id":"echo","result":[],"error":null}' + b" " * 100)
    with pytest.raises(ValueError, match="not ended"):
        framer.check()


def test_a_message_that_has_not_ended_may_be_one_wherever_it_is_cut() -> None:
    message = '{"id":null,"method":"aж\\u0416\\\\","params":[{"a":-1.5e3,"b":true},["x}{",{}],null]}'.encode()
    for end in range(len(message)):
        framer = wire.Framer()
        assert framer.feed(message[:end]) == []
        framer.check()


@pytest.mark.parametrize("filling", [b"{},", b"[],", b"0,", b"[[[]]],", b'"a",'])
def test_long_json_of_hardly_anything_is_refused(filling: bytes) -> None:
    assert len(wire.value(b"[" + filling * 1000 + b"0]")) > 1000
    with pytest.raises(ValueError, match="hardly anything"):
        wire.value(b"[" + filling * 1_000_000 + b"0]")


def test_long_json_of_rows_is_read() -> None:
    row = {"_uuid": ["uuid", "00000000-0000-4000-8000-000000000000"], "tag": ["set", [1, 2, 3]], "up": True, "name": ""}
    assert len(wire.value(wire.encode([{"rows": [row] * 20_000}]))[0]["rows"]) == 20_000


def test_invalid_utf_8_is_found_wherever_it_stands() -> None:
    wire.check_text('{"a":"é☃"}'.encode() * 300_000)
    for bad in (b"\xff", b"\xc3", b"\xed\xa0\x80"):
        with pytest.raises(UnicodeDecodeError):
            wire.check_text(b'{"a":"' + bad + b'"}')
    with pytest.raises(UnicodeDecodeError):
        wire.check_text(b'{"a":"\xc3')


@pytest.mark.parametrize(
    "bad",
    [b'{"method":1}', b"{", b'{"id":NaN}', b'{"params":' + b"[" * 100_000 + b"]}", b"[]", b'{"id":1} x {"id":2}'],
)
def test_a_head_that_is_none_is_a_value_error(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.head(bad)


def test_rows_are_not_decoded_with_the_update_that_brings_them() -> None:
    uuid = "00000000-0000-0000-0000-000000000001"
    (update,) = wire.updates(b'{"T":{"%b":{"initial":{"name": "a"}}}}' % uuid.encode())["T"].values()
    assert bytes(update.initial) == b'{"name": "a"}'
    for bad in (b'{"T":{"x":{}}}', b'{"T":[]}', b"[]", b'{"T":{"%b":7}}' % uuid.encode()):
        with pytest.raises(ValueError, match=r"."):
            wire.updates(bad)
