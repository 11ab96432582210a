"""Values: from the wire to Python and back, with every check that needs no server.

In Python a scalar is ``int``, ``float``, ``bool``, ``str``, ``uuid.UUID`` or ``Ref``; an optional value is that or
None; a set is a ``frozenset``; a map is a ``Map``. On the wire it is the JSON of RFC 7047 5.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from typing import Any
from uuid import UUID

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.schema import AtomType, BaseType, ColumnType
from ovnkit.ovsdb.values import Map, Ref

__all__ = ["Refer", "apply_diff", "check_limits", "decode", "default", "encode", "normalise", "normalise_atom"]

Refer = Callable[[str], type[Any]]
"""From the name of a table to its row class."""

_ZERO = UUID(int=0)
_INTEGERS = range(-(2**63), 2**63)
_PYTHON: dict[str, Any] = {"integer": int, "real": (int, float), "boolean": bool, "string": str, "uuid": UUID}
_ZERO_ATOMS: dict[str, Any] = {"integer": 0, "real": 0.0, "boolean": False, "string": "", "uuid": _ZERO}


def decode(type: ColumnType, json: Any, refer: Refer) -> Any:
    """The Python value of a column from its JSON.

    The shape (scalar, optional, set, map) is that of ``type``, which may be wider than the server's own.
    """
    if type.value is not None:
        key, value = type.key, type.value
        return Map((_decode_atom(key, k, refer), _decode_atom(value, v, refer)) for k, v in _members(json))
    if type.max == 1:
        atoms = _members(json)
        if not atoms:
            return default(type, refer)
        return _decode_atom(type.key, atoms[0], refer)
    return frozenset(_decode_atom(type.key, atom, refer) for atom in _members(json))


def _members(json: Any) -> list[Any]:
    if isinstance(json, list) and json and json[0] in ("set", "map"):
        members: list[Any] = json[1]
        return members
    return [json]


def _decode_atom(base: BaseType, json: Any, refer: Refer) -> Any:
    if base.type == "uuid":
        uuid = UUID(json[1])
        return uuid if base.ref_table is None else Ref(refer(base.ref_table), uuid)
    if base.type == "real":
        return float(json)
    return json


def default(type: ColumnType, refer: Refer) -> Any:
    """The value of a column that was never written (RFC 7047 5.2.1)."""
    if type.value is not None:
        return Map()
    if type.is_optional:
        return None
    zero: Any = _ZERO_ATOMS[type.key.type]
    if type.key.ref_table is not None:
        zero = Ref(refer(type.key.ref_table), _ZERO)
    if type.is_scalar:
        return zero
    return frozenset() if type.min == 0 else frozenset([zero])


def encode(value: Any) -> Any:
    """The JSON of a normalised value. Members are sorted, so that equal values have equal JSON."""
    if value is None:
        return ["set", []]
    if isinstance(value, frozenset):
        return ["set", sorted((_encode_atom(atom) for atom in value), key=_order)]
    if isinstance(value, Map):
        return ["map", sorted(([_encode_atom(k), _encode_atom(v)] for k, v in value.items()), key=_order)]
    return _encode_atom(value)


def _encode_atom(value: Any) -> Any:
    if isinstance(value, Ref):
        return ["uuid", str(value.uuid)]
    if isinstance(value, UUID):
        return ["uuid", str(value)]
    return value


def _order(json: Any) -> Any:
    # Pairs and uuids are lists; a set's members are all of one type, so they compare.
    return tuple(_order(item) for item in json) if isinstance(json, list) else json


def normalise(type: ColumnType, value: Any, refer: Refer, *, table: str, column: str) -> Any:
    """The value in the form that rows hold. Raises InvalidValue where it has another type than the column.

    Limits are the live schema's business: see check_limits().
    """

    def refused(allowed: str) -> InvalidValue:
        return InvalidValue(table=table, column=column, value=value, allowed=allowed)

    if type.value is not None:
        if not isinstance(value, Mapping):
            raise refused("a mapping")
        return Map(
            (
                normalise_atom(type.key, k, refer, table=table, column=column),
                normalise_atom(type.value, v, refer, table=table, column=column),
            )
            for k, v in value.items()
        )
    if type.is_scalar:
        return normalise_atom(type.key, value, refer, table=table, column=column)
    if type.is_optional:
        return None if value is None else normalise_atom(type.key, value, refer, table=table, column=column)
    if not isinstance(value, (Set, list, tuple)):
        raise refused(f"a set, list or tuple, each member {type.key.allowed}")
    return frozenset(normalise_atom(type.key, member, refer, table=table, column=column) for member in value)


def normalise_atom(base: BaseType, value: Any, refer: Refer, *, table: str, column: str) -> Any:
    """One atom in the form that rows hold, or InvalidValue."""

    def refused(allowed: str) -> InvalidValue:
        return InvalidValue(table=table, column=column, value=value, allowed=allowed)

    if base.ref_table is not None:
        return _normalise_ref(base, value, refer(base.ref_table), refused)
    if not _is_of(base.type, value):
        raise refused(base.allowed)
    if base.type == "integer":
        # Of an enumeration in Python, what OVSDB is to have is the number or the word.
        value = int(value)
        if value not in _INTEGERS:
            raise refused("an integer of 64 bits")
    elif base.type == "real":
        value = _float(value)
        if not math.isfinite(value):
            raise refused("a finite number")
    elif base.type == "string":
        value = str.__str__(value)
        if "\0" in value:
            raise refused("a string without NUL characters")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise refused("a string of Unicode characters, without lone surrogates")
    return value


def _is_of(type: AtomType, value: object) -> bool:
    # A bool is an int to Python, but not to OVSDB.
    return isinstance(value, _PYTHON[type]) and (type == "boolean" or not isinstance(value, bool))


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _normalise_ref(base: BaseType, value: Any, target: type[Any], refused: Callable[[str], InvalidValue]) -> Any:
    if isinstance(value, target):
        value = value.ref
    if not isinstance(value, Ref) or value.row_class is not target:
        raise refused(f"a row of {base.ref_table} or a reference to one")
    if value.uuid == _ZERO:
        raise refused("a uuid other than zero")
    return value


def check_limits(type: ColumnType, value: Any, *, table: str, column: str) -> None:
    """Raise InvalidValue where a normalised value breaks the limits of the live schema."""

    def check(base: BaseType, atom: Any) -> None:
        if not _within(base, atom):
            raise InvalidValue(table=table, column=column, value=atom, allowed=base.allowed)

    if isinstance(value, Map):
        members: Any = value.items()
        for key, item in members:
            check(type.key, key)
            if type.value is not None:
                check(type.value, item)
    else:
        members = value if isinstance(value, frozenset) else () if value is None else (value,)
        for atom in members:
            check(type.key, atom)
    if len(members) < type.min or (type.max is not None and len(members) > type.max):
        raise InvalidValue(table=table, column=column, value=value, allowed=type.size_allowed)


def _within(base: BaseType, atom: Any) -> bool:
    if base.enum is not None and atom not in base.enum:
        return False
    if base.minimum is not None and atom < base.minimum:
        return False
    if base.maximum is not None and atom > base.maximum:
        return False
    if base.min_length is not None and len(atom) < base.min_length:
        return False
    return base.max_length is None or len(atom) <= base.max_length


def apply_diff(type: ColumnType, old: Any, diff: Any) -> Any:
    """The new JSON of a column from its old JSON and the difference in an ``update2`` (ovsdb-server(7), 4.1.14)."""
    if type.max == 1:
        return diff
    if type.value is not None:
        pairs = {_order(key): [key, value] for key, value in _members(old)}
        for key, value in _members(diff):
            known = pairs.get(_order(key))
            if known is not None and known[1] == value:
                del pairs[_order(key)]
            else:
                pairs[_order(key)] = [key, value]
        return ["map", list(pairs.values())]
    atoms = {_order(atom): atom for atom in _members(old)}
    for atom in _members(diff):
        if atoms.pop(_order(atom), None) is None:
            atoms[_order(atom)] = atom
    return ["set", list(atoms.values())]
