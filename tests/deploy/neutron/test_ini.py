"""Settings in the text of a file: what is there stays byte for byte, what is asked is there once, values come back."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy.neutron.ini import Setting, merge
from ovnkit.deploy.secret import Secret
from ovnkit.errors import Conflict, InvalidValue
from ovnkit.ini import values

THERE = """\
# What the distribution has written.
[DEFAULT]
# transport_url = rabbit://
debug = true

[ml2]
#type_drivers = local
mechanism_drivers = openvswitch,l2population
tenant_network_types = vxlan   
extension_drivers: qos

[AGENT]
root_helper = sudo
    neutron-rootwrap /etc/neutron/rootwrap.conf
; the end
"""  # noqa: W291


def setting(value: str | Secret = "geneve", *, name: str = "project_network_types", **more: object) -> Setting:
    given = {"section": "ml2", "aliases": frozenset({"tenant_network_types"}), **more}
    return Setting(name=name, value=value, **given)  # type: ignore[arg-type]


def merged(text: str, *settings: Setting) -> str:
    after, changes = merge(text, settings, path="/f")
    assert bool(changes) == (after != text)
    assert merge(after, settings, path="/f") == (after, ())
    return after


def test_a_file_that_is_not_there_is_sections_in_their_order() -> None:
    settings = [setting("a", name="x"), setting("b", section="ovn", name="y"), setting("c", name="z")]
    assert merged("", *settings) == "[ml2]\nx = a\nz = c\n\n[ovn]\ny = b\n"


def test_an_option_keeps_its_place_and_its_older_name_goes() -> None:
    after, changes = merge(THERE, [setting()], path="/f")
    assert after == THERE.replace("tenant_network_types = vxlan   \n", "project_network_types = geneve\n")
    assert [str(change) for change in changes] == [
        "+ [ml2] project_network_types = geneve",
        "- [ml2] tenant_network_types = vxlan",
    ]


def test_an_option_that_is_as_asked_stays_byte_for_byte() -> None:
    for line in (
        "project_network_types=geneve",
        "project_network_types :  'geneve'  ",
        'project_network_types = "geneve"',
    ):
        text = f"[ml2]\n{line}\n"
        assert merge(text, [setting()], path="/f") == (text, ())


def test_a_new_option_comes_to_the_end_of_its_section() -> None:
    after = merged(THERE, setting("38", section="DEFAULT", name="new"), setting("1", section="agent", name="other"))
    assert "debug = true\nnew = 38\n\n[ml2]" in after
    assert "rootwrap.conf\nother = 1\n; the end\n" in after
    assert merged("[ml2]\n[ovn]\n", setting()) == "[ml2]\nproject_network_types = geneve\n[ovn]\n"


def test_an_option_given_twice_or_by_both_names_is_there_once_afterwards() -> None:
    first = "[ml2]\nproject_network_types = vlan\nx = 1\n[ovn]\n"
    text = f"{first}[ml2]\ntenant_network_types = gre\nproject_network_types = flat\n"
    after, changes = merge(text, [setting()], path="/f")
    assert after == "[ml2]\nproject_network_types = geneve\nx = 1\n[ovn]\n[ml2]\n"
    assert [str(change) for change in changes] == [
        "~ [ml2] project_network_types = vlan, then flat -> geneve",
        "- [ml2] tenant_network_types = gre",
    ]


def test_a_value_of_several_lines_is_replaced_as_a_whole() -> None:
    text = "[ml2]\nproject_network_types = vlan,\n  flat,\n\tgre\n# after\nx = 1\n"
    assert merged(text, setting()) == "[ml2]\nproject_network_types = geneve\n# after\nx = 1\n"


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ("openvswitch,l2population", "ovn"),
        ("sriovnicswitch, openvswitch", "ovn,sriovnicswitch"),
        ("ovn , sriovnicswitch", "ovn , sriovnicswitch"),
        ("ovn,openvswitch", "ovn"),
        ("", "ovn"),
    ],
)
def test_a_list_keeps_the_items_of_others_but_for_those_whose_place_ours_take(there: str, after: str) -> None:
    drivers = setting(
        "ovn", name="mechanism_drivers", beside=True, instead_of=frozenset({"openvswitch", "l2population"})
    )
    assert merged(f"[ml2]\nmechanism_drivers = {there}\n", drivers) == f"[ml2]\nmechanism_drivers = {after}\n"


def test_line_ends_stay_what_they_are() -> None:
    assert merged("[ml2]\r\nx = 1\r\n", setting()) == "[ml2]\r\nx = 1\r\nproject_network_types = geneve\r\n"
    assert merged("[ml2]\nx = 1", setting()) == "[ml2]\nx = 1\nproject_network_types = geneve\n"
    assert merged("[ml2]\ntenant_network_types = 1", setting()) == "[ml2]\nproject_network_types = geneve"


def test_a_dollar_sign_that_refers_to_something_is_not_one_that_stands_for_itself() -> None:
    text = "[ml2]\nproject_network_types = $state_path\n"
    assert merged(text, setting("$state_path")) == "[ml2]\nproject_network_types = \\$state_path\n"


@pytest.mark.parametrize(
    "value", [" a", "a ", " ", "", "'", '"', "'a'", "'a\"", "$", "$$", "\\$", "\\", "#", ";", "=", ":", "ü"]
)
def test_a_value_that_could_be_taken_for_something_else_comes_back(value: str) -> None:
    assert values(merged("", setting(value)))["ml2", "project_network_types"] == [value]


@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "\0", "a\x1b[31m", "[section]", "a\u2028b", "a\u202eb", "\ud800", "a\tb", "a\x85b"]
)
def test_a_value_that_no_line_can_hold_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        merge(THERE, [setting("good", name="other"), setting(value)], path="/etc/f")
    assert (caught.value.table, caught.value.column) == ("/etc/f", "[ml2] project_network_types")


def test_a_secret_is_in_the_text_and_nowhere_else() -> None:
    marker = "Marker-4711"
    change_of_secret = setting(Secret(marker))
    after, changes = merge("[ml2]\nproject_network_types = Marker-before\n", [change_of_secret], path="/f")
    assert marker in after
    assert str(*changes) == "~ [ml2] project_network_types = *** -> ***"
    assert "Marker" not in repr((changes, change_of_secret))
    with pytest.raises(InvalidValue) as caught:
        merge("", [setting(Secret(f"{marker}\n"))], path="/f")
    assert marker not in str(caught.value) + repr(vars(caught.value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = Marker\n", "line 1: an option stands in a section"),
        ("[ml2]\nMarker\n", "line 2: an option is NAME = VALUE"),
        ("[ml2]\n = Marker\n", "line 2: it goes on with what is not there"),
        ("[ml2]\n=Marker\n", "line 2: an option is NAME = VALUE"),
        ("[ml2\nx = Marker\n", "line 1: a section is [NAME]"),
        ("[]\nx = Marker\n", "line 1: a section is [NAME]"),
        ("[ml2]\nx = 1\n\n  Marker\n", "line 4: it goes on with what is not there"),
    ],
)
def test_a_text_that_is_not_of_oslo_config_is_left_alone(text: str, reason: str) -> None:
    with pytest.raises(Conflict) as caught:
        merge(text, [setting()], path="/f")
    assert reason in str(caught.value)
    assert "Marker" not in str(caught.value)


LINES = st.one_of(
    st.sampled_from(
        [
            "",
            "  ",
            "# a",
            ";b",
            "[ml2]",
            "[ML2]",
            "[ovn]",
            "[DEFAULT]",
            "  more",
            "\tmore",
            "project_network_types",
            "[",
        ]
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["project_network_types", "tenant_network_types", "x", " x"]),
        st.sampled_from(["=", " = ", ":", " : "]),
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8),
    ),
)
TEXTS = st.builds(
    lambda lines, end: end.join(lines), st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n", "\r"])
)
VALUES = st.text(max_size=12).filter(lambda text: text.isprintable() and not text.startswith("["))


@given(TEXTS, VALUES)
def test_whatever_the_text_it_is_merged_and_read_back_or_left_alone(text: str, value: str) -> None:
    try:
        after, _ = merge(text, [setting(value)], path="/f")
    except Conflict:
        return
    assert merge(after, [setting(value)], path="/f") == (after, ())
    before_values, after_values = dict(values(text)), dict(values(after))
    assert after_values.pop(("ml2", "project_network_types")) == [value]
    for name in ("project_network_types", "tenant_network_types"):
        before_values.pop(("ml2", name), None)
    assert after_values == before_values
    kept = [line for line in text.splitlines() if line.lstrip().startswith(("#", ";", "["))]
    assert [line for line in after.splitlines() if line in kept][: len(kept)] == kept
