"""A cluster with TLS and roles from one spec: what is planned, brought to hosts, found again, and taken back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from ovnkit import Southbound, VSwitch, deploy
from ovnkit.deploy import Central, HostSpec, Member, Spec, central
from ovnkit.deploy.certificates import certificate_change, fingerprint, install, source
from ovnkit.deploy.layout import TlsFiles
from ovnkit.errors import Conflict, InvalidValue, NeedsHost, SpecError
from ovnkit.ovsdb import OpenToAll
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, Connection, Encap
from ovnkit.vswitch import SSL, OpenVSwitch
from tests.deploy.members import Members, members
from tests.operations import snapshot


@attrs.frozen
class Secured:
    """One member, which is a chassis as well, and a second chassis; nothing is deployed yet."""

    members: Members
    spec: Spec

    def vswitch(self, host: str) -> VSwitch:
        return VSwitch.connect(self.spec.host(host).ovsdb, timeout=10)

    def pki(self, host: str) -> Path:
        return self.members.place(host) / "ovn" / "pki"


@pytest.fixture
def secured() -> Iterator[Secured]:
    with members(2) as found, ExitStack() as stack:
        hosts = []
        for number, name in enumerate(found.names, 1):
            place = found.place(name)
            server = Server(place / "conf.db", find_schema("vswitch.ovsschema"), run_dir=place, name="db")
            stack.enter_context(server)
            hosts.append(
                HostSpec(
                    name=name,
                    system_id=f"hv{number}",
                    encap_ip=f"192.0.2.{number}",
                    ovsdb=server.remote,
                    access=found.access(name),
                )
            )
        made = Central(
            members=[Member(host="s1", address=found.addresses["s1"])], tls=str(found.directory / "pki"), rbac=True
        )
        yield Secured(found, Spec(central=made, hosts=hosts))


def test_the_whole_cluster_is_one_plan(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    plan = deploy.plan(spec)
    assert plan.ok
    assert plan
    assert plan.central is not None
    assert {step.state for step in plan.central.steps[1:]} == {"to do"}
    assert not list(secured.members.place("s1").glob("*.pid.*"))
    text = str(plan)
    assert "s1 serves OVN_Northbound" in text
    assert "PRIVATE KEY" not in text
    report = plan.apply()
    assert report, str(report)
    assert all(central.status(spec))
    again = deploy.plan(spec)
    assert not again, str(again)
    with Southbound.connect(spec.central.southbound_admin, tls=deploy.client_tls(spec), timeout=10) as sb:
        address = secured.members.addresses["s1"]
        assert {row.target: row.role for row in sb.find(Connection)} == {
            f"pssl:6642:{address}": "ovn-controller",
            f"pssl:16642:{address}": "",
        }
    for host in ("s1", "s2"):
        with secured.vswitch(host) as vs:
            row = vs.get(SSL)
            assert row.private_key == str(secured.pki(host) / "chassis" / "key.pem")
            assert Path(row.certificate).read_text() == source(spec, f"chassis-{host}").cert.read_text()
            assert vs.chassis_config().remotes == (f"ssl:{address}:6642",)


def test_a_member_that_is_down_delays_no_host(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    # What has quorum goes on without it; here Southbound is the part that does.
    assert central.create(spec)
    secured.members.kill("s1", "ovnnb_db")
    database = secured.members.place("s1") / "ovnnb_db.db"
    database.rename(database.with_suffix(".away"))
    (secured.members.place("s1") / "ovnnb_db.db").mkdir()
    plan = deploy.plan(spec)
    assert plan.ok
    assert [result.changed for result in plan.hosts] == [True, True]
    report = plan.apply()
    assert not report.ok
    assert report.central is not None
    assert not report.central.ok
    assert [result.problem for result in report.hosts] == [None, None]


def test_keys_are_for_their_owner_alone(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert deploy.plan(spec).apply()
    keys = [*secured.members.directory.glob("*/ovn/pki/*/key.pem"), *Path(spec.central.tls or "").glob("*/key.pem")]
    assert len(keys) == 2 * (3 + 5)  # by the link as well
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    # A key that has become everybody's is brought anew.
    (secured.pki("s2") / "chassis" / "key.pem").chmod(0o644)
    (changed,) = [result for result in deploy.plan(spec).hosts if result.changed]
    assert changed.host.name == "s2"
    assert deploy.plan(spec).apply()
    assert not deploy.plan(spec)


def test_what_was_applied_is_taken_back(secured: Secured, tmp_path: Path) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert central.create(spec)
    with secured.vswitch("s2") as vs, vs.transaction() as tx:
        ssl = tx.insert(SSL(private_key="/old/key", certificate="/old/cert", ca_cert="/old/ca"))
        tx.insert(OpenVSwitch(ssl=ssl, external_ids={"foreign": "stays"}))
    before = {}
    for host in ("s1", "s2"):
        with secured.vswitch(host) as vs:
            before[host] = snapshot(vs)
    record = tmp_path / "record"
    plan = deploy.plan(spec)
    assert plan.apply(undo_record=record)
    # A second time, as after an interruption: the way back is to where the first began.
    assert plan.apply(undo_record=record)
    report = deploy.undo(record)
    assert report.ok
    assert not report.kept
    with secured.vswitch("s2") as vs:
        assert snapshot(vs) == before["s2"]
    with secured.vswitch("s1") as vs:
        assert vs.find(SSL) == []
        assert dict(vs.get(OpenVSwitch).external_ids) == {}


def test_files_that_somebody_has_named_since_stay(secured: Secured, tmp_path: Path) -> None:
    spec = secured.spec
    deploy.certify(spec)
    record = tmp_path / "record"
    assert deploy.plan(spec).apply(undo_record=record)
    with secured.vswitch("s1") as vs:
        vs.set_ssl(private_key="/mine", certificate="/mine", ca_cert="/mine")
    report = deploy.undo(record)
    assert [kept.key for kept in report.kept["s1"]] == ["SSL"]
    with secured.vswitch("s1") as vs:
        assert vs.get(SSL).private_key == "/mine"


def test_without_certificates_nothing_is_begun(secured: Secured) -> None:
    with pytest.raises(InvalidValue, match=r"deploy\.certify"):
        deploy.plan(secured.spec)
    report = deploy.Plan(secured.spec, ()).apply()
    assert not report
    assert report.hosts == ()
    assert report.central is not None
    assert isinstance(report.central.problem, InvalidValue)
    assert not list(secured.members.place("s1").glob("ovn*"))


def test_a_key_that_others_could_have_read_is_refused(secured: Secured) -> None:
    deploy.certify(secured.spec)
    key = source(secured.spec, "central-s1").key
    key.chmod(0o640)
    with pytest.raises(InvalidValue, match="mode 0640"):
        deploy.plan(secured.spec)
    key.chmod(0o600)
    assert deploy.plan(secured.spec).ok


def test_a_certificate_of_another_chassis_is_refused(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    hosts = [attrs.evolve(host, system_id=f"{host.system_id}-new") for host in spec.hosts]
    renamed = attrs.evolve(spec, hosts=hosts)
    report = deploy.plan(renamed).apply()
    assert [type(result.problem) for result in report.failed] == [InvalidValue, InvalidValue]
    assert "hv1-new" in str(report.failed[0].problem)
    with pytest.raises(Conflict, match="renew"):
        deploy.certify(renamed)
    deploy.certify(renamed, renew=True)
    assert deploy.plan(renamed).apply()


def test_a_host_without_access_is_named_with_what_to_run(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    hosts = [attrs.evolve(host, access=None) if host.name == "s2" else host for host in spec.hosts]
    report = deploy.plan(attrs.evolve(spec, hosts=hosts)).apply()
    (failed,) = report.failed
    assert isinstance(failed.problem, NeedsHost)
    assert "cert.pem" in failed.problem.command


def test_a_hostname_that_a_role_may_not_change_is_refused(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert deploy.plan(spec).apply()
    with Southbound.connect(spec.central.southbound_admin, tls=deploy.client_tls(spec), timeout=10) as sb:
        with sb.transaction() as tx:
            encap = tx.insert(Encap(type="geneve", ip="192.0.2.2", chassis_name="hv2"))
            tx.insert(Chassis(name="hv2", hostname="before", encaps=[encap]))
        with secured.vswitch("s2") as vs, vs.transaction() as tx2:
            row = tx2.get(OpenVSwitch)
            tx2.update(row, external_ids={**row.external_ids, "hostname": "after"})
        (problem,) = [result.problem for result in deploy.plan(spec).hosts if result.problem is not None]
        assert isinstance(problem, Conflict)
        assert "deploy.remove_chassis" in str(problem)


def test_roles_come_with_the_spec_and_are_not_taken_away_by_it(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    plain = attrs.evolve(spec, central=attrs.evolve(spec.central, rbac=False))
    assert deploy.plan(plain).apply()
    report = central.create(spec)
    assert report, str(report)
    with Southbound.connect(spec.central.southbound_admin, tls=deploy.client_tls(spec), timeout=10) as sb:
        address = secured.members.addresses["s1"]
        assert sb.get(Connection, target=f"pssl:6642:{address}").role == "ovn-controller"
    report = central.create(plain)
    assert isinstance(report.problem, Conflict)
    assert "--role ''" in str(report.problem)


def test_tls_at_the_port_of_plain_tcp_is_for_secure(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    plain = attrs.evolve(spec, central=Central(members=spec.central.members, insecure=True))
    assert deploy.plan(plain).apply()
    with Southbound.connect(plain.central.southbound, timeout=10) as sb:
        address = secured.members.addresses["s1"]
        with pytest.warns(OpenToAll):
            sb.add_listener(f"ptcp:6642:{address}", inactivity_probe=60000)
    report = central.create(spec)
    assert isinstance(report.problem, Conflict)
    assert "deploy.secure" in str(report.problem)
    report = deploy.secure(spec)
    assert report, str(report)
    with Southbound.connect(spec.central.southbound_admin, tls=deploy.client_tls(spec), timeout=10) as sb:
        found = {row.target: (row.role, row.inactivity_probe) for row in sb.find(Connection)}
        assert found == {f"pssl:6642:{address}": ("ovn-controller", 60000), f"pssl:16642:{address}": ("", None)}
    assert not deploy.plan(spec)


def test_a_pair_is_never_half_new(secured: Secured, tmp_path: Path) -> None:
    """Key and certificate are one directory, which is exchanged as a whole; the one before is removed."""
    deploy.certify(secured.spec)
    host = secured.members.host("s1")
    files = TlsFiles(*(f"{tmp_path}/pki/{name}" for name in ("own/key.pem", "own/cert.pem", "cacert.pem")))
    for name in ("chassis-s1", "central-s1", "chassis-s2"):
        wanted = source(secured.spec, name)
        assert certificate_change(host, files, wanted)
        install(host, files, wanted)
        assert certificate_change(host, files, wanted) == ()
        assert Path(files.key).read_text() == wanted.key.read_text()
        assert Path(files.certificate).read_text() == wanted.cert.read_text()
        link = Path(files.key).parent
        assert link.is_symlink()
        assert link.readlink().name == f".own@{fingerprint(wanted.cert.read_text())}"
        assert sorted(path.name for path in (tmp_path / "pki").iterdir()) == sorted(
            [link.readlink().name, "own", "cacert.pem"]
        )


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"rbac": True}, "central.rbac"),
        ({"tls": ""}, "central.tls"),
        ({"tls": "pki", "rbac": True, "southbound_admin": "ssl:192.0.2.1:6642"}, "central.southbound_admin"),
        ({"election_timer": 99}, "central.election_timer"),
        ({"election_timer": True}, "central.election_timer"),
        ({"start": "cron"}, "central.start"),
        ({"clustered": "yes"}, "central.clustered"),
        ({"members": [Member(host="a", address="192.0.2.1")] * 2}, "central.member.host"),
        (
            {"members": [Member(host="a", address="192.0.2.1"), Member(host="b", address="192.0.2.1")]},
            "central.member.address",
        ),
        (
            {
                "members": [Member(host="a", address="192.0.2.1"), Member(host="b", address="192.0.2.2")],
                "clustered": False,
            },
            "central.clustered",
        ),
        ({"northbound": "ssl:192.0.2.1:6641,ssl:192.0.2.2:7777", "members": [Member(host="a", address="::1")]},
         "central.northbound"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_key(fields: dict[str, object], key: str) -> None:
    defaults = {"northbound": "ssl:192.0.2.1:6641", "southbound": "ssl:192.0.2.1:6642"}
    with pytest.raises(SpecError) as caught:
        Central(**{**defaults, **fields})  # type: ignore[arg-type]
    assert caught.value.key == key


def test_addresses_of_members_are_the_connection_strings() -> None:
    spec = Central(
        members=[Member(host="a", address="192.0.2.1"), Member(host="b", address="2001:db8::2")], tls="pki", rbac=True
    )
    assert spec.northbound == "ssl:192.0.2.1:6641,ssl:[2001:db8::2]:6641"
    assert spec.southbound == "ssl:192.0.2.1:6642,ssl:[2001:db8::2]:6642"
    assert spec.southbound_admin == "ssl:192.0.2.1:16642,ssl:[2001:db8::2]:16642"
    assert spec.clustered


TOML = """
[central]
tls = "pki"
rbac = true
election_timer = 2000
start = "systemd"

