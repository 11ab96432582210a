"""Three controllers and three compute nodes, deployed from one file with TLS and role-based access control.

A virtual machine is pinged by its floating IP while its cluster loses a leader, is given new certificates, is restored
and converted.
"""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound, Southbound, deploy
from ovnkit.deploy import Spec, central
from ovnkit.deploy.certificates import source
from ovnkit.errors import ConnectionFailed, PermissionDenied, Timeout
from ovnkit.lab import Lab
from ovnkit.ovsdb import Add
from ovnkit.remote import Tls, parse_remotes
from ovnkit.southbound import FDB, Chassis, ChassisPrivate, DatapathBinding, Encap, MACBinding, PortBinding, RBACRole
from ovnkit.southbound.client import SouthboundTransaction
from tests.lab.gaps import pings
from tests.lab.three_controllers import (
    CONTROLLERS,
    convert,
    kill_leader,
    leader,
    nothing_stale,
    restore,
    three_controllers,
    writing,
)

pytestmark = pytest.mark.lab

NO_GAP = 1.0
"""Seconds: what is no gap; pings are sent every 0.1 s, and a busy machine is late."""


@pytest.fixture(scope="module")
def cluster(lab_possible: None, records_of_module: Path) -> Iterator[tuple[Lab, Spec]]:
    with three_controllers() as found:
        yield found


@pytest.fixture
def lab(cluster: tuple[Lab, Spec]) -> Lab:
    return cluster[0]


@pytest.fixture
def changing(cluster: tuple[Lab, Spec]) -> Iterator[Lab]:
    """The cluster for a test that leaves it as it should be: with nothing stale in any database."""
    lab, spec = cluster
    yield lab
    seen = deploy.verify(spec, timeout=30)
    assert seen, str(seen)
    nothing_stale(lab, spec)
    assert not deploy.plan(spec)


def presented(spec: Spec) -> list[bytes]:
    """The certificates that the servers show just now."""
    context = ssl.create_default_context(cafile=source(spec, "client-ovnkit").ca)
    context.check_hostname = False
    context.load_cert_chain(source(spec, "client-ovnkit").cert, source(spec, "client-ovnkit").key)
    found = []
    for remote in parse_remotes(f"{spec.central.northbound},{spec.central.southbound_admin}"):
        with (
            socket.create_connection((remote.host, remote.port), timeout=10) as plain,
            context.wrap_socket(plain) as secure,
        ):
            found.append(secure.getpeercert(binary_form=True) or b"")
    return found


def test_what_the_file_says_has_come_true(lab: Lab) -> None:
    spec = lab.spec
    assert [member.host for member in spec.central.members] == list(CONTROLLERS)
    roles = [(one.database, one.role) for one in central.status(spec)]
    assert roles.count(("OVN_Northbound", "leader")) == roles.count(("OVN_Southbound", "leader")) == 1
    assert lab.outside.ping("203.0.113.100")


def test_a_leader_is_killed_and_replaced(changing: Lab) -> None:
    with pings(changing.outside, "203.0.113.100") as seen, writing(changing.spec) as writer:
        dead = kill_leader(changing, "OVN_Northbound")
        assert leader(changing.spec, "OVN_Northbound") != dead
    assert writer.errors == []
    assert writer.longest_gap < 5
    assert seen.longest_gap < NO_GAP
    kill_leader(changing, "OVN_Southbound")
    for name in CONTROLLERS:
        report = central.replace(changing.spec, name)
        assert report, str(report)


@pytest.mark.parametrize("authority", [False, True])
def test_new_certificates_are_no_outage(changing: Lab, authority: bool) -> None:
    before = presented(changing.spec)
    with pings(changing.outside, "203.0.113.100") as seen, writing(changing.spec) as writer:
        report = deploy.rotate_certificates(changing.spec, authority=authority)
        assert report, str(report)
    assert writer.errors == []
    assert seen.longest_gap < NO_GAP
    after = presented(changing.spec)
    assert not set(before) & set(after)
    assert len(set(after)) == len(CONTROLLERS)


