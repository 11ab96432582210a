"""The patch ports of a host, and putting them in order after another agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from ovnkit.errors import Conflict
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Add, Remove
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.provider_ports import provider_ports
from ovnkit.vswitch.base import VSwitchOperations
from ovnkit.vswitch.chassis_config import ChassisConfig, chassis_config
from ovnkit.vswitch.patch_ports import PatchPort, classify
from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState
from ovnkit.vswitch.rows import Bridge, Controller, Interface, OpenVSwitch, Port

if TYPE_CHECKING:
    from ovnkit.southbound.client import Southbound
    from ovnkit.vswitch.client import VSwitch, VSwitchTransaction

__all__ = ["PatchOperations", "host_state"]

_AGENT_CONTROLLER: Final = "tcp:127.0.0.1:6633"


class PatchOperations(VSwitchOperations):
    """Telling whose each patch port is, and removing those that stand beside OVN's."""

    def patch_ports(
        self, southbound: Southbound | None = None, *, controller_running: bool = True
    ) -> tuple[PatchPort, ...]:
        """Every patch port of this host with its class and why, in the order of bridges and ports.

        Without ``southbound`` OVN's own ports are judged by their marks and the mappings alone. ``controller_running``:
        say False if you know that no ovn-controller runs here; what it has left behind is removable then.
        """
        return classify(host_state(self, southbound, controller_running=controller_running))

    def reconcile_patch_ports(
        self,
        southbound: Southbound | None = None,
        *,
        force: bool = False,
        controller_running: bool = True,
        dry_run: bool = False,
    ) -> Changes:
        """Remove the patch ports beside OVN's own, and take the provider bridges over from OpenStack's agent.

        What goes is what patch_ports() calls removable: the agent's ``int-``/``phy-`` pairs of mapped bridges,
        imposters of OVN's names, and what OVN left behind if no ovn-controller runs. OVN's live ports keep their
        OpenFlow numbers. A mapped bridge whose controller is the agent's (``tcp:127.0.0.1:6633``) loses that
        controller, and, if it was the only one, gets fail mode ``standalone`` and all OpenFlow versions again: else
        it would have no flows at all after a restart of ovs-vswitchd. The integration bridge keeps its controllers
        and its fail mode, for a change of either makes ovs-vswitchd drop OVN's flows, which only a restart of
        ovn-controller brings back; where the agent has restricted its OpenFlow versions, 1.5 is added, which
        ovn-controller needs.

        Identity: the host. Stop and disable the agent first, and wait until ovn-controller has made its pairs. Raises
        Conflict while the agent is connected, and while OVN's own pair to a bridge is not up, since the agent's may be
        the only way to the outside; ``force`` removes it all the same.
        """

        def body(tx: VSwitchTransaction) -> Ref[OpenVSwitch] | None:
            host = host_state(tx, southbound, controller_running=controller_running)
            found = classify(host)
            going = _going(found, classify(attrs.evolve(host, spare_uplinks=False)), force=force)
            taken = [bridge for bridge in _agent_bridges(tx, host) if not _keeps_agent_port(found, going, bridge.name)]
            if not force:
                _check_agent_stopped(host, going, taken)
            _remove(tx, going)
            for bridge in taken:
                _take_over(tx, bridge)
            _admit_controller(tx, host.br_int)
            return next((row.ref for row in tx.find(OpenVSwitch)), None)

        return self._operate(body, dry_run=dry_run)


def host_state(
    on: VSwitch | VSwitchTransaction | PatchOperations,
    southbound: Southbound | None = None,
    *,
    controller_running: bool = True,
) -> HostState:
    """What the classification of patch ports looks at, from the rows of this host and of Southbound."""
    config = chassis_config(next((row.external_ids for row in on.find(OpenVSwitch)), {}))
    ports = {row.ref: row for row in on.find(Port)}
    interfaces = {row.ref: row for row in on.find(Interface)}
    controllers = {row.ref: row for row in on.find(Controller)}
    return HostState(
        bridges=tuple(
            BridgeState(
                name=bridge.name,
                ports=tuple(
                    _port_state(port, interfaces)
                    for port in sorted((ports[ref] for ref in bridge.ports if ref in ports), key=lambda port: port.name)
                ),
                fail_mode=bridge.fail_mode,
                controllers={
                    controllers[ref].target: controllers[ref].is_connected
                    for ref in bridge.controller
                    if ref in controllers
                },
            )
            for bridge in sorted(on.find(Bridge), key=lambda bridge: bridge.name)
        ),
        mappings=config.bridge_mappings,
        wanted=None if southbound is None else _wanted(southbound, config),
        controller_running=controller_running,
        br_int=config.integration_bridge,
    )


