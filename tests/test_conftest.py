"""The rules of conftest.py, tried on small test suites."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")

SKIPS = """
import pytest

def test_skips():
    pytest.skip("no server")

@pytest.mark.may_skip
def test_skips_with_leave():
    pytest.skip("not here")

@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""

SKIPS_AS_A_WHOLE = """
import pytest
pytest.skip("no server", allow_module_level=True)
"""


def run(directory: Path, source: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    (directory / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (directory / "test_it.py").write_text(source, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n    lab: a\n    may_skip: b\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", directory],
        cwd=directory,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skip_stays_a_skip_on_a_developers_machine(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPS, ci="")
    assert done.returncode == 0
    assert "2 skipped, 1 xfailed" in done.stdout


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPS, ci="true")
    assert done.returncode == 1
    assert "1 failed, 1 skipped, 1 xfailed" in done.stdout
    assert "skipped in CI, where everything must run: Skipped: no server" in done.stdout


@pytest.mark.parametrize(("ci", "status"), [("", 5), ("true", 2)])
def test_a_module_that_skips_itself_is_a_failure_in_ci_only(tmp_path: Path, ci: str, status: int) -> None:
    assert run(tmp_path, SKIPS_AS_A_WHOLE, ci=ci).returncode == status