def test_what_was_saved_is_restored_and_packets_flow_all_the_while(changing: Lab, tmp_path: Path) -> None:
    with pings(changing.outside, "203.0.113.100") as seen:
        restore(changing, tmp_path)
        changing.northbound.sync("hv", timeout=30)
    assert seen.longest_gap < NO_GAP
    assert changing.outside.ping("203.0.113.100")


def test_a_newer_schema_is_taken_up_at_work(changing: Lab, tmp_path: Path) -> None:
    before = {one.schema_version for one in central.status(changing.spec)}
    with pings(changing.outside, "203.0.113.100") as seen, writing(changing.spec) as writer:
        convert(changing, tmp_path)
    assert writer.errors == []
    assert seen.longest_gap < NO_GAP
    assert not before & {one.schema_version for one in central.status(changing.spec)}
    changing.northbound.sync("hv", timeout=30)


# -- S15 to S17 on this cluster --------------------------------------------------------------------------------------


def test_s15_who_shows_no_good_certificate_is_not_let_in(lab: Lab, tmp_path: Path) -> None:
    spec = lab.spec
    good = source(spec, "client-ovnkit")
    other = deploy.pki.issue_all(tmp_path / "other", deploy.pki.subjects(clients=["stranger"]))[0].tls
    for tls, why in (
        (Tls(other.key, other.cert, good.ca), "does not know the CA"),
        (Tls(good.key, good.cert, other.ca), "signed by another CA"),
        (Tls(good.key, other.cert, good.ca), "key"),
    ):
        with pytest.raises((ConnectionFailed, Timeout), match=f"(?i){why}"):
            Southbound.connect(spec.central.southbound, tls=tls, timeout=5)


def test_s15_a_server_by_another_name_is_refused(lab: Lab) -> None:
    good = source(lab.spec, "client-ovnkit")
    tls = Tls(good.key, good.cert, good.ca, server_name="elsewhere.example")
    with pytest.raises(ConnectionFailed, match="it is for"):
        Southbound.connect(lab.spec.central.southbound_admin, tls=tls, timeout=5)


def test_s15_a_file_that_is_gone_at_a_reconnect_keeps_the_certificate_that_was_there(lab: Lab, tmp_path: Path) -> None:
    good = source(lab.spec, "client-ovnkit")
    own = Tls(*(Path(shutil.copy(path, tmp_path)) for path in (good.key, good.cert, good.ca)))
    with Northbound.connect(lab.spec.central.northbound, tls=own, timeout=20) as nb:
        own.cert.unlink()
        report = central.step_down(lab.spec, leader(lab.spec, "OVN_Northbound"))
        assert report, str(report)
        nb.add_switch("later")
        nb.remove_switch("later")


def test_s15_a_certificate_of_a_chassis_is_none_of_a_server(lab: Lab) -> None:
    found = deploy.pki.show(source(lab.spec, "chassis-ctl1").cert)[0]
    assert not found.serves("server")
    assert deploy.pki.show(source(lab.spec, "central-ctl1").cert)[0].serves("server")


def as_chassis(lab: Lab, host: str) -> Southbound:
    """A client with the certificate of a chassis, where chassis come in."""
    monitor = dict.fromkeys((Chassis, ChassisPrivate, DatapathBinding, Encap, FDB, PortBinding, MACBinding, RBACRole))
    tls = source(lab.spec, f"chassis-{host}")
    return Southbound.connect(lab.spec.central.southbound, tls=tls, timeout=20, monitor=monitor)


def test_s16_two_certificates_in_one_process_are_told_apart(lab: Lab) -> None:
    with as_chassis(lab, "cmp1") as first, as_chassis(lab, "cmp2") as second:
        for client, host in ((first, "cmp1"), (second, "cmp2"), (first, "cmp1")):
            tx = client.transaction()
            tx.delete(tx.get(Chassis, name=lab.spec.host("cmp3").system_id))
            with pytest.raises(PermissionDenied, match=lab.spec.host(host).system_id):
                tx.commit()


