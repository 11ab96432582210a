"""What the OpenStack Open vSwitch agent has left on a host, as it was: enough to put it back.

Columns are kept as JSON has them: sets as lists, maps as objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from ovnkit.deploy.agent import AGENT_CONTROLLER, Service
from ovnkit.deploy.flows import Flow, of_agent
from ovnkit.ovsdb.row import Row
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.patch_ports import PatchKind, PatchPort
from ovnkit.vswitch.patch_state import BridgeState, HostState
from ovnkit.vswitch.rows import Bridge, Controller, Interface, Port

__all__ = [
    "AGENT_KINDS",
    "BridgeBefore",
    "Columns",
    "PortBefore",
    "Remains",
    "agent_bridges",
    "read_remains",
    "remains_of",
    "tunnel_bridge",
]

Columns = Mapping[str, Any]

AGENT_KINDS: Final[frozenset[PatchKind]] = frozenset({"agent", "agent-veth", "agent-tunnel"})
"""The classes of ports that the agent has made (``PatchPort.kind``)."""

_TUNNELS: Final = frozenset({"vxlan", "gre", "geneve", "stt"})
_CHANGED: Final = ("fail_mode", "protocols")
_BRIDGE: Final = (*_CHANGED, "datapath_type", "external_ids", "other_config", "mcast_snooping_enable")
_PORT: Final = ("tag", "trunks", "vlan_mode", "external_ids", "other_config")
_INTERFACE: Final = ("type", "options", "external_ids", "other_config", "mtu_request", "ofport_request")
_CONTROLLER: Final = (
    "target", "connection_mode", "max_backoff", "inactivity_probe", "local_ip", "local_netmask", "local_gateway",
    "external_ids", "other_config",
)  # fmt: skip


@attrs.frozen
class PortBefore:
    """A port with its one interface, and the bridge that it was on."""

    name: str
    bridge: str
    port: Columns
    interface: Columns


@attrs.frozen
class BridgeBefore:
    """A bridge with its controllers, and the flows that are lost; ``whole``: it goes itself, with all that is on it.

    ``columns``: all of a bridge that goes, of others those that are changed.
    """

    name: str
    columns: Columns
    controllers: tuple[Columns, ...]
    flows: tuple[str, ...] = ()
    whole: bool = False


@attrs.frozen(kw_only=True)
class Remains:
    """All of it. ``ovn_flows``: whether OVN's flows were in the integration bridge as well."""

    bridges: Mapping[str, BridgeBefore]
    ports: Mapping[str, PortBefore]
    veths: Mapping[str, str] = attrs.field(factory=dict[str, str])
    services: tuple[Service, ...] = ()
    ovn_flows: bool = False

    def then(self, later: Remains) -> Remains:
        """With what was found later besides; of what was known, what it was first."""
        known = {(service.kind, service.name) for service in self.services}
        return Remains(
            bridges={**later.bridges, **self.bridges},
            ports={**later.ports, **self.ports},
            veths={**later.veths, **self.veths},
            services=(*self.services, *(one for one in later.services if (one.kind, one.name) not in known)),
            ovn_flows=self.ovn_flows,
        )


def read_remains(entry: Mapping[str, Any]) -> Remains:
    """What ``attrs.asdict()`` has made of it, after JSON. Raises what a wrong one makes Python raise."""
    return Remains(
        bridges={name: _bridge(one) for name, one in entry["bridges"].items()},
        ports={name: PortBefore(**one) for name, one in entry["ports"].items()},
        veths=dict(entry["veths"]),
        services=tuple(Service(**one) for one in entry["services"]),
        ovn_flows=bool(entry["ovn_flows"]),
    )


def _bridge(one: Mapping[str, Any]) -> BridgeBefore:
    return BridgeBefore(
        one["name"], one["columns"], tuple(one["controllers"]), tuple(one["flows"]), whole=bool(one["whole"])
    )


