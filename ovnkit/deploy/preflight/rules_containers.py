"""Rules about containers: what keeps programs in them from mounting, and what fills the mount table."""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.preflight.facts import AGENTS, Mounts, Process
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule

__all__ = ["CONTAINER_RULES"]

_NETNS: Final = ("/run/netns", "/var/run/netns")
_BIND: Final = "-v /run/netns:/run/netns:shared"
_CONFINING: Final = ("docker-default", "containers-default", "cri-containerd", "crio-default")
_MOST_MOUNTS: Final = 1 << 16
_SHARED_FLAGS: Final = ("", "shared", str(1 << 20))


def _agents(subject: Subject) -> tuple[Process, ...]:
    """Programs that make network namespaces."""
    return subject.facts.running(*(AGENTS - {"neutron-openvswitch-agent"}))


@rule(
    "apparmor-mount",
    about="any",
    severity="error",
    what="AppArmor lets the agents that make network namespaces mount.",
    why="A namespace is a mount below /run/netns. The profile that Docker and Podman give to a container, unless"
    " told otherwise, forbids mount: there is no metadata then, and no DHCP by agents.",
    remedy="Start the container with `--security-opt apparmor=unconfined`.",
    document="Docker, AppArmor security profiles",
)
def _apparmor_mount(subject: Subject) -> Answer:
    if not subject.facts.apparmor.value:
        return needless("AppArmor is not enabled")
    agents = _agents(subject)
    mend = "start the container with --security-opt apparmor=unconfined"
    confined = [agent for agent in agents if agent.profile.startswith(_CONFINING) and "(enforce)" in agent.profile]
    if confined:
        seen = ", ".join(f"{agent}: {agent.profile}" for agent in confined)
        return broken(seen, mend, severity="error")
    if agents:
        return holds(", ".join(f"{agent}: {agent.profile or 'unconfined'}" for agent in agents))
    engines = sorted(subject.facts.engines.value)
    if engines:
        seen = f"AppArmor is enabled, {' and '.join(engines)} there, and no agent runs yet"
        return broken(seen, mend, severity="warning")
    return needless("no agent runs, and there is nothing that starts containers")


@rule(
    "netns-mounts",
    about="any",
    severity="error",
    what="/run/netns is mounted at most once, and the mount table has room.",
    why="Where a container has no shared bind of /run/netns, each `ip netns` in it binds the directory to itself,"
    " with all that is below: the table doubles until it is full at 65,536 rows, and nothing can be mounted any"
    " more.",
    remedy="`umount /run/netns`, as often as it is mounted but for once; bind it into the containers: `" + _BIND + "`",
    document="ip-netns(8); mount_namespaces(7)",
)
def _netns_mounts(subject: Subject) -> Answer:
    mounts = subject.facts.mounts.value
    times = sum(mount.point in _NETNS for mount in mounts.netns)
    often = {0: "not mounted", 1: "mounted once"}.get(times, f"mounted {times} times")
    seen = f"/run/netns is {often}, and the table has {mounts.count} rows"
    mend = f"for i in $(seq {max(times - 1, 1)}); do umount /run/netns; done; bind it into containers: {_BIND}"
    if _is_nearly_full(mounts):
        return broken(seen, mend, severity="error")
    return broken(seen, mend, severity="warning") if times > 1 else holds(seen)


def _is_nearly_full(mounts: Mounts) -> bool:
    return mounts.count >= 0.8 * min(_MOST_MOUNTS, mounts.maximum or _MOST_MOUNTS)


@rule(
    "netns-shared",
    about="any",
    severity="error",
    what="Agents in containers have /run/netns of the host, shared.",
    why="Namespaces that one container makes are not seen in others and on the host, and each attempt to make one"
    " binds /run/netns once more (see netns-mounts).",
    remedy="Start the container with `" + _BIND + "`.",
    document="mount_namespaces(7); Docker, Bind mounts",
)
def _netns_shared(subject: Subject) -> Answer:
    inside = [agent for agent in _agents(subject) if agent.apart]
    if not inside:
        return needless("no agent that makes network namespaces runs in a container")
    without = [str(agent) for agent in inside if agent.netns is None]
    private = [str(agent) for agent in inside if agent.netns is not None and not agent.netns.shared]
    if without or private:
        seen = [*(f"{agent} has none" for agent in without), *(f"{agent} has it, not shared" for agent in private)]
        return broken(", ".join(seen), f"start the container with {_BIND}", severity="error")
    return holds(f"shared with {', '.join(map(str, inside))}")


@rule(
    "docker-mount-flags",
    about="any",
    severity="warning",
    what="systemd gives Docker no `MountFlags` that cut it off.",
    why="With MountFlags=slave or private, what containers mount does not come back to the host, shared bind or not.",
    remedy="Remove `MountFlags` from the unit: `systemctl edit docker`, then `systemctl restart docker`.",
    document="systemd.exec(5), MountFlags",
)
def _docker_mount_flags(subject: Subject) -> Answer:
    flags = subject.facts.mount_flags.value
    if flags is None:
        return needless("systemd has no docker.service")
    if flags not in _SHARED_FLAGS:
        mend = "remove MountFlags: systemctl edit docker, then systemctl restart docker"
        return broken(f"MountFlags={flags}", mend, severity="warning")
    return holds(f"MountFlags={flags}")


@rule(
    "host-view",
    about="any",
    severity="warning",
    what="What is looked at is the host, not a container on it.",
    why="In a container, mounts, modules, files and processes are not those of the host, and the findings about"
    " them mean little.",
    remedy="Give the host an `access` that leads to the machine itself.",
    document="Deploy, A host beyond its database",
)
def _host_view(subject: Subject) -> Answer:
    view = subject.facts.view.value
    if not view.files or not view.processes:
        mend = "an access that leads to the machine itself, such as ssh://root@ADDRESS"
        return broken("what is seen is a container", mend, severity="warning")
    return holds("its own files and processes")


CONTAINER_RULES: Final[tuple[Rule, ...]] = (
    _apparmor_mount,
    _netns_mounts,
    _netns_shared,
    _docker_mount_flags,
    _host_view,
)
