"""Differences: what came, went and changed, wherever the two states come from."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound, Southbound, VSwitch, topology
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, NBGlobal, PortGroup
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, DatapathBinding, Encap, LogicalFlow, PortBinding
from ovnkit.topology import Network, Snapshot, diff, snapshot
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch


@pytest.fixture
def other_nb() -> Iterator[Northbound]:
    """A Northbound database that was made anew."""
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    with (
        Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as server,
        Northbound.connect(server.remote, timeout=10) as client,
    ):
        yield client
    shutil.rmtree(directory)


def build(nb: Northbound, *, backwards: bool = False) -> None:
    """A network with all kinds of rows that have no names of their own."""
    for name in ("db", "web") if backwards else ("web", "db"):
        nb.add_switch(name)
        nb.add_switch_port(name, f"{name}-1", addresses=["02:00:00:00:00:01 10.0.0.1"])
        nb.add_acl(switch=name, direction="to-lport", priority=1, match="ip4", action="drop")
    nb.add_router("r1")
    nb.connect_router("web", "r1", networks=["10.0.0.254/24"])
    nb.set_gateway("lrp-r1-web", "gw1", "gw2")
    nb.add_snat("r1", external_ip="192.0.2.1", logical_ip="10.0.0.0/24")
    nb.add_route("r1", "0.0.0.0/0", "10.0.0.253")
    nb.add_load_balancer("lb", vips={"10.0.9.1:80": "10.0.0.1:80"}, routers=["r1"])
    nb.add_port_group("group", ports=["web-1", "db-1"])
    nb.add_dhcp("web", "10.0.0.0/24", server_id="10.0.0.254", router="10.0.0.254")
    nb.add_dns("web", {"vm": ["10.0.0.1"]})


def test_without_any_difference_it_is_empty(nb: Northbound) -> None:
    build(nb)
    difference = diff(snapshot(nb), nb)
    assert not difference
    assert list(difference) == []
    assert str(difference) == "no differences"
    assert repr(difference) == "<Difference 0 added, 0 removed, 0 changed>"
    assert difference.left_out == ()


def test_rows_that_came_went_and_changed_are_told_with_their_columns(nb: Northbound) -> None:
    build(nb)
    before = snapshot(nb)
    went = nb.get(LogicalSwitchPort, name="db-1")
    nb.remove_switch_port("db", "db-1")
    nb.add_switch_port("web", "web-2", addresses=["dynamic"])
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="db"), other_config=Put({"subnet": "10.1.0.0/24"}))
    difference = diff(before, nb)
    assert difference.added == {str(nb.get(LogicalSwitchPort, name="web-2").uuid)}
    assert difference.removed == {str(went.uuid)}
    lines = str(difference).splitlines()
    assert lines[0] == "# OVN_Northbound"
    assert set(lines[1:]) == {
        "+ Logical_Switch db other_config:subnet = 10.1.0.0/24",
        "- Logical_Switch db ports: Logical_Switch_Port db-1",
        "+ Logical_Switch web ports: Logical_Switch_Port web-2",
        "- Port_Group group ports: Logical_Switch_Port db-1",
        "- Logical_Switch_Port db-1 addresses: 02:00:00:00:00:01 10.0.0.1",
        "- Logical_Switch_Port db-1 external_ids:ovnkit-owner = ovnkit",
        "- Logical_Switch_Port db-1 name = db-1",
        "+ Logical_Switch_Port web-2 addresses: dynamic",
        "+ Logical_Switch_Port web-2 external_ids:ovnkit-owner = ovnkit",
        "+ Logical_Switch_Port web-2 name = web-2",
    }
    row = next(one for one in difference if one.table == "Port_Group")
    assert row.action == "changed"
    assert [change.column for change in row.changes] == ["ports"]
    assert isinstance(row.before, PortGroup)
    assert isinstance(row.after, PortGroup)
    assert row.before.ports - row.after.ports == {went.ref}


def test_what_moves_by_itself_is_left_out_unless_it_is_asked_for(
    nb: Northbound, sb: Southbound, vswitch: VSwitch
) -> None:
    build(nb)
    with nb.transaction() as tx:
        tx.insert(NBGlobal())
    with sb.transaction() as tx:
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        tx.insert(PortBinding(logical_port="web-1", datapath=datapath, tunnel_key=1))
    with vswitch.transaction() as tx:
        tx.insert(OpenVSwitch(external_ids={"system-id": "hv1"}))
    vswitch.add_bridge("br-int")
    before = snapshot(nb, sb, [vswitch])
    with nb.transaction() as tx:
        tx.update(tx.get(NBGlobal), nb_cfg=7, nb_cfg_timestamp=1)
        tx.update(tx.get(LogicalSwitchPort, name="web-1"), up=True)
    with sb.transaction() as tx:
        port = tx.get(PortBinding, logical_port="web-1")
        tx.update(port, up=True)
        tx.insert(
            LogicalFlow(
                logical_datapath=port.datapath, pipeline="ingress", table_id=0, priority=1, match="1", actions=""
            )
        )
    with vswitch.transaction() as tx:
        tx.update(tx.get(OpenVSwitch), cur_cfg=9)
        interface = tx.get(Interface, name="br-int")
        tx.update(interface, ofport=7, statistics={"rx_packets": 1}, external_ids=Put({"ovn-installed-ts": "1"}))
        own = {"ovn-nb-cfg-ts": "1", "ovn-startup-ts": "1", "ct-zone-web-1": "3"}
        tx.update(tx.get(Bridge, name="br-int"), external_ids=Put(own))
    after = Network(nb, sb, (vswitch,))
    assert not diff(before, after)
    difference = diff(before, after, volatile=True)
    assert {(row.table, change.column) for row in difference for change in row.changes} == {
        ("NB_Global", "nb_cfg"),
        ("NB_Global", "nb_cfg_timestamp"),
        ("Logical_Switch_Port", "up"),
        ("Port_Binding", "up"),
        ("Open_vSwitch", "cur_cfg"),
        ("Interface", "ofport"),
        ("Interface", "statistics"),
        ("Interface", "external_ids"),
        ("Bridge", "external_ids"),
    }
    assert difference.left_out == ()


def test_a_database_that_was_made_anew_is_compared_by_names(nb: Northbound, other_nb: Northbound) -> None:
    build(nb)
    build(other_nb, backwards=True)
    assert not diff(nb, other_nb)
    other_nb.add_switch_port("web", "web-2", addresses=["dynamic"])
    with other_nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitchPort, name="db-1"), addresses=["unknown"])
    difference = diff(nb, other_nb)
    assert set(str(difference).splitlines()[1:]) == {
        "+ Logical_Switch web ports: Logical_Switch_Port web-2",
        "+ Logical_Switch_Port web-2 addresses: dynamic",
        "+ Logical_Switch_Port web-2 external_ids:ovnkit-owner = ovnkit",
        "+ Logical_Switch_Port web-2 name = web-2",
        "- Logical_Switch_Port db-1 addresses: 02:00:00:00:00:01 10.0.0.1",
        "+ Logical_Switch_Port db-1 addresses: unknown",
    }
    assert difference.changed == {
        str(other_nb.get(LogicalSwitch, name="web").uuid),
        str(other_nb.get(LogicalSwitchPort, name="db-1").uuid),
    }


def test_a_row_that_was_removed_and_made_again_is_another_one(nb: Northbound) -> None:
    build(nb)
    before = snapshot(nb)
    nb.remove_switch_port("web", "web-1")
    nb.add_switch_port("web", "web-1", addresses=["02:00:00:00:00:01 10.0.0.1"])
    difference = diff(before, nb)
    assert (len(difference.added), len(difference.removed)) == (1, 1)


def test_sides_are_paths_networks_snapshots_clients_and_topologies(
    nb: Northbound, sb: Southbound, tmp_path: Path
) -> None:
    build(nb)
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.1", chassis_name="hv1"))
        tx.insert(Chassis(name="hv1", encaps=[encap]))
    before = snapshot(nb, sb)
    top = topology.of(nb, sb)
    nb.add_switch("new")
    expected = str(diff(before, Network(nb, sb)))
    assert "+ Logical_Switch new name = new" in expected.splitlines()
    for earlier in (
        before,
        before.network(),
        before.save(tmp_path / "kept"),
        str(before.save(tmp_path / "a.tgz")),
        top,
    ):
        for later in (Network(nb, sb), topology.of(nb, sb), snapshot(nb, sb)):
            assert str(diff(earlier, later)) == expected
    assert str(diff(before, nb)) == expected
    assert diff(before, nb).left_out == ("OVN_Southbound (only before)",)
    assert nb.state == "ready"


def test_hosts_are_matched_by_their_database_or_their_system_id(vswitch: VSwitch) -> None:
    def host(name: str) -> Snapshot:
        schema = find_schema("vswitch.ovsschema")
        with (
            Server(directory / f"{name}.db", schema, run_dir=directory, name="vs") as server,
            VSwitch.connect(server.remote) as own,
        ):
            with own.transaction() as tx:
                tx.insert(OpenVSwitch(external_ids={"system-id": name}))
            own.add_bridge("br-int")
            return snapshot(vswitches=[own])

    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    try:
        first, second = host("hv1"), host("hv2")
    finally:
        shutil.rmtree(directory)
    with vswitch.transaction() as tx:
        tx.insert(OpenVSwitch(external_ids={"system-id": "hv1"}))
    vswitch.add_bridge("br-int")
    vswitch.add_bridge("br-ex")
    before = Network(vswitches=(*second.network().vswitches, *first.network().vswitches))
    difference = diff(before, vswitch)
    assert {row.host for row in difference} == {"hv1"}
    assert {row.table for row in difference if row.action == "added"} == {"Bridge", "Port", "Interface"}
    assert difference.left_out == ("Open_vSwitch hv2 (only before)",)


def test_keys_are_those_of_the_nodes_of_a_topology(nb: Northbound) -> None:
    build(nb)
    before = topology.of(nb)
    nb.add_switch_port("web", "web-2")
    nb.remove_switch_port("db", "db-1")
    after = topology.of(nb)
    difference = diff(before, after)
    assert difference.added == after.nodes.keys() - before.nodes.keys()
    assert difference.removed == before.nodes.keys() - after.nodes.keys()


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\n"


def test_names_of_tenants_are_text_in_every_form(nb: Northbound) -> None:
    nb.add_switch("web")
    before = snapshot(nb)
    nb.add_switch(HOSTILE)
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), external_ids=Put({"<b>": "<i>"}))
    difference = diff(before, nb)
    text, page = str(difference), difference.to_html()
    assert "\x1b" not in text + page
    assert "\u202e" not in text + page
    assert len(text.splitlines()) == 4
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert difference._repr_mimebundle_() == {"text/plain": text, "text/html": page}


def test_what_a_key_calls_a_secret_is_shown_nowhere(nb: Northbound) -> None:
    nb.add_switch("web")
    before = snapshot(nb)
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitch, name="web"), external_ids=Put({"password": "geheim"}))
    difference = diff(before, nb)
    assert len(difference) == 1
    shown = str(difference) + difference.to_html() + json.dumps(difference.to_dict())
    assert "geheim" not in shown + difference.to_frame().to_string()
    assert "password" in shown


def test_it_is_json_and_a_frame_as_well(nb: Northbound) -> None:
    build(nb)
    before = snapshot(nb)
    nb.remove_switch_port("db", "db-1")
    difference = diff(before, nb)
    told = json.loads(json.dumps(difference.to_dict()))
    assert {(row["action"], row["table"], row["name"]) for row in told["rows"]} == {
        ("changed", "Logical_Switch", "db"),
        ("removed", "Logical_Switch_Port", "db-1"),
        ("changed", "Port_Group", "group"),
    }
    (port,) = (row for row in told["rows"] if row["action"] == "removed")
    assert port["columns"]["addresses"] == {"before": ["02:00:00:00:00:01 10.0.0.1"], "after": None}
    frame = difference.to_frame()
    assert len(frame) == sum(len(row.changes) for row in difference)
    assert set(frame["key"]) == difference.removed | difference.changed


def test_it_draws_what_is_different_and_where(nb: Northbound) -> None:
    for name in ("web", "db"):
        nb.add_switch(name)
        nb.add_switch_port(name, f"vm-{name}")
    before = topology.of(nb)
    nb.add_switch_port("web", "new")
    found = topology.diff(before, nb)
    assert {(node.name, node.state) for node in found.topology} == {("web", ""), ("new", "added")}
    shown = found._repr_mimebundle_()["text/html"]
    assert "<svg" in shown
    assert "added" in shown
    assert "<svg" not in topology.diff(nb, nb)._repr_mimebundle_()["text/html"]


def test_a_port_that_has_moved_is_drawn_with_both_hosts(nb: Northbound, sb: Southbound) -> None:
    nb.add_switch("web")
    nb.add_switch_port("web", "vm1")
    with sb.transaction() as tx:
        hosts = [
            tx.insert(Chassis(name=name, encaps=[tx.insert(Encap(type="geneve", ip=ip, chassis_name=name))]))
            for name, ip in (("one", "192.0.2.1"), ("two", "192.0.2.2"), ("three", "192.0.2.3"))
        ]
        datapath = tx.insert(DatapathBinding(tunnel_key=1))
        binding = tx.insert(PortBinding(logical_port="vm1", datapath=datapath, tunnel_key=1, chassis=hosts[0]))
    before = topology.of(nb, sb)
    with sb.transaction() as tx:
        tx.update(tx[binding], chassis=hosts[1])
    found = topology.diff(before, topology.of(nb, sb)).topology
    assert {node.name for node in found} == {"web", "vm1", "one", "two"}
    moved = {(edge.state, found.nodes[edge.target].name) for edge in found.edges if edge.kind == "binding"}
    assert moved == {("removed", "one"), ("added", "two")}
