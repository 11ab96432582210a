"""What a chassis says of itself in comma-separated values, read as ovn-controller and Neutron read them."""

from __future__ import annotations

__all__ = ["AVAILABILITY_ZONES", "ENABLE_CHASSIS_AS_GW", "availability_zones", "cms_options", "read_bridge_mappings"]

ENABLE_CHASSIS_AS_GW = "enable-chassis-as-gw"
"""The item of ``ovn-cms-options`` by which a CMS (Neutron, for one) knows a gateway chassis."""

AVAILABILITY_ZONES = "availability-zones"
"""The name of the item of ``ovn-cms-options`` that lists the availability zones of a chassis, with colons."""


def read_bridge_mappings(text: str) -> dict[str, str]:
    """What ovn-controller makes of ``text``, however it is written: it ends at the first empty or malformed item.

    Blanks are part of the names. Of a physical network that is given twice the first bridge counts.
    """
    mappings: dict[str, str] = {}
    for item in text.split(","):
        physnet, _, bridge = item.partition(":")
        if not physnet or not bridge:
            break
        mappings.setdefault(physnet, bridge)
    return mappings


def cms_options(text: str) -> tuple[str, ...]:
    """The items of ``ovn-cms-options``, without the blanks around them."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def availability_zones(text: str) -> tuple[str, ...]:
    """The zones in ``ovn-cms-options``, as Neutron reads them: of the first item that lists any, without blanks."""
    for item in cms_options(text):
        name, _, listed = item.partition("=")
        zones = tuple(zone.strip() for zone in listed.split(":") if zone.strip())
        if zones and name == AVAILABILITY_ZONES:
            return zones
    return ()