def _wanted(southbound: Southbound, config: ChassisConfig) -> dict[str, str]:
    return provider_ports(southbound, config.system_id or "")


def _port_state(port: Port, interfaces: dict[Ref[Interface], Interface]) -> PortState:
    own = [interfaces[ref] for ref in port.interfaces if ref in interfaces]
    first = min(own, key=lambda interface: (interface.type != "patch", interface.name), default=None)
    if first is None:
        return PortState(name=port.name, uuid=port.uuid, type="", external_ids=port.external_ids, interfaces=0)
    return PortState(
        name=port.name,
        uuid=port.uuid,
        type=first.type,
        peer=first.options.get("peer"),
        external_ids=port.external_ids,
        interface_ids=first.external_ids,
        ofport=first.ofport,
        error=first.error,
        interfaces=len(own),
    )


def _going(found: tuple[PatchPort, ...], without_regard: tuple[PatchPort, ...], *, force: bool) -> list[PatchPort]:
    """The ports to remove. Raises Conflict where one that would go may be the only uplink."""
    going = [port for port in found if port.removable]
    names = {port.port for port in going}
    spared = [
        port.port for port in without_regard if port.kind == "agent" and port.removable and port.port not in names
    ]
    if spared and not force:
        why = "; ".join(f"{port.port} on {port.bridge}: {port.why}" for port in found if port.port in spared)
        raise Conflict(
            "no other uplink",
            f"{why}. Set the bridge mapping, start ovn-controller and wait for its patch ports; force=True removes the"
            " agent's ports all the same",
        )
    going += [port for port in found if port.port in spared]
    names.update(spared)
    stay = {port.port for port in found} - names
    # Half of a pair is never removed: what keeps one end keeps the other.
    return [port for port in going if port.kind != "agent" or port.peer not in stay]


def _agent_bridges(tx: VSwitchTransaction, host: HostState) -> Iterator[Bridge]:
    """The mapped bridges that the agent's controller has."""
    agent = {row.ref for row in tx.find(Controller, target=_AGENT_CONTROLLER)}
    for name in sorted(set(host.mappings.values()) - {host.br_int}):
        for bridge in tx.find(Bridge, name=name):
            if bridge.controller & agent:
                yield bridge


def _keeps_agent_port(found: tuple[PatchPort, ...], going: list[PatchPort], bridge: str) -> bool:
    names = {port.port for port in going}
    return any(
        port.bridge == bridge and port.kind in ("agent", "agent-veth") and port.port not in names for port in found
    )


def _check_agent_stopped(host: HostState, going: list[PatchPort], taken: list[Bridge]) -> None:
    """An agent that runs puts its ports and its controller back, and with them the loop."""
    if not taken and not any(port.kind == "agent" for port in going):
        return
    for bridge in host.bridges:
        concerned = bridge.name == host.br_int or bridge.name in host.mappings.values()
        if concerned and bridge.controllers.get(_AGENT_CONTROLLER):
            raise Conflict(
                "agent running",
                f"bridge {bridge.name!r} is connected to {_AGENT_CONTROLLER}: the OpenStack agent runs and would put"
                " its ports back. Stop and disable neutron-openvswitch-agent first",
            )


def _remove(tx: VSwitchTransaction, going: list[PatchPort]) -> None:
    for name in sorted({port.bridge for port in going}):
        rows = [tx.get(Port, name=port.port) for port in going if port.bridge == name]
        for row in rows:
            tx.check(row)
        tx.update(tx.get(Bridge, name=name), ports=Remove(*(row.ref for row in rows)))


def _admit_controller(tx: VSwitchTransaction, integration_bridge: str) -> None:
    agent = {row.ref for row in tx.find(Controller, target=_AGENT_CONTROLLER)}
    for bridge in tx.find(Bridge, name=integration_bridge):
        if bridge.controller & agent and bridge.protocols:
            tx.update(bridge, protocols=Add("OpenFlow15"))


def _take_over(tx: VSwitchTransaction, bridge: Bridge) -> None:
    agent = [row.ref for row in tx.find(Controller, target=_AGENT_CONTROLLER) if row.ref in bridge.controller]
    current = tx[bridge.ref]
    tx.update(current, controller=Remove(*agent))
    if not current.controller - set(agent):
        tx.update(tx[bridge.ref], fail_mode="standalone", protocols=[])
