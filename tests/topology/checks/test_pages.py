"""The pages of the rules, and what each rule says of itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb.server import find_program
from ovnkit.topology.checks import RULES, Rule, explain
from ovnkit.topology.checks.__main__ import main
from ovnkit.topology.checks.pages import pages
from ovnkit.topology.checks.rules import THEMES

DIRECTORY = Path(__file__).parents[3] / "docs" / "checks"


def test_the_pages_are_what_the_rules_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.iterdir()}
    assert written == pages(), "make them anew: python -m ovnkit.topology.checks docs/checks"


def test_the_pages_of_rules_that_are_no_more_are_removed(tmp_path: Path) -> None:
    (tmp_path / "OVN999.md").write_text("old")
    assert main([str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == pages().keys()


def test_a_rule_can_be_explained() -> None:
    assert explain("OVN301").startswith("# OVN301: All chassis of a gateway are gone\n")
    with pytest.raises(InvalidValue, match="OVN301"):
        explain("OVN3")


def test_ids_are_unique_in_order_and_of_a_theme() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(set(ids))
    assert {id[:4] for id in ids} == THEMES.keys()
    assert all(re.fullmatch(r"OVN\d{3}", id) for id in ids)


@pytest.mark.parametrize("program", ["ovn-nbctl", "ovn-sbctl", "ovs-vsctl"])
def test_the_commands_that_remedies_name_are_there(program: str) -> None:
    path = find_program(program)
    if path is None and "CI" not in os.environ:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([str(path), "--commands"], capture_output=True, text=True, check=True, timeout=10)
    known = {line.split(",")[1] for line in done.stdout.splitlines()}
    said = "\n".join(rule.remedy for rule in RULES)
    named = set(re.findall(rf"{program} (?:--\S+ )*([a-z][a-z0-9-]+)", said))
    assert named
    assert named <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_why_and_what_mends_it(rule: Rule) -> None:
    assert rule.title[0].isupper() or rule.title.startswith("ovn-northd")
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.example
    assert rule.remedy
    assert re.search(r"\(\d\)|#\d+|Neutron", rule.source), rule.source
    assert not re.search(r"[<>|*]", rule.title + rule.why), "it would mean something in Markdown"
    assert rule.remedy.count("`") % 2 == 0
