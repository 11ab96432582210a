"""What a rule is, what it looks at, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, Literal

import attrs

from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES, NORTHBOUND, SOUTHBOUND, Database
from ovnkit.deploy.preflight.facts import (
    DatabaseFacts,
    Fact,
    HostFacts,
    NorthboundFacts,
    SouthboundFacts,
    Unknown,
    Unread,
)
from ovnkit.deploy.spec import HostSpec, Member, Spec
from ovnkit.errors import InvalidRemote
from ovnkit.remote import Remote, parse_remotes

__all__ = [
    "About",
    "Answer",
    "Finding",
    "Rule",
    "Severity",
    "State",
    "Subject",
    "broken",
    "holds",
    "judge",
    "needless",
    "rule",
]

About = Literal["chassis", "any"]
Severity = Literal["error", "warning", "info"]
State = Literal["ok", "error", "warning", "info", "unknown", "not needed"]

_NOT_ASKED: Final = Unknown("nobody has asked its servers")
_NO_CHASSIS: Final = "it runs the central services, and is no chassis"
_DATAPATH_TYPE: Final = "ovn-bridge-datapath-type"


@attrs.frozen(kw_only=True)
class Subject:
    """What rules look at: a host of a spec, and what was found out about it. ``now``: seconds since the epoch.

    ``chassis`` is what the spec says of it as a chassis, None for a host that runs the central services alone.
    ``services``: what its own servers of the central databases say, where the spec names it as a member.
    """

    spec: Spec
    name: str
    chassis: HostSpec | None
    facts: HostFacts
    database: Fact[DatabaseFacts]
    southbound: Fact[SouthboundFacts]
    northbound: Fact[NorthboundFacts]
    services: Fact[tuple[MemberStatus, ...]] = _NOT_ASKED
    now: float = attrs.field(factory=time.time)

    @property
    def host(self) -> HostSpec:
        """The host as a chassis, as it is for the rules about those. Raises Unread where it is none."""
        if self.chassis is None:
            raise Unread(_NO_CHASSIS)
        return self.chassis

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
    def member(self) -> Member | None:
        """The host as a member of the central services, None where the spec does not say that it is one."""
        return next((member for member in self.spec.central.members if member.host == self.name), None)

    def runs(self, database: Database) -> bool:
        """Whether the host is to run a central database: as a member, or by its addresses. Raises Unread."""
        central = self.spec.central
        if central.members:
            return self.member is not None
        remotes = central.northbound if database is NORTHBOUND else central.southbound
        return any(map(self._is_here, parse_remotes(remotes)))

    @property
    def runs_central(self) -> bool:
        """Whether the host is to run any of the central databases. Raises Unread."""
        return any(map(self.runs, DATABASES))

    @property
    def central_ports(self) -> frozenset[int]:
        """The ports at which the central databases of this host take clients. Raises Unread."""
        central = self.spec.central
        strings = {NORTHBOUND: (central.northbound,), SOUTHBOUND: (central.southbound, central.southbound_admin)}
        remotes = [one for database in filter(self.runs, DATABASES) for text in strings[database] for one in _of(text)]
        return frozenset(one.port for one in remotes)

    def _is_here(self, server: Remote) -> bool:
        if server.is_loopback:
            return self._is_own_machine
        names = {self.name, self.facts.hostname.value}
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


def _of(text: str) -> tuple[Remote, ...]:
    """The servers of a connection string that have a port."""
    return tuple(remote for remote in parse_remotes(text) if remote.scheme != "unix")


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
    capitals for what depends on the host; ``document`` says where it comes from. ``about``: whether it is asked of
    every chassis, or of any host, of those as well that run the central services alone.
    """

    id: str
    severity: Severity
    what: str
    why: str
    remedy: str
    document: str
    about: About = "chassis"
    check: Callable[[Subject], Answer] = attrs.field(repr=False)


def rule(
    id: str, *, severity: Severity, what: str, why: str, remedy: str, document: str, about: About = "chassis"
) -> Callable[[Callable[[Subject], Answer]], Rule]:
    """Make a function that answers for a host a rule."""

    def made(check: Callable[[Subject], Answer]) -> Rule:
        return Rule(
            id=id, severity=severity, what=what, why=why, remedy=remedy, document=document, about=about, check=check
        )

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
        is_asked = one.about == "any" or subject.chassis is not None
        answer = one.check(subject) if is_asked else needless(_NO_CHASSIS)
    except Unread as exc:
        answer = Answer("unknown", str(exc))
    return Finding(
        host=subject.name,
        rule=one.id,
        state=answer.state,
        severity=one.severity,
        seen=answer.seen,
        why=one.why,
        remedy=answer.remedy,
        document=one.document,
    )
