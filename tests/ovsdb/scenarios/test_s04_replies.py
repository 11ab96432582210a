"""S4: replies that are cut or late, requests that are cut half-way; what is said of each write is right."""

from __future__ import annotations

import random
import time

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from tests.cluster import select
from tests.ovsdb.proxy import Cut, Proxy
from tests.ovsdb.test_lost_replies import WRITES, Write, content, expected, fill, unknown_outcome


def in_database(server: Server) -> list[str]:
    """The names of all switches, asked without ovnkit; one that is there twice is here twice."""
    return sorted(row["name"] for row in select(server.socket, "OVN_Northbound", "Logical_Switch", ["name"]))


@pytest.mark.parametrize("cut", ["half", "after"])
@pytest.mark.parametrize("write", WRITES)
def test_s4_a_write_whose_request_or_reply_is_cut_is_applied_once(
    nb_behind: Northbound, nb_proxy: Proxy, other_nb: Northbound, write: Write, cut: Cut
) -> None:
    row = fill(nb_behind)
    nb_proxy.cuts = [cut, cut]
    with nb_behind.transaction() as tx:
        write(tx, row)
    assert nb_proxy.cuts == [] if cut == "half" else [cut]
    assert content(nb_behind) == expected(write)
    other_nb.transact(lambda tx: tx.insert(LogicalSwitch(name="barrier")))
    other_nb.transact(lambda tx: tx.delete(tx.get(LogicalSwitch, name="barrier")))
    assert content(other_nb) == expected(write)


@pytest.mark.parametrize("write", WRITES)
def test_s4_a_request_that_is_cut_half_way_is_found_to_be_not_applied(
    nb_behind: Northbound, nb_proxy: Proxy, write: Write
) -> None:
    row = fill(nb_behind)
    before = content(nb_behind)
    tx = nb_behind.transaction(timeout=0.3)
    write(tx, row)
    unknown = unknown_outcome(nb_proxy, "half", tx)
    assert unknown.resolve(10) is False
    assert content(nb_behind) == before


@pytest.mark.parametrize("write", WRITES)
def test_s4_a_reply_that_comes_after_the_deadline_leaves_the_outcome_unknown_until_it_is_looked_up(
    nb_behind: Northbound, nb_proxy: Proxy, write: Write
) -> None:
    row = fill(nb_behind)
    nb_proxy.holding = True
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught, nb_behind.transaction(timeout=0.3) as tx:
        write(tx, row)
    assert 0.3 <= time.monotonic() - began < 1
    with pytest.raises(OutcomeUnknown):
        caught.value.resolve(0.2)
    nb_proxy.holding = False
    assert caught.value.resolve(10) is True
    assert content(nb_behind) == expected(write)
    # The reply, late as it was, has harmed nothing.
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="next")))


@pytest.mark.parametrize("seed", [1, 2])
def test_s4_what_is_said_of_each_write_is_right_whatever_becomes_of_its_messages(
    nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server, seed: int
) -> None:
    chance = random.Random(seed)
    applied: list[str] = []
    unknown: list[str] = []
    faults: list[Cut | None] = [None, "before", "half", "after"]
    for number in range(25):
        fault = chance.choice(faults)
        nb_proxy.cuts = [] if fault is None else [fault]
        nb_proxy.holding = hold = fault is None and chance.random() < 0.3
        nb_proxy.refusing = refuse = fault is not None and chance.random() < 0.5
        name = f"s{number}"
        tx = nb_behind.transaction(timeout=0.05 if hold else 0.3 if refuse else 5)
        tx.insert(LogicalSwitch(name=name))
        try:
            if chance.random() < 0.5:
                tx.commit()
            else:
                tx.submit().result(10)
            applied.append(name)
        except Timeout:
            pass
        except OutcomeUnknown as exc:
            nb_proxy.holding = nb_proxy.refusing = False
            unknown.append(name)
            if exc.resolve(10):
                applied.append(name)
    assert 0 < len(set(unknown) & set(applied)) < len(unknown)
    assert 0 < len(applied) < 25
    assert in_database(nb_server) == sorted(applied)
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="last")))
    assert sorted(row.name for row in nb_behind.find(LogicalSwitch)) == sorted([*applied, "last"])


@pytest.mark.long
def test_s4_ten_thousand_cut_replies_lose_and_double_nothing(nb_proxy: Proxy, nb_server: Server) -> None:
    with Northbound.connect(nb_proxy.remote, timeout=60) as nb:
        for number in range(10_000):
            nb_proxy.cuts = ["after"]
            nb.transact(lambda tx, number=number: tx.insert(LogicalSwitch(name=f"s{number}")))  # type: ignore[misc]
    assert in_database(nb_server) == sorted(f"s{number}" for number in range(10_000))
