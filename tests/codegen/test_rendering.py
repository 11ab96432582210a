"""The committed row classes are what the facts make, and what cannot become Python is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ovnkit.codegen.__main__ import main
from ovnkit.codegen.facts import DIRECTORY, PACKAGES, ColumnFacts, DatabaseFacts, TableFacts, read_facts
from ovnkit.codegen.layout import WIDTH, bracketed
from ovnkit.codegen.names import alias_name, class_name
from ovnkit.codegen.rendering import NamesClash, rows_source
from ovnkit.codegen.wording import column_line, table_docstring
from ovnkit.ovsdb.schema import INTEGER, STRING, ColumnType, atom, many, mapping, one, optional, ref

WORDS = one(atom("string", enum=("a", "b")))


def _database(*tables: TableFacts) -> DatabaseFacts:
    return DatabaseFacts("OVN_Northbound", "OVN", {"23.03": "7.0.0"}, tables)


def _table(name: str, **columns: ColumnType) -> TableFacts:
    return TableFacts(name, tuple(ColumnFacts(column, type) for column, type in columns.items()))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the generated modules."""
    for directory in PACKAGES.values():
        (tmp_path / directory).mkdir()
        shutil.copy(DIRECTORY.parent / directory / "rows.py", tmp_path / directory)
    return tmp_path


def test_committed_rows_are_fresh() -> None:
    assert main(["--check"]) == 0


@pytest.mark.parametrize("directory", PACKAGES.values())
def test_check_fails_where_rows_were_edited(package: Path, directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = package / directory / "rows.py"
    edited = rows.read_text(encoding="utf-8").replace("    external_ids: Column", "    external_id: Column", 1)
    rows.write_text(edited, encoding="utf-8")

    assert main(["--check", "--package", str(package)]) == 1
    assert "-    external_id: Column" in capsys.readouterr().out
    assert rows.read_text(encoding="utf-8") == edited


def test_check_fails_where_rows_are_missing(package: Path) -> None:
    (package / "vswitch" / "rows.py").unlink()

    assert main(["--check", "--package", str(package)]) == 1


def test_rendering_mends_edited_rows(package: Path) -> None:
    (package / "vswitch" / "rows.py").write_text("", encoding="utf-8")

    assert main(["--package", str(package)]) == 0
    assert main(["--check", "--package", str(package)]) == 0


@pytest.mark.parametrize("database", PACKAGES)
def test_lines_are_no_longer_than_allowed(database: str) -> None:
    assert max(map(len, rows_source(read_facts(database)).splitlines())) <= WIDTH


@pytest.mark.parametrize(
    "column", ["uuid", "ref", "extra", "timeout", "class", "self", "many", "two words", "_version"]
)
def test_a_column_name_that_a_row_class_cannot_have_is_refused(column: str) -> None:
    with pytest.raises(NamesClash, match=r"T\."):
        rows_source(_database(_table("T", **{column: one(STRING)})))


@pytest.mark.parametrize("table", ["Row", "Ref", "NB", "Add", "S_S_L", "SSLMode"])
def test_a_table_name_that_is_taken_is_refused(table: str) -> None:
    with pytest.raises(NamesClash, match="taken"):
        rows_source(_database(_table("SSL", mode=WORDS), _table(table, c=one(STRING))))


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("DHCP_Options", "DHCPOptions"),
        ("NB_Global", "NBGlobal"),
        ("Open_vSwitch", "OpenVSwitch"),
        ("sFlow", "SFlow"),
        ("QoS", "QoS"),
    ],
)
def test_class_names(table: str, name: str) -> None:
    assert class_name(table) == name


def test_alias_names() -> None:
    assert alias_name("Logical_Router_Static_Route", "selection_fields") == "LogicalRouterStaticRouteSelectionFields"


def test_immutable_columns_cannot_be_updated() -> None:
    columns = (ColumnFacts("name", one(STRING), immutable=True), ColumnFacts("tag", one(INTEGER)))
    source = rows_source(_database(TableFacts("T", columns)))

    assert 'def __init__(self, *, name: str = "", tag: int = 0) -> None: ...' in source
    assert "def __replace__(self, *, tag: int = ...) -> T: ..." in source


