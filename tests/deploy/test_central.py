"""The central services on several hosts: made, joined, left, replaced, saved and restored, by real servers."""

from __future__ import annotations

import json
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import Northbound, Southbound, deploy
from ovnkit.deploy import Central, HostSpec, Member, central
from ovnkit.deploy.central.commands import join_command
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.timer import next_timer
from ovnkit.deploy.databases import NORTHBOUND
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict, ConnectionFailed, HostFailed, InvalidValue, NeedsHost, SpecError, Timeout
from ovnkit.northbound import NB, Connection, LogicalSwitch, NBGlobal
from ovnkit.ovsdb import schema_of
from ovnkit.southbound import SBGlobal
from tests.deploy.members import Members, members

pytestmark = pytest.mark.filterwarnings("ignore::ovnkit.ovsdb.OpenToAll")


@pytest.fixture
def three() -> Iterator[Members]:
    with members(3) as found:
        yield found


@pytest.fixture
def one() -> Iterator[Members]:
    with members(1) as found:
        yield found


def created(spec: Spec) -> Spec:
    report = central.create(spec)
    assert report, str(report)
    return spec


def add_switch(spec: Spec, name: str) -> None:
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        nb.add_switch(name)


def switches(spec: Spec) -> set[str]:
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        return {row.name for row in nb.find(LogicalSwitch)}


def leader(spec: Spec, database: str = "OVN_Northbound") -> str:
    (found,) = [one.host for one in central.status(spec) if one.database == database and one.leader]
    return found


def states(report: object) -> set[str]:
    return {step.state for step in report.steps}  # type: ignore[attr-defined]


# -- create ----------------------------------------------------------------------------------------------------------


def test_a_cluster_is_made_and_northd_works_in_it(three: Members) -> None:
    spec = three.spec()
    first, *rest = central.create(spec, dry_run=True).steps
    assert first.what == "no restore is under way"
    assert "to do" in {step.state for step in rest}
    created(spec)
    found = central.status(spec)
    assert [(one.host, one.database) for one in found] == [
        (name, database) for name in three.names for database in ("OVN_Northbound", "OVN_Southbound")
    ]
    assert all(found)
    for database in ("OVN_Northbound", "OVN_Southbound"):
        of = [one for one in found if one.database == database]
        assert len({one.cluster_id for one in of}) == 1
        assert len({one.server_id for one in of}) == 3
        assert [one.role for one in of].count("leader") == 1
        assert {len(one.peers) for one in of} == {3}
        assert {one.election_timer for one in of} == {1000}
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        nb.add_switch("web")
        nb.sync(timeout=20)


def test_what_is_made_is_not_made_again(three: Members) -> None:
    spec = created(three.spec())
    before = [three.pid(name, daemon) for name in three.names for daemon in ("ovnnb_db", "ovnsb_db", "ovn-northd")]
    assert states(central.create(spec)) == {"already done"}
    assert states(central.create(spec, dry_run=True)) == {"already done"}
    after = [three.pid(name, daemon) for name in three.names for daemon in ("ovnnb_db", "ovnsb_db", "ovn-northd")]
    assert after == before


def test_what_was_interrupted_goes_on(three: Members) -> None:
    spec = three.spec()

    class Interrupted(Exception):
        pass

    steps = len(central.create(spec, dry_run=True).steps)
    for stop in range(0, steps, 6):
        seen: list[object] = []

        def tell(step: object, seen: list[object] = seen, stop: int = stop) -> None:
            seen.append(step)
            if len(seen) > stop:
                raise Interrupted

        with pytest.raises(Interrupted):
            central.create(spec, progress=tell)
    created(spec)
    assert all(central.status(spec))
    assert len({status.cluster_id for status in central.status(spec)}) == 2


def test_a_first_member_that_comes_back_empty_joins_the_cluster_that_is_there(three: Members) -> None:
    spec = created(three.spec())
    add_switch(spec, "before")
    cluster = {one.cluster_id for one in central.status(spec)}
    for daemon in ("ovnnb_db", "ovnsb_db", "ovn-northd"):
        three.kill("s1", daemon)
    for path in three.place("s1").glob("*.db"):
        path.unlink()
    made = central.create(spec)
    assert isinstance(made.problem, Conflict)
    assert "replace()" in str(made)
    assert {len(one.peers) for one in central.status(spec) if one} == {3}
    report = central.replace(spec, "s1", timeout=30)
    assert report, str(report)
    assert {one.cluster_id for one in central.status(spec)} == cluster
    assert all(central.status(spec))
    assert switches(spec) == {"before"}


