"""ovsdbapp on board: its API objects on a client's connection, its rows and events, and how it ends."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ovsdbapp.backend.ovs_idl.connection import Connection as AppConnection
from ovsdbapp.backend.ovs_idl.event import RowEvent
from ovsdbapp.backend.ovs_idl.idlutils import RowNotFound, row_by_value
from ovsdbapp.exceptions import TimeoutException
from ovsdbapp.schema.ovn_northbound.impl_idl import OvnNbApiIdlImpl

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import Closed, OutcomeUnknown, Timeout
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.app import Idl
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import Chassis
from ovnkit.vswitch import Bridge, OpenVSwitch


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns every few instructions."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def stopped(nb_server: Server) -> Iterator[Callable[[], None]]:
    """Stops the server of the northbound database; it goes on at the end."""
    yield lambda: os.kill(nb_server.process.pid, signal.SIGSTOP)
    os.kill(nb_server.process.pid, signal.SIGCONT)


class Heard(RowEvent):  # type: ignore[misc]
    """Keeps what it is told."""

    def __init__(self, table: str, *events: str) -> None:
        self.queue: queue.Queue[tuple[str, str, dict[str, Any]]] = queue.Queue()
        super().__init__(events, table, None)
        self.event_name = "Heard"

    def run(self, event: str, row: Any, old: Any) -> None:
        before = {} if old is None else {name: getattr(old, name) for name in ("name",) if hasattr(old, name)}
        self.queue.put((event, row.name, before))


def test_commands_run_on_each_database(nb: Northbound, sb: Southbound, vs: VSwitch) -> None:
    switch = nb.ovsdbapp.ls_add("web").execute(check_error=True)
    assert nb.get(LogicalSwitch, name="web").uuid == switch.uuid
    sb.ovsdbapp.chassis_add("c1", ["geneve"], "10.0.0.1").execute(check_error=True)
    assert sb.get(Chassis, name="c1").hostname == ""
    with vs.transaction() as tx:
        tx.insert(OpenVSwitch())
    vs.ovsdbapp.add_br("br0").execute(check_error=True)
    assert vs.get(Bridge, name="br0").ref in vs.get(OpenVSwitch).bridges
    assert vs.ovsdbapp.list_br().execute(check_error=True) == ["br0"]


def test_several_commands_are_one_transaction(nb: Northbound) -> None:
    api = nb.ovsdbapp
    with nb.watch(LogicalSwitch) as watch:
        with api.transaction(check_error=True) as txn:
            for name in ("a", "b"):
                txn.add(api.ls_add(name))
                txn.add(api.lsp_add(name, f"{name}1"))
        assert {watch.next(timeout=5).row.name for _ in range(2)} == {"a", "b"}
    assert {port.name for port in nb.find(LogicalSwitchPort)} == {"a1", "b1"}


def test_rows_of_both_kinds_follow_each_other(nb: Northbound, other_nb: Northbound) -> None:
    api = nb.ovsdbapp
    nb.add_switch("typed", external_ids={"a": "1"})
    assert api.lookup("Logical_Switch", "typed").external_ids["a"] == "1"
    api.db_set("Logical_Switch", "typed", ("external_ids", {"a": "2"})).execute(check_error=True)
    assert nb.get(LogicalSwitch, name="typed").external_ids["a"] == "2"
    with other_nb.transaction() as tx:
        tx.delete(other_nb.wait(LogicalSwitch, name="typed", timeout=5))
    nb.wait_gone(LogicalSwitch, name="typed", timeout=5)
    until(lambda: api.lookup("Logical_Switch", "typed", default=None) is None)
    assert api.ls_list().execute(check_error=True) == []


def test_two_clients_have_two_objects_on_their_own_connections(nb: Northbound, other_nb: Northbound) -> None:
    assert nb.ovsdbapp is nb.ovsdbapp
    assert nb.ovsdbapp is not other_nb.ovsdbapp
    assert nb.ovsdbapp.idl is not other_nb.ovsdbapp.idl
    nb.ovsdbapp.ls_add("web").execute(check_error=True)
    other_nb.wait(LogicalSwitch, name="web", timeout=5)
    until(lambda: other_nb.ovsdbapp.lookup("Logical_Switch", "web", default=None) is not None)
    other_nb.close()
    nb.ovsdbapp.ls_add("db").execute(check_error=True)
    with pytest.raises(Closed):
        other_nb.ovsdbapp.ls_add("late").execute(check_error=True)
    # A class of ovsdbapp keeps one connection for all its objects; ours is not it.
    assert OvnNbApiIdlImpl._ovsdb_connection is None


def test_made_late_it_has_the_rows_that_are_there_and_their_indexes(nb: Northbound) -> None:
    with nb.transaction() as tx:
        for number in range(50):
            ports = [tx.insert(LogicalSwitchPort(name=f"p{number}"))]
            tx.insert(LogicalSwitch(name=f"s{number}", ports=ports))
    api = nb.ovsdbapp
    assert len(api.tables["Logical_Switch"].rows) == 50
    found = api.lookup("Logical_Switch", "s7")
    assert [port.name for port in found.ports] == ["p7"]
    assert api.lookup("Logical_Switch_Port", "p49").uuid == nb.get(LogicalSwitchPort, name="p49").uuid
    assert len(api.tables["Logical_Switch_Port"].rows.indexes["name"].values) == 50


def test_a_row_is_never_missing_while_it_changes(nb: Northbound, other_nb: Northbound, often: None) -> None:
    """Its port is in a switch's ports, and its switch is found by name, at every moment of a hundred changes."""
    api = nb.ovsdbapp
    nb.add_switch("web")
    nb.add_switch_port("web", "web-1")
    switch = api.ls_get("web").execute(check_error=True)
    (port,) = switch.ports

    other_nb.wait(LogicalSwitchPort, name="web-1", timeout=5)

    def change() -> None:
        for number in range(100):
            with other_nb.transaction() as tx:
                tx.update(tx.get(LogicalSwitch, name="web"), other_config={"number": str(number)})
                tx.update(tx.get(LogicalSwitchPort, name="web-1"), options={"number": str(number)})

    writer = threading.Thread(target=change)
    writer.start()
    seen = 0
    while writer.is_alive():
        assert port in switch.ports
        assert row_by_value(api.idl, "Logical_Switch", "name", "web") == switch
        seen += 1
    writer.join()
    assert seen > 100


