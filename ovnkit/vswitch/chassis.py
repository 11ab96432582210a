"""Making a host a chassis of OVN, and undoing that: the keys of ovn-controller(8), External Configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ovnkit.errors import Conflict, InvalidValue
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Map, Ref
from ovnkit.southbound.rows import SB, Chassis, Encap
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS, check_key, check_option, check_system_id
from ovnkit.vswitch.managed import ChassisIds
from ovnkit.vswitch.mappings import ENABLE_CHASSIS_AS_GW, check_physnet, cms_options
from ovnkit.vswitch.root import edit_chassis
from ovnkit.vswitch.rows import OpenVSwitch

if TYPE_CHECKING:
    from ovnkit.southbound.client import Southbound
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["ChassisOperations"]

_REGISTER_AGAIN: Final = (
    "stop ovn-controller with 'ovn-appctl -t ovn-controller exit', unregister_chassis() (and"
    " remove_option('ovn-remote') if that is still set), and register again"
)
_NOTHING: Final[Mapping[str, str]] = Map()
_ELSEWHERE: Final[Mapping[str, str]] = Map(
    {
        "system-id": "register_chassis(system_id)",
        "hostname": "register_chassis(hostname=)",
        "ovn-remote": "register_chassis(remote=)",
        "ovn-encap-type": "register_chassis(encap_type=)",
        "ovn-encap-ip": "register_chassis(encap_ip=)",
        "ovn-bridge-mappings": "add_bridge_mapping()",
    }
)


class ChassisOperations(VSwitchOperations):
    """What a chassis is told: who it is, where Southbound is, how it tunnels, what it is connected to.

    All of it is in ``Open_vSwitch.external_ids``. Of comma-separated values one item changes, beside those of others.
    A key is changed in the form that the chassis reads: ``<key>-<system-id>`` where that is there, else ``<key>``.
    What these operations set is listed in ``external_ids:ovnkit-managed``.
    """

    def register_chassis(
        self,
        system_id: str,
        *,
        encap_ip: str,
        remote: str,
        encap_type: str = "geneve",
        hostname: str | None = None,
        options: Mapping[str, str] = _NOTHING,
        southbound: Southbound | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Make this host the chassis ``system_id``: ovn-controller then registers it in Southbound. Identity: the host.

        ``remote`` is where Southbound is, ``encap_ip`` the address of this host's tunnels (or several,
        comma-separated, from OVN 24.03), ``encap_type`` ``geneve``, ``vxlan`` or both. ``hostname`` None leaves it as
        it is. ``options``: further keys of ovn-controller(8); of ``ovn-cms-options`` the given items are set beside
        those that are there.

        ovs-ctl(8) sets the system-id from ``system-id.conf`` whenever Open vSwitch starts: that file has to say the
        same. With ``southbound`` it is looked up there that no other chassis has this name, host name or tunnel
        address, and that the release of OVN that made its schema reads these keys.

        Raises InvalidValue, and Conflict where this host is registered under another system-id (or, with TLS, another
        host name), or where another chassis has the name, the host name or the address.
        """
        check_system_id(system_id)
        keys = {
            "ovn-remote": check_option("ovn-remote", remote),
            "ovn-encap-type": check_option("ovn-encap-type", encap_type),
            "ovn-encap-ip": check_option("ovn-encap-ip", encap_ip),
        }
        if hostname is not None:
            keys["hostname"] = check_option("hostname", hostname)
        keys.update((key, _checked_option(key, value)) for key, value in options.items())
        items = cms_options(keys.pop("ovn-cms-options", ""))

        def edit(ids: ChassisIds) -> None:
            registered = _check_identity(ids, system_id, keys)
            if southbound is not None:
                _check_release(southbound, keys)
                own = {**keys, "hostname": keys.get("hostname") or ids.get("hostname") or ""}
                _check_unique(southbound, system_id, own, registered=registered)
            ids.set("system-id", system_id)
            for key, value in keys.items():
                ids.set(key, value)
            for item in items:
                _add_item(ids, item)

        return self._edit_chassis(edit, system_id=system_id, dry_run=dry_run)

    def rename_chassis(self, system_id: str, *, dry_run: bool = False) -> Changes:
        """Give this host another system-id, and its keys ``<key>-<system-id>`` the new name as well.

        Identity: the host. Only while no ovn-controller runs, and where Southbound has nothing of the old name any more
        (``ovn-appctl -t ovn-controller exit``): ovn-controller does not follow such a change. Raises InvalidValue.
        """
        check_system_id(system_id)
        return self._edit_chassis(lambda ids: ids.rename(system_id), dry_run=dry_run)

    def unregister_chassis(self, *, dry_run: bool = False) -> Changes:
        """Take away what ovnkit has set for this host as a chassis: what ``ovnkit-managed`` lists, and nothing else.

        Identity: the host. Stop ovn-controller first, gracefully (``ovn-appctl -t ovn-controller exit``): that removes
        the chassis from Southbound as well. If it was stopped otherwise, ``remove_chassis`` of the Southbound client
        does it.
        """
        return self._edit_chassis(ChassisIds.clear, dry_run=dry_run)

    def set_option(self, key: str, value: str, *, dry_run: bool = False) -> Changes:
        """Set one key of ovn-controller(8), but for those that other operations set.

        Identity: ``key``, in the form that this chassis reads. Raises InvalidValue.
        """
        checked = _checked_option(key, value)
        if key == "ovn-cms-options":
            allowed = "not here: add_cms_option() changes one item and leaves those of others"
            raise InvalidValue(table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=allowed)
        return self._edit_chassis(lambda ids: ids.set(key, checked), dry_run=dry_run)

    def remove_option(self, key: str, *, dry_run: bool = False) -> Changes:
        """Take one key away, whoever has set it. Identity: as for set_option(). Raises InvalidValue."""
        check_key(key)
        return self._edit_chassis(lambda ids: ids.remove(key), dry_run=dry_run)

    def enable_gateway(self, *, dry_run: bool = False) -> Changes:
        """Make this chassis a gateway: the item ``enable-chassis-as-gw`` of ``ovn-cms-options``. Identity: the host."""
        return self.add_cms_option(ENABLE_CHASSIS_AS_GW, dry_run=dry_run)

    def disable_gateway(self, *, dry_run: bool = False) -> Changes:
        """Make this chassis no gateway any more, whoever has made it one; the other items stay. Identity: the host."""
        return self.remove_cms_option(ENABLE_CHASSIS_AS_GW, dry_run=dry_run)

    def add_cms_option(self, item: str, *, dry_run: bool = False) -> Changes:
        """Add an item to ``ovn-cms-options``; ``NAME=VALUE`` takes the place of an item ``NAME`` with another value.

        Identity: the item, or its ``NAME``.

        Raises InvalidValue.
        """
        return self._edit_chassis(lambda ids: _add_item(ids, item), dry_run=dry_run)

    def remove_cms_option(self, item: str, *, dry_run: bool = False) -> Changes:
        """Take an item out of ``ovn-cms-options``, whoever has added it. Identity: the item. Raises InvalidValue."""
        return self._edit_chassis(lambda ids: ids.remove_cms_option(item), dry_run=dry_run)

    def add_availability_zone(self, zone: str, *, dry_run: bool = False) -> Changes:
        """Put this chassis into an availability zone, beside those it is in (Neutron's item of ``ovn-cms-options``).

        Identity: the zone.

        Raises InvalidValue.
        """
        return self._edit_chassis(lambda ids: ids.add_availability_zone(zone), dry_run=dry_run)

    def remove_availability_zone(self, zone: str, *, dry_run: bool = False) -> Changes:
        """Take this chassis out of an availability zone, whoever has put it there; its other zones stay.

        Identity: the zone.

        Raises InvalidValue.
        """
        return self._edit_chassis(lambda ids: ids.remove_availability_zone(zone), dry_run=dry_run)

    def add_bridge_mapping(
        self, physnet: str, bridge: str, *, shared_bridge: bool = False, dry_run: bool = False
    ) -> Changes:
        """Connect a physical network to a bridge of this host (``ovn-bridge-mappings``); the bridge need not exist yet.

        Identity: the physical network. ``shared_bridge`` permits a bridge that carries another physical network, which
        Neutron does not.

        Raises InvalidValue, and Conflict where the network is mapped to another bridge: moving it takes two steps, with
        a wait for ovn-controller in between.
        """
        return self._edit_chassis(
            lambda ids: ids.add_bridge_mapping(physnet, bridge, shared_bridge=shared_bridge), dry_run=dry_run
        )

    def remove_bridge_mapping(self, physnet: str, *, dry_run: bool = False) -> Changes:
        """Disconnect a physical network, whoever has mapped it; ovn-controller then removes its patch ports.

        Identity: the physical network; nothing changes where it is not mapped.
        """
        check_physnet(physnet)
        return self._edit_chassis(lambda ids: ids.remove_bridge_mapping(physnet), dry_run=dry_run)

    def _edit_chassis(
        self, edit: Callable[[ChassisIds], None], *, dry_run: bool, system_id: str | None = None
    ) -> Changes:
        def body(tx: VSwitchTransaction) -> Ref[OpenVSwitch] | None:
            return edit_chassis(tx, edit, system_id=system_id)

        return self._operate(body, dry_run=dry_run)


