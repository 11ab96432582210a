"""Neutron's own metadata agent, started by the command and with the files that a deployer is given."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Southbound, VSwitch
from ovnkit.deploy import Central, HostSpec, Spec, kolla, open_host, plan_files, render
from ovnkit.deploy.rendered import below
from ovnkit.ovsdb.server import Server, find_program, find_schema
from ovnkit.southbound import Chassis, ChassisPrivate, Encap
from ovnkit.vswitch import OpenVSwitch
from tests.deploy.neutron.clouds import agent, neutron

pytestmark = [
    pytest.mark.may_skip,
    pytest.mark.skipif(importlib.util.find_spec("neutron") is None, reason="tox -e neutron installs Neutron"),
    pytest.mark.skipif(find_program("ovsdb-server") is None, reason="ovsdb-server is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the agent looks at network namespaces, which needs root"),
]

# What the agent needs beside ours. It would start its helper by sudo.
MAIN = """\
[DEFAULT]
state_path = {0}
log_file = {0}/agent.log
[agent]
root_helper = env
[oslo_concurrency]
lock_path = {0}
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short: the path of a Unix socket in it has at most 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield path
    shutil.rmtree(path)


def test_the_agent_starts_with_what_it_is_given_and_finds_its_chassis(directory: Path) -> None:
    with (
        Server(directory / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=directory, name="sb") as sb,
        Server(directory / "own.db", find_schema("vswitch.ovsschema"), run_dir=directory, name="own") as own,
    ):
        register(own.remote, sb.remote)
        spec = Spec(
            central=Central(northbound="unix:/nb", southbound=sb.remote),
            hosts=[HostSpec(name="cmp1", system_id="cmp1", encap_ip="192.0.2.11", ovsdb=own.remote)],
            neutron=neutron(servers=["cmp1"], metadata=agent(ovsdb=own.remote)),
        )
        files = below(render(spec, "cmp1"), str(directory))
        for file in files:
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
        Path(files[0].path).write_text(MAIN.format(directory))
        plan_files(files, open_host("local", "cmp1")).apply()
        (command,) = (one.command for one in kolla.containers(spec, "cmp1") if one.name == "neutron_ovn_metadata_agent")
        words = [f"{directory}{word}" if word.startswith("/") else word for word in command]
        programs = Path(sys.executable).parent
        with subprocess.Popen(
            [programs / words[0], *words[1:]],
            env={**os.environ, "PYTHONWARNINGS": "ignore", "PATH": f"{programs}:{os.environ['PATH']}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            try:
                with Southbound.connect(sb.remote) as client:
                    found = client.wait(
                        ChassisPrivate, name="cmp1", external_ids={"neutron:ovn-metadata-sb-cfg": "0"}, timeout=90
                    )
                lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
            finally:
                os.killpg(running.pid, signal.SIGKILL)
        assert "neutron:ovn-metadata-id" in found.external_ids
        assert any(b"ovn-metadata-agent" in line for line in lines)
        assert not any(b"ecret-4711" in line for line in lines)
        with_secret = [path for path in directory.rglob("*") if path.is_file() and b"ecret-4711" in path.read_bytes()]
        assert with_secret == [Path(files[2].path)]


def register(own: str, southbound: str) -> None:
    """As ovnkit and ovn-controller make a host a chassis."""
    with VSwitch.connect(own) as vswitch:
        with vswitch.transaction() as tx:
            tx.insert(OpenVSwitch())
        vswitch.add_bridge("br-int")
        vswitch.register_chassis("cmp1", encap_ip="192.0.2.11", remote=southbound)
    with Southbound.connect(southbound) as sb, sb.transaction() as tx:
        encap = tx.insert(Encap(type="geneve", ip="192.0.2.11", chassis_name="cmp1"))
        tx.insert(ChassisPrivate(name="cmp1", chassis=tx.insert(Chassis(name="cmp1", encaps=[encap]))))
