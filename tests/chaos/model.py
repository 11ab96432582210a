"""What writers do, and what must be in the database after it. Pure logic."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TypeAlias

import attrs

__all__ = [
    "COUNT",
    "AddAddress",
    "AddressSet",
    "Change",
    "Count",
    "Delete",
    "InsertPort",
    "InsertSet",
    "InsertSwitch",
    "PutKey",
    "RemoveAddress",
    "RemoveKey",
    "SetAddresses",
    "SetConfig",
    "State",
    "Switch",
    "applied",
    "next_change",
]

COUNT = "count"
"""The key of external_ids that counts acknowledged increments: a repetition shows, which a set would hide."""


@attrs.frozen
class Switch:
    """A Logical_Switch (no unique index): its name is the marker of the insert, its ports are known by name."""

    ids: dict[str, str]
    config: dict[str, str] = attrs.field(factory=dict[str, str])
    ports: frozenset[str] = frozenset()


@attrs.frozen
class AddressSet:
    """An Address_Set (name is a unique index)."""

    addresses: frozenset[str]


State: TypeAlias = Switch | AddressSet


@attrs.frozen
class InsertSwitch:
    name: str


@attrs.frozen
class InsertSet:
    name: str
    addresses: frozenset[str]


@attrs.frozen
class InsertPort:
    """A port (unique name, not a root table) and its membership, in one transaction."""

    name: str
    port: str


@attrs.frozen
class SetConfig:
    """A whole column."""

    name: str
    config: dict[str, str]


@attrs.frozen
class PutKey:
    """One key of a map."""

    name: str
    key: str
    value: str


@attrs.frozen
class RemoveKey:
    name: str
    key: str


@attrs.frozen
class Count:
    """Read, add one, write: by a function that a client runs again on a conflict."""

    name: str


@attrs.frozen
class SetAddresses:
    name: str
    addresses: frozenset[str]


@attrs.frozen
class AddAddress:
    name: str
    address: str


@attrs.frozen
class RemoveAddress:
    name: str
    address: str


@attrs.frozen
class Delete:
    """A row, and with a switch its ports."""

    name: str
    kind: type[State]


Change: TypeAlias = (
    InsertSwitch
    | InsertSet
    | InsertPort
    | SetConfig
    | PutKey
    | RemoveKey
    | Count
    | SetAddresses
    | AddAddress
    | RemoveAddress
    | Delete
)


def applied(state: State | None, change: Change) -> State | None:
    """The row after a change; None where there is none."""
    match change:
        case InsertSwitch():
            return Switch({COUNT: "0"})
        case InsertSet(addresses=addresses):
            return AddressSet(addresses)
        case Delete():
            return None
        case _:
            pass
    if isinstance(state, Switch):
        return _switch_after(state, change)
    if isinstance(state, AddressSet):
        return _set_after(state, change)
    return None


def _switch_after(row: Switch, change: Change) -> Switch:
    match change:
        case InsertPort(port=port):
            return attrs.evolve(row, ports=row.ports | {port})
        case SetConfig(config=config):
            return attrs.evolve(row, config=config)
        case PutKey(key=key, value=value):
            return attrs.evolve(row, ids={**row.ids, key: value})
        case RemoveKey(key=key):
            return attrs.evolve(row, ids={name: value for name, value in row.ids.items() if name != key})
        case Count():
            return attrs.evolve(row, ids={**row.ids, COUNT: str(int(row.ids[COUNT]) + 1)})
        case _:
            raise TypeError(f"{change} is not for a switch")


def _set_after(row: AddressSet, change: Change) -> AddressSet:
    match change:
        case SetAddresses(addresses=addresses):
            return attrs.evolve(row, addresses=addresses)
        case AddAddress(address=address):
            return attrs.evolve(row, addresses=row.addresses | {address})
        case RemoveAddress(address=address):
            return attrs.evolve(row, addresses=row.addresses - {address})
        case _:
            raise TypeError(f"{change} is not for an address set")


_SWITCH_CHANGES = ("config",) * 4 + ("put",) * 4 + ("remove",) * 2 + ("count",) * 3 + ("port",) * 2
_SET_CHANGES = ("whole", "add", "add", "remove")
_KEYS = ("a", "b", "c")
_MOST_PORTS = 4


def next_change(rng: random.Random, rows: Mapping[str, State], token: str, *, most_rows: int) -> Change:
    """What a writer that owns ``rows`` does next; every value that it writes is ``token``, which is unique."""
    draw = rng.random()
    if not rows or (draw < 0.3 and len(rows) < most_rows):
        return InsertSet(token, frozenset({token, token + "+"})) if rng.random() < 0.25 else InsertSwitch(token)
    name = rng.choice(list(rows))
    row = rows[name]
    if draw < 0.3 or draw > 0.9:
        return Delete(name, type(row))
    return _switch_change(rng, name, row, token) if isinstance(row, Switch) else _set_change(rng, name, row, token)


def _switch_change(rng: random.Random, name: str, row: Switch, token: str) -> Change:
    match rng.choice(_SWITCH_CHANGES):
        case "port" if len(row.ports) < _MOST_PORTS:
            return InsertPort(name, token)
        case "put":
            return PutKey(name, rng.choice(_KEYS), token)
        case "remove" if len(row.ids) > 1:
            return RemoveKey(name, rng.choice(sorted(row.ids.keys() - {COUNT})))
        case "count":
            return Count(name)
        case _:
            return SetConfig(name, {"v": token})


def _set_change(rng: random.Random, name: str, row: AddressSet, token: str) -> Change:
    match rng.choice(_SET_CHANGES):
        case "add":
            return AddAddress(name, token)
        case "remove" if row.addresses:
            return RemoveAddress(name, rng.choice(sorted(row.addresses)))
        case _:
            return SetAddresses(name, frozenset({token}))
