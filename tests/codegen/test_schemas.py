"""Several releases' schemas become one set of facts: as wide as the widest, with what came and went when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovnkit.codegen.__main__ import main
from ovnkit.codegen.facts import ColumnFacts, TableFacts, facts_path, read_facts
from ovnkit.codegen.schemas import FactsError, History, Release, merge, read_history, read_releases
from ovnkit.ovsdb.schema import STRING, atom, many, mapping, one

NOTHING = History()


def _schema(version: str = "1.0.0", **tables: dict[str, Any]) -> dict[str, Any]:
    return {"name": "OVN_Northbound", "version": version, "tables": tables}


def _table(**columns: Any) -> dict[str, Any]:
    return {"columns": {name: {"type": type} for name, type in columns.items()}, "isRoot": True}


def _merged(*schemas: dict[str, Any], history: History = NOTHING) -> dict[str, TableFacts]:
    numbers = ["23.03", "25.03", "26.03"]
    releases = [Release(number, "OVN", schema) for number, schema in zip(numbers, schemas, strict=False)]
    return {table.name: table for table in merge(releases, history).tables}


def _column(*types: Any, history: History = NOTHING) -> ColumnFacts:
    (column,) = _merged(*(_schema(T=_table(c=type)) for type in types), history=history)["T"].columns
    return column


def _words(*words: str) -> dict[str, Any]:
    return {"key": {"type": "string", "enum": ["set", list(words)]}}


def test_tables_and_columns_of_all_releases_are_there() -> None:
    tables = _merged(
        _schema(Old=_table(a="string")), _schema(New=_table(b="string"), Old=_table(b="string", a="string"))
    )

    assert {name: [column.name for column in table.columns] for name, table in tables.items()} == {
        "New": ["b"],
        "Old": ["b", "a"],
    }


def test_since_is_the_first_schema_where_no_history_is_known() -> None:
    tables = _merged(_schema(T=_table(a="string")), _schema(T=_table(a="string", b="string"), U=_table(c="string")))

    assert [column.since for column in tables["T"].columns] == [None, "25.03"]
    assert tables["U"].since == "25.03"
    assert tables["U"].columns[0].since is None


def test_since_is_what_the_history_says() -> None:
    history = read_history("OVN_Northbound 24.03 1.2.0 +T.b +U")["OVN_Northbound"]
    tables = _merged(
        _schema(T=_table(a="string")), _schema(T=_table(a="string", b="string"), U=_table(c="string")), history=history
    )

    assert tables["T"].columns[1].since == "24.03"
    assert tables["U"].since == "24.03"


def test_until_is_the_first_release_without() -> None:
    whole = _schema(T=_table(a="string", b="string"), U=_table(c="string"))
    history = read_history("OVN_Northbound 24.09 1.3.0 -T.b")["OVN_Northbound"]
    tables = _merged(whole, _schema(T=_table(a="string")), history=history)

    assert tables["T"].columns[1].until == "24.09"
    assert tables["U"].until == "25.03"


def test_enumeration_words_are_united_and_the_gone_are_named() -> None:
    history = read_history("OVN_Northbound 25.09 1.3.0 -T.c=stt")["OVN_Northbound"]
    column = _column(
        _words("geneve", "stt"), _words("geneve", "stt", "vxlan"), _words("geneve", "vxlan"), history=history
    )

    assert column.type == one(atom("string", enum=("geneve", "stt", "vxlan")))
    assert column.gone == {"stt": "25.09"}


def test_an_enumeration_that_was_lifted_is_none() -> None:
    assert _column(_words("a"), "string").type == one(STRING)


def test_limits_are_the_widest() -> None:
    narrow = {"key": {"type": "integer", "minInteger": 1, "maxInteger": 32}}
    wide = {"key": {"type": "integer", "minInteger": 0, "maxInteger": 33}}

    assert _column(narrow, wide).type == _column(wide, narrow).type == one(atom("integer", minimum=0, maximum=33))
    assert _column(narrow, "integer").type == one(atom("integer"))


def test_sizes_are_the_widest() -> None:
    at_least_one = {"key": "string", "min": 1, "max": 3}

    assert _column(at_least_one, {"key": "string", "min": 0, "max": 4}).type == many(STRING, at_most=4)
    assert _column(at_least_one, {"key": "string", "min": 0, "max": "unlimited"}).type == many(STRING)


def test_limits_of_map_values_are_the_widest() -> None:
    narrow = {**_words("dscp"), "value": {"type": "integer", "maxInteger": 63}, "min": 0, "max": "unlimited"}
    wide = {**_words("dscp", "mark"), "value": {"type": "integer", "maxInteger": 99}, "min": 0, "max": "unlimited"}

    assert _column(narrow, wide).type == mapping(atom("string", enum=("dscp", "mark")), atom("integer", maximum=99))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("string", "integer"),
        (
            {"key": "string", "min": 0, "max": "unlimited"},
            {"key": "string", "value": "string", "min": 0, "max": "unlimited"},
        ),
        ({"key": {"type": "uuid", "refTable": "T"}}, {"key": {"type": "uuid", "refTable": "U"}}),
    ],
)
def test_a_column_that_became_another_is_refused(older: Any, newer: Any) -> None:
    with pytest.raises(FactsError, match=r"T\.c"):
        _column(older, newer)


def test_what_came_back_is_refused() -> None:
    one_column, two_columns = _schema(T=_table(a="string")), _schema(T=_table(a="string", b="string"))

    with pytest.raises(FactsError, match=r"T\.b went and came back"):
        _merged(two_columns, one_column, two_columns)


@pytest.mark.parametrize(
    "line",
    [
        "OVN_Northbound 25.09 1.5.0 +T.b",  # 25.03 has it already
        "OVN_Northbound 23.03 1.0.0 +T.b",  # 23.03 has it not
        "OVN_Northbound 24.03 1.2.0 +T.a",  # 23.03 has it
        "OVN_Northbound 24.03 1.2.0 -T.a",  # 26.03 has it
        "OVN_Northbound 25.03 9.9.9",  # its schema is another version
    ],
)
def test_a_history_that_the_schemas_refute_is_refused(line: str) -> None:
    newer = _schema(T=_table(a="string", b="string"))

    with pytest.raises(FactsError):
        _merged(_schema(T=_table(a="string")), newer, newer, history=read_history(line)["OVN_Northbound"])


def test_releases_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    for number in ("3.10", "3.9"):
        _write(tmp_path, f"ovs-{number}", {**_schema(number), "name": "Open_vSwitch"})

    assert [release.number for release in read_releases(tmp_path)["Open_vSwitch"]] == ["3.9", "3.10"]


def test_a_directory_without_schemas_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--facts", str(tmp_path), "--package", str(tmp_path), "import", str(tmp_path)]) == 1
    assert "ovn-RELEASE" in capsys.readouterr().err


def test_import_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    _write(schemas, "ovn-23.03", _schema(T=_table(c=_words("a", "b")), S=_table(a="string")))
    _write(schemas, "ovn-26.03", _schema("2.0.0", S=_table(b="string", a="string"), T=_table(c=_words("b", "a", "c"))))
    history = tmp_path / "history.txt"
    history.write_text("# what came when\n\nOVN_Northbound 24.03 1.1.0 +S.b  # a column\n", encoding="utf-8")

    texts = []
    for run in ("first", "second"):
        facts, package = tmp_path / run / "facts", tmp_path / run / "ovnkit"
        facts.mkdir(parents=True)
        # The other databases' facts have to be there for rendering.
        for database in ("OVN_Southbound", "Open_vSwitch"):
            facts_path(database, facts).write_bytes(facts_path(database).read_bytes())
        main(["--facts", str(facts), "--package", str(package), "import", str(schemas), "--history", str(history)])
        texts.append(
            (facts_path("OVN_Northbound", facts).read_text(), (package / "northbound" / "rows.py").read_text())
        )

    assert texts[0] == texts[1]
    facts_read = read_facts("OVN_Northbound", tmp_path / "first" / "facts")
    assert facts_read.releases == {"23.03": "1.0.0", "24.03": "1.1.0", "26.03": "2.0.0"}
    assert [(column.name, column.since) for column in facts_read.tables[0].columns] == [("b", "24.03"), ("a", None)]


def _write(directory: Path, release: str, schema: dict[str, Any]) -> None:
    path = directory / release / "db.ovsschema"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(schema), encoding="utf-8")
