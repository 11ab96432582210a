"""What role-based access control lets the certificate of one chassis do, and what it does not stop (ovn-sb(5))."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import pytest

from ovnkit import Northbound, Southbound
from ovnkit.errors import PermissionDenied
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import (
    FDB,
    Chassis,
    ChassisPrivate,
    DatapathBinding,
    Encap,
    MACBinding,
    PortBinding,
    RBACRole,
    SBGlobal,
)
from ovnkit.southbound.client import SouthboundTransaction
from tests.northd import northd_running, skip_without_northd
from tests.ovsdb.authority import LOOPBACK, Authority, TlsServer

OWN, OTHER = "chassis-1", "chassis-2"


@attrs.frozen
class Place:
    """A Southbound database with the roles of ovn-northd: as administrator, and as OWN."""

    admin: Southbound
    sb: Southbound
    nb: Northbound


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    skip_without_northd()
    directory = tmp_path_factory.mktemp("r")
    authority = Authority(directory / "ca")
    listeners = ("db:OVN_Southbound,SB_Global,connections",)
    with (
        TlsServer(directory, authority, *LOOPBACK, schema="ovn-sb.ovsschema", extra_remotes=listeners) as server,
        Server(directory / "n.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="n") as nb_server,
        Southbound.connect(server.remote, timeout=10) as admin,
        Northbound.connect(nb_server.remote, timeout=10) as nb,
        northd_running(directory, nb_server.remote, server.remote),
    ):
        admin.wait(RBACRole, name="ovn-controller", timeout=20)
        admin.wait(SBGlobal, timeout=20)
        admin.add_listener(f"pssl:{server.port}:127.0.0.1", role="ovn-controller")
        add_chassis(admin, OTHER)
        with Southbound.connect(
            server.tls_remote,
            tls=authority.tls(OWN),
            timeout=10,
            monitor=dict.fromkeys((Chassis, ChassisPrivate, DatapathBinding, Encap, MACBinding, FDB, PortBinding)),
        ) as sb:
            yield Place(admin, sb, nb)


def add_chassis(client: Southbound, name: str) -> None:
    def body(tx: SouthboundTransaction) -> None:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.1" if name == OWN else "192.0.2.2", chassis_name=name))
        chassis = tx.insert(Chassis(name=name, encaps={encap}))
        tx.insert(ChassisPrivate(name=name, chassis=chassis))

    client.transact(body)


def denied(place: Place, table: str, body: Callable[[SouthboundTransaction], object]) -> None:
    runs: list[None] = []

    def counted(tx: SouthboundTransaction) -> None:
        runs.append(None)
        body(tx)

    with pytest.raises(PermissionDenied) as caught:
        place.sb.transact(counted, timeout=10)
    assert len(runs) == 1
    assert caught.value.table == table
    assert caught.value.error == "permission error"
    assert f'RBAC rules for client "{OWN}" role "ovn-controller" prohibit' in caught.value.details
    assert f'table "{table}"' in caught.value.details


def content(client: Southbound) -> list[str]:
    rows = [*client.find(Chassis), *client.find(ChassisPrivate), *client.find(Encap)]
    return sorted(map(repr, rows))


def test_s17_a_chassis_may_register_change_and_remove_itself(place: Place) -> None:
    add_chassis(place.sb, OWN)
    chassis = place.sb.wait(Chassis, name=OWN)
    private = place.sb.wait(ChassisPrivate, name=OWN)
    place.sb.transact(lambda tx: tx.update(private, nb_cfg=7))
    place.sb.transact(lambda tx: tx.update(chassis, other_config={"datapath-type": "system"}))
    place.admin.wait(ChassisPrivate, name=OWN, nb_cfg=7, timeout=10)
    place.admin.wait(Chassis, name=OWN, other_config={"datapath-type": "system"}, timeout=10)

    def remove(tx: SouthboundTransaction) -> None:
        tx.delete(tx.get(ChassisPrivate, name=OWN))
        tx.delete(tx.get(Chassis, name=OWN))

    place.sb.transact(remove)
    place.admin.wait_gone(Chassis, name=OWN, timeout=10)
    place.admin.wait_gone(ChassisPrivate, name=OWN, timeout=10)


def test_s17_a_chassis_may_not_register_another(place: Place) -> None:
    def insert_chassis(tx: SouthboundTransaction) -> None:
        encap = tx.insert(Encap(type="vxlan", ip="192.0.2.3", chassis_name=OWN))
        tx.insert(Chassis(name="chassis-3", encaps={encap}))

    def insert_encap(tx: SouthboundTransaction) -> None:
        encap = tx.insert(Encap(type="vxlan", ip="192.0.2.3", chassis_name="chassis-3"))
        tx.insert(Chassis(name=OWN, encaps={encap}))

    before = content(place.admin)
    denied(place, "Chassis", insert_chassis)
    denied(place, "Encap", insert_encap)
    denied(place, "Chassis_Private", lambda tx: tx.insert(ChassisPrivate(name="chassis-3")))
    assert content(place.admin) == before


def test_s17_a_chassis_may_not_change_another(place: Place) -> None:
    before = content(place.admin)
    denied(place, "Chassis", lambda tx: tx.update(tx.get(Chassis, name=OTHER), other_config={"a": "b"}))
    denied(place, "Chassis_Private", lambda tx: tx.update(tx.get(ChassisPrivate, name=OTHER), nb_cfg=9))
    denied(place, "Encap", lambda tx: tx.update(tx.get(Encap, chassis_name=OTHER), ip="192.0.2.66"))
    assert content(place.admin) == before


def test_s17_a_chassis_may_not_remove_another(place: Place) -> None:
    before = content(place.admin)
    denied(place, "Chassis", lambda tx: tx.delete(tx.get(Chassis, name=OTHER)))
    denied(place, "Chassis_Private", lambda tx: tx.delete(tx.get(ChassisPrivate, name=OTHER)))

    def delete_encap(tx: SouthboundTransaction) -> None:
        tx.delete(tx.get(Encap, chassis_name=OTHER))

    with pytest.raises(PermissionDenied) as caught:
        place.sb.transact(delete_encap)
    assert caught.value.table in ("Chassis", "Encap")
    assert content(place.admin) == before


def test_s17_what_a_role_does_not_stop(place: Place) -> None:
    """Any chassis may claim the port of another, and poison what all of them learn about neighbours."""
    place.nb.add_switch("web", subnet="10.0.1.0/24")
    place.nb.add_switch_port("web", "vm", addresses=["02:00:00:00:00:02 10.0.1.2"])
    port = place.admin.wait(PortBinding, logical_port="vm", timeout=10)
    place.admin.transact(lambda tx: tx.update(tx[port.ref], chassis=tx.get(Chassis, name=OTHER), up=True))
    place.sb.wait(PortBinding, logical_port="vm", up=True, timeout=10)
    add_chassis(place.sb, OWN)

    def claim(tx: SouthboundTransaction) -> None:
        tx.update(tx[port.ref], chassis=tx.get(Chassis, name=OWN))

    place.sb.transact(claim)
    assert place.admin.wait(PortBinding, chassis=place.sb.get(Chassis, name=OWN), timeout=10).logical_port == "vm"

    datapath = place.sb[port.datapath]

    def entry(ip: str) -> MACBinding:
        return MACBinding(logical_port="vm", ip=ip, mac="02:00:00:00:00:66", datapath=port.datapath)

    def learned(mac: str) -> FDB:
        return FDB(mac=mac, dp_key=datapath.tunnel_key, port_key=port.tunnel_key)

    def learn(tx: SouthboundTransaction) -> None:
        tx.insert(entry("10.0.1.8"))
        tx.insert(learned("02:00:00:00:00:08"))

    def poison(tx: SouthboundTransaction) -> None:
        tx.delete(tx.get(MACBinding, ip="10.0.1.8"))
        tx.insert(entry("10.0.1.9"))
        tx.delete(tx.get(FDB, mac="02:00:00:00:00:08"))
        tx.insert(learned("02:00:00:00:00:09"))

    place.admin.transact(learn)
    place.sb.wait(FDB, mac="02:00:00:00:00:08", timeout=10)
    place.sb.transact(poison)
    assert place.sb.wait(MACBinding, timeout=10).ip == "10.0.1.9"
    assert place.sb.get(FDB).mac == "02:00:00:00:00:09"
