"""S14: a socket that goes and comes back, and a schema that changes under a live client."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import NotOnServer, OvnkitError, Timeout
from ovnkit.northbound import Copp, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Server, find_program, find_schema
from tests.cluster import Cluster

Edit = Callable[[dict[str, Any]], object]


def insert(nb: Northbound, *names: str) -> None:
    nb.transact(lambda tx: [tx.insert(LogicalSwitch(name=name)) for name in names])


def names(nb: Northbound) -> list[str]:
    return sorted(row.name for row in nb.find(LogicalSwitch))


def until(holds: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# -- the socket -------------------------------------------------------------------------------------------------------


def test_s14_a_socket_that_was_removed_and_is_served_again_is_found(nb: Northbound, nb_server: Server) -> None:
    insert(nb, "before")
    nb_server.kill()
    nb_server.socket.unlink()
    until(lambda: nb.state == "reconnecting")
    with pytest.raises(Timeout), nb.transaction(timeout=0.2) as tx:
        tx.insert(LogicalSwitch(name="never"))
    began = time.monotonic()
    nb_server.start()
    insert(nb, "after")
    assert time.monotonic() - began < 3
    assert names(nb) == ["after", "before"]


def test_s14_a_socket_that_is_removed_under_a_living_connection_does_not_matter(
    nb: Northbound, nb_server: Server
) -> None:
    nb_server.socket.unlink()
    insert(nb, "on the old connection")
    nb_server.stop()
    nb_server.start()
    insert(nb, "on a new one")
    assert names(nb) == ["on a new one", "on the old connection"]


def test_s14_a_server_with_an_empty_database_on_the_same_socket_is_taken_for_what_it_is(
    nb: Northbound, nb_server: Server
) -> None:
    insert(nb, "old")
    with nb.watch(LogicalSwitch) as events:
        assert events.next(1).initial
        nb_server.kill()
        nb_server.database.unlink()
        nb_server.start()
        assert events.next(10).kind == "delete"
        assert nb.find(LogicalSwitch) == []
        insert(nb, "new")
        event = events.next(5)
        assert (event.kind, event.row.name) == ("insert", "new")


# -- the schema -------------------------------------------------------------------------------------------------------


def changed_schema(directory: Path, version: str, *edits: Edit) -> Path:
    """The installed Northbound schema with a change, as another release would have it."""
    schema = json.loads(find_schema("ovn-nb.ovsschema").read_text())
    for edit in edits:
        edit(schema["tables"])
    schema["version"] = version
    schema.pop("cksum", None)
    path = directory / f"nb-{version}.ovsschema"
    path.write_text(json.dumps(schema))
    return path


def convert(server: Server | Cluster, schema: Path) -> None:
    program = find_program("ovsdb-client") or "ovsdb-client"
    subprocess.run([program, "convert", server.remote, str(schema)], check=True, capture_output=True, timeout=20)


def add_column(tables: dict[str, Any]) -> None:
    tables["Logical_Switch"]["columns"]["flavour"] = {"type": "string"}


def add_table(tables: dict[str, Any]) -> None:
    tables["Novelty"] = {"columns": {"name": {"type": "string"}}, "isRoot": True}


def drop_column(tables: dict[str, Any]) -> None:
    del tables["Logical_Switch"]["columns"]["other_config"]


def drop_table(tables: dict[str, Any]) -> None:
    del tables["Copp"]
    for table in tables.values():
        table["columns"].pop("copp", None)


def test_s14_a_newer_schema_under_a_live_client_is_taken_up(nb: Northbound, nb_server: Server, tmp_path: Path) -> None:
    insert(nb, "web")
    before = nb.schema
    newer = changed_schema(tmp_path, "99.0.0", add_column, add_table)
    convert(nb_server, newer)
    until(lambda: nb.schema.version == "99.0.0" and nb.state == "ready")
    assert "flavour" in nb.schema.tables["Logical_Switch"].columns
    assert "flavour" not in before.tables["Logical_Switch"].columns
    assert nb.get(LogicalSwitch).extra["flavour"] == ""
    assert nb.rows("Novelty") == []
    insert(nb, "after")
    assert names(nb) == ["after", "web"]


def test_s14_a_schema_of_a_cluster_that_changes_under_a_live_client_is_taken_up(
    nb_cluster: Cluster, tmp_path: Path
) -> None:
    with Northbound.connect(nb_cluster.remote, timeout=10) as nb:
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web", other_config={"mcast_snoop": "true"})))
        convert(nb_cluster, changed_schema(tmp_path, "99.0.0", add_column))
        until(lambda: nb.schema.version == "99.0.0" and nb.state == "ready")
        assert nb.get(LogicalSwitch).extra["flavour"] == ""
        convert(nb_cluster, changed_schema(tmp_path, "1.0.0", drop_column))
        until(lambda: nb.schema.version == "1.0.0" and nb.state == "ready")
        assert "flavour" not in nb.get(LogicalSwitch).extra
        assert nb.get(LogicalSwitch).other_config == {}
        insert(nb, "after")
        assert names(nb) == ["after", "web"]


def test_s14_an_older_schema_under_a_live_client_leaves_no_stale_column(
    nb: Northbound, nb_server: Server, tmp_path: Path
) -> None:
    with nb.transaction() as tx:
        copp = tx.insert(Copp(name="c"))
        tx.insert(LogicalSwitch(name="web", other_config={"mcast_snoop": "true"}, copp=copp, external_ids={"k": "v"}))
    convert(nb_server, changed_schema(tmp_path, "1.0.0", drop_column, drop_table))
    until(lambda: nb.schema.version == "1.0.0" and nb.state == "ready")
    assert not nb.has(LogicalSwitch.other_config)
    assert not nb.has(Copp)
    row = nb.get(LogicalSwitch)
    assert row.external_ids == {"k": "v"}
    assert row.other_config == {}
    assert row.copp is None
    with pytest.raises(NotOnServer):
        nb.rows("Copp")
    with pytest.raises(NotOnServer), nb.transaction() as tx:
        tx.update(row, other_config={"mcast_snoop": "true"})
    nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch), external_ids=Put({"l": "w"})))
    assert nb.get(LogicalSwitch).external_ids == {"k": "v", "l": "w"}


def test_s14_there_and_back_again_the_replica_is_that_of_a_fresh_client(
    nb: Northbound, nb_server: Server, tmp_path: Path
) -> None:
    insert(nb, *(f"s{number}" for number in range(20)))
    convert(nb_server, changed_schema(tmp_path, "1.0.0", drop_column))
    until(lambda: nb.schema.version == "1.0.0" and nb.state == "ready")
    insert(nb, "between")
    convert(nb_server, find_schema("ovn-nb.ovsschema"))
    until(lambda: nb.schema.version != "1.0.0" and nb.state == "ready")
    nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="between"), other_config={"mcast_snoop": "true"}))
    with Northbound.connect(nb_server.remote, timeout=10) as fresh:
        assert set(fresh.find(LogicalSwitch)) == set(nb.find(LogicalSwitch))
        assert len(fresh.find(LogicalSwitch)) == 21


def test_s14_writes_go_on_while_the_schema_is_converted(nb: Northbound, nb_server: Server, tmp_path: Path) -> None:
    """Each is applied once or ends in a typed error; what is said of it is right."""
    newer = changed_schema(tmp_path, "99.0.0", add_column)
    older = changed_schema(tmp_path, "1.0.0", drop_column)
    applied: list[str] = []
    failed: dict[str, OvnkitError] = {}
    for number in range(90):
        if number in (30, 60):
            convert(nb_server, newer if number == 30 else older)
        name = f"s{number}"
        try:
            with nb.transaction(timeout=10) as tx:
                tx.insert(LogicalSwitch(name=name))
            applied.append(name)
        except OvnkitError as exc:
            failed[name] = exc
    until(lambda: nb.schema.version == "1.0.0" and nb.state == "ready")
    assert failed == {}
    assert names(nb) == sorted(applied)


def test_s14_a_monitor_of_some_columns_lives_through_a_change_of_the_schema(
    nb: Northbound, nb_server: Server, tmp_path: Path
) -> None:
    insert(nb, "web", "app")
    monitor: dict[Any, Any] = {LogicalSwitch: {"name": "web"}, LogicalSwitchPort: [LogicalSwitchPort.name]}
    with Northbound.connect(nb_server.remote, timeout=10, monitor=monitor) as narrow:
        assert names(narrow) == ["web"]
        convert(nb_server, changed_schema(tmp_path, "1.0.0", drop_column))
        until(lambda: narrow.schema.version == "1.0.0" and narrow.state == "ready")
        assert names(narrow) == ["web"]
        nb.transact(lambda tx: tx.update(tx.get(LogicalSwitch, name="web"), external_ids={"k": "v"}))
        assert narrow.wait(LogicalSwitch, external_ids={"k": "v"}, timeout=5).name == "web"
