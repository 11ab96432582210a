"""Looking at hosts before they are deployed: the facts of each, and what the rules make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import attrs

from ovnkit.deploy.central.services import Services
from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES
from ovnkit.deploy.host import open_host
from ovnkit.deploy.hosts import AT_ONCE, on_each, tls_of
from ovnkit.deploy.preflight.collect import collect
from ovnkit.deploy.preflight.facts import (
    DatabaseFacts,
    Fact,
    HostFacts,
    Known,
    NorthboundFacts,
    SouthboundFacts,
    Unknown,
)
from ovnkit.deploy.preflight.observe import (
    NORTHBOUND,
    SOUTHBOUND,
    observe_database,
    observe_northbound,
    observe_southbound,
)
from ovnkit.deploy.preflight.report import HostPreflight, PreflightReport
from ovnkit.deploy.preflight.rule import Rule, Subject, judge
from ovnkit.deploy.preflight.rules import RULES
from ovnkit.deploy.reach import reached, servers_of
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import NeedsHost, OvnkitError
from ovnkit.northbound.client import Northbound
from ovnkit.remote import Tls, parse_remotes
from ovnkit.southbound.client import Southbound
from ovnkit.vswitch.client import VSwitch

__all__ = ["preflight"]

T = TypeVar("T")

_NOT_ASKED: Final = Unknown("the host could not be asked")
_PORTS: Final = frozenset({6081, 4789, 6640, *(port for one in DATABASES for port in (one.port, one.raft_port))})
"""Of tunnels (geneve, vxlan), of a host's database, of the central databases, and of their clusters."""


def preflight(
    spec: Spec,
    host_name: str | Sequence[str] | None = None,
    *,
    rules: Sequence[Rule] = RULES,
    timeout: float = 30.0,
    tls: Tls | None = None,
    at_once: int = AT_ONCE,
) -> PreflightReport:
    """Look whether hosts are fit for what the spec says of them; say what is not, why it matters, and what mends it.

    ``host_name``: one host, or some; all without it, those as well that run the central services alone. ``rules``:
    those to ask. ``timeout`` (seconds) holds for the central databases, and for each host once for its database and
    once for the command that is run there; ``at_once`` hosts are looked at at a time. Nothing is changed anywhere, and
    no file that holds a secret is read. Where the central databases are or are to be, a file of 40 kB is written for a
    moment, to see how long that takes.

    A fact that could not be read makes "unknown" of the rules that ask for it: what nobody has seen is not "ok".
    Central databases that do not answer, as before they are made, are such facts. A host that cannot be reached beyond
    its database, or whose spec does not say how (NeedsHost), is in the report with its ``problem``.

    Raises KeyError for a host that the spec does not have.
    """
    chosen = _chosen(spec, [host_name] if isinstance(host_name, str) else host_name)
    of = tls_of(spec, tls)

    def look(name: str) -> _Seen:
        chassis = next((host for host in spec.hosts if host.name == name), None)
        database: Fact[DatabaseFacts] = Unknown("it is no chassis")
        if chassis is not None:
            database = _attempted(partial(_database, chassis, of(chassis.ovsdb), timeout))
        try:
            facts = _beyond(spec, name, chassis, database, timeout)
            return _Seen(chassis, database, facts, services=_attempted(partial(_services, spec, name)))
        except OvnkitError as exc:
            return _Seen(chassis, database, HostFacts.unread(str(exc)), exc)

    # At once: central databases that are still to be made take all the time there is.
    with ThreadPoolExecutor(2, thread_name_prefix="ovnkit preflight") as pool:
        southbound = pool.submit(_attempted, partial(_southbound, spec, of, timeout))
        northbound = pool.submit(_attempted, partial(_northbound, spec, of, timeout))
        looked = on_each(chosen, look, at_once=at_once)
        central = southbound.result(), northbound.result()

    def judged(name: str, seen: _Seen | OvnkitError) -> HostPreflight:
        if isinstance(seen, OvnkitError):
            return HostPreflight(name, (), seen)
        subject = Subject(
            spec=spec,
            name=name,
            chassis=seen.chassis,
            facts=seen.facts,
            database=seen.database,
            southbound=central[0],
            northbound=central[1],
            services=seen.services,
        )
        try:
            return HostPreflight(name, judge(rules, subject), seen.problem)
        except OvnkitError as exc:
            return HostPreflight(name, (), exc)

    return PreflightReport(tuple(map(judged, chosen, looked)))


