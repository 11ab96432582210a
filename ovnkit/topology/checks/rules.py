"""All rules of findings."""

from __future__ import annotations

from typing import Final

from ovnkit.topology.checks.rule import Rule
from ovnkit.topology.checks.rules_addressing import ADDRESSING_RULES
from ovnkit.topology.checks.rules_central import CENTRAL_RULES
from ovnkit.topology.checks.rules_gateways import GATEWAY_RULES
from ovnkit.topology.checks.rules_hosts import HOST_RULES
from ovnkit.topology.checks.rules_interfaces import INTERFACE_RULES
from ovnkit.topology.checks.rules_links import LINK_RULES
from ovnkit.topology.checks.rules_placement import PLACEMENT_RULES
from ovnkit.topology.checks.rules_providers import PROVIDER_RULES
from ovnkit.topology.checks.rules_routes import ROUTE_RULES
from ovnkit.topology.checks.rules_services import SERVICE_RULES

__all__ = ["RULES", "THEMES"]

THEMES: Final = {
    "OVN1": "Placement",
    "OVN2": "Addresses",
    "OVN3": "Routers and gateways",
    "OVN4": "Provider networks",
    "OVN5": "Hosts",
    "OVN6": "Central services",
    "OVN7": "Links and names",
    "OVN8": "Security and services",
}
"""What the rules are about, by the beginning of their ids."""

RULES: Final[tuple[Rule, ...]] = (
    *PLACEMENT_RULES,
    *ADDRESSING_RULES,
    *GATEWAY_RULES,
    *ROUTE_RULES,
    *PROVIDER_RULES,
    *HOST_RULES,
    *INTERFACE_RULES,
    *CENTRAL_RULES,
    *LINK_RULES,
    *SERVICE_RULES,
)
"""Every rule, in the order of their ids."""
