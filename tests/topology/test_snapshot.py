"""Snapshots: read again as they were, served by real servers, and anonymous ones with everything in its place."""

from __future__ import annotations

import ipaddress
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ovnkit import Northbound, Southbound, VSwitch, topology
from ovnkit.errors import NotMonitored, ReadOnly
from ovnkit.northbound import (
    ACL,
    NAT,
    SSL,
    AddressSet,
    DHCPOptions,
    HAChassis,
    HAChassisGroup,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
    NBGlobal,
    PortGroup,
)
from ovnkit.ovsdb import Client, Put, files
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, DatapathBinding, Encap, LogicalFlow, PortBinding, SBGlobal
from ovnkit.topology.network import Network
from ovnkit.topology.snapshot import Snapshot, snapshot
from ovnkit.vswitch import Interface, OpenVSwitch
from tests.northd import northd_running, skip_without_northd

NAMES = (
    *("acme-web", "acme-db", "acme-router", "acme_clients", "acme_group", "acme-lb", "vm-of-bob", "secret-vm"),
    *("hv1-of-acme", "physnet-acme", "br-acme", "bob's port", "acme.example", "s3cr3t", "privkey.pem", "10.77."),
    *("52:54:00", "203.0.113.", "2001:db8:77:", "project of Bob"),
)


