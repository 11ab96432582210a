"""What ``describe()`` says of tables, columns and keys: the facts of the models, and the installed man page's text."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ovnkit
from ovnkit.northbound import ACL, NB, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Column
from ovnkit.ovsdb.manual import find_page
from ovnkit.southbound import SB, Encap
from ovnkit.vswitch import VS, Interface


@pytest.fixture
def pages() -> None:
    if find_page("ovn-nb") is None:
        pytest.skip("the man pages are not installed, which some images leave out")


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr("ovnkit.ovsdb.manual._DIRECTORIES", (str(tmp_path),))
    monkeypatch.delenv("MANPATH", raising=False)
    return iter([None])


@pytest.mark.may_skip
def test_a_column_has_its_facts_and_the_text_of_the_manual(pages: None) -> None:
    text = str(ovnkit.describe(LogicalSwitchPort.addresses))

    assert text.startswith("Logical_Switch_Port.addresses: set of strings\n\n")
    assert "Only one element containing dynamic may appear" in text


@pytest.mark.may_skip
def test_a_key_has_the_text_of_the_manual(pages: None) -> None:
    found = ovnkit.describe(LogicalSwitchPort.options, LogicalSwitchPort.options.ROUTER_PORT)

    assert found.subject == "Logical_Switch_Port.options:router-port"
    assert found.page == "ovn-nb(5)"
    assert "Logical_Router_Port" in (found.manual or "")


@pytest.mark.may_skip
@pytest.mark.parametrize("mark", [NB, SB, VS])
def test_every_column_of_the_installed_release_is_in_the_manual(pages: None, mark: Any) -> None:
    old = [
        column
        for row_class in mark.tables.values()
        if row_class._since is None
        for column in row_class._columns.values()
        # Of some maps there are only keys to tell.
        if column.since is None and not column.type.is_map
    ]
    silent = [repr(column) for column in old if ovnkit.describe(column).manual is None]

    assert len(silent) < len(old) / 20, silent


def test_a_table_lists_its_columns() -> None:
    text = str(ovnkit.describe(ACL))

    assert text.startswith("ACL\n\nNot a root table")
    assert "\ntier: integer 0 to 3; since OVN 23.06\n" in text


def test_a_map_lists_its_documented_keys() -> None:
    found = ovnkit.describe(LogicalSwitch.other_config)

    assert "mcast_snoop" in found.keys
    assert "\n    mcast_snoop" in str(found)


def test_words_that_are_gone_are_told() -> None:
    assert "'stt' gone in OVN 25.09" in str(ovnkit.describe(Encap.type))


def test_without_a_manual_the_facts_remain(no_pages: None) -> None:
    found = ovnkit.describe(LogicalSwitchPort.addresses)

    assert found.manual is None
    assert "ovn-nb(5) is not installed" in str(found)
    assert repr(found) == str(found)


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="a row class or a column"):
        ovnkit.describe("addresses")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no map"):
        ovnkit.describe(LogicalSwitchPort.addresses, "key")
    with pytest.raises(ValueError, match="no keys"):
        ovnkit.describe(LogicalSwitchPort, "key")


def test_the_docstring_of_a_column_says_what_it_holds_and_that_of_its_class_what_it_is() -> None:
    assert inspect.getdoc(ACL.tier) == "ACL.tier: integer 0 to 3; since OVN 23.06"
    assert inspect.getdoc(Interface.options) == "Interface.options: map of strings to strings"
    assert (inspect.getdoc(Column) or "").startswith("A column:")
    assert (inspect.getdoc(type(Interface.options)) or "").startswith("Interface.options with the keys")


def test_class_docstrings_say_type_limits_target_and_since() -> None:
    text = inspect.getdoc(ACL) or ""

    for line in ("priority: integer 0 to 32767", "sample_new: reference to Sample, or None; since OVN 24.09"):
        assert f"\n{line}\n" in text


def test_a_key_that_is_misspelt_is_an_error_at_once() -> None:
    assert LogicalSwitchPort.options.REQUESTED_CHASSIS == "requested-chassis"
    with pytest.raises(AttributeError, match=r"did you mean REQUESTED_CHASSIS\?"):
        _ = LogicalSwitchPort.options.REQUESTED_CHASIS  # type: ignore[attr-defined]
