"""Work on many hosts at once: each with its own outcome and TLS settings, none in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, Protocol, TypeVar

import attrs

from ovnkit.deploy.certificates import client_tls
from ovnkit.deploy.reach import servers_of
from ovnkit.deploy.spec import Spec
from ovnkit.errors import OvnkitError
from ovnkit.remote import Tls

__all__ = ["AT_ONCE", "Results", "on_each", "tls_of"]

H = TypeVar("H")
T = TypeVar("T")

AT_ONCE: Final = 32
"""How many hosts are worked on at the same time, unless told otherwise."""


class _Result(Protocol):
    @property
    def problem(self) -> OvnkitError | None: ...


R = TypeVar("R", bound=_Result)


@attrs.frozen
class Results(Generic[R]):
    """What became of each host. Truthy, and ``ok``, when none failed."""

    hosts: tuple[R, ...]

    @property
    def ok(self) -> bool:
        """Whether no host failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[R, ...]:
        """The hosts that failed, each with its error."""
        return tuple(result for result in self.hosts if result.problem is not None)

    def __bool__(self) -> bool:
        return self.ok


def on_each(hosts: Sequence[H], work: Callable[[H], T], *, at_once: int = AT_ONCE) -> list[T | OvnkitError]:
    """``work(host)`` for every host, in parallel; the result or the error of each, in the order of ``hosts``.

    Any other exception ends it: hosts that were not begun are not begun any more.
    """

    def attempt(host: H) -> T | OvnkitError:
        try:
            return work(host)
        except OvnkitError as exc:
            return exc

    if not hosts:
        return []
    pool = ThreadPoolExecutor(min(at_once, len(hosts)), thread_name_prefix="ovnkit deploy")
    try:
        return list(pool.map(attempt, hosts))
    finally:
        pool.shutdown(cancel_futures=True)


def tls_of(spec: Spec, tls: Tls | None) -> Callable[[str | None], Tls | None]:
    """What each connection of a spec is to be given, by its connection string, from the settings for all of them.

    Without settings these are the ones that the spec has a certificate for.
    Raises InvalidRemote where these name a server that no connection string of the spec has.
    """
    tls = client_tls(spec) if tls is None else tls
    if tls is None:
        return lambda _text: None
    central = spec.central
    strings = [central.northbound, central.southbound, central.southbound_admin, *(host.ovsdb for host in spec.hosts)]
    tls.check_names([remote for text in strings for remote in servers_of(text)])
    return lambda text: tls.limited_to(servers) if (servers := servers_of(text)) else None
