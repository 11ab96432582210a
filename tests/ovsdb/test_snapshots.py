"""Snapshots of rows from the middle of a transaction, and what a server makes of narrow monitors."""

from __future__ import annotations

import pytest

from ovnkit import Northbound
from ovnkit.errors import Conflict, InvalidValue
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Server


def test_a_snapshot_from_the_middle_of_a_transaction_goes_by_what_was_read(
    nb: Northbound, switch: LogicalSwitch
) -> None:
    with nb.transaction() as tx:
        tx.update(switch, name="first", external_ids=Put({"a": "2"}))
        middle = tx[switch.ref]
        tx.update(middle, name="second", external_ids=Put({"a": "3"}))
        tx.update(middle, name="third", external_ids=Put({"a": "4"}))
        tx.check(middle)
    row = nb[switch.ref]
    assert (row.name, row.external_ids["a"]) == ("third", "4")


def test_it_is_a_conflict_where_another_writer_changed_what_was_read(
    nb: Northbound, other_nb: Northbound, switch: LogicalSwitch
) -> None:
    tx = nb.transaction()
    tx.update(switch, external_ids=Put({"c": "3"}))
    middle = tx[switch.ref]
    tx.update(middle, external_ids=Put({"d": "4"}))
    tx.check(middle)
    with other_nb.transaction() as other:
        other.update(other_nb.wait(LogicalSwitch, name="web", timeout=5), name="db")
    with pytest.raises(Conflict, match="name"):
        tx.commit()


@pytest.mark.parametrize("where", [{"name": "p", "type": "router"}, {}])
def test_a_monitor_by_several_columns_is_refused_because_a_server_takes_any_of_them(
    nb_server: Server, where: dict[str, str]
) -> None:
    with pytest.raises(InvalidValue, match="one column"):
        Northbound.connect(nb_server.remote, timeout=5, monitor={LogicalSwitchPort: where})


def test_what_a_transaction_reads_in_several_steps_is_of_one_moment(nb: Northbound, other_nb: Northbound) -> None:
    with other_nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
    nb.wait(LogicalSwitch, name="web", timeout=5)
    with nb.transaction() as tx:
        switch = tx.get(LogicalSwitch, name="web")
        other_nb.add_switch_port("web", "vm1")
        nb.wait(LogicalSwitchPort, name="vm1", timeout=5)
        assert tx.find(LogicalSwitchPort) == []
        assert tx.get(LogicalSwitch, name="web") == switch
    with nb.transaction() as tx:
        assert tx.get(LogicalSwitch, name="web").ports == {tx.get(LogicalSwitchPort, name="vm1").ref}
