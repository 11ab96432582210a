"""What is shared names nobody, and hangs together as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovnkit.northbound import NB
from ovnkit.ovsdb import schema_of
from ovnkit.ovsdb.contents import Contents
from ovnkit.ovsdb.row import Database
from ovnkit.ovsdb.schema import BaseType, ColumnType
from ovnkit.southbound import SB
from ovnkit.topology.anonymity import anonymous
from ovnkit.vswitch import VS

MARKER = "zqMarker"

TEXTS = [
    MARKER,
    f"{MARKER} and more",
    f"a {MARKER} b",
    f"{MARKER}:br-ex,physnet:{MARKER}",
    f'inport == "{MARKER}" && ip4.src == $as_{MARKER} && outport == @{MARKER} /* {MARKER} */ // {MARKER}',
    f'ip4 && {MARKER}.src == 1 && tcp.{MARKER} && "unfinished {MARKER}',
    f"02:00:00:00:00:01 10.0.0.1 {MARKER}",
    f"cr-{MARKER}",
    f"patch-{MARKER}-to-br-int",
    f"7_{MARKER}",
    f"{MARKER}_ip4",
    f"ssl:{MARKER}:6642",
    f"unix:/var/run/{MARKER}/db.sock",
    f"10.0.0.1.{MARKER}",
    f"{MARKER}.1.0.0.10.in-addr.arpa",
    f'"{MARKER}.example"',
    f"{{{MARKER}, 8.8.8.8}}",
    f"ls_in_{MARKER}",
    f"\\{MARKER}\\",
    f"{MARKER}\n{MARKER}",
    f"fd00::1{MARKER}",
    f"{MARKER}..10.0.0.9",
]


def is_text(base: BaseType | None) -> bool:
    return base is not None and base.type == "string" and base.enum is None


def filled(type: ColumnType, text: str) -> Any:
    """A value of a column with the text wherever a string can be; None where none can."""
    if not is_text(type.key) and not is_text(type.value):
        return None
    if type.value is None:
        return text
    keys = [text, "name", "options", "requested-chassis", "hostname", "psk"] if is_text(type.key) else [1]
    other: Any = text if is_text(type.value) else (["uuid", str(uuid4())] if type.value.type == "uuid" else 1)
    return ["map", [[key, other] for key in keys]]


def everywhere(database: type[Database], text: str) -> Contents:
    """A row in each table, with the text in each column that can have it."""
    schema = schema_of(database)
    rows: dict[str, Mapping[UUID, bytes]] = {}
    for name, table in schema.tables.items():
        row = {column: filled(facts.type, text) for column, facts in table.columns.items()}
        rows[name] = {uuid4(): json.dumps({key: value for key, value in row.items() if value is not None}).encode()}
    return Contents(schema, rows)


@pytest.mark.parametrize("text", TEXTS)
def test_what_stands_in_any_column_is_gone_afterwards(text: str) -> None:
    for contents in anonymous([everywhere(database, text) for database in (NB, SB, VS)]):
        for table, rows in contents.rows.items():
            for row in rows.values():
                assert MARKER.lower() not in row.decode().lower(), table


@settings(deadline=None, max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
@example("", "")
@example('"', '\\"')
@example("10.0.0.", "/24")
@example("aa:bb:cc:dd:ee:", "")
@example("fd00::", ":1")
def test_whatever_is_around_it_it_is_gone_afterwards(before: str, after: str) -> None:
    for contents in anonymous([everywhere(database, f"{before}{MARKER}{after}") for database in (NB, SB, VS)]):
        assert MARKER.lower() not in contents.to_bytes().decode().lower()
