"""What the network looks like: the logical network of OVN_Northbound joined with its placement from OVN_Southbound."""

from __future__ import annotations

from ovnkit.topology.attempt import Attempt
from ovnkit.topology.building import of
from ovnkit.topology.checks import RULES, Finding, Findings, FoundRow, Rule, check
from ovnkit.topology.files import open_files
from ovnkit.topology.graph import Edge, Node, Topology, View
from ovnkit.topology.network import Network, connect
from ovnkit.topology.trace import Drop, Hop, Obstacle, Trace, Way, trace

__all__ = [
    "RULES",
    "Attempt",
    "Drop",
    "Edge",
    "Finding",
    "Findings",
    "FoundRow",
    "Hop",
    "Network",
    "Node",
    "Obstacle",
    "Rule",
    "Topology",
    "Trace",
    "View",
    "Way",
    "check",
    "connect",
    "of",
    "open_files",
    "trace",
]
