"""Other people's forms: what they hold, and that a name is never anything but a name in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.topology import Edge, Node, Topology

from . import plain
from .plain import HOSTILE, hostile, node

ROOT = Path(__file__).parents[2]


def test_dot_has_clusters_for_what_belongs_together(network: Topology) -> None:
    drawn = network.to_dot()
    assert drawn.startswith("graph ovn {")
    assert drawn.count("subgraph") == sum(bool(network.children(each)) for each in network)
    assert drawn.count(" -- ") == len(network.edges)


def test_in_dot_a_name_stays_in_its_quotes() -> None:
    drawn = hostile().to_dot()
    # Without the quoted strings nothing is left but the language itself and names that it was given here.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', drawn)
    assert not re.findall(r"[^\w\s=,;\[\]{}\-\"]", bare)
    assert "<" not in drawn
    assert len(drawn) < 2000 * len(HOSTILE)


def test_in_mermaid_a_name_is_letters_and_entities() -> None:
    drawn = hostile().to_mermaid()
    for quoted in re.findall(r'"([^"]*)"', drawn):
        assert re.fullmatch(r"(?:[\w .:\-_/,()…]|#\d+;)*", quoted)
    assert drawn.count('"') % 2 == 0
    bare = re.sub(r'"[^"]*"', "", drawn)
    assert not re.findall(r"[^\w\s\[\]|.\-]", bare)


def test_mermaid_is_a_flow_chart(network: Topology) -> None:
    drawn = network.focus("vm-1").to_mermaid()
    assert drawn.startswith("flowchart LR\n")
    assert '["switch net-1"]' in drawn


def test_networkx_finds_the_same_ways(network: Topology) -> None:
    import networkx as nx

    graph = network.to_networkx()
    assert set(graph) == set(network.nodes)
    assert graph.nodes[network["vm-1"].key]["kind"] == "switch port"
    assert nx.has_path(graph, network["vm-1"].key, network["vm-2"].key)


def test_a_frame_has_a_row_for_each_node(network: Topology) -> None:
    frame = network.to_frame()
    assert len(frame) == len(network)
    row = frame.loc[network["vm-1"].key]
    assert (row["kind"], row["parent"], row["on"]) == ("switch port", "net-1", "compute-2.example.net")
    assert (frame["state"] == "down").sum() == 24


def test_a_frame_has_few_columns_however_many_load_balancers_there_are() -> None:
    vips = [{"protocol": "tcp", f"10.0.0.{n}:80": "10.1.0.1:80"} for n in range(50)]
    balancers = [node("load balancer", f"lb{n}", **facts) for n, facts in enumerate(vips)]
    frame = plain.topology(balancers).to_frame()
    assert list(frame.columns) == ["kind", "name", "label", "state", "parent", "on", "protocol", "vips"]
    assert frame.loc["load balancer lb7", "vips"] == "10.0.0.7:80=10.1.0.1:80"


def test_a_fact_is_no_column_that_all_nodes_have() -> None:
    changed = Node("s", "switch", "web", "web", "changed", {"state": "up → down"})
    assert list(plain.topology([changed]).to_frame()["state"]) == ["changed"]


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".mmd", ".json", ".txt"])
def test_a_file_is_what_its_suffix_says(network: Topology, tmp_path: Path, suffix: str) -> None:
    network.save(tmp_path / f"net{suffix}")
    written = (tmp_path / f"net{suffix}").read_text(encoding="utf-8")
    assert "net-11" in written
    if suffix == ".json":
        assert len(json.loads(written)["nodes"]) == len(network)


def test_a_png_shows_the_text(tmp_path: Path) -> None:
    def size(name: str) -> int:
        network = plain.topology([node("switch", name)], [])
        network.save(tmp_path / "net.png")
        written = (tmp_path / "net.png").read_bytes()
        assert written.startswith(b"\x89PNG")
        return len(written)

    assert size("a-switch-with-a-name") > size(" ") + 200


def test_without_a_font_there_is_no_png_rather_than_one_without_text(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("hiding the fonts of this machine needs root")
    program = (
        "from ovnkit import OvnkitError\nfrom tests.topology import plain\n"
        "try: plain.topology([plain.node('switch', 'web')]).save('net.png')\n"
        "except OvnkitError as error: print(error)\n"
    )
    hidden = ("/usr/share/fonts", "/usr/local/share/fonts")
    hide = "; ".join(f"test ! -d {fonts} || mount -t tmpfs none {fonts}" for fonts in hidden)
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = ["unshare", "-m", "sh", "-ec", f'{hide}; exec "$0" -c "$1"', sys.executable, program]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("no font to write a PNG with; install one")
    assert not (tmp_path / "net.png").exists()


def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"\.svg"):
        plain.topology([], [Edge("link", "a", "b")]).save(tmp_path / "net.bmp")
    assert not list(tmp_path.iterdir())
