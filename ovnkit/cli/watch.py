"""``ovnkit watch``: what changes in a network, line by line, while it changes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovnkit import Network
    from ovnkit.topology import Node, Topology

__all__ = ["watch"]

_INTERVAL = 0.2
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def watch(network: Network, topology: Topology, *, seconds: float | None, as_json: bool) -> None:
    """Print ``topology``, and what becomes of it, for so many seconds or until Ctrl-C."""
    deadline = float("inf") if seconds is None else time.monotonic() + seconds
    _print(topology.to_dict() if as_json else topology, as_json=as_json)
    try:
        for before, after in _states(network, topology, deadline):
            if changes := _changes(before, after):
                now = time.strftime("%H:%M:%S")
                found: Any = {"time": now, "changes": [node.to_dict() for node in changes]}
                _print(found if as_json else "\n".join(_line(now, node) for node in changes), as_json=as_json)
    except KeyboardInterrupt:
        return


def _states(network: Network, topology: Topology, deadline: float) -> Iterator[tuple[Topology, Topology]]:
    """Each state of the network with the one before it. A lost connection is told on standard error."""
    clients = network.clients
    versions, connected = [client.version for client in clients], [True for _ in clients]
    while time.monotonic() < deadline:
        time.sleep(min(_INTERVAL, max(0.0, deadline - time.monotonic())))
        for number, client in enumerate(clients):
            if connected[number] != (client.state == "ready"):
                connected[number] = not connected[number]
                told = "connected again" if connected[number] else f"{client.state}: {client.trouble}"
                print(f"ovnkit: {client.remote}: {told}", file=sys.stderr, flush=True)
        now = [client.version for client in clients]
        if now != versions:
            versions, after = now, topology.again()
            yield topology, after
            topology = after


def _changes(before: Topology, after: Topology) -> list[Node]:
    from ovnkit.topology.compare import compare

    return [node for node in compare(before, after) if node.state in _SIGNS]


def _line(now: str, node: Node) -> str:
    from ovnkit.topology.text import printable

    facts = node.facts.items()
    if node.state == "changed":
        facts = {name: text for name, text in facts if " → " in text}.items()
    words = [f"{now} {_SIGNS[node.state]} {node.kind} {printable(node.label)}"]
    return "  ".join(words + [f"{name} {printable(text)}" for name, text in facts])


def _print(found: Any, *, as_json: bool) -> None:
    print(json.dumps(found) if as_json else found, flush=True)
