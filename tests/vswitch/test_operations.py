"""Every operation of a host from random starting states: twice changes nothing more, a dry run names what is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit import VSwitch
from ovnkit.errors import Conflict, InvalidValue, NotFound
from ovnkit.ovsdb import Add, Put
from ovnkit.vswitch import Bridge, Interface, Manager, OpenVSwitch, Port, VSwitchTransaction
from tests.operations import check_operation, clear

pytestmark = pytest.mark.filterwarnings("ignore::ovnkit.ovsdb.OpenToAll")

Step = tuple[str, dict[str, Any]]
Edit = Callable[[VSwitchTransaction], object]

BRIDGES = st.sampled_from(["br-int", "br-ex"])
PORTS = st.sampled_from(["tap1", "tap2", "br-ex", "int-br-ex", "phy-br-ex"])
IFACE_IDS = st.sampled_from(["vm1", "vm2"])
TYPES = st.sampled_from(["", "internal", "patch"])
MAPS = st.dictionaries(st.sampled_from(["a", "iface-id"]), st.sampled_from(["1", "vm1"]), max_size=2)
PHYSNETS = st.sampled_from(["physnet1", "physnet2"])
ITEMS = st.sampled_from(["az=1", "az=2", "enable-chassis-as-gw", "a"])
KEYS = st.sampled_from(["ovn-monitor-all", "ovn-is-interconn"])
PATHS = st.sampled_from(["/etc/ovn/a.pem", "/etc/ovn/b.pem", "relative.pem"])
TARGETS = st.sampled_from(["ptcp:6640:127.0.0.1", "punix:/run/o.sock"])
WAITS = st.sampled_from([0, 1000, 5000])
TRIED: set[str] = set()


def step(name: str, /, *, maybe: dict[str, st.SearchStrategy[Any]] | None = None, **needed: Any) -> Any:
    """An operation with its arguments; of ``maybe`` any part."""
    TRIED.add(name)
    return st.tuples(st.just(name), st.fixed_dictionaries(needed, optional=maybe or {}))


STEPS: st.SearchStrategy[Step] = st.one_of(
    step(
        "add_bridge",
        name=st.sampled_from(["br-int", "br-ex", "tap1"]),
        maybe={
            "datapath_type": st.sampled_from(["", "netdev"]),
            "fail_mode": st.sampled_from(["secure", "standalone"]),
            "external_ids": MAPS,
            "other_config": MAPS,
        },
    ),
    step("remove_bridge", name=BRIDGES, maybe={"force": st.booleans()}),
    step(
        "add_port",
        bridge=BRIDGES,
        port=PORTS,
        maybe={
            "type": TYPES,
            "options": st.fixed_dictionaries({"peer": PORTS}),
            "external_ids": MAPS,
            "tag": st.integers(1, 2),
            "iface_id": IFACE_IDS,
            "mtu_request": st.sampled_from([1400, 9000]),
        },
    ),
    step("remove_port", bridge=BRIDGES, port=PORTS),
    step("bind_interface", port=PORTS, iface_id=IFACE_IDS),
    step("unbind_interface", port=PORTS),
    step("set_ssl", private_key=PATHS, certificate=PATHS, ca_cert=PATHS),
    step("unset_ssl"),
    step("add_manager", target=TARGETS, maybe={"inactivity_probe": WAITS, "max_backoff": st.just(1000)}),
    step("remove_manager", target=TARGETS),
    step(
        "register_chassis",
        system_id=st.just("hv1"),
        encap_ip=st.sampled_from(["10.0.0.2", "10.0.0.3"]),
        remote=st.just("tcp:10.0.0.1:6642"),
        maybe={"hostname": st.just("hv1.example"), "options": st.just({"ovn-cms-options": "az=2,a"})},
    ),
    step("unregister_chassis"),
    step("rename_chassis", system_id=st.sampled_from(["hv1", "hv2"])),
    step("enable_gateway"),
    step("disable_gateway"),
    step("add_bridge_mapping", physnet=PHYSNETS, bridge=BRIDGES, maybe={"shared_bridge": st.booleans()}),
    step("remove_bridge_mapping", physnet=PHYSNETS),
    step("add_cms_option", item=ITEMS),
    step("remove_cms_option", item=ITEMS),
    step("add_availability_zone", zone=st.sampled_from(["az1", "2"])),
    step("remove_availability_zone", zone=st.sampled_from(["az1", "2"])),
    step("set_option", key=KEYS, value=st.sampled_from(["true", "false"])),
    step("remove_option", key=KEYS),
    step("reconcile_patch_ports", maybe={"force": st.booleans(), "controller_running": st.booleans()}),
)


def bond(tx: VSwitchTransaction) -> None:
    """A port of two interfaces."""
    for port in tx.find(Port, name="tap1") if not tx.find(Interface, name="tap1-second") else ():
        tx.update(port, interfaces=Add(tx.insert(Interface(name="tap1-second", external_ids={"iface-id": "vm2"}))))


def two_for_one(tx: VSwitchTransaction) -> None:
    """Two interfaces for one logical port, as nobody but OVN's own tools refuses."""
    for interface in tx.find(Interface):
        tx.update(interface, external_ids=Put({"iface-id": "vm1"}))


