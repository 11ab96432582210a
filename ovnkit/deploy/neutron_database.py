"""Bringing Neutron's own database to its release: the commands, and a sequence that looks first and runs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import on_each
from ovnkit.deploy.neutron.releases import with_networking_ovn
from ovnkit.deploy.neutron.spec import NeutronSpec
from ovnkit.deploy.render import MAIN_FILE, ML2_FILE
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict, HostFailed, NeedsHost, OvnkitError

__all__ = ["database_commands", "upgrade_neutron_database"]

_MANAGE: Final = ("neutron-db-manage", "--config-file", MAIN_FILE, "--config-file", ML2_FILE)
_UPGRADE: Final = ("upgrade", "heads")
_LOOK_SECONDS: Final = 120.0

# A line such as "5c85685d616d (contract) (head)", among others that tell what is being done.
_REVISION: Final = re.compile(r"([a-z0-9_]+)(?: \([a-z ]+\))*")
_PASSWORD: Final = re.compile(r"//[^/@\s]*@")

# What it prints counts also where it fails, beside its log.
_WITH_WHAT_IS_SAID: Final = ("sh", "-c", 'exec "$@" 2>&1', "look")
_OFFLINE: Final = "require all Neutron server instances to be shutdown"

# The brackets keep a search from finding itself.
_SERVERS: Final = r"""
for file in $(grep -lasE 'neutro[n]-(server|api|rpc-server)' /proc/[0-9]*/cmdline); do
  words=$(tr '\0\n' '\t ' <"$file" 2>/dev/null) && printf '%s\n' "$words"
done
:
"""
_PROGRAMS: Final = frozenset({"neutron-server", "neutron-api", "neutron-rpc-server"})


def database_commands(spec: Spec) -> tuple[tuple[str, ...], ...]:
    """What brings the database of Neutron to its release: to be run once, on one host with neutron-server.

    After its files are written, and before neutron-server starts. Run twice, it changes nothing the second time.
    networking-ovn has a branch of its own in the database. None where the spec has no ``[neutron]``.
    ``upgrade_neutron_database()`` runs them.
    """
    if spec.neutron is None:
        return ()
    return tuple((*_MANAGE, *project, *_UPGRADE) for project in _projects(spec.neutron))


def upgrade_neutron_database(
    spec: Spec,
    host: str | None = None,
    *,
    within: Sequence[str] = (),
    timeout: float = 600.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Bring Neutron's own database to the release that is installed, by neutron-db-manage on a host with its server.

    ``host``: one of ``neutron.servers``, the first unless given; its files are there already. ``within``: words that
    come before the command there, such as ``["docker", "exec", "neutron_server"]``. Looked at is first which revisions
    the database has, and which it is to have: nothing is run where they are the same. Changes for which Neutron demands
    that none of its servers runs are not begun while one does on a host of ``neutron.servers``. ``timeout`` (seconds)
    holds for each command. ``dry_run`` only looks.

    The report says Conflict where a server runs that would have to be stopped, and HostFailed where the command failed;
    passwords in what it has said are left out. Raises Conflict for a spec without Neutron, KeyError for a host that has
    no server, and NeedsHost for one without ``access``; with ``dry_run`` also what the report would say.
    """
    neutron = spec.neutron
    if neutron is None:
        raise Conflict("no Neutron", "the spec has no [neutron]")
    name = neutron.servers[0] if host is None else host
    if name not in neutron.servers:
        raise KeyError(f"no neutron-server on {name!r} in the spec; it is on {', '.join(neutron.servers)}")
    access = spec.host(name).access
    if access is None:
        command = " ".join(database_commands(spec)[0])
        raise NeedsHost(f"bringing Neutron's database to its release on {name}", command)
    work = _Work(spec, open_host(access, name), tuple(within), timeout)
    steps = [step for project in _projects(neutron) for step in work.steps(project)]
    title = f"the database of Neutron, by {name}"
    if dry_run:
        return foresee(title, steps)
    return carry_out(title, steps, timeout=timeout, progress=progress)