[[central.member]]
host = "ctl"
address = "192.0.2.1"
access = ["docker", "exec", "-i", "ovn"]

[[host]]
name = "cmp"
encap_ip = "192.0.2.9"
"""


def test_the_file_says_all_of_it(tmp_path: Path) -> None:
    spec = deploy.loads(TOML)
    assert deploy.loads(deploy.dumps(spec)) == spec
    assert (spec.central.start, spec.central.election_timer, spec.central.tls) == ("systemd", 2000, "pki")
    assert spec.central.member("ctl").access == ("docker", "exec", "-i", "ovn")
    file = tmp_path / "cluster.toml"
    file.write_text(TOML)
    # The directory is beside the file.
    assert deploy.load(file).central.tls == str(tmp_path / "pki")
    for wrong, key in (
        (TOML.replace('host = "ctl"', 'hots = "ctl"'), "central.member[0].hots"),
        (TOML.replace('address = "192.0.2.1"\n', ""), "central.member[0].address"),
        (TOML.replace("2000", '"2000"'), "central.election_timer"),
        (TOML.replace('address = "192.0.2.1"', 'address = "ctl.example"'), "central.member.ctl.address"),
        (TOML.replace('access = ["docker", "exec", "-i", "ovn"]\n', ""), "central.member.ctl.access"),
    ):
        with pytest.raises(SpecError) as caught:
            deploy.loads(wrong)
        assert caught.value.key == key
