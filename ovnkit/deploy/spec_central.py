"""What the central services are to be: where they are reached, the hosts that run them, and who may do what there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

import attrs

from ovnkit.deploy.databases import NORTHBOUND, SOUTHBOUND, Database
from ovnkit.deploy.host import open_host
from ovnkit.deploy.spec_values import (
    access_words,
    canonical_address,
    canonical_remotes,
    check_flag,
    check_remotes,
    is_text,
    translated,
)
from ovnkit.errors import InvalidRemote, SpecError
from ovnkit.remote import Remote, Scheme, format_remotes, parse_remotes

__all__ = ["Central", "Member", "Start", "check_election_timer"]

Start = Literal["direct", "systemd"]

_FULL_ACCESS: Final = 10_000
"""How much further up than the port of the chassis the listeners without a role are."""

_ELECTION_TIMER: Final = 1000
_SHORTEST_ELECTION: Final = 100
_LONGEST_ELECTION: Final = 600_000


@attrs.frozen(kw_only=True)
class Member:
    """A host that runs the central services: the databases, as members of a cluster where there are several.

    ``host`` is its name, that of a host of the spec or another one. ``address`` is where the databases are reached and
    where members reach each other. ``access`` is how the host is reached (``open_host``); None for as the spec has it
    for the host of this name.
    """

    host: str
    address: str = attrs.field(converter=canonical_address)
    access: str | tuple[str, ...] | None = attrs.field(default=None, converter=access_words)

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for the first field that cannot be."""
        if not is_text(self.host) or not self.host:
            raise SpecError(key="central.member.host", value=self.host, allowed="the name of a host")
        try:
            ipaddress.ip_address(self.address)
        except ValueError as error:
            raise SpecError(key=self.key("address"), value=self.address, allowed="an IPv4 or IPv6 address") from error
        access = self.access
        if access is None:
            return
        if not isinstance(access, str | tuple):
            raise SpecError(key=self.key("access"), value=access, allowed="text, or a list of words")
        translated(self.key("access"), access, lambda _: open_host(access, self.host))

    def key(self, field: str) -> str:
        """The name of a field of this member in errors."""
        return f"central.member.{self.host}.{field}"


def _remotes_or_none(value: str | None) -> str | None:
    return None if value is None else canonical_remotes(value)