def _projects(neutron: NeutronSpec) -> tuple[tuple[str, ...], ...]:
    """The options for each branch of the database."""
    if not with_networking_ovn(neutron.release):
        return ((),)
    return ("--subproject", "neutron"), ("--subproject", "networking-ovn")


class _Work:
    """neutron-db-manage on one host. It takes seconds each time: what it said counts until something is changed."""

    def __init__(self, spec: Spec, host: Host, within: tuple[str, ...], timeout: float) -> None:
        self.spec = spec
        self.host = host
        self.within = within
        self.timeout = timeout
        self._seen: dict[tuple[str, ...], frozenset[str]] = {}

    def steps(self, project: tuple[str, ...]) -> list[Step]:
        """What is to be done for one branch."""
        of = project[-1] if project else "neutron"
        return [
            Step(
                f"no neutron-server is in the way of changes to the tables of {of}",
                lambda: self._is_done(project) or self._is_free(project),
            ),
            Step(
                f"the tables of {of} are those of its release",
                lambda: self._is_done(project),
                partial(self._upgrade, project),
            ),
        ]

    def _upgrade(self, project: tuple[str, ...]) -> None:
        self._seen.pop((*project, "current"), None)
        self._run((*project, *_UPGRADE), timeout=self.timeout)
        if not self._is_done(project):
            found, wanted = (", ".join(sorted(self._revisions(project, one))) for one in ("current", "heads"))
            raise Conflict("not the tables of its release", f"they are at {found or 'nothing'}, and not at {wanted}")

    def _is_done(self, project: tuple[str, ...]) -> bool:
        return self._revisions(project, "heads") == self._revisions(project, "current")

    def _revisions(self, project: tuple[str, ...], command: str) -> frozenset[str]:
        words = (*project, command)
        if words not in self._seen:
            lines = self._run(words).splitlines()
            self._seen[words] = frozenset(found[1] for line in lines if (found := _REVISION.fullmatch(line.strip())))
        return self._seen[words]

    def _is_free(self, project: tuple[str, ...]) -> bool:
        """Whether no server would have to be stopped. Raises Conflict where one would."""
        try:
            self._run((*project, "has_offline_migrations"), before=_WITH_WHAT_IS_SAID)
        except HostFailed as exc:
            # Where there are some it ends with 1 as well, and says so.
            if exc.status != 1 or _OFFLINE not in exc.output:
                raise
        else:
            return True
        running = list(self._running())
        if running:
            details = f"it needs changes that no server may see: stop {', '.join(running)}"
            raise Conflict("neutron-server runs", details)
        return True

    def _running(self) -> Iterator[str]:
        """Where a server runs, of all hosts that have one. Raises NeedsHost where nobody can tell."""
        assert self.spec.neutron is not None
        names = self.spec.neutron.servers
        for name, found in zip(names, on_each(names, self._runs_on), strict=True):
            if isinstance(found, OvnkitError):
                raise found
            if found:
                yield f"neutron-server on {name}"

    def _runs_on(self, name: str) -> bool:
        access = self.spec.host(name).access
        if access is None:
            raise NeedsHost(f"looking whether neutron-server runs on {name}", "pgrep -af neutron-server")
        lines = open_host(access, name).run(["sh", "-c", _SERVERS, "servers"]).splitlines()
        return any(map(_is_server, lines))

    def _run(self, words: tuple[str, ...], *, before: tuple[str, ...] = (), timeout: float = _LOOK_SECONDS) -> str:
        try:
            return self.host.run([*before, *self.within, *_MANAGE, *words], timeout=timeout)
        except HostFailed as exc:
            # Without the cause: that would have what was said as it was.
            output = _PASSWORD.sub("//***@", exc.output)
            raise HostFailed(exc.host, exc.command, exc.status, output) from None


def _is_server(line: str) -> bool:
    """Whether the words of a process, between tabs, are those of a server of Neutron, or of an interpreter with one."""
    words = [word for word in line.split("\t") if word]
    firsts = (*words[:1], *[word for word in words[1:] if not word.startswith("-")][:1])
    return any(PurePosixPath(word.split(" ")[0].rstrip(":")).name in _PROGRAMS for word in firsts)
