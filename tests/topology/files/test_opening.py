"""Networks out of files: found by what they hold, wherever they are, and the best of several taken."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ovnkit
from ovnkit import Northbound, Southbound, VSwitch, topology
from ovnkit.errors import NotADatabase
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import files
from ovnkit.ovsdb.server import Server, find_program, find_schema
from ovnkit.southbound import Chassis, Encap
from ovnkit.topology.network import Network
from ovnkit.vswitch import OpenVSwitch
from tests.cluster import Cluster


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A directory with the files nb.db, sb.db, hv1.db and hv2.db of one network."""
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    path = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    run = path / "run"
    run.mkdir()
    for name, schema in (
        ("nb", "ovn-nb.ovsschema"),
        ("sb", "ovn-sb.ovsschema"),
        ("hv1", "vswitch.ovsschema"),
        ("hv2", "vswitch.ovsschema"),
    ):
        with Server(path / f"{name}.db", find_schema(schema), run_dir=run, name=name) as server:
            write(name, server.remote)
    shutil.rmtree(run)
    yield path
    shutil.rmtree(path)


def write(name: str, remote: str) -> None:
    if name == "nb":
        with Northbound.connect(remote) as nb:
            nb.add_switch("web")
    elif name == "sb":
        with Southbound.connect(remote) as sb, sb.transaction() as tx:
            for number, host in enumerate(("hv1", "hv2"), start=1):
                encap = tx.insert(Encap(type="geneve", ip=f"192.0.2.{number}", chassis_name=host))
                tx.insert(Chassis(name=host, encaps=[encap]))
    else:
        with VSwitch.connect(remote) as vs:
            with vs.transaction() as tx:
                tx.insert(OpenVSwitch(external_ids={"system-id": name}))
            vs.add_bridge("br-int")


def is_whole(net: Network) -> bool:
    hosts = sorted(vs.get(OpenVSwitch).external_ids["system-id"] for vs in net.vswitches)
    return (
        hosts == ["hv1", "hv2"]
        and net.nb.get(LogicalSwitch).name == "web"
        and len(net.sb.find(Chassis)) == 2
        and not net.damage
    )


def test_files_become_one_network(made: Path) -> None:
    with ovnkit.open_files(*(made / f"{name}.db" for name in ("nb", "sb", "hv1", "hv2"))) as net:
        assert is_whole(net)
        assert net.tried == ()
        nb = net.nb
        assert repr(nb).endswith(" file>")
    assert repr(nb).endswith(" closed>")


