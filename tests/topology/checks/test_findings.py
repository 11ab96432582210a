"""What is done with what was found: order, text, HTML, JSON, frames. Plain values."""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

import pytest

from ovnkit.errors import MissingExtra
from ovnkit.northbound import LogicalSwitchPort
from ovnkit.ovsdb import Ref
from ovnkit.topology.checks import Finding, Findings, FoundRow, Severity

ROW_UUID = UUID(int=7)


def finding(rule: str, severity: Severity = "error", text: str = "seen", remedy: str = "mend") -> Finding:
    row = FoundRow(
        database="OVN_Northbound",
        table="Logical_Switch_Port",
        uuid=ROW_UUID,
        name="vm1",
        ref=Ref(LogicalSwitchPort, ROW_UUID),
    )
    return Finding(
        rule=rule,
        severity=severity,
        title="title",
        text=text,
        why="why",
        remedy=remedy,
        source="ovn-nb(5)",
        rows=(row,),
    )


SOME = Findings((finding("OVN1"), finding("OVN2", "warning"), finding("OVN3", "info")), {"OVN9": "needs Southbound"})
NONE = Findings(())
PRINTED = """\
         rule    found
error    OVN1    seen

OVN1 title: why
  See ovn-nb(5).
  > mend

1 error
not asked: OVN9: needs Southbound"""


def test_it_is_a_sequence_that_is_true_when_anything_was_found() -> None:
    assert SOME
    assert not NONE
    assert len(SOME) == 3
    assert [one.rule for one in SOME] == ["OVN1", "OVN2", "OVN3"]
    assert SOME[0] in SOME
    assert isinstance(SOME[1:], Findings)
    assert SOME[1:][0].rule == "OVN2"


def test_it_is_ok_without_errors() -> None:
    assert not SOME.ok
    assert SOME[1:].ok
    assert NONE.ok
    assert [one.rule for one in SOME.errors] == ["OVN1"]
    assert [one.rule for one in SOME.warnings] == ["OVN2"]
    assert [one.rule for one in SOME.of_rule("OVN3")] == ["OVN3"]


def test_it_prints_a_table_with_reasons_and_remedies() -> None:
    assert str(SOME[:1]) == PRINTED
    assert str(NONE) == "nothing was found"
    assert repr(SOME) == "<Findings 1 error, 1 warning, 1 info>"


def test_many_findings_of_a_rule_are_folded_and_counted() -> None:
    many = Findings(tuple(finding("OVN1", text=f"port {number}", remedy=f"mend {number}") for number in range(500)))
    assert "port 9\n" in str(many)
    assert "port 10\n" not in str(many)
    assert "…        OVN1    and 490 more" in str(many).splitlines()
    assert "  > and 490 more" in str(many).splitlines()
    assert "and 490 more" in many.to_html()
    assert len(many.to_dict()["findings"]) == 500


def test_html_escapes_everything() -> None:
    evil = '<script>alert("1")</script>'
    html = Findings((finding("OVN1", text=evil, remedy=evil),), {"OVN2": evil})._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 3


def test_it_shows_itself_in_terminals_and_in_notebooks() -> None:
    shown = SOME._repr_mimebundle_()
    assert shown == {"text/plain": str(SOME), "text/html": SOME.to_html()}


def test_it_is_json() -> None:
    written = json.loads(json.dumps(SOME.to_dict()))
    assert written["unasked"] == {"OVN9": "needs Southbound"}
    assert written["findings"][0] == {
        "rule": "OVN1",
        "severity": "error",
        "title": "title",
        "text": "seen",
        "why": "why",
        "remedy": "mend",
        "source": "ovn-nb(5)",
        "rows": [
            {
                "database": "OVN_Northbound",
                "host": "",
                "table": "Logical_Switch_Port",
                "uuid": str(ROW_UUID),
                "name": "vm1",
            }
        ],
    }


def test_it_is_a_frame() -> None:
    pytest.importorskip("pandas")
    frame = SOME.to_frame()
    assert list(frame["rule"]) == ["OVN1", "OVN2", "OVN3"]
    assert frame["rows"][0] == ("Logical_Switch_Port vm1",)
    assert list(NONE.to_frame().columns) == list(frame.columns)


def test_without_pandas_the_frame_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, Any] = {"pandas": None}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingExtra, match=r"ovnkit\[topology\]"):
        SOME.to_frame()


def test_a_finding_and_its_rows_say_what_they_are() -> None:
    assert str(SOME[0]) == "error OVN1: seen"
    assert str(SOME[0].rows[0]) == "Logical_Switch_Port vm1"
