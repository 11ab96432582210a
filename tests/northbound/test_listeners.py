"""Listeners of Northbound come and go one by one, and those that are rarely meant are warned of."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import Connection, NBGlobal
from ovnkit.ovsdb import OpenToAll
from tests.operations import check_operation

TARGET = "pssl:6641"


def test_a_listener_is_added_beside_others_and_removed(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.add_listener("pssl:16641:192.0.2.1")
    check_operation(nb, lambda on, dry: on.add_listener(TARGET, inactivity_probe=60000, dry_run=dry))
    check_operation(nb, lambda on, dry: on.add_listener(TARGET, max_backoff=2000, dry_run=dry))
    row = nb.get(Connection, target=TARGET)
    assert (row.inactivity_probe, row.max_backoff) == (60000, 2000)
    assert len(nb.get(NBGlobal).connections) == 2
    check_operation(nb, lambda on, dry: on.remove_listener(TARGET, dry_run=dry))
    assert [row.target for row in nb.find(Connection)] == ["pssl:16641:192.0.2.1"]


@pytest.mark.parametrize("target", ["ptcp:6641", "ptcp:6641:192.0.2.1", "tcp:192.0.2.1:6641", "pssl:0", "pssl"])
def test_what_is_no_listener_or_plain_is_refused(nb: Northbound, target: str) -> None:
    with pytest.raises(InvalidValue):
        nb.add_listener(target)
    assert not nb.find(Connection)


def test_what_lets_everybody_in_is_warned_of(nb: Northbound) -> None:
    with pytest.warns(OpenToAll, match="any user of this machine"):
        nb.add_listener("ptcp:6641:127.0.0.1")
    with pytest.warns(OpenToAll, match="without probes"):
        nb.add_listener(TARGET, inactivity_probe=0)
