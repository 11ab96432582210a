"""OpenFlow flows of a host's bridges, as ovs-ofctl(8) dumps them: which are OVN's, and which the OpenStack agent's.

ovn-controller gives its flows cookies of 32 bits; its logical pipelines begin at table 8 (ovn-architecture(7),
Architectural Physical Life Cycle of a Packet). The agent gives all of its flows, on all of its bridges, one random
cookie of 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from ovnkit.deploy.daemons import run_program
from ovnkit.deploy.host import Host

__all__ = ["Flow", "add_flows", "agent_cookies", "dump_flows", "of_agent", "of_ovn", "parse_flows", "remove_flows"]

_COOKIE: Final = re.compile(r"\bcookie=0x([0-9a-f]+)")
_TABLE: Final = re.compile(r"\btable=([0-9]+)")
_AGES: Final = re.compile(r"(?:idle|hard)_age=[^,]*, *")
_OVN_BITS: Final = 32
_FIRST_PIPELINE_TABLE: Final = 8
# Each bridge may be restricted to some of them.
_VERSIONS: Final = ("-O", "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15")


@attrs.frozen
class Flow:
    """One flow; ``text`` is what ``ovs-ofctl add-flows`` takes."""

    text: str
    table: int
    cookie: int


def parse_flows(dump: str) -> list[Flow]:
    """The flows of ``ovs-ofctl dump-flows --no-stats``."""
    found: list[Flow] = []
    for line in dump.splitlines():
        text = _AGES.sub("", line.strip())
        if "actions=" in text:
            cookie, table = _COOKIE.search(text), _TABLE.search(text)
            found.append(Flow(text, int(table[1]) if table else 0, int(cookie[1], 16) if cookie else 0))
    return found


def agent_cookies(dumps: Iterable[Sequence[Flow]]) -> frozenset[int]:
    """The agent's cookies, given all flows of bridges that OVN sets none in, such as those to provider networks."""
    return frozenset(flow.cookie for flows in dumps for flow in flows if flow.cookie)


def of_agent(flows: Iterable[Flow], cookies: frozenset[int] = frozenset()) -> list[Flow]:
    """The agent's flows of the integration bridge; ``cookies``: what else it is known by."""
    return [flow for flow in flows if flow.cookie >> _OVN_BITS or flow.cookie in cookies]


def of_ovn(flows: Iterable[Flow], cookies: frozenset[int] = frozenset()) -> list[Flow]:
    """The flows of OVN's logical pipelines; ``cookies`` are the agent's."""
    return [
        flow
        for flow in flows
        if flow.table >= _FIRST_PIPELINE_TABLE and not flow.cookie >> _OVN_BITS and flow.cookie not in cookies
    ]


def dump_flows(host: Host, bridge: str, *, timeout: float = 30.0) -> list[Flow]:
    """All flows of a bridge, with the names of ports. Raises HostFailed."""
    argv = ["ovs-ofctl", *_VERSIONS, "--names", "--no-stats", "dump-flows", bridge]
    return parse_flows(run_program(host, argv, timeout=timeout))


def add_flows(host: Host, bridge: str, flows: Iterable[str]) -> None:
    """Add flows as they were dumped. Raises HostFailed."""
    text = "".join(f"{flow}\n" for flow in flows)
    run_program(host, ["ovs-ofctl", *_VERSIONS, "--names", "add-flows", bridge, "-"], stdin=text)


def remove_flows(host: Host, bridge: str, cookies: Iterable[int]) -> None:
    """Remove the flows with these cookies. Raises HostFailed."""
    for cookie in sorted(cookies):
        run_program(host, ["ovs-ofctl", *_VERSIONS, "del-flows", bridge, f"cookie=0x{cookie:x}/-1"])
