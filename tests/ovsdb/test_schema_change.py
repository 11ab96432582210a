"""A schema that is converted under live clients: what is read, watched and written goes on."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from ovsdbapp.backend.ovs_idl.idlutils import RowNotFound

from ovnkit import Northbound
from ovnkit.errors import NotOnServer
from ovnkit.northbound import DNS, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Map, Ref, wire
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.index import IndexKey
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.server import Server
from ovnkit.ovsdb.store import Store
from ovnkit.ovsdb.watch import Event
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsDatabase


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def convert(nb_server: Server, tmp_path: Path) -> Callable[..., str]:
    """Converts the server's database: without some tables and columns, and with some more."""
    turn = iter(range(1, 100))

    def convert(*without: str, **more: dict[str, Any]) -> str:
        schema = json.loads(nb_server.schema.read_text())
        schema["version"] = f"99.{next(turn)}.0"
        for name in without:
            table, _, column = name.partition(".")
            if column:
                del schema["tables"][table]["columns"][column]
            else:
                del schema["tables"][table]
                for other in schema["tables"].values():
                    for name_, facts in list(other["columns"].items()):
                        if f'"refTable": "{table}"' in json.dumps(facts):
                            del other["columns"][name_]
        for table, columns in more.items():
            schema["tables"].setdefault(table, {"columns": {}, "isRoot": True})["columns"].update(columns)
        path = tmp_path / "converted.ovsschema"
        path.write_text(json.dumps(schema))
        subprocess.run(["ovsdb-client", "convert", nb_server.remote, str(path)], check=True, capture_output=True)
        version: str = schema["version"]
        return version

    return convert


def wait_for(nb: Northbound, version: str) -> None:
    until(lambda: nb.schema.version == version and nb.state == "ready")


def test_the_new_schema_is_followed_and_reads_and_writes_go_on(nb: Northbound, convert: Callable[..., str]) -> None:
    nb.add_switch("web")
    before = nb.get(LogicalSwitch, name="web")
    wait_for(nb, convert("Logical_Switch.copp", Logical_Switch={"colour": {"type": "string"}}))
    assert not nb.has(LogicalSwitch.copp)
    assert nb.get(LogicalSwitch, name="web").extra == Map({"colour": ""})
    with nb.transaction() as tx:
        tx.update(before, external_ids={"a": "b"})
    assert nb.get(LogicalSwitch, name="web").external_ids == {"a": "b"}
    nb.add_switch_port("web", "vm1")
    assert [port.name for port in nb.find(LogicalSwitchPort)] == ["vm1"]


def test_a_client_that_comes_after_a_conversion_has_the_new_schema(
    nb_server: Server, convert: Callable[..., str]
) -> None:
    version = convert("DNS", Logical_Switch={"colour": {"type": "string"}})
    with Northbound.connect(nb_server.remote, timeout=5) as nb:
        assert nb.schema.version == version
        assert "DNS" not in nb.schema.tables
        nb.add_switch("web")
        assert nb.get(LogicalSwitch, name="web").extra == Map({"colour": ""})


def test_rows_of_a_table_that_went_are_told_as_deletions(nb: Northbound, convert: Callable[..., str]) -> None:
    with nb.transaction() as tx:
        tx.insert(DNS(records={"a": "10.0.0.1"}))
        tx.insert(LogicalSwitch(name="web"))
    with nb.watch(DNS) as names, nb.watch(LogicalSwitch) as switches:
        assert names.next(timeout=5).initial
        assert switches.next(timeout=5).initial
        wait_for(nb, convert("DNS"))
        event: Event[Any] = names.next(timeout=5)
        assert (event.kind, event.row.records["a"]) == ("delete", "10.0.0.1")
        assert nb.find(DNS) == []
        with pytest.raises(NotOnServer), nb.transaction() as tx:
            tx.insert(DNS())
        # And a watch that was opened before goes on after it.
        nb.add_switch("db")
        assert [event.kind for event in (switches.next(timeout=5),)] == ["insert"]
        wait_for(nb, convert())
        with nb.transaction() as tx:
            tx.insert(DNS(records={"b": "10.0.0.2"}))
        event = names.next(timeout=5)
        assert (event.kind, event.row.records["b"]) == ("insert", "10.0.0.2")


