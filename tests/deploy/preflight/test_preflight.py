"""``preflight`` on real databases and on this machine; and its command."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, deploy
from ovnkit.cli import main
from ovnkit.deploy import RULES, Answer, Central, Member, Rule, Spec, Subject, broken, holds
from ovnkit.deploy.preflight.observe import observe_database, observe_northbound, observe_southbound
from ovnkit.errors import HostFailed, NeedsHost, OvnkitError
from ovnkit.northbound import DHCPOptions, LogicalSwitch, LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb import Put
from ovnkit.southbound import SBGlobal, Southbound
from ovnkit.vswitch import SSL, OpenVSwitch
from tests.deploy.site import Site

LOCAL: Mapping[str, Any] = {"access": "local"}


def rule_of(check: Callable[[Subject], Answer]) -> Rule:
    return deploy.rule("own", severity="error", what="It is.", why="It has to.", remedy="mend", document="none")(check)


def test_hosts_are_looked_at_and_nothing_changes(site: Site) -> None:
    before = site.everything()
    report = deploy.preflight(site.spec(ctl=LOCAL), "ctl")
    assert site.everything() == before
    (ctl,) = report.hosts
    assert [found.rule for found in ctl.findings] == [rule.id for rule in RULES]
    assert ctl.problem is None
    assert ctl.finding("ovs-database").state == "ok"
    assert ctl.finding("encap-unique").state == "ok"
    # TEST-NET-1 is nobody's.
    assert ctl.finding("encap-address").state == "error"
    assert not report


def test_what_is_in_the_databases_is_seen(site: Site) -> None:
    site.add_chassis("stale", encap_ip="192.0.2.1", hostname="gone")
    site.put("ctl", {"hostname": "ctl.example", "system-id": "ctl"})
    (ctl,) = deploy.preflight(site.spec(ctl={**LOCAL, "bridge_mappings": {"physnet1": "br-ex"}}), "ctl").hosts
    assert ctl.finding("encap-unique").state == "error"
    assert "stale" in ctl.finding("encap-unique").seen
    assert ctl.finding("hostname").state == "warning"
    assert (ctl.finding("bridge").state, ctl.finding("bridge").seen) == ("error", "not there: br-ex")


def test_a_host_without_access_is_judged_by_its_database_and_is_a_problem(site: Site) -> None:
    (cmp1,) = deploy.preflight(site.spec(), ["cmp1"]).hosts
    assert isinstance(cmp1.problem, NeedsHost)
    assert "ovnkit deploy preflight FILE cmp1" in str(cmp1.problem)
    assert cmp1.finding("ovs-database").state == "ok"
    kernel = cmp1.finding("kernel-nat")
    assert kernel.state == "unknown"
    assert "needs access to the host" in kernel.seen


def test_one_host_that_cannot_be_reached_is_in_nobodys_way(site: Site) -> None:
    report = deploy.preflight(site.spec(ctl=LOCAL, cmp1={"access": ["false"]}, cmp2=LOCAL), timeout=60)
    problems = {host.host: type(host.problem) for host in report.hosts}
    assert problems == {"ctl": type(None), "cmp1": HostFailed, "cmp2": type(None)}
    assert {found.state for found in report.hosts[1].findings if found.rule.startswith("module")} == {"unknown"}


def test_without_central_databases_what_they_would_tell_is_unknown_in_time(site: Site) -> None:
    spec = site.spec(ctl=LOCAL)
    site.northbound.stop()
    site.southbound.stop()
    began = time.monotonic()
    (ctl,) = deploy.preflight(spec, "ctl", timeout=3).hosts
    assert time.monotonic() - began < 60
    assert {ctl.finding(name).state for name in ("encap-unique", "hostname-unique")} == {"unknown"}
    assert ctl.problem is None


def test_a_host_that_runs_the_central_services_alone_is_looked_at_as_well() -> None:
    members = [Member(host=name, address=f"127.0.0.{last}", access="local") for name, last in (("s1", 2), ("s2", 3))]
    sockets = "unix:/nowhere/db.sock"
    spec = Spec(central=Central(members=members, northbound=sockets, southbound=sockets))
    report = deploy.preflight(spec, timeout=2)
    assert [(host.host, host.problem) for host in report.hosts] == [("s1", None), ("s2", None)]
    assert report.hosts[0].finding("member-address").state == "ok"
    assert report.hosts[0].finding("ovs-database").state == "not needed"
    assert [host.host for host in deploy.preflight(spec, "s2", timeout=2, rules=[]).hosts] == ["s2"]


def test_a_database_that_does_not_answer_is_an_error_of_that_host(site: Site) -> None:
    spec = site.spec(ctl={**LOCAL, "ovsdb": f"unix:{site.directory}/none.sock"})
    (ctl,) = deploy.preflight(spec, "ctl", timeout=3).hosts
    assert ctl.finding("ovs-database").state == "error"
    assert ctl.finding("hostname").state == "unknown"


def test_an_unknown_host_is_refused_before_anything_is_asked(site: Site) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        deploy.preflight(site.spec(), "nowhere")


def test_only_the_rules_that_are_given_are_asked(site: Site) -> None:
    def check(subject: Subject) -> Answer:
        return holds(subject.host.name) if subject.host.gateway else broken("no gateway", "mend", severity="info")

    report = deploy.preflight(site.spec(ctl={**LOCAL, "gateway": True}, cmp1=LOCAL, cmp2=LOCAL), rules=[rule_of(check)])
    assert [(found.host, found.state, found.seen) for found in report.findings] == [
        ("ctl", "ok", "ctl"),
        ("cmp1", "info", "no gateway"),
        ("cmp2", "info", "no gateway"),
    ]


def test_an_error_that_a_rule_raises_is_not_lost(site: Site) -> None:
    def check(_: Subject) -> Answer:
        raise OvnkitError("out of its depth")

    (ctl,) = deploy.preflight(site.spec(ctl=LOCAL), "ctl", rules=[rule_of(check)]).hosts
    assert "out of its depth" in str(ctl.problem)
    assert not ctl.ok


def test_facts_of_a_hosts_database(site: Site) -> None:
    with site.vswitch("ctl") as vswitch:
        with vswitch.transaction() as tx:
            tx.add_bridge("br-ex", datapath_type="netdev", fail_mode="secure")
            tx.add_port("br-ex", "eth1")
            tx.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "int-br-ex"})
            tls = tx.insert(SSL(private_key="/k", certificate="/c", ca_cert="/a"))
            tx.update(tx.get(OpenVSwitch), ssl=tls, ovs_version="3.1.0", db_version="8.0.0")
        facts, live = observe_database(vswitch), vswitch.schema.version
    bridge = facts.bridges["br-ex"]
    assert (bridge.datapath_type, bridge.fail_mode, bridge.uplinks) == ("netdev", "secure", ("eth1",))
    assert dict(bridge.ports) == {"br-ex": "internal", "eth1": "", "phy-br-ex": "patch"}
    assert (facts.certificate, facts.key, facts.ovs_version) == ("/c", "/k", "3.1.0")
    assert (facts.schema_version, facts.db_version) == (live, "8.0.0")


def test_facts_of_southbound(site: Site) -> None:
    with Southbound.connect(site.southbound.remote, timeout=10) as sb:
        sb.add_listener("pssl:6642", role="ovn-controller")
        with sb.transaction() as tx:
            row = next(iter(tx.find(SBGlobal)))
            tx.update(row, options=Put({"northd_internal_version": "23.03.1-20.27.0-70.6"}))
        facts = observe_southbound(sb)
    assert (facts.release, facts.listeners, facts.chassis) == ("23.03.1", ("pssl:6642",), ())


def test_how_far_northd_was_is_read_with_its_time(empty_nb: Northbound) -> None:
    assert (observe_northbound(empty_nb).sb_cfg, observe_northbound(empty_nb).sb_cfg_timestamp) == (0, 0)
    with empty_nb.transaction() as tx:
        tx.insert(NBGlobal(sb_cfg=4, sb_cfg_timestamp=1_800_000_000_123))
    facts = observe_northbound(empty_nb)
    assert (facts.sb_cfg, facts.sb_cfg_timestamp) == (4, 1_800_000_000_123)


def test_the_mtu_of_tenants_is_the_largest_that_is_tunnelled(empty_nb: Northbound) -> None:
    assert observe_northbound(empty_nb).mtu is None
    with empty_nb.transaction() as tx:
        outside = tx.insert(LogicalSwitchPort(name="out", type="localnet"))
        tx.insert(LogicalSwitch(name="outside", ports=[outside], external_ids={"neutron:mtu": "9000"}))
        tx.insert(LogicalSwitch(name="odd", external_ids={"neutron:mtu": "large"}))
        tx.insert(LogicalSwitch(name="tenant", external_ids={"neutron:mtu": "1442"}))
    assert observe_northbound(empty_nb).mtu == 1442
    with empty_nb.transaction() as tx:
        options = tx.insert(DHCPOptions(cidr="10.0.0.0/24", options={"mtu": "1450"}))
        port = tx.insert(LogicalSwitchPort(name="vm", dhcpv4_options=options))
        tx.insert(LogicalSwitch(name="other", ports=[port]))
    assert observe_northbound(empty_nb).mtu == 1450


# -- the command -------------------------------------------------------------------------------------------------------


def command(site: Site, tmp_path: Path, *arguments: str, **hosts: Mapping[str, Any]) -> int:
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(site.spec(**hosts)), encoding="utf-8")
    return main(["deploy", "preflight", str(path), *arguments])


def test_hosts_that_are_not_ready_are_1_and_are_told_so(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(site, tmp_path, "ctl", ctl=LOCAL) == 1
    said, errors = capsys.readouterr()
    assert errors == ""
    assert re.search(r"^error +ctl +encap-address +no interface has 192\.0\.2\.1$", said, re.MULTILINE)
    assert "> ctl: ip address add 192.0.2.1/PREFIX dev DEVICE" in said
    assert said.splitlines()[-1].startswith("1 host: ")


def test_a_host_that_could_not_be_looked_at_is_1(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(site, tmp_path, "cmp2") == 1
    assert capsys.readouterr().out.startswith("! cmp2: looking at cmp2 beyond its database needs access to the host")


def test_json_says_the_same(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, tmp_path, "ctl", "cmp1", "--json", ctl=LOCAL) == 1
    said = json.loads(capsys.readouterr().out)
    ctl, cmp1 = said["hosts"]
    assert (said["ok"], ctl["name"], ctl["ok"], ctl["problem"]) == (False, "ctl", False, None)
    assert [found["rule"] for found in ctl["findings"]] == [rule.id for rule in RULES]
    (address,) = (found for found in ctl["findings"] if found["rule"] == "encap-address")
    assert address.keys() == {"rule", "state", "severity", "seen", "why", "remedy", "document"}
    assert (address["state"], address["seen"]) == ("error", "no interface has 192.0.2.1")
    assert cmp1["problem"]["error"] == "NeedsHost"


def test_a_host_that_is_not_in_the_file_is_64(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, tmp_path, "nowhere") == 64
    assert capsys.readouterr() == ("", "ovnkit: no host 'nowhere' in the spec; it has ctl, cmp1, cmp2\n")


@pytest.mark.parametrize("arguments", [[], ["file", "--timeout", "0"], ["file", "--nonsense"]], ids=" ".join)
def test_wrong_usage_is_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "preflight", *arguments]) == 64
    assert capsys.readouterr().err.startswith("usage: ovnkit")