def _checked_option(key: str, value: str) -> str:
    if key in _ELSEWHERE:
        allowed = f"not here: {_ELSEWHERE[key]} sets it"
        raise InvalidValue(table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=allowed)
    return check_option(key, value)


def _add_item(ids: ChassisIds, item: str) -> None:
    name, equals, value = item.partition("=")
    if equals:
        ids.put_cms_option(name, value)
    else:
        ids.add_cms_option(item)


def _check_identity(ids: ChassisIds, system_id: str, keys: Mapping[str, str]) -> bool:
    """Whether this host is registered under this system-id. Raises Conflict for a change that would wedge it."""
    known = ids.current.get("system-id")
    now = ChassisIds(ids.current)
    remote = now.get("ovn-remote")
    if known is None or not remote:
        return False
    if known != system_id:
        raise Conflict(
            "registered under another system-id",
            f"this host is the chassis {known!r}, not {system_id!r}. ovn-controller does not follow such a change:"
            f" {_REGISTER_AGAIN}; if Southbound still has a chassis {known!r} then, remove_chassis({known!r}) there",
        )
    hostname = now.get("hostname")
    if hostname and keys.get("hostname", hostname) != hostname and "ssl:" in remote:
        raise Conflict(
            "registered under another host name",
            f"the host name of chassis {known!r} is {hostname!r}, not {keys['hostname']!r}. Role-based access control"
            " does not let ovn-controller change it, and nothing that it writes gets through any more:"
            f" {_REGISTER_AGAIN}",
        )
    return True


