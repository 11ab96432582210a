"""Real runs of ansible-playbook, which write into a directory of the test's own and nowhere else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit.deploy import HostSpec, Spec

__all__ = ["EXAMPLES", "HERE", "Ansible", "Run", "host_variables"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
HERE: dict[str, Any] = {
    "ansible_connection": "local",
    "ansible_become": False,
    "ansible_python_interpreter": sys.executable,
}
"""Variables of a host whose tasks are done by this machine."""

_RESULT = re.compile(r"^(?:ok|changed|fatal): \[(\S+?)\](?:: FAILED!)? => (\{.*\})$", re.MULTILINE)


@attrs.frozen
class Run:
    """What became of a playbook: of each host, what the last task returned."""

    status: int
    output: str
    hosts: Mapping[str, dict[str, Any]]

    @property
    def changed(self) -> set[str]:
        return {host for host, result in self.hosts.items() if result["changed"]}


@attrs.frozen
class Ansible:
    """ansible-playbook, with everything that it writes under ``directory``."""

    directory: Path

    @property
    def etc(self) -> Path:
        """Where the hosts have their configuration directories: without one of Open vSwitch, unless a test makes it."""
        return self.directory / "etc"

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        path = Path(sys.executable).parent / program
        if not path.exists() and "CI" not in os.environ:
            pytest.skip(f"{program} is not installed")
        private = ("HOME", "ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP", "ANSIBLE_REMOTE_TEMP", "TMPDIR")
        for name in private:
            (self.directory / name).mkdir(exist_ok=True)
        # Not that of the machine.
        settings = self.directory / "ansible.cfg"
        settings.touch()
        environment = {
            **{name: str(self.directory / name) for name in private},
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "LC_ALL": "C.UTF-8",
            "OVN_SYSCONFDIR": str(self.etc),
            "OVS_SYSCONFDIR": str(self.etc),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [path, *arguments],
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def inventory(self, name: str, group: str, hosts: Mapping[str, Mapping[str, Any]]) -> Path:
        """An inventory with one group; what it says of a host beats what those before it say."""
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps({group: {"hosts": {host: {**HERE, **said} for host, said in hosts.items()}}}))
        return path

    def play(self, playbook: Path, *inventories: Path, arguments: tuple[str, ...] = ()) -> Run:
        """Run a playbook."""
        sources = [argument for inventory in inventories for argument in ("-i", str(inventory))]
        done = self.run("ansible-playbook", *sources, "-v", *arguments, playbook)
        hosts = {host: json.loads(result) for host, result in _RESULT.findall(done.stdout)}
        return Run(done.returncode, done.stdout + done.stderr, hosts)

    def site(self, *inventories: Path, check: bool = False, **variables: object) -> Run:
        """Run the example's own playbook, with these variables for all hosts."""
        arguments = ("--check", "--diff") if check else ()
        return self.play(
            EXAMPLES / "ansible/site.yml", *inventories, arguments=(*arguments, "-e", json.dumps(variables))
        )

    def kolla(self, variables: Mapping[str, Any]) -> Path:
        """The playbook for Kolla with links beside it, as its README says, to the module and to Kolla's variables."""
        directory = self.directory / "kolla"
        (directory / "group_vars").mkdir(parents=True, exist_ok=True)
        (directory / "group_vars/all.yml").write_text(json.dumps(variables))
        if not (directory / "library").exists():
            (directory / "library").symlink_to(EXAMPLES / "ansible/library")
        return Path(shutil.copy(EXAMPLES / "kolla/ovn-chassis.yml", directory))


def host_variables(spec: Spec, host: HostSpec) -> dict[str, Any]:
    """A host of a spec as ``site.yml`` wants it."""
    return {
        "ovn_system_id": host.system_id,
        "ovn_encap_ip": host.encap_ip,
        "ovn_remote": spec.central.southbound,
        "ovn_insecure": spec.central.insecure,
        "ovn_bridge_mappings": dict(host.bridge_mappings),
        "ovn_options": dict(host.options),
        "ovn_ovsdb": host.ovsdb,
    }
