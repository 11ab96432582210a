"""``Open_vSwitch.external_ids`` under edit, with the record of what ovnkit has set there.

``external_ids:ovnkit-managed`` lists it, sorted and comma-separated: a key that ovnkit has set, or ``KEY/ITEM`` for one
item of a comma-separated value, a physical network of ``ovn-bridge-mappings`` or an item of ``ovn-cms-options``, of
which ``availability-zones=ZONE`` is one zone. What was there before with the same value is not listed. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ovnkit.vswitch import mappings
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS, effective_key

__all__ = ["MANAGED", "ChassisIds", "managed_entries"]

MANAGED: Final = "ovnkit-managed"
"""The key of ``external_ids`` that lists what ovnkit has set on this host."""

_MAPPINGS: Final = "ovn-bridge-mappings"
_CMS_OPTIONS: Final = "ovn-cms-options"


def managed_entries(external_ids: Mapping[str, str]) -> frozenset[str]:
    """What ovnkit has set on this host: keys, and ``KEY/ITEM``."""
    return frozenset(filter(None, external_ids.get(MANAGED, "").split(",")))


class ChassisIds:
    """The keys of one chassis in ``external_ids``; ``current`` is what they become.

    Keys are named without the suffix of the chassis: what is changed is the form of the key that the chassis reads
    (ovn-controller(8)), that is ``<key>-<system-id>`` where it is there.
    """

    def __init__(self, external_ids: Mapping[str, str], *, system_id: str | None = None) -> None:
        self.current = dict(external_ids)
        self.system_id = external_ids.get("system-id") if system_id is None else system_id
        self._before = dict(external_ids)

    @property
    def puts(self) -> dict[str, str]:
        """The keys to set."""
        return {key: value for key, value in self.current.items() if self._before.get(key) != value}

    @property
    def removals(self) -> list[str]:
        """The keys to take away."""
        return sorted(self._before.keys() - self.current.keys())

    def get(self, key: str) -> str:
        """What the chassis reads for ``key``, ``""`` where it is not set."""
        return self.current.get(self._name(key), "")

    def set(self, key: str, value: str) -> None:
        """Set a key; it is ovnkit's if that changes it."""
        name = self._name(key)
        if self.current.get(name) != value:
            self.current[name] = value
            self._record(name)

    def remove(self, key: str) -> None:
        """Take a key away, whoever has set it."""
        name = self._name(key)
        self.current.pop(name, None)
        self._forget(name)
        for entry in [entry for entry in managed_entries(self.current) if entry.startswith(f"{name}/")]:
            self._forget(entry)

    def add_bridge_mapping(self, physnet: str, bridge: str, *, shared_bridge: bool = False) -> None:
        """Map a physical network. Raises InvalidValue and Conflict."""
        name = self._name(_MAPPINGS)
        text = self.current.get(name, "")
        self._set_items(name, mappings.add_bridge_mapping(text, physnet, bridge, shared_bridge=shared_bridge), physnet)

    def remove_bridge_mapping(self, physnet: str) -> None:
        """Unmap a physical network, whoever has mapped it."""
        name = self._name(_MAPPINGS)
        self._drop_item(name, mappings.remove_bridge_mapping(self.current.get(name, ""), physnet), physnet)

    def add_cms_option(self, item: str) -> None:
        """Add an item. Raises InvalidValue."""
        name = self._name(_CMS_OPTIONS)
        self._set_items(name, mappings.add_cms_option(self.current.get(name, ""), item), item)

    def put_cms_option(self, option: str, value: str) -> None:
        """Set the item ``option=value`` in place of those with another value. Raises InvalidValue."""
        name = self._name(_CMS_OPTIONS)
        text = self.current.get(name, "")
        after = mappings.put_cms_option(text, option, value)
        if text == after:
            return
        for entry in [entry for entry in managed_entries(self.current) if entry.startswith(f"{name}/{option}=")]:
            self._forget(entry)
        self.current[name] = after
        new = f"{option}={value}"
        for item in [f"{option}={zone}" for zone in mappings.availability_zones(new)] or [new]:
            self._record(f"{name}/{item}")

    def remove_cms_option(self, item: str) -> None:
        """Take an item away, whoever has added it. Raises InvalidValue."""
        name = self._name(_CMS_OPTIONS)
        self._drop_item(name, mappings.remove_cms_option(self.current.get(name, ""), item), item)

    def add_availability_zone(self, zone: str) -> None:
        """Add a zone. Raises InvalidValue."""
        name = self._name(_CMS_OPTIONS)
        text = mappings.add_availability_zone(self.current.get(name, ""), zone)
        self._set_items(name, text, f"{mappings.AVAILABILITY_ZONES}={zone}")

    def remove_availability_zone(self, zone: str) -> None:
        """Take a zone away, whoever has added it. Raises InvalidValue."""
        name = self._name(_CMS_OPTIONS)
        text = mappings.remove_availability_zone(self.current.get(name, ""), zone)
        self._drop_item(name, text, f"{mappings.AVAILABILITY_ZONES}={zone}")

    def rename(self, system_id: str) -> None:
        """Give the chassis another name: its system-id, and the keys that carry the old one."""
        before = self.system_id
        for key in CHASSIS_KEYS.values():
            old, new = f"{key.name}-{before}", f"{key.name}-{system_id}"
            if key.suffixed and before not in (None, system_id) and old in self.current:
                entries = managed_entries(self.current)
                moved = {entry for entry in entries if self._split(entry)[0] == old}
                self.current[new] = self.current.pop(old)
                self._write_entries(entries - moved | {new + entry.removeprefix(old) for entry in moved})
        self.system_id = system_id
        self.set("system-id", system_id)

    def clear(self) -> None:
        """Take away what ovnkit has set, and the list of it."""
        for entry in sorted(managed_entries(self.current)):
            key, item = self._split(entry)
            text = self.current.get(key)
            if text is None:
                continue
            if item is None:
                del self.current[key]
            elif key.startswith(_MAPPINGS):
                self._write(key, mappings.remove_bridge_mapping(text, item))
            else:
                self._write(key, _without_item(text, item))
        self.current.pop(MANAGED, None)

    # One entry of the list is a whole key, or an item; a system-id and a physical network may have a slash in them.

    def _split(self, entry: str) -> tuple[str, str | None]:
        if entry not in self.current:
            for key in sorted(self.current, key=len, reverse=True):
                if key.startswith((_MAPPINGS, _CMS_OPTIONS)) and entry.startswith(f"{key}/"):
                    return key, entry.removeprefix(f"{key}/")
        return entry, None

    def _name(self, key: str) -> str:
        return effective_key(self.current, key, self.system_id)

    def _set_items(self, name: str, text: str, item: str) -> None:
        if text != self.current.get(name, ""):
            self.current[name] = text
            self._record(f"{name}/{item}")

    def _drop_item(self, name: str, text: str, item: str) -> None:
        if text != self.current.get(name, ""):
            self._write(name, text)
        self._forget(f"{name}/{item}")

    def _write(self, name: str, text: str) -> None:
        if text:
            self.current[name] = text
        else:
            self.current.pop(name, None)
            self._forget(name)

    def _record(self, entry: str) -> None:
        self._write_entries(managed_entries(self.current) | {entry})

    def _forget(self, entry: str) -> None:
        entries = managed_entries(self.current)
        if entry in entries:
            self._write_entries(entries - {entry})

    def _write_entries(self, entries: frozenset[str]) -> None:
        if entries:
            self.current[MANAGED] = ",".join(sorted(entries))
        else:
            self.current.pop(MANAGED, None)


def _without_item(text: str, item: str) -> str:
    """``text`` without an item that is listed as ovnkit's."""
    zones = mappings.availability_zones(item)
    return mappings.remove_availability_zone(text, zones[0]) if zones else mappings.remove_cms_option(text, item)