def test_a_directory_is_looked_through_by_what_its_files_hold(made: Path, tmp_path: Path) -> None:
    deep = tmp_path / "host" / "var" / "lib"
    deep.mkdir(parents=True)
    shutil.copy(made / "nb.db", deep / "some name")
    (deep / "sb.txt.gz").write_bytes(gzip.compress((made / "sb.db").read_bytes()))
    shutil.copy(made / "hv1.db", tmp_path / "conf.db")
    shutil.copy(made / "hv2.db", tmp_path / "host" / "conf.db")
    (tmp_path / "ovnnb_db.db").write_text("OVSDB is a database\n")
    (tmp_path / "link.db").symlink_to(made / "nb.db")
    os.mkfifo(tmp_path / "pipe.db")
    with (tmp_path / "disk.img").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert is_whole(topology.open_files(tmp_path))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_file_is_read_without_being_extracted(made: Path, tmp_path: Path, mode: str) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        archive.add(made / "sb.db", "leader_sbdb")
    packed = tmp_path / "sos.bin"
    with tarfile.open(packed, mode) as archive:  # type: ignore[call-overload]
        archive.add(made / "nb.db", "../../etc/nb")
        add(archive, "network_logs/ovnk_database_store.tar.gz", inner.getvalue())
        add(archive, "/abs/conf.db.gz", gzip.compress((made / "hv1.db").read_bytes()))
        add(archive, "readme", b"x" * 3_000_000)
        link = tarfile.TarInfo("link.db")
        link.type, link.linkname = tarfile.SYMTYPE, str(made / "hv1.db")
        archive.addfile(link)
        archive.add(made / "hv2.db", "conf.db")
    before = sorted(tmp_path.iterdir())
    net = topology.open_files(packed)
    assert is_whole(net)
    assert net.nb.remote == f"{packed}:../../etc/nb"
    assert net.sb.remote == f"{packed}:network_logs/ovnk_database_store.tar.gz:leader_sbdb"
    assert sorted(tmp_path.iterdir()) == before


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_file_that_is_cut_is_read_up_to_there(made: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "cut.tar"
    data = os.urandom(200_000)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(made / "nb.db", "nb.db")
        add(archive, "noise", data)
        archive.add(made / "sb.db", "sb.db")
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    net = topology.open_files(path)
    assert net.clients == (net.nb,)
    (damage,) = net.damage
    assert (damage.path, damage.records) == (str(path), 1)
    assert "archive" in damage.reason


def test_a_database_that_is_cut_within_a_tar_file_is_read_up_to_there(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "nb.db", (made / "nb.db").read_bytes())
    path.write_bytes(path.read_bytes()[: 512 + (made / "nb.db").stat().st_size - 1])
    net = topology.open_files(path)
    assert net.nb.schema.name == "OVN_Northbound"
    assert {damage.path for damage in net.damage} == {f"{path}:nb.db", str(path)}


def test_of_the_members_of_a_cluster_the_one_that_has_most_is_taken(tmp_path: Path) -> None:
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    try:
        with Cluster(directory) as cluster:
            with Northbound.connect(cluster.remote) as nb:
                nb.add_switch("one")
                cluster.wait_caught_up()
                behind = Path(shutil.copy(cluster.servers[0].database, tmp_path / "a.db"))
                nb.add_switch("two")
                cluster.wait_caught_up()
            ahead = Path(shutil.copy(cluster.servers[1].database, tmp_path / "b.db"))
        for order in ((behind, ahead), (ahead, behind)):
            net = topology.open_files(*order)
            assert net.nb.remote == str(ahead)
            assert len(net.nb.find(LogicalSwitch)) == 2
            assert net.tried == (f"{behind}: {ahead} of the same cluster has committed more by 1",)
    finally:
        shutil.rmtree(directory)


def test_of_two_databases_the_one_with_the_later_transaction_is_taken(made: Path, tmp_path: Path) -> None:
    contents = files.read(made / "nb.db").contents
    assert contents is not None
    contents.save(tmp_path / "later.db")
    net = topology.open_files(made / "nb.db", tmp_path / "later.db")
    assert net.nb.remote == str(tmp_path / "later.db")
    assert net.tried == (f"{made / 'nb.db'}: {tmp_path / 'later.db'} has a later transaction",)


def test_a_backup_of_the_same_host_is_not_another_host(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "hv1.db", tmp_path / "conf.db.backup8.3.0")
    shutil.copy(made / "hv1.db", tmp_path / "conf.db")
    net = topology.open_files(tmp_path)
    assert len(net.vswitches) == 1
    assert len(net.tried) == 1


def test_damage_is_a_value_and_the_network_is_there(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "nb.db"
    path.write_bytes((made / "nb.db").read_bytes()[:-1])
    net = topology.open_files(path)
    assert [damage.path for damage in net.damage] == [str(path)]
    assert net.nb.trouble == str(net.damage[0])


def test_databases_of_other_things_are_told_and_not_taken(made: Path, tmp_path: Path) -> None:
    schema = tmp_path / "x.ovsschema"
    schema.write_text('{"name":"hardware_vtep","version":"1.0.0","tables":{"T":{"columns":{"c":{"type":"string"}}}}}')
    path = tmp_path / "vtep.db"
    subprocess.run([find_program("ovsdb-tool") or "ovsdb-tool", "create", str(path), str(schema)], check=True)
    net = topology.open_files(made / "nb.db", path)
    assert net.tried == (f"{path}: hardware_vtep is no database of a network",)


def test_a_path_without_any_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("nothing")
    for path in (tmp_path, tmp_path / "a"):
        with pytest.raises(NotADatabase, match="no database in it"):
            topology.open_files(path)
    with pytest.raises(FileNotFoundError):
        topology.open_files(tmp_path / "b")


def test_no_path_at_all_is_no_network_where_all_is_well() -> None:
    with pytest.raises(NotADatabase, match="no path was given"):
        topology.open_files()
