"""All rules of preflight."""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.preflight.rule import Rule
from ovnkit.deploy.preflight.rules_bridges import BRIDGE_RULES
from ovnkit.deploy.preflight.rules_central import CENTRAL_RULES
from ovnkit.deploy.preflight.rules_chassis import CHASSIS_RULES
from ovnkit.deploy.preflight.rules_cluster import CLUSTER_RULES
from ovnkit.deploy.preflight.rules_containers import CONTAINER_RULES
from ovnkit.deploy.preflight.rules_kernel import KERNEL_RULES
from ovnkit.deploy.preflight.rules_network import NETWORK_RULES

__all__ = ["RULES"]

RULES: Final[tuple[Rule, ...]] = (
    *KERNEL_RULES,
    *CONTAINER_RULES,
    *CHASSIS_RULES,
    *NETWORK_RULES,
    *BRIDGE_RULES,
    *CENTRAL_RULES,
    *CLUSTER_RULES,
)
"""Every rule that preflight knows, in the order of its report."""
