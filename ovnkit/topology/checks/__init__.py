"""Findings: what is wrong with a network, or may be, by rules that each have a reason and a remedy."""

from __future__ import annotations

from ovnkit.topology.checks.examine import check, chosen, judge
from ovnkit.topology.checks.findings import Findings
from ovnkit.topology.checks.pages import explain
from ovnkit.topology.checks.rule import Finding, Found, FoundRow, Rule, Severity, found, rule
from ovnkit.topology.checks.rules import RULES

__all__ = [
    "RULES",
    "Finding",
    "Findings",
    "Found",
    "FoundRow",
    "Rule",
    "Severity",
    "check",
    "chosen",
    "explain",
    "found",
    "judge",
    "rule",
]
