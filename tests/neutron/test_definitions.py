"""Every option that is rendered, against Neutron's own definitions: its name, its section, its value."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit.deploy import IniFile, Secret, Spec, TlsFiles, database_commands, open_host, render
from ovnkit.deploy.neutron.options import OPTIONS, File, Option
from ovnkit.deploy.neutron.releases import LATEST
from ovnkit.deploy.rendered import below, plan_files
from ovnkit.errors import Conflict
from ovnkit.ini import values
from tests.deploy.neutron.clouds import MARKER, agent, cloud

QUEENS = os.environ.get("OVNKIT_QUEENS")
"""The directory with the packages of Queens, which are only read."""

pytestmark = [
    pytest.mark.may_skip,
    pytest.mark.skipif(importlib.util.find_spec("neutron") is None, reason="tox -e neutron installs Neutron"),
]
of_queens = pytest.mark.skipif(QUEENS is None, reason="tox -e neutron sets OVNKIT_QUEENS")

RELEASES = [LATEST, pytest.param("queens", marks=of_queens)]
NAMESPACES: dict[File, tuple[str, ...]] = {
    "neutron": ("neutron",),
    "ml2": ("neutron.ml2", "neutron.ml2.ovn"),
    "metadata": ("neutron.ovn.metadata.agent", "neutron.ml2.ovn"),
}
DEFINITIONS = Path(__file__).with_name("definitions.py")


def full(release: str) -> Spec:
    """Everything that a spec can say."""
    return cloud(
        "ssl", release=release, tls=TlsFiles("/etc/neutron/k.pem", "/etc/neutron/c.pem", "/etc/neutron/ca.pem"),
        project_network_types=["geneve", "vlan"], vni_ranges=["1:100", "200:300"], vlan_ranges=["physnet1:1:99"],
        flat_networks=["physnet1"], service_plugins=["qos", "trunk"], extension_drivers=["port_security", "qos", "dns"],
        l3_scheduler="chance", distributed_floating_ip=True, dns_servers=["192.0.2.53"], dns_domain="cloud.example.",
        probe_interval=60000, max_header_size=58, metadata=agent(nova_protocol="https", ovsdb="unix:/run/db.sock"),
    )  # fmt: skip


def several(release: str) -> Spec:
    """A cluster, over IPv6."""
    spec = cloud(release=release)
    central = attrs.evolve(spec.central, northbound="tcp:[fd00::1]:6641,tcp:[fd00::2]:6641")
    hosts = [attrs.evolve(host, encap_ip=f"fd00::{number}") for number, host in enumerate(spec.hosts, 1)]
    return attrs.evolve(spec, central=central, hosts=hosts)


def written(spec: Spec, directory: Path) -> dict[File, Path]:
    """The files of the controller, written as a deployer does."""
    files = below(render(spec, "ctl"), str(directory))
    for file in files:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    plan_files(files, open_host("local", "ctl")).apply()
    return dict(zip(NAMESPACES, (Path(file.path) for file in files), strict=True))


@cache
def asked(release: str, *arguments: str | Path) -> Any:
    environment = {**os.environ, "PYTHONPATH": (QUEENS or "") if release == "queens" else ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", DEFINITIONS, *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=environment, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def validated(file: File, path: Path) -> subprocess.CompletedProcess[str]:
    """By oslo-config-validator, which knows names, but looks at no value."""
    namespaces = [word for name in NAMESPACES[file] for word in ("--namespace", name)]
    return subprocess.run(
        [Path(sys.executable).with_name("oslo-config-validator"), *namespaces, "--input-file", path],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip


@pytest.mark.parametrize("make", [cloud, full, several])
def test_neutrons_validator_finds_nothing_wrong(make: Any, tmp_path: Path) -> None:
    spec = make(release=LATEST)
    for file, path in written(spec, tmp_path).items():
        outcome = validated(file, path)
        assert (outcome.returncode, outcome.stdout) == (0, ""), outcome.stdout
        assert "not found" not in outcome.stderr + outcome.stdout
        assert "deprecated" not in outcome.stderr + outcome.stdout


@pytest.mark.parametrize("release", RELEASES)
def test_neutron_reads_every_value_as_it_is_meant(release: str, tmp_path: Path) -> None:
    specs = (cloud(release=release), full(release))
    for number, file in enumerate(NAMESPACES):
        paths = [written(spec, tmp_path / name)[file] for name, spec in zip(("plain", "full"), specs, strict=True)]
        for spec, found in zip(specs, asked(release, file, *paths), strict=True):
            rendered = render(spec, "ctl")[number]
            assert isinstance(rendered, IniFile)
            said = {f"[{one.section}] {one.name}": one.text for one in rendered.settings}
            assert {name: as_text(value) for name, value in found["values"].items()} == said


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.file}-{option.section}-{option.name}")
def test_the_table_is_what_neutron_defines(release: Any, option: Option) -> None:
    (found,) = (
        one
        for one in asked(release, option.file)
        if (one["section"], one["name"]) == (option.section, option.name_in(release))
    )
    assert not found["dies"]
    assert set(found["older"]) <= option.names
    accepted_by = {
        "Boolean": ("true", "false"), "List": ("a,b", ""), "Integer": ("38", "6", "60000"), "Port": ("8775",),
        "String": ("x", "http", "leastloaded"), "HostAddress": ("192.0.2.1",),
    }  # fmt: skip
    assert any(map(option.kind.accepts, accepted_by[found["type"]]))
    assert found["secret"] is (option.name == "metadata_proxy_shared_secret")


@pytest.mark.parametrize("file", NAMESPACES)
def test_a_misspelt_option_would_be_caught(file: File, tmp_path: Path) -> None:
    options = [option for option in OPTIONS if option.file == file]
    path = tmp_path / "misspelt"
    path.write_text("".join(f"[{option.section}]\n{option.name}x = 38\n" for option in options))
    outcome = validated(file, path)
    assert outcome.returncode == 1
    assert [f"{option.name}x" for option in options if f"{option.name}x" not in outcome.stderr + outcome.stdout] == []


def test_a_name_that_has_passed_away_would_be_caught(tmp_path: Path) -> None:
    path = written(cloud(release="2025.2"), tmp_path)["ml2"]
    outcome = validated("ml2", path)
    assert "tenant_network_types" in outcome.stdout + outcome.stderr


BAD: dict[File, dict[str, str]] = {
    "ml2": {
        "[ml2]\noverlay_ip_version": "five",
        "[ml2_type_geneve]\nmax_header_size": "-1",
        "[ovn]\novn_nb_connection": "192.0.2.10:6641",
        "[ovn]\novn_sb_connection": "ptcp:6642",
        "[ovn]\novsdb_probe_interval": "-1",
        "[ovn]\novn_l3_scheduler": "leastloadet",
        "[ovn]\nenable_distributed_floating_ip": "ja",
        "[ovn]\novn_metadata_enabled": "2",
    },
    "metadata": {
        "[DEFAULT]\nnova_metadata_host": "http://nova",
        "[DEFAULT]\nnova_metadata_port": "65536",
        "[DEFAULT]\nnova_metadata_protocol": "ftp",
        "[ovs]\novsdb_connection": "127.0.0.1:6640",
    },
}


@pytest.mark.parametrize("file", BAD)
def test_a_bad_value_would_be_caught(file: File, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(len(BAD[file]))]
    for path, (option, value) in zip(paths, BAD[file].items(), strict=True):
        path.write_text(f"{option} = {value}\n")
    answers = zip(BAD[file], asked(LATEST, file, *paths), strict=True)
    assert [option for option, one in answers if "ConfigFileValueError" not in one.get("error", "")] == []


@pytest.mark.parametrize("release", RELEASES)
def test_neutron_reads_the_secret_that_was_given(release: str, tmp_path: Path) -> None:
    secrets = [MARKER, " $x \\$y $$ ", "$$", "\\$", "${x}", '"quoted"', "'", '"', "#;=:,", "%(a)s", "ü", "\\", " "]
    paths = [
        written(cloud(release=release, metadata=agent(shared_secret=Secret(secret))), tmp_path / str(number))[
            "metadata"
        ]
        for number, secret in enumerate(secrets)
    ]
    answers = asked(release, "metadata", *paths)
    assert [one["values"]["[DEFAULT] metadata_proxy_shared_secret"] for one in answers] == secrets


def test_neutron_reads_a_file_as_we_do(tmp_path: Path) -> None:
    """Files that no deployer would write, made at random; what one refuses, the other does."""
    maker = random.Random(4711)
    lines = [
        "", "  ", "# a", ";b", "[DEFAULT]", "[ML2]", "[ml2]", "[]", "[ml2", "x = 1", "x=2", "x : 3", "y: a=b", "y=a:b",
        " more", "\tmore", "z", "=1", "x = ' a '", "x = '", 'y = "a', "x =", "y", "x = a  ", "y = \u00a0a",
    ]  # fmt: skip
    texts = [
        "\n".join(["[ml2]"[: maker.randint(0, 9)], *maker.choices(lines, k=maker.randint(1, 5))]) for _ in range(400)
    ]
    for number, text in enumerate(texts):
        (tmp_path / str(number)).write_text(text, encoding="utf-8")
    answers = asked(LATEST, "raw", *(tmp_path / str(number) for number in range(len(texts))))
    ours: list[dict[str, list[str]] | None] = []
    for text in texts:
        try:
            ours.append({f"[{section}] {name}": found for (section, name), found in values(text).items()})
        except Conflict:
            ours.append(None)
    assert [(text, one) for text, one in zip(texts, ours, strict=True)] == list(zip(texts, answers, strict=True))
    assert 50 < sum(one is None for one in ours) < 350


def test_what_is_named_is_there() -> None:
    def there(group: str) -> set[str]:
        return {point.name for point in entry_points(group=group)}

    spec = full(LATEST)
    assert spec.neutron is not None
    assert "ml2" in there("neutron.core_plugins")
    assert "ovn" in there("neutron.ml2.mechanism_drivers")
    assert {"ovn-router", *spec.neutron.service_plugins} <= there("neutron.service_plugins")
    assert set(spec.neutron.extension_drivers) <= there("neutron.ml2.extension_drivers")
    assert set(spec.neutron.type_drivers) <= there("neutron.ml2.type_drivers")
    assert {"neutron-ovn-metadata-agent", "neutron-db-manage"} <= there("console_scripts")


@of_queens
def test_what_is_named_is_there_in_queens() -> None:
    names = [
        line.strip()
        for path in Path(QUEENS or "").glob("*.dist-info/entry_points.txt")
        for line in path.read_text().splitlines()
    ]
    assert "ovn = networking_ovn.ml2.mech_driver:OVNMechanismDriver" in names
    assert "ovn-router = networking_ovn.l3.l3_ovn:OVNL3RouterPlugin" in names
    assert "networking-ovn = networking_ovn.db.migration:alembic_migrations" in names
    assert "ml2 = neutron.plugins.ml2.plugin:Ml2Plugin" in names


def test_the_command_for_the_database_is_one_that_neutron_takes(tmp_path: Path) -> None:
    """It finds its database in the file that we have merged, and begins; what it does then is not for SQLite."""
    main = tmp_path / "etc/neutron/neutron.conf"
    main.parent.mkdir(parents=True)
    main.write_text("[database]\nconnection = sqlite://\n")
    files = written(cloud(), tmp_path)
    (command,) = database_commands(cloud())
    words = [str(tmp_path / word.lstrip("/")) if word.startswith("/") else word for word in command]
    assert str(files["ml2"]) in words
    done = subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:], "--sql"],
        capture_output=True, text=True, check=False, timeout=100, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert "Running upgrade  -> kilo" in done.stdout + done.stderr
