"""The page about preflight lists the rules that there are, as they are."""

from __future__ import annotations

from ovnkit.deploy import RULES
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "preflight.md"
HEAD = ("| rule | severity | what has to hold, and why | what mends it | see |", "|---|---|---|---|---|")


def table() -> list[str]:
    """The table of the page: what belongs at its end."""
    cells = ((f"`{one.id}`", one.severity, f"**{one.what}** {one.why}", one.remedy, one.document) for one in RULES)
    return [*HEAD, *(f"| {' | '.join(row)} |" for row in cells)]


def test_the_page_lists_every_rule_as_it_is() -> None:
    _, heading, rules = PAGE.read_text(encoding="utf-8").partition("## The rules\n")
    assert heading
    shown = [line for line in rules.splitlines() if line.startswith("|")]
    assert shown == table(), "\n".join(("the table is to be:", *table()))


def test_nothing_in_a_rule_breaks_the_table() -> None:
    assert [row for row in table()[2:] if row.count("|") != HEAD[0].count("|") or "\n" in row] == []
