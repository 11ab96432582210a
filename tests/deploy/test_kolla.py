"""Kolla's containers: what they are told, and all of their commands, run where the paths are those of an image."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit.deploy import Central, Encap, HostSpec, IniFile, Member, Spec, TlsFiles, kolla, open_host
from ovnkit.deploy.rendered import below, plan_files
from ovnkit.errors import Conflict, InvalidValue
from tests.deploy.neutron.clouds import cloud

MEMBER = Member(host="ctl", address="192.0.2.10", access="local")


def spec(*more: Member, neutron: Mapping[str, Any] | None = None, **central: Any) -> Spec:
    tls: dict[str, Any] = {"tls": TlsFiles("/k", "/c", "/a")} if "tls" in central else {}
    found = cloud(**{**tls, **(neutron or {})})
    insecure = "tls" not in central
    return attrs.evolve(found, central=Central(members=[MEMBER, *more], insecure=insecure, **central))


def config(of: Spec, host: str, directory: str) -> Any:
    (file,) = (one for one in kolla.files(of, host) if one.path == f"/etc/kolla/{directory}/config.json")
    return json.loads(file.text)


def test_each_host_has_its_containers() -> None:
    central = ["ovn_nb_db", "ovn_sb_db", "ovn_northd"]
    chassis = ["ovn_controller", "neutron_ovn_metadata_agent"]
    assert [one.name for one in kolla.containers(spec(), "ctl")] == [*central, *chassis]
    assert [one.name for one in kolla.containers(spec(), "cmp1")] == chassis
    assert [one.name for one in kolla.containers(spec(neutron={"metadata": None}), "cmp1")] == ["ovn_controller"]
    apart = Member(host="db1", address="192.0.2.20", access="local")
    assert [one.name for one in kolla.containers(spec(apart), "db1")] == central
    with pytest.raises(KeyError, match="no host 'cmp9'"):
        kolla.containers(spec(), "cmp9")


def test_the_files_of_a_host_are_where_its_containers_find_them() -> None:
    assert [(file.path, file.mode, file.owner) for file in kolla.files(spec(), "ctl")] == [
        ("/etc/kolla/ovn-nb-db/config.json", 0o640, None),
        ("/etc/kolla/ovn-sb-db/config.json", 0o640, None),
        ("/etc/kolla/ovn-northd/config.json", 0o640, None),
        ("/etc/kolla/ovn-controller/config.json", 0o640, None),
        ("/etc/kolla/neutron-ovn-metadata-agent/config.json", 0o640, None),
        ("/etc/kolla/neutron-server/neutron.conf", 0o640, None),
        ("/etc/kolla/neutron-server/ml2_conf.ini", 0o640, None),
        ("/etc/kolla/neutron-ovn-metadata-agent/neutron_ovn_metadata_agent.ini", 0o600, None),
    ]


@pytest.mark.parametrize(("release", "package"), [("queens", "networking"), ("2026.2", "neutron")])
def test_the_metadata_agent_reads_its_two_files_as_its_user(release: str, package: str) -> None:
    told = config(spec(neutron={"release": release}), "cmp1", "neutron-ovn-metadata-agent")
    own = f"/etc/neutron/{package}_ovn_metadata_agent.ini"
    main = "/etc/neutron/neutron.conf"
    assert told["command"] == f"{package}-ovn-metadata-agent --config-file {main} --config-file {own}"
    assert [(one["dest"], one["owner"], one["perm"]) for one in told["config_files"]] == [
        (main, "neutron", "0600"),
        (own, "neutron", "0600"),
    ]
    assert {one["source"].rpartition("/")[0] for one in told["config_files"]} == {"/var/lib/kolla/config_files"}
    assert {one["path"]: one["owner"] for one in told["permissions"]} == {
        "/var/log/kolla/neutron": "neutron:neutron",
        "/var/lib/neutron/kolla": "neutron:neutron",
    }


def test_with_tls_the_central_services_get_their_files() -> None:
    told = config(spec(tls="pki"), "ctl", "ovn-sb-db")
    assert "--private-key=/etc/ovn/pki/central/key.pem" in told["command"]
    assert [(one["dest"], one["perm"]) for one in told["config_files"]] == [
        ("/etc/ovn/pki/central/key.pem", "0600"),
        ("/etc/ovn/pki/central/cert.pem", "0644"),
        ("/etc/ovn/pki/cacert.pem", "0644"),
    ]
    assert "config_files" not in config(spec(tls="pki"), "ctl", "ovn-controller")


def test_one_member_makes_a_cluster_and_the_others_join() -> None:
    others = [Member(host=f"db{n}", address=f"192.0.2.{n}", access="local") for n in (20, 30)]
    cluster = spec(*others, tls="pki", rbac=True, election_timer=4000)
    nb, sb, _ = kolla.containers(cluster, "db20")
    file = "/var/lib/openvswitch/ovn-nb/ovnnb.db"
    joined = ("ssl:192.0.2.20:6643", "ssl:192.0.2.10:6643", "ssl:192.0.2.30:6643")
    assert nb.first == (("ovsdb-tool", "join-cluster", file, "OVN_Northbound", *joined),)
    assert nb.then == sb.then == ()
    nb, sb, *_ = kolla.containers(cluster, "ctl")
    made = ("create-cluster", file, "/usr/share/ovn/ovn-nb.ovsschema", "ssl:192.0.2.10:6643")
    assert nb.first == (("ovsdb-tool", "--election-timer=4000", *made),)
    listening = [" ".join(words) for words in sb.then]
    assert 'create Connection target="pssl:6642" role=ovn-controller --' in listening[1]
    assert 'create Connection target="pssl:16642" -- add SB_Global . connections' in listening[2]


def test_a_word_that_the_entry_point_would_cut_is_refused() -> None:
    for word in ("a b", "$HOME", "*", "'", "a;b", ""):
        with pytest.raises(InvalidValue):
            kolla.Container(name="x", directory="x", command=("true", word))


def test_kolla_ansible_gets_variables_and_what_it_has_none_for() -> None:
    yaml = pytest.importorskip("yaml")
    (variables, ml2) = kolla.variables(spec(neutron={"flat_networks": ["physnet1"]}))
    assert variables.path == "/etc/kolla/globals.d/ovnkit.yml"
    assert yaml.safe_load(variables.text) == {
        "neutron_plugin_agent": "ovn",
        "neutron_type_drivers": "local,flat,vlan,geneve",
        "neutron_tenant_network_types": "geneve",
        "neutron_ovn_distributed_fip": False,
        "neutron_physical_networks": "physnet1",
        "neutron_bridge_name": "br-ex",
        "ovn_nb_connection": "tcp:192.0.2.10:6641",
        "ovn_sb_connection": "tcp:192.0.2.10:6642",
        "ovn_sb_connection_no_relay": "tcp:192.0.2.10:6642",
        "enable_ovn_sb_db_relay": False,
    }
    assert ml2.path == "/etc/kolla/config/neutron/ml2_conf.ini"
    assert isinstance(ml2, IniFile)
    assert "vni_ranges = 1:65536\n" in ml2.text
    with_plugins = kolla.variables(spec(neutron={"service_plugins": ["qos"]}))
    assert [file.path.rpartition("/")[2] for file in with_plugins] == ["ovnkit.yml", "neutron.conf", "ml2_conf.ini"]
    assert not any(file.private for file in with_plugins)
    assert kolla.variables(attrs.evolve(spec(), neutron=None)) == ()


def test_bridges_that_kolla_cannot_have_are_a_conflict() -> None:
    there = spec()
    other = HostSpec(name="gw", encap_ip="192.0.2.99", ovsdb="unix:/gw", bridge_mappings={"physnet1": "br-other"})
    with pytest.raises(Conflict, match="physnet1 is on br-ex and on br-other"):
        kolla.variables(attrs.evolve(there, hosts=[*there.hosts, other]))


def test_what_containers_read_is_written_once(tmp_path: Path) -> None:
    files = below(kolla.files(spec(), "ctl"), str(tmp_path))
    for file in files:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    assert plan_files(files, open_host("local", "ctl")).apply()
    assert not plan_files(files, open_host("local", "ctl"))


IMAGE = """
set -e
ip link set lo up
ip address add 192.0.2.10/32 dev lo
for directory in /run /var/lib /var/log; do mount -t tmpfs image "$directory"; done
mkdir -p /run/ovn /run/openvswitch /var/lib/openvswitch/ovn-nb /var/lib/openvswitch/ovn-sb /var/log/kolla/openvswitch
echo ready
exec sleep 300
"""


@contextmanager
def image() -> Iterator[Sequence[str]]:
    """A machine with the directories of Kolla's images and volumes; gives the words that run something there."""
    with subprocess.Popen(
        ["unshare", "-mnpf", "--kill-child", "--mount-proc", "sh", "-c", IMAGE], stdout=subprocess.PIPE, text=True
    ) as machine:
        try:
            assert machine.stdout is not None
            assert machine.stdout.readline() == "ready\n"
            (inside,) = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split()
            yield ["nsenter", "-t", inside, "-m", "-n", "-p", "--"]
        finally:
            machine.kill()