def test_a_standalone_service_listens_at_its_own_address_alone(one: Members) -> None:
    spec = created(one.listening("s1"))
    (northbound, southbound) = central.status(spec)
    assert (northbound.model, southbound.model) == ("standalone", "standalone")
    assert northbound.leader
    assert (northbound.cluster_id, northbound.role, northbound.peers) == (None, None, ())
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        assert [row.target for row in nb.find(Connection)] == [f"ptcp:6641:{one.addresses['s1']}"]
        nb.add_switch("web")
        nb.sync(timeout=20)


def test_listeners_and_rows_that_are_there_stay(one: Members) -> None:
    spec = created(one.listening("s1"))
    with Southbound.connect(spec.central.southbound, timeout=10) as sb:
        sb.add_listener("ptcp:26642:127.0.0.1", inactivity_probe=0)
        row = sb.get(SBGlobal).uuid
    created(spec)
    with Southbound.connect(spec.central.southbound, timeout=10) as sb:
        assert len(sb.get(SBGlobal).connections) == 2
        assert sb.get(SBGlobal).uuid == row


def test_files_of_two_clusters_are_told_apart(three: Members) -> None:
    created(three.spec("s1", clustered=True))
    created(three.spec("s2", clustered=True))
    report = central.create(three.spec("s1", "s2"), timeout=5)
    assert not report.ok
    assert isinstance(report.problem, Conflict)
    assert "two clusters" in str(report.problem)


def test_a_database_of_another_kind_is_not_touched(three: Members) -> None:
    created(three.spec("s1"))
    report = central.create(three.spec("s1", "s2"), timeout=5)
    assert isinstance(report.problem, Conflict)
    assert "standalone" in str(report.problem)
    assert not (three.place("s2") / "ovnnb_db.db").exists()


def test_a_spec_without_members_has_no_services_to_make(one: Members) -> None:
    remote = f"unix:{one.directory}/none.sock"
    with pytest.raises(Conflict, match=r"central\.members"):
        central.create(Spec(central=Central(northbound=remote, southbound=remote)))


# -- members ---------------------------------------------------------------------------------------------------------


def test_a_member_leaves_and_another_joins(three: Members) -> None:
    spec = created(three.spec())
    add_switch(spec, "web")
    report = central.leave(spec, "s3")
    assert report, str(report)
    assert states(central.leave(spec, "s3")) == {"already done"}
    rest = three.spec("s1", "s2")
    assert {len(one.peers) for one in central.status(rest)} == {2}
    assert list(three.place("s3").glob("*.db.left-*"))
    created(rest)
    report = central.join(spec, "s3")
    assert report, str(report)
    assert {len(one.peers) for one in central.status(spec)} == {3}
    assert all(central.status(spec))
    assert switches(spec) == {"web"}


def test_nobody_joins_a_cluster_that_is_not_there(three: Members) -> None:
    report = central.join(three.spec(), "s2", timeout=5)
    assert isinstance(report.problem, Conflict)
    assert not list(three.place("s2").glob("*.db"))


def test_a_dead_member_is_replaced_by_a_new_one_at_its_address(three: Members) -> None:
    spec = created(three.spec())
    dead = leader(spec)
    before = {one.host: one.server_id for one in central.status(spec) if one.database == "OVN_Northbound"}
    three.kill(dead, "ovnnb_db")
    report = central.replace(spec, dead, timeout=30)
    assert report, str(report)
    after = {one.host: one.server_id for one in central.status(spec) if one.database == "OVN_Northbound"}
    assert after.pop(dead) != before.pop(dead)
    assert after == before
    assert all(central.status(spec))
    assert states(central.replace(spec, dead)) == {"already done"}


def test_a_machine_that_was_wiped_is_brought_its_certificate_when_it_is_replaced(
    three: Members, tmp_path: Path
) -> None:
    spec = three.spec(tls=str(tmp_path / "pki"))
    deploy.certify(spec)
    created(spec)
    for daemon in ("ovnnb_db", "ovnsb_db", "ovn-northd"):
        three.kill("s3", daemon)
    shutil.rmtree(three.place("s3"))
    three.place("s3").mkdir()
    report = central.replace(spec, "s3")
    assert report, str(report)
    key = three.place("s3") / "ovn" / "pki" / "central" / "key.pem"
    assert key.read_text() == (tmp_path / "pki" / "central-s3" / "key.pem").read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for status in central.status(spec):
        assert status
        assert {peer.address.partition(":")[0] for peer in status.peers} == {"ssl"}
        assert len(status.peers) == 3