@attrs.frozen
class _Seen:
    """What was collected of one host."""

    chassis: HostSpec | None
    database: Fact[DatabaseFacts]
    facts: HostFacts
    problem: OvnkitError | None = None
    services: Fact[tuple[MemberStatus, ...]] = _NOT_ASKED


def _chosen(spec: Spec, names: Sequence[str] | None) -> list[str]:
    """The hosts to look at. Raises KeyError, which names those that there are."""
    known = list(dict.fromkeys([*(host.name for host in spec.hosts), *(one.host for one in spec.central.members)]))
    for name in names or ():
        if name not in known:
            raise KeyError(f"no host {name!r} in the spec; it has {', '.join(known) or 'none'}")
    return known if names is None else list(names)


def _attempted(look: Callable[[], T]) -> Fact[T]:
    try:
        return Known(look())
    except OvnkitError as exc:
        return Unknown(str(exc))


def _southbound(spec: Spec, of: Callable[[str | None], Tls | None], timeout: float) -> SouthboundFacts:
    remote = spec.central.southbound_admin
    with Southbound.connect(remote, tls=of(remote), timeout=timeout, monitor=SOUTHBOUND) as client:
        return observe_southbound(client)


def _northbound(spec: Spec, of: Callable[[str | None], Tls | None], timeout: float) -> NorthboundFacts:
    remote = spec.central.northbound
    with Northbound.connect(remote, tls=of(remote), timeout=timeout, monitor=NORTHBOUND) as client:
        return observe_northbound(client)


def _database(host: HostSpec, tls: Tls | None, timeout: float) -> DatabaseFacts:
    with reached(host.ovsdb, timeout=timeout) as remote, VSwitch.connect(remote, tls=tls, timeout=timeout) as client:
        return observe_database(client)


def _services(spec: Spec, name: str) -> tuple[MemberStatus, ...]:
    """What the servers of a member say, none of a host that is no member."""
    if all(member.host != name for member in spec.central.members):
        return ()
    node = Services(spec).node(name)
    return tuple(node.status(database) for database in DATABASES)


def _beyond(
    spec: Spec, name: str, chassis: HostSpec | None, database: Fact[DatabaseFacts], timeout: float
) -> HostFacts:
    """What the host itself tells. Raises HostFailed, and NeedsHost where nobody says how it is reached."""
    access = _access(spec, name, chassis)
    if access is None:
        raise NeedsHost(
            f"looking at {name} beyond its database",
            f'ovnkit deploy preflight FILE {name}, run there, with access = "local" for it in the file',
        )
    central = spec.central
    strings = [central.northbound, central.southbound, central.southbound_admin]
    strings += [chassis.ovsdb] if chassis is not None and chassis.ovsdb is not None else []
    files = database.value if isinstance(database, Known) else None
    return collect(
        open_host(access, name),
        servers=parse_remotes(central.southbound) if chassis is not None else (),
        ports=_PORTS | {one.port for text in strings for one in servers_of(text) if one.scheme != "unix"},
        certificate="" if files is None else files.certificate,
        key="" if files is None else files.key,
        central=any(member.host == name for member in central.members),
        timeout=timeout,
    )


def _access(spec: Spec, name: str, chassis: HostSpec | None) -> str | tuple[str, ...] | None:
    if chassis is not None and chassis.access is not None:
        return chassis.access
    return next((spec.access_of(member) for member in spec.central.members if member.host == name), None)
