"""The files of a host: which there are, what they say in each release, and who may read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import attrs
import pytest

from ovnkit.deploy import Central, HostSpec, Member, Spec, TlsFiles, database_commands, render
from ovnkit.deploy.neutron.releases import RELEASES, Release
from ovnkit.ini import values
from tests.deploy.neutron.clouds import MARKER, agent, cloud

ALL_RELEASES = pytest.mark.parametrize("release", RELEASES)


def said(spec: Spec, host: str) -> dict[str, dict[str, str]]:
    """What each file of a host says: by its name, ``[section] option`` and value."""
    found: dict[str, dict[str, str]] = {}
    for file in render(spec, host):
        read: Mapping[tuple[str, str], list[str]] = values(file.text)
        assert all(len(texts) == 1 for texts in read.values())
        found[PurePosixPath(file.path).name] = {f"[{section}] {name}": text for (section, name), [text] in read.items()}
    return found


def test_today_says_what_ovn_needs_in_todays_names() -> None:
    spec = cloud(flat_networks=["physnet1"], vlan_ranges=["physnet1:100:199"])
    assert said(spec, "ctl") == {
        "neutron.conf": {"[DEFAULT] core_plugin": "ml2", "[DEFAULT] service_plugins": "ovn-router"},
        "ml2_conf.ini": {
            "[ml2] type_drivers": "local,flat,vlan,geneve",
            "[ml2] project_network_types": "geneve",
            "[ml2] mechanism_drivers": "ovn",
            "[ml2] extension_drivers": "port_security",
            "[ml2_type_flat] flat_networks": "physnet1",
            "[ml2_type_vlan] network_vlan_ranges": "physnet1:100:199",
            "[ml2_type_geneve] vni_ranges": "1:65536",
            "[ml2_type_geneve] max_header_size": "38",
            "[ovn] ovn_nb_connection": "tcp:192.0.2.10:6641",
            "[ovn] ovn_sb_connection": "tcp:192.0.2.10:6642",
            "[ovn] ovn_l3_scheduler": "leastloaded",
            "[ovn] enable_distributed_floating_ip": "false",
            "[ovn] ovn_metadata_enabled": "true",
        },
        "neutron_ovn_metadata_agent.ini": {
            "[DEFAULT] nova_metadata_host": "192.0.2.10",
            "[DEFAULT] nova_metadata_port": "8775",
            "[DEFAULT] nova_metadata_protocol": "http",
            "[DEFAULT] metadata_proxy_shared_secret": MARKER,
            "[ovs] ovsdb_connection": "tcp:127.0.0.1:6640",
            "[ovn] ovn_sb_connection": "tcp:192.0.2.10:6642",
        },
    }


def test_queens_equals_what_was_set_by_hand_where_that_was_right() -> None:
    by_hand = {
        "neutron.conf": {"[DEFAULT] service_plugins": "networking_ovn.l3.l3_ovn.OVNL3RouterPlugin"},
        "ml2_conf.ini": {
            "[ml2] mechanism_drivers": "ovn",
            "[ml2] tenant_network_types": "geneve",
            "[ml2_type_geneve] vni_ranges": "1:65536",
            "[ml2_type_geneve] max_header_size": "38",
            "[ovn] ovn_nb_connection": "tcp:192.0.2.10:6641",
            "[ovn] ovn_sb_connection": "tcp:192.0.2.10:6642",
            "[ovn] ovn_l3_scheduler": "leastloaded",
            "[ovn] ovn_metadata_enabled": "true",
        },
        "networking_ovn_metadata_agent.ini": {
            "[DEFAULT] nova_metadata_host": "192.0.2.10",
            "[DEFAULT] metadata_proxy_shared_secret": MARKER,
            "[ovs] ovsdb_connection": "tcp:127.0.0.1:6640",
        },
    }
    corrected = {
        "ml2_conf.ini": {"[ml2] extension_drivers": "port_security"},
        # By hand it was left at its default, the database of this host, where no Southbound is on a compute node.
        "networking_ovn_metadata_agent.ini": {"[ovn] ovn_sb_connection": "tcp:192.0.2.10:6642"},
    }
    said_by_neutron_itself = {
        "neutron.conf": {"[DEFAULT] core_plugin": "ml2"},
        "ml2_conf.ini": {
            "[ml2] type_drivers": "local,flat,vlan,geneve",
            "[ovn] enable_distributed_floating_ip": "false",
        },
        "networking_ovn_metadata_agent.ini": {
            "[DEFAULT] nova_metadata_port": "8775",
            "[DEFAULT] nova_metadata_protocol": "http",
        },
    }
    assert said(cloud(release="queens"), "ctl") == {
        name: {**options, **corrected.get(name, {}), **said_by_neutron_itself[name]}
        for name, options in by_hand.items()
    }
    assert said(cloud(release="queens"), "cmp1").keys() == {"networking_ovn_metadata_agent.ini"}


@ALL_RELEASES
def test_each_release_has_its_names(release: Release) -> None:
    files = said(cloud(release=release), "ctl")
    before_ussuri = RELEASES.index(release) < RELEASES.index("ussuri")
    agent_file = "networking_ovn_metadata_agent.ini" if before_ussuri else "neutron_ovn_metadata_agent.ini"
    assert files.keys() == {"neutron.conf", "ml2_conf.ini", agent_file}
    types = "project_network_types" if release in ("2026.1", "2026.2") else "tenant_network_types"
    assert [name for name in files["ml2_conf.ini"] if "network_types" in name] == [f"[ml2] {types}"]


def test_the_agent_runs_where_it_is_to_run_and_the_server_where_the_server_is() -> None:
    assert said(cloud(metadata=agent(hosts=["cmp1"])), "ctl").keys() == {"neutron.conf", "ml2_conf.ini"}
    assert said(cloud(metadata=agent(hosts=["cmp1"])), "cmp1").keys() == {"neutron_ovn_metadata_agent.ini"}
    without = cloud(metadata=None)
    assert said(without, "ctl")["ml2_conf.ini"]["[ovn] ovn_metadata_enabled"] == "false"
    assert render(without, "cmp1") == ()
    assert render(attrs.evolve(without, neutron=None), "ctl") == ()
    with pytest.raises(KeyError, match="no host 'cmp9'"):
        render(without, "cmp9")


def test_all_that_can_be_said_is_said() -> None:
    tls = TlsFiles("/etc/neutron/k.pem", "/etc/neutron/c.pem", "/etc/neutron/ca.pem")
    spec = cloud(
        "ssl", tls=tls, service_plugins=["qos"], extension_drivers=["port_security", "qos"],
        dns_domain="cloud.example.", dns_servers=["192.0.2.53", "2001:db8::53"], probe_interval=60000,
        l3_scheduler="chance", distributed_floating_ip=True, max_header_size=58, vni_ranges=["1:100", "200:300"],
        flat_networks=["*"], project_network_types=["geneve", "vlan"], vlan_ranges=["physnet1"],
        metadata=agent(nova_host="nova.example", nova_port=8776, nova_protocol="https", ovsdb="unix:/run/db.sock"),
    )  # fmt: skip
    files = said(spec, "ctl")
    assert files["neutron.conf"] == {
        "[DEFAULT] core_plugin": "ml2",
        "[DEFAULT] service_plugins": "ovn-router,qos",
        "[DEFAULT] dns_domain": "cloud.example.",
    }
    assert (
        files["ml2_conf.ini"].items()
        >= {
            "[ml2] project_network_types": "geneve,vlan",
            "[ml2_type_flat] flat_networks": "*",
            "[ml2_type_geneve] vni_ranges": "1:100,200:300",
            "[ml2_type_geneve] max_header_size": "58",
            "[ovn] ovn_nb_private_key": "/etc/neutron/k.pem",
            "[ovn] ovn_nb_certificate": "/etc/neutron/c.pem",
            "[ovn] ovn_nb_ca_cert": "/etc/neutron/ca.pem",
            "[ovn] ovn_sb_ca_cert": "/etc/neutron/ca.pem",
            "[ovn] ovsdb_probe_interval": "60000",
            "[ovn] dns_servers": "192.0.2.53,2001:db8::53",
        }.items()
    )
    assert (
        files["neutron_ovn_metadata_agent.ini"].items()
        >= {
            "[DEFAULT] nova_metadata_port": "8776",
            "[ovs] ovsdb_connection": "unix:/run/db.sock",
            "[ovn] ovn_sb_certificate": "/etc/neutron/c.pem",
        }.items()
    )


def test_tunnels_over_ipv6_are_said_to_be() -> None:
    spec = cloud()
    hosts = [HostSpec(name="ctl", encap_ip="fd00::1", ovsdb="unix:/ctl")]
    assert said(attrs.evolve(spec, hosts=hosts), "ctl")["ml2_conf.ini"]["[ml2] overlay_ip_version"] == "6"
    assert "[ml2] overlay_ip_version" not in said(spec, "ctl")["ml2_conf.ini"]


def test_with_roles_the_server_may_everything_and_the_agent_what_its_chassis_may() -> None:
    tls = TlsFiles("/k", "/c", "/a")
    central = Central(members=[Member(host="ctl", address="192.0.2.10", access="local")], tls="pki", rbac=True)
    files = said(attrs.evolve(cloud(tls=tls), central=central), "ctl")
    assert files["ml2_conf.ini"]["[ovn] ovn_sb_connection"] == "ssl:192.0.2.10:16642"
    assert files["neutron_ovn_metadata_agent.ini"]["[ovn] ovn_sb_connection"] == "ssl:192.0.2.10:6642"


def test_a_secret_shows_in_the_text_alone_and_its_file_is_for_its_owner() -> None:
    main, ml2, metadata = render(cloud(), "ctl")
    assert (main.mode, ml2.mode, metadata.mode) == (0o640, 0o640, 0o600)
    assert [file.private for file in (main, ml2, metadata)] == [False, False, True]
    assert MARKER.replace("$", "\\$") in metadata.text
    for shown in (str(metadata), repr(metadata), repr(attrs.asdict(metadata)), f"{metadata}", repr(cloud())):
        assert "ecret-4711" not in shown
    assert "metadata_proxy_shared_secret = ***\n" in str(metadata)


@pytest.mark.parametrize("release", ["queens", "train", "ussuri", "2026.2"])
def test_the_database_is_brought_to_the_release(release: str) -> None:
    files = ["--config-file", "/etc/neutron/neutron.conf", "--config-file", "/etc/neutron/plugins/ml2/ml2_conf.ini"]
    commands = [[*command] for command in database_commands(cloud(release=release))]
    if release in ("queens", "train"):
        assert commands == [
            ["neutron-db-manage", *files, "--subproject", "neutron", "upgrade", "heads"],
            ["neutron-db-manage", *files, "--subproject", "networking-ovn", "upgrade", "heads"],
        ]
    else:
        assert commands == [["neutron-db-manage", *files, "upgrade", "heads"]]
    assert database_commands(attrs.evolve(cloud(), neutron=None)) == ()
