"""What may be said of a packet that is to be traced, for those that hand it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from ovnkit.topology.trace.result import Direction

__all__ = ["TraceOptions"]


class TraceOptions(TypedDict, total=False):
    """The keyword arguments of ``trace()``, which says what each means."""

    tcp: int | None
    udp: int | None
    sctp: int | None
    icmp: bool
    arp: bool
    direction: Direction
    ct: Sequence[str]
    lb_dst: str | None
    version: Literal[4, 6] | None
    ttl: int
    timeout: float
