"""The OpenStack Open vSwitch agent on a host: its processes, the services that start it, and network namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, Literal

import attrs

from ovnkit.deploy.host import Host

__all__ = [
    "AGENT_CONTROLLER",
    "AgentProcesses",
    "Namespace",
    "Service",
    "find_agent",
    "find_namespaces",
    "find_veths",
    "parse_processes",
    "parse_services",
    "parse_veths",
    "restore_service",
    "stop_service",
]

AGENT_CONTROLLER: Final = "tcp:127.0.0.1:6633"
"""Where the agent has its bridges look for their controller."""

_PROGRAM: Final = "neutron-openvswitch-agent"
# Of distributions, of devstack, of Kolla (a unit that starts the container), and of TripleO.
_UNITS: Final = (
    "neutron-openvswitch-agent",
    "devstack@q-agt",
    "kolla-neutron_openvswitch_agent-container",
    "tripleo_neutron_ovs_agent",
)
_CONTAINERS: Final = ("neutron_openvswitch_agent", "neutron_ovs_agent")
_ENGINES: Final[tuple[Literal["docker", "podman"], ...]] = ("docker", "podman")

# Those in this network namespace: containers of the agent are in that of the host. The brackets keep the search from
# finding itself.
_PROCESSES: Final = r"""
here=$(readlink /proc/self/ns/net)
for file in $(grep -las 'neutron-openvswitch-agen[t]' /proc/[0-9]*/cmdline); do
  process=${file%/cmdline}
  [ "$(readlink "$process/ns/net")" = "$here" ] || continue
  words=$(tr '\0\n' '\t ' <"$file") || continue
  printf '%s\t%s\n' "${process#/proc/}" "$words"
done 2>/dev/null
:
"""
_SERVICES: Final = r"""
if command -v systemctl >/dev/null; then
  for unit in UNITS; do
    # It fails where systemd is installed and does not run, as in a container.
    shown=$(systemctl show --property=LoadState,ActiveState,UnitFileState "$unit.service") ||
      { [ ! -d /run/systemd/system ] && break; exit 1; }
    printf 'unit %s %s\n' "$unit" "$(printf '%s' "$shown" | tr '\n' ' ')"
  done
fi
# Where the engine does not answer, no container of it runs; the search for processes sees what it has left.
for engine in ENGINES; do
  command -v "$engine" >/dev/null || continue
  for name in CONTAINERS; do
    "$engine" inspect --type container --format \
      "$engine $name Running={{.State.Running}} Restart={{.HostConfig.RestartPolicy.Name}}" "$name" 2>/dev/null
  done
done
:
"""
_NAMESPACES: Final = r"""
for name in $(ip netns list | cut -d' ' -f1); do
  case $name in qrouter-*|qdhcp-*|snat-*|fip-*|qlbaas-*)
    echo "$name" $(ip netns pids "$name") ;;
  esac
done
"""


@attrs.frozen
class Service:
    """What starts the agent: a unit of systemd, or a container of ``docker`` or ``podman``.

    ``restart`` is the restart policy of a container; ``enabled`` says whether it starts with the machine.
    """

    kind: Literal["unit", "docker", "podman"]
    name: str
    running: bool
    enabled: bool
    restart: str = ""

    @property
    def stops_by(self) -> list[list[str]]:
        """The commands that stop and disable it."""
        if self.kind == "unit":
            return [["systemctl", "disable", "--now", f"{self.name}.service"]]
        disable = [[self.kind, "update", "--restart=no", self.name]] if self.enabled else []
        return [*disable, [self.kind, "stop", self.name]]


@attrs.frozen
class AgentProcesses:
    """Which processes of the agent run on a host, by their number, and the services that start it."""

    processes: dict[int, str]
    services: tuple[Service, ...]

    @property
    def active(self) -> tuple[Service, ...]:
        """The services that run, or will."""
        return tuple(service for service in self.services if service.running or service.enabled)

    @property
    def gone(self) -> bool:
        """Whether none runs, and none will start."""
        return not self.processes and not self.active

    def __str__(self) -> str:
        found = [f"process {number} ({command})" for number, command in sorted(self.processes.items())]
        for service in self.active:
            states = [word for word, so in (("runs", service.running), ("is enabled", service.enabled)) if so]
            found.append(f"{service.kind} {service.name} {' and '.join(states)}")
        return ", ".join(found) or "none"


@attrs.frozen
class Namespace:
    """A network namespace of Neutron's other agents, and the processes that run in it."""

    name: str
    processes: tuple[int, ...] = ()


