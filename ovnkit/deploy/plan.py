"""Plans: what has to change on each host so that it is as the spec says, and carrying it out."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Final

import attrs

from ovnkit.deploy.configure import configure
from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import AT_ONCE, Results, on_each, tls_of
from ovnkit.deploy.progress import Event, Step, Steps
from ovnkit.deploy.reach import reached
from ovnkit.deploy.record import Record, Touched
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.deploy.system_id import FileChange, system_id_change
from ovnkit.errors import OvnkitError
from ovnkit.ovsdb.changes import Changes
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, Encap
from ovnkit.vswitch.direct import ChassisDraft, DirectChassis

__all__ = ["HostResult", "Plan", "Report", "plan"]

_CHASSIS: Final = {Chassis: None, Encap: None}


@attrs.frozen
class HostResult:
    """What changes, or was changed, on one host; or why it could not be done there, and at which step it stopped.

    ``files`` is what changes of its files, also where it stopped after that.
    """

    host: HostSpec
    changes: Changes
    files: tuple[FileChange, ...] = ()
    problem: OvnkitError | None = None
    step: Step | None = None

    @property
    def changed(self) -> bool:
        """Whether anything changes."""
        return bool(self.changes or self.files)

    def __str__(self) -> str:
        lines = [*map(str, self.files), *([str(self.changes)] if self.changes else [])]
        if self.problem is not None:
            lines.append(f"! {self.step}: {self.problem}")
        body = "\n".join(lines) or "no changes"
        head = f"{self.host.name} ({self.host.ovsdb or 'local'})"
        return "\n".join((head, *(f"  {line}" for line in body.splitlines())))


class Report(Results[HostResult]):
    """What ``apply()`` did, host by host. ``ok`` when every host is as the spec says."""

    def __str__(self) -> str:
        return _listed(self.hosts, "changed")


@attrs.frozen
class Plan:
    """What has to change, host by host. Truthy when there is something to do; prints as a diff."""

    spec: Spec
    hosts: tuple[HostResult, ...]
    tls: Tls | None = None
    timeout: float = 30.0

    @property
    def ok(self) -> bool:
        """Whether every host could be looked at and nothing stands in the way."""
        return all(result.problem is None for result in self.hosts)

    def __bool__(self) -> bool:
        return any(result.changed or result.problem is not None for result in self.hosts)

    def __str__(self) -> str:
        return _listed(self.hosts, "to change")

    def apply(
        self,
        *,
        undo_record: str | os.PathLike[str] | None = None,
        progress: Callable[[Event], object] | None = None,
        at_once: int = AT_ONCE,
    ) -> Report:
        """Bring every host to what the spec says: one durable transaction a host, computed afresh from what is there.

        A host that fails is reported, with the step at which it stopped, and delays no other; ``at_once`` of them are
        worked on at a time, each for at most the plan's ``timeout``. Safe to repeat: what is done changes nothing the
        second time, and what was interrupted goes on.

        ``undo_record``: a file to which what was there before is written first, for ``undo()``; a record that is there
        is continued. ``progress`` is called with each step of each host, one at a time, in the threads that do the
        work.

        Raises ConnectionFailed or Timeout where the Southbound database cannot be read, OSError where the record cannot
        be written, and InvalidValue where it is none.
        """
        with ExitStack() as stack:
            record = None if undo_record is None else stack.enter_context(closing(Record(undo_record)))

            def note(touched: Touched, steps: Steps) -> None:
                if record is not None:
                    steps.take(touched.host, "record")
                    record.note(touched)
                steps.take(touched.host, "write")

            def write_file(host: HostSpec, access: Host, change: FileChange, steps: Steps) -> None:
                files = {change.path: (change.before, change.after)}
                note(Touched(host.name, host.ovsdb, access=host.access, files=files), steps)
                access.write(change.path, change.after or "")

            def write(host: HostSpec, chassis: DirectChassis, sb: Southbound, steps: Steps) -> Changes:
                def edit(draft: ChassisDraft) -> None:
                    steps.take(host.name, "compare")
                    configure(draft, self.spec, host, southbound=sb)

                def before(draft: ChassisDraft) -> None:
                    note(Touched(host.name, host.ovsdb, draft.edited, host.access), steps)

                comment = f"ovnkit deploy {host.name}"
                return chassis.edit(edit, comment=comment, timeout=self.timeout, before_sending=before)

            return Report(_each_host(self.spec, write_file, write, self.tls, self.timeout, at_once, progress))


def plan(
    spec: Spec,
    *,
    tls: Tls | None = None,
    timeout: float = 30.0,
    progress: Callable[[Event], object] | None = None,
    at_once: int = AT_ONCE,
) -> Plan:
    """Read the Southbound database and every host's own, and tell what has to change. Writes nothing.

    ``timeout`` (seconds) holds for Southbound, and for each host, also of ``apply()``; ``at_once`` hosts are read at a
    time. A host that cannot be read, or whose settings contradict the spec or another chassis, is in the plan with its
    error. ``progress``: as for ``apply()``.

    Raises ConnectionFailed or Timeout where the Southbound database cannot be read.
    """

    def leave(_host: HostSpec, _access: Host, _change: FileChange, _steps: Steps) -> None:
        """The file stays as it is."""

    def look(host: HostSpec, chassis: DirectChassis, sb: Southbound, steps: Steps) -> Changes:
        draft = chassis.read(timeout=timeout)
        steps.take(host.name, "compare")
        configure(draft, spec, host, southbound=sb)
        return draft.changes()

    return Plan(spec, _each_host(spec, leave, look, tls, timeout, at_once, progress), tls, timeout)


_FileWork = Callable[[HostSpec, Host, FileChange, Steps], None]
_Work = Callable[[HostSpec, DirectChassis, Southbound, Steps], Changes]


def _each_host(
    spec: Spec,
    work_on_file: _FileWork,
    work: _Work,
    tls: Tls | None,
    timeout: float,
    at_once: int,
    progress: Callable[[Event], object] | None,
) -> tuple[HostResult, ...]:
    of = tls_of(spec, tls)
    southbound = spec.central.southbound_admin
    steps = Steps(len(spec.hosts), progress)
    with Southbound.connect(southbound, tls=of(southbound), timeout=timeout, monitor=_CHASSIS) as sb:

        def on_host(host: HostSpec) -> HostResult:
            files: list[FileChange] = []
            try:
                if host.access is not None:
                    steps.take(host.name, "files")
                    access = open_host(host.access, host.name)
                    change = system_id_change(access, host.system_id)
                    if change is not None:
                        work_on_file(host, access, change, steps)
                        files.append(change)
                steps.take(host.name, "read")
                with reached(host.ovsdb, timeout=timeout) as remote:
                    changes = work(host, DirectChassis(remote, tls=of(host.ovsdb)), sb, steps)
            except OvnkitError as exc:
                stopped = steps.of(host.name)
                steps.take(host.name, "failed")
                return HostResult(host, Changes(), tuple(files), exc, stopped)
            steps.take(host.name, "done")
            return HostResult(host, changes, tuple(files))

        outcomes = on_each(spec.hosts, on_host, at_once=at_once)
    return tuple(outcome for outcome in outcomes if isinstance(outcome, HostResult))


def _listed(results: tuple[HostResult, ...], changed: str) -> str:
    failed = sum(result.problem is not None for result in results)
    count = sum(result.changed and result.problem is None for result in results)
    hosts = "1 host" if len(results) == 1 else f"{len(results)} hosts"
    summary = f"{hosts}: {count} {changed}, {len(results) - count - failed} as they should be"
    if failed:
        summary += f", {failed} failed"
    return "\n".join((*map(str, results), summary))
