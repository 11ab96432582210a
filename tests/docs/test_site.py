"""The documentation as a site: it is built without a warning, and has every public name on a page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The pages where a build may leave something."""
    for directory in ("docs", "examples/notebooks"):
        shutil.copytree(ROOT / directory, tmp_path / directory, ignore=shutil.ignore_patterns("_build", "__pycache__"))
    return tmp_path / "docs"


@pytest.mark.timeout(320)
def test_the_site_is_built_without_a_warning(source: Path, tmp_path: Path) -> None:
    if find_spec("sphinx") is None and "CI" not in os.environ:
        pytest.skip("Sphinx is not installed")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Of no format: what is wrong is found before it is written.
    options = ("--fail-on-warning", "--keep-going", "-q", "-b", "dummy")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, source, tmp_path / "out"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
