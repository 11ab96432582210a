"""Bridges, ports and their binding to logical ports, in a host's own database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from ovnkit.errors import Conflict, InvalidValue
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Add, Put, Remove
from ovnkit.ovsdb.values import Map, Ref
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.chassis_config import chassis_config
from ovnkit.vswitch.mappings import check_bridge_name
from ovnkit.vswitch.root import root_row
from ovnkit.vswitch.rows import Bridge, Interface, Port

if TYPE_CHECKING:
    from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["BridgeOperations", "FailMode"]

FailMode = Literal["secure", "standalone"]
"""What a bridge does without a controller: nothing, or switch by MAC addresses."""

_NOTHING: Final[Mapping[str, str]] = Map()
_KERNEL_TYPES: Final = frozenset({"", "system", "internal", "tap"})
_LONGEST_DEVICE_NAME: Final = 15
_PORT_NAME = re.compile(r"[!-.0-\[\]-~]{1,255}")
_DATAPATH_TYPES: Final = ("", "system", "netdev")


class BridgeOperations(VSwitchOperations):
    """Bridges and ports are found by their names, which a host has once."""

    def add_bridge(
        self,
        name: str,
        *,
        datapath_type: str | None = None,
        fail_mode: FailMode | None = None,
        external_ids: Mapping[str, str] = _NOTHING,
        other_config: Mapping[str, str] = _NOTHING,
        dry_run: bool = False,
    ) -> Changes:
        """Add a bridge with its local port, or change the one that is there. Identity: its name.

        ``datapath_type``: ``"system"`` or ``"netdev"``; ``fail_mode``: ``"secure"`` for an integration bridge,
        ``"standalone"`` for a provider bridge (ovs-vswitchd.conf.db(5)). What is None stays as it is; the given keys of
        the maps are set beside those of others.

        Raises InvalidValue, and Conflict where a port has that name.
        """
        _check_bridge(name)
        if datapath_type is not None and datapath_type not in _DATAPATH_TYPES:
            allowed = "'system' or 'netdev'"
            raise InvalidValue(table="Bridge", column="datapath_type", value=datapath_type, allowed=allowed)
        columns: dict[str, Any] = {"datapath_type": datapath_type, "fail_mode": fail_mode}
        columns = {column: value for column, value in columns.items() if value is not None}

        def body(tx: VSwitchTransaction) -> Ref[Bridge]:
            found = tx.find(Bridge, name=name)
            if found:
                tx.update(found[0], **columns, external_ids=Put(external_ids), other_config=Put(other_config))
                return found[0].ref
            _claim(tx, name)
            interface = tx.insert(Interface(name=name, type="internal"))
            port = tx.insert(Port(name=name, interfaces=[interface]))
            bridge = Bridge(name=name, ports=[port], external_ids=external_ids, other_config=other_config, **columns)
            ref = tx.insert(bridge)
            tx.update(root_row(tx), bridges=Add(ref))
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_bridge(self, name: str, *, force: bool = False, dry_run: bool = False) -> Changes:
        """Remove a bridge with its local port. Identity: its name; nothing changes where there is none.

        Raises Conflict while it has other ports, or a physical network is mapped to it, unless ``force``.
        """

        def body(tx: VSwitchTransaction) -> None:
            for bridge in tx.find(Bridge, name=name):
                if not force:
                    _check_unused(tx, bridge)
                    # Without the ports that it gets at this moment.
                    tx.check(bridge)
                tx.delete(bridge)
                for ref in sorted(bridge.ports):
                    _delete_port(tx, tx[ref])

        return self._operate(body, dry_run=dry_run)

    def add_port(
        self,
        bridge: str,
        port: str,
        *,
        type: str | None = None,
        options: Mapping[str, str] = _NOTHING,
        external_ids: Mapping[str, str] = _NOTHING,
        tag: int | None = None,
        iface_id: str | None = None,
        mtu_request: int | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Add a port with one interface of its name to a bridge, or change the one that is there. Identity: its name.

        ``type``, ``options``, ``mtu_request`` and ``iface_id`` (the logical port, as in bind_interface()) are the
        interface's, ``external_ids`` and ``tag`` (VLAN) the port's (ovs-vswitchd.conf.db(5)). What is None stays as it
        is; the given keys of the maps are set beside those of others.

        Raises InvalidValue, NotFound where there is no such bridge, and Conflict where the port is on another bridge,
        is a bond, or where another interface has the ``iface_id``.
        """
        _check_port(port, type)
        interface: dict[str, Any] = {"type": type, "mtu_request": mtu_request}
        interface = {column: value for column, value in interface.items() if value is not None}
        own: dict[str, Any] = {} if tag is None else {"tag": tag}
        ids = {} if iface_id is None else {"iface-id": _checked_iface_id(iface_id)}

        def body(tx: VSwitchTransaction) -> Ref[Port]:
            home = tx.get(Bridge, name=bridge)
            if iface_id is not None:
                _check_unbound(tx, iface_id, port)
            found = tx.find(Port, name=port)
            if not found:
                _check_port(port, type or "")
                _claim(tx, port)
                inner = tx.insert(Interface(name=port, options=options, external_ids=ids, **interface))
                ref = tx.insert(Port(name=port, interfaces=[inner], external_ids=external_ids, **own))
                tx.update(home, ports=Add(ref))
                return ref
            _check_home(tx, found[0], home)
            tx.update(found[0], external_ids=Put(external_ids), **own)
            if interface or options or ids:
                only = _only_interface(tx, found[0])
                tx.update(only, options=Put(options), external_ids=Put(ids), **interface)
            return found[0].ref

        return self._operate(body, dry_run=dry_run)

    def remove_port(self, bridge: str, port: str, *, dry_run: bool = False) -> Changes:
        """Remove a port, with its interfaces, from a bridge. Identity: its name; nothing changes where there is none.

        Raises Conflict where it is on another bridge, or the bridge's own port.
        """

        def body(tx: VSwitchTransaction) -> None:
            for found in tx.find(Port, name=port):
                for home in tx.find(Bridge, ports=[found.ref]):
                    if home.name != bridge:
                        raise Conflict(
                            "on another bridge", f"port {port!r} is on bridge {home.name!r}, not on {bridge!r}"
                        )
                    if home.name == port:
                        raise Conflict(
                            "local port", f"{port!r} is the bridge's own port; remove_bridge({port!r}) takes both"
                        )
                    _delete_port(tx, found)

        return self._operate(body, dry_run=dry_run)

    def bind_interface(self, port: str, iface_id: str, *, dry_run: bool = False) -> Changes:
        """Bind an interface to the logical port ``iface_id``: ``Interface.external_ids:iface-id`` (ovn-controller(8)).

        Identity: ``port``, the name of the interface, which has to be on the integration bridge to come up. Raises
        InvalidValue, NotFound, and Conflict where another interface of this host has the ``iface_id``.
        """
        value = _checked_iface_id(iface_id)

        def body(tx: VSwitchTransaction) -> Ref[Interface]:
            interface = tx.get(Interface, name=port)
            _check_unbound(tx, value, port)
            tx.update(interface, external_ids=Put({"iface-id": value}))
            return interface.ref

        return self._operate(body, dry_run=dry_run)

    def unbind_interface(self, port: str, *, dry_run: bool = False) -> Changes:
        """Take the ``iface-id`` off an interface. Identity: its name; nothing changes where there is none."""

        def body(tx: VSwitchTransaction) -> Ref[Interface] | None:
            for interface in tx.find(Interface, name=port):
                tx.update(interface, external_ids=Remove("iface-id"))
                return interface.ref
            return None

        return self._operate(body, dry_run=dry_run)