def test_who_cannot_be_asked_but_is_heard_of_is_not_replaced(three: Members) -> None:
    spec = created(three.spec())
    member = attrs.evolve(spec.central.member("s3"), access=("false",))
    rest = [one for one in spec.central.members if one.host != "s3"]
    cut_off = attrs.evolve(spec, central=attrs.evolve(spec.central, members=[*rest, member]))
    assert isinstance(central.replace(cut_off, "s3").problem, HostFailed)
    (three.place("s3") / "ovnnb_db.ctl").unlink()
    (three.place("s3") / "ovnnb_db.sock").unlink()
    report = central.replace(spec, "s3", timeout=2)
    assert isinstance(report.problem, Timeout)
    assert "is alive" in str(report.problem)
    assert isinstance(central.leave(spec, "s3", gone=True, timeout=2).problem, Timeout)
    assert {len(one.peers) for one in central.status(spec) if one} == {3}


def test_where_nobody_leads_nobody_is_replaced(three: Members) -> None:
    spec = created(three.spec())
    for name in three.names:
        for daemon in ("ovnnb_db", "ovnsb_db"):
            three.kill(name, daemon)
    report = central.replace(spec, "s2")
    assert isinstance(report.problem, Conflict)
    assert "no leader" in str(report.problem)
    assert (three.place("s2") / "ovnnb_db.db").exists()
    created(spec)
    assert all(central.status(spec))


def test_a_server_that_was_cut_off_is_replaced_while_it_runs(three: Members) -> None:
    spec = created(three.spec())
    (dead,) = [name for name in ("s3", "s2") if name != leader(spec)][:1]
    control = three.place(dead) / "ovnnb_db.ctl"
    three.host(dead).run(["ovs-appctl", "-t", str(control), "cluster/failure-test", "stop-raft-rpc"])
    (before,) = [one.server_id for one in central.status(spec) if (one.host, one.database) == (dead, "OVN_Northbound")]
    deadline = time.monotonic() + 20
    while all(central.status(spec)) and time.monotonic() < deadline:
        time.sleep(0.2)
    report = central.replace(spec, dead, timeout=30)
    assert report, str(report)
    (after,) = [one.server_id for one in central.status(spec) if (one.host, one.database) == (dead, "OVN_Northbound")]
    assert after != before
    assert all(central.status(spec))


def test_the_last_majority_is_not_left(three: Members) -> None:
    spec = created(three.spec())
    dead, leaving = [name for name in three.names if name != leader(spec)][:2]
    for daemon in ("ovnnb_db", "ovnsb_db"):
        three.kill(dead, daemon)
    time.sleep(4)
    report = central.leave(spec, leaving)
    assert isinstance(report.problem, Conflict)
    assert "no majority" in str(report.problem)
    add_switch(spec, "still")
    assert central.leave(spec, dead, gone=True)
    assert {len(one.peers) for one in central.status(spec) if one} == {2}
    assert states(central.leave(spec, dead, gone=True)) == {"already done"}


def test_the_leader_gives_up_leadership(three: Members) -> None:
    spec = created(three.spec())
    first = leader(spec)
    report = central.step_down(spec, first)
    assert report, str(report)
    assert leader(spec) != first
    assert all(central.status(spec))
    (follower,) = [name for name in three.names if name not in (first, leader(spec))]
    pid = three.pid(follower, "ovnnb_db")
    central.step_down(spec, follower)
    assert three.pid(follower, "ovnnb_db") == pid


