"""Database files without a server hold what ovsdb-server serves of them, up to the damage if there is any."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import Closed, NotADatabase, OvnkitError, ReadOnly
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Client, Put, Remove, files
from ovnkit.ovsdb.contents import Builder, Contents
from ovnkit.ovsdb.records import decompress, write_record
from ovnkit.ovsdb.server import Server, find_program, find_schema
from ovnkit.southbound import Chassis, DatapathBinding, Encap, LogicalFlow, MACBinding, PortBinding
from ovnkit.vswitch import OpenVSwitch
from tests.cluster import Cluster, call
from tests.ovsdb.kinds import Kinds, KindsClient, kinds, values, write_to
from tests.ovsdb.reader import Authority, rows_of


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    path = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def authority(directory: Path) -> Iterator[Authority]:
    own = directory / "authority"
    own.mkdir()
    with Authority(own) as authority:
        yield authority


# -- what is in the files ----------------------------------------------------------------------------------------------


def write_nb(remote: str) -> None:
    with Northbound.connect(remote) as nb:
        nb.add_switch("web", subnet="10.0.0.0/24")
        for number in range(4):
            nb.add_switch_port("web", f"vm{number}", addresses=[f"02:00:00:00:00:0{number} 10.0.0.1{number}"])
        nb.add_router("r1")
        nb.connect_router("web", "r1", mac="02:00:00:00:00:fe", networks=["10.0.0.1/24"])
        nb.remove_switch_port("web", "vm1")
        with nb.transaction(comment="dès maintenant") as tx:
            switch = tx.get(LogicalSwitch, name="web")
            tx.update(switch, external_ids=Put({"a": "1", "b": "ü\n\"'"}))
        with nb.transaction() as tx:
            tx.update(tx.get(LogicalSwitch, name="web"), external_ids=Remove("a"))


def write_sb(remote: str) -> None:
    with Southbound.connect(remote) as sb:
        with sb.transaction() as tx:
            encap = tx.insert(Encap(type="geneve", ip="192.0.2.1", chassis_name="hv1"))
            tx.insert(Chassis(name="hv1", hostname="hv1.example", encaps=[encap]))
            datapath = tx.insert(DatapathBinding(tunnel_key=1, external_ids={"name": "web"}))
            port = tx.insert(PortBinding(logical_port="vm1", datapath=datapath, tunnel_key=1))
            tx.insert(MACBinding(logical_port="vm1", ip="10.0.0.9", mac="02:00:00:00:00:09", datapath=datapath))
            tx.insert(
                LogicalFlow(
                    logical_datapath=datapath, pipeline="ingress", table_id=0, priority=1, match="1", actions="drop;"
                )
            )
        with sb.transaction() as tx:
            tx.update(tx[port], up=True, chassis=tx.get(Chassis, name="hv1"))


def write_vs(remote: str) -> None:
    with VSwitch.connect(remote) as vs:
        with vs.transaction() as tx:
            tx.insert(OpenVSwitch())
        vs.add_bridge("br-int")
        for number in range(3):
            vs.add_port("br-int", f"tap{number}")
            vs.bind_interface(f"tap{number}", f"vm{number}")
        vs.register_chassis("hv1", encap_ip="192.0.2.1", remote="unix:/run/sb.sock")
        vs.remove_port("br-int", "tap1")


Write = Callable[[str], None]
DATABASES: dict[str, tuple[type[Client[Any, Any]], str, Write]] = {
    "OVN_Northbound": (Northbound, "ovn-nb.ovsschema", write_nb),
    "OVN_Southbound": (Southbound, "ovn-sb.ovsschema", write_sb),
    "Open_vSwitch": (VSwitch, "vswitch.ovsschema", write_vs),
}
KINDS = ("standalone", "clustered", "standalone compacted", "clustered compacted")


def tool(*arguments: str) -> None:
    subprocess.run([find_program("ovsdb-tool") or "ovsdb-tool", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def written(directory: Path) -> dict[tuple[str, str], Path]:
    """A file of each database and kind, as a server left it that was killed."""
    found: dict[tuple[str, str], Path] = {}
    for name, (_, schema, write) in DATABASES.items():
        for kind in ("standalone", "clustered"):
            own = directory / f"{name}-{kind}"
            own.mkdir()
            path = own / "db"
            if kind == "clustered":
                tool("create-cluster", str(path), str(find_schema(schema)), f"unix:{own}/raft")
            with Server(path, find_schema(schema), run_dir=own, name="s") as server:
                write(server.remote)
                found[name, kind] = Path(shutil.copy(path, own / "grown.db"))
                call(server.control, "ovsdb-server/compact", [name])
                found[name, f"{kind} compacted"] = Path(shutil.copy(path, own / "compacted.db"))
                server.kill()
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DATABASES)
def test_a_file_has_the_rows_that_a_server_serves_of_it(
    written: dict[tuple[str, str], Path], authority: Authority, name: str, kind: str
) -> None:
    found = files.read(written[name, kind])
    rows = rows_of(found.contents)
    assert (found.name, found.kind, found.damage) == (name, kind.split(maxsplit=1)[0], None)
    assert len(rows) >= 3
    assert rows == authority.rows(written[name, kind], settled=kind.startswith("clustered"))


@pytest.mark.parametrize("kind", ["standalone", "clustered"])
@pytest.mark.parametrize("name", DATABASES)
def test_a_file_that_is_cut_at_any_byte_of_its_last_record_has_what_a_server_serves_of_it(
    written: dict[tuple[str, str], Path], authority: Authority, name: str, kind: str
) -> None:
    data = written[name, kind].read_bytes()
    start = data.rindex(b"\nOVSDB ") + 1
    whole = files.parse(data)
    before = files.parse(data[:start])
    assert before.damage is None
    clustered = kind == "clustered"
    expected = authority.rows(data[:start], settled=clustered)
    assert rows_of(before.contents) == expected
    for end in range(start + 1, len(data)):
        cut = files.parse(data[:end], "cut.db")
        assert cut.damage is not None
        assert (cut.damage.path, cut.damage.offset, cut.damage.records) == ("cut.db", start, whole.records - 1)
        assert cut.damage.reason
        assert rows_of(cut.contents) == expected
    # What the server makes of each of these bytes is the same for all within a line.
    header = data.index(b"\n", start) + 1
    for end in {start + 1, start + 7, header - 1, header, header + 1, (header + len(data)) // 2, len(data) - 1}:
        assert authority.rows(data[:end], settled=clustered) == expected


@pytest.mark.long
@pytest.mark.parametrize("kind", ["standalone", "clustered"])
@pytest.mark.parametrize("name", DATABASES)
def test_a_server_serves_the_same_of_a_file_that_is_cut_at_every_byte_of_its_last_record(
    written: dict[tuple[str, str], Path], authority: Authority, name: str, kind: str
) -> None:
    data = written[name, kind].read_bytes()
    for end in range(data.rindex(b"\nOVSDB ") + 1, len(data) + 1):
        served = authority.rows(data[:end], settled=kind == "clustered")
        assert rows_of(files.parse(data[:end]).contents) == served


@pytest.mark.parametrize("kind", ["standalone", "clustered"])
def test_a_changed_byte_anywhere_ends_the_reading_before_its_record(
    written: dict[tuple[str, str], Path], kind: str
) -> None:
    data = written["OVN_Northbound", kind].read_bytes()
    starts = [0]
    while (found := data.find(b"\nOVSDB ", starts[-1])) > 0:
        starts.append(found + 1)
    for number, start in enumerate(starts[1:], start=1):
        damaged = files.parse(data[: start + 60] + bytes([data[start + 60] ^ 1]) + data[start + 61 :])
        assert damaged.damage is not None
        assert (damaged.damage.offset, damaged.damage.records) == (start, number)


def test_a_file_that_ends_within_its_schema_has_no_contents(written: dict[tuple[str, str], Path]) -> None:
    found = files.parse(written["OVN_Northbound", "standalone"].read_bytes()[:500])
    assert found.contents is None
    assert found.damage is not None
    assert found.damage.records == 0


def test_records_that_are_whole_and_make_no_sense_are_damage(written: dict[tuple[str, str], Path]) -> None:
    data = written["OVN_Northbound", "standalone"].read_bytes()
    before = rows_of(files.parse(data).contents)
    uuid = "00000000-0000-4000-8000-000000000000"
    for bad in (
        b'{"Nothing":{}}',
        b'{"NB_Global":5}',
        b'{"NB_Global":{"x":null}}',
        b'{"NB_Global":{"%b":null}}' % uuid.encode(),
        b'{"NB_Global":{"%b":[]}}' % uuid.encode(),
        b"[]",
        b"{",
        b'{"NB_Global":{"%b":' % uuid.encode() + b"[" * 100_000,
    ):
        found = files.parse(data + write_record(bad))
        assert found.damage is not None
        assert found.damage.offset == len(data)
        assert rows_of(found.contents) == before


# -- changes -----------------------------------------------------------------------------------------------------------

COLUMNS = sorted(
    name
    for name, column in Kinds._columns.items()
    if column.type.key.ref_table is None
    and (column.type.value is None or column.type.value.ref_table is None)
    and not column.immutable
    and not column.ephemeral
    # From a difference of such a set ovsdb-server 3.1 does not find back to what it was.
    and column.type.max in (None, 1)
)
CHANGES = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), st.integers(), min_size=1, max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries({name: values(Kinds._columns[name].type) for name in chosen})
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def kinds_server(directory: Path) -> Iterator[Server]:
    own = directory / "kinds"
    own.mkdir()
    with Server(own / "kinds.db", write_to(own), run_dir=own, name="kinds") as server:
        yield server


@pytest.fixture(scope="module")
def kinds_client(kinds_server: Server) -> Iterator[KindsClient]:
    with KindsClient.connect(kinds_server.remote) as client:
        yield client


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_changes_of_any_column_leave_in_a_file_what_a_server_has(
    kinds_server: Server, kinds_client: KindsClient, authority: Authority, changes: list[dict[str, Any]]
) -> None:
    with kinds_client.transaction() as tx:
        ref = tx.insert(kinds(some_integers=[1], word="white"))
    for columns in changes:
        with kinds_client.transaction() as tx:
            tx.update(tx[ref], **columns)
    found = files.read(kinds_server.database)
    assert found.damage is None
    assert found.contents is not None
    row, before = KindsClient.over(found.contents, "kinds")[ref], kinds_client[ref]
    assert {name: getattr(row, name) for name in COLUMNS} == {name: getattr(before, name) for name in COLUMNS}
    assert rows_of(found.contents) == authority.rows(kinds_server.database)
    with kinds_client.transaction() as tx:
        tx.delete(tx[ref])


def test_differences_of_sets_with_bounds_are_read_as_they_were_meant(directory: Path) -> None:
    own = directory / "bounds"
    own.mkdir()
    with (
        Server(own / "kinds.db", write_to(own), run_dir=own, name="kinds") as server,
        KindsClient.connect(server.remote) as live,
    ):
        with live.transaction() as tx:
            ref = tx.insert(kinds())
        for some in ([5, 7], [0], [0, 1], [2, 3, 4, 5, 6], [-1, -2, -3, -4, -5]):
            with live.transaction() as tx:
                tx.update(tx[ref], some_integers=some, integers=some[:3])
            row = KindsClient.open(server.database)[ref]
            assert (row.some_integers, row.integers) == (frozenset(some), frozenset(some[:3]))


def test_files_of_releases_without_differences_tell_columns_whole(kinds_server: Server) -> None:
    uuid = "00000000-0000-4000-8000-000000000001"
    builder = Builder(files.read(kinds_server.database).contents.schema.json)  # type: ignore[union-attr]
    builder.apply(b'{"_date":1300000000,"Kinds":{"%b":{"strings":["set",["a","b"]]}}}' % uuid.encode())
    assert builder.date == 1300000000
    builder.apply(b'{"_date":1300000001000,"Kinds":{"%b":{"strings":["set",["b","c"]]}}}' % uuid.encode())
    assert builder.date == 1300000001
    assert rows_of(builder.contents())["Kinds"] == {UUID(uuid): {"strings": ["b", "c"]}}


# -- clusters ----------------------------------------------------------------------------------------------------------


def test_of_a_member_what_is_committed_counts_as_on_a_server_that_is_alone(
    directory: Path, authority: Authority
) -> None:
    with Cluster(directory / "cluster") as cluster:
        leader = cluster.leader()
        with Northbound.connect(cluster.remote) as nb:
            nb.add_switch("one")
            nb.add_switch("two")
        cluster.wait_caught_up()
        paths = [server.database for server in cluster.servers]
        own = [files.read(path) for path in paths]
        assert [rows_of(found.contents) for found in own] == [rows_of(own[0].contents)] * 3
        assert {found.membership.cluster_id for found in own if found.membership} == {cluster.cluster_id}
        before = rows_of(own[0].contents)
        assert len(before["Logical_Switch"]) == 2
        for follower in cluster.followers():
            cluster.stop(follower)
        operation = {"op": "insert", "table": "Logical_Switch", "row": {"name": "three"}}
        with pytest.raises(TimeoutError):
            call(cluster.servers[leader].socket, "transact", ["OVN_Northbound", operation], timeout=0.3)
        alone = paths[leader].read_bytes()
        found = files.parse(alone)
        assert found.membership is not None
        assert found.membership.uncommitted == 1
        assert rows_of(found.contents) == before == authority.rows(alone)
        cluster.restart_all()
        cluster.wait_caught_up()
        later = files.read(paths[leader])
        assert later.membership is not None
        assert later.membership.committed > found.membership.committed
        assert len(rows_of(later.contents)["Logical_Switch"]) == 3
        cluster.control(leader, "ovsdb-server/compact", "OVN_Northbound")
        compacted = files.read(paths[leader])
        assert rows_of(compacted.contents) == rows_of(later.contents)
        assert compacted.records < later.records


def test_a_member_that_has_joined_nothing_yet_has_no_contents(directory: Path) -> None:
    path = directory / "joining.db"
    tool("join-cluster", str(path), "OVN_Northbound", "tcp:127.0.0.1:1", "tcp:127.0.0.1:2")
    found = files.read(path)
    assert (found.name, found.contents, found.damage) == ("OVN_Northbound", None, None)
    with pytest.raises(NotADatabase, match="without a schema"):
        Northbound.open(path)


def test_a_conversion_of_a_cluster_is_followed(directory: Path, authority: Authority) -> None:
    own = directory / "converted"
    own.mkdir()
    schema = json.loads(find_schema("ovn-nb.ovsschema").read_text())
    tool("create-cluster", str(own / "nb.db"), str(find_schema("ovn-nb.ovsschema")), f"unix:{own}/raft")
    with Server(own / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=own, name="nb") as server:
        with Northbound.connect(server.remote) as nb:
            nb.add_switch("web")
            nb.add_switch_port("web", "vm1", addresses=["dynamic"])
        del schema["tables"]["Logical_Switch_Port"]["columns"]["addresses"]
        schema["tables"]["Logical_Switch"]["columns"]["mtu"] = {"type": "integer"}
        schema["version"] = "99.0.0"
        (own / "new.ovsschema").write_text(json.dumps(schema))
        subprocess.run(["ovsdb-client", "convert", server.remote, str(own / "new.ovsschema")], check=True)
        with Northbound.connect(server.remote) as nb:
            nb.add_switch("db")
        found = files.read(own / "nb.db")
        assert found.contents is not None
        assert found.contents.schema.version == "99.0.0"
        assert rows_of(found.contents) == authority.rows(own / "nb.db", settled=True)


# -- other forms of files ----------------------------------------------------------------------------------------------


def test_a_backup_is_read_as_a_database(written: dict[tuple[str, str], Path], directory: Path) -> None:
    path = directory / "backed-up.db"
    shutil.copy(written["OVN_Southbound", "standalone"], path)
    with Server(path, path, run_dir=directory, name="backup") as server:
        program = find_program("ovsdb-client") or "ovsdb-client"
        backup = subprocess.run([program, "backup", server.remote, "OVN_Southbound"], check=True, capture_output=True)
    found = files.parse(backup.stdout)
    assert found.damage is None
    assert rows_of(found.contents) == rows_of(files.read(path).contents)


def test_gzip_is_undone_and_one_that_is_cut_is_read_as_far_as_it_goes(written: dict[tuple[str, str], Path]) -> None:
    data = written["OVN_Northbound", "standalone"].read_bytes()
    packed = gzip.compress(data[:2000]) + gzip.compress(data[2000:])
    whole = files.parse(packed)
    assert whole.damage is None
    assert rows_of(whole.contents) == rows_of(files.parse(data).contents)
    for end in (*range(len(packed) // 2, len(packed) - 20, 13), *range(len(packed) - 20, len(packed))):
        cut = files.parse(packed[:end])
        assert cut.damage is not None
        assert cut.records <= whole.records
    for position in range(len(packed) // 2, len(packed), 29):
        damaged = files.parse(packed[:position] + bytes([packed[position] ^ 255]) + packed[position + 1 :])
        # There are bytes that mean nothing, such as the time in a header.
        assert damaged.damage is not None or rows_of(damaged.contents) == rows_of(whole.contents)
    second = packed.rindex(b"\x1f\x8b\x08")
    assert files.parse(packed[:second] + b"?" + packed[second + 1 :]).damage is not None
    assert files.parse(packed + bytes(512)).damage is None


def test_a_compressed_file_that_would_fill_the_memory_is_given_up() -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    data, reason = decompress(bomb, largest=1_000_000)
    assert len(data) == 1_000_000
    assert "more than 1000000 bytes" in reason


@pytest.mark.parametrize(
    "data", [b"", b"OVSDB", b"OVSDB RELAY 5 x", b"SQLite format 3\0", gzip.compress(b"hello", mtime=0)]
)
def test_what_is_no_database_is_refused(data: bytes) -> None:
    assert not files.is_database(data)
    with pytest.raises(NotADatabase):
        files.parse(data, "x")


# -- clients -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATABASES)
def test_a_client_of_a_file_gives_the_rows_of_a_client_of_a_server(
    written: dict[tuple[str, str], Path], directory: Path, name: str
) -> None:
    client_class, schema, _ = DATABASES[name]
    path = Path(shutil.copy(written[name, "standalone"], directory / f"served-{name}.db"))
    monitor: Any = dict.fromkeys(client_class._database.tables.values())
    with (
        Server(path, find_schema(schema), run_dir=directory, name=name) as server,
        client_class.connect(server.remote, monitor=monitor) as live,
        client_class.open(path) as still,
    ):
        for table in live.schema.tables:
            assert {row.uuid: row for row in still.rows(table)} == {row.uuid: row for row in live.rows(table)}
        assert still.schema == live.schema


@pytest.fixture
def still(written: dict[tuple[str, str], Path]) -> Iterator[Northbound]:
    with Northbound.open(written["OVN_Northbound", "standalone"]) as client:
        yield client


def test_a_client_of_a_file_says_so(still: Northbound) -> None:
    assert still.state == "file"
    assert repr(still) == f"<Northbound {still.remote} file>"
    assert still.trouble == ""
    assert still.has(LogicalSwitch.ports)
    switch = still.get(LogicalSwitch, name="web")
    assert still[switch.ref] == switch
    still.index(LogicalSwitch.external_ids, key="b")
    assert still.find(LogicalSwitch, external_ids={"b": "ü\n\"'"}) == [switch]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda nb: nb.transaction(),
        lambda nb: nb.transact(lambda tx: None),
        lambda nb: nb.add_switch("x"),
        lambda nb: nb.add_switch("x", dry_run=True),
        lambda nb: nb.wait(LogicalSwitch, name="web"),
        lambda nb: nb.wait_gone(LogicalSwitch, name="x"),
        lambda nb: nb.sync(),
        lambda nb: nb.watch(LogicalSwitch),
        lambda nb: nb.on_change(LogicalSwitch, print),
        lambda nb: nb.on_state(print),
        lambda nb: nb.lock("x"),
        lambda nb: nb.ovsdbapp,
    ],
)
def test_what_needs_a_server_is_refused_at_once(still: Northbound, attempt: Callable[[Northbound], object]) -> None:
    with pytest.raises(ReadOnly, match=r"connect\(\) to a server") as refused:
        attempt(still)
    assert isinstance(refused.value, OvnkitError)
    assert refused.value.remote == still.remote


def test_a_closed_client_of_a_file_says_that_it_is(still: Northbound) -> None:
    still.close()
    assert still.state == "closed"
    with pytest.raises(Closed):
        still.find(LogicalSwitch)


def test_a_file_of_another_database_is_refused(written: dict[tuple[str, str], Path]) -> None:
    with pytest.raises(NotADatabase, match="OVN_Southbound"):
        Northbound.open(written["OVN_Southbound", "clustered"])


def test_the_trouble_of_a_damaged_file_is_told(written: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.db"
    path.write_bytes(written["OVN_Northbound", "clustered"].read_bytes()[:-1])
    assert str(path) in Northbound.open(path).trouble


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATABASES)
def test_contents_that_are_saved_are_served_and_read_as_they_were(
    written: dict[tuple[str, str], Path], authority: Authority, tmp_path: Path, name: str
) -> None:
    contents = files.read(written[name, "clustered compacted"]).contents
    assert contents is not None
    path = tmp_path / "saved.db"
    path.write_text("something older")
    contents.save(path, comment="saved")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    tool("compact", str(path))
    assert rows_of(files.read(path).contents) == rows_of(contents) == authority.rows(path)


def test_empty_contents_are_a_database_as_well(written: dict[tuple[str, str], Path], authority: Authority) -> None:
    contents = files.read(written["OVN_Northbound", "standalone"]).contents
    assert contents is not None
    empty = Contents(contents.schema, {})
    assert rows_of(files.parse(empty.to_bytes()).contents) == {} == authority.rows(empty.to_bytes())
