"""A host becomes a chassis, is changed and stops being one, beside what others have set there."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.errors import Conflict, InvalidValue, OvnkitError
from ovnkit.ovsdb import Changes, Map, schema_of
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import SB, Chassis, Encap, Southbound
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.operations import check_operation

REMOTE = "tcp:10.0.0.1:6642"
FOREIGN = {
    "rundir": "/var/run/openvswitch",
    "ovn-monitor-all": "True",
    "strange key": " a,,b ;é",
    "ovn-remote-hv9": "x",
}


def ids(vs: VSwitch) -> dict[str, str]:
    return dict(vs.get(OpenVSwitch).external_ids)


def put(vs: VSwitch, external_ids: Mapping[str, str]) -> None:
    with vs.transaction() as tx:
        tx.update(tx.get(OpenVSwitch), external_ids=external_ids)


def register(on: Any, *, dry_run: bool = False, **changed: Any) -> Changes:
    arguments: dict[str, Any] = {"system_id": "hv1", "encap_ip": "10.0.0.2", "remote": REMOTE, **changed}
    changes: Changes = on.register_chassis(arguments.pop("system_id"), **arguments, dry_run=dry_run)
    return changes


def add_chassis(sb: Southbound, name: str, ip: str, hostname: str = "") -> None:
    with sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip=ip, chassis_name=name))
        tx.insert(Chassis(name=name, hostname=hostname, encaps=[encap]))


def test_registering_sets_the_keys_and_lists_them(vs: VSwitch) -> None:
    put(vs, FOREIGN)
    changes = check_operation(
        vs, lambda on, dry: register(on, dry_run=dry, hostname="hv1.example", options={"ovn-encap-csum": "false"})
    )
    assert changes.ref == vs.get(OpenVSwitch).ref
    assert ids(vs) == {
        **FOREIGN,
        "system-id": "hv1",
        "hostname": "hv1.example",
        "ovn-remote": REMOTE,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "10.0.0.2",
        "ovn-encap-csum": "false",
        "ovnkit-managed": "hostname,ovn-encap-csum,ovn-encap-ip,ovn-encap-type,ovn-remote,system-id",
    }


def test_registering_a_database_without_any_row_makes_it(vs: VSwitch) -> None:
    with vs.transaction() as tx:
        tx.delete(tx.get(OpenVSwitch))
    check_operation(vs, lambda on, dry: register(on, dry_run=dry))
    assert ids(vs)["system-id"] == "hv1"


def test_addresses_and_remotes_are_written_in_canonical_form(vs: VSwitch) -> None:
    register(vs, encap_ip="FD00:0::2,10.0.0.2", remote="tcp:[fd00:0:0::1]:6642, ssl:central:6642")
    assert ids(vs)["ovn-encap-ip"] == "fd00::2,10.0.0.2"
    assert ids(vs)["ovn-remote"] == "tcp:[fd00::1]:6642,ssl:central:6642"


def test_what_was_there_with_the_same_value_stays_foreign(vs: VSwitch) -> None:
    before = {**FOREIGN, "ovn-encap-type": "geneve", "ovn-remote": "tcp:10.9.9.9:6642", "system-id": "hv1"}
    put(vs, before)
    register(vs)
    assert ids(vs)["ovnkit-managed"] == "ovn-encap-ip,ovn-remote"
    check_operation(vs, lambda on, dry: on.unregister_chassis(dry_run=dry))
    del before["ovn-remote"]
    assert ids(vs) == before


def test_unregistering_removes_all_that_ovnkit_has_set_and_nothing_else(vs: VSwitch) -> None:
    before = {**FOREIGN, "ovn-bridge-mappings": "foreign:br-f", "ovn-cms-options": " enable-x ,az=1"}
    put(vs, before)
    register(vs, options={"ovn-cms-options": "availability-zones=az1:az2,enable-chassis-as-extport-host"})
    vs.enable_gateway()
    vs.add_bridge_mapping("physnet1", "br-ex")
    assert ids(vs)["ovn-bridge-mappings"] == "foreign:br-f,physnet1:br-ex"
    check_operation(vs, lambda on, dry: on.unregister_chassis(dry_run=dry))
    assert ids(vs) == before


def test_unregistering_what_was_never_registered_changes_nothing(vs: VSwitch) -> None:
    put(vs, FOREIGN)
    assert vs.unregister_chassis() == []
    assert ids(vs) == FOREIGN


def test_a_system_id_alone_is_no_registration_and_can_be_changed(vs: VSwitch) -> None:
    put(vs, {"system-id": "made-up-at-install"})
    check_operation(vs, lambda on, dry: register(on, dry_run=dry))
    assert ids(vs)["system-id"] == "hv1"


def test_the_system_id_of_a_registered_chassis_does_not_change(vs: VSwitch) -> None:
    register(vs)
    before = ids(vs)
    with pytest.raises(
        Conflict, match=r"ovn-appctl -t ovn-controller exit.*unregister_chassis.*remove_chassis\('hv1'\)"
    ):
        check_operation(vs, lambda on, dry: register(on, system_id="hv2", dry_run=dry))
    assert ids(vs) == before
    vs.unregister_chassis()
    assert register(vs, system_id="hv2")


@pytest.mark.parametrize(("remote", "refused"), [("ssl:10.0.0.1:6642", True), (REMOTE, False)])
def test_with_tls_the_host_name_of_a_registered_chassis_does_not_change(
    vs: VSwitch, remote: str, refused: bool
) -> None:
    register(vs, remote=remote, hostname="one")
    if refused:
        with pytest.raises(Conflict, match=r"Role-based access control"):
            register(vs, remote=remote, hostname="two")
    else:
        assert register(vs, remote=remote, hostname="two")


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"system_id": "default"}, "system-id"),
        ({"system_id": "a,b"}, "system-id"),
        ({"system_id": ""}, "system-id"),
        ({"encap_ip": "10.0.0.2 "}, "ovn-encap-ip"),
        ({"encap_ip": ""}, "ovn-encap-ip"),
        ({"encap_ip": "0.0.0.0"}, "ovn-encap-ip"),
        ({"encap_type": "gre"}, "ovn-encap-type"),
        ({"remote": "10.0.0.1"}, "ovn-remote"),
        ({"hostname": "a b"}, "hostname"),
        ({"options": {"ovn-monitor-al": "true"}}, "ovn-monitor-al"),
        ({"options": {"ovn-monitor-all": "yes"}}, "ovn-monitor-all"),
        ({"options": {"ovn-remote": REMOTE}}, "ovn-remote"),
        ({"options": {"ovn-bridge-mappings": "a:b"}}, "ovn-bridge-mappings"),
        ({"options": {"ovn-cms-options": "a, b"}}, "ovn-cms-options"),
    ],
)
def test_a_bad_value_is_refused_and_the_good_ones_are_not_written(
    vs: VSwitch, changed: dict[str, Any], column: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_operation(vs, lambda on, dry: register(on, dry_run=dry, **changed))
    assert caught.value.column == f"external_ids:{column}"
    assert ids(vs) == {}


def test_the_form_of_a_key_that_the_chassis_reads_is_the_one_that_changes(vs: VSwitch) -> None:
    before = {
        "ovn-bridge-mappings": "other:br-other",
        "ovn-bridge-mappings-hv1": "physnet0:br-0",
        "ovn-cms-options-hv1": "a",
        "ovn-encap-ip-hv1": "10.0.0.9",
        "ovn-encap-ip-hv2": "10.0.0.8",
    }
    put(vs, before)
    register(vs)
    check_operation(vs, lambda on, dry: on.add_bridge_mapping("physnet1", "br-ex", dry_run=dry))
    check_operation(vs, lambda on, dry: on.enable_gateway(dry_run=dry))
    now = ids(vs)
    assert now["ovn-bridge-mappings"] == "other:br-other"
    assert now["ovn-bridge-mappings-hv1"] == "physnet0:br-0,physnet1:br-ex"
    assert now["ovn-cms-options-hv1"] == "a,enable-chassis-as-gw"
    assert (now["ovn-encap-ip-hv1"], now["ovn-encap-ip-hv2"]) == ("10.0.0.2", "10.0.0.8")
    assert "ovn-encap-ip" not in now
    config = vs.chassis_config()
    assert config.bridge_mappings == {"physnet0": "br-0", "physnet1": "br-ex"}
    assert config.is_managed("ovn-bridge-mappings", "physnet1")
    assert not config.is_managed("ovn-bridge-mappings", "physnet0")
    vs.unregister_chassis()
    del before["ovn-encap-ip-hv1"]
    assert ids(vs) == before


def test_a_gateway_flag_comes_and_goes_beside_its_neighbours(vs: VSwitch) -> None:
    put(vs, {"ovn-cms-options": "a, b ,c"})
    check_operation(vs, lambda on, dry: on.enable_gateway(dry_run=dry))
    assert ids(vs)["ovn-cms-options"] == "a, b ,c,enable-chassis-as-gw"
    assert vs.chassis_config().gateway
    check_operation(vs, lambda on, dry: on.disable_gateway(dry_run=dry))
    assert ids(vs) == {"ovn-cms-options": "a, b ,c"}
    assert not vs.chassis_config().gateway


def test_a_foreign_gateway_flag_is_not_listed_but_can_be_taken_away(vs: VSwitch) -> None:
    put(vs, {"ovn-cms-options": "enable-chassis-as-gw"})
    assert vs.enable_gateway() == []
    check_operation(vs, lambda on, dry: on.disable_gateway(dry_run=dry))
    assert ids(vs) == {}


def test_a_named_cms_option_takes_the_place_of_the_one_of_that_name(vs: VSwitch) -> None:
    vs.add_cms_option("availability-zones=az1")
    check_operation(vs, lambda on, dry: on.add_cms_option("availability-zones=az2", dry_run=dry))
    assert ids(vs) == {
        "ovn-cms-options": "availability-zones=az2",
        "ovnkit-managed": "ovn-cms-options/availability-zones=az2",
    }
    check_operation(vs, lambda on, dry: on.remove_cms_option("availability-zones=az2", dry_run=dry))
    assert ids(vs) == {}


def test_an_availability_zone_comes_and_goes_beside_those_of_others(vs: VSwitch) -> None:
    put(vs, {"ovn-cms-options": "a,availability-zones=az1,b"})
    check_operation(vs, lambda on, dry: on.add_availability_zone("az2", dry_run=dry))
    assert vs.add_availability_zone("az1") == []
    assert ids(vs) == {
        "ovn-cms-options": "a,availability-zones=az1:az2,b",
        "ovnkit-managed": "ovn-cms-options/availability-zones=az2",
    }
    assert vs.chassis_config().availability_zones == ("az1", "az2")
    check_operation(vs, lambda on, dry: on.remove_availability_zone("az2", dry_run=dry))
    assert ids(vs) == {"ovn-cms-options": "a,availability-zones=az1,b"}


def test_of_the_availability_zones_only_ovnkit_s_go_when_the_chassis_is_unregistered(vs: VSwitch) -> None:
    put(vs, {"ovn-cms-options": "availability-zones=az1"})
    for zone in ("az2", "az3"):
        vs.add_availability_zone(zone)
    vs.unregister_chassis()
    assert ids(vs) == {"ovn-cms-options": "availability-zones=az1"}
    put(vs, {})
    vs.add_cms_option("availability-zones=az2:az3")
    vs.add_availability_zone("az4")
    vs.unregister_chassis()
    assert ids(vs) == {}


def test_zones_that_are_set_as_a_whole_take_the_place_of_those_that_were_added(vs: VSwitch) -> None:
    vs.add_availability_zone("az1")
    vs.add_cms_option("availability-zones=az2:az3")
    assert ids(vs) == {
        "ovn-cms-options": "availability-zones=az2:az3",
        "ovnkit-managed": "ovn-cms-options/availability-zones=az2,ovn-cms-options/availability-zones=az3",
    }
    vs.unregister_chassis()
    assert ids(vs) == {}


def test_a_bridge_mapping_comes_and_goes_beside_its_neighbours(vs: VSwitch) -> None:
    put(vs, {"ovn-bridge-mappings": "a:br-a"})
    check_operation(vs, lambda on, dry: on.add_bridge_mapping("physnet1", "br-ex", dry_run=dry))
    assert ids(vs)["ovn-bridge-mappings"] == "a:br-a,physnet1:br-ex"
    assert ids(vs)["ovnkit-managed"] == "ovn-bridge-mappings/physnet1"
    check_operation(vs, lambda on, dry: on.remove_bridge_mapping("physnet1", dry_run=dry))
    assert ids(vs) == {"ovn-bridge-mappings": "a:br-a"}


def test_moving_a_physical_network_takes_two_steps(vs: VSwitch) -> None:
    vs.add_bridge_mapping("physnet1", "br-ex")
    with pytest.raises(Conflict, match=r"remove that mapping, wait until its patch ports are gone"):
        check_operation(vs, lambda on, dry: on.add_bridge_mapping("physnet1", "br-other", dry_run=dry))


def test_a_bridge_that_carries_a_physical_network_is_shared_on_request_only(vs: VSwitch) -> None:
    vs.add_bridge_mapping("physnet1", "br-ex")
    with pytest.raises(InvalidValue, match="physnet1"):
        vs.add_bridge_mapping("physnet2", "br-ex")
    check_operation(vs, lambda on, dry: on.add_bridge_mapping("physnet2", "br-ex", shared_bridge=True, dry_run=dry))
    assert vs.chassis_config().bridge_mappings == {"physnet1": "br-ex", "physnet2": "br-ex"}


def test_an_option_is_set_and_removed(vs: VSwitch) -> None:
    check_operation(vs, lambda on, dry: on.set_option("ovn-monitor-all", "true", dry_run=dry))
    assert ids(vs) == {"ovn-monitor-all": "true", "ovnkit-managed": "ovn-monitor-all"}
    check_operation(vs, lambda on, dry: on.remove_option("ovn-monitor-all", dry_run=dry))
    assert ids(vs) == {}


@pytest.mark.parametrize("key", ["ovn-remote", "ovn-bridge-mappings", "ovn-cms-options", "system-id"])
def test_what_another_operation_sets_is_refused_as_an_option(vs: VSwitch, key: str) -> None:
    with pytest.raises(InvalidValue, match="not here"):
        vs.set_option(key, "tcp:10.0.0.1:6642" if key == "ovn-remote" else "a:b" if "mappings" in key else "a")


def test_removing_an_option_that_ovn_controller_does_not_have_is_refused(vs: VSwitch) -> None:
    with pytest.raises(InvalidValue, match="ovn-encap-ip"):
        vs.remove_option("ovn-encap-ipp")


def test_the_name_of_a_system_id_may_have_a_slash(vs: VSwitch) -> None:
    put(vs, {"ovn-bridge-mappings-a/b": "p0:br-0", "ovn-bridge-mappings-a": "p9:br-9", "ovn-remote-a/b": "x"})
    before = ids(vs)
    register(vs, system_id="a/b")
    vs.add_bridge_mapping("p/1", "br-1")
    assert ids(vs)["ovn-bridge-mappings-a/b"] == "p0:br-0,p/1:br-1"
    vs.unregister_chassis()
    del before["ovn-remote-a/b"]
    assert ids(vs) == before


# -- beside other chassis ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ip", ["10.0.0.2", "10.0.0.7,10.0.0.2"])
def test_a_tunnel_address_of_another_chassis_is_a_conflict(vs: VSwitch, sb: Southbound, ip: str) -> None:
    add_chassis(sb, "hv9", "10.0.0.2", "nine")
    with pytest.raises(Conflict, match=r"'hv9' \(host 'nine'\) has the tunnel address 10\.0\.0\.2"):
        check_operation(vs, lambda on, dry: register(on, encap_ip=ip, southbound=sb, dry_run=dry))
    assert ids(vs) == {}


def test_a_system_id_of_another_host_is_a_conflict(vs: VSwitch, sb: Southbound) -> None:
    add_chassis(sb, "hv1", "10.0.0.99", "elsewhere")
    with pytest.raises(Conflict, match=r"'hv1' already: host 'elsewhere', tunnel address 10\.0\.0\.99"):
        register(vs, southbound=sb)


def test_a_system_id_with_our_address_and_another_host_name_is_a_conflict(vs: VSwitch, sb: Southbound) -> None:
    add_chassis(sb, "hv1", "10.0.0.2", "elsewhere")
    with pytest.raises(Conflict, match="system-id in use"):
        register(vs, southbound=sb, hostname="here")


def test_a_host_name_of_another_chassis_is_a_conflict(vs: VSwitch, sb: Southbound) -> None:
    add_chassis(sb, "hv9", "10.0.0.9", "here")
    with pytest.raises(Conflict, match=r"chassis 'hv9' \(tunnel address 10\.0\.0\.9\) is on a host of the name 'here'"):
        check_operation(vs, lambda on, dry: register(on, southbound=sb, hostname="here", dry_run=dry))
    assert ids(vs) == {}
    # Also where it was set before, by ovs-ctl.
    put(vs, {"hostname": "here"})
    with pytest.raises(Conflict, match="host name in use"):
        register(vs, southbound=sb)
    register(vs, southbound=sb, hostname="there")


@pytest.mark.parametrize(
    ("key", "value", "release", "when"),
    [
        ("ct-zone-range", "1-100", "23.03", "from 24.09 on"),
        ("ovn-openflow-probe-interval", "60", "25.03", "from 2.12 to below 24.03"),
    ],
)
def test_a_key_that_this_release_does_not_read_is_refused(
    vs: VSwitch, tmp_path: Path, key: str, value: str, release: str, when: str
) -> None:
    path = tmp_path / "release.ovsschema"
    path.write_text(json.dumps(schema_of(SB, release).to_json()))
    with Server(tmp_path / "sb.db", path, run_dir=tmp_path) as server, Southbound.connect(server.remote) as sb:
        with pytest.raises(InvalidValue, match=f"OVN {release}, which Southbound is of, reads; .* {when}"):
            register(vs, southbound=sb, options={key: value})
        assert ids(vs) == {}
        register(vs, southbound=sb, options={"ovn-monitor-all": "true"})
    # Without Southbound there is nothing to know it from.
    vs.set_option(key, value)


def test_our_own_chassis_is_no_conflict(vs: VSwitch, sb: Southbound) -> None:
    add_chassis(sb, "hv1", "10.0.0.2", "here")
    check_operation(vs, lambda on, dry: register(on, southbound=sb, hostname="here", dry_run=dry))
    check_operation(vs, lambda on, dry: register(on, southbound=sb, encap_ip="10.0.0.3", dry_run=dry))
    assert ids(vs)["ovn-encap-ip"] == "10.0.0.3"


# -- several at the same moment ----------------------------------------------------------------------------------------


def test_two_deployers_that_add_different_items_at_the_same_moment_lose_nothing(vs: VSwitch, vs_server: Server) -> None:
    put(vs, FOREIGN)
    rounds = 200
    start = threading.Barrier(2)
    failures: list[Exception] = []

    def deploy(who: str) -> None:
        try:
            with VSwitch.connect(vs_server.remote, timeout=30) as own:
                for number in range(rounds):
                    start.wait(30)
                    own.add_bridge_mapping(f"{who}{number}", f"br-{who}{number}")
                    own.add_cms_option(f"{who}-{number}")
        except (OvnkitError, threading.BrokenBarrierError) as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=deploy, args=(who,)) for who in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with VSwitch.connect(vs_server.remote, timeout=10) as afterwards:
        config = afterwards.chassis_config()
    names = {f"{who}{number}" for who in ("a", "b") for number in range(rounds)}
    assert config.bridge_mappings == {name: f"br-{name}" for name in names}
    assert set(config.cms_options) == {f"{name[0]}-{name[1:]}" for name in names}
    assert config.managed == {f"ovn-bridge-mappings/{name}" for name in names} | {
        f"ovn-cms-options/{name[0]}-{name[1:]}" for name in names
    }
    vs.unregister_chassis()
    assert ids(vs) == FOREIGN


def test_a_key_that_appears_between_reading_and_writing_is_not_overwritten(vs: VSwitch, vs_server: Server) -> None:
    with VSwitch.connect(vs_server.remote, timeout=10) as other:
        tx = vs.transaction()
        tx.add_bridge_mapping("physnet1", "br-ex")
        other.add_bridge_mapping("physnet2", "br-2")
        with pytest.raises(Conflict):
            tx.commit()
        assert other.chassis_config().bridge_mappings == {"physnet2": "br-2"}


# -- from whatever is there --------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        "system-id", "hostname", "ovn-remote", "ovn-encap-ip", "ovn-encap-type", "ovn-bridge-mappings",
        "ovn-cms-options",
        "ovn-bridge-mappings-hv1", "ovn-cms-options-hv1", "ovn-encap-ip-hv1", "ovn-remote-hv2", "ovn-monitor-all",
        "ovnkit-managed", "foreign",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    [
        "hv1", "hv2", "geneve", "10.0.0.2", REMOTE, "physnet1:br-ex", "physnet1:br-2", "p:br-p,physnet1:br-ex",
        "a:b,,c:d",
        "enable-chassis-as-gw", "a, enable-chassis-as-gw ,b", "az=1,az=2", "", ",", "true", "system-id,ovn-remote",
        "ovn-bridge-mappings/physnet1,ovn-cms-options/a", "ovn-bridge-mappings-hv1/p,ovnkit-managed,,x",
    ]
)  # fmt: skip
OPERATIONS: dict[str, Any] = {
    "register": lambda on, dry: register(on, dry_run=dry, hostname="h", options={"ovn-cms-options": "az=2,a"}),
    "unregister": lambda on, dry: on.unregister_chassis(dry_run=dry),
    "enable": lambda on, dry: on.enable_gateway(dry_run=dry),
    "disable": lambda on, dry: on.disable_gateway(dry_run=dry),
    "map": lambda on, dry: on.add_bridge_mapping("physnet1", "br-ex", dry_run=dry),
    "unmap": lambda on, dry: on.remove_bridge_mapping("physnet1", dry_run=dry),
    "named": lambda on, dry: on.add_cms_option("az=3", dry_run=dry),
    "option": lambda on, dry: on.set_option("ovn-monitor-all", "true", dry_run=dry),
    "remove": lambda on, dry: on.remove_option("ovn-encap-ip", dry_run=dry),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.dictionaries(KEYS, VALUES, max_size=8), names=st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=3))
def test_whatever_is_there_the_promises_hold_and_foreign_keys_stay(
    vs: VSwitch, start: dict[str, str], names: list[str]
) -> None:
    put(vs, start)
    for name in names:
        try:
            check_operation(vs, OPERATIONS[name])
        except (Conflict, InvalidValue):
            continue
    now = ids(vs)
    assert {key: now.get(key) for key in ("foreign", "ovn-remote-hv2")} == {
        key: start.get(key) for key in ("foreign", "ovn-remote-hv2")
    }
    assert vs.chassis_config().external_ids == Map(now)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.dictionaries(KEYS.filter(lambda key: key != "ovnkit-managed"), VALUES, max_size=8))
def test_what_unregistering_leaves_is_what_nobody_but_others_set(vs: VSwitch, start: dict[str, str]) -> None:
    put(vs, start)
    try:
        register(vs)
    except Conflict:
        return
    changed = {key for key, value in ids(vs).items() if start.get(key) != value}
    vs.unregister_chassis()
    assert ids(vs) == {key: value for key, value in start.items() if key not in changed}


def test_a_renamed_chassis_takes_its_own_keys_along(vs: VSwitch) -> None:
    put(vs, {"ovn-encap-csum-hv1": "false", "ovn-encap-csum-hv10": "true", "ovn-bridge-mappings-hv1": "physnet9:br-9"})
    register(vs)
    vs.add_bridge_mapping("physnet1", "br-ex")
    check_operation(vs, lambda on, dry: on.rename_chassis("hv2", dry_run=dry))
    found = ids(vs)
    assert {key: value for key, value in found.items() if key != "ovnkit-managed"} == {
        "system-id": "hv2",
        "ovn-remote": REMOTE,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "10.0.0.2",
        "ovn-encap-csum-hv2": "false",
        "ovn-encap-csum-hv10": "true",
        "ovn-bridge-mappings-hv2": "physnet9:br-9,physnet1:br-ex",
    }
    assert "ovn-bridge-mappings-hv2/physnet1" in found["ovnkit-managed"].split(",")
    vs.unregister_chassis()
    assert ids(vs) == {
        "ovn-encap-csum-hv2": "false", "ovn-encap-csum-hv10": "true", "ovn-bridge-mappings-hv2": "physnet9:br-9",
    }  # fmt: skip


def test_a_name_that_cannot_be_is_refused(vs: VSwitch) -> None:
    register(vs)
    with pytest.raises(InvalidValue):
        vs.rename_chassis("hv 2")
    assert ids(vs)["system-id"] == "hv1"
