"""How a client library does the writers' changes: with ovnkit's public API here, with ovsdbapp's in control.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias
from uuid import UUID

from ovnkit import Northbound
from ovnkit.errors import Conflict, NotFound, OutcomeUnknown, Timeout, TransactionFailed
from ovnkit.northbound import AddressSet, LogicalSwitch, LogicalSwitchPort, NorthboundTransaction
from ovnkit.ovsdb import Add, Put, Ref, Remove, Verbatim
from ovnkit.ovsdb.codec import encode
from tests.chaos import model
from tests.chaos.content import Content, canonical
from tests.chaos.model import Change, State

__all__ = ["PATIENCE", "Driver", "How", "OvnkitDriver", "Refused", "Unknown"]

How: TypeAlias = Literal["patient", "hasty", "submitted"]
"""With a long deadline, with one that often passes during a fault, or by submit()."""

PATIENCE = 30.0
_HASTE = 0.3


class Refused(Exception):
    """The library said that the change was not applied. ``word``: its error."""

    def __init__(self, word: str, *, expected: bool) -> None:
        super().__init__(word)
        self.word = word
        self.expected = expected
        """Whether the library documents this error for a write."""


class Unknown(Exception):
    """The library said that it does not know. ``resolve(timeout)`` raises Unknown again where it still does not."""

    def __init__(self, reason: str, resolve: Callable[[float], bool], uuid: UUID | None) -> None:
        super().__init__(reason)
        self.resolve = resolve
        self.uuid = uuid


class Driver(Protocol):
    """A client with one writer."""

    def apply(self, change: Change, uuid: UUID | None, how: How) -> UUID | None:
        """Do a change of the row ``uuid``; returns the uuid of the row. Raises Refused and Unknown."""
        ...

    def read(self, kind: type[State], uuid: UUID) -> State | None:
        """The row as the client sees it now; None where it does not see it."""
        ...

    def content(self) -> Content:
        """All that the client has replicated."""
        ...

    def close(self) -> None: ...


class OvnkitDriver:
    """ovnkit."""

    def __init__(self, remote: str, *, probe_interval: float) -> None:
        self.nb = Northbound.connect(remote, timeout=PATIENCE, probe_interval=probe_interval)

    def apply(self, change: Change, uuid: UUID | None, how: How) -> UUID | None:
        chosen: list[UUID] = []

        def body(tx: NorthboundTransaction) -> None:
            chosen[:] = [_write(tx, change, uuid)]

        try:
            if isinstance(change, model.Count):
                self.nb.transact(body, timeout=_HASTE if how == "hasty" else None)
            else:
                tx = self.nb.transaction(timeout=_HASTE if how == "hasty" else None)
                body(tx)
                if how == "submitted":
                    tx.submit().result(2 * PATIENCE)
                else:
                    tx.commit()
        except OutcomeUnknown as exc:
            raise _unknown(exc, chosen[0]) from exc
        except (Conflict, NotFound, Timeout) as exc:
            raise Refused(type(exc).__name__, expected=True) from exc
        except TransactionFailed as exc:
            raise Refused(str(exc), expected=False) from exc
        return chosen[0]

    def read(self, kind: type[State], uuid: UUID) -> State | None:
        if kind is model.Switch:
            switch = _row(self.nb, Ref(LogicalSwitch, uuid))
            if switch is None:
                return None
            ports = [_row(self.nb, ref) for ref in switch.ports]
            names = frozenset("(missing)" if port is None else port.name for port in ports)
            return model.Switch(dict(switch.external_ids), dict(switch.other_config), names)
        held = _row(self.nb, Ref(AddressSet, uuid))
        return None if held is None else model.AddressSet(held.addresses)

    def content(self) -> Content:
        return {
            name: {
                str(row.uuid): {
                    column: canonical(encode(getattr(row, column) if column in row._columns else row.extra[column]))
                    for column in table.columns
                }
                for row in self.nb.rows(name)
            }
            for name, table in self.nb.schema.tables.items()
        }

    def close(self) -> None:
        self.nb.close()


def _unknown(exc: OutcomeUnknown, uuid: UUID) -> Unknown:
    def resolve(timeout: float) -> bool:
        try:
            return exc.resolve(timeout)
        except OutcomeUnknown as again:
            raise _unknown(again, uuid) from again

    return Unknown(exc.reason, resolve, uuid)


def _row(nb: Northbound, ref: Ref[Any]) -> Any:
    try:
        return nb[ref]
    except NotFound:
        return None


def _write(tx: NorthboundTransaction, change: Change, uuid: UUID | None) -> UUID:
    match change:
        case model.InsertSwitch(name=name):
            return tx.insert(LogicalSwitch(name=name, external_ids={model.COUNT: "0"})).uuid
        case model.InsertSet(name=name, addresses=addresses):
            return tx.insert(AddressSet(name=name, addresses=_unchecked(addresses))).uuid
        case _:
            assert uuid is not None
    if isinstance(change, (model.SetAddresses, model.AddAddress, model.RemoveAddress)):
        _write_set(tx, change, tx[Ref(AddressSet, uuid)])
    elif isinstance(change, model.Delete):
        tx.delete(tx[Ref(LogicalSwitch if change.kind is model.Switch else AddressSet, uuid)])
    else:
        _write_switch(tx, change, tx[Ref(LogicalSwitch, uuid)])
    return uuid


def _write_switch(tx: NorthboundTransaction, change: Change, row: LogicalSwitch) -> None:
    match change:
        case model.InsertPort(port=port):
            tx.update(row, ports=Add(tx.insert(LogicalSwitchPort(name=port))))
        case model.SetConfig(config=config):
            tx.update(row, other_config=config)
        case model.PutKey(key=key, value=value):
            tx.update(row, external_ids=Put({key: value}))
        case model.RemoveKey(key=key):
            tx.update(row, external_ids=Remove(key))
        case model.Count():
            tx.update(row, external_ids=Put({model.COUNT: str(int(row.external_ids[model.COUNT]) + 1)}))
        case _:
            raise TypeError(f"{change} is not for a switch")


def _unchecked(addresses: frozenset[str]) -> frozenset[str]:
    # They are words that say who wrote them, and none that OVN would take.
    return frozenset(map(Verbatim, addresses))


def _write_set(tx: NorthboundTransaction, change: Change, row: AddressSet) -> None:
    match change:
        case model.SetAddresses(addresses=addresses):
            tx.update(row, addresses=_unchecked(addresses))
        case model.AddAddress(address=address):
            tx.update(row, addresses=Add(Verbatim(address)))
        case model.RemoveAddress(address=address):
            tx.update(row, addresses=Remove(address))
        case _:
            raise TypeError(f"{change} is not for an address set")
