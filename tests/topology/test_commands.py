"""The commands that look at a network: what they print and write, and their exit statuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit.cli import main
from ovnkit.cli.network import opened
from ovnkit.northbound import LogicalSwitchPort, Northbound
from ovnkit.ovsdb.server import Server, find_schema

VARIABLES = ("OVN_NB_DB", "OVN_SB_DB", "OVN_RUNDIR", "OVS_RUNDIR", "OVN_NBCTL_OPTIONS", "OVN_SBCTL_OPTIONS")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Where NB and SB of two networks of a tenant listen; nothing runs there."""
    # Short: the path of a Unix socket in it has at most 107 bytes.
    found = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    servers = [
        Server(found / f"{name}.db", find_schema(f"ovn-{name[3:5]}.ovsschema"), run_dir=found, name=name)
        for name in ("ovnnb_db", "ovnsb_db")
    ]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_ready()
        with Northbound.connect(servers[0].remote) as nb:
            nb.add_switch("web", subnet="10.0.0.0/24")
            nb.add_switch_port("web", "vm1", addresses=["02:00:00:00:00:05 10.0.0.5"])
            nb.add_router("r")
            nb.connect_router("web", "r", networks=["10.0.0.1/24"], mac="02:00:00:00:ff:01")
            nb.add_switch("db")
            nb.add_switch_port("db", "vm2", addresses=["02:00:00:00:00:06 10.0.1.5"])
        yield found
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(found)


@attrs.frozen
class Said:
    """What a command has left behind."""

    status: int
    output: str
    errors: str


Run = Callable[..., Said]


