"""Interpreters of several versions, wherever this machine has them, with ovnkit and what its tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ovnkit.lab.binaries import Program
from tests.compat.roots import Unavailable

__all__ = ["PYTHONS", "environment", "find_python"]

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_CHECKOUT = Path(__file__).parents[2]


def find_python(version: str, roots: Iterable[Path], cache: Path) -> Path:
    """An interpreter: on the PATH, of pyenv, or of one of the roots. Raises Unavailable."""
    for candidate in _candidates(version, roots, cache):
        # A shim of pyenv is there for versions that are not.
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if said.returncode == 0 and said.stdout.startswith(f"Python {version}."):
            return candidate
    raise Unavailable(f"no Python {version} on the PATH, of pyenv or in a root")


def _candidates(version: str, roots: Iterable[Path], cache: Path) -> Iterator[Path]:
    name = f"python{version}"
    on_path = shutil.which(name)
    if on_path is not None:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)
    for root in roots:
        program = Program.of(root, root / "usr/bin" / name)
        if program is not None:
            # Laid out as Python expects it, so that it finds its own library and not that of this machine.
            prefix = cache / name
            (prefix / "bin").mkdir(parents=True, exist_ok=True)
            program.write_starter(prefix / "bin" / name)
            (prefix / "lib").mkdir(exist_ok=True)
            (prefix / "lib" / name).unlink(missing_ok=True)
            (prefix / "lib" / name).symlink_to(root / "usr/lib" / name)
            yield prefix / "bin" / name


def environment(python: Path, version: str, cache: Path) -> Path:
    """The ``bin`` of a virtual environment, with ovnkit of this checkout in it. Raises Unavailable."""
    directory = cache / f"environment-{version}"
    # Without pip, which some roots cannot install; that of the running interpreter fills it.
    _run([str(python), "-m", "venv", "--clear", "--without-pip", str(directory)])
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(directory / "bin/python")]
    _run([*pip, "install", f"{_CHECKOUT}[test]"])
    return directory / "bin"


def _run(command: list[str]) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        said = (outcome.stderr or outcome.stdout).strip().splitlines()
        raise Unavailable(f"{' '.join(command[:4])} …: {said[-1] if said else f'status {outcome.returncode}'}")
