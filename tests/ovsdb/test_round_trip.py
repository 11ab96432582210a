"""Any legal row of any table comes back as it was written, and ovnkit refuses just what the server refuses."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit import Northbound, Southbound, VSwitch, formats
from ovnkit.errors import InvalidValue
from ovnkit.formats import Format
from ovnkit.northbound import NB
from ovnkit.ovsdb import Client, Column, Ref, Row, codec, schema_of
from ovnkit.ovsdb.schema import BaseType, ColumnType, TableSchema
from ovnkit.southbound import SB
from ovnkit.vswitch import VS
from tests.cluster import call
from tests.ovsdb.conftest import StartServer

RELEASES: list[tuple[type[Client[Any, Any]], Any, str | None]] = [
    (client_class, mark, release)
    for client_class, mark, older in (
        (Northbound, NB, ("23.03", "25.03")),
        (Southbound, SB, ("23.03", "25.03")),
        (VSwitch, VS, ("3.1", "3.5")),
    )
    for release in (*older, None)
]
IDS = [f"{mark.name} {release or 'newest'}" for _, mark, release in RELEASES]

# -- values ------------------------------------------------------------------------------------------------------------

_HEX = "0123456789abcdefABCDEF"
MACS = st.lists(st.text(_HEX, min_size=1, max_size=2), min_size=6, max_size=6).map(":".join)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)
IPS = st.one_of(IPV4, IPV6)
PORTS = st.integers(1, 65535).map(str)
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)


def masked(addresses: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.tuples(addresses, st.integers(0, most)).map(lambda pair: f"{pair[0]}/{pair[1]}")


NETWORKS = st.one_of(masked(IPV4, 32), masked(IPV6, 128))
INTERFACES = st.one_of(IPS, NETWORKS, IPV4.map(lambda address: f"{address}/255.255.254.0"))
IP_PORTS = st.one_of(
    st.tuples(IPV4, PORTS).map(":".join), st.tuples(IPV6, PORTS).map(lambda pair: f"[{pair[0]}]:{pair[1]}")
)
TEMPLATES = st.sampled_from(["^vip", "^vip:80", "^backends"])
LISTED = st.lists(st.one_of(IP_PORTS, IPS), min_size=1, max_size=3).map(",".join)
OWNED = st.tuples(MACS, st.lists(INTERFACES, max_size=3)).map(lambda pair: " ".join([pair[0], *pair[1]]))
GRAMMAR: dict[int, st.SearchStrategy[str]] = {
    id(format): strategy
    for format, strategy in (
        (formats.MAC, MACS),
        (formats.MAC_PREFIX, st.just("0a:00:01")),
        (formats.IP, IPS),
        (formats.IPV4, IPV4),
        (formats.IPV6, IPV6),
        (formats.SINGLE_IP, st.one_of(IPS, IPV4.map(lambda address: f"{address}/32"))),
        (formats.INTERFACE, INTERFACES),
        (formats.NETWORK, INTERFACES),
        (formats.IPV4_NETWORK, masked(IPV4, 32)),
        (formats.IPV6_NETWORK, masked(IPV6, 128)),
        (formats.NEXTHOP, st.one_of(IPS, st.just("discard"))),
        (
            formats.PORT_ADDRESS,
            st.one_of(
                st.sampled_from(["unknown", "router", "dynamic"]),
                OWNED,
                MACS.map(lambda mac: f"{mac} dynamic"),
                st.tuples(IPV4, IPV6).map(lambda pair: f"dynamic {pair[0]} {pair[1]}"),
            ),
        ),
        (formats.PORT_SECURITY, st.one_of(OWNED, OWNED.map(lambda text: f"VRRPv3 {text} 00:00:5e:00:01:00/40"))),
        (formats.ADDRESS_SET_MEMBER, st.one_of(INTERFACES, MACS, st.just("10.0.0.0/255.0.255.0"))),
        (formats.IP_PORT, IP_PORTS),
        (formats.VIP, st.one_of(IPS, IP_PORTS, TEMPLATES)),
        (formats.BACKENDS, st.one_of(LISTED, TEMPLATES, st.just(""))),
        (formats.ENDPOINT, st.one_of(IPV4, IPV6.map(lambda address: f"[{address}]"))),
        (formats.PORT_RANGE, st.one_of(PORTS, PORTS.map(lambda port: f"1-{port}"))),
        (formats.DNS_NAME, st.lists(NAMES, min_size=1, max_size=3).map(".".join).filter(formats.DNS_NAME.accepts)),
        (formats.DNS_ANSWER, st.lists(IPS, min_size=1, max_size=3).map(" ".join)),
        (formats.EXCLUDED_IPS, st.lists(IPV4, min_size=1, max_size=3).map(" ".join)),
        (
            formats.CONNECTION,
            st.one_of(
                PORTS.map(lambda port: f"ptcp:{port}"),
                st.tuples(PORTS, IPV4).map(lambda pair: f"pssl:{pair[0]}:{pair[1]}"),
                st.tuples(IPV4, PORTS).map(lambda pair: f"tcp:{pair[0]}:{pair[1]}"),
                st.just("punix:/run/db.sock"),
            ),
        ),
        (formats.FLAG, st.sampled_from(["true", "false", "True"])),
        (formats.NUMBER, st.integers(-(2**31), 2**31 - 1).map(str)),
    )
}


def texts(base: BaseType, format: Format | None) -> st.SearchStrategy[str]:
    if format is not None:
        known = GRAMMAR.get(id(format))
        # Of words and of numbers within bounds, what fits of these.
        return st.sampled_from([text for text in CANDIDATES if format.accepts(text)]) if known is None else known
    least, most = base.min_length or 0, base.max_length
    alphabet = st.characters(codec="utf-8", exclude_characters="\0")
    at_most = st.text(alphabet, min_size=least, max_size=most if most is not None else 40)
    return at_most if most is None else st.one_of(at_most, st.just("x" * most), st.just("x" * max(least, 0)))


CANDIDATES = [str(number) for number in (0, 1, 2, 6, 10, 15, 100, 300, 1000, 4095, 10000, 65535, 10**6)] + [
    "bridged", "up", "compute", "0x8100", "802.1q", "802.1ad", "none", "skip_hw", "false", "cycles", "always", "miimon",
    "fast", "legacy_l2", "rss", "hash", "active", "native", "mc_unknown", "0", "1", "try", "copy", "never",
]  # fmt: skip


def integers(base: BaseType) -> st.SearchStrategy[int]:
    least = int(base.minimum) if base.minimum is not None else -(2**63)
    most = int(base.maximum) if base.maximum is not None else 2**63 - 1
    return st.one_of(st.integers(least, most), st.sampled_from([least, most]))


def atoms(base: BaseType, format: Format | None, refs: Callable[[str], Ref[Any]]) -> st.SearchStrategy[Any]:
    if base.ref_table is not None:
        return st.just(refs(base.ref_table))
    if base.enum is not None:
        return st.sampled_from(sorted(base.enum))
    if base.type == "integer":
        return integers(base)
    if base.type == "real":
        return st.floats(allow_nan=False, allow_infinity=False)
    if base.type == "boolean":
        return st.booleans()
    if base.type == "uuid":
        return st.uuids()
    return texts(base, format)


def columns(
    column: Column[Any], live: ColumnType, refs: Callable[[str], Ref[Any]], *, filled: bool
) -> st.SearchStrategy[Any]:
    """Any legal value of a column on this server; ``filled``: not an empty one."""
    least = max(live.min, int(filled))
    most = min(live.max or 4, 4)
    if live.value is not None:
        keys = atoms(live.key, column.key_format, refs)
        if column._formats:
            return st.fixed_dictionaries(
                {}, optional={key: texts(live.value, format) for key, format in list(column._formats.items())[:6]}
            )
        values = atoms(live.value, column.format, refs)
        return st.dictionaries(keys, values, min_size=least, max_size=most)
    members = atoms(live.key, column.format, refs)
    if live.is_scalar:
        return members
    if live.is_optional:
        return members if filled else st.one_of(st.none(), members)
    if live.key.ref_table is not None:
        return st.sets(members, min_size=min(least, 1), max_size=1)
    return st.frozensets(members, min_size=least, max_size=most)


# -- rows --------------------------------------------------------------------------------------------------------------


def write_rows(tx: Any, live: dict[str, TableSchema], mark: Any, data: st.DataObject) -> dict[Ref[Any], dict[str, Any]]:
    """Insert a row of every table with every column filled; returns what is to be there."""
    made: dict[str, Ref[Any]] = {}

    def refs(table: str) -> Ref[Any]:
        if table not in made:
            row_class = mark.tables[table]
            needed = {
                name: data.draw(columns(row_class._columns[name], column.type, refs, filled=True))
                for name, column in live[table].columns.items()
                if column.type.min > 0 and (column.type.is_required() or not column.mutable)
            }
            made[table] = tx.insert(row_class(**needed))
        return made[table]

    for table in live:
        refs(table)
    written: dict[Ref[Any], dict[str, Any]] = {}
    for table, ref in made.items():
        row_class = mark.tables[table]
        row = tx[ref]
        values = {
            # What nothing refers to would not stay.
            name: data.draw(columns(row_class._columns[name], column.type, refs, filled=_is_ref(column.type)))
            for name, column in live[table].columns.items()
            if column.mutable and not (column.type.min > 0 and _is_ref(column.type))
        }
        tx.update(row, **values)
        written[ref] = {name: getattr(tx[ref], name) for name in live[table].columns}
    return written


def _is_ref(type: ColumnType) -> bool:
    return any(base is not None and base.ref_table is not None for base in (type.key, type.value))


@pytest.fixture(params=RELEASES, ids=IDS)
def client(request: pytest.FixtureRequest, start_server: StartServer, tmp_path: Path) -> Iterator[Client[Any, Any]]:
    client_class, mark, release = request.param
    schema = schema_of(mark, release)
    path = tmp_path / "models.ovsschema"
    path.write_text(json.dumps(schema.to_json()))
    # All tables: by default some of Southbound are left out.
    monitor = {mark.tables[table]: None for table in schema.tables}
    with client_class.connect(start_server(str(path)).remote, timeout=10, monitor=monitor) as client:
        yield client


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_rows_of_every_table_come_back_as_they_were_written(client: Client[Any, Any], data: st.DataObject) -> None:
    mark = client._database
    live = dict(client.schema.tables)
    with client.transaction() as tx:
        written = write_rows(tx, live, mark, data)
    for ref, values in written.items():
        row: Row[Any] = client[ref]
        assert {name: getattr(row, name) for name in values} == values
    with client.transaction() as tx:
        for ref in written:
            if live[ref.row_class._table].is_root:
                tx.delete(client[ref])


# -- refusals ----------------------------------------------------------------------------------------------------------


def around(base: BaseType) -> Iterator[Any]:
    """Atoms at the limits, just within and just outside."""
    if base.enum is not None:
        first: Any = min(base.enum)
        yield from (first, f"{first}x", "") if isinstance(first, str) else (first, first + 1000)
    elif base.type in ("integer", "real"):
        for limit in (base.minimum, base.maximum):
            if limit is not None:
                yield from (limit - 1, limit, limit + 1)
    elif base.type == "string":
        for length in (base.min_length, base.max_length):
            if length is not None:
                yield from ("\u00e4" * size for size in (length - 1, length, length + 1) if size >= 0)


def candidates(type: ColumnType) -> Iterator[Any]:
    """Values of a column around its limits, of its members and of their number."""
    if _is_ref(type):
        return
    one, other = _any(type.key), None if type.value is None else _any(type.value)
    for atom in around(type.key):
        yield {atom: other} if type.value is not None else atom if type.is_scalar or type.is_optional else [atom]
    if type.value is not None:
        yield from ({one: atom} for atom in around(type.value))
    if not type.is_scalar and not type.is_optional:
        for size in {type.min - 1, type.min, *((type.max, type.max + 1) if type.max is not None else ())}:
            members = _several(type.key, size)
            if size >= 0 and members is not None:
                yield dict.fromkeys(members, other) if type.value is not None else members


def _any(base: BaseType) -> Any:
    if base.enum is not None:
        return min(base.enum)
    zero: Any = {"integer": 0, "real": 0.0, "boolean": False, "string": "x" * (base.min_length or 1)}.get(base.type)
    return base.minimum if base.minimum is not None else zero


def _several(base: BaseType, size: int) -> list[Any] | None:
    if base.enum is not None:
        return sorted(base.enum)[:size] if size <= len(base.enum) else None
    if base.type == "integer":
        least = int(base.minimum or 0)
        return list(range(least, least + size))
    return [f"x{number}" for number in range(size)] if base.type == "string" else None


def test_ovnkit_refuses_what_the_server_refuses_and_nothing_else(client: Client[Any, Any]) -> None:
    socket = Path(client.remote.removeprefix("unix:"))
    tried = 0
    for table in client.schema.tables.values():
        row_class = client._database.tables[table.name]
        for name, column in table.columns.items():
            if row_class._columns[name].is_checked:
                continue
            for value in candidates(column.type):
                tried += 1
                ours = accepted(client, row_class, name, value)
                theirs = taken(client, socket, table.name, name, value)
                assert ours == theirs, f"{table.name}.{name} = {value!r:.80}"
    assert tried > 20


def accepted(client: Client[Any, Any], row_class: type[Row[Any]], name: str, value: Any) -> bool:
    """Whether ovnkit takes it."""
    tx = client.transaction()
    try:
        normalised = row_class._normalise(name, value)
        tx._check_value(row_class._stored(None, b"{}", None), name, normalised)
    except InvalidValue:
        return False
    finally:
        tx.discard()
    return True


def taken(client: Client[Any, Any], socket: Path, table: str, name: str, value: Any) -> bool:
    """Whether the server does. It is asked in a transaction that is aborted."""
    row = {
        # Whose default is none that would be legal.
        other: _wire(_any(column.type.key))
        for other, column in client.schema.tables[table].columns.items()
        if column.type.is_required() and not _is_ref(column.type)
    }
    insert = {"op": "insert", "table": table, "row": {**row, name: _wire(value)}}
    result = call(socket, "transact", [client.schema.name, insert, {"op": "abort"}])
    return "error" not in (result[0] or {})


def _wire(value: Any) -> Any:
    if isinstance(value, dict):
        return ["map", [list(pair) for pair in value.items()]]
    return codec.encode(frozenset(value) if isinstance(value, list) else value)