Edit = Callable[[SouthboundTransaction, str], object]


def _encap(tx: SouthboundTransaction, name: str) -> Encap:
    return tx.find(Encap, chassis_name=name)[0]


def _insert_encap(tx: SouthboundTransaction, name: str) -> None:
    """Into the row of cmp1, which may change that."""
    encap = tx.insert(Encap(type="geneve", ip="192.0.2.77", chassis_name=name))
    tx.update(tx.get(Chassis, hostname="cmp1"), encaps=Add(encap))


def _insert(tx: SouthboundTransaction, name: str) -> None:
    encap = tx.insert(Encap(type="geneve", ip="192.0.2.77", chassis_name=f"{name}-2"))
    tx.insert(Chassis(name=f"{name}-2", encaps=[encap]))


@pytest.mark.parametrize(
    "edit",
    [
        _insert,
        lambda tx, name: tx.insert(ChassisPrivate(name=f"{name}-2")),
        _insert_encap,
        lambda tx, name: tx.update(tx.get(Chassis, name=name), other_config={"stolen": "yes"}),
        lambda tx, name: tx.delete(tx.get(Chassis, name=name)),
        lambda tx, name: tx.update(tx.get(ChassisPrivate, name=name), nb_cfg=99),
        lambda tx, name: tx.delete(tx.get(ChassisPrivate, name=name)),
        lambda tx, name: tx.update(_encap(tx, name), ip="192.0.2.78"),
        lambda tx, name: tx.delete(_encap(tx, name)),
    ],
    ids=[
        "insert Chassis",
        "insert private",
        "insert Encap",
        "update Chassis",
        "delete Chassis",
        "update private",
        "delete private",
        "update Encap",
        "delete Encap",
    ],
)
def test_s17_a_chassis_changes_nothing_of_another(lab: Lab, edit: Edit) -> None:
    runs: list[int] = []
    with as_chassis(lab, "cmp1") as sb:

        def body(tx: SouthboundTransaction) -> None:
            runs.append(1)
            edit(tx, lab.spec.host("cmp2").system_id)

        with pytest.raises(PermissionDenied):
            sb.transact(body)
    assert runs == [1]


def test_s17_what_its_role_does_not_stop(lab: Lab) -> None:
    """Port_Binding, MAC_Binding and FDB of anybody: docs/central.md says so."""
    with as_chassis(lab, "cmp3") as sb:
        port = sb.get(PortBinding, logical_port="vm1")
        sb.transact(lambda tx: tx.update(tx[port.ref], options={**port.options, "touched": "yes"}))
        learnt = sb.transact(
            lambda tx: tx.insert(
                MACBinding(logical_port="r-out", ip="203.0.113.99", mac="02:00:00:00:00:99", datapath=port.datapath)
            )
        )
        sb.transact(lambda tx: tx.delete(tx[learnt]))
        # Of a datapath that there is, for ovn-northd removes the others.
        (key,) = (row.tunnel_key for row in sb.find(DatapathBinding) if row.ref == port.datapath)
        seen = sb.transact(lambda tx: tx.insert(FDB(mac="02:00:00:00:00:99", dp_key=key, port_key=port.tunnel_key)))
        sb.transact(lambda tx: tx.delete(tx[seen]))


def test_a_hostname_that_the_role_may_not_change_is_refused_with_the_way_to_do_it(changing: Lab) -> None:
    host = changing.host("cmp3")
    before = host.vsctl("get", "Open_vSwitch", ".", "external_ids:hostname").strip('"')
    host.controller.stop()
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:hostname=elsewhere")
    try:
        plan = deploy.plan(changing.spec)
        (problem,) = [result.problem for result in plan.hosts if result.problem is not None]
        assert "remove_chassis" in str(problem)
    finally:
        host.vsctl("set", "Open_vSwitch", ".", f"external_ids:hostname={before}")
        host.controller.start()