def parse_processes(text: str) -> dict[int, str]:
    """The agent's processes among those found: its program is the first word of the command, or an interpreter's."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        number, _, rest = line.partition("\t")
        words = [word for word in rest.split("\t") if word]
        # The second is what an interpreter runs. A process may have written its own name before its command.
        programs = [word.split(" ")[0] for word in (*words[:1], *(w for w in words[1:] if not w.startswith("-")))][:2]
        if number.isdigit() and _PROGRAM in (PurePosixPath(program).name for program in programs):
            found[int(number)] = " ".join(words)
    return found


def parse_services(text: str) -> tuple[Service, ...]:
    """The services that are installed, of what was found of all that there may be."""
    return tuple(_services(text))


def _services(text: str) -> Iterator[Service]:
    # An engine prints an empty line for a container that is not there.
    for line in filter(None, text.splitlines()):
        kind, name, *rest = line.split()
        state = dict(word.split("=", 1) for word in rest if "=" in word)
        if kind == "unit" and state.get("LoadState") == "loaded":
            running = state.get("ActiveState") in ("active", "activating", "reloading")
            yield Service("unit", name, running, state.get("UnitFileState", "").startswith("enabled"))
        for engine in _ENGINES:
            if kind == engine:
                restart = state.get("Restart", "") or "no"
                yield Service(engine, name, state.get("Running") == "true", restart != "no", restart)


def find_agent(host: Host) -> AgentProcesses:
    """The agent's processes and services on a host. Raises HostFailed."""
    script = _SERVICES
    for word, names in (("UNITS", _UNITS), ("ENGINES", _ENGINES), ("CONTAINERS", _CONTAINERS)):
        script = script.replace(word, " ".join(names))
    return AgentProcesses(
        parse_processes(host.run(["sh", "-c", _PROCESSES])), parse_services(host.run(["sh", "-c", script]))
    )


def stop_service(host: Host, service: Service) -> None:
    """Stop a service, and have it not start again. Raises HostFailed."""
    for command in service.stops_by:
        host.run(command, timeout=120.0)


def restore_service(host: Host, before: Service) -> None:
    """Have a service run and start as it did. Raises HostFailed."""
    if before.kind == "unit":
        if before.enabled:
            host.run(["systemctl", "enable", f"{before.name}.service"])
        if before.running:
            host.run(["systemctl", "start", f"{before.name}.service"], timeout=120.0)
        return
    if before.enabled:
        host.run([before.kind, "update", f"--restart={before.restart}", before.name])
    if before.running:
        host.run([before.kind, "start", before.name], timeout=120.0)


def find_namespaces(host: Host) -> tuple[Namespace, ...]:
    """The namespaces that Neutron's L3, DHCP and load-balancer agents have left. Raises HostFailed."""
    found = (line.split() for line in host.run(["sh", "-c", _NAMESPACES]).splitlines() if line)
    return tuple(Namespace(name, tuple(map(int, numbers))) for name, *numbers in found)


def parse_veths(text: str) -> dict[str, str]:
    """The other end of each veth of ``ip -o link show type veth`` whose two ends are in one namespace."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, name, *_ = line.split(": ")
        name, at, other = name.partition("@")
        if at:
            found[name] = other
    return found


def find_veths(host: Host) -> dict[str, str]:
    """The veth pairs of a host. Raises HostFailed."""
    return parse_veths(host.run(["ip", "-o", "link", "show", "type", "veth"]))