@pytest.mark.parametrize("by", ["ovsdbapp", "the client", "another client"])
def test_lookups_by_name_follow_renames(nb: Northbound, other_nb: Northbound, by: str) -> None:
    nb.add_switch("other")
    nb.add_switch("web")
    api = nb.ovsdbapp
    for number in range(5):
        old, new = ("web", "www") if number % 2 == 0 else ("www", "web")
        if by == "ovsdbapp":
            api.db_set("Logical_Switch", old, ("name", new)).execute(check_error=True)
        else:
            client = nb if by == "the client" else other_nb
            with client.transaction() as tx:
                tx.update(client.wait(LogicalSwitch, name=old, timeout=5), name=new)
        nb.wait(LogicalSwitch, name=new, timeout=5)
        until(lambda new=new: api.lookup("Logical_Switch", new, default=None) is not None)  # type: ignore[misc]
        with pytest.raises(RowNotFound):
            api.lookup("Logical_Switch", old)
        assert api.lookup("Logical_Switch", "other").name == "other"
        assert nb.trouble == ""
    assert len(api.tables["Logical_Switch"].rows.indexes["name"].values) == 2


def test_a_rename_that_failed_leaves_the_indexes_right(nb: Northbound) -> None:
    for name in ("a", "b"):
        nb.add_switch(name)
        nb.add_switch_port(name, f"{name}1")
    api = nb.ovsdbapp
    with pytest.raises(RuntimeError, match="constraint violation"):
        api.db_set("Logical_Switch_Port", "a1", ("name", "b1")).execute(check_error=True, log_errors=False)
    assert api.lookup("Logical_Switch_Port", "a1").name == "a1"
    assert api.lookup("Logical_Switch_Port", "b1").uuid == nb.get(LogicalSwitchPort, name="b1").uuid
    api.db_set("Logical_Switch_Port", "a1", ("name", "c1")).execute(check_error=True)
    assert api.lookup("Logical_Switch_Port", "c1").uuid == nb.get(LogicalSwitchPort, name="c1").uuid
    assert len(api.tables["Logical_Switch_Port"].rows.indexes["name"].values) == 2


