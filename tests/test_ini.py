"""Files of oslo.config: what they say, as Neutron reads it."""

from __future__ import annotations

import pytest

from ovnkit.errors import Conflict
from ovnkit.ini import values

TEXT = """\
# A comment.
[OVN]
ovn_nb_connection = ssl:10.0.0.1:6641,
    ssl:10.0.0.2:6641
ovn_sb_connection: "tcp:10.0.0.1:6642"
ovn_sb_connection = tcp:10.0.0.9:6642
[DEFAULT]
cost = $$5
"""


def test_every_value_of_every_option_is_read_by_its_section() -> None:
    assert values(TEXT) == {
        ("ovn", "ovn_nb_connection"): ["ssl:10.0.0.1:6641,\nssl:10.0.0.2:6641"],
        ("ovn", "ovn_sb_connection"): ["tcp:10.0.0.1:6642", "tcp:10.0.0.9:6642"],
        ("DEFAULT", "cost"): ["$5"],
    }


@pytest.mark.parametrize("text", ["[ovn\n", "[]\n", "password\n", "a = b\n", "  goes on\n"])
def test_what_is_no_such_file_is_refused_without_showing_its_line(text: str) -> None:
    with pytest.raises(Conflict) as caught:
        values(text, path="/etc/x.ini")
    assert "/etc/x.ini, line 1: " in str(caught.value)
    assert "password" not in str(caught.value)
