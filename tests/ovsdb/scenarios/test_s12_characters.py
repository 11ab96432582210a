"""S12: names in other scripts, in segments as a network makes them, and split at every byte."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Exactly
from ovnkit.ovsdb.server import Server
from tests.ovsdb.kinds import Kinds, KindsClient, kinds
from tests.ovsdb.proxy import Proxy

SCRIPTS = {"ASCII": "switch", "Cyrillic": "переключатель", "Chinese": "交换机", "beyond the first plane": "😀𝔘𐍈"}
ROWS = 1_000
SEGMENT = 1_448


@pytest.mark.parametrize("script", SCRIPTS)
def test_s12_a_first_synchronisation_in_segments_gives_the_same_replica(
    nb: Northbound, nb_proxy: Proxy, script: str
) -> None:
    word = SCRIPTS[script]
    with nb.transaction() as tx:
        for number in range(ROWS):
            tx.insert(LogicalSwitch(name=f"{word} {number}", external_ids={word: word * 4}))
    nb_proxy.chop = SEGMENT
    began = time.monotonic()
    with Northbound.connect(nb_proxy.remote, timeout=20) as behind:
        assert time.monotonic() - began < 10
        assert {row.name for row in behind.find(LogicalSwitch)} == {f"{word} {number}" for number in range(ROWS)}
        assert set(behind.find(LogicalSwitch)) == set(nb.find(LogicalSwitch))
        connections = nb_proxy.connections
        with nb.transaction() as tx:
            for row in tx.find(LogicalSwitch):
                tx.update(row, external_ids={word: "changed"})
        last = f"{word} last"
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name=last)))
        behind.wait(LogicalSwitch, name=last, timeout=10)
        assert len(behind.find(LogicalSwitch, external_ids=Exactly({word: "changed"}))) == ROWS
        assert set(behind.find(LogicalSwitch)) == set(nb.find(LogicalSwitch))
        # One connection all the time: nothing was dropped and begun again.
        assert nb_proxy.connections == connections


@pytest.mark.parametrize("script", SCRIPTS)
def test_s12_an_update_that_is_split_at_any_byte_gives_the_same_replica(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, script: str
) -> None:
    word = SCRIPTS[script]
    ref = nb.transact(lambda tx: tx.insert(LogicalSwitch(name=word)))
    nb_behind.wait(LogicalSwitch, name=word, timeout=5)
    connections = nb_proxy.connections
    # The message is longer than what it says by about 150 bytes; an offset beyond its end splits nothing.
    for offset in range(1, 200 + 2 * len(word.encode())):
        nb_proxy.split_at = offset
        text = f"{word}{offset}"
        nb.transact(lambda tx, text=text: tx.update(tx[ref], name=text, external_ids={word: text}))  # type: ignore[misc]
        assert nb_behind.wait(LogicalSwitch, name=text, timeout=5) == nb[ref]
    assert nb_proxy.connections == connections


def test_s12_a_first_synchronisation_that_is_split_at_any_byte_gives_the_same_replica(
    kinds_client: KindsClient, kinds_server: Server, tmp_path: Path
) -> None:
    """All that the server says, byte by byte."""
    names = {f"{word}{number}" for number, word in enumerate(SCRIPTS.values())}
    kinds_client.transact(lambda tx: [tx.insert(kinds(string=name, texts={name: name})) for name in names])
    with Proxy(tmp_path / "p.sock", kinds_server.socket) as proxy:
        proxy.chop = 1
        with KindsClient.connect(proxy.remote, timeout=60) as behind:
            assert set(behind.find(Kinds)) == set(kinds_client.find(Kinds))
            assert {row.string for row in behind.find(Kinds)} == names


def test_s12_what_is_written_in_another_script_arrives_as_it_was(
    nb_server: Server, nb: Northbound, tmp_path: Path
) -> None:
    """The other way: requests that the server gets in pieces are its own affair, but their bytes are ours."""
    for word in SCRIPTS.values():
        nb.transact(lambda tx, word=word: tx.insert(LogicalSwitch(name=word * 3_000)))  # type: ignore[misc]
    nb.close()
    nb_server.stop()
    nb_server.start()
    with Northbound.connect(nb_server.remote, timeout=10) as fresh:
        assert {row.name for row in fresh.find(LogicalSwitch)} == {word * 3_000 for word in SCRIPTS.values()}
