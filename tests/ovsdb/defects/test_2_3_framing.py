"""What the jsonrpc of ovs gets wrong: characters that are split, certificates of the process, newer words."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound, Southbound
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import SBGlobal
from tests.cluster import call
from tests.ovsdb.authority import LOOPBACK, Authority, TlsServer
from tests.ovsdb.conftest import StartServer
from tests.ovsdb.kinds import KINDS, Kinds, KindsClient, kinds
from tests.ovsdb.proxy import Proxy

NAMES = ["Zürich", "東京", "😀😀", "Ελλάδα", "a}{b"]


@pytest.mark.parametrize("name", NAMES)
def test_defect_2_3_a_character_may_be_split_between_two_reads(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, name: str
) -> None:
    """One message for each offset into it, in two pieces, so that every character is split everywhere."""
    row = nb.transact(lambda tx: tx.insert(LogicalSwitch(name=name)))
    nb_behind.wait(LogicalSwitch, name=name, timeout=5)
    connections = nb_proxy.connections
    longest = 0

    def measure(message: dict[str, object]) -> None:
        nonlocal longest
        longest = max(longest, len(json.dumps(message).encode()))

    nb_proxy.tamper = measure
    nb.transact(lambda tx: tx.update(tx[row], external_ids={name: "measure"}))
    nb_behind.wait(LogicalSwitch, external_ids={name: "measure"}, timeout=5)
    nb_proxy.tamper = None
    assert longest
    for offset in range(1, longest):
        nb_proxy.split_at = offset
        nb.transact(lambda tx, offset=offset: tx.update(tx[row], external_ids={name: str(offset)}))  # type: ignore[misc]
        nb_behind.wait(LogicalSwitch, external_ids={name: str(offset)}, timeout=5)
    assert nb_proxy.connections == connections
    assert nb_behind.get(LogicalSwitch) == nb.get(LogicalSwitch)


def test_defect_2_3_half_a_character_that_comes_late_does_not_end_the_connection(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy
) -> None:
    connections = nb_proxy.connections
    nb_proxy.chop = 1
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="東京" * 20)))
    assert nb_behind.wait(LogicalSwitch, name="東京" * 20, timeout=10).name == "東京" * 20
    assert nb_proxy.connections == connections


# -- certificates -----------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def tls_server(start_server: StartServer, tmp_path: Path, authority: Authority) -> Iterator[TlsServer]:
    with TlsServer(tmp_path, authority, *LOOPBACK) as running:
        yield running


def test_defect_2_3_each_client_has_its_own_certificate(
    tls_server: TlsServer, authority: Authority, tmp_path: Path
) -> None:
    """Two authorities that do not know each other: with one certificate for the process one of them would refuse."""
    second = Authority(tmp_path / "second", "second-ca")
    with (
        TlsServer(tmp_path, second, *LOOPBACK, schema="ovn-sb.ovsschema") as sb_server,
        Northbound.connect(tls_server.tls_remote, tls=authority.tls("nb"), timeout=10) as nb,
        Southbound.connect(sb_server.tls_remote, tls=second.tls("sb"), timeout=10) as sb,
    ):
        servers: list[Server] = [tls_server, sb_server]
        for running in servers:
            running.kill()
            running.start()
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
        sb.transact(lambda tx: tx.insert(SBGlobal()))
        assert (nb.state, sb.state) == ("ready", "ready")


def test_defect_2_3_a_message_that_tls_has_already_read_is_not_waited_for(
    tls_server: TlsServer, authority: Authority
) -> None:
    """What is decrypted but not yet taken wakes no poll(); a client that forgets it waits for the next message."""
    with (
        Northbound.connect(tls_server.remote, timeout=10) as writer,
        Northbound.connect(tls_server.tls_remote, tls=authority.tls("nb"), timeout=10) as nb,
    ):
        for size in (1, 1_000, 16_383, 16_384, 16_385, 65_536, 300_000):
            writer.transact(lambda tx, size=size: tx.insert(LogicalSwitch(name=f"{size}:" + "é" * size)))  # type: ignore[misc]
            began = time.monotonic()
            nb.wait(LogicalSwitch, name=f"{size}:" + "é" * size, timeout=3)
            assert time.monotonic() - began < 2
        with writer.transaction() as tx:
            for number in range(500):
                tx.insert(LogicalSwitch(name=f"s{number}" * 100))
        nb.wait(LogicalSwitch, name="s499" * 100, timeout=3)
        assert len(nb.find(LogicalSwitch)) == 507


# -- words that are newer than the models -----------------------------------------------------------------------------


def test_defect_2_3_a_word_that_is_newer_than_the_models_reads_as_text(
    start_server: StartServer, tmp_path: Path
) -> None:
    newer = json.loads(json.dumps(KINDS))
    columns = newer["tables"]["Kinds"]["columns"]
    for name in ("word", "words"):
        columns[name]["type"]["key"]["enum"][1].append("grey")
    path = tmp_path / "newer.ovsschema"
    path.write_text(json.dumps(newer))
    server = start_server(str(path))
    with KindsClient.connect(server.remote, timeout=10) as client:
        with client.transaction() as tx:
            old = tx.insert(kinds(string="old"))
        operations = [{"op": "insert", "table": "Kinds", "row": {
            "string": "new", "word": "grey", "words": ["set", ["grey", "white"]], "ranged": 1, "some_integers": 0,
        }}]  # fmt: skip
        (result,) = call(server.socket, "transact", ["Kinds", *operations])
        assert "error" not in result
        row = client.wait(Kinds, string="new", timeout=5)
        assert (row.word, row.words) == ("grey", frozenset({"grey", "white"}))
        assert type(row.word) is str
        assert client[old].word == "black"
        assert "grey" in repr(row)
        # And it is no hindrance to writing the columns beside it.
        with client.transaction() as tx:
            tx.update(row, string="renamed")
        assert client[row.ref].word == "grey"
