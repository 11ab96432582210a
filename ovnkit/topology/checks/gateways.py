"""The ways out of a router: its gateway ports, the chassis that may carry them, and the switches behind them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ovnkit.northbound.rows import NAT, LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort
from ovnkit.topology.addresses import network_of, plain_ip
from ovnkit.topology.tables import Tables

__all__ = ["Gateway", "behind", "connected", "gateway_ports", "gateway_switches", "gateways", "router_behind"]


@attrs.frozen
class Gateway:
    """A router port with a gateway, or a router that is on one chassis as a whole: what it is bound by, and where.

    ``chassis``: those that may carry it, the first first; ``binding``: its logical port in Southbound.
    """

    router: LogicalRouter
    port: LogicalRouterPort | None
    chassis: tuple[str, ...]
    binding: str

    @property
    def row(self) -> LogicalRouter | LogicalRouterPort:
        """The row that it stands for."""
        return self.port or self.router


def gateways(tables: Tables) -> Iterator[Gateway]:
    """All of a network, in order."""
    for router in tables.routers:
        if router.enabled is False:
            continue
        ports = tables.router_ports(router)
        if chassis := router.options.get("chassis"):
            yield Gateway(router, None, (chassis,), next((port.name for port in ports), ""))
        for port in ports:
            if candidates := tables.candidates(port):
                names = tuple(candidate.chassis for candidate in candidates)
                yield Gateway(router, port, names, f"cr-{port.name}")


def gateway_ports(tables: Tables, router: LogicalRouter, nat: NAT | None = None) -> list[LogicalRouterPort]:
    """The ports at which a router translates addresses; all of them where it is on one chassis as a whole."""
    ports = tables.router_ports(router)
    if nat is not None and nat.gateway_port is not None:
        return [port for port in ports if port.ref == nat.gateway_port]
    if router.options.get("chassis"):
        return ports
    return [port for port in ports if port.gateway_chassis or port.ha_chassis_group is not None]


def gateway_switches(tables: Tables, router: LogicalRouter, nat: NAT | None = None) -> list[LogicalSwitch]:
    """The switches at those ports."""
    switches = (behind(tables, port) for port in gateway_ports(tables, router, nat))
    return list({switch.ref: switch for switch in switches if switch is not None}.values())


def behind(tables: Tables, port: LogicalRouterPort) -> LogicalSwitch | None:
    """The switch that a router port is connected to."""
    named = tables.switch_ports_of_router_port.get(port.name, ())
    return next((tables.switch_of[one.ref] for one in named if one.ref in tables.switch_of), None)


def router_behind(tables: Tables, port: LogicalSwitchPort) -> LogicalRouter | None:
    """The router that a switch port is connected to."""
    other = tables.peer_router_port(port) if port.type == "router" else None
    return None if other is None else tables.router_of.get(other.ref)


def connected(ports: list[LogicalRouterPort], address: str) -> bool:
    """Whether an address is in one of the networks of these ports."""
    found_address = network_of(plain_ip(address))
    for port in ports:
        for text in port.networks:
            network = network_of(text)
            if network is None or found_address is None or network.version != found_address.version:
                continue
            if found_address.network_address in network:
                return True
    return False
