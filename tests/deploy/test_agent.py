"""The OpenStack agent beyond the database: what of it runs and starts, as a host tells."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit.deploy.agent import (
    AgentProcesses,
    Service,
    find_agent,
    parse_processes,
    parse_services,
    parse_veths,
    restore_service,
    stop_service,
)
from ovnkit.deploy.host import CommandHost
from ovnkit.errors import HostFailed

UNIT = Service("unit", "neutron-openvswitch-agent", running=True, enabled=True)
KOLLA = Service("docker", "neutron_openvswitch_agent", running=True, enabled=True, restart="unless-stopped")


@pytest.mark.parametrize(
    ("words", "is_agent"),
    [
        ("/usr/bin/neutron-openvswitch-agent\t--config-file\t/etc/neutron/neutron.conf\t", True),
        ("/usr/bin/python3\t-s\t/usr/bin/neutron-openvswitch-agent\t--config-file\t/x\t", True),
        ("neutron-openvswitch-agent (/usr/bin/python3 /usr/bin/neutron-openvswitch-agent)\t", True),
        ("vi\t/etc/neutron-openvswitch-agent.ini\t", False),
        ("tail\t-f\t/var/log/neutron/neutron-openvswitch-agent.log\t", False),
        ("sh\t-c\tpgrep neutron-openvswitch-agent\t", False),
    ],
)
def test_the_agent_is_a_program_of_that_name_and_not_a_word_of_another(words: str, *, is_agent: bool) -> None:
    assert (parse_processes(f"41\t{words}\n").keys() == {41}) is is_agent


def test_services_are_read_as_the_host_tells_of_them() -> None:
    text = (
        "unit neutron-openvswitch-agent LoadState=loaded ActiveState=active UnitFileState=enabled\n"
        "unit devstack@q-agt LoadState=not-found ActiveState=inactive UnitFileState=\n"
        "\n"
        "docker neutron_openvswitch_agent Running=true Restart=unless-stopped\n"
    )
    assert parse_services(text) == (UNIT, KOLLA)
    assert parse_services("podman neutron_ovs_agent Running=false Restart=\n")[0].restart == "no"


def test_it_is_gone_when_nothing_runs_and_nothing_will() -> None:
    stopped = Service("unit", "neutron-openvswitch-agent", running=False, enabled=True)
    assert AgentProcesses({}, ()).gone
    assert str(AgentProcesses({}, ())) == "none"
    assert not AgentProcesses({}, (stopped,)).gone
    assert str(AgentProcesses({}, (stopped,))) == "unit neutron-openvswitch-agent is enabled"
    assert str(AgentProcesses({7: "agent"}, (KOLLA,))) == (
        "process 7 (agent), docker neutron_openvswitch_agent runs and is enabled"
    )


def test_pairs_of_veth_with_both_ends_here_are_read() -> None:
    text = (
        "3: int-br-ex@phy-br-ex: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue master ovs-system state UP\n"
        "2: phy-br-ex@int-br-ex: <BROADCAST,MULTICAST,UP> mtu 1500\n"
    )
    assert parse_veths(text) == {"int-br-ex": "phy-br-ex", "phy-br-ex": "int-br-ex"}
    assert parse_veths("") == {}


# -- on a host ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> CommandHost:
    """A host whose systemctl and docker write down what they are asked for."""
    for name in ("systemctl", "docker"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\n[ "$1" = show ] && printf "LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n"'
            f' && exit\n[ "$1" = inspect ] && exit 1\necho {name} "$@" >>{tmp_path}/asked\n'
        )
        program.chmod(0o755)
    return CommandHost("ctl", ("env", f"PATH={tmp_path}:/usr/bin:/bin"))


def asked(directory: Path) -> list[str]:
    path = directory / "asked"
    found = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def test_a_unit_is_disabled_as_it_is_stopped_and_comes_back_as_it_was(host: CommandHost, tmp_path: Path) -> None:
    stop_service(host, UNIT)
    assert asked(tmp_path) == ["systemctl disable --now neutron-openvswitch-agent.service"]
    restore_service(host, UNIT)
    assert asked(tmp_path) == [
        "systemctl enable neutron-openvswitch-agent.service",
        "systemctl start neutron-openvswitch-agent.service",
    ]
    restore_service(host, Service("unit", "neutron-openvswitch-agent", running=False, enabled=False))
    assert asked(tmp_path) == []


def test_a_container_does_not_start_again_either(host: CommandHost, tmp_path: Path) -> None:
    stop_service(host, KOLLA)
    assert asked(tmp_path) == [
        "docker update --restart=no neutron_openvswitch_agent",
        "docker stop neutron_openvswitch_agent",
    ]
    restore_service(host, KOLLA)
    assert asked(tmp_path) == [
        "docker update --restart=unless-stopped neutron_openvswitch_agent",
        "docker start neutron_openvswitch_agent",
    ]


def test_what_a_host_has_is_found(host: CommandHost) -> None:
    found = find_agent(host)
    assert UNIT in found.services
    assert all(service.kind == "unit" for service in found.services)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "neutron-openvswitch-agent"
    program.write_text("import time\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, program]) as child:
        yield child
        child.kill()


def test_a_process_of_the_agents_is_found_in_its_own_network_namespace(process: subprocess.Popen[bytes]) -> None:
    assert process.pid in find_agent(CommandHost("here")).processes


def test_a_host_that_cannot_be_asked_is_an_error() -> None:
    with pytest.raises(HostFailed):
        find_agent(CommandHost("nowhere", ("false",)))