def _check_bridge(name: str) -> None:
    try:
        check_bridge_name(name)
    except InvalidValue as error:
        raise InvalidValue(table="Bridge", column="name", value=name, allowed=error.allowed) from None


def _check_port(name: object, type: str | None) -> None:
    # ovs-vswitchd ignores names with a slash or backslash.
    if not isinstance(name, str) or not _PORT_NAME.fullmatch(name) or name.startswith("-") or name in (".", ".."):
        allowed = "a port name: printable ASCII without blanks, '/' and '\\', not beginning with '-'"
        raise InvalidValue(table="Port", column="name", value=name, allowed=allowed)
    if type in _KERNEL_TYPES and len(name) > _LONGEST_DEVICE_NAME:
        allowed = f"at most {_LONGEST_DEVICE_NAME} characters, as it names a network device"
        raise InvalidValue(table="Port", column="name", value=name, allowed=allowed)


def _checked_iface_id(iface_id: object) -> str:
    if not isinstance(iface_id, str) or not iface_id or not iface_id.isprintable():
        raise InvalidValue(
            table="Interface", column="external_ids:iface-id", value=iface_id, allowed="the name of a logical port"
        )
    return iface_id


def _delete_port(tx: VSwitchTransaction, port: Port) -> None:
    """Delete a port with its interfaces: the names are free for the rest of the transaction."""
    tx.delete(port)
    for ref in sorted(port.interfaces):
        tx.delete(ref)


