"""Plans and carrying them out, on real databases: what changes, what stays, and what stands in the way."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import HostResult, HostSpec, Plan, Report, Spec
from ovnkit.errors import Conflict, InvalidValue, Timeout
from ovnkit.ovsdb import Changes
from ovnkit.vswitch import OpenVSwitch
from tests.deploy.site import Site

FOREIGN = {"rundir": "/var/run/openvswitch", "ovn-monitor-all": "True", "strange key": " a,,b ;é", "ovn-remote-x": ""}


def outcome(result: Plan | Report, host: str) -> HostResult:
    return next(one for one in result.hosts if one.host.name == host)


# -- what is read and what is written --------------------------------------------------------------------------------


def test_a_plan_writes_nothing(site: Site) -> None:
    site.put("ctl", FOREIGN)
    before = site.everything()
    plan = deploy.plan(site.spec(ctl={"gateway": True, "bridge_mappings": {"physnet1": "br-ex"}}))
    assert plan
    assert plan.ok
    assert site.everything() == before


def test_apply_does_what_the_plan_says_and_then_there_is_nothing_to_do(site: Site) -> None:
    spec = site.spec(ctl={"gateway": True, "bridge_mappings": {"physnet1": "br-ex"}})
    plan = deploy.plan(spec)
    report = plan.apply()
    assert report
    assert str(report) == str(plan).replace("to change", "changed")
    assert site.ids("ctl") == {
        "system-id": "ctl",
        "ovn-remote": site.southbound.remote,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "192.0.2.1",
        "ovn-bridge-mappings": "physnet1:br-ex",
        "ovn-cms-options": "enable-chassis-as-gw",
        "ovnkit-managed": "ovn-bridge-mappings/physnet1,ovn-cms-options/enable-chassis-as-gw,ovn-encap-ip,"
        "ovn-encap-type,ovn-remote,system-id",
    }
    again = deploy.plan(spec)
    assert not again
    assert [result.changes for result in again.hosts] == [[], [], []]
    before = site.everything()
    assert [result.changes for result in plan.apply().hosts] == [[], [], []]
    assert site.everything() == before


def test_apply_begins_with_what_is_there_now_and_not_when_it_was_planned(site: Site) -> None:
    plan = deploy.plan(site.spec(ctl={"gateway": True}))
    site.put("ctl", {"system-id": "ctl", "ovn-cms-options": "card-serial-number=7"})
    assert plan.apply()
    assert site.ids("ctl")["ovn-cms-options"] == "card-serial-number=7,enable-chassis-as-gw"


def test_what_left_the_spec_goes_where_ovnkit_has_set_it(site: Site) -> None:
    full = {
        "gateway": True,
        "bridge_mappings": {"physnet1": "br-ex", "physnet2": "br-two"},
        "options": {"ovn-monitor-all": True, "ovn-cms-options": "card-serial-number=7"},
        "availability_zones": ["az1", "az2"],
    }
    assert deploy.plan(site.spec(ctl=full)).apply()
    plan = deploy.plan(site.spec(ctl={"bridge_mappings": {"physnet2": "br-two"}}))
    assert plan.apply()
    ids = site.ids("ctl")
    assert ids["ovn-bridge-mappings"] == "physnet2:br-two"
    assert ids.keys() & {"ovn-monitor-all", "ovn-cms-options"} == set()
    assert "physnet1" not in ids["ovnkit-managed"]
    assert not deploy.plan(plan.spec)


def test_what_others_have_set_stays_though_the_spec_does_not_have_it(site: Site) -> None:
    theirs = {
        **FOREIGN,
        "ovn-bridge-mappings": "physnet9:br-nine",
        "ovn-cms-options": "enable-chassis-as-gw,availability-zones=az9",
    }
    site.put("ctl", theirs)
    assert deploy.plan(site.spec()).apply()
    ids = site.ids("ctl")
    assert {key: ids[key] for key in theirs} == theirs


def test_a_zone_of_others_stays_beside_those_of_the_spec(site: Site) -> None:
    site.put("ctl", {"ovn-cms-options": "availability-zones=az9:az2,x"})
    for wanted, expected in ((["az1", "az2"], "az9:az2:az1"), (["az3"], "az9:az2:az3"), ([], "az9:az2")):
        plan = deploy.plan(site.spec(ctl={"availability_zones": wanted}))
        assert plan.apply()
        assert site.ids("ctl")["ovn-cms-options"] == f"availability-zones={expected},x"
        assert not deploy.plan(plan.spec)


def test_what_others_have_set_alike_stays_when_it_leaves_the_spec(site: Site) -> None:
    site.put("ctl", {"ovn-monitor-all": "true", "ovn-bridge-mappings": "p:br-p", "ovn-cms-options": "x=1"})
    wanted = {"bridge_mappings": {"p": "br-p"}, "options": {"ovn-monitor-all": True, "ovn-cms-options": "x=1"}}
    assert deploy.plan(site.spec(ctl=wanted)).apply()
    plan = deploy.plan(site.spec())
    assert not plan
    assert plan.apply()
    ids = site.ids("ctl")
    assert (ids["ovn-monitor-all"], ids["ovn-bridge-mappings"], ids["ovn-cms-options"]) == ("true", "p:br-p", "x=1")


def test_a_database_that_nobody_has_initialised_gets_its_root_row(site: Site) -> None:
    with site.vswitch("ctl") as client, client.transaction() as tx:
        tx.delete(tx.get(OpenVSwitch))
    assert deploy.plan(site.spec()).apply()
    assert site.ids("ctl")["system-id"] == "ctl"
    assert not deploy.plan(site.spec())


def test_a_bridge_that_changes_its_network_is_one_plan(site: Site) -> None:
    assert deploy.plan(site.spec(ctl={"bridge_mappings": {"old": "br-ex"}})).apply()
    assert deploy.plan(site.spec(ctl={"bridge_mappings": {"new": "br-ex"}})).apply()
    assert site.ids("ctl")["ovn-bridge-mappings"] == "new:br-ex"


def test_a_host_without_ovsdb_is_the_one_of_the_default_socket(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.directory / "here").mkdir()
    (site.directory / "here" / "db.sock").symlink_to(site.hosts["ctl"].socket)
    monkeypatch.setenv("OVS_RUNDIR", str(site.directory / "here"))
    report = deploy.plan(site.spec(ctl={"ovsdb": None})).apply()
    assert report.ok
    assert site.ids("ctl")["system-id"] == "ctl"
    assert str(report).startswith("ctl (local)\n")


# -- what stands in the way ------------------------------------------------------------------------------------------


def test_a_network_that_moves_to_another_bridge_is_a_problem_of_that_host_alone(site: Site) -> None:
    assert deploy.plan(site.spec(ctl={"bridge_mappings": {"physnet1": "br-old"}})).apply()
    before = site.ids("ctl")
    changed = {"bridge_mappings": {"physnet1": "br-ex"}, "gateway": True, "options": {"ovn-monitor-all": True}}
    plan = deploy.plan(site.spec(ctl=changed, cmp1={"gateway": True}))
    assert not plan.ok
    assert isinstance(outcome(plan, "ctl").problem, Conflict)
    assert outcome(plan, "ctl").changes == []
    assert "br-old" in str(plan)

    report = plan.apply()
    assert not report
    assert [result.host.name for result in report.failed] == ["ctl"]
    assert site.ids("ctl") == before
    assert site.ids("cmp1")["ovn-cms-options"] == "enable-chassis-as-gw"


def test_a_registered_host_is_not_given_another_system_id(site: Site) -> None:
    assert deploy.plan(site.spec()).apply()
    plan = deploy.plan(site.spec(cmp1={"system_id": "other"}))
    assert isinstance(outcome(plan, "cmp1").problem, Conflict)
    assert [result.host.name for result in plan.apply().failed] == ["cmp1"]
    assert site.ids("cmp1")["system-id"] == "cmp1"


def test_a_value_that_nobody_can_extend_is_a_problem_and_stays_as_it_is(site: Site) -> None:
    site.put("ctl", {"ovn-bridge-mappings": "physnet1:br-ex,,:oops"})
    plan = deploy.plan(site.spec(ctl={"bridge_mappings": {"physnet2": "br-two"}}))
    assert isinstance(outcome(plan, "ctl").problem, InvalidValue)
    plan.apply()
    assert site.ids("ctl") == {"ovn-bridge-mappings": "physnet1:br-ex,,:oops"}


def test_a_tunnel_address_of_another_chassis_is_a_problem(site: Site) -> None:
    site.add_chassis("stranger", encap_ip="192.0.2.2", hostname="elsewhere")
    report = deploy.plan(site.spec()).apply()
    problem = outcome(report, "cmp1").problem
    assert isinstance(problem, Conflict)
    assert "stranger" in str(problem)
    assert "elsewhere" in str(problem)
    assert [result.host.name for result in report.failed] == ["cmp1"]
    assert site.ids("cmp1") == {}


def test_a_system_id_of_another_chassis_is_a_problem(site: Site) -> None:
    site.add_chassis("cmp1", encap_ip="198.51.100.7", hostname="elsewhere")
    plan = deploy.plan(site.spec())
    assert isinstance(outcome(plan, "cmp1").problem, Conflict)
    assert "198.51.100.7" in str(plan)
    assert [result.host.name for result in plan.apply().failed] == ["cmp1"]


@contextmanager
def silent(path: Path) -> Iterator[str]:
    """A socket that takes connections and never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield f"unix:{path}"


