"""Plans: what has to change on each host so that it is as the spec says, and carrying it out."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import Final

import attrs

from ovnkit.deploy.central.create import create
from ovnkit.deploy.central.services import status
from ovnkit.deploy.certificates import CertificateChange
from ovnkit.deploy.databases import SOUTHBOUND
from ovnkit.deploy.hosts import AT_ONCE, Results, on_each, tls_of
from ovnkit.deploy.progress import Event, Step, Steps
from ovnkit.deploy.reach import reached
from ovnkit.deploy.record import Record
from ovnkit.deploy.rendered import FileEdit
from ovnkit.deploy.sequence import SequenceReport, StepResult
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.deploy.system_id import FileChange
from ovnkit.deploy.work import Looking, Writing
from ovnkit.errors import InvalidValue, OvnkitError
from ovnkit.ovsdb.changes import Changes
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, Encap

__all__ = ["HostResult", "Plan", "Report", "apply_to_hosts", "plan", "plan_hosts"]

_CHASSIS: Final = {Chassis: None, Encap: None}


@attrs.frozen
class HostResult:
    """What changes, or was changed, on one host; or why it could not be done there, and at which step it stopped.

    ``files`` is what changes of its files, also where it stopped after that.
    """

    host: HostSpec
    changes: Changes
    files: tuple[FileChange | CertificateChange | FileEdit, ...] = ()
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


@attrs.frozen
class Report(Results[HostResult]):
    """What ``apply()`` did, host by host, and before that with the central services, where the spec has members.

    ``ok`` when everything is as the spec says. Where the central services failed and nobody serves Southbound, no host
    was begun; a member that is down delays no host.
    """

    central: SequenceReport | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and (self.central is None or bool(self.central))

    def __str__(self) -> str:
        return _listed(self.central, self.hosts, "changed")


@attrs.frozen
class Plan:
    """What has to change, host by host. Truthy when there is something to do; prints as a diff.

    ``central``: the steps of ``central.create()``, where the spec has members.
    """

    spec: Spec
    hosts: tuple[HostResult, ...]
    tls: Tls | None = None
    timeout: float = 30.0
    central: SequenceReport | None = None

    @property
    def ok(self) -> bool:
        """Whether everything could be looked at and nothing stands in the way."""
        return all(result.problem is None for result in self.hosts) and (self.central is None or self.central.ok)

    def __bool__(self) -> bool:
        hosts = any(result.changed or result.problem is not None for result in self.hosts)
        return hosts or (self.central is not None and not self.central)

    def __str__(self) -> str:
        return _listed(self.central, self.hosts, "to change")

    def apply(
        self,
        *,
        undo_record: str | os.PathLike[str] | None = None,
        progress: Callable[[Event], object] | None = None,
        at_once: int = AT_ONCE,
    ) -> Report:
        """Bring every host to what the spec says: one durable transaction a host, computed afresh from what is there.

        Before that, the central services, where the spec has members: ``central.create()``.

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
            made = create(self.spec, timeout=self.timeout) if self.spec.central.members else None
            if made is not None and not made and not _has_southbound(self.spec):
                return Report((), made)
            work = partial(Writing, record=record)
            return Report(_each_host(self.spec, work, self.tls, self.timeout, at_once, progress), made)


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
    error. ``progress``: as for ``apply()``. Where the central services are still to be made, there is no Southbound to
    ask about other chassis; ``apply()`` does.

    Raises ConnectionFailed or Timeout where the Southbound database cannot be read.
    """
    found = _foreseen(spec) if spec.central.members else None
    there = found is None or bool(found) or _has_southbound(spec)
    hosts = _each_host(spec, Looking, tls, timeout, at_once, progress, southbound=there)
    return Plan(spec, hosts, tls, timeout, found)


def _foreseen(spec: Spec) -> SequenceReport:
    """What is to be done with the central services; a member that cannot be asked is a step that failed."""
    try:
        return create(spec, dry_run=True)
    except InvalidValue:
        raise
    except OvnkitError as exc:
        return SequenceReport("central services", (StepResult("all members can be asked", "failed", problem=exc),))


def _has_southbound(spec: Spec) -> bool:
    """Whether a member serves it, whatever the others do."""
    return any(one and one.database == SOUTHBOUND.name for one in status(spec))


def plan_hosts(spec: Spec, *, timeout: float) -> bool:
    """Whether something of a host is not as the spec says, whatever the central services do.

    Raises the error of the first host that cannot be looked at.
    """
    return any(result.changed for result in _checked(_each_host(spec, Looking, None, timeout, AT_ONCE, None)))


def apply_to_hosts(spec: Spec, *, timeout: float) -> None:
    """Bring every host to what the spec says. Raises the error of the first one where that failed."""
    _checked(_each_host(spec, partial(Writing, record=None), None, timeout, AT_ONCE, None))


def _checked(results: tuple[HostResult, ...]) -> tuple[HostResult, ...]:
    for result in results:
        if result.problem is not None:
            raise result.problem
    return results


_Work = Callable[[Spec, HostSpec, Steps], Looking]


def _each_host(
    spec: Spec,
    work: _Work,
    tls: Tls | None,
    timeout: float,
    at_once: int,
    progress: Callable[[Event], object] | None,
    *,
    southbound: bool = True,
) -> tuple[HostResult, ...]:
    of = tls_of(spec, tls)
    remote = spec.central.southbound_admin
    steps = Steps(len(spec.hosts), progress)
    with ExitStack() as stack:
        sb = None
        if southbound:
            sb = stack.enter_context(Southbound.connect(remote, tls=of(remote), timeout=timeout, monitor=_CHASSIS))

        def on_host(host: HostSpec) -> HostResult:
            here = work(spec, host, steps)
            try:
                here.files()
                steps.take(host.name, "read")
                with reached(host.ovsdb, timeout=timeout) as remote:
                    here.database(remote, of(host.ovsdb), sb, timeout)
            except OvnkitError as exc:
                stopped = steps.of(host.name)
                steps.take(host.name, "failed")
                return HostResult(host, here.changes, tuple(here.changed_files), exc, stopped)
            steps.take(host.name, "done")
            return HostResult(host, here.changes, tuple(here.changed_files))

        outcomes = on_each(spec.hosts, on_host, at_once=at_once)
    return tuple(outcome for outcome in outcomes if isinstance(outcome, HostResult))


def _listed(central: SequenceReport | None, results: tuple[HostResult, ...], changed: str) -> str:
    failed = sum(result.problem is not None for result in results)
    count = sum(result.changed and result.problem is None for result in results)
    hosts = "1 host" if len(results) == 1 else f"{len(results)} hosts"
    summary = f"{hosts}: {count} {changed}, {len(results) - count - failed} as they should be"
    if failed:
        summary += f", {failed} failed"
    return "\n".join((*([] if central is None else [str(central)]), *map(str, results), summary))