@pytest.fixture
def run(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OVN_RUNDIR", str(directory))
    monkeypatch.setenv("OVS_RUNDIR", str(directory))

    def run(*arguments: str | Path) -> Said:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run


def test_show_prints_the_tree(run: Run) -> None:
    said = run("show")
    assert (said.status, said.errors) == (0, "")
    assert said.output.splitlines()[0].startswith("router r")
    assert "port vm1" in said.output


def test_show_takes_a_name_and_shows_what_is_around_it(run: Run) -> None:
    said = run("show", "vm1")
    assert "port vm1" in said.output
    assert "router r" in said.output
    assert "vm2" not in said.output


def test_show_searches(run: Run) -> None:
    said = run("show", "--search", "10.0.1.5")
    assert "vm2" in said.output
    assert "vm1" not in said.output


def test_a_search_that_finds_nothing_does_not_pass_for_an_empty_network(run: Run) -> None:
    said = run("show", "--search", "nobody")
    assert (said.status, said.output) == (1, "")
    assert said.errors == "ovnkit: nothing there has 'nobody' in its name or addresses\n"


def test_show_as_json_has_nodes_and_edges(run: Run) -> None:
    said = run("show", "vm2", "--json")
    found = json.loads(said.output)
    assert {node["name"] for node in found["nodes"]} == {"db", "vm2"}
    assert found["edges"] == []


def test_a_name_that_is_not_there_is_an_error_that_tells_what_is(run: Run) -> None:
    said = run("show", "vm3")
    assert (said.status, said.output) == (1, "")
    assert said.errors.startswith("ovnkit: ")
    assert "did you mean" in said.errors
    assert "; search(), or --search, finds " in run("show", "???").errors


def test_what_was_not_reached_is_told_beside_the_picture(run: Run, directory: Path) -> None:
    said = run("show", "--sb", f"unix:{directory}/ovnsb_db.sock")
    assert (said.status, said.errors) == (0, "")
    said = run("show", "--verbose")
    assert f"OVN_Northbound: OVN_RUNDIR, unix:{directory}/ovnnb_db.sock: connected" in said.errors.splitlines()
    assert any(line.startswith("Open_vSwitch: OVS_RUNDIR") and "ENOENT" in line for line in said.errors.splitlines())


def test_without_southbound_the_rest_is_shown_and_that_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setenv("OVN_SB_DB", f"unix:{directory}/gone.sock")
    said = run("show")
    assert (said.status, "port vm1" in said.output) == (0, True)
    assert said.errors == "ovnkit: without Southbound, which is not there; --verbose tells what was tried\n"


def test_where_nothing_is_reached_all_that_was_tried_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVN_RUNDIR", str(tmp_path))
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    said = run("show")
    assert (said.status, said.output) == (1, "")
    first, *rest = said.errors.splitlines()
    assert first.startswith("ovnkit: any database of OVN: not reached; say where it is")
    assert [line.split(":")[0] for line in rest] == ["  OVN_Northbound", "  OVN_Southbound", "  Open_vSwitch"]


@pytest.fixture
def watching(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that watches the switch db, for half a minute at most."""
    command = [sys.executable, "-m", "ovnkit", "watch", "db", "--nb", f"unix:{directory}/ovnnb_db.sock"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OVN_RUNDIR": str(directory)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        end = threading.Timer(30, process.kill)
        end.start()
        yield process
        end.cancel()
        process.kill()


def test_watch_tells_what_changes_until_it_is_interrupted(watching: subprocess.Popen[str], directory: Path) -> None:
    assert watching.stdout is not None
    assert watching.stdout.readline() == "switch db\n"
    assert "vm2" in watching.stdout.readline()
    with Northbound.connect(f"unix:{directory}/ovnnb_db.sock") as nb:
        nb.add_switch_port("web", "elsewhere")
        nb.add_switch_port("db", "vm3")
        assert re.fullmatch(r"\d\d:\d\d:\d\d \+ switch port vm3\n", watching.stdout.readline())
        with nb.transaction() as tx:
            tx.update(tx.get(LogicalSwitchPort, name="vm2"), addresses=["02:00:00:00:00:06 10.0.1.9"])
        assert re.search(r"~ switch port vm2  .*10\.0\.1\.5 → .*10\.0\.1\.9", watching.stdout.readline())
        nb.remove_switch_port("db", "vm3")
        assert " - switch port vm3" in watching.stdout.readline()
        nb.remove_switch_port("web", "elsewhere")
        with nb.transaction() as tx:
            tx.update(tx.get(LogicalSwitchPort, name="vm2"), addresses=["02:00:00:00:00:06 10.0.1.5"])
    watching.send_signal(signal.SIGINT)
    assert watching.wait(10) == 0


def test_watch_as_json_is_an_object_for_each_line(run: Run) -> None:
    said = run("watch", "--json", "--for", "0.3")
    (line,) = said.output.splitlines()
    assert (said.status, sorted(json.loads(line))) == (0, ["edges", "nodes"])


def test_open_shows_files_without_a_server(run: Run, directory: Path) -> None:
    said = run("open", directory / "ovnnb_db.db", directory / "ovnsb_db.db")
    assert (said.status, said.errors) == (0, "")
    assert said.output == run("show").output


def test_a_command_may_follow_the_files(run: Run, directory: Path) -> None:
    said = run("open", directory / "ovnnb_db.db", "show", "vm2")
    assert "vm2" in said.output
    assert "vm1" not in said.output
    assert said.errors == "ovnkit: without Southbound, which is not there; --verbose tells what was tried\n"
    assert run("open", directory / "ovnnb_db.db", "--search", "10.0.1.5", "--json").output.startswith("{")


def test_a_file_that_is_none_is_an_error(run: Run, tmp_path: Path) -> None:
    said = run("open", tmp_path / "gone.db")
    assert (said.status, said.output, said.errors) == (
        1,
        "",
        f"ovnkit: {tmp_path}/gone.db: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("given", "stands_for"),
    [
        (["open", "a", "b"], ["show", "--file=a", "--file=b"]),
        (["open", "a", "trace", "vm1", "vm2", "--tcp", "80"], ["trace", "--file=a", "vm1", "vm2", "--tcp", "80"]),
        (["open", "a", "-o", "show.svg"], ["show", "--file=a", "-o", "show.svg"]),
        (["open"], ["open"]),
        (["open", "a", "--verbose", "check", "--json"], ["check", "--file=a", "--verbose", "--json"]),
        (["open", "--json", "a", "show", "show"], ["show", "--file=a", "--json", "show"]),
        (["open", "a", "diff", "b", "--json"], ["diff", "a", "b", "--json"]),
        (["open", "--help"], ["open", "--help"]),
        (["open", "--", "a", "show"], ["show", "--file=a"]),
        (["open", "--"], ["open"]),
        (["show", "open"], ["show", "open"]),
        ([], []),
    ],
)
def test_open_stands_for_another_command(given: list[str], stands_for: list[str]) -> None:
    assert opened(given) == stands_for


def test_open_alone_is_wrong_usage(run: Run) -> None:
    said = run("open")
    assert (said.status, "the following arguments are required: FILE" in said.errors) == (64, True)


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd", "json", "txt"])
def test_show_writes_what_the_suffix_says(suffix: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / f"net.{suffix}"
    said = run("show", "-o", path)
    assert (said.status, said.output, said.errors) == (0, "", "")
    assert "vm1" in path.read_text()


@pytest.mark.parametrize(
    ("command", "suffixes"),
    [
        (["show"], ".svg, .html, .png, .dot, .mmd, .json or .txt"),
        (["trace", "vm1", "vm2"], ".html, .json or .txt"),
        (["check"], ".html, .json or .txt"),
        (["diff", "before"], ".html, .json or .txt"),
    ],
)
def test_another_suffix_is_wrong_usage_before_anything_is_looked_at(
    command: list[str], suffixes: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVN_RUNDIR", "/nowhere")
    said = run(*command, "-o", "net.gif")
    assert (said.status, said.output) == (64, "")
    assert said.errors.endswith(f"argument -o/--output: 'net.gif' must end in {suffixes}\n")


def test_trace_tells_why_and_its_status_says_whether_it_arrives(run: Run, tmp_path: Path) -> None:
    said = run("trace", "vm1", "vm2", "--tcp", "80")
    assert said.status == 1
    assert said.output.startswith("vm1 -> vm2: ")
    found = json.loads(run("trace", "vm1", "vm2", "--tcp", "80", "--json").output)
    assert found["verdict"] != "delivered"
    assert run("trace", "vm1", "vm2", "-o", tmp_path / "trace.html").output == ""
    assert (tmp_path / "trace.html").read_text().startswith('<!doctype html>\n<meta charset="utf-8">\n<title>Trace')


def test_a_snapshot_is_opened_again_and_an_anonymous_one_has_other_names(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "shop.tar.gz"
    said = run("snapshot", "-o", path)
    assert (said.status, said.output, said.errors) == (0, f"{path}\n", "")
    assert run("open", path).output == run("show").output
    assert run("open", path, "--verbose").errors == ""
    assert json.loads(run("snapshot", "--anonymize", "--json", "-o", path).output) == {
        "path": str(path),
        "anonymized": True,
    }
    assert "vm1" not in run("open", path).output


def test_a_snapshot_is_no_file_of_another_kind_and_needs_a_place(run: Run, tmp_path: Path) -> None:
    said = run("snapshot", "-o", tmp_path / "s.zip")
    assert (said.status, list(tmp_path.iterdir())) == (1, [])
    assert said.errors.endswith("allowed: NAME.tar.gz or NAME.tgz, or a directory\n")
    said = run("snapshot", "-o", tmp_path / "gone" / "s.tgz")
    assert (said.status, said.errors) == (1, f"ovnkit: {tmp_path}/gone: No such file or directory\n")


def test_a_snapshot_without_a_name_is_called_after_its_time(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.fullmatch(r"ovn-\d{8}-\d{6}\.tar\.gz\n", run("snapshot").output)


def test_check_says_what_is_wrong_and_its_status_that_there_is_something(run: Run, directory: Path) -> None:
    said = run("check", "--only", "OVN6")
    assert said.status == 2
    line = "warning  OVN603  in Northbound alone: 2 switches (db, web), 1 router (r)"
    assert said.output.splitlines()[1].startswith(line)
    assert run("check", "--ignore", "OVN6").status == 0
    first, second, *_ = run("open", directory / "ovnnb_db.db", "check").output.splitlines()
    assert first == "nothing was found"
    assert second.endswith(" rules: needs Southbound")


def test_check_as_json_and_as_a_page(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("check", "--json").output)
    assert [(one["rule"], one["severity"]) for one in found["findings"]] == [("OVN603", "warning")]
    assert run("check", "-o", tmp_path / "found.html").status == 2
    assert ">OVN603</td>" in (tmp_path / "found.html").read_text()


def test_check_explains_a_rule_without_looking_at_anything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVN_RUNDIR", "/nowhere")
    said = run("check", "--explain", "OVN301")
    assert (said.status, said.errors) == (0, "")
    assert said.output.startswith("# OVN301: All chassis of a gateway are gone\n")
    assert run("check", "--explain", "ovn301").output == said.output
    said = run("check", "--explain", "OVN11")
    assert (said.status, said.output) == (1, "")
    assert said.errors == "ovnkit: explain().id: 'OVN11' is not allowed here; allowed: OVN110\n"
    assert run("check", "--explain", "nothing").errors.endswith("; allowed: OVN101, …, OVN807\n")


def test_check_takes_the_beginning_of_ids_in_small_letters_too(run: Run) -> None:
    assert run("check", "--only", "ovn6").output == run("check", "--only", "OVN6").output
    assert run("check", "--only", "OVN699").errors.endswith(" or their beginnings: OVN601, OVN602, OVN603\n")


def test_diff_compares_files_with_each_other_and_with_what_is_now(run: Run, directory: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before.tar.gz", tmp_path / "after.tar.gz"
    run("snapshot", "-o", before)
    said = run("diff", before)
    assert (said.status, said.output, said.errors) == (0, "no differences\n", "")
    with Northbound.connect(f"unix:{directory}/ovnnb_db.sock") as nb:
        nb.add_switch("mail")
        said = run("diff", before)
        run("snapshot", "-o", after)
        nb.remove_switch("mail")
    assert (said.status, "+ Logical_Switch mail" in said.output) == (2, True)
    assert run("diff", before, after).output == said.output
    assert run("diff", after, before).output.replace("- ", "+ ") == said.output
    assert json.loads(run("diff", before, after, "--json").output)["rows"][0]["name"] == "mail"
    assert run("diff", before, after, "-o", tmp_path / "diff.html").status == 2
    assert "mail" in (tmp_path / "diff.html").read_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_lines_and_arrows_shows_the_tree_with_what_it_has(encoding: str, directory: Path) -> None:
    with Northbound.connect(f"unix:{directory}/ovnnb_db.sock") as nb:
        nb.add_switch("café-日本")
        sb = f"unix:{directory}/ovnsb_db.sock"
        command = [sys.executable, "-m", "ovnkit", "show", "--nb", nb.remote, "--sb", sb]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONIOENCODING": encoding,
            "OVS_RUNDIR": "/nowhere",
        }
        said = subprocess.run(command, capture_output=True, env=environment, check=False)
        nb.remove_switch("café-日本")
    assert (said.returncode, said.stderr) == (0, b"")
    assert b"`-- port vm2" in said.stdout
    assert "caf\\xe9-\\u65e5" in said.stdout.decode(encoding).replace("é", "\\xe9")


def test_what_keeps_a_trace_from_being_made_is_not_told_as_a_packet_that_does_not_arrive(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("trace", "vm1", "vm2").status == 1
    assert run("trace", "vm1", "vm3").status == 2
    assert run("trace", "vm1", "vm2", "--tcp", "65536").status == 64
    monkeypatch.setenv("OVN_RUNDIR", "/nowhere")
    assert run("trace", "vm1", "vm2").status == 2


def test_what_is_damaged_is_told_and_never_passes_for_a_network_where_all_is_well(
    run: Run, directory: Path, tmp_path: Path
) -> None:
    whole = (directory / "ovnnb_db.db").read_bytes()
    cut, broken = tmp_path / "cut.db", tmp_path / "broken.db"
    cut.write_bytes(whole[:-10])
    broken.write_bytes(whole[:100] + b"?" + whole[101:])
    said = run("open", cut, "check")
    assert (said.status, said.output.splitlines()[0]) == (1, "nothing was found")
    assert said.errors.startswith(f"ovnkit: {cut}: a record of ")
    said = run("diff", cut, cut)
    assert (said.status, said.output) == (1, "no differences\n")
    assert said.errors.splitlines()[0].startswith(f"ovnkit: {cut}: a record of ")
    for command in ("show", "check"):
        said = run("open", broken, command)
        assert (said.status, said.output) == (1, "")
        assert said.errors.endswith(f"ovnkit: {broken}: nothing of it can be read; take another copy of the file\n")


def test_a_file_that_is_not_there_is_told_before_a_network_is_looked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVN_RUNDIR", "/nowhere")
    assert run("diff", "gone.tar.gz").errors == "ovnkit: gone.tar.gz: No such file or directory\n"
