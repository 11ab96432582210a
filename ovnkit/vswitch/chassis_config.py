"""All that a host's database tells its ovn-controller, as one typed object."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ovnkit.ovsdb.values import Map
from ovnkit.southbound.chassis_values import (
    ENABLE_CHASSIS_AS_GW,
    availability_zones,
    cms_options,
    read_bridge_mappings,
)
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS, effective, effective_key
from ovnkit.vswitch.managed import managed_entries
from ovnkit.vswitch.rows import OpenVSwitch

__all__ = ["ChassisConfig", "ChassisConfigReads", "chassis_config"]

_SHOWN_ELSEWHERE = frozenset(
    {
        "system-id",
        "hostname",
        "ovn-remote",
        "ovn-encap-type",
        "ovn-encap-ip",
        "ovn-bridge",
        "ovn-bridge-mappings",
        "ovn-cms-options",
    }
)


@attrs.frozen(kw_only=True)
class ChassisConfig:
    """What ovn-controller(8) is told, as it reads it: of ``<key>-<system-id>`` and ``<key>`` the former if it is set.

    ``system_id`` and ``hostname`` are None where they are not set. ``options`` holds the further keys; ``keys`` gives
    for every key that is set, by its plain name, the name of the one that counts. ``managed`` is what ovnkit has set:
    names of keys, and ``KEY/ITEM`` for one physical network or one item of the CMS options. ``external_ids`` is all
    there is.
    """

    system_id: str | None
    hostname: str | None
    remotes: tuple[str, ...]
    encap_types: tuple[str, ...]
    encap_ips: tuple[str, ...]
    integration_bridge: str
    bridge_mappings: Mapping[str, str]
    cms_options: tuple[str, ...]
    gateway: bool
    availability_zones: tuple[str, ...]
    options: Mapping[str, str]
    keys: Mapping[str, str] = attrs.field(repr=False)
    managed: frozenset[str]
    external_ids: Mapping[str, str] = attrs.field(repr=False)

    @property
    def registered(self) -> bool:
        """Whether an ovn-controller that runs here has what it needs: a name, where Southbound is, and tunnels."""
        return bool(self.system_id and self.remotes and self.encap_types and self.encap_ips)

    def is_managed(self, key: str, item: str | None = None) -> bool:
        """Whether ovnkit has set a key, or one item of it: a physical network or an item of the CMS options."""
        name = self.keys.get(key, key)
        return (name if item is None else f"{name}/{item}") in self.managed


def chassis_config(external_ids: Mapping[str, str]) -> ChassisConfig:
    """The configuration in these ``external_ids``. Pure; whatever is written there, it is read without an error."""
    system_id = external_ids.get("system-id")
    values = {key: effective(external_ids, key, system_id) for key in CHASSIS_KEYS}
    known = {key: value for key, value in values.items() if value is not None}
    items = cms_options(known.get("ovn-cms-options", ""))
    return ChassisConfig(
        system_id=system_id,
        hostname=known.get("hostname"),
        remotes=_items(known.get("ovn-remote", "")),
        encap_types=_items(known.get("ovn-encap-type", "")),
        encap_ips=_items(known.get("ovn-encap-ip", "")),
        integration_bridge=known.get("ovn-bridge", "br-int"),
        bridge_mappings=Map(read_bridge_mappings(known.get("ovn-bridge-mappings", ""))),
        cms_options=items,
        gateway=ENABLE_CHASSIS_AS_GW in items,
        availability_zones=availability_zones(known.get("ovn-cms-options", "")),
        options=Map({key: value for key, value in known.items() if key not in _SHOWN_ELSEWHERE}),
        keys=Map({key: effective_key(external_ids, key, system_id) for key in known}),
        managed=managed_entries(external_ids),
        external_ids=Map(external_ids),
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(item for item in text.split(",") if item)


class ChassisConfigReads(VSwitchOperations):
    """Reading what the chassis is told."""

    def chassis_config(self) -> ChassisConfig:
        """All that ovn-controller is told, as it is now."""
        return chassis_config(next((row.external_ids for row in self.find(OpenVSwitch)), Map()))
