"""What a member says, read: plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ovnkit.deploy.central.status import read_status
from ovnkit.errors import NotFound, ProtocolError

_NONE: list[Any] = ["set", []]


def said(*rows: dict[str, Any], cluster: str = "") -> str:
    return "\0".join([json.dumps([{"rows": rows}]) + "\n", "20.27.0\n", cluster])


def test_a_standalone_database_is_what_its_server_says() -> None:
    row = {"model": "standalone", "connected": True, "leader": True, "cid": _NONE, "sid": _NONE}
    status = read_status("s1", "OVN_Southbound", said(row))
    assert (status.model, status.schema_version, status.leader, bool(status)) == ("standalone", "20.27.0", True, True)


def test_in_the_first_moment_of_a_server_its_database_is_not_there_yet_and_is_not_led() -> None:
    status = read_status("s1", "OVN_Southbound", said(cluster="f14\nName: OVN_Southbound\n"))
    assert isinstance(status.problem, NotFound)
    assert (bool(status), status.leader) == (False, False)


@pytest.mark.parametrize("garbage", ["", "[]\0\0", "{}\0a\0b", '[{"rows":[{}]}]\0a\0b', "no json\0a\0b"])
def test_what_cannot_be_read_is_said_to_be(garbage: str) -> None:
    status = read_status("s1", "OVN_Southbound", garbage)
    assert isinstance(status.problem, ProtocolError)
    assert not status
