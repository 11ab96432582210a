"""S11: values that make a server close the session, or that it would take for something else, never reach it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import LogicalSwitch, NBGlobal, QoS
from ovnkit.ovsdb import Put
from tests.ovsdb.kinds import Kinds, KindsClient, kinds
from tests.ovsdb.proxy import Proxy

POISON: dict[str, str] = {"NUL": "a\0b", "high surrogate": "\ud800", "low surrogate": "x\udc80"}
LEGAL: dict[str, str] = {
    "a million characters": "x" * 1_000_000,
    "a million of two bytes": "é" * 1_000_000,
    "ESC": "\x1b[31mred\x1b[0m",
    "right to left": "\u202egnp.exe",
    "line feeds": "a\nb\r\nc",
    "DEL": "\x7f",
    "quotes": "\"'\\",
    "the last character": "\U0010ffff",
    "not a character": "\ufffe\uffff",
    "blank": " ",
}


class Neighbour(threading.Thread):
    """Writes through the same client all the while."""

    def __init__(self, nb: Northbound) -> None:
        super().__init__()
        self.nb = nb
        self.ended = False
        self.writes = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.ended:
                self.nb.transact(lambda tx: tx.insert(LogicalSwitch(name="neighbour")), timeout=5)
                self.writes += 1
        except BaseException as exc:
            self.failure = exc
            raise


@pytest.mark.parametrize("poison", POISON)
def test_s11_poison_is_refused_before_it_is_sent_and_neighbours_do_not_notice(
    nb_behind: Northbound, nb_proxy: Proxy, poison: str
) -> None:
    bad = POISON[poison]
    ref = nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    connections = nb_proxy.connections
    neighbour = Neighbour(nb_behind)
    neighbour.start()
    uses: list[dict[str, Any]] = [
        {"name": bad},
        {"external_ids": {bad: "v"}},
        {"external_ids": {"k": bad}},
        {"external_ids": Put({"k": bad})},
    ]
    for columns in uses:
        with pytest.raises(ValueError, match="is not allowed") as caught, nb_behind.transaction() as tx:
            tx.update(tx[ref], **columns)
        assert isinstance(caught.value, InvalidValue)
        # The message can be printed and sent on.
        str(caught.value).encode()
        with pytest.raises(InvalidValue):
            LogicalSwitch(name=bad)
    seen = neighbour.writes
    while neighbour.writes < seen + 20 and neighbour.is_alive():
        threading.Event().wait(0.005)
    neighbour.ended = True
    neighbour.join()
    assert neighbour.failure is None
    assert nb_proxy.connections == connections
    assert nb_behind[ref].name == "web"


@pytest.mark.parametrize(
    "bad",
    [2**63, -(2**63) - 1, True, 1.5, "7", float("nan")],
    ids=["2^63", "-2^63-1", "a boolean", "a real", "a text", "NaN"],
)
def test_s11_an_integer_is_one_of_64_bits(nb_behind: Northbound, nb_proxy: Proxy, bad: Any) -> None:
    loose: Any = nb_behind
    before = len(nb_proxy.transacts)
    with pytest.raises(InvalidValue), loose.transaction() as tx:
        tx.insert(NBGlobal(nb_cfg=bad))
    with pytest.raises(InvalidValue):
        QoS(priority=bad, direction="from-lport", match="1")
    assert len(nb_proxy.transacts) == before
    assert nb_behind.state == "ready"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), True, "1.0"])
def test_s11_a_real_is_a_finite_number(kinds_client: KindsClient, bad: Any) -> None:
    with pytest.raises(InvalidValue, match=r"Kinds\.real\b"):
        kinds(real=bad)
    kinds_client.transact(lambda tx: tx.insert(kinds(string="goes on")))
    assert kinds_client.get(Kinds).real == 0.0


@pytest.mark.parametrize("legal", LEGAL)
def test_s11_what_is_only_strange_comes_back_as_it_was(nb: Northbound, other_nb: Northbound, legal: str) -> None:
    text = LEGAL[legal]
    ref = nb.transact(lambda tx: tx.insert(LogicalSwitch(name=text, external_ids={"k": text})))
    mine, theirs = nb[ref], other_nb.wait(LogicalSwitch, timeout=10)
    # Not compared in the assertion itself: pytest would explain the difference of two such texts for minutes.
    same = [value == text for row in (mine, theirs) for value in (row.name, row.external_ids["k"])]
    assert all(same)
    assert len(other_nb.find(LogicalSwitch, name=text)) == 1


def test_s11_the_largest_integers_come_back_as_they_were(kinds_client: KindsClient) -> None:
    for number in (2**63 - 1, -(2**63), 2**53 + 1, 0):
        ref = kinds_client.transact(lambda tx, number=number: tx.insert(kinds(integer=number)))  # type: ignore[misc]
        assert kinds_client[ref].integer == number
