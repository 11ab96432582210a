"""The databases of one network, each with its client: live ones that ``connect()`` finds, or the files of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import attrs

from ovnkit.errors import ConnectionFailed, NotReached, OvnkitError
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import LogicalRouter, LogicalSwitch
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.damage import Damage
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.exchange import unreachable
from ovnkit.places import Place, places
from ovnkit.remote import Remote, Tls, parse_remotes
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import DatapathBinding
from ovnkit.topology.attempt import Attempt, attempt, failed
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import SSL

if TYPE_CHECKING:
    from ovnkit.topology import Topology
    from ovnkit.topology.checks import Findings
    from ovnkit.topology.snapshot import Snapshot
    from ovnkit.topology.trace import End, Trace
    from ovnkit.topology.trace.options import TraceOptions

__all__ = ["Network", "connect"]

C = TypeVar("C", bound=Client[Any, Any])

_PATIENCE = 3.0
_ARGUMENT = "argument"


@attrs.frozen(eq=False, repr=False)
class Network:
    """Clients of one network: ``nb``, ``sb`` and ``vswitch``, and the ``vswitches`` of all its hosts.

    What is not there raises NotReached where it is asked for, with all that was tried; ``clients`` are those there are.

    ``damage`` lists what could not be read of files. ``tried`` says what was looked at and with what outcome; print it,
    or read the attributes of each ``Attempt``. Use it in ``with``, or ``close()`` it. In Jupyter it draws itself.
    """

    _nb: Northbound | None = attrs.field(default=None, alias="nb")
    _sb: Southbound | None = attrs.field(default=None, alias="sb")
    vswitches: tuple[VSwitch, ...] = ()
    damage: tuple[Damage, ...] = ()
    tried: tuple[Attempt | str, ...] = ()

    @property
    def nb(self) -> Northbound:
        """The Northbound database. Raises NotReached."""
        if self._nb is None:
            raise self._missing("Northbound")
        return self._nb

    @property
    def sb(self) -> Southbound:
        """The Southbound database. Raises NotReached."""
        if self._sb is None:
            raise self._missing("Southbound")
        return self._sb

    @property
    def vswitch(self) -> VSwitch:
        """The Open_vSwitch database of this host, of files that of the first one. Raises NotReached."""
        if not self.vswitches:
            raise self._missing("Open_vSwitch")
        return self.vswitches[0]

    @property
    def clients(self) -> tuple[Client[Any, Any], ...]:
        """Those that are there: Northbound, Southbound, and the hosts' databases."""
        return tuple(client for client in (self._nb, self._sb, *self.vswitches) if client is not None)

    def _missing(self, database: str) -> NotReached:
        return NotReached(database, tuple(map(str, self.tried)))

    def topology(self) -> Topology:
        """The network as it is now: ``topology.of(nb, sb, vswitches)``."""
        from ovnkit import topology

        return topology.of(self._nb, self._sb, self.vswitches)

    def trace(self, source: End, target: End, **packet: Unpack[TraceOptions]) -> Trace:
        """Why ``source`` can reach ``target``, or cannot; ``packet`` is what ``topology.trace()`` takes beside these.

        Raises NotReached without Northbound.
        """
        from ovnkit.topology.trace import trace

        return trace(self.nb, self._sb, source, target, vswitches=self.vswitches, **packet)

    def check(self, *, only: Iterable[str] = (), ignore: Iterable[str] = ()) -> Findings:
        """What is wrong with the network, or may be: ``topology.check(nb, sb, vswitches)``."""
        from ovnkit.topology.checks import check

        return check(self._nb, self._sb, self.vswitches, only=only, ignore=ignore)

    def snapshot(self, *, anonymize: bool = False) -> Snapshot:
        """What the databases hold now, to keep and to compare; see ``topology.snapshot()``."""
        from ovnkit.topology.snapshot import snapshot

        return snapshot(self._nb, self._sb, self.vswitches, anonymize=anonymize)

    def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        names = [("nb", self._nb), ("sb", self._sb), *(("vswitch", vswitch) for vswitch in self.vswitches)]
        parts = [f"{name}={'none' if client is None else client.remote}" for name, client in names]
        if self.damage:
            parts.append(f"damaged={len(self.damage)}")
        return f"<Network {' '.join(parts)}>"

    def _repr_mimebundle_(self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None) -> Any:
        return self.topology()._repr_mimebundle_(include, exclude)


def connect(
    nb: str | None = None,
    sb: str | None = None,
    vswitch: str | Sequence[str] | None = None,
    *,
    tls: Tls | None = None,
    timeout: float = 30.0,
    root: str | os.PathLike[str] = "/",
) -> Network:
    """Connect to the databases of a network: those that are given, and the others where they are usually found.

    ``nb``, ``sb``, ``vswitch``: connection strings (ovsdb(7)) of Northbound, Southbound and the local Open_vSwitch
    database; several of ``vswitch`` as a list, and ``()`` for none. What is not given is looked for in this order:
    the environment (``OVN_NB_DB``, ``OVN_SB_DB``, ``OVN_RUNDIR``, ``OVS_RUNDIR``, and what ``OVN_NBCTL_OPTIONS`` and
    ``OVN_SBCTL_OPTIONS`` say of ``--db`` and TLS), the sockets of the distribution, MicroOVN's files, Neutron's files,
    and Southbound at last where the local ovn-controller finds it (``external_ids:ovn-remote``). What the environment
    names is the only place for that database. A Southbound that was found by itself and turns out to be another
    network's than the Northbound, or the other way round, is not taken.

    Each database is optional: what was not found is None, and ``tried`` tells all that was looked at, with the reason
    and what to do. ``tls`` is for every ``ssl:``; without it, the files are taken that were named beside the address.
    ``timeout`` in seconds is for each first replica, and the default deadline of later calls; a server that does not
    take the connection in 3 seconds is passed over. ``root``: where the files of the system are, for example
    ``/proc/PID/root`` for those of a container.

    Raises InvalidRemote, ConnectionFailed or Timeout where an argument cannot be used, and NotReached, which tells what
    was tried, where there is no database at all.
    """
    search = _Search(tls, timeout, Path(root))
    switches = (None,) if vswitch is None else (vswitch,) if isinstance(vswitch, str) else tuple(vswitch)
    with ThreadPoolExecutor(max_workers=2 + len(switches)) as pool:
        looked_for: list[tuple[type[Client[Any, Any]], str | None]] = [(Northbound, nb), (Southbound, sb)]
        looked_for += [(VSwitch, one) for one in switches]
        futures = [pool.submit(search, kind, given) for kind, given in looked_for]
    try:
        northbound, southbound, *local = (future.result() for future in futures)
    except BaseException:
        for future in futures:
            if future.exception() is None:
                future.result().close()
        raise
    return _joined(search, northbound, southbound, local)


