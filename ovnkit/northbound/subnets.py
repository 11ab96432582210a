"""The DHCP options of a switch as rows: found, and bound to ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ovnkit.errors import NotFound
from ovnkit.northbound.addresses import ip_network
from ovnkit.northbound.identity import one
from ovnkit.northbound.rows import DHCPOptions

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["SWITCH_KEY", "dhcp_column", "find_dhcp", "the_dhcp"]

SWITCH_KEY = "ovnkit-switch"
"""The key in ``external_ids`` that says for which switch the options are: two switches may use one network."""


def find_dhcp(tx: NorthboundTransaction, switch: str, cidr: str) -> DHCPOptions | None:
    """The options that ovnkit made for this switch and network. Raises InvalidValue, NotUnique."""
    network = str(ip_network(cidr, table="DHCP_Options", column="cidr"))
    rows = tx.find(DHCPOptions, cidr=network, external_ids={SWITCH_KEY: switch})
    return one(rows, "DHCP_Options", cidr=network, switch=switch)


def the_dhcp(tx: NorthboundTransaction, switch: str, cidr: str) -> DHCPOptions:
    """The options that ovnkit made for this switch and network. Raises InvalidValue, NotFound, NotUnique."""
    row = find_dhcp(tx, switch, cidr)
    if row is None:
        raise NotFound("DHCP_Options", {"cidr": cidr, "external_ids": {SWITCH_KEY: switch}})
    return row


def dhcp_column(cidr: str) -> Literal["dhcpv4_options", "dhcpv6_options"]:
    """The column of a port that refers to options of this network."""
    return "dhcpv6_options" if ":" in cidr else "dhcpv4_options"
