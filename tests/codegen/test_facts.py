"""The facts file says what was put into it, and its text does not depend on anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ovnkit.codegen.facts import (
    DIRECTORY,
    PACKAGES,
    ColumnFacts,
    DatabaseFacts,
    TableFacts,
    facts_path,
    facts_text,
    read_facts,
    write_facts,
)
from ovnkit.ovsdb.schema import INTEGER, REAL, STRING, UUID, atom, many, mapping, one, optional, ref

EVERYTHING = DatabaseFacts(
    "OVN_Northbound",
    "OVN",
    {"23.03": "7.0.0", "26.03": "7.18.0"},
    (
        TableFacts("Plain", (ColumnFacts("name", one(STRING)),)),
        TableFacts(
            "Full",
            (
                ColumnFacts("action", one(atom("string", enum=("a", "b"))), gone={"b": "25.09"}),
                ColumnFacts("tag", optional(atom("integer", minimum=1, maximum=4095)), since="24.03", until="26.03"),
                ColumnFacts("keys", many(atom("string", min_length=1, max_length=63), at_least=1, at_most=3)),
                ColumnFacts("ratio", one(REAL), immutable=True, ephemeral=True),
                ColumnFacts("peers", many(ref("Plain"))),
                ColumnFacts("friends", mapping(INTEGER, ref("Plain", weak=True))),
                ColumnFacts("id", many(UUID)),
            ),
            root=False,
            max_rows=1,
            indexes=(("action",), ("tag", "keys")),
            since="24.03",
            until="26.03",
        ),
    ),
)


def test_facts_come_back_as_written(tmp_path: Path) -> None:
    write_facts(EVERYTHING, tmp_path)

    assert read_facts("OVN_Northbound", tmp_path) == EVERYTHING


def test_a_column_has_a_line_of_its_own() -> None:
    text = facts_text(EVERYTHING)

    assert json.loads(text)["database"] == "OVN_Northbound"
    for table in EVERYTHING.tables:
        for column in table.columns:
            (line,) = (line for line in text.splitlines() if line.startswith(f'  "{column.name}":'))
            assert line.count('"key":') == 1


@pytest.mark.parametrize("database", PACKAGES)
def test_committed_facts_are_in_the_written_form(database: str) -> None:
    assert facts_path(database).parent == DIRECTORY
    assert facts_path(database).read_text(encoding="utf-8") == facts_text(read_facts(database))


@pytest.mark.parametrize(
    ("column", "required"),
    [
        (ColumnFacts("c", one(STRING)), False),
        (ColumnFacts("c", one(INTEGER)), False),
        (ColumnFacts("c", one(atom("string", enum=("a", "b")))), True),
        (ColumnFacts("c", one(atom("string", enum=("a", "")))), False),
        (ColumnFacts("c", one(atom("string", enum=("a", ""))), gone={"": "25.09"}), True),
        (ColumnFacts("c", one(atom("string", min_length=1))), True),
        (ColumnFacts("c", one(atom("integer", minimum=1, maximum=5))), True),
        (ColumnFacts("c", one(atom("integer", minimum=-1, maximum=5))), False),
        (ColumnFacts("c", one(atom("integer", maximum=-1))), True),
        (ColumnFacts("c", one(ref("T"))), True),
        (ColumnFacts("c", one(ref("T", weak=True))), True),
        (ColumnFacts("c", one(UUID)), False),
        (ColumnFacts("c", optional(ref("T"))), False),
        (ColumnFacts("c", many(STRING)), False),
        (ColumnFacts("c", many(STRING, at_least=1)), True),
        (ColumnFacts("c", mapping(STRING, STRING)), False),
    ],
)
def test_a_column_is_required_where_the_default_of_ovsdb_is_illegal(column: ColumnFacts, required: bool) -> None:
    assert column.is_required is required
