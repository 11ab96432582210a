"""Who may carry the gateway of a router, by the rows of OVN_Northbound, and putting one chassis last or back.

``Gateway_Chassis`` of a router port, and ``HA_Chassis`` of a group that router ports and external ports share: of the
members that live, the one with the highest priority carries it (ovn-nb(5)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from ovnkit.errors import NotUnique
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.columns import EVACUATED
from ovnkit.northbound.rows import GatewayChassis, HAChassis, HAChassisGroup, LogicalRouterPort, LogicalSwitchPort
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.ovsdb.values import Ref

__all__ = ["Seat", "Seats", "demote", "is_neutrons", "readmit", "rename", "seats_of", "withdraw"]

_REDIRECT: Final = "cr-"
_NEUTRON: Final = "neutron:"


@attrs.frozen
class Seat:
    """A member: its row, its priority, and what it had before it was put last, None where it was not."""

    row: GatewayChassis | HAChassis
    priority: int
    had: int | None


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

    def is_first(self, chassis: str) -> bool:
        """Whether this one comes before all others."""
        own = self.members[chassis].priority
        return all(seat.priority < own for name, seat in self.members.items() if name != chassis)

    def others(self, chassis: str) -> set[str]:
        """The other members that were not put last themselves."""
        return {name for name, seat in self.members.items() if name != chassis and seat.had is None}


def is_neutrons(row: LogicalRouterPort | LogicalSwitchPort | HAChassisGroup) -> bool:
    """Whether Neutron keeps this row."""
    return any(key.startswith(_NEUTRON) for key in row.external_ids)


def seats_of(on: Northbound | NorthboundTransaction, chassis: str) -> list[Seats]:
    """Every gateway that this chassis may carry, by name. Raises NotUnique where one is listed twice."""
    return sorted((seats for seats in _all(on) if chassis in seats.members), key=lambda seats: seats.what)


def _all(on: Northbound | NorthboundTransaction) -> Iterator[Seats]:
    members: dict[Ref[Any], GatewayChassis | HAChassis] = {row.ref: row for row in on.find(GatewayChassis)}
    members |= {row.ref: row for row in on.find(HAChassis)}
    grouped: dict[Ref[HAChassisGroup], set[str]] = {}
    neutrons: set[Ref[HAChassisGroup]] = set()

    def join(port: LogicalRouterPort | LogicalSwitchPort, binding: str) -> None:
        if port.ha_chassis_group is not None:
            grouped.setdefault(port.ha_chassis_group, set()).add(binding)
            if is_neutrons(port):
                neutrons.add(port.ha_chassis_group)

    for port in on.find(LogicalRouterPort):
        join(port, _REDIRECT + port.name)
        if port.gateway_chassis:
            # OVN follows the group where there is both.
            ports = frozenset({_REDIRECT + port.name} if port.ha_chassis_group is None else ())
            seats = _seats(f"router port {port.name}", members, port.gateway_chassis)
            yield Seats(f"router port {port.name}", port, seats, ports, is_neutrons(port))
    for external in on.find(LogicalSwitchPort, type="external"):
        join(external, external.name)
    for group in on.find(HAChassisGroup):
        what = f"HA chassis group {group.name}"
        neutron = is_neutrons(group) or group.ref in neutrons
        ports = frozenset(grouped.get(group.ref, ()))
        yield Seats(what, group, _seats(what, members, group.ha_chassis), ports, neutron)


def _seats(
    what: str, members: Mapping[Ref[Any], GatewayChassis | HAChassis], refs: Iterable[Ref[Any]]
) -> dict[str, Seat]:
    found: dict[str, Seat] = {}
    for row in (members[ref] for ref in sorted(refs) if ref in members):
        if row.chassis_name in found:
            twice = (found[row.chassis_name].row.uuid, row.uuid)
            raise NotUnique(row._table, {"chassis_name": row.chassis_name, "of": what}, twice)
        found[row.chassis_name] = Seat(row, row.priority, _had(row))
    return found


def _had(row: GatewayChassis | HAChassis) -> int | None:
    """What it had before; who has set a priority since has put it somewhere else."""
    text = row.external_ids.get(EVACUATED, "")
    return int(text) if row.priority == 0 and text.isascii() and text.isdecimal() else None


def demote(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Put a chassis behind the others; what it had is remembered in its row."""
    if seats.is_last(chassis):
        return
    # The lowest priority is 0: where another one has that, all others go up by one, and so does what is remembered.
    lift = int(any(seats.members[name].priority == 0 for name in seats.others(chassis)))
    for name, seat in seats.members.items():
        if name == chassis or seat.had is not None:
            had = (seat.priority if seat.had is None else seat.had) + lift
            tx.update(seat.row, priority=0, external_ids=Put({EVACUATED: str(had)}))
        else:
            tx.update(seat.row, priority=seat.priority + lift)


def readmit(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Give a chassis the priority back that it had."""
    own = seats.members[chassis]
    tx.update(own.row, priority=own.priority if own.had is None else own.had, external_ids=Remove(EVACUATED))


def withdraw(tx: NorthboundTransaction, seats: Seats, chassis: str) -> None:
    """Take a chassis off the list."""
    tx.delete(seats.members[chassis].row)


def rename(tx: NorthboundTransaction, seats: Seats, chassis: str, name: str) -> None:
    """Let the seat of a chassis be that of another name, with the priority that it had before it was put last."""
    readmit(tx, seats, chassis)
    row = seats.members[chassis].row
    if isinstance(row, GatewayChassis) and row.name.endswith(f"_{chassis}"):
        # The usual name: of the router port and the chassis.
        tx.update(row, chassis_name=name, name=row.name.removesuffix(chassis) + name)
    else:
        tx.update(row, chassis_name=name)
