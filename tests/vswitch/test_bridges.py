"""Bridges, ports and bindings on a real database."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit.errors import Conflict, InvalidValue, NotFound
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch, Port, VSwitch
from tests.operations import check_operation


def only_interface(vs: VSwitch, port: str) -> Interface:
    (ref,) = vs.get(Port, name=port).interfaces
    return vs[ref]


def test_a_bridge_is_added_with_its_own_port(vs: VSwitch) -> None:
    changes = check_operation(
        vs,
        lambda on, dry: on.add_bridge(
            "br-ex", datapath_type="netdev", fail_mode="standalone", external_ids={"a": "b"}, dry_run=dry
        ),
    )
    bridge = vs.get(Bridge, name="br-ex")
    assert changes.ref == bridge.ref
    assert (bridge.datapath_type, bridge.fail_mode, dict(bridge.external_ids)) == ("netdev", "standalone", {"a": "b"})
    assert bridge.ports == {vs.get(Port, name="br-ex").ref}
    assert only_interface(vs, "br-ex").type == "internal"
    assert vs.get(OpenVSwitch).bridges == {bridge.ref}


def test_of_a_bridge_that_is_there_only_what_is_said_changes(vs: VSwitch) -> None:
    vs.add_bridge("br-ex", datapath_type="netdev", fail_mode="secure", external_ids={"a": "b"})
    check_operation(
        vs, lambda on, dry: on.add_bridge("br-ex", fail_mode="standalone", external_ids={"c": "d"}, dry_run=dry)
    )
    bridge = vs.get(Bridge, name="br-ex")
    assert (bridge.datapath_type, bridge.fail_mode) == ("netdev", "standalone")
    assert dict(bridge.external_ids) == {"a": "b", "c": "d"}


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "sixteen-letters-", "a b", 7])
def test_a_bridge_needs_a_name_that_ovs_vswitchd_takes(vs: VSwitch, name: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        vs.add_bridge(name)
    assert (caught.value.table, caught.value.column) == ("Bridge", "name")


def test_a_bridge_has_one_of_the_known_datapaths(vs: VSwitch) -> None:
    with pytest.raises(InvalidValue, match="netdev"):
        vs.add_bridge("br-ex", datapath_type="kernel")


def test_a_bridge_does_not_take_the_name_of_a_port(vs: VSwitch) -> None:
    vs.add_bridge("br-ex")
    vs.add_port("br-ex", "eth1")
    with pytest.raises(Conflict, match="port 'eth1'"):
        check_operation(vs, lambda on, dry: on.add_bridge("eth1", dry_run=dry))


def test_a_bridge_in_use_goes_only_by_force(vs: VSwitch) -> None:
    vs.add_bridge("br-ex")
    vs.add_bridge_mapping("physnet1", "br-ex")
    with pytest.raises(Conflict, match="physnet1"):
        check_operation(vs, lambda on, dry: on.remove_bridge("br-ex", dry_run=dry))
    vs.add_port("br-ex", "eth1")
    with pytest.raises(Conflict, match="eth1"):
        check_operation(vs, lambda on, dry: on.remove_bridge("br-ex", dry_run=dry))
    check_operation(vs, lambda on, dry: on.remove_bridge("br-ex", force=True, dry_run=dry))
    assert (vs.find(Bridge), vs.find(Port), vs.find(Interface)) == ([], [], [])


def test_an_unused_bridge_goes_and_the_others_stay(vs: VSwitch) -> None:
    vs.add_bridge("br-ex")
    vs.add_bridge("br-other")
    check_operation(vs, lambda on, dry: on.remove_bridge("br-ex", dry_run=dry))
    assert [bridge.name for bridge in vs.find(Bridge)] == ["br-other"]


def test_a_port_is_added_with_its_interface(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    changes = check_operation(
        vs,
        lambda on, dry: on.add_port(
            "br-int",
            "vm1",
            type="internal",
            iface_id="lsp1",
            tag=7,
            mtu_request=1400,
            external_ids={"a": "b"},
            dry_run=dry,
        ),
    )
    port, interface = vs.get(Port, name="vm1"), only_interface(vs, "vm1")
    assert changes.ref == port.ref
    assert (port.tag, dict(port.external_ids)) == (7, {"a": "b"})
    assert (interface.type, interface.mtu_request) == ("internal", 1400)
    assert dict(interface.external_ids) == {"iface-id": "lsp1"}
    assert port.ref in vs.get(Bridge, name="br-int").ports


def test_of_a_port_that_is_there_only_what_is_said_changes(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_port("br-int", "g", type="geneve", options={"remote_ip": "10.0.0.1", "key": "1"})
    check_operation(vs, lambda on, dry: on.add_port("br-int", "g", options={"key": "2"}, dry_run=dry))
    interface = only_interface(vs, "g")
    assert (interface.type, dict(interface.options)) == ("geneve", {"remote_ip": "10.0.0.1", "key": "2"})


def test_a_port_does_not_move_to_another_bridge(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_bridge("br-ex")
    vs.add_port("br-ex", "eth1")
    for call in (
        lambda on, dry: on.add_port("br-int", "eth1", dry_run=dry),
        lambda on, dry: on.remove_port("br-int", "eth1", dry_run=dry),
    ):
        with pytest.raises(Conflict, match="'eth1' is on bridge 'br-ex', not on 'br-int'"):
            check_operation(vs, call)


def test_a_port_needs_its_bridge(vs: VSwitch) -> None:
    with pytest.raises(NotFound):
        check_operation(vs, lambda on, dry: on.add_port("br-int", "eth1", dry_run=dry))


@pytest.mark.parametrize(
    ("name", "type"), [("a/b", None), ("", None), ("-a", None), ("a b", None), ("x" * 16, "internal")]
)
def test_a_port_needs_a_name_that_ovs_vswitchd_takes(vs: VSwitch, name: str, type: str | None) -> None:
    vs.add_bridge("br-int")
    with pytest.raises(InvalidValue) as caught:
        vs.add_port("br-int", name, type=type)
    assert (caught.value.table, caught.value.column) == ("Port", "name")


def test_only_a_network_device_has_a_short_name(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    with pytest.raises(InvalidValue, match="network device"):
        vs.add_port("br-int", "x" * 16)
    assert vs.add_port("br-int", "x" * 40, type="patch", options={"peer": "y"})


def test_a_bond_keeps_its_interfaces(vs: VSwitch) -> None:
    vs.add_bridge("br-ex")
    with vs.transaction() as tx:
        members = [tx.insert(Interface(name=name)) for name in ("eth1", "eth2")]
        bond = tx.insert(Port(name="bond", interfaces=members))
        tx.update(tx.get(Bridge, name="br-ex"), ports=[*tx.get(Bridge, name="br-ex").ports, bond])
    with pytest.raises(Conflict, match="2 interfaces"):
        check_operation(vs, lambda on, dry: on.add_port("br-ex", "bond", type="system", dry_run=dry))
    check_operation(vs, lambda on, dry: on.add_port("br-ex", "bond", tag=3, dry_run=dry))
    with pytest.raises(Conflict, match="interface 'eth1'"):
        vs.add_port("br-ex", "eth1")


def test_a_port_goes_with_its_interface_and_the_others_stay(vs: VSwitch) -> None:
    vs.add_bridge("br-ex")
    vs.add_port("br-ex", "eth1")
    vs.add_port("br-ex", "eth2")
    check_operation(vs, lambda on, dry: on.remove_port("br-ex", "eth1", dry_run=dry))
    assert sorted(row.name for row in vs.find(Interface)) == ["br-ex", "eth2"]
    with pytest.raises(Conflict, match="remove_bridge"):
        vs.remove_port("br-ex", "br-ex")


def test_an_interface_is_bound_and_unbound_beside_its_other_keys(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_port("br-int", "vm1")
    with vs.transaction() as tx:
        tx.update(tx.get(Interface, name="vm1"), external_ids={"attached-mac": "02:00:00:00:00:01"})
    changes = check_operation(vs, lambda on, dry: on.bind_interface("vm1", "lsp1", dry_run=dry))
    interface = vs.get(Interface, name="vm1")
    assert changes.ref == interface.ref
    assert dict(interface.external_ids) == {"attached-mac": "02:00:00:00:00:01", "iface-id": "lsp1"}
    check_operation(vs, lambda on, dry: on.bind_interface("vm1", "lsp2", dry_run=dry))
    check_operation(vs, lambda on, dry: on.unbind_interface("vm1", dry_run=dry))
    assert dict(vs.get(Interface, name="vm1").external_ids) == {"attached-mac": "02:00:00:00:00:01"}


def test_two_interfaces_do_not_share_a_logical_port(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_port("br-int", "vm1", iface_id="lsp1")
    vs.add_port("br-int", "vm2")
    for call in (
        lambda on, dry: on.bind_interface("vm2", "lsp1", dry_run=dry),
        lambda on, dry: on.add_port("br-int", "vm2", iface_id="lsp1", dry_run=dry),
    ):
        with pytest.raises(Conflict, match="interface 'vm1' has the iface-id 'lsp1'"):
            check_operation(vs, call)


def test_binding_needs_the_interface_and_a_name(vs: VSwitch) -> None:
    with pytest.raises(NotFound):
        vs.bind_interface("vm1", "lsp1")
    with pytest.raises(InvalidValue, match="logical port"):
        vs.bind_interface("vm1", "")
    assert vs.unbind_interface("vm1") == []


def test_operations_join_a_transaction(vs: VSwitch) -> None:
    with vs.transaction() as tx:
        tx.add_bridge("br-ex")
        tx.add_port("br-ex", "eth1")
        tx.add_bridge_mapping("physnet1", "br-ex")
        assert vs.find(Bridge) == []
    assert vs.chassis_config().bridge_mappings == {"physnet1": "br-ex"}
    assert vs.find(Port, name="eth1")


def test_names_are_free_again_within_a_transaction(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_bridge("br-ex")
    vs.add_port("br-int", "p1", type="internal", iface_id="vm1")
    with vs.transaction() as tx:
        tx.remove_port("br-int", "p1")
        tx.add_port("br-ex", "p1", type="internal", iface_id="vm1")
    port = vs.get(Port, name="p1")
    assert port.ref in vs.get(Bridge, name="br-ex").ports
    assert only_interface(vs, "p1").external_ids == {"iface-id": "vm1"}
    old = vs.get(Bridge, name="br-ex").ref
    with vs.transaction() as tx:
        tx.remove_bridge("br-ex", force=True)
        tx.add_bridge("br-ex")
    assert vs.get(Bridge, name="br-ex").ref != old
    assert vs.find(Port, name="p1") == []