def test_events_are_told_with_the_row_as_it_was(nb: Northbound, other_nb: Northbound) -> None:
    heard = Heard("Logical_Switch", RowEvent.ROW_CREATE, RowEvent.ROW_UPDATE, RowEvent.ROW_DELETE)
    nb.add_switch("before")
    nb.ovsdbapp.idl.notify_handler.watch_event(heard)
    other_nb.add_switch("web")
    assert heard.queue.get(timeout=5) == ("create", "web", {})
    with other_nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), name="www")
    assert heard.queue.get(timeout=5) == ("update", "www", {"name": "web"})
    with other_nb.transaction() as tx:
        tx.delete(tx.get(LogicalSwitch, name="www"))
    assert heard.queue.get(timeout=5)[:2] == ("delete", "www")
    assert heard.queue.empty()


def test_over_a_reconnect_rows_and_events_are_the_differences(
    nb: Northbound, nb_server: Server, other_nb: Northbound
) -> None:
    for name in ("kept", "renamed", "gone"):
        nb.add_switch(name)
    api = nb.ovsdbapp
    kept = api.lookup("Logical_Switch", "kept")
    heard = Heard("Logical_Switch", RowEvent.ROW_CREATE, RowEvent.ROW_UPDATE, RowEvent.ROW_DELETE)
    api.idl.notify_handler.watch_event(heard)
    other_nb.close()
    nb_server.stop()
    until(lambda: nb.state == "reconnecting")
    # While this client cannot see it.
    twin = Server(nb_server.database, nb_server.schema, run_dir=nb_server.run_dir, name="aside")
    with twin, Northbound.connect(twin.remote, timeout=5) as writer, writer.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="renamed"), name="new")
        tx.delete(tx.get(LogicalSwitch, name="gone"))
        tx.insert(LogicalSwitch(name="added"))
    nb_server.start()
    nb.wait(LogicalSwitch, name="added", timeout=10)
    found = {heard.queue.get(timeout=5)[:2] for _ in range(3)}
    assert found == {("update", "new"), ("delete", "gone"), ("create", "added")}
    assert heard.queue.empty()
    assert api.lookup("Logical_Switch", "new").name == "new"
    assert api.lookup("Logical_Switch", "kept") is kept
    for name in ("renamed", "gone"):
        assert api.lookup("Logical_Switch", name, default=None) is None
    api.ls_add("after").execute(check_error=True)
    nb.get(LogicalSwitch, name="after")


def test_errors_are_raised_where_they_are_asked_for(nb: Northbound) -> None:
    api = nb.ovsdbapp
    with pytest.raises(RuntimeError, match="Logical Switch none does not exist"):
        api.ls_del("none").execute(check_error=True, log_errors=False)
    assert api.ls_del("none").execute(log_errors=False) is None
    api.db_create("Chassis_Template_Var", chassis="c").execute(check_error=True)
    with pytest.raises(RuntimeError, match="constraint violation"):
        api.db_create("Chassis_Template_Var", chassis="c").execute(check_error=True, log_errors=False)
    assert api.ls_add("after").execute(check_error=True).name == "after"
    nb.get(LogicalSwitch, name="after")


def test_a_stopped_server_ends_its_commits_in_time_and_holds_nobody_up(
    nb: Northbound, nb_server: Server, stopped: Callable[[], None]
) -> None:
    nb.add_switch("web")
    api = nb.ovsdbapp
    api.ovsdb_connection.timeout = 0.5
    stopped()
    began = time.monotonic()
    failed: queue.Queue[BaseException] = queue.Queue()

    def commit() -> None:
        try:
            api.ls_add("late").execute(check_error=True, log_errors=False)
        except Exception as exc:  # noqa: BLE001 - it is looked at below
            failed.put(exc)

    thread = threading.Thread(target=commit)
    thread.start()
    tx = nb.transaction(timeout=0.3)
    tx.insert(LogicalSwitch(name="typed"))
    with pytest.raises(OutcomeUnknown):
        tx.commit()
    assert time.monotonic() - began < 1.5
    thread.join(5)
    assert isinstance(failed.get(timeout=1), TimeoutException)
    assert time.monotonic() - began < 3
    os.kill(nb_server.process.pid, signal.SIGCONT)
    nb.add_switch("after")
    api.ls_add("and after").execute(check_error=True)
    nb.get(LogicalSwitch, name="and after")


def test_a_server_that_is_gone_does_not_hold_the_thread_for_ever(nb: Northbound, nb_server: Server) -> None:
    api = nb.ovsdbapp
    nb_server.stop()
    until(lambda: nb.state == "reconnecting")
    api.ovsdb_connection.timeout = 0.3
    with pytest.raises(TimeoutException):
        api.ls_add("late").execute(check_error=True, log_errors=False)
    with pytest.raises(Timeout, match=r"not sent.*(No such file|refused)"), nb.transaction(timeout=0.2) as tx:
        tx.insert(LogicalSwitch(name="typed"))
    nb_server.start()
    until(lambda: nb.state == "ready")
    nb.add_switch("after")
    api.ls_add("and after").execute(check_error=True)


