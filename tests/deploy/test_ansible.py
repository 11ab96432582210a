"""examples/ansible and examples/kolla, run by ansible-playbook against real databases, and against a lab."""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit import deploy
from ovnkit.lab import Lab
from ovnkit.southbound import Chassis
from ovnkit.vswitch.direct import DirectChassis
from tests.deploy.playbooks import EXAMPLES, Ansible, Run, host_variables
from tests.deploy.site import Site
from tests.ovsdb.authority import LOOPBACK, Authority, TlsServer

MODULE = EXAMPLES / "ansible/library/ovn_chassis.py"
SAMPLE = EXAMPLES / "ansible/inventory.yml"
CHECK = ("--check", "--diff")

KOLLA_INVENTORY = """
[control]
ctl
[network]
ctl
[compute]
cmp1
cmp2
[ovn-controller:children]
ovn-controller-compute
ovn-controller-network
[ovn-controller-compute:children]
compute
[ovn-controller-network:children]
network
[ovn-database:children]
control
[ovn-sb-db:children]
ovn-database
[ovn-sb-db-relay:children]
ovn-database
"""


@pytest.fixture
def ansible() -> Iterator[Ansible]:
    # Short: Ansible puts Unix sockets into it, whose paths have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ovnkit-") as directory:
        yield Ansible(Path(directory))


# -- one host, of which there are only the databases -------------------------------------------------------------------


def play_ctl(ansible: Ansible, site: Site, *, check: bool = False, **changed: Any) -> Run:
    """Run site.yml for ``ctl`` of a site; ``changed`` are variables of it."""
    spec = site.spec()
    variables = {**host_variables(spec, spec.host("ctl")), **changed}
    return ansible.site(ansible.inventory("site", "chassis", {"ctl": variables}), check=check)


def test_what_is_asked_for_no_more_is_taken_away_and_what_others_have_set_stays(ansible: Ansible, site: Site) -> None:
    theirs = {"ovn-cms-options": "card-serial-number=7", "ovn-bridge-mappings": "theirs:br-theirs", "note": "x"}
    site.put("ctl", theirs)

    wide = play_ctl(ansible, site, ovn_bridge_mappings={"physnet1": "br-ex"}, ovn_options={"ovn-monitor-all": True})
    with_mapping = site.ids("ctl")
    narrow = play_ctl(ansible, site)

    assert (wide.status, narrow.status) == (0, 0), wide.output + narrow.output
    assert with_mapping["ovn-bridge-mappings"] == "theirs:br-theirs,physnet1:br-ex"
    assert with_mapping["ovn-monitor-all"] == "true"
    left = site.ids("ctl")
    assert {key: left.get(key) for key in theirs} == theirs
    assert "ovn-monitor-all" not in left
    assert "- Open_vSwitch external_ids:ovn-monitor-all = true" in narrow.hosts["ctl"]["changes"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ovn_encap_ip": "192.0.2.300"}, "encap_ip: '192.0.2.300' is not allowed here; allowed: one IPv4 or IPv6"),
        ({"ovn_remote": "tcp:192.0.2.10:6642"}, "remote: 'tcp:192.0.2.10:6642' is not allowed here; allowed: ssl:, "),
        ({"ovn_options": {"ovn-monitor": True}}, "options.ovn-monitor: 'true' is not allowed here; allowed: a key of"),
        ({"ovn_bridge_mappings": {"physnet1": "br-int"}}, "bridge_mappings.physnet1: 'br-int' is not allowed here"),
    ],
)
def test_a_value_that_cannot_be_right_fails_by_its_name_and_nothing_is_written(
    ansible: Ansible, site: Site, changed: dict[str, Any], said: str
) -> None:
    before = site.everything()

    failed = play_ctl(ansible, site, **changed)

    assert failed.status != 0
    assert failed.hosts["ctl"]["error"] == "SpecError"
    assert failed.hosts["ctl"]["msg"].startswith(said)
    assert site.everything() == before


def test_an_address_that_another_chassis_has_is_a_conflict_when_it_is_looked_at_and_when_it_is_written(
    ansible: Ansible, site: Site
) -> None:
    site.add_chassis("other", encap_ip="192.0.2.1")
    before = site.everything()

    for run in (play_ctl(ansible, site, check=True), play_ctl(ansible, site)):
        assert run.status != 0
        assert run.hosts["ctl"]["error"] == "Conflict"
        assert "chassis 'other'" in run.hosts["ctl"]["msg"]
    assert site.everything() == before