def build(nb: Northbound, sb: Southbound, vs: VSwitch) -> None:
    """A network with everything in it that refers to something else by its name."""
    with sb.transaction() as tx:
        for number, name in enumerate(("hv1-of-acme", "hv2-of-acme"), start=1):
            encap = tx.insert(Encap(type="geneve", ip=f"203.0.113.{number}", chassis_name=name))
            tx.insert(
                Chassis(
                    name=name,
                    hostname=f"{name}.acme.example",
                    encaps=[encap],
                    other_config={"ovn-bridge-mappings": "physnet-acme:br-acme"},
                )
            )
    nb.add_switch("acme-web", subnet="10.77.1.0/24")
    nb.add_switch("acme-db")
    nb.add_provider_network("physnet-acme", switch="acme-out", port="provnet-acme")
    nb.add_router("acme-router")
    nb.connect_router(
        "acme-web", "acme-router", mac="52:54:00:00:00:01", networks=["10.77.1.1/24", "2001:db8:77:1::1/64"]
    )
    nb.connect_router("acme-db", "acme-router", mac="52:54:00:00:00:02", networks=["10.77.2.1/24"])
    nb.connect_router("acme-out", "acme-router", mac="52:54:00:00:00:03", networks=["203.0.113.10/24"])
    nb.add_switch_port(
        "acme-web", "vm-of-bob", addresses=["52:54:00:00:01:0a 10.77.1.10 2001:db8:77:1:5054:ff:fe00:10a"]
    )
    nb.add_switch_port("acme-web", "secret-vm", addresses=["52:54:00:00:01:0b 10.77.1.11"])
    nb.add_switch_port("acme-db", "bob's port", addresses=["52:54:00:00:02:0a 10.77.2.10"])
    nb.set_gateway("lrp-acme-router-acme-out", "hv1-of-acme", "hv2-of-acme")
    nb.add_snat("acme-router", external_ip="203.0.113.10", logical_ip="10.77.1.0/24")
    nb.add_floating_ip(
        "acme-router", "203.0.113.20", "10.77.1.10", logical_port="vm-of-bob", external_mac="52:54:00:00:03:01"
    )
    nb.add_route("acme-router", "0.0.0.0/0", "203.0.113.254")
    nb.add_address_set("acme_clients", addresses=["10.77.1.10", "10.77.1.11"])
    nb.add_port_group("acme_group", ports=["vm-of-bob", "secret-vm"])
    for priority, match in enumerate(
        (
            "outport == @acme_group && ip4.src == $acme_clients && tcp.dst == 22",
            'inport == "bob\'s port" && ip4.dst == 10.77.1.0/24',
            "outport == @acme_group && ip4.src == $acme_group_ip4 && udp.dst == {53, 5353}",
        )
    ):
        nb.add_acl(port_group="acme_group", direction="to-lport", priority=100 + priority, match=match, action="drop")
    nb.add_load_balancer("acme-lb", vips={"10.77.9.1:80": "10.77.1.10:8080,10.77.1.11:8080"}, routers=["acme-router"])
    nb.add_dhcp("acme-web", "10.77.1.0/24", server_id="10.77.1.1", server_mac="52:54:00:00:00:01", router="10.77.1.1")
    nb.add_dns("acme-web", {"vm.acme.example": ["10.77.1.10"], "10.1.77.10.in-addr.arpa": "vm.acme.example"})
    with nb.transaction() as tx:
        tx.update(
            tx.get(LogicalSwitchPort, name="vm-of-bob"),
            external_ids=Put({"neutron:port_name": "project of Bob", "password": "s3cr3t"}),
            options=Put({"requested-chassis": "hv1-of-acme"}),
        )
        root = tx.find(NBGlobal)
        ssl = tx.insert(SSL(private_key="/etc/privkey.pem", certificate="/etc/cert.pem", ca_cert="/etc/ca.pem"))
        tx.update(root[0], ssl=ssl)
    with vs.transaction() as vs_tx:
        vs_tx.insert(
            OpenVSwitch(
                external_ids={
                    "system-id": "hv1-of-acme",
                    "ovn-remote": "ssl:203.0.113.1:6642",
                    "ovn-bridge-mappings": "physnet-acme:br-acme",
                    "ovn-encap-ip": "203.0.113.1",
                    "ovn-encap-type": "geneve",
                }
            )
        )
    vs.add_bridge("br-int")
    vs.add_bridge("br-acme")
    vs.add_port("br-int", "tapbob")
    vs.bind_interface("tapbob", "vm-of-bob")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def live(directory: Path) -> Iterator[Network]:
    """The network on real servers, translated by a real ovn-northd."""
    skip_without_northd()
    everything: Any = dict.fromkeys(Southbound._database.tables.values())
    with (
        Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as nb_server,
        Server(directory / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=directory, name="sb") as sb_server,
        Server(directory / "vs.db", find_schema("vswitch.ovsschema"), run_dir=directory, name="vs") as vs_server,
        northd_running(directory, nb_server.remote, sb_server.remote),
        Northbound.connect(nb_server.remote) as nb,
        Southbound.connect(sb_server.remote, monitor=everything) as sb,
        VSwitch.connect(vs_server.remote) as vs,
    ):
        nb.wait(NBGlobal, timeout=10)
        build(nb, sb, vs)
        nb.sync(timeout=10)
        with sb.transaction() as tx:
            tx.update(
                tx.get(PortBinding, logical_port="vm-of-bob"), chassis=tx.get(Chassis, name="hv1-of-acme"), up=True
            )
        nb.wait(LogicalSwitchPort, name="vm-of-bob", up=True, timeout=10)
        sb.wait(PortBinding, logical_port="cr-lrp-acme-router-acme-out", timeout=10)
        yield Network(nb, sb, (vs,))


@pytest.fixture(scope="module")
def plain(live: Network) -> Snapshot:
    return snapshot(live.nb, live.sb, live.vswitches)


@pytest.fixture(scope="module")
def shared(live: Network) -> Snapshot:
    return snapshot(live.nb, live.sb, live.vswitches, anonymize=True)


def rows(client: Client[Any, Any] | None) -> dict[str, dict[Any, Any]]:
    assert client is not None
    return {table: {row.uuid: row for row in client.rows(table)} for table in client.schema.tables}


