"""Preflight: is a host fit to be what the spec says, before anything is changed on it."""

from __future__ import annotations

from ovnkit.deploy.preflight.examine import preflight
from ovnkit.deploy.preflight.report import HostPreflight, PreflightReport
from ovnkit.deploy.preflight.rule import Answer, Finding, Rule, Severity, State, Subject, broken, holds, needless, rule
from ovnkit.deploy.preflight.rules import RULES

__all__ = [
    "RULES",
    "Answer",
    "Finding",
    "HostPreflight",
    "PreflightReport",
    "Rule",
    "Severity",
    "State",
    "Subject",
    "broken",
    "holds",
    "needless",
    "preflight",
    "rule",
]
