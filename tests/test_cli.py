"""The ``ovnkit`` command: its exit statuses and what it says; the demo has tests of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ovnkit.cli import main

_MODULE = (sys.executable, "-P", "-m", "ovnkit")
_SCRIPT = (str(Path(sys.executable).with_name("ovnkit")),)


def _run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NO_COLOR": "1",
        "COLUMNS": "100",
        **variables,
    }
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=30)


@pytest.mark.parametrize("command", [_MODULE, _SCRIPT], ids=["python -m ovnkit", "ovnkit"])
def test_the_version_is_that_of_the_distribution(command: tuple[str, ...]) -> None:
    outcome = _run(*command, "--version")
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, f"ovnkit {version('ovnkit')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["lab"], "the following arguments are required: COMMAND"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["lab", "up"], "invalid choice: 'up'"),
        (["lab", "demo", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["lab", "demo", "extra"], "unrecognized arguments: extra"),
        (["lab", "down", "extra"], "unrecognized arguments: extra"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64_and_says_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 64
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("usage: ovnkit")
    assert said in errors


def test_usage_is_64_as_an_exit_status_too() -> None:
    assert _run(*_MODULE, "lab", "demo", "--nonsense").returncode == 64


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), ("usage: ovnkit [-h] [--version] COMMAND ...", "lab", "real OVN on this machine", "--version")),
        (("lab",), ("demo", "deploy a cluster of three hosts and prove it with packets", "down", "lab demo --keep")),
        (("lab", "demo"), ("--keep", "leave it running, and say how to look around")),
        (("lab", "down"), ("usage: ovnkit lab down [-h]",)),
    ],
    ids=["ovnkit", "lab", "lab demo", "lab down"],
)
def test_help_says_what_there_is(arguments: tuple[str, ...], said: tuple[str, ...]) -> None:
    outcome = _run(*_MODULE, *arguments, "--help")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    for text in said:
        assert text in outcome.stdout


def test_help_is_quick_for_it_loads_no_client() -> None:
    loaded = "import sys; from ovnkit.cli import main; main(['--help']); print('ovnkit.northbound' in sys.modules)"
    assert _run(sys.executable, "-c", loaded).stdout.endswith("False\n")


def test_an_error_is_one_line_and_status_1() -> None:
    """A lab by a user who may not make one, or where its programs are not installed."""
    command = (
        "import os, sys, ovnkit.lab.demo; from ovnkit.cli import main; "
        "os.geteuid() or os.setuid(65534); sys.exit(main(['lab', 'demo']))"
    )
    outcome = _run(sys.executable, "-c", command)
    assert outcome.returncode == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("ovnkit: ")


def test_down_where_there_was_never_a_lab(tmp_path: Path) -> None:
    outcome = _run(*_MODULE, "lab", "down", OVNKIT_LAB_DIR=str(tmp_path / "none"))
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "no lab is running\n", "")
    assert not (tmp_path / "none").exists()
