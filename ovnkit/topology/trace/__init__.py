"""Why A cannot reach B: a packet made, followed by ovn-trace, and told hop by hop down to the rows of Northbound."""

from __future__ import annotations

from ovnkit.topology.trace.endpoints import End
from ovnkit.topology.trace.hops import Hop
from ovnkit.topology.trace.obstacles import Obstacle
from ovnkit.topology.trace.packet import Packet
from ovnkit.topology.trace.result import Trace, Way
from ovnkit.topology.trace.tracing import trace
from ovnkit.topology.trace.verdict import Drop, Verdict

__all__ = ["Drop", "End", "Hop", "Obstacle", "Packet", "Trace", "Verdict", "Way", "trace"]
