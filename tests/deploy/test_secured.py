"""A cluster with TLS and roles from one spec: what is planned, brought to hosts, found again, and taken back."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit import Northbound, Southbound, VSwitch, deploy
from ovnkit.deploy import Central, HostSpec, Member, Spec, StepResult, central
from ovnkit.deploy.central.services import Services
from ovnkit.deploy.certificates import certificate_change, fingerprint, install, source
from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.pki.certificate import Usage
from ovnkit.errors import (
    Conflict,
    ConnectionFailed,
    HostFailed,
    InvalidValue,
    NeedsHost,
    PermissionDenied,
    SpecError,
    Timeout,
)
from ovnkit.ovsdb import OpenToAll
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.remote import Tls, parse_remotes
from ovnkit.southbound import Chassis, Connection, Encap
from ovnkit.southbound.client import SouthboundTransaction
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
    # Keys go with it; the central services go on with theirs, and with the authority.
    assert not secured.pki("s2").exists()
    left = {path.name.partition("@")[0] for path in secured.pki("s1").iterdir()}
    assert left == {"cacert.pem", "central", ".central"}
    assert all(central.status(spec))
    assert not deploy.undo(record).hosts


def test_certificates_that_were_there_before_stay_and_what_was_rotated_meanwhile_goes(
    secured: Secured, tmp_path: Path
) -> None:
    spec = secured.spec
    deploy.certify(spec)
    only_first = attrs.evolve(spec, hosts=spec.hosts[:1])
    assert deploy.plan(only_first).apply()
    record = tmp_path / "record"
    deploy.certify(spec, renew=True)
    assert deploy.plan(spec).apply(undo_record=record)
    assert "PRIVATE" not in record.read_text()
    assert deploy.rotate_certificates(spec)
    assert deploy.plan(spec).apply(undo_record=record)
    report = deploy.undo(record)
    assert report.ok
    assert not report.kept
    assert (secured.pki("s1") / "chassis" / "key.pem").exists()
    assert not secured.pki("s2").exists()
    # With a key that others could read it was there as well.
    assert deploy.plan(spec).apply()
    (secured.pki("s2") / "chassis" / "key.pem").chmod(0o644)
    other = tmp_path / "other"
    assert deploy.plan(spec).apply(undo_record=other)
    assert deploy.undo(other).ok
    assert (secured.pki("s2") / "chassis" / "key.pem").exists()


def test_a_certificate_that_somebody_else_uses_or_has_put_there_stays(secured: Secured, tmp_path: Path) -> None:
    spec = secured.spec
    deploy.certify(spec)
    record = tmp_path / "record"
    assert deploy.plan(spec).apply(undo_record=record)
    used = secured.pki("s1") / "chassis" / "cert.pem"
    with secured.vswitch("s1") as vs:
        vs.set_ssl(private_key="/mine", certificate=str(used), ca_cert="/mine")
    link = secured.pki("s2") / "chassis"
    link.unlink()
    link.mkdir()
    (link / "cert.pem").write_text(source(spec, "central-s1").cert.read_text())
    report = deploy.undo(record)
    assert report.ok
    assert [kept.key for kept in report.kept["s1"]] == ["SSL", str(used)]
    assert (used.parent / "key.pem").exists()
    assert [kept.key for kept in report.kept["s2"]] == [str(link / "cert.pem")]
    assert (link / "cert.pem").exists()
    # Whoever has put it there trusts by the authority.
    assert (secured.pki("s2") / "cacert.pem").exists()


def test_a_rotation_goes_past_a_host_that_is_dead_and_brings_it_its_own_later(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert deploy.plan(spec).apply()
    keys = {host: secured.pki(host) / "chassis" / "key.pem" for host in ("s1", "s2")}
    before = {host: key.read_text() for host, key in keys.items()}
    dead = attrs.evolve(spec, hosts=[spec.hosts[0], attrs.evolve(spec.hosts[1], access=("false",))])
    report = deploy.rotate_certificates(dead)
    assert isinstance(report.problem, HostFailed)
    assert report.problem.host == "s2"
    assert keys["s1"].read_text() != before["s1"]
    assert keys["s2"].read_text() == before["s2"]
    assert all(central.status(spec))
    assert deploy.plan(spec).apply()
    assert keys["s2"].read_text() == source(spec, "chassis-s2").key.read_text() != before["s2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_whoever_was_given_a_key_is_given_the_next_one(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert deploy.plan(spec).apply()
    key = secured.pki("s2") / "chassis" / "key.pem"
    before = key.read_text()
    os.chown(key, 12345, 23456)
    assert deploy.rotate_certificates(spec)
    found = key.stat()
    assert key.read_text() != before
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o600)
    # The servers of root go on to be root's.
    assert (secured.pki("s1") / "central" / "key.pem").stat().st_uid == 0


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


def test_ports_that_the_spec_gives_speak_tls_afterwards(secured: Secured) -> None:
    address = secured.members.addresses["s1"]

    def at(scheme: str) -> dict[str, Any]:
        return {"northbound": f"{scheme}:{address}:7641", "southbound": f"{scheme}:{address}:7642"}

    members = secured.spec.central.members
    plain = attrs.evolve(secured.spec, central=Central(members=members, insecure=True, **at("tcp")))
    assert deploy.plan(plain).apply()
    own = f"ssl:{address}:7700"
    given = attrs.evolve(secured.spec.central, **at("ssl"), southbound_admin=own)
    spec = attrs.evolve(secured.spec, central=given)
    deploy.certify(spec)
    seen: list[tuple[str, ...]] = []

    def tell(step: StepResult) -> None:
        if step.what == "every chassis knows both ways to Southbound":
            with secured.vswitch("s2") as vs:
                seen.append(vs.chassis_config().remotes)

    report = deploy.secure(spec, progress=tell)
    assert report, str(report)
    assert seen == [(f"tcp:{address}:7642", f"ssl:{address}:7642")]
    with Southbound.connect(own, tls=deploy.client_tls(spec), timeout=10) as sb:
        roles = {row.target: row.role for row in sb.find(Connection)}
    assert roles == {f"pssl:7642:{address}": "ovn-controller", f"pssl:7700:{address}": ""}
    with secured.vswitch("s2") as vs:
        assert vs.chassis_config().remotes == (f"ssl:{address}:7642",)
    assert not deploy.plan(spec)


def expired(spec: Spec, name: str) -> Tls:
    """A key and a certificate that the authority of the spec has signed, for a second that is over."""
    assert spec.central.tls is not None
    names = (spec.central.members[0].address,) if name.startswith("central") else ()
    usage: tuple[Usage, ...] = ("server", "client") if names else ("client",)
    made = deploy.pki.issue(spec.central.tls, name, names=names, usage=usage, days=1 / 86400)
    time.sleep(max(0.0, (made.certificate.not_after - datetime.now(UTC)).total_seconds() + 0.1))
    return made.tls


def test_s15_a_certificate_that_has_expired_is_taken_by_neither_side(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert central.create(spec)
    with pytest.raises((ConnectionFailed, Timeout), match=r"the server says that the certificate in .* has expired"):
        Southbound.connect(spec.central.southbound, tls=expired(spec, "chassis-late"), timeout=5)
    old = expired(spec, "central-late")
    for path in (old.key, old.cert):
        (secured.pki("s1") / "central" / path.name).write_text(path.read_text())
    good = source(spec, "client-ovnkit")
    said, deadline = "", time.monotonic() + 10
    # The server looks at its files now and then.
    while "the server's certificate, or that of its CA, has expired" not in said:
        assert time.monotonic() < deadline, said
        try:
            Southbound.connect(spec.central.southbound_admin, tls=good, timeout=5).close()
        except ConnectionFailed as exc:
            said = str(exc)
    assert deploy.rotate_certificates(spec)
    Southbound.connect(spec.central.southbound_admin, tls=good, timeout=20).close()


def test_s15_a_client_of_tls_1_1_is_refused(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert central.create(spec)
    good = source(spec, "client-ovnkit")
    (remote,) = parse_remotes(spec.central.southbound)

    def spoken(version: ssl.TLSVersion) -> str | None:
        context = ssl.create_default_context(cafile=good.ca)
        context.load_cert_chain(good.cert, good.key)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection((remote.host, remote.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=remote.host) as secure,
        ):
            return secure.version()

    assert spoken(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    for old in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert (internal error|protocol version)"):
            spoken(old)


def test_s16_certificates_of_one_process_are_told_apart_also_after_all_have_connected_again(secured: Secured) -> None:
    spec = secured.spec
    deploy.certify(spec)
    assert central.create(spec)
    monitor = dict.fromkeys((Chassis, Encap))
    with ExitStack() as stack:
        north = stack.enter_context(
            Northbound.connect(spec.central.northbound, tls=source(spec, "client-ovnkit"), timeout=20)
        )
        chassis = {
            host.system_id: stack.enter_context(
                Southbound.connect(
                    spec.central.southbound, tls=source(spec, f"chassis-{host.name}"), timeout=20, monitor=monitor
                )
            )
            for host in spec.hosts
        }

        def steal(tx: SouthboundTransaction) -> None:
            encap = tx.insert(Encap(type="geneve", ip="192.0.2.99", chassis_name="hv9"))
            tx.insert(Chassis(name="hv9", encaps=[encap]))

        def told_apart() -> None:
            for system_id, client in chassis.items():
                # The server says by whose certificate it goes.
                with pytest.raises(PermissionDenied, match=f'"{system_id}"'):
                    client.transact(steal)
            # What no role holds back comes by the third.
            north.add_switch("web")
            north.remove_switch("web")

        told_apart()
        node = Services(spec).node("s1")
        for database in (central.NORTHBOUND, central.SOUTHBOUND):
            node.start(node.server(database))
        told_apart()


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
