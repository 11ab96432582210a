"""One host, brought to what the spec says: operations of VSwitch, composed in one transaction."""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import Conflict
from ovnkit.southbound.chassis_values import AVAILABILITY_ZONES, availability_zones
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis
from ovnkit.vswitch.client import VSwitchTransaction
from ovnkit.vswitch.direct import ChassisDraft

__all__ = ["configure"]

_ALWAYS_SET: Final = frozenset({"system-id", "hostname", "ovn-remote", "ovn-encap-type", "ovn-encap-ip"})
_MAPPINGS: Final = "ovn-bridge-mappings"
_CMS_OPTIONS: Final = "ovn-cms-options"


def configure(
    tx: VSwitchTransaction | ChassisDraft, spec: Spec, host: HostSpec, *, southbound: Southbound | None = None
) -> None:
    """Register the chassis with its gateway flag, mappings and options; take away what left the spec.

    Only what ovnkit itself has set is taken away. Raises what the operations raise: InvalidValue, Conflict.
    """
    # First, for the chassis reads ``<key>-<system-id>`` before ``<key>``: without a system-id the former do not count.
    tx.register_chassis(
        host.system_id,
        encap_ip=host.encap_ip,
        remote=spec.central.southbound,
        encap_type=spec.encap.type,
        options=host.settings,
        southbound=southbound,
    )
    if spec.central.rbac and southbound is not None:
        _check_hostname(tx, host, southbound)
    # Again, for where ``<key>-<system-id>`` goes, ``<key>`` counts.
    while _drop_what_left_the_spec(tx, host):
        pass
    for item in host.cms_options:
        tx.add_cms_option(item)
    for zone in host.availability_zones:
        tx.add_availability_zone(zone)
    for physnet, bridge in host.bridge_mappings.items():
        tx.add_bridge_mapping(physnet, bridge)


def _check_hostname(tx: VSwitchTransaction | ChassisDraft, host: HostSpec, southbound: Southbound) -> None:
    """Raise Conflict where ovn-controller would try to change its hostname, which its role does not permit."""
    hostname = tx.chassis_config().hostname
    for chassis in southbound.find(Chassis, name=host.system_id):
        if hostname is not None and chassis.hostname not in ("", hostname):
            raise Conflict(
                "a hostname that its role may not change",
                f"{host.name} is called {hostname!r} in external_ids:hostname, and {chassis.hostname!r} in Southbound,"
                " where role-based access control keeps ovn-controller from changing it: every write of it fails. Call"
                f" the host {chassis.hostname!r} again; or take the chassis away (deploy.remove_chassis), give it its"
                " name, and register it anew (deploy.plan(spec).apply())",
            )


def _drop_what_left_the_spec(tx: VSwitchTransaction | ChassisDraft, host: HostSpec) -> bool:
    """Whether there was something to take away."""
    config = tx.chassis_config()
    keys = config.keys.keys() - _ALWAYS_SET - host.settings.keys() - {_MAPPINGS, _CMS_OPTIONS}
    physnets = config.bridge_mappings.keys() - host.bridge_mappings.keys()
    items = {item for item in config.cms_options if not availability_zones(item)} - set(host.cms_options)
    zones = set(config.availability_zones) - set(host.availability_zones)
    dropped = [tx.remove_option(key) for key in keys if config.is_managed(key)]
    dropped += [tx.remove_bridge_mapping(physnet) for physnet in physnets if config.is_managed(_MAPPINGS, physnet)]
    dropped += [tx.remove_cms_option(item) for item in items if config.is_managed(_CMS_OPTIONS, item)]
    dropped += [
        tx.remove_availability_zone(zone)
        for zone in zones
        if config.is_managed(_CMS_OPTIONS, f"{AVAILABILITY_ZONES}={zone}")
    ]
    return any(dropped)