@attrs.frozen
class _Found:
    """What came of looking for one database: its client or None, and each place that was tried, the last one used.

    ``named``: an argument or the environment said where it is.
    """

    client: Any
    tried: tuple[Attempt, ...]
    named: bool = False

    def close(self) -> None:
        if self.client is not None:
            self.client.close()

    def without(self, trouble: str) -> _Found:
        """The same, but that its client is not taken after all."""
        self.close()
        return attrs.evolve(self, client=None, tried=(*self.tried[:-1], attrs.evolve(self.tried[-1], trouble=trouble)))


@attrs.frozen
class _Search:
    tls: Tls | None
    timeout: float
    root: Path

    def __call__(self, kind: type[C], given: str | None) -> _Found:
        """Look for one database. Raises what connect() raises where it was given."""
        if given is not None:
            return self.among(kind, [Place(_ARGUMENT, given, last=True)])
        return self.among(kind, places(kind._database.name, root=self.root))

    def among(self, kind: type[C], found: Iterable[Place]) -> _Found:
        """The client of the first place that has the database."""
        tried: list[Attempt] = []
        for place in found:
            if place.trouble:
                tried.append(attempt(kind._database.name, place))
            else:
                client, outcome = self._at(kind, place)
                tried.append(outcome)
                if client is not None:
                    return _Found(client, tuple(tried), place.last)
            if place.last:
                return _Found(None, tuple(tried), named=True)
        return _Found(None, tuple(tried))

    def _at(self, kind: type[C], place: Place) -> tuple[C | None, Attempt]:
        name = kind._database.name
        try:
            remotes = parse_remotes(place.remote)
            failures = unreachable(remotes, Dialer(()), timeout=min(self.timeout, _PATIENCE))
            if not failures:
                tls = self._tls(place, remotes)
                return kind.connect(place.remote, tls=tls, timeout=self.timeout), attempt(name, place)
        except OvnkitError as exc:
            if place.source == _ARGUMENT:
                raise
            return None, Attempt(name, place.source, place.remote, str(exc))
        outcome = failed(name, place, failures)
        if place.source == _ARGUMENT:
            raise ConnectionFailed(place.remote, outcome.trouble) from next(iter(failures.values()))
        return None, outcome

    def _tls(self, place: Place, remotes: Sequence[Remote]) -> Tls | None:
        """The files for these servers, which nobody reads where none of them wants TLS."""
        tls = self.tls or place.tls
        wanted = any(remote.scheme == "ssl" for remote in remotes)
        return tls.limited_to(remotes) if tls is not None and wanted else None


def _joined(search: _Search, nb: _Found, sb: _Found, local: Sequence[_Found]) -> Network:
    if sb.client is None and not sb.named:
        found = search.among(Southbound, _beside(local))
        sb = _Found(found.client, sb.tried + found.tried)
    if nb.client is not None and sb.client is not None and not (nb.named and sb.named):
        nb, sb = _one_network(nb, sb)
    tried = tuple(one for found in (nb, sb, *local) for one in found.tried)
    vswitches = tuple(found.client for found in local if found.client is not None)
    if nb.client is None and sb.client is None and not vswitches:
        raise NotReached("any database of OVN", tuple(map(str, tried)))
    return Network(nb.client, sb.client, vswitches, tried=tried)


def _beside(local: Iterable[_Found]) -> Iterator[Place]:
    """Where the ovn-controller of this host finds Southbound, with the files that it uses (ovn-controller(8))."""
    for found in local:
        if found.client is None:
            continue
        if remotes := found.client.chassis_config().remotes:
            files = [Tls(row.private_key, row.certificate, row.ca_cert) for row in found.client.find(SSL)]
            yield Place("ovn-remote of the local switch", ",".join(remotes), files[0] if files else None)


def _one_network(nb: _Found, sb: _Found) -> tuple[_Found, _Found]:
    """Both, or without the one that was found by itself where they are not of one network."""
    known = {str(row.uuid) for kind in (LogicalSwitch, LogicalRouter) for row in nb.client.find(kind)}
    placed = {_behind(row) for row in sb.client.find(DatapathBinding)}
    if not known or not placed or known & placed:
        return nb, sb
    trouble = "this is another network than that of "
    if not sb.named:
        return nb, sb.without(trouble + nb.client.remote)
    if not nb.named:
        return nb.without(trouble + sb.client.remote), sb
    return nb, sb


def _behind(row: DatapathBinding) -> str | None:
    """The uuid of the switch or router that a datapath stands for (ovn-sb(5), Datapath_Binding)."""
    if row.nb_uuid is not None:
        return str(row.nb_uuid)
    return row.external_ids.get("logical-switch") or row.external_ids.get("logical-router")
