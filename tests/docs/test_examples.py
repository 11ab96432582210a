"""The examples, each as a process of its own: once to do its work, once more to change nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import Northbound, VSwitch, deploy
from ovnkit.errors import LabError
from ovnkit.lab import Lab
from ovnkit.northbound import ACL
from ovnkit.southbound import Chassis
from tests.docs.pages import ROOT, Place

EXAMPLES = ROOT / "examples"
REGISTER = ("register_chassis.py", "ctl", "--encap-ip", "192.0.2.10", "--remote", "tcp:192.0.2.10:6642")
GATEWAY = ("--gateway", "physnet1:br-ex")


def run(place: Place, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    for ours, there in sorted(place.addresses.items(), key=lambda pair: -len(pair[0])):
        arguments = tuple(argument.replace(ours, there) for argument in arguments)
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **place.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_example_is_run_here() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert scripts == {"register_chassis.py", "two_tier_network.py", "deploy_cluster.py"}


def test_register_chassis_writes_its_keys_once(central: Place) -> None:
    first, second = run(central, *REGISTER, *GATEWAY), run(central, *REGISTER, *GATEWAY)

    assert first.returncode == 0, first.stderr
    assert "+ Open_vSwitch external_ids:ovn-encap-ip = 192.0.2.10" in first.stdout.splitlines()
    assert (second.returncode, second.stdout) == (0, "no changes\n")


def test_register_chassis_on_a_dry_run_writes_nothing(central: Place) -> None:
    dry = run(central, *REGISTER, "--dry-run")
    with VSwitch.connect(f"unix:{central.environment['OVS_RUNDIR']}/db.sock") as vswitch:
        assert not vswitch.chassis_config().registered

    assert dry.returncode == 0, dry.stderr
    assert dry.stdout == run(central, *REGISTER).stdout


def test_register_chassis_says_what_is_wrong_in_one_line(central: Place) -> None:
    wrong = run(central, *REGISTER, "--gateway", "physnet1")

    assert wrong.returncode == 1
    assert wrong.stderr.startswith("register_chassis.py: Bridge.name: '' is not allowed here")
    assert wrong.stderr.count("\n") == 1


def test_two_tier_network_needs_a_gateway(central: Place) -> None:
    outcome = run(central, "two_tier_network.py")

    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("no chassis is a gateway")
    with Northbound.connect(central.environment["OVN_NB_DB"]) as nb:
        assert nb.find(ACL) == []


def test_deploy_cluster_names_the_key_that_is_wrong(tmp_path: Path) -> None:
    spec = tmp_path / "cluster.toml"
    example = (EXAMPLES / "cluster.toml").read_text()
    spec.write_text(example.replace('encap_ip = "192.0.2.12"', 'encap_ip = "192.0.2.11"'))

    outcome = run(Place(), "deploy_cluster.py", str(spec))

    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert f"{spec}: host.cmp2.encap_ip: '192.0.2.11' is not allowed here" in outcome.stderr


@pytest.mark.lab
def test_register_chassis_makes_a_chassis(running: Lab, machines: Place) -> None:
    assert run(machines, *REGISTER, *GATEWAY).returncode == 0

    running.southbound.wait(Chassis, name="ctl", timeout=10)
    (gateway,) = running.southbound.gateways()
    assert (gateway.chassis.name, gateway.chassis.bridge_mappings) == ("ctl", {"physnet1": "br-ex"})


@pytest.mark.lab
def test_two_tier_network_lets_only_the_web_tier_ask_the_database(running: Lab, cluster: Place) -> None:
    first, second = run(cluster, "two_tier_network.py"), run(cluster, "two_tier_network.py")

    assert first.returncode == 0, first.stderr
    assert "+ NAT 203.0.113.10 logical_ip = 10.0.1.11" in first.stdout.splitlines()
    assert second.stdout.splitlines()[:2] == ["no changes", ""]
    web = running.add_vm("web1", host="cmp1", dhcp=True)
    db = running.add_vm("db1", host="cmp2", dhcp=True)
    running.outside.wait_ping("203.0.113.10")
    web.wait_ping(running.outside.address)
    with db.listen(5432), db.listen(5433):
        assert web.tcp(db.address, 5432, size=10_000).size == 10_000
        with pytest.raises(LabError):
            web.tcp(db.address, 5433, size=10_000, timeout=1.0)


@pytest.fixture
def lab_of_the_spec(labs: Place) -> Iterator[Lab]:
    with Lab.from_spec(deploy.load(EXAMPLES / "cluster.toml")) as started:
        yield started


@pytest.mark.lab
def test_deploy_cluster_plans_applies_and_then_has_nothing_to_do(lab_of_the_spec: Lab, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(lab_of_the_spec.spec))

    planned = run(Place(), "deploy_cluster.py", str(path))
    applied = run(Place(), "deploy_cluster.py", str(path), "--apply")
    again = run(Place(), "deploy_cluster.py", str(path))

    assert planned.returncode == 2, planned.stderr
    assert planned.stdout.endswith("3 hosts: 3 to change, 0 as they should be\n")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert again.returncode == 0, again.stdout
    assert {chassis.name for chassis in lab_of_the_spec.southbound.chassis()} == {"ctl", "cmp1", "cmp2"}


@pytest.mark.lab
def test_deploy_cluster_fails_where_one_host_fails(lab_of_the_spec: Lab, tmp_path: Path) -> None:
    spec = lab_of_the_spec.spec
    hosts = [attrs.evolve(host, ovsdb="unix:/nowhere") if host.name == "cmp2" else host for host in spec.hosts]
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(attrs.evolve(spec, hosts=hosts)))

    outcome = run(Place(), "deploy_cluster.py", str(path), "--timeout", "2")

    assert outcome.returncode == 1
    assert outcome.stdout.endswith("3 hosts: 2 to change, 0 as they should be, 1 failed\n")