@pytest.mark.parametrize(
    ("type", "given", "update"),
    [
        (one(STRING), 'str = ""', "str"),
        (WORDS, "TC", "TC"),
        (optional(atom("integer", maximum=9)), "int | None = None", "int | None"),
        (one(ref("T")), "RefTo[T]", "RefTo[T]"),
        (optional(ref("T")), "RefTo[T] | None = None", "RefTo[T] | None"),
        (many(STRING), "SetOf[str] = ()", "SetOf[str] | Add[str] | Remove[str]"),
        (many(ref("T")), "RefsTo[T] = ()", "RefsTo[T] | Add[RefTo[T]] | Remove[RefTo[T]]"),
        (many(STRING, at_least=1), "SetOf[str]", "SetOf[str] | Add[str] | Remove[str]"),
        (mapping(STRING, INTEGER), "Mapping[str, int] = ...", "Mapping[str, int] | Put[str, int] | Remove[str]"),
        (
            mapping(INTEGER, ref("T")),
            "Mapping[int, RefTo[T]] = ...",
            "Mapping[int, RefTo[T]] | Put[int, RefTo[T]] | Remove[int]",
        ),
    ],
)
def test_types_that_are_given_and_updated(type: ColumnType, given: str, update: str) -> None:
    source = rows_source(_database(_table("T", c=type)))

    assert f"def __init__(self, *, c: {given}) -> None: ..." in source
    assert f"def __replace__(self, *, c: {update} = ...) -> T: ..." in source


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (ColumnFacts("c", one(atom("string", max_length=63))), "string of at most 63 characters"),
        (
            ColumnFacts("c", optional(atom("integer", minimum=1, maximum=9)), "24.03"),
            "integer 1 to 9, or None; since OVN 24.03",
        ),
        (ColumnFacts("c", one(atom("integer", minimum=1))), "integer from 1; required"),
        (ColumnFacts("c", WORDS, gone={"b": "25.09"}), "'a' or 'b'; required; 'b' gone in OVN 25.09"),
        (ColumnFacts("c", many(ref("Open_vSwitch", weak=True))), "set of weak references to OpenVSwitch"),
        (ColumnFacts("c", many(INTEGER, at_least=1, at_most=3)), "set of integers, at least 1, at most 3; required"),
        (ColumnFacts("c", mapping(INTEGER, ref("T"))), "map of integers to references to T"),
        (
            ColumnFacts("c", one(STRING), until="26.03", immutable=True, ephemeral=True),
            "string; cannot change after insertion; not kept on disk; gone in OVN 26.03",
        ),
    ],
)
def test_a_column_in_words(column: ColumnFacts, line: str) -> None:
    assert column_line(column, "OVN") == line


def test_a_table_in_words() -> None:
    table = TableFacts("My_T", (ColumnFacts("c", one(STRING)),), False, 1, (("c",), ("c", "d")), "24.03")

    assert table_docstring(table, "OVN", width=200) == [
        "A row of My_T (since OVN 24.03).",
        "",
        (
            "Not a root table: the server deletes a row that no other row refers to. "
            "It has at most 1 row. Unique: c, (c, d)."
        ),
        "",
        "c: string",
    ]


def test_lines_break_first_around_the_items_then_between_them() -> None:
    assert bracketed("f(", ["a", "b"], ")") == ["f(a, b)"]
    assert bracketed("f(", ["a" * 60, "b" * 50], ")" * 20) == ["f(", f"    {'a' * 60}, {'b' * 50}", ")" * 20]
    assert bracketed("f(", ["a" * 60, "b" * 60], ")", indent=4) == [
        "    f(",
        f"        {'a' * 60},",
        f"        {'b' * 60},",
        "    )",
    ]
    assert bracketed("f(", [f"c: {'a' * 60} | {'b' * 60}"], ")")[1:3] == [f"    c: {'a' * 60}", f"    | {'b' * 60},"]
