"""The control: the same changes by ovsdbapp, to show that the campaign can find what it looks for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from ovsdbapp.backend.ovs_idl import command, connection
from ovsdbapp.schema.ovn_northbound import impl_idl

from tests.chaos import model
from tests.chaos.content import Content, canonical
from tests.chaos.driver import How, Refused
from tests.chaos.model import Change, State

__all__ = ["OvsdbappDriver", "connect"]

T = TypeVar("T")

_TIMEOUT = 10
_SET = "Address_Set"
_SWITCH = "Logical_Switch"


def connect(remote: str) -> tuple[Any, Any]:
    """A connection of its own, and ovsdbapp's API on it."""
    for name in ("ovsdbapp", "ovs"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    idl = connection.OvsdbIdl.from_server(remote, "OVN_Northbound")
    own = connection.Connection(idl, timeout=_TIMEOUT)
    # The class keeps the first connection for all its objects.
    api_class: Any = type("Api", (impl_idl.OvnNbApiIdlImpl,), {"_ovsdb_connection": None})
    return own, api_class(own)


class _Increment(command.BaseCommand):  # type: ignore[misc]
    """Read, add one, write, with the column verified: as ovsdbapp's own commands edit a map."""

    def __init__(self, api: Any, uuid: UUID) -> None:
        super().__init__(api)
        self.uuid = uuid

    def run_idl(self, txn: Any) -> None:
        row = self.api.lookup(_SWITCH, self.uuid)
        row.verify("external_ids")
        ids = dict(row.external_ids)
        ids[model.COUNT] = str(int(ids[model.COUNT]) + 1)
        row.external_ids = ids


class OvsdbappDriver:
    """ovsdbapp as its documentation has it: a connection with a timeout, commands, ``check_error=True``.

    It has no third outcome: an exception means to its caller that nothing was changed.
    """

    def __init__(self, remote: str) -> None:
        self._connection, self._api = connect(remote)

    def apply(self, change: Change, uuid: UUID | None, how: How) -> UUID | None:
        change_it = self._command(change, uuid)
        try:
            done = change_it.execute(check_error=True, log_errors=False)
        except Exception as exc:
            raise Refused(type(exc).__name__, expected=True) from exc
        if isinstance(change, model.InsertSwitch):
            return done.uuid  # type: ignore[no-any-return]
        return done if isinstance(change, model.InsertSet) else uuid

    def _command(self, change: Change, uuid: UUID | None) -> Any:
        api = self._api
        match change:
            case model.InsertSwitch(name=name):
                return api.ls_add(name, external_ids={model.COUNT: "0"})
            case model.InsertSet(name=name, addresses=addresses):
                return api.db_create(_SET, name=name, addresses=sorted(addresses))
            case model.InsertPort(port=port):
                return api.lsp_add(uuid, port)
            case model.SetConfig(config=config):
                return api.db_set(_SWITCH, uuid, ("other_config", config))
            case model.PutKey(key=key, value=value):
                return api.db_set(_SWITCH, uuid, ("external_ids", {key: value}))
            case model.RemoveKey(key=key):
                return api.db_remove(_SWITCH, uuid, "external_ids", key)
            case model.Count():
                assert uuid is not None
                return _Increment(api, uuid)
            case model.SetAddresses(addresses=addresses):
                return api.db_set(_SET, uuid, ("addresses", sorted(addresses)))
            case model.AddAddress(address=address):
                return api.db_add(_SET, uuid, "addresses", address)
            case model.RemoveAddress(address=address):
                return api.db_remove(_SET, uuid, "addresses", address)
            case model.Delete(kind=kind):
                return api.db_destroy(_SWITCH if kind is model.Switch else _SET, uuid)

    def read(self, kind: type[State], uuid: UUID) -> State | None:
        def look() -> State | None:
            row = self._api.tables[_SWITCH if kind is model.Switch else _SET].rows.get(uuid)
            if row is None:
                return None
            if kind is model.Switch:
                ports = frozenset(port.name for port in row.ports)
                return model.Switch(dict(row.external_ids), dict(row.other_config), ports)
            return model.AddressSet(frozenset(row.addresses))

        return self._locked(look)

    def content(self) -> Content:
        def look() -> Content:
            return {
                name: {
                    str(uuid): {column: canonical(row._data[column].to_json()) for column in table.columns}
                    for uuid, row in table.rows.items()
                }
                for name, table in self._api.tables.items()
            }

        return self._locked(look)

    def close(self) -> None:
        self._connection.stop(1)

    def _locked(self, look: Callable[[], T]) -> T:
        # The thread of the connection changes the rows under this lock.
        with self._connection.lock:
            return look()
