"""What IPython offers at the end of a line: columns, and the values that there are."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.ipython import completions
from ovnkit.northbound import ACL, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb.server import Server, find_schema

SESSION = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.completer import provisionalcompleter
from ovnkit import Northbound
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort

shell = InteractiveShell.instance()
shell.Completer.use_jedi = False
shell.run_line_magic("load_ext", "ovnkit")
with Northbound.connect(sys.argv[1]) as nb:
    row = nb.get(LogicalSwitch, name="web")
    shell.push({"nb": nb, "row": row, "LogicalSwitch": LogicalSwitch, "LogicalSwitchPort": LogicalSwitchPort})
    for line in sys.argv[2:]:
        with provisionalcompleter():
            print(*sorted(found.text for found in shell.Completer.completions(line, len(line))))
"""


@pytest.fixture
def names(nb: Northbound) -> dict[str, Any]:
    for name in ("web", "wlan", "db"):
        nb.add_switch(name)
    nb.add_switch_port("web", "vm1", addresses=["unknown"])
    return {"nb": nb, "LogicalSwitch": LogicalSwitch, "LogicalSwitchPort": LogicalSwitchPort, "ACL": ACL, "x": 5}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('nb.get(LogicalSwitch, name="w', ["web", "wlan"]),
        ("nb.find(LogicalSwitch, name='d", ["db"]),
        ("nb.get(LogicalSwitch, na", ["name="]),
        ("nb.get(LogicalSwitchPort, name='vm1', ta", ["tag_request=", "tag="]),
        ('nb.wait(LogicalSwitchPort, addresses=["', []),
        ('port = nb.get(LogicalSwitchPort, type="', [""]),
        ('nb.find(ACL, action="allow-r', ["allow-related"]),
        ('nb.get(LogicalSwitch, nam="w', []),
        ("nb.get(x, na", []),
        ("x.get(LogicalSwitch, na", []),
        ("nb.get(", []),
        ("print(", []),
    ],
)
def test_the_end_of_a_line_is_completed(names: dict[str, Any], line: str, expected: list[str]) -> None:
    assert sorted(completions(line, names)) == sorted(expected)


def test_ipython_shows_them(tmp_path: Any) -> None:
    pytest.importorskip("IPython")
    with Server(tmp_path / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="nb") as server:
        with Northbound.connect(server.remote) as nb:
            nb.add_switch("web")
        lines = ['nb.get(LogicalSwitch, name="w', "nb.get(LogicalSwitch, na"]
        lines += ["LogicalSwitch.other_config.MCAST", "row.load"]
        command = [sys.executable, "-c", SESSION, server.remote, *lines]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shown = done.stdout.splitlines()
    assert shown[0].split() == ["web"]
    assert "name=" in shown[1].split()
    assert "MCAST_SNOOP" in shown[2]
    assert "load_balancer" in shown[3]
