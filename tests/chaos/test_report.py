"""The table goes into its place in a page."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.campaign import SHORT, Result
from tests.chaos.report import markdown, text
from tests.tables import write

ROOT = Path(__file__).parents[2]


def results() -> list[Result]:
    return [Result(SHORT[0], faults=12_345, acknowledged=7, gap=1.25), Result(SHORT[1], broken=["lost: w0.1"])]


def test_a_table_has_a_row_for_each_trial_and_says_what_made_it() -> None:
    for table in (text(results(), "ovnkit", 7), markdown(results(), "ovnkit", 7)):
        lines = table.splitlines()
        assert SHORT[0].title in table
        assert "12,345" in table
        assert "1.2 s" in table
        assert "Seed 7; ovnkit" in lines[-1]
        assert "ovsdb-server" in lines[-1]
    *_, good, bad, _, _ = markdown(results(), "ovsdbapp", 7).splitlines()
    assert "| yes |" in good
    assert "| no |" in bad


def test_the_page_has_a_place_for_both_tables_and_keeps_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "reliability.md").read_text())
    before = page.read_text()
    for library in ("ovnkit", "ovsdbapp"):
        table = markdown(results(), "ovnkit" if library == "ovnkit" else "ovsdbapp", 7)
        for _ in range(2):
            write(page, table, "ovnkit" if library == "ovnkit" else "ovsdbapp")
        assert page.read_text().count(table) == 1
    after = page.read_text()
    assert after.startswith(before.partition("<!-- begin: ovnkit -->")[0])
    assert after.endswith(before.partition("<!-- end: ovsdbapp -->")[2])


def test_without_a_place_the_table_is_the_file(tmp_path: Path) -> None:
    write(tmp_path / "table.md", "table\n", "ovnkit")
    assert (tmp_path / "table.md").read_text() == "table\n"


def test_some_rows_take_the_place_of_those_that_are_there(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- begin: ovnkit -->\n<!-- end: ovnkit -->\n")
    write(page, markdown(results(), "ovnkit", 7), "ovnkit")
    before = page.read_text().splitlines()
    again = results()[1:]
    again[0].acknowledged = 4711
    write(page, markdown(again, "ovnkit", 8), "ovnkit", keep=True)
    after = page.read_text().splitlines()
    changed = [line for line in after if line not in before]
    assert len(after) == len(before)
    assert [("4,711" in line, "Seed 8" in line) for line in changed] == [(True, False), (False, True)]
