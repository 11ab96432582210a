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

__all__ = ["RULES", "THEMES", "ids_like"]

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


def ids_like(text: str) -> str:
    """Ids of rules in words, for whom ``text`` was none: those that begin like it, or the first and the last."""
    for end in range(len(text), len("OVN"), -1):
        if near := [one.id for one in RULES if one.id.startswith(text[:end])]:
            return ", ".join(near)
    return f"{RULES[0].id}, …, {RULES[-1].id}"