def until(argv: Sequence[str], wanted: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        if wanted in done.stdout:
            return
        assert time.monotonic() < deadline, (argv, done.stdout, done.stderr)
        time.sleep(0.2)


@pytest.mark.lab
@pytest.mark.parametrize("clustered", [False, True])
def test_every_command_starts_what_it_says(clustered: bool, lab_possible: None, tmp_path: Path) -> None:
    one = attrs.evolve(spec(clustered=clustered), encap=Encap())
    (*central, controller, _) = kolla.containers(one, "ctl")
    with image() as inside, ExitStack() as running:

        def run(*argv: str) -> None:
            subprocess.run([*inside, *argv], check=True, timeout=30)

        def start(*argv: str) -> None:
            log = running.enter_context((tmp_path / f"{len(list(tmp_path.iterdir()))}.log").open("w"))
            child = subprocess.Popen([*inside, *argv], stdout=log, stderr=log)
            running.callback(child.wait, 30)
            running.callback(child.kill)

        for container in central:
            for command in container.first:
                run(*command)
            # As Kolla's entry point does it: cut at blanks, nothing else.
            start(*json.loads(container.config)["command"].split())
            for command in container.then:
                until([*inside, "sh", "-c", 'ls /run/ovn/*"$1"_db.sock', "look", container.directory[4:6]], "_db.sock")
                run("timeout", "20", *command)
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        run("ovsdb-tool", "create", "/var/lib/openvswitch/conf.db", schema)
        start("ovsdb-server", "--remote=ptcp:6640:127.0.0.1", "/var/lib/openvswitch/conf.db")
        until([*inside, "ovs-vsctl", "--db=tcp:127.0.0.1:6640", "--no-wait", "init"], "")
        keys = ("system-id=ctl", "ovn-remote=tcp:192.0.2.10:6642", "ovn-encap-type=geneve", "ovn-encap-ip=192.0.2.10")
        words = [f"external_ids:{key}" for key in keys]
        vsctl = ("ovs-vsctl", "--db=tcp:127.0.0.1:6640", "--no-wait", "--timeout=10")
        run(*vsctl, "set", "Open_vSwitch", ".", *words)
        run(*vsctl, "add-br", "br-int")
        start(*json.loads(controller.config)["command"].split())
        run("ovn-nbctl", "--db=tcp:192.0.2.10:6641", "--timeout=20", "--wait=sb", "ls-add", "web")
        until([*inside, "ovn-sbctl", "--db=tcp:192.0.2.10:6642", "--timeout=10", "list", "Datapath_Binding"], "web")
        until([*inside, "ovn-sbctl", "--db=tcp:192.0.2.10:6642", "--timeout=10", "show"], "Chassis ctl")
