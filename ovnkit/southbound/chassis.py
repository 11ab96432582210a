"""The hypervisors and gateways that ovn-controller has registered: what they say, and removing those that are gone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Map, Ref
from ovnkit.southbound.base import SouthboundOperations
from ovnkit.southbound.chassis_values import (
    ENABLE_CHASSIS_AS_GW,
    availability_zones,
    cms_options,
    read_bridge_mappings,
)
from ovnkit.southbound.liveness import GRACE, StaleChassis, is_remote, stale_chassis
from ovnkit.southbound.rows import Chassis, ChassisPrivate, Encap, HAChassis, HAChassisGroup, PortBinding, SBGlobal

if TYPE_CHECKING:
    from ovnkit.southbound.client import SouthboundTransaction

__all__ = ["ChassisOperations", "ChassisSummary", "EncapSummary", "Gateway", "Location"]

_REDIRECT = "cr-"


@attrs.frozen(order=True)
class EncapSummary:
    """One end of tunnels: how they are made, and where they end."""

    type: str
    ip: str

    def __str__(self) -> str:
        return f"{self.type} {self.ip}"


@attrs.frozen(kw_only=True)
class ChassisSummary:
    """A chassis as it has registered itself (ovn-sb(5), Chassis).

    ``gateway``: whether it has ``enable-chassis-as-gw``. ``nb_cfg`` is that of its own Chassis_Private, and
    ``nb_cfg_timestamp`` when it got there (milliseconds since the epoch, by its own clock); None where it has none.
    ``remote``: it belongs to another availability zone (ovn-ic(8)).
    """

    name: str
    hostname: str
    encaps: tuple[EncapSummary, ...]
    bridge_mappings: Mapping[str, str]
    cms_options: tuple[str, ...]
    gateway: bool
    availability_zones: tuple[str, ...]
    transport_zones: tuple[str, ...]
    nb_cfg: int | None
    nb_cfg_timestamp: int | None
    remote: bool
    ref: Ref[Chassis] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Gateway:
    """A chassis that is flagged as a gateway, or may carry the gateway of a router, or does.

    ``active``: the router ports that are bound to it; ``candidate``: the priority of those that it may carry.
    """

    chassis: ChassisSummary
    active: tuple[str, ...]
    candidate: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Location:
    """Where a logical port is.

    ``port`` is the port that was found: for a router port with a gateway its ``cr-`` port, which is what is bound.
    ``chassis`` and ``hostname`` are None while it is bound nowhere; ``additional``: further chassis, during a live
    migration.
    """

    port: str
    type: str
    chassis: str | None
    hostname: str | None
    additional: tuple[str, ...]
    up: bool | None


class ChassisOperations(SouthboundOperations):
    """Reading chassis and what they carry, and removing one."""

    def chassis(self) -> tuple[ChassisSummary, ...]:
        """All chassis, by name."""
        private = {row.name: row for row in self.find(ChassisPrivate)}
        encaps = {row.ref: EncapSummary(row.type, row.ip) for row in self.find(Encap)}
        summaries = (_summary(row, private.get(row.name), encaps) for row in self.find(Chassis))
        return tuple(sorted(summaries, key=lambda summary: summary.name))

    def gateways(self) -> tuple[Gateway, ...]:
        """The chassis that are gateways or may become one, by name, with the router ports that they carry."""
        names: dict[Ref[Chassis] | None, str] = {row.ref: row.name for row in self.find(Chassis)}
        active: dict[str, list[str]] = {}
        candidate: dict[str, dict[str, int]] = {}
        members = {row.ref: (row.chassis, row.priority) for row in self.find(HAChassis)}
        groups: dict[Ref[HAChassisGroup] | None, frozenset[Ref[HAChassis]]] = {
            row.ref: row.ha_chassis for row in self.find(HAChassisGroup)
        }
        for binding in self.find(PortBinding, type="chassisredirect"):
            port = binding.options.get("distributed-port", binding.logical_port.removeprefix(_REDIRECT))
            if (name := names.get(binding.chassis)) is not None:
                active.setdefault(name, []).append(port)
            for member in groups.get(binding.ha_chassis_group, ()):
                chassis, priority = members.get(member, (None, 0))
                if (name := names.get(chassis)) is not None:
                    candidate.setdefault(name, {})[port] = priority
        return tuple(
            Gateway(
                chassis=summary,
                active=tuple(sorted(active.get(summary.name, ()))),
                candidate=Map(candidate.get(summary.name, {})),
            )
            for summary in self.chassis()
            if summary.gateway or summary.name in active or summary.name in candidate
        )

    def location(self, port: str) -> Location:
        """The chassis that a logical port is bound to: the port of a switch or router, or a ``cr-`` port.

        Raises NotFound where Southbound has no such port.
        """
        binding = self.get(PortBinding, logical_port=port)
        redirect = binding.options.get("chassis-redirect-port")
        if redirect is not None:
            binding = next(iter(self.find(PortBinding, logical_port=redirect)), binding)
        rows = {row.ref: row for row in self.find(Chassis)}
        chassis = rows.get(binding.chassis) if binding.chassis is not None else None
        return Location(
            port=binding.logical_port,
            type=binding.type,
            chassis=None if chassis is None else chassis.name,
            hostname=None if chassis is None else chassis.hostname,
            additional=tuple(sorted(rows[ref].name for ref in binding.additional_chassis if ref in rows)),
            up=binding.up,
        )

    def stale_chassis(self, *, grace: float = GRACE) -> tuple[StaleChassis, ...]:
        """The chassis that look abandoned, by name; what it shows is a reason to look, not a proof.

        "stale": one of Chassis and Chassis_Private is missing, or it has not followed ``nb_cfg`` while another chassis
        did so more than ``grace`` seconds ago, by the clocks of the chassis. "unknown": ``nb_cfg`` has never moved
        (``sync()`` of the Northbound client moves it), or this chassis has never said that it follows, or it is behind,
        and since when nothing tells: where ``nb_cfg`` is raised often, the time of each raise is lost with the next.
        Chassis of other availability zones and VTEP gateways have no Chassis_Private and are left out.
        """
        found = stale_chassis(
            {row.name: row for row in self.find(Chassis)},
            {row.name: row for row in self.find(ChassisPrivate)},
            target=max((row.nb_cfg for row in self.find(SBGlobal)), default=0),
            now=time.time(),
            grace=grace,
        )
        return tuple(sorted(found, key=lambda stale: stale.name))

    def remove_chassis(self, name: str, *, dry_run: bool = False) -> Changes:
        """Remove a chassis that is gone: its Chassis with its Encaps, and its Chassis_Private, also a lone one.

        Identity: its name; nothing changes where there is none.

        What is bound to it is bound nowhere then. Stop its ovn-controller for good first: one that runs comes back at
        once (``ovn-appctl -t ovn-controller exit`` there removes these rows itself).
        """

        def body(tx: SouthboundTransaction) -> None:
            for private in tx.find(ChassisPrivate, name=name):
                tx.delete(private)
            for chassis in tx.find(Chassis, name=name):
                tx.delete(chassis)

        return self._operate(body, dry_run=dry_run)


def _summary(row: Chassis, private: ChassisPrivate | None, encaps: Mapping[Ref[Encap], EncapSummary]) -> ChassisSummary:
    # What ovn-controller copies is in other_config; releases before 20.06 had it in external_ids.
    said = {**row.external_ids, **row.other_config}
    items = cms_options(said.get("ovn-cms-options", ""))
    return ChassisSummary(
        name=row.name,
        hostname=row.hostname,
        encaps=tuple(sorted(encaps[ref] for ref in row.encaps if ref in encaps)),
        bridge_mappings=Map(read_bridge_mappings(said.get("ovn-bridge-mappings", ""))),
        cms_options=items,
        gateway=ENABLE_CHASSIS_AS_GW in items,
        availability_zones=availability_zones(said.get("ovn-cms-options", "")),
        transport_zones=tuple(sorted(row.transport_zones)),
        nb_cfg=None if private is None else private.nb_cfg,
        nb_cfg_timestamp=None if private is None else private.nb_cfg_timestamp,
        remote=is_remote(row),
        ref=row.ref,
    )
