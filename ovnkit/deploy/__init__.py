"""Deployment: a spec, the plan that it takes, carrying it out, and looking whether it came true."""

from __future__ import annotations

from ovnkit.deploy.plan import HostResult, Plan, Report, plan
from ovnkit.deploy.spec import Central, Encap, HostSpec, Spec
from ovnkit.deploy.toml import dumps, load, loads
from ovnkit.deploy.verify import Check, Verification, verify

__all__ = [
    "Central",
    "Check",
    "Encap",
    "HostResult",
    "HostSpec",
    "Plan",
    "Report",
    "Spec",
    "Verification",
    "dumps",
    "load",
    "loads",
    "plan",
    "verify",
]
