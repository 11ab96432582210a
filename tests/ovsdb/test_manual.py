"""What man pages say of tables, columns and keys is found, and reads as text."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from ovnkit.ovsdb.manual import find_page, installed_sections, sections

PAGE = r"""
.TH "things" 5 "DB Schema 1.0.0"
.SH "Thing TABLE"
.PP
A thing\[char46] It has \fBparts\fR\(cqs names\[char46]
.SS "Summary:
.TQ 3.00in
\fBname\fR
string
.SS "Details:
.ST "Naming:"
.PP
.IP "\fBname\fR: string"
The name\[char46]
.IP
One of:
.RS
.TP
\fBred\fR
A colour\[char46]
.TP
\fIdark\fR
.TQ .5in
\fIlight\fR
Two more\[char46]
.RE
.IP "\fBoptions : a\-key\fR: optional string, containing an integer, in range 1 to 4,095"
Said once\[char46]
.RS
.IP \(bu
first
.IP \(bu
second
.RE
.ST "For other things:"
.PP
These are others\[char46]
.IP "\fBoptions : a\-key\fR: optional string"
Said twice\[char46]
.bp
.SH "Other TABLE"
.PP
Another\[char46]
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "man5").mkdir()
    path = tmp_path / "man5" / "things.5.gz"
    path.write_bytes(gzip.compress(PAGE.encode()))
    monkeypatch.setenv("MANPATH", str(tmp_path))
    return path


def test_tables_columns_and_keys_have_a_section_each() -> None:
    found = [(section.table, section.column, section.key) for section in sections(PAGE)]

    assert found == [
        ("Thing", None, None),
        ("Thing", "name", None),
        ("Thing", "options", "a-key"),
        ("Other", None, None),
    ]


def test_the_type_is_that_of_the_heading() -> None:
    types = {section.key: section.type for section in sections(PAGE) if section.column == "options"}

    assert types == {"a-key": "optional string, containing an integer, in range 1 to 4,095"}


def test_the_text_is_plain_and_keeps_its_shape(page: Path) -> None:
    texts = installed_sections("things")

    assert texts is not None
    assert texts["Thing", None, None] == "A thing. It has parts's names."
    assert texts["Thing", "name", None] == (
        "The name.\n\nOne of:\n\n    red\n        A colour.\n\n    dark\n    light\n        Two more."
    )
    assert texts["Thing", "options", "a-key"] == "Said once.\n\n    • first\n\n    • second\n\nSaid twice."


def test_a_page_that_was_replaced_is_read_again(page: Path) -> None:
    installed_sections("things")
    page.write_bytes(gzip.compress(PAGE.replace("Another", "Changed").encode()))
    os.utime(page, ns=(time.time_ns(), time.time_ns() + 1_000_000_000))

    texts = installed_sections("things")

    assert texts is not None
    assert texts["Other", None, None] == "Changed."


def test_a_page_that_is_not_installed_is_none() -> None:
    assert find_page("no-such-page") is None
    assert installed_sections("no-such-page") is None