def test_an_open_transaction_reads_what_it_read_before(nb: Northbound, convert: Callable[..., str]) -> None:
    with nb.transaction() as tx:
        tx.insert(DNS(records={"a": "10.0.0.1"}))
        tx.insert(LogicalSwitch(name="web"))
    tx = nb.transaction()
    (name,), (switch,) = tx.find(DNS), tx.find(LogicalSwitch)
    version = convert("DNS", Newer={"name": {"type": "string"}})
    wait_for(nb, version)
    nb.add_switch("later")
    assert tx.find(DNS) == [name]
    assert tx[name.ref] == name
    assert tx.find(LogicalSwitch) == [switch]
    tx.update(switch, name="www")
    tx.commit()
    assert {row.name for row in nb.find(LogicalSwitch)} == {"www", "later"}


def test_declared_indexes_hold_for_the_new_schema(nb: Northbound, convert: Callable[..., str]) -> None:
    nb.index(LogicalSwitch.external_ids, key="owner")
    with nb.transaction() as tx:
        for number in range(20):
            tx.insert(LogicalSwitch(name=f"s{number}", external_ids={"owner": f"o{number % 2}"}))
    assert len(nb.find(LogicalSwitch, external_ids={"owner": "o1"})) == 10
    wait_for(nb, convert(Logical_Switch={"colour": {"type": "string"}}))
    with nb.transaction() as tx:
        tx.delete(tx.get(LogicalSwitch, name="s1"))
    nb.add_switch("s21", external_ids={"owner": "o1"})
    assert nb.get(LogicalSwitch, name="s21").external_ids["owner"] == "o1"
    assert {row.name for row in nb.find(LogicalSwitch, external_ids={"owner": "o1"})} == {
        f"s{number}" for number in range(3, 23, 2)
    }
    assert any(key.key == "owner" for key in nb._store.tables["Logical_Switch"].indexes)


def test_a_condition_is_part_of_the_new_monitor(nb_server: Server, convert: Callable[..., str]) -> None:
    monitor: Any = {LogicalSwitch: None, LogicalSwitchPort: {"type": "router"}}
    with Northbound.connect(nb_server.remote, timeout=5, monitor=monitor) as nb:
        with nb.transaction() as tx:
            ports = [tx.insert(LogicalSwitchPort(name=name, type=name)) for name in ("router", "localnet")]
            tx.insert(LogicalSwitch(name="web", ports=ports))
        nb.wait(LogicalSwitch, name="web", timeout=5)
        assert [port.name for port in nb.find(LogicalSwitchPort)] == ["router"]
        with nb.watch(LogicalSwitchPort) as watch:
            assert watch.next(timeout=5).initial
            wait_for(nb, convert(Logical_Switch={"colour": {"type": "string"}}))
            assert [port.name for port in nb.find(LogicalSwitchPort)] == ["router"]
            nb.add_switch("db")
            with pytest.raises(TimeoutError):
                watch.next(timeout=0.1)


def test_a_lock_outlives_a_change_of_the_schema(
    nb: Northbound, other_nb: Northbound, convert: Callable[..., str]
) -> None:
    lock = nb.lock("rotation")
    lock.wait(timeout=5)
    wait_for(nb, convert())
    assert lock.held
    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web"))
        tx.check_lock(lock)
    lock.release()
    other_nb.lock("rotation").wait(timeout=5)


def test_ovsdbapp_goes_on_with_its_rows_and_indexes(nb: Northbound, convert: Callable[..., str]) -> None:
    api = nb.ovsdbapp
    with nb.transaction() as tx:
        switch = tx.insert(LogicalSwitch(name="web"))
        tx.insert(DNS(records={"a": "10.0.0.1"}))
    wait_for(nb, convert("DNS", Logical_Switch={"colour": {"type": "string"}}))
    assert "DNS" not in api.tables
    assert api.lookup("Logical_Switch", "web").uuid == switch.uuid
    assert {"name"} <= api.tables["Logical_Switch"].rows.indexes.keys()
    api.db_set("Logical_Switch", "web", ("name", "www"), ("colour", "red")).execute(check_error=True)
    assert api.lookup("Logical_Switch", "www").colour == "red"
    with pytest.raises(RowNotFound):
        api.lookup("Logical_Switch", "web")
    assert nb.wait(LogicalSwitch, name="www", timeout=5).extra == Map({"colour": "red"})