def _claim(tx: VSwitchTransaction, name: str) -> None:
    """Raise Conflict where the name is in use; where it is by the commit, that conflicts, and so is tried again."""
    taken = "port" if tx.find(Port, name=name) else "interface" if tx.find(Interface, name=name) else None
    if taken is not None:
        raise Conflict("name in use", f"there is a {taken} {name!r} already")
    tx.check_none(Port, name=name)
    tx.check_none(Interface, name=name)


def _check_home(tx: VSwitchTransaction, port: Port, home: Bridge) -> None:
    for bridge in tx.find(Bridge, ports=[port.ref]):
        if bridge.ref != home.ref:
            raise Conflict(
                "on another bridge",
                f"port {port.name!r} is on bridge {bridge.name!r}, not on {home.name!r}; remove_port() it there first",
            )


def _only_interface(tx: VSwitchTransaction, port: Port) -> Interface:
    if len(port.interfaces) != 1:
        raise Conflict("bond", f"port {port.name!r} has {len(port.interfaces)} interfaces; say which by its row")
    (ref,) = port.interfaces
    return tx[ref]


def _check_unbound(tx: VSwitchTransaction, iface_id: str, port: str) -> None:
    """Raise Conflict where another interface has the iface-id; where one gets it by the commit, that conflicts."""
    bound = tx.find(Interface, external_ids={"iface-id": iface_id})
    if not bound:
        tx.check_none(Interface, external_ids={"iface-id": iface_id})
    for interface in bound:
        if interface.name != port:
            raise Conflict(
                "bound to another interface",
                f"interface {interface.name!r} has the iface-id {iface_id!r}; two would take the logical port from each"
                f" other. unbind_interface({interface.name!r}) first",
            )


def _check_unused(tx: VSwitchTransaction, bridge: Bridge) -> None:
    others = sorted(tx[ref].name for ref in bridge.ports if tx[ref].name != bridge.name)
    if others:
        raise Conflict(
            "bridge in use", f"bridge {bridge.name!r} has the ports {', '.join(others)}; force=True takes them along"
        )
    mappings = chassis_config(root_row(tx).external_ids).bridge_mappings
    physnets = sorted(physnet for physnet, carrier in mappings.items() if carrier == bridge.name)
    if physnets:
        raise Conflict(
            "bridge in use",
            f"physical network {physnets[0]!r} is mapped to bridge {bridge.name!r};"
            f" remove_bridge_mapping({physnets[0]!r}) first",
        )