@pytest.mark.parametrize("name", ["kept", "kept.tar.gz"])
def test_what_is_saved_is_read_again_as_it_was(plain: Snapshot, tmp_path: Path, name: str) -> None:
    path = plain.save(tmp_path / name)
    assert [kept.name for kept in tmp_path.iterdir()] == [name]
    read, before = topology.open_files(path), plain.network()
    assert rows(read.nb) == rows(before.nb)
    assert rows(read.sb) == rows(before.sb)
    assert [rows(vswitch) for vswitch in read.vswitches] == [rows(vswitch) for vswitch in before.vswitches]
    assert (read.damage, read.tried) == ((), ())


def test_a_snapshot_says_what_it_is(plain: Snapshot, shared: Snapshot) -> None:
    assert re.fullmatch(r"<Snapshot [0-9-]+ [0-9:]+ UTC of nb, sb, vswitch1>", repr(plain))
    assert repr(shared).endswith(" of nb, sb, vswitch1 (anonymized)>")
    assert re.fullmatch(r"<Contents OVN_Northbound [0-9.]+, [0-9]+ rows>", repr(plain.nb))


def test_files_of_a_snapshot_are_for_their_owner_alone(plain: Snapshot, tmp_path: Path) -> None:
    plain.save(tmp_path / "kept")
    plain.save(tmp_path / "kept.tgz")
    for path in (tmp_path / "kept.tgz", *(tmp_path / "kept").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    with tarfile.open(tmp_path / "kept.tgz") as archive:
        assert archive.getnames() == ["kept/nb.db", "kept/sb.db", "kept/vswitch1.db"]


def test_a_snapshot_is_a_read_only_network(live: Network, plain: Snapshot) -> None:
    net = plain.network()
    assert rows(net.nb)["Logical_Switch_Port"] == rows(live.nb)["Logical_Switch_Port"]
    assert net.nb.state == "file"
    with pytest.raises(ReadOnly, match="snapshot of"):
        net.nb.add_switch("x")


def test_a_client_that_lacks_columns_is_refused(live: Network) -> None:
    monitor = {LogicalSwitch: [LogicalSwitch.name]}
    with Northbound.connect(live.nb.remote, monitor=monitor) as narrow, pytest.raises(NotMonitored):
        snapshot(narrow)


def test_what_a_client_has_can_be_served_by_a_private_server(live: Network, tmp_path: Path, directory: Path) -> None:
    path = tmp_path / "private.db"
    files.save(live.nb, path)
    with (
        Server(path, find_schema("ovn-nb.ovsschema"), run_dir=directory, name="private") as server,
        Northbound.connect(server.remote) as private,
    ):
        assert rows(private)["Logical_Switch_Port"] == rows(live.nb)["Logical_Switch_Port"]


# -- anonymous ---------------------------------------------------------------------------------------------------------


def test_nothing_of_what_is_ones_own_is_in_an_anonymous_snapshot(plain: Snapshot, shared: Snapshot) -> None:
    assert plain.nb is not None
    assert shared.nb is not None
    assert plain.sb is not None
    assert shared.sb is not None
    before = (plain.nb.to_bytes() + plain.sb.to_bytes() + plain.vswitches[0].to_bytes()).decode()
    after = (shared.nb.to_bytes() + shared.sb.to_bytes() + shared.vswitches[0].to_bytes()).decode()
    assert [name for name in NAMES if name not in before] == []
    assert [name for name in NAMES if name in after and name not in ("10.77.", "203.0.113.")] == []
    assert shared.nb.rows.get("SSL", {}) == {}
    assert shared.network().nb.get(NBGlobal).ssl is None


def test_the_network_looks_the_same_but_for_names(plain: Snapshot, shared: Snapshot) -> None:
    before, after = plain.network().topology(), shared.network().topology()
    own = [node for node in before.nodes.values() if not node.key.startswith("provider:")]
    assert len(own) > 15
    for node in own:
        other = after.nodes[node.key]
        assert (other.kind, other.state) == (node.kind, node.state)
        assert node.name != other.name or node.name in ("0.0.0.0/0", "br-int")
    assert len(after.nodes) == len(before.nodes)
    assert len(after.edges) == len(before.edges)

    def ends(top: topology.Topology) -> set[tuple[str, ...]]:
        # Which end of a tunnel comes first goes by names.
        keys = [[re.sub("^provider:.*", "provider", key) for key in (edge.source, edge.target)] for edge in top.edges]
        return {(edge.kind, *sorted(ends)) for edge, ends in zip(top.edges, keys, strict=True)}

    assert ends(after) == ends(before)


def by_uuid(client: Northbound, row_class: Any, name: str) -> Any:
    return client.get(row_class, name=name).uuid


def test_matches_name_the_same_ports_groups_and_sets(plain: Snapshot, shared: Snapshot) -> None:
    def meant(client: Northbound | None) -> dict[Any, list[Any]]:
        assert client is not None
        found: dict[Any, list[Any]] = {}
        for acl in client.find(ACL):
            own = found[acl.uuid] = []
            for sign, name in re.findall(r'([@$"])([^"\s]+(?: port)?)', acl.match):
                if sign == "@":
                    own.append(by_uuid(client, PortGroup, name))
                elif sign == '"':
                    own.append(by_uuid(client, LogicalSwitchPort, name))
                elif name.endswith("_ip4"):
                    own.append(by_uuid(client, PortGroup, name.removesuffix("_ip4")))
                else:
                    own.append(by_uuid(client, AddressSet, name))
            own.append(re.sub(r'[@$]\w+|"[^"]*"|[0-9.]+/24', "", acl.match))
        return found

    assert meant(shared.network().nb) == meant(plain.network().nb)
    assert len(meant(plain.network().nb)) == 3


Pairs = set[tuple[UUID, UUID]]


def joined_in_northbound(nb: Northbound) -> Pairs:
    found: Pairs = set()
    for port in nb.find(LogicalSwitchPort):
        if "router-port" in port.options:
            found.add((port.uuid, by_uuid(nb, LogicalRouterPort, port.options["router-port"])))
    for nat in nb.find(NAT):
        found.update((nat.uuid, by_uuid(nb, LogicalSwitchPort, name)) for name in [nat.logical_port] if name)
    return found


def joined_with_southbound(nb: Northbound, sb: Southbound) -> Pairs:
    found: Pairs = set()
    for port in nb.find(LogicalSwitchPort):
        found.update((port.uuid, binding.uuid) for binding in sb.find(PortBinding, logical_port=port.name))
        if "requested-chassis" in port.options:
            found.add((port.uuid, sb.get(Chassis, name=port.options["requested-chassis"]).uuid))
    for out in nb.find(LogicalRouterPort):
        found.update((out.uuid, binding.uuid) for binding in sb.find(PortBinding, logical_port=f"cr-{out.name}"))
    for datapath in sb.find(DatapathBinding):
        for key, row_class in (("logical-switch", LogicalSwitch), ("logical-router", LogicalRouter)):
            if key in datapath.external_ids:
                uuid = by_uuid(nb, row_class, datapath.external_ids["name"])
                assert datapath.external_ids[key] == str(uuid)
                found.add((datapath.uuid, uuid))
    return found


def joined_with_hosts(net: Network) -> Pairs:
    found: Pairs = set()
    for vswitch in net.vswitches:
        root = vswitch.get(OpenVSwitch)
        chassis = net.sb.get(Chassis, name=root.external_ids["system-id"])
        found.add((root.uuid, chassis.uuid))
        assert chassis.other_config["ovn-bridge-mappings"] == root.external_ids["ovn-bridge-mappings"]
        assert {ref.uuid for ref in chassis.encaps} == {net.sb.get(Encap, ip=root.external_ids["ovn-encap-ip"]).uuid}
        for interface in vswitch.find(Interface):
            if "iface-id" in interface.external_ids:
                found.add((interface.uuid, by_uuid(net.nb, LogicalSwitchPort, interface.external_ids["iface-id"])))
    return found


def test_names_in_options_name_the_same_rows(plain: Snapshot, shared: Snapshot) -> None:
    def joined(net: Network) -> Pairs:
        return joined_in_northbound(net.nb) | joined_with_southbound(net.nb, net.sb) | joined_with_hosts(net)

    assert joined(shared.network()) == joined(plain.network())
    assert len(joined(plain.network())) > 15


def test_addresses_are_in_the_same_networks(plain: Snapshot, shared: Snapshot) -> None:
    def inside(nb: Northbound | None) -> set[tuple[Any, ...]]:
        assert nb is not None
        networks = {
            (port.uuid, ipaddress.ip_interface(text).version, ipaddress.ip_interface(text).network)
            for port in nb.find(LogicalRouterPort)
            for text in port.networks
        } | {(row.uuid, 4, ipaddress.ip_network(row.cidr)) for row in nb.find(DHCPOptions)}
        addresses = [
            (port.uuid, ipaddress.ip_address(word))
            for port in nb.find(LogicalSwitchPort)
            for text in port.addresses
            for word in text.split()[1:]
        ] + [(nat.uuid, ipaddress.ip_address(nat.external_ip)) for nat in nb.find(NAT)]
        return {
            (owner, address.version, row)
            for owner, address in addresses
            for row, version, network in networks
            if address.version == version and address in network
        } | {(row, version, network.prefixlen) for row, version, network in networks}

    assert inside(shared.network().nb) == inside(plain.network().nb)
    (balancer,) = shared.network().nb.find(LoadBalancer)
    assert {text.rpartition(":")[2] for text in balancer.vips} == {"80"}


def test_ovn_makes_the_same_flows_of_an_anonymous_snapshot(shared: Snapshot, plain: Snapshot, tmp_path: Path) -> None:
    run = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    try:
        found = []
        for number, one in enumerate((plain, shared)):
            own = run / str(number)
            own.mkdir()
            one.save(own)
            everything: Any = dict.fromkeys(Southbound._database.tables.values())
            # Southbound without what northd makes: chassis alone.
            (own / "sb.db").unlink()
            with (
                Server(own / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=own, name="nb") as nb_server,
                Server(own / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=own, name="sb") as sb_server,
                Northbound.connect(nb_server.remote) as nb,
                northd_running(own, nb_server.remote, sb_server.remote) as northd,
                Southbound.connect(sb_server.remote, monitor=everything) as sb,
            ):
                sb.wait(SBGlobal, nb_cfg=nb.sync(timeout=10), timeout=10)
                flows = sorted((flow.table_id, flow.priority, flow.pipeline) for flow in sb.find(LogicalFlow))
                found.append((flows, len(sb.find(PortBinding))))
                assert not [line for line in northd.last_words().splitlines() if "|ERR|" in line]
        assert found[0] == found[1]
        assert len(found[0][0]) > 200
    finally:
        shutil.rmtree(run)


def test_anonymous_snapshots_of_one_network_do_not_tell_what_belongs_together(live: Network, shared: Snapshot) -> None:
    again = snapshot(live.nb, anonymize=True)
    one, other = (kept.network().nb for kept in (shared, again))
    assert one is not None
    assert other is not None
    assert {port.networks for port in one.find(LogicalRouterPort)} != {
        port.networks for port in other.find(LogicalRouterPort)
    }


def test_ha_groups_name_chassis(nb: Northbound, sb: Southbound) -> None:
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.9", chassis_name="gw"))
        tx.insert(Chassis(name="gw", encaps=[encap]))
    with nb.transaction() as tx:
        member = tx.insert(HAChassis(chassis_name="gw", priority=1))
        tx.insert(HAChassisGroup(name="group", ha_chassis=[member]))
    net = snapshot(nb, sb, anonymize=True).network()
    assert net.nb.get(HAChassis).chassis_name == net.sb.get(Chassis).name != "gw"