def on_both(tx: VSwitchTransaction) -> None:
    """A port that two bridges hold, which the schema permits."""
    for port in tx.find(Port, name="tap1"):
        for bridge in tx.find(Bridge):
            tx.update(bridge, ports=Add(port))


def foreign_keys(tx: VSwitchTransaction) -> None:
    """What others write to the keys of a chassis."""
    values = {
        "ovn-bridge-mappings": "a:b,,c:d",
        "ovn-cms-options": " az=1 ,, enable-chassis-as-gw,availability-zones=az1: az9",
        "ovn-monitor-all": "True",
        "ovnkit-managed": "ovn-cms-options/a,,x",
    }
    tx.update(tx.get(OpenVSwitch), external_ids=Put(values))


def foreign_manager(tx: VSwitchTransaction) -> None:
    """A manager that somebody else has added."""
    if not tx.find(Manager):
        new = tx.insert(Manager(target="ptcp:6640:127.0.0.1", other_config={"dscp": "1"}))
        tx.update(tx.get(OpenVSwitch), manager_options=Add(new))


EDITS: st.SearchStrategy[Edit] = st.sampled_from([bond, two_for_one, on_both, foreign_keys, foreign_manager])
BASE: list[Step] = [
    ("add_bridge", {"name": "br-int"}),
    ("add_bridge", {"name": "br-ex"}),
    ("add_port", {"bridge": "br-int", "port": "tap1", "iface_id": "vm1"}),
    ("add_port", {"bridge": "br-int", "port": "int-br-ex", "type": "patch", "options": {"peer": "phy-br-ex"}}),
    ("add_port", {"bridge": "br-ex", "port": "phy-br-ex", "type": "patch", "options": {"peer": "int-br-ex"}}),
    ("add_bridge_mapping", {"physnet": "physnet1", "bridge": "br-ex"}),
]


def call(on: Any, operation: Step, *, dry_run: bool) -> Any:
    name, arguments = operation
    return getattr(on, name)(**arguments, dry_run=dry_run)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from([None, 0, len(BASE), len(BASE)]),
    st.lists(st.one_of(STEPS, STEPS, STEPS, EDITS), min_size=1, max_size=10),
)
def test_operations_keep_their_promises_from_any_state(
    vs: VSwitch, built: int | None, steps: list[Step | Edit]
) -> None:
    clear(vs)
    if built is not None:
        with vs.transaction() as tx:
            tx.insert(OpenVSwitch())
    for operation in BASE[: built or 0]:
        call(vs, operation, dry_run=False)
    for item in steps:
        if callable(item):
            if vs.find(OpenVSwitch):
                vs.transact(item)
            continue
        try:
            check_operation(vs, lambda on, dry_run, item=item: call(on, item, dry_run=dry_run))  # type: ignore[misc]
        except (InvalidValue, NotFound):
            pass
        except Conflict as refusal:
            # One that the server found would mean that the operation's own guards contradict it.
            if refusal.operation is not None:
                raise


def test_every_operation_is_tried() -> None:
    reads = {"chassis_config", "patch_ports", "sync"}
    operations = {
        name
        for owner in VSwitch.__mro__
        if owner.__module__.startswith("ovnkit.vswitch")
        for name, member in vars(owner).items()
        if callable(member) and not name.startswith("_")
    }
    assert operations - reads == TRIED
