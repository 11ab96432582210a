"""The proxy finds messages wherever their bytes are split, and passes on what it does not cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server, find_schema
from tests.chaos.proxy import CuttingProxy, Framer

MESSAGES = [
    {"id": 1, "method": "transact", "params": ["db", {"op": "comment", "comment": '}{ "quoted" \\ {'}]},
    {"id": "x", "result": [], "error": None},
    {"id": None, "method": "update3", "params": [{"name": "поле 名字", "empty": {}}]},
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_are_found_in_pieces_of_any_size(size: int) -> None:
    data = b"".join(json.dumps(message, ensure_ascii=False).encode() for message in MESSAGES)
    framer = Framer()
    found = [message for start in range(0, len(data), size) for message in framer.feed(data[start : start + size])]
    assert [json.loads(message) for message in found] == MESSAGES


def test_replies_are_cut_as_often_as_it_was_told(tmp_path: Path) -> None:
    with Server(tmp_path / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="nb") as server:
        listeners = {tmp_path / "proxy": server.socket}
        with (
            CuttingProxy(listeners, seed="1") as proxy,
            Northbound.connect(proxy.remote, timeout=20) as nb,
            Northbound.connect(server.remote, timeout=20) as other,
        ):
            nb.transact(lambda tx: tx.insert(LogicalSwitch(name="s")))
            assert proxy.replies_cut == proxy.requests_cut == 0
            proxy.budget = 3
            written = 1
            while proxy.budget:
                nb.transact(lambda tx: tx.insert(LogicalSwitch(name="s")))
                written += 1
            assert proxy.replies_cut == 3
            nb.transact(lambda tx: tx.insert(LogicalSwitch(name="last")))
            other.wait(LogicalSwitch, name="last", timeout=10)
            assert len(other.find(LogicalSwitch, name="s")) == written