def test_system_id_conf_is_written_where_the_host_has_a_place_for_it(ansible: Ansible, site: Site) -> None:
    file = ansible.etc / "openvswitch/system-id.conf"
    file.parent.mkdir(parents=True)

    looked = play_ctl(ansible, site, check=True)
    assert not file.exists()
    done = play_ctl(ansible, site)
    again = play_ctl(ansible, site)

    assert f"+ file {file} = ctl" in looked.hosts["ctl"]["changes"]
    assert done.hosts["ctl"]["changes"] == looked.hosts["ctl"]["changes"]
    assert file.read_text() == "ctl\n"
    assert again.changed == set()


def test_southbound_with_tls_needs_the_files(ansible: Ansible, site: Site, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    mine = authority.tls("ctl")
    files = {"key": str(mine.key), "cert": str(mine.cert), "ca": str(mine.ca)}
    with TlsServer(tmp_path, authority, *LOOPBACK, schema="ovn-sb.ovsschema") as southbound:
        remote = southbound.tls_remote

        refused = play_ctl(ansible, site, ovn_remote=remote, ovn_tls={**files, "key": "/nowhere/key.pem"})
        assert "ovn-remote" not in site.ids("ctl")
        done = play_ctl(ansible, site, ovn_remote=remote, ovn_tls=files)

    assert refused.hosts["ctl"]["error"] == "ConnectionFailed"
    assert "/nowhere/key.pem" in refused.hosts["ctl"]["msg"]
    assert done.status == 0, done.output
    assert site.ids("ctl")["ovn-remote"] == remote


def test_a_host_without_ovnkit_is_told_so(ansible: Ansible, site: Site) -> None:
    python = ansible.directory / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)

    failed = play_ctl(ansible, site, ansible_python_interpreter=str(python))

    assert failed.status != 0
    assert "required Python library (ovnkit)" in failed.hosts["ctl"]["msg"]


def test_ansible_doc_knows_every_parameter(ansible: Ansible) -> None:
    said = ansible.run("ansible-doc", "--json", "-t", "module", "-M", MODULE.parent, MODULE.stem)
    documented = json.loads(said.stdout)["ovn_chassis"]["doc"]["options"]
    arguments = runpy.run_path(str(MODULE))["ARGUMENTS"]

    assert documented.keys() == arguments.keys()
    assert documented["tls"]["suboptions"].keys() == arguments["tls"]["options"].keys()
    for name, argument in arguments.items():
        assert documented[name].get("default") == argument.get("default"), name
        assert documented[name].get("type", "str") == argument.get("type", "str"), name


# -- three hosts, with ovn-controller ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(lab_possible: None, records: None) -> Iterator[Lab]:
    """The hosts of the sample inventory, before they are chassis."""
    with Lab.from_spec(deploy.load(EXAMPLES / "cluster.toml")) as lab:
        yield lab


@pytest.fixture
def bare(lab: Lab) -> Iterator[Lab]:
    """The same; what a test leaves in the hosts' databases is taken away."""
    before = identities(lab)
    yield lab
    for host in lab.hosts:
        host.vsctl("clear", "Open_vSwitch", ".", "external_ids")
        pairs = [f"external_ids:{key}={json.dumps(value)}" for key, value in before[host.name].items()]
        if pairs:
            host.vsctl("set", "Open_vSwitch", ".", *pairs)


def identities(lab: Lab) -> dict[str, dict[str, str]]:
    """What each host's external_ids are, asked of the database itself: a replica may be a moment behind others."""
    return {host.name: dict(DirectChassis(host.remote).read(timeout=10).external_ids) for host in lab.hosts}


@pytest.mark.lab
@pytest.mark.timeout(300)
def test_hosts_are_looked_at_then_registered_then_left_as_they_are_then_taken_back(ansible: Ansible, bare: Lab) -> None:
    spec, before = bare.spec, identities(bare)
    hosts = {host.name: host_variables(spec, host) for host in spec.hosts}
    inventories = (SAMPLE, ansible.inventory("lab", "chassis", hosts))

    looked = ansible.site(*inventories, check=True)
    assert identities(bare) == before
    assert looked.status == 0, looked.output
    assert looked.changed == hosts.keys()
    assert f'+    "ovn-encap-ip": "{spec.host("cmp1").encap_ip}"' in looked.output
    assert bare.southbound.find(Chassis) == []

    done = ansible.site(*inventories)
    assert done.status == 0, done.output
    assert {name: result["changes"] for name, result in done.hosts.items()} == {
        name: result["changes"] for name, result in looked.hosts.items()
    }
    seen = deploy.verify(spec, timeout=20)
    assert seen.ok, str(seen)
    assert not deploy.plan(spec)

    again = ansible.site(*inventories)
    assert (again.status, again.changed) == (0, set()), again.output
    assert again.output.count("changed=0") == len(hosts)

    for host in bare.hosts:
        host.controller.stop()
    registered = identities(bare)
    assert ansible.site(*inventories, check=True, ovn_state="absent").changed == hosts.keys()
    assert identities(bare) == registered
    assert ansible.site(*inventories, ovn_state="absent").changed == hosts.keys()
    assert identities(bare) == before
    assert ansible.site(*inventories, ovn_state="absent").changed == set()
    for host in bare.hosts:
        host.controller.start()