def _check_release(southbound: Southbound, keys: Mapping[str, str]) -> None:
    """Raise InvalidValue for what the ovn-controller of this release would not heed."""
    release = SB.release_of(southbound.schema.version)
    if release is None:
        return
    for key, value in keys.items():
        known = CHASSIS_KEYS[key]
        if not known.read_by(release):
            when = f"from {known.since} on" if known.gone is None else f"from {known.since} to below {known.gone}"
            allowed = f"a key that OVN {release}, which Southbound is of, reads; it does this one {when}"
            raise InvalidValue(table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=allowed)


def _check_unique(southbound: Southbound, system_id: str, keys: Mapping[str, str], *, registered: bool) -> None:
    """Raise Conflict where another chassis has the name, the host name or an address."""
    addresses = set(keys["ovn-encap-ip"].split(","))
    encaps = {encap.ref: encap.ip for encap in southbound.find(Encap)}
    for chassis in southbound.find(Chassis):
        theirs = {encaps[ref] for ref in chassis.encaps if ref in encaps}
        if chassis.name != system_id and theirs & addresses:
            raise Conflict(
                "tunnel address in use",
                f"chassis {chassis.name!r} (host {chassis.hostname!r}) has the tunnel address"
                f" {', '.join(sorted(theirs & addresses))}; OVN takes an address once. If this host was called so"
                f" before, stop its ovn-controller and remove_chassis({chassis.name!r}) in Southbound",
            )
        if chassis.name != system_id and keys["hostname"] and chassis.hostname == keys["hostname"]:
            raise Conflict(
                "host name in use",
                f"chassis {chassis.name!r} (tunnel address {', '.join(sorted(theirs))}) is on a host of the name"
                f" {chassis.hostname!r}, by which ports are bound to a host. If this host was that chassis before, stop"
                f" its ovn-controller and remove_chassis({chassis.name!r}) in Southbound",
            )
        if chassis.name == system_id and not registered:
            other_host = (keys["hostname"] or chassis.hostname) != chassis.hostname
            if other_host or not theirs & addresses:
                raise Conflict(
                    "system-id in use",
                    f"Southbound has a chassis {system_id!r} already: host {chassis.hostname!r}, tunnel address"
                    f" {', '.join(sorted(theirs))}. Give this host another system-id, or, if that one is gone for good,"
                    f" remove_chassis({system_id!r}) there",
                )
