"""The wheel: `ovnkit` and nothing else, and enough by itself with the dependencies that it declares."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Generated, or of the machine: what a fresh clone does not have.
NOT_IN_A_CLONE = shutil.ignore_patterns(
    ".git", ".venv", ".tox", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info"
)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, directory / "clone", ignore=NOT_IN_A_CLONE)
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", directory, directory / "clone"),
        cwd=directory,
    )
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and what it declares, taken from this one instead of an index."""
    directory = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory)
    python = directory / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel),
        cwd=directory,
    )
    (site_packages,) = directory.glob("lib/python*/site-packages")
    for name in required("ovnkit"):
        link(metadata.distribution(name), site_packages)
    return directory


def required(name: str) -> set[str]:
    """The distributions that one needs at run time, without extras, and those that they need."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for requirement in metadata.distribution(waiting.pop()).requires or []:
            match = re.match(r"[\w.-]+", requirement)
            if match and ";" not in requirement and match[0] not in found:
                found.add(match[0])
                waiting.append(match[0])
    return found


def link(distribution: metadata.Distribution, site_packages: Path) -> None:
    """Make what is installed here visible there."""
    for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        (site_packages / top).symlink_to(Path(str(distribution.locate_file(top))))


def test_the_wheel_holds_ovnkit_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"ovnkit", f"ovnkit-{metadata.version('ovnkit')}.dist-info"}


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("ovnkit/")}
    there = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ovnkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there
    assert "ovnkit/py.typed" in packed


def test_the_wheel_declares_what_it_needs_and_its_license(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
        assert any(name.endswith("/LICENSE") for name in archive.namelist())
    needed = set(re.findall(r"^Requires-Dist: ([\w.-]+)(?:$|[^;\n]*$)", text, re.MULTILINE))
    assert needed == {"attrs", "msgspec", "ovs", "ovsdbapp", "tenacity"}
    assert set(re.findall(r"^Provides-Extra: (.*)$", text, re.MULTILINE)) == {
        "deploy",
        "docs",
        "notebook",
        "test",
        "topology",
    }


def test_the_wheel_alone_gives_the_library(environment: Path) -> None:
    code = "import ovnkit; print(ovnkit.__file__); print(*(getattr(ovnkit, name).__name__ for name in ovnkit.__all__))"
    file, names = run(environment / "bin" / "python", "-W", "error", "-c", code, cwd=environment).splitlines()
    assert Path(file).is_relative_to(environment)
    assert "Northbound" in names.split()


def test_the_wheel_alone_gives_the_command(environment: Path) -> None:
    assert "lab" in run(environment / "bin" / "python", "-m", "ovnkit", "--help", cwd=environment)
    assert "lab" in run(environment / "bin" / "ovnkit", "--help", cwd=environment)
    assert metadata.version("ovnkit") in run(environment / "bin" / "ovnkit", "--version", cwd=environment)


@pytest.mark.long
def test_pip_installs_the_wheel_with_what_it_declares(wheel: Path, tmp_path: Path) -> None:
    """As a user does it: needs a package index."""
    run(sys.executable, "-m", "venv", tmp_path, cwd=tmp_path)
    run(tmp_path / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    run(tmp_path / "bin" / "python", "-m", "pip", "check", cwd=tmp_path)
    assert "lab" in run(tmp_path / "bin" / "ovnkit", "--help", cwd=tmp_path)
