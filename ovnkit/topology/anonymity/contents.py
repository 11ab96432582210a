"""The contents of databases with other names and addresses in them, column by column."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ovnkit.errors import _is_secret
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.schema import BaseType, ColumnType, DatabaseSchema
from ovnkit.topology.anonymity.addresses import Addresses
from ovnkit.topology.anonymity.text import Texts
from ovnkit.topology.anonymity.vocabulary import KEYS, SECRETS, is_stage

__all__ = ["anonymous"]

_LEFT_OUT = frozenset({"SSL"})
"""Tables of secrets and of the files that they are in."""

_EXPRESSIONS = frozenset({"match", "actions"})

_NAMES = {
    "Logical_Switch": {"name": "switch"},
    "Logical_Router": {"name": "router"},
    "Logical_Switch_Port": {"name": "port", "parent_name": "port", "peer": "port"},
    "Logical_Router_Port": {"name": "router_port", "peer": "router_port"},
    "Port_Group": {"name": "group"},
    "Address_Set": {"name": "set"},
    "Load_Balancer": {"name": "balancer"},
    "Load_Balancer_Group": {"name": "balancers"},
    "HA_Chassis_Group": {"name": "ha_group"},
    "Gateway_Chassis": {"chassis_name": "chassis", "name": "gateway"},
    "HA_Chassis": {"chassis_name": "chassis"},
    "Chassis": {"name": "chassis", "hostname": "host"},
    "Chassis_Private": {"name": "chassis"},
    "Encap": {"chassis_name": "chassis"},
    "Port_Binding": {"logical_port": "port"},
    "Meter": {"name": "meter"},
    "Mirror": {"name": "mirror"},
    "Copp": {"name": "copp"},
    "Bridge": {"name": "bridge"},
    "Port": {"name": "interface"},
    "Interface": {"name": "interface"},
}
"""Columns whose values are names, and what these are called afterwards: by table and column."""

_NAMES_IN_MAPS = {
    "system-id": "chassis",
    "hostname": "host",
    "iface-id": "port",
    "network_name": "physnet",
    "neutron:port_name": "name",
    "neutron:network_name": "name",
    "neutron:router_name": "name",
}
_OF_ROWS = frozenset({"logical-switch", "logical-router"})
"""Keys of uuids of rows, which may have gone from their database."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAPPINGS = {"ovn-bridge-mappings": ("physnet", "bridge"), "ovn-chassis-mac-mappings": ("physnet", "")}


def anonymous(contents: Sequence[Contents], *, key: bytes | None = None) -> list[Contents]:
    """The contents of databases that belong together, with the same replacements in all of them.

    Names, addresses, and every other string that is not a word of OVN or OVS are replaced: the same one by the same
    one, addresses by ones of networks of the same sizes. Uuids of rows, numbers, and what is in enumerations stay.
    Secrets, keys and certificates are left out. Another ``key`` gives other addresses; without one nobody knows it.
    """
    uuids = frozenset(str(uuid) for one in contents for rows in one.rows.values() for uuid in rows)
    texts = Texts(Addresses(secrets.token_bytes(32) if key is None else key), uuids)
    decoded = [_decoded(one) for one in contents]
    for one in decoded:
        _learn(texts, one)
    return [_Replacement(texts, one.schema).of(rows) for one, rows in zip(contents, decoded, strict=True)]


_Rows = dict[str, dict[UUID, dict[str, Any]]]
_ROW = msgspec.json.Decoder(dict[str, Any])


def _decoded(contents: Contents) -> _Rows:
    """The rows, without the columns that lead to what is left out."""
    found: _Rows = {}
    for table, rows in contents.rows.items():
        if table in _LEFT_OUT:
            found[table] = {}
            continue
        columns = contents.schema.tables[table].columns
        kept = {name for name, column in columns.items() if column.type.key.ref_table not in _LEFT_OUT}
        found[table] = {
            uuid: {name: value for name, value in _ROW.decode(row).items() if name in kept}
            for uuid, row in rows.items()
        }
    return found