def test_the_election_timer_changes_in_allowed_steps_also_where_the_spec_has_another(three: Members) -> None:
    spec = created(three.spec("s1", clustered=True))
    report = central.set_election_timer(spec, 5000, databases=[central.NORTHBOUND])
    # A server takes no more than twice what it has.
    assert report, str(report)
    timers = {one.database: one.election_timer for one in central.status(spec)}
    assert timers == {"OVN_Northbound": 5000, "OVN_Southbound": 1000}
    assert central.set_election_timer(spec, 1000)
    changed = attrs.evolve(spec, central=attrs.evolve(spec.central, election_timer=2500))
    assert [step.what for step in central.create(changed, dry_run=True).steps if step.state == "to do"] == [
        "the election timer of OVN_Northbound is 2500 ms",
        "the election timer of OVN_Southbound is 2500 ms",
    ]
    assert deploy.plan(changed).apply()
    assert {one.election_timer for one in central.status(spec)} == {2500}
    assert not deploy.plan(changed)
    # Whose file says nothing of it has not asked for the default.
    assert central.create(spec)
    assert {one.election_timer for one in central.status(spec)} == {2500}
    with pytest.raises(SpecError, match="milliseconds from 100"):
        central.set_election_timer(spec, 99)


@pytest.mark.parametrize(
    ("now", "wanted", "value"),
    [(1000, 1000, 1000), (1000, 2000, 2000), (1000, 2001, 2000), (16000, 1000, 1000), (1, 8, 2)],
)
def test_no_change_of_the_election_timer_is_to_more_than_twice_the_last(now: int, wanted: int, value: int) -> None:
    assert next_timer(now, wanted) == value


def test_a_member_that_does_not_answer_is_in_the_status_with_its_problem(three: Members) -> None:
    spec = created(three.spec())
    three.kill("s2", "ovnsb_db")
    found = {(one.host, one.database): one for one in central.status(spec)}
    silent = found.pop(("s2", "OVN_Southbound"))
    assert not silent
    assert "asking the server of OVN_Southbound" in str(silent)
    assert all(one.problem is None for one in found.values())


# -- backup, restore, conversion -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_what_was_saved_comes_back(three: Members, tmp_path: Path, count: int) -> None:
    spec = created(three.spec(*three.names[:count]))
    add_switch(spec, "saved")
    saved = central.backup(spec, tmp_path)
    assert [one.database for one in saved] == ["OVN_Northbound", "OVN_Southbound"]
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in saved} == {0o600}
    assert [one.size for one in saved] == [one.path.stat().st_size for one in saved]
    add_switch(spec, "later")
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        uuid = nb.get(LogicalSwitch, name="saved").uuid
        report = central.restore(spec, tmp_path, timeout=30)
        assert report, str(report)
        # A client that was connected all the while sees the other cluster.
        nb.wait_gone(LogicalSwitch, name="later", timeout=20)
        assert nb.get(LogicalSwitch, name="saved").uuid == uuid
        nb.sync(timeout=20)
    assert all(central.status(spec))
    assert {len(one.peers) for one in central.status(spec)} == ({0} if count == 1 else {3})
    old = [path.name for path in three.place("s1").glob("*.before-*")]
    assert len(old) == 2
    assert not list(three.place("s1").glob("ovnkit-restore"))
    assert not list(three.place("s1").glob("*.backup"))


def test_s8_whoever_pins_the_cluster_is_not_served_by_the_one_that_is_built_anew(
    three: Members, tmp_path: Path
) -> None:
    spec = created(three.spec("s1", "s2"))
    old = {one.cluster_id for one in central.status(spec) if one.database == "OVN_Northbound"}
    central.backup(spec, tmp_path)
    add_switch(spec, "later")
    (pinned,) = old
    with Northbound.connect(spec.central.northbound, timeout=10, cluster_id=pinned) as nb:
        assert central.restore(spec, tmp_path, timeout=30)
        with pytest.raises((Timeout, ConnectionFailed), match="cluster"):
            nb.add_switch("for the old one")
        assert nb.state == "reconnecting"
        assert {row.name for row in nb.find(LogicalSwitch)} == {"later"}
    assert switches(spec) == set()
    assert not old & {one.cluster_id for one in central.status(spec)}