def as_kolla_writes(lab: Lab) -> None:
    """One key after the other, without a word of whose it is."""
    spec = lab.spec
    for host in spec.hosts:
        keys = {
            "system-id": host.system_id,
            "hostname": f"{host.name}.example",
            "ovn-encap-ip": host.encap_ip,
            "ovn-encap-type": "geneve",
            "ovn-remote": spec.central.southbound,
            "ovn-remote-probe-interval": "60000",
            "ovn-monitor-all": "False",
            "ovn-bridge-datapath-type": "netdev",
        }
        if host.gateway:
            keys |= {"ovn-bridge-mappings": "physnet1:br-ex"}
            keys |= {"ovn-cms-options": "enable-chassis-as-gw,availability-zones=az1"}
        for key, value in keys.items():
            lab.host(host.name).vsctl("set", "Open_vSwitch", ".", f"external_ids:{key}={json.dumps(value)}")


def kolla_inventories(ansible: Ansible, spec: deploy.Spec) -> tuple[Path, Path]:
    """Kolla's groups, and what is particular to these hosts."""
    groups = ansible.directory / "multinode"
    groups.write_text(KOLLA_INVENTORY)
    python = "{{ ansible_playbook_python }}"
    hosts = {
        host.name: {"here_address": host.encap_ip, "here_ovsdb": host.ovsdb, "here_python": python}
        for host in spec.hosts
    }
    return groups, ansible.inventory("here", "all", hosts)


def kolla_variables(spec: deploy.Spec, **changed: Any) -> dict[str, Any]:
    """Of Kolla's variables those that the playbook reads, as they come out for these hosts."""
    return {
        "neutron_plugin_agent": "ovn",
        "neutron_bridge_name": "br-ex",
        "neutron_physical_networks": "physnet1",
        "neutron_ovn_availability_zones": ["az1"],
        "computes_need_external_bridge": "no",
        "openvswitch_system_id": "{{ inventory_hostname }}",
        "ovn_sb_connection": spec.central.southbound,
        "tunnel_interface_address": "{{ here_address }}",
        "ovnkit_ovsdb": "{{ here_ovsdb }}",
        "ovnkit_python": "{{ here_python }}",
        **changed,
    }


@pytest.mark.lab
@pytest.mark.timeout(300)
def test_kolla_s_hosts_are_looked_at_found_right_and_given_what_kolla_does_not_set(ansible: Ansible, bare: Lab) -> None:
    spec, before = bare.spec, identities(bare)
    inventories = kolla_inventories(ansible, spec)
    playbook = ansible.kolla(kolla_variables(spec))

    looked = ansible.play(playbook, *inventories, arguments=CHECK)
    assert looked.status == 0, looked.output
    assert identities(bare) == before
    assert looked.changed == {"ctl", "cmp1", "cmp2"}
    for only_there in ("ovn-bridge-mappings = physnet1:br-ex", "enable-chassis-as-gw,availability-zones=az1"):
        assert [host for host, result in looked.hosts.items() if only_there in str(result["changes"])] == ["ctl"]

    as_kolla_writes(bare)
    written = identities(bare)
    found = ansible.play(playbook, *inventories)
    assert (found.status, found.changed) == (0, set()), found.output
    assert identities(bare) == written

    more = ansible.kolla(kolla_variables(spec, ovnkit_options={"ovn-encap-csum": "false"}))
    bare.host("cmp1").vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=198.51.100.99")
    drifted = ansible.play(more, *inventories, arguments=CHECK)
    assert '-    "ovn-encap-ip": "198.51.100.99"' in drifted.output
    assert ansible.play(more, *inventories).changed == {"ctl", "cmp1", "cmp2"}
    seen = deploy.verify(spec, timeout=20)
    assert seen.ok, str(seen)
    # What Kolla has written is still Kolla's.
    assert bare.host("ctl").vswitch.chassis_config().managed == {"ovn-encap-csum"}


def test_kolla_s_lists_of_networks_and_bridges_have_to_be_of_one_length(ansible: Ansible, site: Site) -> None:
    spec = attrs.evolve(site.spec(), hosts=[site.spec().host("ctl")])
    inventories = kolla_inventories(ansible, spec)
    before = site.everything()
    playbook = ansible.kolla(kolla_variables(spec, neutron_bridge_name="br-ex,br-two"))

    run = ansible.play(playbook, *inventories, arguments=("--limit", "ctl"))

    assert run.status != 0
    assert "zip() argument 2 is longer" in run.output
    assert site.everything() == before
