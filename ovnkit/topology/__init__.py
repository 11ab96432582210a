"""What the network looks like: the logical network of OVN_Northbound joined with its placement from OVN_Southbound."""

from __future__ import annotations

from ovnkit.topology.trace import Hop, Obstacle, Trace, trace
from ovnkit.topology.tree import Node, Topology, of

__all__ = ["Hop", "Node", "Obstacle", "Topology", "Trace", "of", "trace"]
