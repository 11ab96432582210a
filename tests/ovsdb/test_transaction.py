"""Transactions: their own writes, what they send, deletions, and typed errors."""

# ruff: noqa: PT012 (leaving the transaction is what raises)

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import (
    ConstraintViolation,
    InvalidValue,
    NotFound,
    NotStored,
    ReferentialViolation,
    TransactionFailed,
    Unreferenced,
)
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Add, Changes, Put, Ref, Remove
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import Chassis, DatapathBinding, PortBinding, SBGlobal
from ovnkit.vswitch import Bridge, OpenVSwitch, QoS, Queue
from tests.ovsdb.kinds import Child, Kinds, KindsClient, kinds
from tests.ovsdb.proxy import Proxy


def names(nb: Northbound) -> set[str]:
    return {row.name for row in nb.find(LogicalSwitch)}


# -- reading one's own writes --------------------------------------------------------------------------------------


def test_a_transaction_sees_its_own_writes_and_others_do_not(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        new = tx.insert(LogicalSwitch(name="db"))
        assert tx[new].name == "db"
        assert tx.get(LogicalSwitch, name="db").ref == new
        tx.update(tx[new], name="sql")
        assert [row.name for row in tx.find(LogicalSwitch, name="sql")] == ["sql"]
        tx.update(switch, external_ids=Put({"c": "3"}))
        assert tx[switch.ref].external_ids == {"a": "1", "b": "2", "c": "3"}
        port = tx.get(LogicalSwitchPort, name="p")
        tx.delete(port)
        assert tx.find(LogicalSwitchPort, name="p") == []
        assert port.ref not in tx[switch.ref].ports
        with pytest.raises(NotFound):
            tx[port.ref]
        with pytest.raises(NotFound):
            tx.delete(port)
        with pytest.raises(NotFound):
            tx.update(port, name="x")
        assert names(nb) == {"web"}
    assert names(nb) == {"web", "sql"}


def test_an_exception_discards_everything(nb: Northbound) -> None:
    with pytest.raises(ZeroDivisionError), nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        raise ZeroDivisionError
    assert names(nb) == set()
    with pytest.raises(TransactionFailed, match="open a new one"):
        tx.insert(LogicalSwitch(name="web"))


def test_a_transaction_commits_once(nb: Northbound) -> None:
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        tx.commit()
        for use in (tx.commit, tx.submit):
            with pytest.raises(TransactionFailed):
                use()
    assert names(nb) == {"web"}


def test_uuids_are_chosen_before_the_commit(nb: Northbound) -> None:
    with nb.transaction() as tx:
        new = tx.insert(LogicalSwitch(name="web"))
        (operation,) = tx.operations()
    assert operation["uuid"] == str(new.uuid)
    assert nb.get(LogicalSwitch, name="web").uuid == new.uuid
    assert new.uuid.version == 4


def test_rows_inserted_together_may_refer_to_each_other_in_any_order(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        one = tx.insert(kinds(string="one"))
        other = tx.insert(kinds(string="other", friend=one))
        tx.update(tx[one], friend=other)
    assert kinds_client[one].friend == other
    assert kinds_client[other].friend == one


def test_a_stored_row_cannot_be_inserted_and_a_new_one_cannot_be_updated(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        with pytest.raises(InvalidValue, match="stored"):
            tx.insert(switch)
        new = LogicalSwitch(name="db")
        with pytest.raises(InvalidValue, match="insert"):
            tx.update(new, name="x")
        with pytest.raises(NotStored):
            tx.delete(new)
        with pytest.raises(NotStored):
            tx.check(new)
        assert tx.operations() == []


# -- what is sent --------------------------------------------------------------------------------------------------


def test_only_what_changes_is_sent(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction("why") as tx:
        tx.update(switch, name="web", ports=Add(*switch.ports), external_ids=Put({"a": "1"}))
        tx.update(switch, external_ids=Remove("absent"))
        assert tx.operations() == []
        assert not tx.changes()
    with nb.transaction() as tx:
        tx.update(switch, name="www", external_ids=dict(switch.external_ids))
        wait, update = tx.operations()
    assert wait["columns"] == ["name"]
    assert update["row"] == {"name": "www"}


def test_a_change_and_its_contrary_are_no_change(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        tx.update(switch, name="www", external_ids=Put({"c": "3"}))
        tx.update(switch, name="web", external_ids=Remove("c"))
        assert tx.operations() == []
        tx.delete(tx.insert(LogicalSwitch(name="db")))
        assert tx.operations() == []


def test_comment_and_durability_are_sent(nb_behind: Northbound, nb_proxy: Proxy, nb_server: Server) -> None:
    with nb_behind.transaction("ovnkit: why not", durable=True) as tx:
        tx.insert(LogicalSwitch(name="web"))
    (operations,) = nb_proxy.transacts
    assert operations[1:] == [{"op": "comment", "comment": "ovnkit: why not"}, {"op": "commit", "durable": True}]
    assert b"ovnkit: why not" in Path(nb_server.database).read_bytes()


def test_edits_of_members_and_keys_are_sent_as_such(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        row = tx.insert(kinds(strings=["a", "b"], texts={"k": "v", "l": "w"}))
    with kinds_client.transaction() as tx:
        tx.update(tx[row], strings=Add("c"), texts=Put({"k": "x", "m": "y"}))
        tx.update(tx[row], strings=Remove("a"), texts=Remove("l"))
        assert not [operation for operation in tx.operations() if operation["op"] == "update"]
    assert kinds_client[row].strings == {"b", "c"}
    assert kinds_client[row].texts == {"k": "x", "m": "y"}


def test_an_edit_after_a_whole_value_belongs_to_it(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        row = tx.insert(kinds(strings=["a"]))
        tx.update(tx[row], strings=["b"])
        tx.update(tx[row], strings=Add("c"))
    assert kinds_client[row].strings == {"b", "c"}
    with kinds_client.transaction() as tx:
        tx.update(tx[row], strings=Add("d"))
        tx.update(tx[row], strings=["e"])
    assert kinds_client[row].strings == {"e"}


@pytest.mark.parametrize("edit", [Add(1), Remove(1), Put({"a": 1}), Put({1: "a"}), Add("a\0")])
def test_an_edit_of_another_type_is_refused(kinds_client: KindsClient, edit: Any) -> None:
    column = "texts" if isinstance(edit, Put) else "strings"
    with kinds_client.transaction() as tx:
        row = tx.insert(kinds())
        with pytest.raises(InvalidValue):
            tx.update(tx[row], **{column: edit})
        for wrong in ("string", "optional_string"):
            with pytest.raises(InvalidValue):
                tx.update(tx[row], **{wrong: edit})
        with pytest.raises(InvalidValue, match="Add\\(\\) is for sets"):
            tx.update(tx[row], string=Add("a"))
        with pytest.raises(InvalidValue, match="Put\\(\\) is for maps"):
            tx.update(tx[row], strings=Put({"a": "b"}))
        assert len(tx.operations()) == 1


def test_a_fixed_column_can_only_be_set_with_the_row(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        row = tx.insert(kinds(fixed="a"))
        tx.update(tx[row], fixed="b")
    assert kinds_client[row].fixed == "b"
    with kinds_client.transaction() as tx:
        tx.update(kinds_client[row], fixed="b", string="x")
        with pytest.raises(InvalidValue, match="no change after the row is inserted"):
            tx.update(kinds_client[row], fixed="c")
    assert (kinds_client[row].fixed, kinds_client[row].string) == ("b", "x")


# -- deleting ------------------------------------------------------------------------------------------------------


def test_delete_takes_the_row_out_of_the_sets_that_hold_it(nb: Northbound, switch: LogicalSwitch) -> None:
    port = nb.get(LogicalSwitchPort, name="p")
    with nb.transaction() as tx:
        tx.delete(port)
        told = {(change.action, change.table) for change in tx.changes()}
    assert told == {("delete", "Logical_Switch_Port"), ("update", "Logical_Switch")}
    assert {nb[ref].name for ref in nb[switch.ref].ports} == {"q"}


def test_delete_takes_the_row_out_of_optional_columns_and_maps(kinds_client: KindsClient, vs: VSwitch) -> None:
    with kinds_client.transaction() as tx:
        child, other = (tx.insert(Child(name=name)) for name in ("c", "d"))
        row = tx.insert(
            kinds(child=child, children=[child, other], children_by_name={"c": child, "c2": child, "d": other})
        )
    with kinds_client.transaction() as tx:
        tx.delete(child)
    after = kinds_client[row]
    assert after.child is None
    assert after.children == {other}
    assert after.children_by_name == {"d": other}
    with vs.transaction() as tx:
        queue = tx.insert(Queue())
        qos = tx.insert(QoS(type="linux-htb", queues={0: queue}))
    with vs.transaction() as tx:
        tx.delete(queue)
    assert vs[qos].queues == {}


def test_changes_tell_what_the_server_removes_by_itself(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        tx.delete(switch)
        told = sorted((change.action, change.table) for change in tx.changes())
        assert len(tx.operations()) == 2
    assert told == [("delete", "Logical_Switch")] + [("delete", "Logical_Switch_Port")] * 2
    assert nb.find(LogicalSwitchPort) == []


def test_weak_references_are_emptied_by_the_server_and_told_of(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        friend = tx.insert(kinds(string="friend"))
        row = tx.insert(kinds(friend=friend, friends=[friend]))
    with kinds_client.transaction() as tx:
        tx.delete(friend)
        assert {change.column for change in tx.changes()} == {None, "friend", "friends"}
        assert not [operation for operation in tx.operations() if operation["op"] in ("update", "mutate")]
    assert (kinds_client[row].friend, kinds_client[row].friends) == (None, frozenset())


# -- what the schema forbids ---------------------------------------------------------------------------------------


def test_a_new_row_that_nothing_refers_to_is_refused_before_it_is_sent(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    with pytest.raises(Unreferenced, match="'p' of Logical_Switch_Port"), nb_behind.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        tx.insert(LogicalSwitchPort(name="p"))
    assert nb_proxy.transacts == []


def test_a_unique_index_is_a_constraint(nb: Northbound, switch: LogicalSwitch) -> None:
    with pytest.raises(ConstraintViolation, match="name") as caught, nb.transaction() as tx:
        tx.update(switch, ports=Add(tx.insert(LogicalSwitchPort(name="p"))))
    assert caught.value.error == "constraint violation"
    assert nb[switch.ref].ports == switch.ports


def test_a_strong_reference_needs_its_row(nb: Northbound, sb: Southbound, switch: LogicalSwitch) -> None:
    with pytest.raises(ReferentialViolation), nb.transaction() as tx:
        tx.update(switch, ports=Add(Ref(LogicalSwitchPort, uuid4())))
    with sb.transaction() as tx:
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        tx.insert(PortBinding(logical_port="p", datapath=datapath, tunnel_key=1))
    with pytest.raises(ReferentialViolation), sb.transaction() as tx:
        tx.delete(datapath)
    assert sb.find(DatapathBinding)


def test_rows_of_another_database_are_a_type_error(nb: Northbound, switch: LogicalSwitch) -> None:
    foreign = SBGlobal()
    with nb.transaction() as tx:
        loose: Any = tx
        for use in (loose.insert, loose.update, loose.delete, loose.check):
            with pytest.raises((TypeError, NotStored)):
                use(foreign)
        for ask in (loose.find, loose.get, loose.check_none):
            with pytest.raises(TypeError):
                ask(Chassis, name="x")
        with pytest.raises(TypeError):
            loose.delete(Ref(Chassis, uuid4()))
        with pytest.raises(InvalidValue, match="Logical_Switch_Port"):
            loose.update(switch, ports=[Ref(Chassis, uuid4())])
        assert tx.operations() == []


# -- changes -------------------------------------------------------------------------------------------------------


def test_changes_print_as_people_read_them(nb: Northbound, switch: LogicalSwitch) -> None:
    with nb.transaction() as tx:
        tx.update(switch, name="www", external_ids=Put({"a": "9", "c": "3"}))
        changes = tx.changes()
        tx.discard()
    assert sorted(str(changes).splitlines()) == [
        "+ Logical_Switch www external_ids:c = 3",
        "~ Logical_Switch www external_ids:a = 1 -> 9",
        "~ Logical_Switch www name = web -> www",
    ]
    assert str(Changes()) == "no changes"
    assert not Changes()
    assert Changes(ref=switch.ref).ref == switch.ref


def test_a_whole_row_is_found_again_as_it_was_written(kinds_client: KindsClient) -> None:
    with kinds_client.transaction() as tx:
        ref = tx.insert(kinds(string="ä€😀\u2028", texts={'"\\}{': "}{"}, strings=["}{", '"'], integer=-(2**63)))
    row = kinds_client[ref]
    assert row.string == "ä€😀\u2028"
    assert row.texts == {'"\\}{': "}{"}
    assert row.strings == {"}{", '"'}
    assert row.integer == -(2**63)
    assert kinds_client.get(Kinds, string="ä€😀\u2028") == row


def test_bridges_of_the_local_switch_are_held_by_its_root(vs: VSwitch) -> None:
    with vs.transaction() as tx:
        bridge = tx.insert(Bridge(name="br0"))
        root = tx.insert(OpenVSwitch(bridges=[bridge]))
    with vs.transaction() as tx:
        tx.delete(bridge)
    assert vs[root].bridges == frozenset()
    assert vs.find(Bridge) == []