def _has_text(type: ColumnType) -> bool:
    return _is_text(type.key) or (type.value is not None and _is_text(type.value))


def _is_text(base: BaseType) -> bool:
    return base.type == "string" and base.enum is None


def _learn(texts: Texts, tables: _Rows) -> None:
    """The names of things, before the texts that they occur in."""
    for table, columns in _NAMES.items():
        for row in tables.get(table, {}).values():
            for column, kind in columns.items():
                for name in _members(row.get(column, "")):
                    if isinstance(name, str):
                        texts.learn(name, kind)
    for rows in tables.values():
        for row in rows.values():
            for value in row.values():
                for key, text in _pairs(value):
                    if key in _NAMES_IN_MAPS and isinstance(text, str):
                        texts.learn(text, _NAMES_IN_MAPS[key])
                    elif key in _MAPPINGS and isinstance(text, str):
                        _learn_mapping(texts, text, _MAPPINGS[key])


def _learn_mapping(texts: Texts, text: str, kinds: tuple[str, str]) -> None:
    for item in text.split(","):
        for part, kind in zip(item.split(":", 1), kinds, strict=False):
            if kind:
                texts.learn(part.strip(), kind)


def _members(value: Any) -> list[Any]:
    return value[1] if isinstance(value, list) and value[0] == "set" else [value]


def _pairs(value: Any) -> list[Any]:
    return value[1] if isinstance(value, list) and value[0] == "map" else []


class _Replacement:
    """Rows of one database with other texts in them."""

    def __init__(self, texts: Texts, schema: DatabaseSchema) -> None:
        self._texts = texts
        self._schema = schema
        self._own_names = frozenset(
            [*schema.tables, *(column for table in schema.tables.values() for column in table.columns)]
        )

    def of(self, tables: _Rows) -> Contents:
        """The contents."""
        return Contents(
            self._schema,
            {
                table: {uuid: wire.encode(self._row(table, row)) for uuid, row in rows.items()}
                for table, rows in tables.items()
            },
        )

    def _row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        columns = self._schema.tables[table].columns
        return {
            name: self._value(table, name, columns[name].type, value) if _has_text(columns[name].type) else value
            for name, value in row.items()
        }

    def _value(self, table: str, column: str, type: ColumnType, value: Any) -> Any:
        if type.is_map:
            return ["map", list(self._replaced_pairs(table, type, _pairs(value)))]
        if isinstance(value, list):
            return ["set", [self._atom(table, column, atom) for atom in _members(value)]]
        return self._atom(table, column, value)

    def _replaced_pairs(self, table: str, type: ColumnType, pairs: Iterable[Any]) -> Iterable[list[Any]]:
        keys_are_text, values_are_text = _is_text(type.key), type.value is not None and _is_text(type.value)
        for key, value in pairs:
            if keys_are_text and (key in SECRETS or _is_secret(key)):
                continue
            yield [
                self._texts.text(key) if keys_are_text and not self._is_known_key(table, key) else key,
                self._item(str(key), value) if values_are_text else value,
            ]

    def _item(self, key: str, value: str) -> str:
        if (key == "stage-name" and is_stage(value)) or (key in _OF_ROWS and _UUID.fullmatch(value)):
            return value
        return self._texts.version(value) if key.endswith("version") else self._texts.text(value)

    def _is_known_key(self, table: str, key: str) -> bool:
        return key in KEYS or (table.startswith("RBAC") and key in self._own_names)

    def _atom(self, table: str, column: str, text: str) -> str:
        if column in _NAMES.get(table, {}):
            return self._texts.name(text)
        if column in _EXPRESSIONS:
            return self._texts.text(text, expression=True)
        if column.endswith("version"):
            return self._texts.version(text)
        if (table.startswith("RBAC") and text in self._own_names) or (table.startswith("DHCP") and text in KEYS):
            return text
        return self._texts.text(text)