def test_readers_and_writers_notice_nothing_of_conversions(nb: Northbound, convert: Callable[..., str]) -> None:
    nb.add_switch("web")
    over = threading.Event()
    failures: list[BaseException] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        while not over.is_set():
            try:
                assert nb.get(LogicalSwitch, name="web").name == "web"
                nb.find(LogicalSwitchPort, name="vm1")
                with nb.transaction() as tx:
                    assert tx.get(LogicalSwitch, name="web").name == "web"
                    tx.find(LogicalSwitch, external_ids={"a": "b"})
            except BaseException as exc:  # noqa: BLE001 - it is looked at below
                failures.append(exc)
                return
            reads += 1

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(6):
            wait_for(nb, convert(Logical_Switch={f"colour{turn}": {"type": "string"}}))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert reads > 10


# -- without a server ----------------------------------------------------------------------------------------------


def columns_of(schema: DatabaseSchema) -> dict[str, frozenset[str]]:
    return {name: frozenset(table.columns) for name, table in schema.tables.items()}


OLD = DatabaseSchema.from_json(KINDS)
NEW = DatabaseSchema.from_json({**KINDS, "version": "2.0.0"})
WITHOUT = DatabaseSchema.from_json({**KINDS, "version": "3.0.0", "tables": {"Child": KINDS["tables"]["Child"]}})
ONE, TWO = UUID(int=1), UUID(int=2)


def update(uuid: UUID, **columns: Any) -> wire.Updates:
    return {"Kinds": {uuid: wire.RowUpdate(insert=wire.Raw(wire.encode(columns)))}}


def delete(uuid: UUID) -> wire.Updates:
    return {"Kinds": {uuid: wire.RowUpdate(delete=wire.Raw(b"null"))}}


@pytest.fixture
def store() -> Store:
    store = Store(KindsDatabase, OLD, columns_of(OLD))
    store.apply(update(ONE, string="a"), afresh=True)
    store.apply(update(TWO, string="a"), afresh=False)
    return store


def test_a_reader_whose_table_is_exchanged_under_it_sees_one_moment(store: Store) -> None:
    store.declare_index("Kinds", IndexKey(("string",)))
    assert len(store.find(Filter(Kinds, {"string": "a"}))) == 2

    matches = Filter(Kinds, {"string": "a"})
    table = store.tables["Kinds"]
    store.set_schema(NEW, columns_of(NEW))
    store.apply(delete(ONE), afresh=False)
    # What a thread has in hand that was interrupted there.
    assert {row.uuid for row in store.find_in(table, matches, None)} == {ONE, TWO}
    assert {row.uuid for row in store.find(matches)} == {TWO}


def test_a_snapshot_is_of_its_moment_also_where_its_table_went(store: Store) -> None:
    snapshot = store.snapshot()
    store.apply(update(UUID(int=3), string="late"), afresh=False)
    store.set_schema(WITHOUT, columns_of(WITHOUT))
    store.set_schema(NEW, columns_of(NEW))
    assert store.rows("Kinds") == []
    assert {row.uuid for row in snapshot.rows("Kinds")} == {ONE, TWO}
    assert {row.uuid for row in snapshot.find(Filter(Kinds, {"string": "a"}))} == {ONE, TWO}
    found: Any = snapshot.get("Kinds", ONE)
    assert found.string == "a"
    assert snapshot.get("Kinds", UUID(int=3)) is None
    assert snapshot.referrers(Kinds, "children", Ref(Child, ONE)) == []


def test_a_snapshot_from_before_a_table_came_shows_none_of_it(store: Store) -> None:
    store.set_schema(WITHOUT, columns_of(WITHOUT))
    snapshot = store.snapshot()
    store.set_schema(NEW, columns_of(NEW))
    store.apply(update(ONE, string="a"), afresh=False)
    assert snapshot.rows("Kinds") == []
    assert snapshot.find(Filter(Kinds, {"string": "a"})) == []
    assert snapshot.get("Kinds", ONE) is None
    assert snapshot.referrers(Kinds, "friends", Ref(Kinds, ONE)) == []
