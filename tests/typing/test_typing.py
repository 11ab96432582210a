"""The type checkers accept right uses, the examples among them, and object to each wrong one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = ("tests/typing/accepted.py", "examples")
WRONG = "tests/typing/wrong/rejected.py"

Found = set[tuple[str, int]]


def run(module: str, *arguments: str) -> str:
    if importlib.util.find_spec(module) is None and "CI" not in os.environ:
        pytest.skip(f"{module} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=110, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def by_mypy(_: Path, *paths: str) -> Found:
    output = run("mypy", "--strict", "--no-error-summary", "--no-pretty", *paths)
    return {(path, int(line)) for path, line in re.findall(r"^(.+?):(\d+): error:", output, re.MULTILINE)}


def by_pyright(directory: Path, *paths: str) -> Found:
    # The project's own settings, but for what is left out.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"]
    settings |= {"include": [os.path.relpath(ROOT / path, directory) for path in paths], "exclude": []}
    settings["extraPaths"] = [os.path.relpath(ROOT, directory)]
    project = directory / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    report = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(project)))
    assert report["summary"]["filesAnalyzed"] >= len(paths)
    return {
        (str(Path(found["file"]).relative_to(ROOT)), found["range"]["start"]["line"] + 1)
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


@pytest.mark.parametrize("check", [by_mypy, by_pyright])
def test_exactly_the_wrong_lines_are_rejected(check: Callable[..., Found], tmp_path: Path) -> None:
    right = [path for path in RIGHT if any(ROOT.glob(f"{path}/*.py")) or path.endswith(".py")]
    lines = (ROOT / WRONG).read_text().splitlines()
    expected = {(WRONG, number) for number, line in enumerate(lines, 1) if "# wrong: " in line}
    assert len(expected) > 50
    found = check(tmp_path, *right, WRONG)
    assert sorted(found - expected) == [], "right uses are rejected"
    assert sorted(expected - found) == [], "wrong uses are accepted"
