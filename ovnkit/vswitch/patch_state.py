"""What the classification of patch ports looks at: plain values of one snapshot of a host's ``Open_vSwitch``."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import attrs

__all__ = ["BridgeState", "HostState", "PortState"]


@attrs.frozen(kw_only=True)
class PortState:
    """A port with its interface; ``interfaces`` counts the interfaces of the port.

    ``external_ids`` and ``uuid`` are the Port's; ``type``, ``peer`` (``options:peer``), ``interface_ids``
    (``external_ids``), ``ofport`` and ``error`` the Interface's.
    """

    name: str
    uuid: UUID | None = None
    type: str = "patch"
    peer: str | None = None
    external_ids: Mapping[str, str] = attrs.field(factory=dict)
    interface_ids: Mapping[str, str] = attrs.field(factory=dict)
    ofport: int | None = None
    error: str | None = None
    interfaces: int = 1


@attrs.frozen(kw_only=True)
class BridgeState:
    """A bridge and its ports. ``controllers`` gives ``Controller.is_connected`` by target."""

    name: str
    ports: tuple[PortState, ...] = ()
    fail_mode: str | None = None
    controllers: Mapping[str, bool] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class HostState:
    """A host: its bridges, and what its controller is told and does.

    ``mappings`` gives the bridge of each physical network as ovn-controller reads it. ``wanted`` gives the physical
    network of every localnet port, and of every l2gateway port bound here, or is None when Southbound is not known. A
    localnet port whose switch has nothing on this host gets no pair: leave it out where that is known, else the agent's
    pair to its bridge stays. ``spare_uplinks`` says whether the agent's pair stays while it may be the only way to its
    bridge.
    """

    bridges: tuple[BridgeState, ...]
    mappings: Mapping[str, str]
    wanted: Mapping[str, str] | None
    controller_running: bool
    br_int: str = "br-int"
    spare_uplinks: bool = True