def _member_tuple(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(members)


@attrs.frozen(kw_only=True)
class Central:
    """The central services: connection strings of the databases (ovsdb(7)), with ports, and what runs them.

    ``southbound`` is also each host's ``ovn-remote``. ``insecure`` permits plain ``tcp:`` off loopback, for the hosts'
    ``ovsdb`` as well.

    ``members``: the hosts that run NB, SB and ovn-northd, for ``central.create()``; without them somebody else sees to
    that. The connection strings then are theirs, unless they are given. ``clustered``: as a RAFT cluster, which is so
    for several members. ``election_timer``: milliseconds; without it a cluster is made with 1000, and one that is there
    keeps what it has. ``start`` is how their daemons are started: directly, or as units of systemd, which starts them
    with the machine as well.

    ``tls``: a directory of this machine with the certificates (``pki``), of which each host gets its own. ``rbac``: the
    chassis come in where OVN's role-based access control lets them change what is theirs alone (ovn-sb(5), RBAC_Role);
    ``southbound_admin`` is where ovn-northd and ovnkit come in then, and whoever else may do everything.
    """

    members: tuple[Member, ...] = attrs.field(default=(), converter=_member_tuple)
    tls: str | None = None
    rbac: bool = False
    insecure: bool = False
    _clustered: bool | None = attrs.field(default=None, alias="clustered")
    _election_timer: int | None = attrs.field(default=None, alias="election_timer")
    start: Start = "direct"
    _northbound: str | None = attrs.field(default=None, alias="northbound", converter=_remotes_or_none)
    _southbound: str | None = attrs.field(default=None, alias="southbound", converter=_remotes_or_none)
    _southbound_admin: str | None = attrs.field(default=None, alias="southbound_admin", converter=_remotes_or_none)

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for the first field that cannot be."""
        for name in ("rbac", "insecure", "clustered"):
            check_flag(f"central.{name}", getattr(self, name))
        self._check_tls()
        self._check_members()
        check_remotes("central.northbound", self.northbound, insecure=self.insecure, port=NORTHBOUND.port)
        check_remotes("central.southbound", self.southbound, insecure=self.insecure, port=SOUTHBOUND.port)
        check_remotes("central.southbound_admin", self.southbound_admin, insecure=self.insecure, port=SOUTHBOUND.port)
        if self.members:
            self.ports(NORTHBOUND)
            self.ports(SOUTHBOUND)

    @property
    def clustered(self) -> bool:
        """Whether the databases are those of a RAFT cluster."""
        return len(self.members) > 1 if self._clustered is None else self._clustered

    @property
    def election_timer(self) -> int:
        """How many milliseconds members wait for a leader that is silent."""
        return _ELECTION_TIMER if self._election_timer is None else self._election_timer

    @property
    def northbound(self) -> str:
        """Where Northbound is: the connection string."""
        return self._remotes(NORTHBOUND.port) if self._northbound is None else self._northbound

    @property
    def southbound(self) -> str:
        """Where the chassis find Southbound."""
        return self._remotes(SOUTHBOUND.port) if self._southbound is None else self._southbound

    @property
    def southbound_admin(self) -> str:
        """Where those find Southbound who may do everything there."""
        if self._southbound_admin is not None:
            return self._southbound_admin
        if self.rbac is not True:
            return self.southbound
        try:
            remotes = parse_remotes(self.southbound)
        except InvalidRemote:
            return self.southbound
        return format_remotes(
            tuple(attrs.evolve(one, port=one.port + _FULL_ACCESS) if one.scheme == "ssl" else one for one in remotes)
        )

    @property
    def given(self) -> Mapping[str, str | bool | int]:
        """What might follow from the rest, and does not: it was said."""
        fields = {
            "northbound": self._northbound,
            "southbound": self._southbound,
            "southbound_admin": self._southbound_admin,
            "clustered": self._clustered,
            "election_timer": self._election_timer,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _remotes(self, port: int) -> str:
        scheme: Scheme = "tcp" if self.tls is None else "ssl"
        return format_remotes(tuple(Remote(scheme, member.address, port) for member in self.members))

    def member(self, host: str) -> Member:
        """The member on a host. Raises KeyError, which names those that there are."""
        for member in self.members:
            if member.host == host:
                return member
        names = ", ".join(member.host for member in self.members) or "none"
        raise KeyError(f"no member {host!r} of the central services in the spec; it has {names}")

    def raft(self, member: Member, database: Database) -> str:
        """Where the other members reach one, as ovsdb(7) writes it."""
        return format_remotes((Remote("tcp" if self.tls is None else "ssl", member.address, database.raft_port),))

    def ports(self, database: Database) -> tuple[int, ...]:
        """The ports on which members listen: for everybody, or of Southbound first for chassis and then for others.

        None where the connection strings have sockets alone.
        """
        strings = {"northbound": self.northbound}
        if database is SOUTHBOUND:
            strings = {"southbound": self.southbound, "southbound_admin": self.southbound_admin}
        found: list[int] = []
        for key, text in strings.items():
            ports = {remote.port for remote in parse_remotes(text) if remote.scheme != "unix"}
            if len(ports) > 1:
                allowed = "the same port at every member: in a cluster all share the rows that say where to listen"
                raise SpecError(key=f"central.{key}", value=text, allowed=allowed)
            found += ports
        return tuple(dict.fromkeys(found))

    def _check_tls(self) -> None:
        if self.tls is not None and (not is_text(self.tls) or not self.tls or "\0" in self.tls):
            raise SpecError(key="central.tls", value=self.tls, allowed="the directory with the certificates")
        if self.rbac and self.tls is None:
            allowed = "false, or central.tls as well: a chassis is known by its certificate"
            raise SpecError(key="central.rbac", value=self.rbac, allowed=allowed)
        if self.rbac and self.southbound_admin == self.southbound:
            allowed = "other ports than southbound: who comes in there has the role of a chassis"
            raise SpecError(key="central.southbound_admin", value=self.southbound_admin, allowed=allowed)

    def _check_members(self) -> None:
        for field in ("host", "address"):
            values = [getattr(member, field) for member in self.members]
            for value in values:
                if values.count(value) > 1:
                    raise SpecError(key=f"central.member.{field}", value=value, allowed="each member once")
        if not self.clustered and len(self.members) > 1:
            allowed = "true, for there are several members"
            raise SpecError(key="central.clustered", value=self.clustered, allowed=allowed)
        check_election_timer(self.election_timer)
        if self.start not in get_args(Start):
            raise SpecError(key="central.start", value=self.start, allowed=" or ".join(get_args(Start)))


def check_election_timer(value: object) -> None:
    """Raise SpecError for what ovsdb-server takes for no election timer (ovsdb-server(1), change-election-timer)."""
    if type(value) is not int or not _SHORTEST_ELECTION <= value <= _LONGEST_ELECTION:
        allowed = f"milliseconds from {_SHORTEST_ELECTION} to {_LONGEST_ELECTION}"
        raise SpecError(key="central.election_timer", value=value, allowed=allowed)