def test_a_restore_that_was_interrupted_goes_on(three: Members, tmp_path: Path) -> None:
    spec = created(three.spec("s1", "s2"))
    add_switch(spec, "saved")
    central.backup(spec, tmp_path)
    add_switch(spec, "later")

    class Interrupted(Exception):
        pass

    steps = len(central.restore(spec, tmp_path, dry_run=True).steps)
    for stop in range(1, steps - 2, 5):
        seen: list[object] = []

        def tell(step: object, seen: list[object] = seen, stop: int = stop) -> None:
            seen.append(step)
            if len(seen) > stop:
                raise Interrupted

        with pytest.raises(Interrupted):
            central.restore(spec, tmp_path, progress=tell)
        # Databases that are not there just now are no reason to make empty ones.
        made = central.create(spec)
        assert isinstance(made.problem, Conflict)
        assert "a restore was interrupted" in str(made)
    report = central.restore(spec, tmp_path)
    assert report, str(report)
    assert switches(spec) == {"saved"}
    created(spec)
    # Asked for once more, it is done once more.
    add_switch(spec, "later")
    assert central.restore(spec, tmp_path)
    assert switches(spec) == {"saved"}


def test_while_one_is_interrupted_no_other_backup_is_restored(one: Members, tmp_path: Path) -> None:
    spec = created(one.spec())
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
        add_switch(spec, directory.name)
        central.backup(spec, directory)

    def tell(step: object) -> None:
        if "put its databases away" in str(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        central.restore(spec, first, progress=tell)
    report = central.restore(spec, second)
    assert isinstance(report.problem, Conflict)
    assert central.restore(spec, first)
    assert switches(spec) == {"first"}
    assert central.restore(spec, second)
    assert switches(spec) == {"first", "second"}


def test_controllers_that_cannot_be_told_are_named_and_the_restore_is_complete(one: Members, tmp_path: Path) -> None:
    made = created(one.spec())
    add_switch(made, "saved")
    central.backup(made, tmp_path)
    add_switch(made, "later")
    place = one.place("s1")
    told = ("sh", "-c", f'echo "$*" >>{place}/told; echo connected', "sh")
    accesses: list[tuple[str, ...] | None] = [("false",), told, ("false",), None]
    hosts = [
        HostSpec(name=f"h{number}", encap_ip=f"192.0.2.{number}", ovsdb=f"unix:{place}/h{number}.sock", access=access)
        for number, access in enumerate(accesses, 1)
    ]
    spec = attrs.evolve(made, hosts=hosts)
    report = central.restore(spec, tmp_path)
    assert isinstance(report.problem, HostFailed)
    assert report.problem.host == "h1, h3"
    assert "sb-cluster-state-reset" in (place / "told").read_text()
    assert [step.state for step in report.steps if step.what == "the restore is complete"] == ["done"]
    # What is written from then on is not thrown away by telling them again.
    add_switch(made, "new")
    assert isinstance(central.reset_controllers(spec).problem, HostFailed)
    reached = attrs.evolve(spec, hosts=[hosts[1], hosts[3]])
    report = central.reset_controllers(reached)
    assert isinstance(report.problem, NeedsHost)
    assert "h4" in str(report.problem)
    assert central.reset_controllers(attrs.evolve(spec, hosts=[hosts[1]]))
    assert switches(made) == {"saved", "new"}


@pytest.mark.parametrize("left", [0, 1, 100, -1, -20])
def test_a_backup_that_is_not_whole_is_refused_before_anything_ends(one: Members, tmp_path: Path, left: int) -> None:
    spec = created(one.spec())
    add_switch(spec, "web")
    central.backup(spec, tmp_path)
    path = tmp_path / "OVN_Northbound.backup"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InvalidValue, match="a whole backup of OVN_Northbound"):
        central.restore(spec, tmp_path)
    assert switches(spec) == {"web"}


def test_a_database_without_its_content_is_no_backup(one: Members, tmp_path: Path) -> None:
    spec = created(one.spec())
    central.backup(spec, tmp_path)
    path = tmp_path / "OVN_Northbound.backup"
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"OVSDB JSON", 1)])
    with pytest.raises(InvalidValue):
        central.restore(spec, tmp_path)
    path.write_bytes(data.replace(b"_comment", b"_commend"))
    with pytest.raises(InvalidValue):
        central.restore(spec, tmp_path)


def test_what_is_no_backup_is_refused_before_anything_ends(one: Members, tmp_path: Path) -> None:
    spec = created(one.spec())
    central.backup(spec, tmp_path)
    other = tmp_path / "OVN_Southbound.backup"
    shutil.copy(tmp_path / "OVN_Northbound.backup", other)
    with pytest.raises(InvalidValue, match="a whole backup of OVN_Southbound"):
        central.restore(spec, tmp_path)
    other.unlink()
    with pytest.raises(OSError, match="No such file"):
        central.restore(spec, tmp_path)
    assert all(central.status(spec))