def test_closing_the_client_ends_a_commit_and_leaves_no_thread(nb_server: Server, stopped: Callable[[], None]) -> None:
    before = threads()
    nb = Northbound.connect(nb_server.remote, timeout=30)
    api = nb.ovsdbapp
    assert len(threads() - before) == 2
    api.ls_add("web").execute(check_error=True)
    ended: queue.Queue[BaseException | None] = queue.Queue()

    def commit(name: str) -> None:
        try:
            api.ls_add(name).execute(check_error=True, log_errors=False)
        except Exception as exc:  # noqa: BLE001 - it is looked at below
            ended.put(exc)
        else:
            ended.put(None)

    stopped()
    workers = [threading.Thread(target=commit, args=(name,)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    time.sleep(0.2)
    began = time.monotonic()
    nb.close()
    assert time.monotonic() - began < 1
    for worker in workers:
        worker.join(2)
    assert isinstance(ended.get(timeout=1), Closed)
    assert isinstance(ended.get(timeout=1), Closed)
    until(lambda: threads() <= before)
    with pytest.raises(Closed):
        api.ls_add("late").execute(check_error=True, log_errors=False)


def test_fifty_clients_with_ovsdbapp_leave_no_thread(nb_server: Server) -> None:
    before = threads()
    for _ in range(50):
        with Northbound.connect(nb_server.remote, timeout=5) as nb:
            nb.ovsdbapp.ls_add("web", may_exist=True).execute(check_error=True)
    until(lambda: threads() <= before)


def test_it_cannot_be_stopped_or_started_behind_the_client(nb: Northbound) -> None:
    api = nb.ovsdbapp
    with pytest.raises(RuntimeError, match="belongs to a client"):
        api.ovsdb_connection.stop()
    assert api.ovsdb_connection.start() is False
    seen: list[str] = []
    nb.on_state(seen.append)
    api.ovsdb_connection.force_reconnect()
    until(lambda: seen == ["reconnecting", "ready"])
    api.ls_add("web").execute(check_error=True)
    nb.wait(LogicalSwitch, name="web", timeout=5)


def test_commands_of_many_threads_are_all_carried_out(nb: Northbound) -> None:
    api = nb.ovsdbapp

    def add(start: int) -> None:
        for number in range(start, start + 20):
            if number % 2:
                api.ls_add(f"s{number}").execute(check_error=True)
            else:
                nb.add_switch(f"s{number}")

    workers = [threading.Thread(target=add, args=(start,)) for start in range(0, 80, 20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert len(nb.find(LogicalSwitch)) == 80
    assert len(api.ls_list().execute(check_error=True)) == 80


def test_our_replica_serves_ovsdbapps_own_connection_with_many_rows(nb: Northbound, nb_server: Server) -> None:
    for start in range(0, 2000, 500):
        with nb.transaction() as tx:
            ports = [tx.insert(LogicalSwitchPort(name=f"p{start + number}")) for number in range(500)]
            tx.insert(LogicalSwitch(name=f"s{start}", ports=ports))

    class Api(OvnNbApiIdlImpl):  # type: ignore[misc]
        pass

    connection = AppConnection(Idl.from_server(nb_server.remote, "OVN_Northbound"), timeout=10)
    api: Any = Api(connection)
    try:
        assert len(api.tables["Logical_Switch_Port"].rows) == 2000
        assert api.lookup("Logical_Switch_Port", "p1999").name == "p1999"
        assert len(api.lsp_list("s500").execute(check_error=True)) == 500
        api.lsp_add("s0", "late").execute(check_error=True)
        nb.wait(LogicalSwitchPort, name="late", timeout=5)
        nb.add_switch_port("s0", "typed")
        until(lambda: api.lookup("Logical_Switch_Port", "typed", default=None) is not None)
        api.db_set("Logical_Switch_Port", "typed", ("name", "renamed")).execute(check_error=True)
        until(lambda: api.lookup("Logical_Switch_Port", "renamed", default=None) is not None)
        nb.wait(LogicalSwitchPort, name="renamed", timeout=5)
    finally:
        connection.stop()
