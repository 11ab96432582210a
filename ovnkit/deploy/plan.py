"""Plans: what has to change on each host so that it is as the spec says, and carrying it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from ovnkit.deploy.configure import configure
from ovnkit.deploy.hosts import on_each, tls_of
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import OvnkitError
from ovnkit.ovsdb.changes import Changes
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, Encap
from ovnkit.vswitch.direct import DirectChassis

__all__ = ["HostResult", "Plan", "Report", "plan"]

_CHASSIS: Final = {Chassis: None, Encap: None}


@attrs.frozen
class HostResult:
    """What changes, or was changed, on one host; or why nothing could be done there."""

    host: HostSpec
    changes: Changes
    problem: OvnkitError | None = None

    def __str__(self) -> str:
        body = str(self.changes) if self.problem is None else f"! {self.problem}"
        head = f"{self.host.name} ({self.host.ovsdb or 'local'})"
        return "\n".join((head, *(f"  {line}" for line in body.splitlines())))


@attrs.frozen
class Report:
    """What ``apply()`` did, host by host. ``ok`` when every host is as the spec says."""

    hosts: tuple[HostResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no host failed."""
        return all(result.problem is None for result in self.hosts)

    @property
    def failed(self) -> tuple[HostResult, ...]:
        """The hosts that failed, each with its error."""
        return tuple(result for result in self.hosts if result.problem is not None)

    def __bool__(self) -> bool:
        return self.ok

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
        return any(result.changes or result.problem is not None for result in self.hosts)

    def __str__(self) -> str:
        return _listed(self.hosts, "to change")

    def apply(self) -> Report:
        """Bring every host to what the spec says: one durable transaction a host, computed afresh from what is there.

        A host that fails is reported and delays no other. Safe to repeat: what is done changes nothing the second time.
        """

        def write(chassis: DirectChassis, host: HostSpec, sb: Southbound) -> Changes:
            return chassis.edit(
                lambda draft: configure(draft, self.spec, host, southbound=sb),
                comment=f"ovnkit deploy {host.name}",
                timeout=self.timeout,
            )

        return Report(_each_host(self.spec, write, tls=self.tls, timeout=self.timeout))


def plan(spec: Spec, *, tls: Tls | None = None, timeout: float = 30.0) -> Plan:
    """Read the Southbound database and every host's own, and tell what has to change. Writes nothing.

    ``timeout`` (seconds) holds for each connection, and for each transaction of ``apply()``. A host that cannot be
    read, or whose settings contradict the spec or another chassis, is in the plan with its error.

    Raises ConnectionFailed or Timeout where the Southbound database cannot be read.
    """

    def look(chassis: DirectChassis, host: HostSpec, sb: Southbound) -> Changes:
        draft = chassis.read(timeout=timeout)
        configure(draft, spec, host, southbound=sb)
        return draft.changes()

    return Plan(spec, _each_host(spec, look, tls=tls, timeout=timeout), tls, timeout)


_Work = Callable[[DirectChassis, HostSpec, Southbound], Changes]


def _each_host(spec: Spec, work: _Work, *, tls: Tls | None, timeout: float) -> tuple[HostResult, ...]:
    of = tls_of(spec, tls)
    southbound = spec.central.southbound
    with Southbound.connect(southbound, tls=of(southbound), timeout=timeout, monitor=_CHASSIS) as sb:

        def on_host(host: HostSpec) -> Changes:
            return work(DirectChassis(host.ovsdb, tls=of(host.ovsdb)), host, sb)

        outcomes = on_each(spec.hosts, on_host)
    return tuple(
        HostResult(host, Changes(), outcome) if isinstance(outcome, OvnkitError) else HostResult(host, outcome)
        for host, outcome in zip(spec.hosts, outcomes, strict=True)
    )


def _listed(results: tuple[HostResult, ...], changed: str) -> str:
    failed = sum(result.problem is not None for result in results)
    count = sum(bool(result.changes) for result in results)
    hosts = "1 host" if len(results) == 1 else f"{len(results)} hosts"
    summary = f"{hosts}: {count} {changed}, {len(results) - count - failed} as they should be"
    if failed:
        summary += f", {failed} failed"
    return "\n".join((*map(str, results), summary))
