"""Tables of measurements: shown in columns, and put into their place in a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tables import aligned, markdown, write

DOCS = Path(__file__).parents[1] / "docs"


def test_columns_are_aligned_for_a_terminal_and_marked_for_a_page() -> None:
    headings, rows = ("on", "value"), [("cluster", "1"), ("x", "22")]
    assert aligned(headings, rows) == "on       value\ncluster  1\nx        22"
    assert markdown(headings, rows) == "| on | value |\n| --- | --- |\n| cluster | 1 |\n| x | 22 |"


def test_the_table_of_a_page_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- begin: a -->\nold\n<!-- end: a -->\n\nThe rest.\n")
    for table in ("| first |\n", "| second |\n"):
        write(page, table, "a")
        assert page.read_text() == f"# Page\n\n<!-- begin: a -->\n{table}<!-- end: a -->\n\nThe rest.\n"


def test_a_file_without_marks_is_the_table(tmp_path: Path) -> None:
    write(tmp_path / "new.md", "| table |\n", "a")
    assert (tmp_path / "new.md").read_text() == "| table |\n"


@pytest.mark.parametrize(
    ("page", "mark"),
    [("performance", "bench"), ("reliability", "ovnkit"), ("reliability", "ovsdbapp"), ("compatibility", "compat")],
)
def test_each_page_has_a_place_for_its_table(page: str, mark: str) -> None:
    text = (DOCS / f"{page}.md").read_text()
    assert text.index(f"<!-- begin: {mark} -->\n|") < text.index(f"<!-- end: {mark} -->")
