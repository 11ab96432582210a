"""What became of a write whose reply is lost is told by what it edited, whatever happens beside it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Put, Remove
from tests.ovsdb.proxy import Cut, Proxy
from tests.ovsdb.test_lost_replies import unknown_outcome

EDITS: dict[str, Any] = {"put": Put({"a": "9", "c": "3"}), "remove": Remove("a")}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("cut", "applied"), [("before", False), ("after", True)])
def test_neighbours_that_others_have_changed_since_do_not_matter(
    nb: Northbound,
    nb_behind: Northbound,
    nb_proxy: Proxy,
    switch: LogicalSwitch,
    edit: str,
    cut: Cut,
    applied: bool,
) -> None:
    tx = nb_behind.transaction(timeout=0.3)
    tx.update(nb_behind.wait(LogicalSwitch, name="web", timeout=5), external_ids=EDITS[edit])
    unknown = unknown_outcome(nb_proxy, cut, tx)
    with nb.transaction() as other:
        other.update(nb[switch.ref], external_ids=Put({"neighbour": "theirs", "b": "5"}))
    assert unknown.resolve(10) is applied


@pytest.mark.parametrize("ready", [True, False])
def test_what_the_server_still_has_in_hand_is_not_applied_after_it_was_said_not_to_be(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, ready: bool
) -> None:
    """Also where the session on which it is sent began after it was submitted."""
    nb_proxy.keeping = True
    if not ready:
        nb_proxy.cuts = ["before"]
        nb_proxy.refusing = True
        cut = nb_behind.transaction(timeout=0.1)
        cut.insert(LogicalSwitch(name="cut"))
        cut.submit()
        while nb_behind.state == "ready":
            time.sleep(0.005)
    tx = nb_behind.transaction(timeout=2)
    tx.insert(LogicalSwitch(name="kept"))
    outcome = tx.submit()
    nb_proxy.refusing = False
    unknown = outcome.exception(10)
    assert isinstance(unknown, OutcomeUnknown)
    sessions = nb_proxy.connections
    assert unknown.resolve(10) is False
    assert nb_proxy.connections == sessions + 1
    nb_proxy.keeping = False
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="barrier")))
    nb.wait(LogicalSwitch, name="barrier", timeout=5)
    assert nb.find(LogicalSwitch, name="kept") == []


def test_an_edited_key_that_another_has_changed_since_stays_unknown(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, switch: LogicalSwitch
) -> None:
    tx = nb_behind.transaction(timeout=0.3)
    tx.update(nb_behind.wait(LogicalSwitch, name="web", timeout=5), external_ids=Put({"a": "9"}))
    unknown = unknown_outcome(nb_proxy, "before", tx)
    with nb.transaction() as other:
        other.update(switch, external_ids=Put({"a": "7"}))
    with pytest.raises(OutcomeUnknown, match="another writer"):
        unknown.resolve(5)
