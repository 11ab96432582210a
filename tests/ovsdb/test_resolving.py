"""What became of a write whose reply is lost is told by what it edited, whatever happens beside it."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Put, Remove
from tests.ovsdb.proxy import Proxy

EDITS: dict[str, Any] = {"put": Put({"a": "9", "c": "3"}), "remove": Remove("a")}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("cut", "applied"), [("before", False), ("after", True)])
def test_neighbours_that_others_have_changed_since_do_not_matter(
    nb: Northbound,
    nb_behind: Northbound,
    nb_proxy: Proxy,
    switch: LogicalSwitch,
    edit: str,
    cut: Literal["before", "after"],
    applied: bool,
) -> None:
    tx = nb_behind.transaction()
    tx.update(nb_behind.wait(LogicalSwitch, name="web", timeout=5), external_ids=EDITS[edit])
    nb_proxy.cuts = [cut]
    unknown = tx.submit().exception(10)
    assert isinstance(unknown, OutcomeUnknown)
    with nb.transaction() as other:
        other.update(nb[switch.ref], external_ids=Put({"neighbour": "theirs", "b": "5"}))
    assert unknown.resolve(10) is applied


def test_an_edited_key_that_another_has_changed_since_stays_unknown(
    nb: Northbound, nb_behind: Northbound, nb_proxy: Proxy, switch: LogicalSwitch
) -> None:
    tx = nb_behind.transaction()
    tx.update(nb_behind.wait(LogicalSwitch, name="web", timeout=5), external_ids=Put({"a": "9"}))
    nb_proxy.cuts = ["before"]
    unknown = tx.submit().exception(10)
    assert isinstance(unknown, OutcomeUnknown)
    with nb.transaction() as other:
        other.update(switch, external_ids=Put({"a": "7"}))
    with pytest.raises(OutcomeUnknown, match="another writer"):
        unknown.resolve(5)
