"""What the network looks like: the logical network of OVN_Northbound joined with its placement from OVN_Southbound."""

from __future__ import annotations

from ovnkit.topology.building import of
from ovnkit.topology.files import open_files
from ovnkit.topology.graph import Edge, Node, Topology

__all__ = ["Edge", "Node", "Topology", "of", "open_files"]
