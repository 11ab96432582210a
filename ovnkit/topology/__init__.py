"""What the network looks like: the logical network of OVN_Northbound joined with its placement from OVN_Southbound."""

from __future__ import annotations

from ovnkit.topology.attempt import Attempt
from ovnkit.topology.building import of
from ovnkit.topology.checks import RULES, Finding, Findings, FoundRow, Rule, check
from ovnkit.topology.diff import diff
from ovnkit.topology.difference import Difference, RowDifference
from ovnkit.topology.files import open_files
from ovnkit.topology.graph import Topology
from ovnkit.topology.network import Network, connect
from ovnkit.topology.nodes import Edge, Node, View
from ovnkit.topology.snapshot import Snapshot, snapshot
from ovnkit.topology.trace import Drop, Hop, Obstacle, Trace, Way, trace

__all__ = [
    "RULES",
    "Attempt",
    "Difference",
    "Drop",
    "Edge",
    "Finding",
    "Findings",
    "FoundRow",
    "Hop",
    "Network",
    "Node",
    "Obstacle",
    "RowDifference",
    "Rule",
    "Snapshot",
    "Topology",
    "Trace",
    "View",
    "Way",
    "check",
    "connect",
    "diff",
    "of",
    "open_files",
    "snapshot",
    "trace",
]
