"""The three databases read once, with what joins their rows: what the graph, the findings and the traces look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import attrs

from ovnkit.errors import NotMonitored
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import GatewayChassis as NBGatewayChassis
from ovnkit.northbound.rows import HAChassis as NBHAChassis
from ovnkit.northbound.rows import HAChassisGroup as NBHAChassisGroup
from ovnkit.northbound.rows import (
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.chassis_values import cms_options, read_bridge_mappings
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, Encap, PortBinding
from ovnkit.topology.addresses import PortAddress, port_addresses
from ovnkit.topology.text import natural
from ovnkit.vswitch.chassis_config import ChassisConfig, chassis_config
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.rows import Bridge, Interface, OpenVSwitch, Port

__all__ = ["Candidate", "HostTables", "Tables", "chassis_column"]

R = TypeVar("R", bound=Row[Any])
S = TypeVar("S", bound=Row[Any])

_LARGE = frozenset({"Logical_Flow", "MAC_Binding", "FDB", "Logical_DP_Group"})
"""Tables of Southbound that are not read here: the clients leave them out as well, and files may have millions."""

_ATTEMPTS = 5
"""So often is a database read anew that changes while it is read. Where it never rests the last reading is taken."""


@attrs.frozen
class Candidate:
    """A chassis that may be the gateway of a router port: its name, and its priority (the highest is first)."""

    chassis: str
    priority: int


class _Read:
    """The tables of one database, read when the object is made. What is not monitored is an error where it is read."""

    def __init__(self, client: Client[Any, Any] | None, left_out: frozenset[str] = frozenset()) -> None:
        self.known = client is not None
        self._tables: dict[type[Row[Any]], dict[Ref[Any], Row[Any]]] = {}
        self._missing: dict[type[Row[Any]], NotMonitored] = {}
        if client is None:
            return
        for _ in range(_ATTEMPTS):
            version = client.version
            self._read(client, left_out)
            if client.version == version:
                return

    def _read(self, client: Client[Any, Any], left_out: frozenset[str]) -> None:
        for name, row_class in client._database.tables.items():
            if name in left_out or not client.has(row_class):
                continue
            try:
                self._tables[row_class] = {row.ref: row for row in client.rows(name)}
            except NotMonitored as error:
                self._missing[row_class] = error

    def __call__(self, row_class: type[R]) -> Mapping[Ref[R], R]:
        if row_class in self._missing:
            raise self._missing[row_class]
        return self._tables.get(row_class, {})  # type: ignore[return-value]


class HostTables:
    """The Open_vSwitch database of one host."""

    def __init__(self, vswitch: VSwitch) -> None:
        self.rows = _Read(vswitch)

    @cached_property
    def root(self) -> OpenVSwitch | None:
        """The one row of Open_vSwitch; None in a database that was never set up."""
        return next(iter(self.rows(OpenVSwitch).values()), None)

    @cached_property
    def config(self) -> ChassisConfig:
        """What its ovn-controller is told in ``external_ids``."""
        return chassis_config({} if self.root is None else self.root.external_ids)

    @property
    def system_id(self) -> str:
        """``external_ids:system-id``, the name of its chassis; "" where there is none."""
        return self.config.system_id or ""

    @property
    def hostname(self) -> str:
        """``external_ids:hostname``, or the system-id."""
        return self.config.hostname or self.system_id

    @property
    def mappings(self) -> Mapping[str, str]:
        """The bridge of each physical network, from ``external_ids:ovn-bridge-mappings``."""
        return self.config.bridge_mappings

    @cached_property
    def bridges(self) -> list[Bridge]:
        """Its bridges, by name."""
        return sorted(self.rows(Bridge).values(), key=lambda bridge: natural(bridge.name))

    @cached_property
    def integration_bridge(self) -> Bridge | None:
        """The bridge of ovn-controller: ``external_ids:ovn-bridge``, else br-int (ovn-controller(8))."""
        return next((bridge for bridge in self.bridges if bridge.name == self.config.integration_bridge), None)

    @cached_property
    def attachments(self) -> dict[str, list[Interface]]:
        """The interfaces of the integration bridge that are to be logical ports, by their ``external_ids:iface-id``."""
        found: dict[str, list[Interface]] = {}
        if self.integration_bridge is not None:
            for port in self.ports(self.integration_bridge):
                for interface in self.interfaces(port):
                    if iface_id := interface.external_ids.get("iface-id"):
                        found.setdefault(iface_id, []).append(interface)
        return found

    def ports(self, bridge: Bridge) -> list[Port]:
        """The ports of a bridge, by name."""
        return sorted(_members(self.rows(Port), bridge.ports), key=lambda port: natural(port.name))

    def interfaces(self, port: Port) -> list[Interface]:
        """The interfaces of a port, by name."""
        return sorted(_members(self.rows(Interface), port.interfaces), key=lambda interface: interface.name)


class Tables:
    """What NB, SB and the hosts' databases hold, read when this is made; afterwards it never changes.

    ``nb(LogicalSwitch)``, ``sb(Chassis)``: the rows of a table by reference, none where that database was not given.
    A reference whose row has come or gone while the tables were read is passed over by the joins.
    """

    def __init__(self, nb: Northbound | None, sb: Southbound | None = None, vswitches: Iterable[VSwitch] = ()) -> None:
        self.nb = _Read(nb)
        self.sb = _Read(sb, _LARGE)
        self.hosts = tuple(HostTables(vswitch) for vswitch in vswitches)
        is_live = all(client is None or str(client.state) != "file" for client in (nb, sb))
        self.read_at = time.time() if is_live else None
        """When that was, in seconds since the epoch; None for files, in which time stands still."""
        self._ports: dict[Ref[LogicalSwitch], list[LogicalSwitchPort]] = {}
        self._router_ports: dict[Ref[LogicalRouter], list[LogicalRouterPort]] = {}

    def switch_port(self, name: str) -> LogicalSwitchPort | None:
        """The logical switch port of this name, which is unique."""
        return self._switch_ports_by_name.get(name)

    def router_port(self, name: str) -> LogicalRouterPort | None:
        """The logical router port of this name, which is unique."""
        return self._router_ports_by_name.get(name)

    def binding(self, port: str) -> PortBinding | None:
        """The Port_Binding of a logical port."""
        return self.bindings.get(port)

    def chassis_of(self, port: str) -> Chassis | None:
        """The chassis that has claimed a logical port."""
        binding = self.bindings.get(port)
        return None if binding is None or binding.chassis is None else self.sb(Chassis).get(binding.chassis)

    @cached_property
    def switches(self) -> list[LogicalSwitch]:
        """Logical switches, by name."""
        return _by_name(self.nb(LogicalSwitch).values())

    @cached_property
    def routers(self) -> list[LogicalRouter]:
        """Logical routers, by name."""
        return _by_name(self.nb(LogicalRouter).values())

    def ports(self, switch: LogicalSwitch) -> list[LogicalSwitchPort]:
        """The ports of a switch, by name."""
        if switch.ref not in self._ports:
            self._ports[switch.ref] = _by_name(_members(self.nb(LogicalSwitchPort), switch.ports))
        return self._ports[switch.ref]

    def router_ports(self, router: LogicalRouter) -> list[LogicalRouterPort]:
        """The ports of a router, by name."""
        if router.ref not in self._router_ports:
            self._router_ports[router.ref] = _by_name(_members(self.nb(LogicalRouterPort), router.ports))
        return self._router_ports[router.ref]

    def members(self, row_class: type[R], refs: Iterable[Ref[R]]) -> list[R]:
        """The rows of NB that these references name."""
        return _members(self.nb(row_class), refs)

    @cached_property
    def switch_of(self) -> dict[Ref[LogicalSwitchPort], LogicalSwitch]:
        """The switch of each switch port."""
        return _owners(self.switches, lambda switch: switch.ports)

    @cached_property
    def router_of(self) -> dict[Ref[LogicalRouterPort], LogicalRouter]:
        """The router of each router port."""
        return _owners(self.routers, lambda router: router.ports)

    def peer_router_port(self, port: LogicalSwitchPort) -> LogicalRouterPort | None:
        """What a switch port of type router names in ``options:router-port`` (in 26.03 also ``peer``)."""
        return self.router_port(port.options.get("router-port", "") or port.peer or "")

    @cached_property
    def switch_ports_of_router_port(self) -> dict[str, list[LogicalSwitchPort]]:
        """The switch ports that name a router port, by its name. One that more than one names is a fault."""
        found: dict[str, list[LogicalSwitchPort]] = {}
        for port in _by_name(port for port in self.nb(LogicalSwitchPort).values() if port.type == "router"):
            if named := port.options.get("router-port", "") or port.peer:
                found.setdefault(named, []).append(port)
        return found

    @cached_property
    def addresses(self) -> dict[Ref[LogicalSwitchPort], tuple[PortAddress, ...]]:
        """The addresses of each switch port, those of a router's and those that ovn-northd has chosen as well."""
        return {
            ref: tuple(port_addresses(port, self.peer_router_port(port) if port.type == "router" else None))
            for ref, port in self.nb(LogicalSwitchPort).items()
        }

    @cached_property
    def localnet_ports(self) -> dict[str, list[LogicalSwitchPort]]:
        """The ports of type localnet, by their physical network (``options:network_name``)."""
        found: dict[str, list[LogicalSwitchPort]] = {}
        for port in _by_name(port for port in self.nb(LogicalSwitchPort).values() if port.type == "localnet"):
            found.setdefault(port.options.get("network_name", ""), []).append(port)
        return found

    def candidates(self, port: LogicalRouterPort) -> list[Candidate]:
        """The chassis of a distributed gateway port, the one that is to be first at the front.

        Of ``ha_chassis_group`` where it has one, else of ``gateway_chassis`` (ovn-nb(5), Logical_Router_Port).
        """
        group = None if port.ha_chassis_group is None else self.nb(NBHAChassisGroup).get(port.ha_chassis_group)
        if group is not None:
            ha_members = _members(self.nb(NBHAChassis), group.ha_chassis)
            found = [Candidate(row.chassis_name, row.priority) for row in ha_members]
        else:
            gateways = _members(self.nb(NBGatewayChassis), port.gateway_chassis)
            found = [Candidate(row.chassis_name, row.priority) for row in gateways]
        return sorted(found, key=lambda candidate: (-candidate.priority, candidate.chassis))

    def active_gateway(self, port: LogicalRouterPort) -> Chassis | None:
        """The chassis where a distributed gateway port is now: it has claimed ``cr-NAME``."""
        return self.chassis_of(f"cr-{port.name}")

    @cached_property
    def bindings(self) -> dict[str, PortBinding]:
        """Port_Binding by the name of the logical port, which is unique."""
        return {row.logical_port: row for row in self.sb(PortBinding).values()}

    @cached_property
    def chassis(self) -> list[Chassis]:
        """The chassis, by host name and name."""
        return sorted(
            self.sb(Chassis).values(), key=lambda chassis: (natural(self.host_name(chassis)), natural(chassis.name))
        )

    @cached_property
    def chassis_by_name(self) -> dict[str, Chassis]:
        """The chassis by its name, which is unique."""
        return {chassis.name: chassis for chassis in self.sb(Chassis).values()}

    def host_name(self, chassis: Chassis | str) -> str:
        """What people call a chassis: its host's name where it gives one."""
        found = self.chassis_by_name.get(chassis) if isinstance(chassis, str) else chassis
        if found is None:
            return str(chassis)
        return found.hostname or found.name

    def encaps(self, chassis: Chassis) -> list[Encap]:
        """The tunnel endpoints of a chassis, in order."""
        return sorted(_members(self.sb(Encap), chassis.encaps), key=lambda encap: (encap.type, encap.ip))

    def mappings(self, chassis: Chassis) -> dict[str, str]:
        """The bridge of each physical network of a chassis."""
        return read_bridge_mappings(chassis_column(chassis, "ovn-bridge-mappings"))

    def cms_options(self, chassis: Chassis) -> tuple[str, ...]:
        """The items of ``ovn-cms-options`` of a chassis, such as ``enable-chassis-as-gw``."""
        return cms_options(chassis_column(chassis, "ovn-cms-options"))

    def host(self, chassis: Chassis | str) -> HostTables | None:
        """The database of a chassis' own host, where it was given."""
        name = chassis if isinstance(chassis, str) else chassis.name
        return next((host for host in self.hosts if host.system_id == name), None)

    @cached_property
    def _switch_ports_by_name(self) -> dict[str, LogicalSwitchPort]:
        return {row.name: row for row in self.nb(LogicalSwitchPort).values()}

    @cached_property
    def _router_ports_by_name(self) -> dict[str, LogicalRouterPort]:
        return {row.name: row for row in self.nb(LogicalRouterPort).values()}


def chassis_column(chassis: Chassis, key: str) -> str:
    """What a chassis says under ``key``: in ``other_config``, or in ``external_ids`` as before OVN 20.06; else ""."""
    return chassis.other_config.get(key) or chassis.external_ids.get(key) or ""


def _by_name(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (natural(row.name), row.uuid))


def _members(rows: Mapping[Ref[R], R], refs: Iterable[Ref[R]]) -> list[R]:
    return [rows[ref] for ref in refs if ref in rows]


def _owners(rows: Iterable[R], held: Callable[[R], Iterable[Ref[S]]]) -> dict[Ref[S], R]:
    return {ref: row for row in rows for ref in held(row)}
