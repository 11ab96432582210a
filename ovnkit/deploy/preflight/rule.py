"""What a rule is, what it looks at, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, Literal

import attrs

from ovnkit.deploy.preflight.facts import (
    DatabaseFacts,
    Fact,
    HostFacts,
    NorthboundFacts,
    SouthboundFacts,
    Unread,
)
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import InvalidRemote
from ovnkit.remote import Remote, parse_remotes

__all__ = ["Answer", "Finding", "Rule", "Severity", "State", "Subject", "broken", "holds", "judge", "needless", "rule"]

Severity = Literal["error", "warning", "info"]
State = Literal["ok", "error", "warning", "info", "unknown", "not needed"]

_DATAPATH_TYPE: Final = "ovn-bridge-datapath-type"


@attrs.frozen(kw_only=True)
class Subject:
    """What rules look at: a host of a spec, and what was found out about it. ``now``: seconds since the epoch."""

    spec: Spec
    host: HostSpec
    facts: HostFacts
    database: Fact[DatabaseFacts]
    southbound: Fact[SouthboundFacts]
    northbound: Fact[NorthboundFacts]
    now: float = attrs.field(factory=time.time)

    @property
    def kernel_datapath(self) -> bool:
        """Whether packets go through the kernel's datapath, and not through that of ovs-vswitchd (``netdev``).

        By the spec; where it says nothing, by the integration bridge, if that is there. Raises Unread.
        """
        asked = self.host.options.get(_DATAPATH_TYPE)
        return (asked or self._datapath_there() or "system") == "system"

    def _datapath_there(self) -> str:
        config = self.database.value.config
        bridge = self.database.value.bridges.get(self.integration_bridge)
        return config.options.get(_DATAPATH_TYPE) or ("" if bridge is None else bridge.datapath_type)

    @property
    def integration_bridge(self) -> str:
        """The bridge of ovn-controller."""
        return self.host.options.get("ovn-bridge", "br-int")

    @property
    def tunnels(self) -> tuple[str, ...]:
        """The types of tunnels that hosts have."""
        return tuple(self.spec.encap.type.split(","))

    @property
    def northbound_servers(self) -> tuple[Remote, ...]:
        """The servers of Northbound that are this host. Raises Unread."""
        return tuple(filter(self._is_here, parse_remotes(self.spec.central.northbound)))

    @property
    def southbound_servers(self) -> tuple[Remote, ...]:
        """The servers of Southbound that are this host. Raises Unread."""
        return tuple(filter(self._is_here, parse_remotes(self.spec.central.southbound)))

    @property
    def runs_central(self) -> bool:
        """Whether the host is to run a central database. Raises Unread."""
        return bool(self.northbound_servers or self.southbound_servers)

    def _is_here(self, server: Remote) -> bool:
        if server.is_loopback:
            return self._is_own_machine
        names = {self.host.name, self.facts.hostname.value}
        return server.host in names or server.host in self.facts.addresses()

    @property
    def _is_own_machine(self) -> bool:
        """Whether it is the machine that deploys: what is loopback there is loopback on this host."""
        if self.host.access != "local":
            return False
        try:
            return self.host.ovsdb is None or all(one.is_loopback for one in parse_remotes(self.host.ovsdb))
        except InvalidRemote:
            return False


@attrs.frozen
class Answer:
    """What a rule says of a host: how it is, what was seen, and the command that mends it."""

    state: State
    seen: str
    remedy: str = ""


def holds(seen: str) -> Answer:
    """It is as it should be."""
    return Answer("ok", seen)


def broken(seen: str, remedy: str, *, severity: Severity) -> Answer:
    """It is not as it should be; ``remedy`` is the command that mends it, or says what to do."""
    return Answer(severity, seen, remedy)


def needless(why: str) -> Answer:
    """The rule is not about this host."""
    return Answer("not needed", why)


@attrs.frozen(kw_only=True)
class Rule:
    """One thing that has to hold on a host.

    ``severity`` is the worst that it can say: an error stops OVN from working there, a warning may do so later or in
    some cases, an info is good to know. ``what`` has to hold, ``why``; ``remedy`` is what mends it, with names in
    capitals for what depends on the host; ``document`` says where it comes from.
    """

    id: str
    severity: Severity
    what: str
    why: str
    remedy: str
    document: str
    check: Callable[[Subject], Answer] = attrs.field(repr=False)


def rule(
    id: str, *, severity: Severity, what: str, why: str, remedy: str, document: str
) -> Callable[[Callable[[Subject], Answer]], Rule]:
    """Make a function that answers for a host a rule."""

    def made(check: Callable[[Subject], Answer]) -> Rule:
        return Rule(id=id, severity=severity, what=what, why=why, remedy=remedy, document=document, check=check)

    return made


@attrs.frozen(kw_only=True)
class Finding:
    """What a rule has found on one host.

    ``state``: ``ok``; ``error``, ``warning`` or ``info`` for what does not hold; ``unknown`` where a fact could not be
    read, which ``seen`` says; ``not needed`` where the rule is not about this host. ``severity``: the worst that the
    rule can say. ``remedy``: the command that mends it, or what to do.
    """

    host: str
    rule: str
    state: State
    severity: Severity
    seen: str
    why: str
    remedy: str
    document: str


def judge(rules: Iterable[Rule], subject: Subject) -> tuple[Finding, ...]:
    """What each rule says. Pure: a fact that could not be read makes "unknown" of the rules that ask for it."""
    return tuple(_finding(one, subject) for one in rules)


def _finding(one: Rule, subject: Subject) -> Finding:
    try:
        answer = one.check(subject)
    except Unread as exc:
        answer = Answer("unknown", str(exc))
    return Finding(
        host=subject.host.name,
        rule=one.id,
        state=answer.state,
        severity=one.severity,
        seen=answer.seen,
        why=one.why,
        remedy=answer.remedy,
        document=one.document,
    )
