"""Findings: what is wrong with a network, or may be, by rules that each have a reason and a remedy."""

from __future__ import annotations

from ovnkit.topology.addresses import PortAddress
from ovnkit.topology.checks.examine import check, chosen, judge
from ovnkit.topology.checks.findings import Findings
from ovnkit.topology.checks.pages import explain
from ovnkit.topology.checks.rule import Finding, Found, FoundRow, Rule, Severity, found, rule
from ovnkit.topology.checks.rules import RULES
from ovnkit.topology.tables import Candidate, HostTables, Tables

__all__ = [
    "RULES",
    "Candidate",
    "Finding",
    "Findings",
    "Found",
    "FoundRow",
    "HostTables",
    "PortAddress",
    "Rule",
    "Severity",
    "Tables",
    "check",
    "chosen",
    "explain",
    "found",
    "judge",
    "rule",
]
