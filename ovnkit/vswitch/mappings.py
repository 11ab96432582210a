"""The comma-separated values of a chassis: bridge mappings, CMS options, encapsulation types and addresses.

The functions that change a value take the old text and give the new one: the item that was asked for changes, its
neighbours stay byte for byte, and an empty result means that the key goes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from ovnkit.errors import Conflict, InvalidValue
from ovnkit.southbound.chassis_values import (
    AVAILABILITY_ZONES,
    ENABLE_CHASSIS_AS_GW,
    availability_zones,
    cms_options,
    read_bridge_mappings,
)

__all__ = [
    "AVAILABILITY_ZONES",
    "ENABLE_CHASSIS_AS_GW",
    "add_availability_zone",
    "add_bridge_mapping",
    "add_cms_option",
    "availability_zones",
    "check_availability_zone",
    "check_bridge_name",
    "check_physnet",
    "cms_options",
    "parse_bridge_mappings",
    "parse_encap_ips",
    "parse_encap_types",
    "put_cms_option",
    "read_bridge_mappings",
    "remove_availability_zone",
    "remove_bridge_mapping",
    "remove_cms_option",
    "render_bridge_mappings",
]

_BRIDGE_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}")
_PHYSNET = re.compile(r"[!-~]{1,64}")
_ENCAP_TYPES = ("geneve", "vxlan", "stt")


def _refused(key: str, value: object, allowed: str) -> InvalidValue:
    return InvalidValue(table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=allowed)


def check_bridge_name(name: object, *, key: str = "ovn-bridge-mappings") -> None:
    """Raise InvalidValue, for ``key`` of ``external_ids``, unless ``name`` can name a bridge and its interface."""
    if not isinstance(name, str) or not _BRIDGE_NAME.fullmatch(name) or name in (".", ".."):
        allowed = "a bridge name: 1 to 15 of letters, digits, '_', '.' and '-', not beginning with '-'"
        raise _refused(key, name, allowed)


def check_physnet(physnet: object, *, key: str = "ovn-bridge-mappings") -> None:
    """Raise InvalidValue unless ``physnet`` can name a physical network (ovn-controller takes no blanks away)."""
    if not isinstance(physnet, str) or not _PHYSNET.fullmatch(physnet) or "," in physnet or ":" in physnet:
        raise _refused(
            key, physnet, "a physical network: 1 to 64 printable ASCII characters without blanks, ',' and ':'"
        )


def parse_bridge_mappings(text: str) -> dict[str, str]:
    """The bridge of each physical network in a well-formed ``ovn-bridge-mappings`` (ovn-controller(8)).

    Raises InvalidValue for what ovn-controller would drop or choke on: a blank, an empty or malformed item, and a
    physical network given twice. ``""`` is no mapping at all.
    """
    mappings: dict[str, str] = {}
    for item in text.split(",") if text else []:
        physnet, colon, bridge = item.partition(":")
        if not colon:
            raise _refused("ovn-bridge-mappings", text, f"PHYSNET:BRIDGE,…; {item!r} is not such a pair")
        check_physnet(physnet)
        check_bridge_name(bridge)
        if physnet in mappings:
            raise _refused("ovn-bridge-mappings", text, f"each physical network once; {physnet!r} is there twice")
        mappings[physnet] = bridge
    return mappings


def render_bridge_mappings(mappings: Mapping[str, str]) -> str:
    """The text of ``ovn-bridge-mappings``, in the order of ``mappings``. Raises InvalidValue for a bad name."""
    for physnet, bridge in mappings.items():
        check_physnet(physnet)
        check_bridge_name(bridge)
    return ",".join(f"{physnet}:{bridge}" for physnet, bridge in mappings.items())


def add_bridge_mapping(text: str, physnet: str, bridge: str, *, shared_bridge: bool = False) -> str:
    """``text`` with ``physnet`` mapped to ``bridge``.

    Raises InvalidValue for a bad name, for a ``text`` that ovn-controller stops reading in the middle of, and, unless
    ``shared_bridge``, for a bridge that carries another physical network (legal for OVN; Neutron refuses the mappings
    of all chassis then). Raises Conflict if ``physnet`` is mapped to another bridge: below OVN 24.09 a move in one
    write leaves ovn-controller failing for good.
    """
    check_physnet(physnet)
    check_bridge_name(bridge)
    items = text.split(",") if text else []
    if items and not items[-1]:
        items.pop()
    for item in items:
        network, _, carrier = item.partition(":")
        if not network or not carrier:
            allowed = f"PHYSNET:BRIDGE,…; ovn-controller stops reading at {item!r}, so correct the value first"
            raise _refused("ovn-bridge-mappings", text, allowed)
        if network == physnet and carrier != bridge:
            raise Conflict(
                "mapped to another bridge",
                f"physical network {physnet!r} is mapped to {carrier!r}; remove that mapping, wait until its patch"
                f" ports are gone, then map it to {bridge!r} (deploy.move_physnet does that)",
            )
        if network != physnet and carrier == bridge and not shared_bridge:
            allowed = f"a bridge of its own for each physical network; {bridge!r} carries {network!r}"
            raise _refused("ovn-bridge-mappings", f"{physnet}:{bridge}", allowed)
    item = f"{physnet}:{bridge}"
    return text if item in items else ",".join([*items, item])


def remove_bridge_mapping(text: str, physnet: str) -> str:
    """``text`` without the items of ``physnet``."""
    items = text.split(",")
    kept = [item for item in items if item.partition(":")[0] != physnet]
    return text if len(kept) == len(items) else ",".join(kept)


def _check_cms_option(item: object) -> None:
    if not isinstance(item, str) or not item or item != item.strip() or "," in item or not item.isprintable():
        raise _refused("ovn-cms-options", item, "one item: printable, not empty, without ',' and blanks around it")


def add_cms_option(text: str, item: str) -> str:
    """``text`` with ``item`` in it, without blanks around it: not all consumers strip. Raises InvalidValue."""
    _check_cms_option(item)
    if item in text.split(","):
        return text
    return f"{text}{item}" if not text or text.endswith(",") else f"{text},{item}"


def remove_cms_option(text: str, item: str) -> str:
    """``text`` without ``item``, with or without blanks around it. Raises InvalidValue for a bad item."""
    _check_cms_option(item)
    items = text.split(",")
    kept = [other for other in items if other.strip() != item]
    return text if len(kept) == len(items) else ",".join(kept)


def put_cms_option(text: str, name: str, value: str) -> str:
    """``text`` with the item ``name=value``: in the place of the first item of that name, the further ones go."""
    new = f"{name}={value}"
    _check_cms_option(name)
    _check_cms_option(new)
    if "=" in name:
        raise _refused("ovn-cms-options", name, "the name of an item, without '='")
    kept: list[str] = []
    placed = False
    for item in text.split(","):
        if item.strip().partition("=")[0] != name or "=" not in item:
            kept.append(item)
        elif not placed:
            kept.append(new)
            placed = True
    return ",".join(kept) if placed else add_cms_option(text, new)


def check_availability_zone(zone: object) -> None:
    """Raise InvalidValue unless ``zone`` can name an availability zone."""
    _check_cms_option(zone)
    if ":" in str(zone) or "=" in str(zone):
        raise _refused("ovn-cms-options", zone, "one availability zone, without ':' and '='")


def add_availability_zone(text: str, zone: str) -> str:
    """``text`` with ``zone`` among the availability zones; other items and zones stay. Raises InvalidValue."""
    check_availability_zone(zone)
    if zone in availability_zones(text):
        return text
    items = text.split(",")
    listing = [index for index, item in enumerate(items) if _lists_zones(item)]
    if not listing:
        return add_cms_option(text, f"{AVAILABILITY_ZONES}={zone}")
    # Neutron reads the first item that lists any.
    index = next((index for index in listing if availability_zones(items[index])), listing[0])
    item = items[index].rstrip()
    items[index] = f"{item}{zone}" if item.endswith(("=", ":")) else f"{item}:{zone}"
    return ",".join(items)


def remove_availability_zone(text: str, zone: str) -> str:
    """``text`` without ``zone`` among the availability zones; the item goes with the last one. Raises InvalidValue."""
    check_availability_zone(zone)
    kept: list[str] = []
    for item in text.split(","):
        if not _lists_zones(item):
            kept.append(item)
            continue
        head, _, zones = item.partition("=")
        others = [other for other in zones.split(":") if other.strip() != zone]
        if len(others) == len(zones.split(":")):
            kept.append(item)
        elif any(other.strip() for other in others):
            kept.append(f"{head}={':'.join(others)}")
    return ",".join(kept)


def _lists_zones(item: str) -> bool:
    name, equals, _ = item.strip().partition("=")
    return bool(equals) and name == AVAILABILITY_ZONES


def parse_encap_types(text: str) -> tuple[str, ...]:
    """The tunnel types of ``ovn-encap-type``. Raises InvalidValue. ``stt`` is gone from OVN 25.09 on."""
    types = tuple(text.split(","))
    if not set(types) <= set(_ENCAP_TYPES) or len(set(types)) != len(types):
        raise _refused(
            "ovn-encap-type", text, f"a comma-separated list, without blanks, of {', '.join(_ENCAP_TYPES)}, each once"
        )
    return types


def parse_encap_ips(text: str, *, key: str = "ovn-encap-ip") -> tuple[str, ...]:
    """The tunnel addresses of ``ovn-encap-ip``, each in its canonical form. Raises InvalidValue.

    Several addresses are documented since OVN 24.03.
    """
    addresses = tuple(_address(item, text, key) for item in text.split(","))
    if len(set(addresses)) != len(addresses):
        raise _refused(key, text, "each address once")
    return addresses


def _address(item: str, text: str, key: str) -> str:
    try:
        address = ipaddress.ip_address(item)
    except ValueError:
        address = None
    if address is None or address.is_unspecified or address.is_multicast or "%" in item:
        allowed = "IPv4 or IPv6 addresses of one host each, comma-separated without blanks and without a scope"
        raise _refused(key, text, allowed)
    return str(address)
