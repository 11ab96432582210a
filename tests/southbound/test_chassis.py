"""Chassis are read, found and removed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.errors import NotFound
from ovnkit.ovsdb import Ref
from ovnkit.southbound import (
    Chassis,
    ChassisPrivate,
    DatapathBinding,
    Encap,
    EncapSummary,
    HAChassis,
    HAChassisGroup,
    PortBinding,
    SBGlobal,
    Southbound,
)
from ovnkit.southbound.chassis_values import cms_options, read_bridge_mappings
from tests.operations import check_operation, clear


def add(
    sb: Southbound, name: str, *ips: str, private: bool = True, nb_cfg: int = 0, at: int = 0, **columns: Any
) -> Ref[Chassis]:
    with sb.transaction() as tx:
        encaps = [tx.insert(Encap(type="geneve", ip=ip, chassis_name=name)) for ip in ips]
        ref = tx.insert(Chassis(name=name, encaps=encaps, **columns))
        if private:
            tx.insert(ChassisPrivate(name=name, chassis=ref, nb_cfg=nb_cfg, nb_cfg_timestamp=at))
    return ref


def bind(sb: Southbound, name: str, key: int, **columns: Any) -> None:
    with sb.transaction() as tx:
        found = tx.find(DatapathBinding)
        datapath = found[0].ref if found else tx.insert(DatapathBinding(tunnel_key=1))
        tx.insert(PortBinding(logical_port=name, datapath=datapath, tunnel_key=key, **columns))


def test_a_chassis_is_read_as_it_registered_itself(sb: Southbound) -> None:
    said = {"ovn-bridge-mappings": "physnet1:br-ex", "ovn-cms-options": "a, enable-chassis-as-gw"}
    add(sb, "hv2", "10.0.0.3")
    ref = add(
        sb, "hv1", "10.0.0.2", "fd00::2", hostname="one", other_config=said, nb_cfg=5, transport_zones=["z"], at=7
    )
    one, two = sb.chassis()
    assert (one.name, one.hostname, one.ref) == ("hv1", "one", ref)
    assert one.encaps == (EncapSummary("geneve", "10.0.0.2"), EncapSummary("geneve", "fd00::2"))
    assert (one.bridge_mappings, one.cms_options, one.gateway) == (
        {"physnet1": "br-ex"},
        ("a", "enable-chassis-as-gw"),
        True,
    )
    assert (one.transport_zones, one.nb_cfg, one.nb_cfg_timestamp, one.remote) == (("z",), 5, 7, False)
    assert (two.name, two.gateway) == ("hv2", False)


def test_gateways_are_those_that_are_flagged_or_may_carry_one(sb: Southbound) -> None:
    active = add(sb, "hv1", "10.0.0.1")
    standby = add(sb, "hv2", "10.0.0.2")
    add(sb, "hv3", "10.0.0.3", other_config={"ovn-cms-options": "enable-chassis-as-gw"})
    add(sb, "hv4", "10.0.0.4")
    with sb.transaction() as tx:
        members = [
            tx.insert(HAChassis(chassis=chassis, priority=priority))
            for chassis, priority in ((active, 20), (standby, 10))
        ]
        group = tx.insert(HAChassisGroup(name="g", ha_chassis=members))
    bind(
        sb,
        "cr-lrp",
        1,
        type="chassisredirect",
        chassis=active,
        ha_chassis_group=group,
        options={"distributed-port": "lrp"},
    )
    found = {gateway.chassis.name: (gateway.active, gateway.candidate) for gateway in sb.gateways()}
    assert found == {"hv1": (("lrp",), {"lrp": 20}), "hv2": ((), {"lrp": 10}), "hv3": ((), {})}


def test_a_port_is_located(sb: Southbound) -> None:
    here = add(sb, "hv1", "10.0.0.1", hostname="one")
    there = add(sb, "hv2", "10.0.0.2")
    bind(sb, "vm", 1, chassis=here, additional_chassis=[there], up=True)
    location = sb.location("vm")
    assert (location.port, location.chassis, location.hostname) == ("vm", "hv1", "one")
    assert (location.additional, location.up) == (("hv2",), True)


def test_a_router_port_is_where_its_gateway_is(sb: Southbound) -> None:
    here = add(sb, "hv1", "10.0.0.1")
    bind(sb, "lrp", 1, type="patch", options={"chassis-redirect-port": "cr-lrp"})
    bind(sb, "cr-lrp", 2, type="chassisredirect", chassis=here)
    assert sb.location("lrp") == sb.location("cr-lrp")
    assert (sb.location("lrp").port, sb.location("lrp").chassis) == ("cr-lrp", "hv1")


def test_an_unbound_port_is_nowhere_and_an_unknown_one_not_found(sb: Southbound) -> None:
    bind(sb, "vm", 1)
    assert (sb.location("vm").chassis, sb.location("vm").hostname, sb.location("vm").up) == (None, None, None)
    with pytest.raises(NotFound):
        sb.location("cr-vm")


def stale(sb: Southbound, grace: float = 60.0) -> dict[str, str]:
    return {chassis.name: chassis.why for chassis in sb.stale_chassis(grace=grace) if chassis.state == "stale"}


def unknown(sb: Southbound, grace: float = 60.0) -> dict[str, str]:
    return {chassis.name: chassis.why for chassis in sb.stale_chassis(grace=grace) if chassis.state == "unknown"}


def test_half_a_chassis_is_stale(sb: Southbound) -> None:
    with sb.transaction() as tx:
        tx.insert(SBGlobal(nb_cfg=1))
    add(sb, "whole", "10.0.0.1", nb_cfg=1)
    add(sb, "lone", "10.0.0.2", private=False)
    add(sb, "elsewhere", "10.0.0.3", private=False, other_config={"is-remote": "true"})
    add(sb, "vtep", "10.0.0.4", private=False, vtep_logical_switches=["ls"])
    with sb.transaction() as tx:
        tx.insert(ChassisPrivate(name="ghost"))
    assert stale(sb) == {"ghost": "Chassis_Private without Chassis", "lone": "Chassis without Chassis_Private"}


def test_who_does_not_follow_while_others_have_is_stale(sb: Southbound) -> None:
    now = int(time.time() * 1000)
    with sb.transaction() as tx:
        tx.insert(SBGlobal(nb_cfg=5))
    add(sb, "current", "10.0.0.1", nb_cfg=5, at=now - 30_000)
    add(sb, "behind", "10.0.0.2", nb_cfg=4, at=now - 90_000)
    assert stale(sb) == {}
    assert unknown(sb) == {"behind": "its nb_cfg is 4, others have reached 5"}
    assert unknown(sb, grace=20) == {}
    assert stale(sb, grace=20) == {"behind": "its nb_cfg is 4, others have reached 5"}


def test_where_nb_cfg_has_never_moved_nobody_can_tell(sb: Southbound) -> None:
    with sb.transaction() as tx:
        tx.insert(SBGlobal(nb_cfg=0))
        tx.insert(ChassisPrivate(name="ghost"))
    add(sb, "one", "10.0.0.1")
    assert [(found.name, found.state) for found in sb.stale_chassis(grace=0)] == [
        ("ghost", "stale"),
        ("one", "unknown"),
    ]


def test_where_nobody_follows_nobody_is_stale(sb: Southbound) -> None:
    with sb.transaction() as tx:
        tx.insert(SBGlobal(nb_cfg=5))
    add(sb, "one", "10.0.0.1", nb_cfg=4, at=1)
    assert stale(sb, grace=0) == {}
    assert unknown(sb, grace=0) == {"one": "its nb_cfg is 4, nobody has reached 5"}


def test_who_has_never_followed_is_unknown(sb: Southbound) -> None:
    with sb.transaction() as tx:
        tx.insert(SBGlobal(nb_cfg=5))
    add(sb, "current", "10.0.0.1", nb_cfg=5, at=1)
    add(sb, "new", "10.0.0.2", nb_cfg=0, at=0)
    assert stale(sb, grace=0) == {}
    assert unknown(sb, grace=0) == {"new": "it has never followed nb_cfg, which is 5"}


def test_a_chassis_goes_with_all_its_rows_and_the_others_stay(sb: Southbound) -> None:
    gone = add(sb, "hv1", "10.0.0.1", "10.0.0.2")
    add(sb, "hv2", "10.0.0.3")
    bind(sb, "vm", 1, chassis=gone)
    check_operation(sb, lambda on, dry: on.remove_chassis("hv1", dry_run=dry))
    assert [row.name for row in sb.find(Chassis)] == ["hv2"]
    assert [row.name for row in sb.find(ChassisPrivate)] == ["hv2"]
    assert [row.ip for row in sb.find(Encap)] == ["10.0.0.3"]
    assert sb.get(PortBinding, logical_port="vm").chassis is None


def test_a_lone_private_row_goes_as_well(sb: Southbound) -> None:
    with sb.transaction() as tx:
        tx.insert(ChassisPrivate(name="ghost"))
    check_operation(sb, lambda on, dry: on.remove_chassis("ghost", dry_run=dry))
    assert sb.find(ChassisPrivate) == []


NAMES = st.sampled_from(["hv1", "hv2", "hv3"])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole=st.sets(NAMES), lone=st.sets(NAMES), bound=st.sets(NAMES), name=NAMES)
def test_whatever_is_there_the_promises_hold_and_the_others_stay(
    sb: Southbound, whole: set[str], lone: set[str], bound: set[str], name: str
) -> None:
    clear(sb)
    for number, one in enumerate(sorted(whole | lone)):
        if one in whole:
            ref = add(sb, one, f"10.0.0.{number + 1}", private=one in lone)
            if one in bound:
                bind(sb, f"vm-{one}", number + 1, chassis=ref)
        else:
            with sb.transaction() as tx:
                tx.insert(ChassisPrivate(name=one))
    chassis = {row for row in sb.find(Chassis) if row.name != name}
    private = {row for row in sb.find(ChassisPrivate) if row.name != name}
    check_operation(sb, lambda on, dry: on.remove_chassis(name, dry_run=dry))
    assert (set(sb.find(Chassis)), set(sb.find(ChassisPrivate))) == (chassis, private)


@pytest.mark.parametrize(
    ("text", "mappings"),
    [
        ("", {}),
        ("a:b,c:d", {"a": "b", "c": "d"}),
        ("a:b,,c:d", {"a": "b"}),
        ("a:b,c,d:e", {"a": "b"}),
        ("a:b, c:d", {"a": "b", " c": "d"}),
        ("a:b,a:c", {"a": "b"}),
    ],
)
def test_bridge_mappings_are_read_as_ovn_controller_reads_them(text: str, mappings: dict[str, str]) -> None:
    assert read_bridge_mappings(text) == mappings


def test_cms_options_are_read_without_the_blanks_around_them() -> None:
    assert cms_options(" a ,,b=c d,") == ("a", "b=c d")
