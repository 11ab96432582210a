"""Who may carry the gateway of a router, by the rows of OVN_Northbound, and putting one chassis last or back.

``Gateway_Chassis`` of a router port, and ``HA_Chassis`` of a group that router ports and external ports share: of the
members that live, the one with the highest priority carries it (ovn-nb(5)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.columns import EVACUATED
from ovnkit.northbound.rows import GatewayChassis, HAChassis, HAChassisGroup, LogicalRouterPort, LogicalSwitchPort
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.ovsdb.values import Ref

__all__ = ["Seat", "Seats", "demote", "readmit", "rename", "seats_of", "withdraw"]

_REDIRECT: Final = "cr-"
_NEUTRON: Final = "neutron:"


@attrs.frozen
class Seat:
    """A member: its row, its priority, and whether it was put last for a while."""

    row: GatewayChassis | HAChassis
    priority: int
    evacuated: bool


@attrs.frozen
class Seats:
    """The chassis that may carry one gateway.

    ``what`` names it, ``owner`` is the row that lists them, ``ports`` are the logical ports that Southbound binds to
    the chassis that carries it. ``neutron``: Neutron keeps it, and would write over what others do to it.
    """

    what: str
    owner: LogicalRouterPort | HAChassisGroup
    members: Mapping[str, Seat]
    ports: frozenset[str]
    neutron: bool

    def is_last(self, chassis: str) -> bool:
        """Whether all others come before this one, but for those that were put last themselves."""
        own = self.members[chassis].priority
        return all(self.members[name].priority > own for name in self.others(chassis))

    def others(self, chassis: str) -> set[str]:
        """The other members that were not put last themselves."""
        return {name for name, seat in self.members.items() if name != chassis and not seat.evacuated}


def seats_of(on: Northbound | NorthboundTransaction, chassis: str) -> list[Seats]:
    """Every gateway that this chassis may carry, by name."""
    return sorted((seats for seats in _all(on) if chassis in seats.members), key=lambda seats: seats.what)


def _all(on: Northbound | NorthboundTransaction) -> Iterator[Seats]:
    members: dict[Ref[Any], GatewayChassis | HAChassis] = {row.ref: row for row in on.find(GatewayChassis)}
    members |= {row.ref: row for row in on.find(HAChassis)}
    grouped: dict[Ref[HAChassisGroup] | None, set[str]] = {}
    neutrons: set[Ref[HAChassisGroup] | None] = set()
    for port in on.find(LogicalRouterPort):
        if port.ha_chassis_group is not None:
            grouped.setdefault(port.ha_chassis_group, set()).add(_REDIRECT + port.name)
            if _is_neutrons(port):
                neutrons.add(port.ha_chassis_group)
        elif port.gateway_chassis:
            yield Seats(
                f"router port {port.name}",
                port,
                _seats(members, port.gateway_chassis),
                frozenset({_REDIRECT + port.name}),
                _is_neutrons(port),
            )
    for external in on.find(LogicalSwitchPort):
        if external.ha_chassis_group is not None:
            grouped.setdefault(external.ha_chassis_group, set()).add(external.name)
    for group in on.find(HAChassisGroup):
        neutron = _is_neutrons(group) or group.ref in neutrons
        ports = frozenset(grouped.get(group.ref, ()))
        yield Seats(f"HA chassis group {group.name}", group, _seats(members, group.ha_chassis), ports, neutron)


def _is_neutrons(row: LogicalRouterPort | HAChassisGroup) -> bool:
    return any(key.startswith(_NEUTRON) for key in row.external_ids)


def _seats(members: Mapping[Ref[Any], GatewayChassis | HAChassis], refs: Iterable[Ref[Any]]) -> dict[str, Seat]:
    rows = [members[ref] for ref in sorted(refs) if ref in members]
    return {row.chassis_name: Seat(row, row.priority, EVACUATED in row.external_ids) for row in rows}


def demote(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Put a chassis behind the others; what it had is remembered in its row."""
    if seats.is_last(chassis):
        return
    # The lowest priority is 0: where another one has that, all others go up by one, and so does what is remembered.
    lift = int(any(seats.members[name].priority == 0 for name in seats.others(chassis)))
    for name, seat in seats.members.items():
        had = int(seat.row.external_ids.get(EVACUATED, seat.priority)) + lift
        if seat.evacuated or name == chassis:
            tx.update(seat.row, priority=0, external_ids=Put({EVACUATED: str(had)}))
        else:
            tx.update(seat.row, priority=had)


def readmit(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Give a chassis the priority back that it had."""
    own = seats.members[chassis]
    if own.evacuated:
        tx.update(own.row, priority=int(own.row.external_ids[EVACUATED]), external_ids=Remove(EVACUATED))


def withdraw(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Take a chassis off the list."""
    tx.delete(seats.members[chassis].row)


def rename(tx: NorthboundTransaction, seats: Seats, chassis: str, name: str) -> None:
    """Let the seat of a chassis be that of another name, with the priority that it had before it was put last."""
    readmit(tx, seats, chassis)
    row = seats.members[chassis].row
    if isinstance(row, GatewayChassis):
        # Its name is made of the port's and the chassis', by ovn-nbctl as well.
        tx.update(row, chassis_name=name, name=row.name.removesuffix(chassis) + name)
    else:
        tx.update(row, chassis_name=name)
