"""Values: from the wire to Python and back, with every check that needs no server.

In Python a scalar is ``int``, ``float``, ``bool``, ``str``, ``uuid.UUID`` or ``Ref``; an optional value is that or
None; a set is a ``frozenset``; a map is a ``Map``. On the wire it is the JSON of RFC 7047 5.1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any
from uuid import UUID

import msgspec

from ovnkit.errors import InvalidValue, ProtocolError, _is_secret
from ovnkit.ovsdb.schema import STRING, AtomType, BaseType, ColumnType
from ovnkit.ovsdb.values import Map, Ref

__all__ = [
    "ABSENT",
    "Reader",
    "Refer",
    "WholeReader",
    "apply_diff",
    "check_limits",
    "default",
    "encode",
    "normalise",
    "normalise_atom",
    "reader",
    "whole_reader",
]

Refer = Callable[[str], type[Any]]
"""From the name of a table to its row class."""

_ZERO = UUID(int=0)
_INTEGERS = range(-(2**63), 2**63)
_PYTHON: dict[str, Any] = {"integer": int, "real": (int, float), "boolean": bool, "string": str, "uuid": UUID}
_ZERO_ATOMS: dict[str, Any] = {"integer": 0, "real": 0.0, "boolean": False, "string": "", "uuid": _ZERO}


Reader = Callable[[bytes], Any]
"""From the JSON of a <row> to the value of one column, or ABSENT."""

ABSENT: Any = msgspec.UNSET
"""Where a <row> does not have a column; it then has its default."""

_WIRE: dict[str, Any] = {"integer": int, "real": float, "boolean": bool, "string": str}


@functools.cache
def reader(name: str, type: ColumnType, refer: Refer, table: str) -> Reader:
    """What reads one column out of a <row>, skipping the others. It raises ProtocolError for a value of another type.

    The shape (scalar, optional, set, map) is that of ``type``, which may be wider than the server's own.
    """
    cell = msgspec.defstruct("Cell", [("value", _wire_type(type), ABSENT)], rename={"value": name}, gc=False)
    decoder = msgspec.json.Decoder(cell)
    build = _builder(type, refer)

    def read(row: bytes) -> Any:
        try:
            value = decoder.decode(row).value  # type: ignore[attr-defined]
            return value if value is ABSENT else build(value)
        except (msgspec.MsgspecError, ValueError, IndexError) as exc:
            raise ProtocolError(f"{table}.{name}", f"the server sent what this column cannot hold: {exc}") from exc

    return read


WholeReader = Callable[[bytes], dict[str, Any]]
"""From the JSON of a <row> to the values of several columns; those that it does not have are their defaults."""


def whole_reader(columns: Mapping[str, ColumnType], refer: Refer, table: str) -> WholeReader:
    """What reads all these columns out of a <row> at once, which costs little more than reading one."""
    names = {f"c{number}": name for number, name in enumerate(columns)}
    fields = [(own, _wire_type(columns[name]), ABSENT) for own, name in names.items()]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Cells", fields, rename=names, gc=False))
    builders = [(name, _builder(type, refer)) for name, type in columns.items()]
    defaults = {name: default(type, refer) for name, type in columns.items()}
    astuple = msgspec.structs.astuple

    def read(row: bytes) -> dict[str, Any]:
        values = defaults.copy()
        try:
            cells: Any = astuple(decoder.decode(row))
            for (name, build), cell in zip(builders, cells, strict=True):
                if cell is not ABSENT:
                    values[name] = build(cell)
        except (msgspec.MsgspecError, ValueError, IndexError) as exc:
            raise ProtocolError(table, f"the server sent what this table cannot hold: {exc}") from exc
        return values

    return read


def _wire_type(type: ColumnType) -> Any:
    if type.value is not None:
        return tuple[str, list[tuple[_wire_atom(type.key), _wire_atom(type.value)]]]  # type: ignore[misc]
    if type.key.type == "uuid":
        return tuple[str, UUID | list[tuple[str, UUID]]]
    atom = _wire_atom(type.key)
    return atom | tuple[str, list[atom]]  # type: ignore[valid-type]


def _wire_atom(base: BaseType) -> Any:
    return tuple[str, UUID] if base.type == "uuid" else _WIRE[base.type]


def _builder(type: ColumnType, refer: Refer) -> Callable[[Any], Any]:
    """From what _wire_type() decodes to the value that rows hold."""
    if type.value is not None:
        key, value = _atom_builder(type.key, refer), _atom_builder(type.value, refer)
        if key is None and value is None:
            return lambda wire: Map(wire[1])
        key, value = key or _same, value or _same
        return lambda wire: Map([(key(k), value(v)) for k, v in wire[1]])
    if type.key.type == "uuid":
        single: Callable[[UUID], Any] = _same
        if type.key.ref_table is not None:
            single = functools.partial(Ref, refer(type.key.ref_table))

        def members(wire: Any) -> list[Any]:
            return [single(wire[1])] if isinstance(wire[1], UUID) else [single(pair[1]) for pair in wire[1]]
    elif type.key.type == "integer":

        def members(wire: Any) -> list[Any]:
            return [_of_64_bits(number) for number in (wire[1] if isinstance(wire, tuple) else (wire,))]
    else:

        def members(wire: Any) -> list[Any]:
            return wire[1] if isinstance(wire, tuple) else [wire]

    if type.max != 1:
        return lambda wire: frozenset(members(wire))
    empty = default(type, refer)

    def only(wire: Any) -> Any:
        found = _at_most_one(members(wire))
        return found[0] if found else empty

    if type.key.type in ("uuid", "integer"):
        return only
    return lambda wire: only(wire) if isinstance(wire, tuple) else wire


def _atom_builder(base: BaseType, refer: Refer) -> Callable[[Any], Any] | None:
    if base.type == "integer":
        return _of_64_bits
    if base.type != "uuid":
        return None
    if base.ref_table is None:
        return lambda wire: wire[1]
    target = refer(base.ref_table)
    return lambda wire: Ref(target, wire[1])


def _at_most_one(found: list[Any]) -> list[Any]:
    if len(found) > 1:
        raise ValueError(f"{len(found)} values where there can be one")
    return found


def _of_64_bits(number: int) -> int:
    if number not in _INTEGERS:
        raise ValueError("an integer of more than 64 bits")
    return number


def _same(value: Any) -> Any:
    return value


def _members(json: Any) -> list[Any]:
    if isinstance(json, list) and json and json[0] in ("set", "map"):
        _, members = json
        if not isinstance(members, list):
            raise ValueError(f"the members of a {json[0]} are {members!r:.80}")
        return members
    return [json]


def _pairs(json: Any) -> list[Any]:
    pairs = _members(json)
    if not all(isinstance(pair, list) for pair in pairs):
        raise ValueError(f"the pairs of a map are {pairs!r:.80}")
    return pairs


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
    if type(value) is str:
        return value
    if value is None:
        return ["set", []]
    if isinstance(value, frozenset):
        return ["set", sorted([_encode_atom(atom) for atom in value])]
    if isinstance(value, Map):
        return ["map", sorted([[_encode_atom(k), _encode_atom(v)] for k, v in value.items()])]
    return _encode_atom(value)


def _encode_atom(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, Ref):
        return ["uuid", str(value.uuid)]
    if isinstance(value, UUID):
        return ["uuid", str(value)]
    return value


def _identity(atom: Any) -> Any:
    """What tells an atom from others of its column: of a uuid what stands beside the word."""
    return atom[1] if isinstance(atom, list) else atom


def normalise(type: ColumnType, value: Any, refer: Refer, *, table: str, column: str) -> Any:
    """The value in the form that rows hold. Raises InvalidValue where it has another type than the column.

    Limits are the live schema's business: see check_limits().
    """

    def refused(allowed: str) -> InvalidValue:
        return InvalidValue(table=table, column=column, value=value, allowed=allowed)

    if type.value is not None:
        if not isinstance(value, (dict, Mapping)):
            raise refused("a mapping")
        if type.key is type.value is STRING and _are_plain(value) and _are_plain(value.values()):
            return Map(value)
        pairs = []
        for k, v in value.items():
            key = normalise_atom(type.key, k, refer, table=table, column=column)
            try:
                pairs.append((key, normalise_atom(type.value, v, refer, table=table, column=column)))
            except InvalidValue as exc:
                if _is_secret(key):
                    raise InvalidValue(table=table, column=column, value="***", allowed=exc.allowed) from None
                raise
        return Map(pairs)
    if type.is_scalar:
        return normalise_atom(type.key, value, refer, table=table, column=column)
    if type.is_optional:
        return None if value is None else normalise_atom(type.key, value, refer, table=table, column=column)
    # Those that are common first: the check of an abstract class takes as long as all the rest.
    if not isinstance(value, (set, frozenset, list, tuple, Set)):
        raise refused(f"a set, list or tuple, each member {type.key.allowed}")
    if type.key is STRING and _are_plain(value):
        return frozenset(value)
    return frozenset(normalise_atom(type.key, member, refer, table=table, column=column) for member in value)


def _are_plain(texts: Collection[Any]) -> bool:
    """Whether these are strings that nothing could be wrong with, as almost all are."""
    if not set(map(type, texts)) <= _STR:
        return False
    text = "".join(texts)
    return text.isascii() and "\0" not in text


_STR = {str}


def normalise_atom(base: BaseType, value: Any, refer: Refer, *, table: str, column: str) -> Any:
    """One atom in the form that rows hold, or InvalidValue."""
    if type(value) is str and base.type == "string" and value.isascii() and "\0" not in value:
        return value

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
        value = _float(value)  # pyright: ignore[reportArgumentType]
        if not math.isfinite(value):
            raise refused("a finite number")
    elif base.type == "string":
        value = str.__str__(value)
        if "\0" in value:
            raise refused("a string without NUL characters")
        if not value.isascii() and not _is_unicode(value):
            raise refused("a string of Unicode characters, without lone surrogates")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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

    limited = type.key.limited or (type.value is not None and type.value.limited)
    if type.value is not None:
        members: Any = value.items()
        for key, item in members if limited else ():
            check(type.key, key)
            check(type.value, item)
    else:
        members = value if isinstance(value, frozenset) else () if value is None else (value,)
        for atom in members if limited else ():
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
        pairs = {_identity(key): [key, value] for key, value in _pairs(old)}
        for key, value in _pairs(diff):
            known = pairs.get(_identity(key))
            if known is not None and known[1] == value:
                del pairs[_identity(key)]
            else:
                pairs[_identity(key)] = [key, value]
        return ["map", list(pairs.values())]
    atoms = {_identity(atom): atom for atom in _members(old)}
    for atom in _members(diff):
        if atoms.pop(_identity(atom), None) is None:
            atoms[_identity(atom)] = atom
    return ["set", list(atoms.values())]