def tunnel_bridge(host: HostState, found: Iterable[PatchPort]) -> str | None:
    """The agent's tunnel bridge, where nothing is on it but its pair to the integration bridge and tunnels."""
    for port in found:
        if port.kind == "agent-tunnel" and port.bridge != host.br_int:
            bridge = next(bridge for bridge in host.bridges if bridge.name == port.bridge)
            others = [one for one in bridge.ports if one.name not in (bridge.name, port.port)]
            if all(one.type in _TUNNELS and one.interfaces == 1 for one in others):
                return bridge.name
    return None


def agent_bridges(
    host: HostState, found: Sequence[PatchPort], flows: Mapping[str, Sequence[Flow]]
) -> tuple[BridgeState, ...]:
    """The integration bridge and the mapped bridges that the agent has controlled, or has left ports or flows on."""
    concerned = {host.br_int, *host.mappings.values()}
    with_ports = {port.bridge for port in found if port.kind in AGENT_KINDS}
    return tuple(
        bridge
        for bridge in host.bridges
        if bridge.name in concerned
        and (
            AGENT_CONTROLLER in bridge.controllers or bridge.name in with_ports or of_agent(flows.get(bridge.name, ()))
        )
    )


def remains_of(
    vs: VSwitch,
    host: HostState,
    found: Sequence[PatchPort],
    flows: Mapping[str, Sequence[Flow]],
    *,
    veths: Mapping[str, str],
    services: tuple[Service, ...],
    ovn_flows: bool,
) -> Remains:
    """What is there of the agent's now, and what else of ``found`` is removable.

    ``flows`` are those to be put back, by bridge, and ``veths`` the agent's, each with its other end.
    """
    tunnel = tunnel_bridge(host, found)
    names = [bridge.name for bridge in agent_bridges(host, found, flows)]
    going = {port.port for port in found if port.kind in AGENT_KINDS or port.removable}
    if tunnel is None:
        going -= {port.port for port in found if port.kind == "agent-tunnel"}
    else:
        names.append(tunnel)
        (bridge,) = (bridge for bridge in host.bridges if bridge.name == tunnel)
        going |= {port.name for port in bridge.ports} - {tunnel}
    homes = {port.name: bridge.name for bridge in host.bridges for port in bridge.ports if port.interfaces == 1}
    return Remains(
        bridges={
            name: _bridge_before(vs, name, [flow.text for flow in flows.get(name, ())], whole=name == tunnel)
            for name in names
        },
        ports={name: _port_before(vs, name, homes[name]) for name in sorted(going) if name in homes},
        veths=veths,
        services=services,
        ovn_flows=ovn_flows,
    )


def _bridge_before(vs: VSwitch, name: str, flows: Sequence[str], *, whole: bool) -> BridgeBefore:
    row = vs.get(Bridge, name=name)
    controllers = sorted((vs[ref] for ref in row.controller), key=lambda one: one.target)
    return BridgeBefore(
        name,
        _columns(vs, row, _BRIDGE if whole else _CHANGED),
        tuple(_columns(vs, one, _CONTROLLER) for one in controllers),
        tuple(flows),
        whole=whole,
    )


def _port_before(vs: VSwitch, name: str, bridge: str) -> PortBefore:
    port = vs.get(Port, name=name)
    (interface,) = port.interfaces
    return PortBefore(name, bridge, _columns(vs, port, _PORT), _columns(vs, vs[interface], _INTERFACE))


def _columns(vs: VSwitch, row: Bridge | Port | Interface | Controller, names: Iterable[str]) -> dict[str, Any]:
    """The values of columns that this release of Open vSwitch has, without those that are empty."""
    own: type[Row[Any]] = type(row)
    has: Callable[[Any], bool] = vs.has
    values = {name: getattr(row, name) for name in names if has(getattr(own, name))}
    return {name: _plain(value) for name, value in values.items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | frozenset | Mapping) and not value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, frozenset) else value