@pytest.mark.parametrize("why", ["no socket", "no answer"])
def test_a_host_that_cannot_be_reached_is_reported_and_delays_no_other(site: Site, why: str) -> None:
    with silent(site.directory / "silent.sock") as remote:
        broken = f"unix:{site.directory}/none.sock" if why == "no socket" else remote
        began = time.monotonic()
        plan = deploy.plan(site.spec(ctl={"ovsdb": broken}), timeout=1)
        assert time.monotonic() - began < 4
        assert isinstance(outcome(plan, "ctl").problem, Timeout)
        assert plan
        assert not plan.ok
        began = time.monotonic()
        report = plan.apply()
        assert time.monotonic() - began < 4
    assert [result.host.name for result in report.failed] == ["ctl"]
    assert site.ids("cmp1")["system-id"] == "cmp1"
    assert site.ids("cmp2")["system-id"] == "cmp2"


def test_without_southbound_there_is_no_plan(site: Site) -> None:
    spec = site.spec()
    central = attrs.evolve(spec.central, southbound=f"unix:{site.directory}/none.sock")
    with pytest.raises(Timeout, match=r"none\.sock"):
        deploy.plan(attrs.evolve(spec, central=central), timeout=0.2)


# -- how it is shown -------------------------------------------------------------------------------------------------


