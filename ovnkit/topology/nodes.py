"""The things of a network and what joins them, as the graph has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from ovnkit.ovsdb.row import Row
from ovnkit.topology.text import printable

__all__ = ["Edge", "EdgeKind", "Kind", "Node", "View"]

Kind = Literal[
    "provider",
    "router",
    "router port",
    "nat",
    "floating ip",
    "route",
    "load balancer",
    "switch",
    "switch port",
    "dhcp",
    "chassis",
    "bridge",
    "interface",
]
_UUID = 36
"""The length of a key that is a uuid."""

EdgeKind = Literal["link", "service", "binding", "gateway", "mapping", "tunnel", "patch", "attachment"]
View = Literal["logical", "physical", "both"]


@attrs.frozen(repr=False)
class Node:
    """One thing of the network.

    ``key`` tells it apart: its row's uuid, and ``provider:NAME`` for a physical network, which has no row of its own.
    ``label`` is what the CMS calls it (``neutron:port_name``, …), else its name. ``facts`` are what is worth knowing
    of it, by name. ``state`` of a port: "up", "down", "disabled", "unbound" (no chassis has claimed it); of a chassis
    "gone" (Northbound names it, Southbound has it not) or "unregistered" (a host that is not in Southbound); else "".
    ``parent`` is the key of what it belongs to: the switch of a port, the chassis of a bridge.
    """

    key: str
    kind: Kind
    name: str
    label: str
    state: str = ""
    facts: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    parent: str | None = None
    row: Row[Any] | None = attrs.field(default=None, hash=False)

    def __repr__(self) -> str:
        return f"<{self.kind} {printable(self.label)!r}{self.state and f' {self.state}'}>"

    def mentions(self, text: str) -> bool:
        """Whether its name, its label or one of its facts has ``text`` in it; capitals do not matter."""
        sought = text.casefold()
        return any(sought in own.casefold() for own in (self.name, self.label, self.key, *self.facts.values()))

    def to_dict(self) -> dict[str, Any]:
        """The node without its row, as JSON has it."""
        return {
            "key": self.key,
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "state": self.state,
            "facts": dict(self.facts),
            "parent": self.parent,
        }


@attrs.frozen(repr=False)
class Edge:
    """What joins two nodes, by their keys: its kind, its label, and its state ("up", "down", "active", …) or ""."""

    kind: EdgeKind
    source: str
    target: str
    label: str = ""
    state: str = ""

    def __repr__(self) -> str:
        ends = " -> ".join(key[:8] if len(key) == _UUID else printable(key) for key in (self.source, self.target))
        told = " ".join(filter(None, (printable(self.label), self.state)))
        return f"<{self.kind} {ends}{told and f' {told}'}>"

    def to_dict(self) -> dict[str, str]:
        """The edge as JSON has it."""
        return attrs.asdict(self)