@pytest.mark.parametrize("count", [1, 2])
def test_a_database_that_serves_gets_a_newer_schema(three: Members, tmp_path: Path, count: int) -> None:
    spec = created(three.spec(*three.names[:count]))
    add_switch(spec, "web")
    installed = central.status(spec)[0].schema_version
    newer = schema_of(NB).to_json()
    newer["version"] = f"{int(installed.partition('.')[0]) + 1}.0.0"
    newer["tables"]["Logical_Switch"]["columns"]["later"] = {"type": "string"}
    schemas = {central.NORTHBOUND: json.dumps(newer)}
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        report = central.convert(spec, tmp_path, schemas=schemas)
        assert report, str(report)
        assert {one.schema_version for one in central.status(spec) if one.database == "OVN_Northbound"} == {
            newer["version"]
        }
        nb.wait(LogicalSwitch, name="web", timeout=10)
        nb.add_switch("later")
    assert (tmp_path / "OVN_Northbound.backup").exists()
    assert states(central.convert(spec, tmp_path, schemas=schemas)) == {"already done"}
    # The way back drops columns.
    with pytest.raises(Conflict, match="downgrade=True"):
        central.convert(spec, tmp_path)
    assert central.convert(spec, tmp_path, downgrade=True)
    assert central.status(spec)[0].schema_version == installed


def test_a_schema_that_the_content_does_not_fit_changes_nothing(one: Members, tmp_path: Path) -> None:
    spec = created(one.spec())
    add_switch(spec, "web")
    before = central.status(spec)
    schema = schema_of(NB).to_json()
    schema["version"] = "99.0.0"
    schema["tables"]["Logical_Switch"]["columns"]["name"] = {"type": {"key": {"type": "string", "maxLength": 1}}}
    report = central.convert(spec, tmp_path, schemas={central.NORTHBOUND: json.dumps(schema)})
    assert not report.ok
    assert [one.schema_version for one in central.status(spec)] == [one.schema_version for one in before]
    assert switches(spec) == {"web"}
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        assert nb.find(NBGlobal)


def test_members_are_of_the_spec(three: Members) -> None:
    spec = three.spec("s1")
    for call in (central.join, central.leave, central.replace, central.step_down):
        with pytest.raises(KeyError, match="s1"):
            call(spec, "s9")
    with pytest.raises(Conflict, match="one member alone"):
        central.leave(created(spec), "s1")
    with pytest.raises(SpecError, match="how to reach it"):
        Spec(central=Central(members=[Member(host="far", address="192.0.2.1")], insecure=True))


# -- from plain TCP to TLS -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "point",
    [
        "left",
        "put away",
        pytest.param("ended", marks=pytest.mark.long),
        pytest.param("file made", marks=pytest.mark.long),
    ],
)
def test_a_member_that_was_interrupted_on_its_way_to_tls_goes_on(three: Members, tmp_path: Path, point: str) -> None:
    plain = created(three.spec())
    add_switch(plain, "web")
    spec = three.spec(tls=str(tmp_path / "pki"))
    deploy.certify(spec)

    def tell(step: object) -> None:
        if "s3 serves OVN_Northbound" in str(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy.secure(spec, progress=tell)
    services = Services(spec)
    node = services.node("s3")
    server = node.server(NORTHBOUND)
    node.appctl(server, "cluster/leave", "OVN_Northbound")
    deadline = time.monotonic() + 20
    others = services.others(node)
    while {len(one.status(NORTHBOUND).peers) for one in others} != {2} and time.monotonic() < deadline:
        time.sleep(0.1)
    if point in ("ended", "put away", "file made"):
        node.stop(server, timeout=20)
    if point in ("put away", "file made"):
        node.put_away(NORTHBOUND, "plain")
    if point == "file made":
        addresses = [one.status(NORTHBOUND).address for one in others]
        node.make_file(NORTHBOUND, join_command(NORTHBOUND, node.layout, raft=node.raft(NORTHBOUND), others=addresses))
    report = deploy.secure(spec)
    assert report, str(report)
    for status in central.status(spec):
        assert status
        assert {peer.address.partition(":")[0] for peer in status.peers} == {"ssl"}
        assert len(status.peers) == 3
    assert switches(spec) == {"web"}
    assert states(deploy.secure(spec)) == {"already done"}
