"""Work on many hosts at once: each with its own outcome, none in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ovnkit.deploy.spec import HostSpec
from ovnkit.errors import OvnkitError

__all__ = ["on_each"]

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
