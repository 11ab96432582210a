"""What the network looks like: the logical network of OVN_Northbound joined with its placement from OVN_Southbound."""

from __future__ import annotations

from ovnkit.topology.attempt import Attempt
from ovnkit.topology.building import of
from ovnkit.topology.diff import diff
from ovnkit.topology.difference import Difference, RowDifference
from ovnkit.topology.files import open_files
from ovnkit.topology.graph import Edge, Node, Topology, View
from ovnkit.topology.network import Network, connect
from ovnkit.topology.snapshot import Snapshot, snapshot
from ovnkit.topology.trace import Hop, Obstacle, Trace, trace

__all__ = [
    "Attempt",
    "Difference",
    "Edge",
    "Hop",
    "Network",
    "Node",
    "Obstacle",
    "RowDifference",
    "Snapshot",
    "Topology",
    "Trace",
    "View",
    "connect",
    "diff",
    "of",
    "open_files",
    "snapshot",
    "trace",
]