def test_a_plan_prints_as_a_diff_host_by_host(site: Site) -> None:
    site.put("ctl", {"system-id": "ctl", "ovn-encap-type": "vxlan", "ovn-cms-options": "x=1"})
    assert deploy.plan(site.spec(ctl={"encap_ip": "192.0.2.9"})).apply()
    site.add_chassis("stranger", encap_ip="192.0.2.8", hostname="else\x1b[2J\nwhere")
    spec = site.spec(ctl={"gateway": True}, cmp2={"encap_ip": "192.0.2.8"})
    managed = "ovn-encap-ip,ovn-encap-type,ovn-remote"
    assert (
        str(deploy.plan(spec))
        == f"""\
ctl ({site.hosts["ctl"].remote})
  ~ Open_vSwitch external_ids:ovn-cms-options = x=1 -> x=1,enable-chassis-as-gw
  ~ Open_vSwitch external_ids:ovn-encap-ip = 192.0.2.9 -> 192.0.2.1
  ~ Open_vSwitch external_ids:ovnkit-managed = {managed} -> ovn-cms-options/enable-chassis-as-gw,{managed}
cmp1 ({site.hosts["cmp1"].remote})
  no changes
cmp2 ({site.hosts["cmp2"].remote})
  ! compare: {outcome(deploy.plan(spec), "cmp2").problem}
3 hosts: 1 to change, 1 as they should be, 1 failed"""
    )
    assert "(host 'else\\x1b[2J\\nwhere')" in str(deploy.plan(spec))


def test_a_report_says_what_was_changed() -> None:
    spec = Spec(
        central=deploy.Central(northbound="unix:/n", southbound="unix:/s"),
        hosts=[HostSpec(name="one", encap_ip="192.0.2.1")],
    )
    report = Report((HostResult(spec.hosts[0], Changes()),))
    assert str(report) == "one (local)\n  no changes\n1 host: 0 changed, 1 as they should be"
    assert report.ok
    assert report.failed == ()
    assert not Plan(spec, report.hosts)
