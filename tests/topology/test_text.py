"""Names of tenants: on one line, readable, no wider than there is room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.topology.text import cells, natural, printable, shortened


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines", r"two\nlines"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("right\u200fleft\u202e", r"right\u200fleft\u202e"),
        (r"two\nlines", r"two\\nlines"),
        ('it\'s "both"\t', r"it\'s " + r'"both"\t'),
        ("é plain one", "é plain one"),
    ],
)
def test_what_cannot_be_printed_is_shown_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text())
def test_what_is_shown_is_printable_and_two_names_never_look_the_same(name: str) -> None:
    assert printable(name).isprintable()
    if printable(name) != name:
        assert printable(printable(name)) != printable(name)


@given(st.text(), st.integers(3, 40))
def test_it_is_never_wider_than_its_room(name: str, room: int) -> None:
    assert cells(printable(name, limit=room)) <= room


def test_it_is_cut_in_the_middle() -> None:
    assert shortened("provnet-5f0c2a1e-physnet", 11) == "provn…ysnet"
    assert shortened("日本語のネットワーク", 9) == "日本…ーク"
    assert shortened("as it is", 8) == "as it is"


def test_accents_take_no_room_and_cannot_be_piled_up() -> None:
    accented = "re\u0301seau-prive\u0301"
    assert shortened(accented, 12) == accented
    assert shortened(accented, 7) == "re\u0301s…ive\u0301"
    assert len(shortened("a" + "\u0301" * 10_000, 20)) < 100


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["vm10", "vm2", "vm1", "a", "vm", "9" * 9000, "10", ""]
    assert sorted(names, key=natural) == ["", "10", "9" * 9000, "a", "vm", "vm1", "vm2", "vm10"]
