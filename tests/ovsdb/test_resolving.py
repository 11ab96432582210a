"""What became of a write whose reply is lost is told by what it edited, whatever happens beside it."""

from __future__ import annotations

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
