"""Looking at hosts before they are deployed: the facts of each, and what the rules make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

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

_PORTS: Final = frozenset({6081, 4789, 6640, 6641, 6642, 6643, 6644})
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

    ``host_name``: one host, or some; all without it. ``rules``: those to ask. ``timeout`` (seconds) holds for the
    central databases, and for each host once for its database and once for the command that is run there;
    ``at_once`` hosts are looked at at a time. Nothing is written anywhere, and no file that holds a secret is read.

    A fact that could not be read makes "unknown" of the rules that ask for it: what nobody has seen is not "ok".
    Central databases that do not answer, as before they are made, are such facts. A host that cannot be reached beyond
    its database, or whose spec does not say how (NeedsHost), is in the report with its ``problem``.

    Raises KeyError for a host that the spec does not have.
    """
    names = [host_name] if isinstance(host_name, str) else host_name
    hosts = spec.hosts if names is None else tuple(spec.host(name) for name in names)
    of = tls_of(spec, tls)
    southbound, northbound = _central(spec, of, timeout)

    def look(host: HostSpec) -> HostPreflight:
        database = _attempted(lambda: _database(host, of(host.ovsdb), timeout))
        problem: OvnkitError | None = None
        try:
            facts = _beyond(spec, host, database, timeout)
        except OvnkitError as exc:
            facts, problem = HostFacts.unread(str(exc)), exc
        subject = Subject(
            spec=spec, host=host, facts=facts, database=database, southbound=southbound, northbound=northbound
        )
        return HostPreflight(host.name, judge(rules, subject), problem)

    looked = zip(hosts, on_each(hosts, look, at_once=at_once), strict=True)
    return PreflightReport(
        tuple(HostPreflight(host.name, (), one) if isinstance(one, OvnkitError) else one for host, one in looked)
    )


def _attempted(look: Callable[[], T]) -> Fact[T]:
    try:
        return Known(look())
    except OvnkitError as exc:
        return Unknown(str(exc))


def _central(
    spec: Spec, of: Callable[[str | None], Tls | None], timeout: float
) -> tuple[Fact[SouthboundFacts], Fact[NorthboundFacts]]:
    """The central databases, at the same time: before they are made, each takes all the time there is."""

    def southbound() -> SouthboundFacts:
        remote = spec.central.southbound
        with Southbound.connect(remote, tls=of(remote), timeout=timeout, monitor=SOUTHBOUND) as client:
            return observe_southbound(client)

    def northbound() -> NorthboundFacts:
        remote = spec.central.northbound
        with Northbound.connect(remote, tls=of(remote), timeout=timeout, monitor=NORTHBOUND) as client:
            return observe_northbound(client)

    with ThreadPoolExecutor(1, thread_name_prefix="ovnkit preflight") as pool:
        other = pool.submit(_attempted, northbound)
        return _attempted(southbound), other.result()


def _database(host: HostSpec, tls: Tls | None, timeout: float) -> DatabaseFacts:
    with reached(host.ovsdb, timeout=timeout) as remote, VSwitch.connect(remote, tls=tls, timeout=timeout) as client:
        return observe_database(client)


def _beyond(spec: Spec, host: HostSpec, database: Fact[DatabaseFacts], timeout: float) -> HostFacts:
    """What the host itself tells. Raises HostFailed, and NeedsHost where nobody says how it is reached."""
    if host.access is None:
        raise NeedsHost(
            f"looking at {host.name} beyond its database",
            f'ovnkit deploy preflight FILE {host.name}, run there, with access = "local" for it in the file',
        )
    central = (*parse_remotes(spec.central.northbound), *parse_remotes(spec.central.southbound))
    own = servers_of(host.ovsdb) if host.ovsdb is not None else ()
    files = database.value if isinstance(database, Known) else None
    return collect(
        open_host(host.access, host.name),
        servers=parse_remotes(spec.central.southbound),
        ports=_PORTS | {server.port for server in (*central, *own) if server.scheme != "unix"},
        certificate="" if files is None else files.certificate,
        key="" if files is None else files.key,
        timeout=timeout,
    )
