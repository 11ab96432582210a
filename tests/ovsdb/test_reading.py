"""get, find, wait, and the reads that are refused."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import NotFound, NotMonitored, NotUnique, Timeout
from ovnkit.northbound import Connection as NBConnection
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb import Exactly, Ref
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import Chassis, Encap, LogicalFlow, SBGlobal
from ovnkit.southbound import Connection as SBConnection
from ovnkit.vswitch import Bridge, OpenVSwitch


def add_switches(nb: Northbound, *names: str, **columns: Any) -> None:
    with nb.transaction() as tx:
        for name in names:
            tx.insert(LogicalSwitch(name=name, **columns))


def test_get_gives_the_one_row(nb: Northbound) -> None:
    add_switches(nb, "web", "db")
    assert nb.get(LogicalSwitch, name="web").name == "web"
    with pytest.raises(NotFound) as none:
        nb.get(LogicalSwitch, name="app")
    assert (none.value.table, none.value.columns) == ("Logical_Switch", {"name": "app"})
    with pytest.raises(NotUnique) as several:
        nb.get(LogicalSwitch)
    assert set(several.value.uuids) == {row.uuid for row in nb.find(LogicalSwitch)}


def test_find_gives_what_matches(nb: Northbound) -> None:
    add_switches(nb, "a", "b", external_ids={"owner": "me", "x": "y"})
    add_switches(nb, "c")
    assert {row.name for row in nb.find(LogicalSwitch)} == {"a", "b", "c"}
    assert {row.name for row in nb.find(LogicalSwitch, external_ids={"owner": "me"})} == {"a", "b"}
    assert [row.name for row in nb.find(LogicalSwitch, external_ids=Exactly({}))] == ["c"]
    assert nb.find(LogicalSwitch, name="none") == []


def test_a_reference_gives_its_row(nb: Northbound) -> None:
    with nb.transaction() as tx:
        port = tx.insert(LogicalSwitchPort(name="p"))
        switch = tx.insert(LogicalSwitch(name="web", ports=[port]))
    assert nb[port].name == "p"
    assert nb[switch].ports == {port}
    assert nb.find(LogicalSwitch, ports=[port]) == nb.find(LogicalSwitch, ports=[nb[port]]) == [nb[switch]]
    with pytest.raises(NotFound):
        nb[Ref(LogicalSwitch, uuid4())]


@pytest.mark.parametrize("database", ["nb", "sb", "vs"])
def test_each_database_reads_and_writes(database: str, request: pytest.FixtureRequest) -> None:
    client: Any = request.getfixturevalue(database)
    root: Any = {"nb": NBGlobal, "sb": SBGlobal, "vs": OpenVSwitch}[database]
    with client.transaction() as tx:
        ref = tx.insert(root(external_ids={"a": "b"}))
    assert client.get(root).ref == ref
    with client.transaction() as tx:
        tx.update(client.get(root), external_ids={"a": "c"})
    assert client.get(root).external_ids == {"a": "c"}
    with client.transaction() as tx:
        tx.delete(ref)
    assert client.find(root) == []


def test_rows_that_refer_to_each_other_come_as_they_are(sb: Southbound, vs: VSwitch) -> None:
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.1", chassis_name="hv1"))
        tx.insert(Chassis(name="hv1", hostname="hv1.example", encaps=[encap]))
    (only,) = sb.get(Chassis, name="hv1").encaps
    assert sb[only].ip == "192.0.2.1"
    with vs.transaction() as tx:
        bridge = tx.insert(Bridge(name="br0"))
        tx.insert(OpenVSwitch(bridges=[bridge]))
    assert vs.get(OpenVSwitch).bridges == {bridge}


def test_wait_returns_what_is_there_or_comes(nb: Northbound, other_nb: Northbound) -> None:
    add_switches(nb, "there")
    assert nb.wait(LogicalSwitch, name="there", timeout=0).name == "there"
    thread = threading.Timer(0.1, add_switches, (other_nb, "late"))
    thread.start()
    began = time.monotonic()
    assert nb.wait(LogicalSwitch, name="late", timeout=5).name == "late"
    assert time.monotonic() - began < 2
    thread.join()


def test_wait_gone_returns_when_nothing_matches(nb: Northbound, other_nb: Northbound) -> None:
    add_switches(nb, "web")
    nb.wait_gone(LogicalSwitch, name="never there", timeout=0)

    def remove() -> None:
        with other_nb.transaction() as tx:
            tx.delete(other_nb.wait(LogicalSwitch, name="web", timeout=5))

    thread = threading.Timer(0.1, remove)
    thread.start()
    nb.wait_gone(LogicalSwitch, name="web", timeout=5)
    assert nb.find(LogicalSwitch) == []
    thread.join()


def test_waiting_ends_in_a_timeout_that_says_for_what(nb: Northbound) -> None:
    add_switches(nb, "web")
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"Logical_Switch with .*app") as caught:
        nb.wait(LogicalSwitch, name="app", timeout=0.1)
    assert caught.value.seconds == 0.1
    assert 0.1 <= time.monotonic() - began < 1
    with pytest.raises(TimeoutError):
        nb.wait_gone(LogicalSwitch, name="web", timeout=0.05)


def test_rows_of_another_database_are_a_type_error(nb: Northbound) -> None:
    client: Any = nb
    with pytest.raises(TypeError, match="Chassis is a table of OVN_Southbound, not of OVN_Northbound"):
        client.find(Chassis)
    for use in (client.find, client.get, client.wait, client.wait_gone, client.watch, client.has):
        with pytest.raises(TypeError):
            use(SBConnection)
    with pytest.raises(TypeError):
        client[Ref(Chassis, uuid4())]
    with pytest.raises(TypeError):
        client.find("Logical_Switch")
    assert client.has(NBConnection)


def test_an_unknown_column_is_a_type_error(nb: Northbound) -> None:
    client: Any = nb
    with pytest.raises(TypeError, match="did you mean name"):
        client.find(LogicalSwitch, nam="x")
    with pytest.raises(TypeError, match="timeout"):
        client.find(LogicalSwitch, timeout=3)


def test_southbound_leaves_out_what_is_huge_unless_it_is_asked_for(sb: Southbound, sb_server: Server) -> None:
    for table in ("Logical_Flow", "MAC_Binding", "FDB"):
        with pytest.raises(NotMonitored, match=table):
            sb.rows(table)
    with pytest.raises(NotMonitored, match="monitor="):
        sb.find(LogicalFlow)
    with Southbound.connect(sb_server.remote, timeout=5, monitor={LogicalFlow: None}) as narrow:
        assert narrow.find(LogicalFlow) == []
        with pytest.raises(NotMonitored):
            narrow.find(Chassis)


def test_monitor_narrows_tables_columns_and_rows(nb: Northbound, nb_server: Server) -> None:
    add_switches(nb, "web", "db", external_ids={"k": "v"})
    monitor = {LogicalSwitch: [LogicalSwitch.name], NBGlobal: None}
    with Northbound.connect(nb_server.remote, timeout=5, monitor=monitor) as narrow:
        row = narrow.get(LogicalSwitch, name="web")
        with pytest.raises(NotMonitored, match=r"Logical_Switch\.external_ids"):
            _ = row.external_ids
        with pytest.raises(NotMonitored):
            narrow.find(LogicalSwitch, external_ids={"k": "v"})
        with pytest.raises(NotMonitored):
            narrow.watch(LogicalSwitchPort)
        with pytest.raises(NotMonitored), narrow.transaction() as tx:
            tx.update(row, external_ids={})
        with pytest.raises(NotMonitored), narrow.transaction() as tx:
            tx.get(LogicalSwitchPort, name="p")
        with pytest.raises(NotMonitored), narrow.transaction() as tx:
            tx.delete(Ref(LogicalSwitchPort, uuid4()))
        with narrow.transaction() as tx:
            tx.update(row, name="www")
    nb.wait(LogicalSwitch, name="www", external_ids={"k": "v"}, timeout=5)
    with Northbound.connect(nb_server.remote, timeout=5, monitor={LogicalSwitch: {"name": "db"}}) as narrow:
        assert [row.name for row in narrow.find(LogicalSwitch)] == ["db"]
        add_switches(nb, "db", "more")
        narrow.wait(LogicalSwitch, name="db", external_ids=Exactly({}), timeout=5)
        assert {row.name for row in narrow.find(LogicalSwitch)} == {"db"}


def test_monitor_refuses_what_does_not_belong_together(nb_server: Server) -> None:
    connect: Any = Northbound.connect
    with pytest.raises(TypeError, match="OVN_Southbound"):
        connect(nb_server.remote, monitor={Chassis: None})
    with pytest.raises(TypeError, match=r"not a column of LogicalSwitch"):
        connect(nb_server.remote, monitor={LogicalSwitch: [LogicalSwitchPort.name]})


def test_a_client_says_what_it_is(nb: Northbound, nb_server: Server) -> None:
    assert repr(nb) == f"<Northbound {nb_server.remote} ready>"
    assert nb.schema.name == "OVN_Northbound"
