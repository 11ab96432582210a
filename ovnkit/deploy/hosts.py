"""Work on many hosts at once: each with its own outcome and TLS settings, none in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import OvnkitError
from ovnkit.remote import Remote, Tls, default_remote, parse_remotes

__all__ = ["on_each", "tls_of"]

T = TypeVar("T")

_AT_ONCE = 32


def on_each(hosts: Sequence[HostSpec], work: Callable[[HostSpec], T]) -> list[T | OvnkitError]:
    """``work(host)`` for every host, in parallel; the result or the error of each, in the order of ``hosts``."""

    def attempt(host: HostSpec) -> T | OvnkitError:
        try:
            return work(host)
        except OvnkitError as exc:
            return exc

    if not hosts:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(hosts)), thread_name_prefix="ovnkit deploy") as pool:
        return list(pool.map(attempt, hosts))


def tls_of(spec: Spec, tls: Tls | None) -> Callable[[str | None], Tls | None]:
    """What each connection of a spec is to be given, by its connection string, from the settings for all of them.

    Raises InvalidRemote where these name a server that no connection string of the spec has.
    """
    if tls is None:
        return lambda _text: None
    strings = [spec.central.northbound, spec.central.southbound, *(host.ovsdb for host in spec.hosts)]
    tls.check_names([remote for text in strings for remote in _servers(text)])
    return lambda text: tls.limited_to(_servers(text))


def _servers(text: str | None) -> tuple[Remote, ...]:
    # Only a host may leave it out: then it is this one.
    return parse_remotes(default_remote("Open_vSwitch") if text is None else text)
