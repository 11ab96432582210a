"""Collecting what a host tells: one command, and the facts in what it prints."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import attrs

from ovnkit.deploy.host import Host
from ovnkit.deploy.preflight import procfs, tools
from ovnkit.deploy.preflight.facts import Fact, Firewall, HostFacts, Known, Modules, Mounts, Socket, Unknown
from ovnkit.deploy.preflight.script import SCRIPT, Section, sections
from ovnkit.remote import Remote

__all__ = ["clock_lead", "collect", "host_facts"]

T = TypeVar("T")

_NOT_THERE: Final = "it is not there"


def collect(
    host: Host,
    *,
    servers: tuple[Remote, ...],
    ports: frozenset[int],
    certificate: str = "",
    key: str = "",
    central: bool = False,
    timeout: float = 30.0,
) -> HostFacts:
    """What a host tells, by one command that has ``timeout`` seconds. Raises HostFailed.

    ``servers``: those that the host is to connect to; ``ports``: those whose listeners are of interest; ``certificate``
    and ``key``: paths on the host, "" for none. The key is not read. ``central``: the central databases are to be here;
    how fast their disk is shows a file that is written for a moment, which it is as well where they are already.
    """
    mark = f"ovnkit-{secrets.token_hex(16)}"
    pattern = "|".join(f"{port:04X}" for port in sorted(ports))
    words = [word for server in servers if server.scheme != "unix" for word in (server.host, str(server.port))]
    sent = time.time()
    arguments = [mark, pattern, certificate, key, "central" if central else "", *words]
    printed = host.run(["sh", "-c", SCRIPT, "preflight", *arguments], timeout=timeout)
    return host_facts(sections(printed, mark), sent=sent, received=time.time())


def clock_lead(there: int, *, sent: float, received: float) -> float:
    """By how many seconds a clock is ahead, at least, which said ``there`` between two moments; negative for behind."""
    if there > received:
        return there - received
    return min(0.0, there + 1 - sent)


def host_facts(parts: Mapping[str, Section], *, sent: float, received: float) -> HostFacts:
    """The facts in the parts of what the script has printed between two moments, in seconds since the epoch. Pure."""
    found = _Parts(parts)
    return HostFacts(
        release=found.read("release", str.strip),
        hostname=found.read("hostname", str.strip),
        view=found.read("view", procfs.parse_view),
        modules=found.modules(),
        boot_modules=found.of_the_host(found.read("modules_load", procfs.parse_modules_load)),
        mounts=found.of_the_host(found.mounts()),
        apparmor=found.apparmor(),
        engines=found.read("engines", lambda text: frozenset(text.split())),
        mount_flags=found.read_if_there("mount_flags", tools.parse_mount_flags),
        processes=found.read("processes", procfs.parse_processes),
        sockets=found.sockets(),
        owners=found.read("owners", procfs.parse_owners),
        links=found.read("links", tools.parse_links),
        sysctls=found.read("sysctls", procfs.parse_sysctls),
        system_id_conf=found.read_if_there("system_id_conf", str.strip),
        system_id_override=found.read_if_there("system_id_override", str.strip),
        firewall=found.firewall(),
        namespaces=found.of_the_host(found.read("namespaces", lambda text: tuple(sorted(text.split())))),
        disk=found.read("disk", tools.parse_disk),
        sync=found.read_if_there("sync", tools.parse_sync),
        schemas=found.read("schemas", tools.parse_schemas),
        socket_files=found.read("socket_files", tools.parse_modes),
        pidfiles=found.read("pidfiles", procfs.parse_pidfiles),
        clock=found.read("clock", lambda text: clock_lead(int(text), sent=sent, received=received)),
        probes=found.read("probes", tools.parse_probes),
        certificate=found.read_if_there("certificate", tools.parse_certificate),
        key=found.read_if_there("key", tools.parse_key_file),
        ovn_release=found.read_if_there("ovn_release", tools.parse_release),
    )


@attrs.frozen
class _Parts:
    """The parts of what the script has printed, as facts."""

    parts: Mapping[str, Section]

    def read(self, name: str, parse: Callable[[str], T]) -> Fact[T]:
        """What one part has; one that failed, is missing or cannot be understood is an unknown fact."""
        part = self.parts.get(name)
        if part is None:
            return Unknown("the script did not come to its end there")
        if part.status:
            return Unknown(_NOT_THERE if part.absent else part.reason)
        try:
            return Known(parse(part.text))
        except (ValueError, LookupError) as exc:
            return Unknown(f"what the host says of {name} makes no sense: {exc}")

    def read_if_there(self, name: str, parse: Callable[[str], T | None]) -> Fact[T | None]:
        """The same, None where the part says that what it looks for is not there."""
        return Known(None) if self.is_absent(name) else self.read(name, parse)

    def of_the_host(self, fact: Fact[T]) -> Fact[T]:
        """The fact, unless it is about the files of a container where those of the host were asked for."""
        view = self.read("view", procfs.parse_view)
        if isinstance(view, Unknown):
            return view
        return fact if view.value.files else Unknown("this is a container, which does not show those of the host")

    def is_absent(self, name: str) -> bool:
        part = self.parts.get(name)
        return part is not None and part.absent

    def text(self, name: str) -> str | None:
        part = self.parts.get(name)
        return part.text if part is not None and part.status == 0 else None

    def apparmor(self) -> Fact[bool]:
        # A kernel without it has no such file.
        return Known(False) if self.is_absent("apparmor") else self.read("apparmor", lambda text: text.strip() == "Y")

    def modules(self) -> Fact[Modules]:
        loaded, shown = self.text("modules"), self.text("modules_shown")
        if loaded is None and shown is None:
            return Unknown("neither /proc/modules nor /sys/module can be read")
        return Known(procfs.parse_modules(loaded, shown, self.text("modules_built_in"), self.text("modules_loadable")))

    def mounts(self) -> Fact[Mounts]:
        count, rows = self.read("mount_count", int), self.read("mounts", procfs.parse_mountinfo)
        maximum = self.read("mount_max", int)
        if isinstance(count, Unknown):
            return count
        if isinstance(rows, Unknown):
            return rows
        return Known(
            Mounts(count=count.value, maximum=maximum.value if isinstance(maximum, Known) else None, netns=rows.value)
        )

    def sockets(self) -> Fact[tuple[Socket, ...]]:
        udp = self.read("udp", str)
        if isinstance(udp, Unknown):
            return udp
        return self.read("tcp", lambda tcp: procfs.parse_sockets(tcp, udp.value))

    def firewall(self) -> Fact[Firewall]:
        """Both programs show rules of the same kernel; each may see what the other does not."""
        if self.is_absent("nft") and self.is_absent("iptables"):
            return Unknown("neither nft nor iptables-save is there")
        closed, ports = False, list[tuple[int, int]]()
        for name, parse in (("nft", tools.parse_nft), ("iptables", tools.parse_iptables)):
            found = self.read(name, parse)
            if isinstance(found, Known):
                closed, ports = closed or found.value.closed, [*ports, *found.value.ports]
            elif not self.is_absent(name):
                return found
        return Known(Firewall(closed, tuple(ports)))
