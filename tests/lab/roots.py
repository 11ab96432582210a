"""A root directory with Open vSwitch and OVN in it, such as a distribution would make, of what is installed here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ovnkit.lab.binaries import NEEDED
from ovnkit.ovsdb.server import find_program, find_schema

__all__ = ["fill"]

_SHARED = re.compile(r"(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)")
_SCHEMAS = {"vswitch.ovsschema": "openvswitch", "ovn-nb.ovsschema": "ovn", "ovn-sb.ovsschema": "ovn"}


def fill(root: Path) -> None:
    """Copy the programs that a lab needs, their loader, their libraries and the schemas into a root directory."""
    for name in NEEDED:
        _copy_program(root, name)
    for schema, package in _SCHEMAS.items():
        directory = root / "usr/share" / package
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(find_schema(schema), directory)


def _copy_program(root: Path, name: str) -> None:
    """The installed program, its loader and its libraries, where a distribution puts them."""
    source = Path(str(find_program(name))).resolve()
    target = root / "usr/bin" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    listed = subprocess.run(["ldd", source], check=True, capture_output=True, text=True).stdout
    for library in _SHARED.findall(listed):
        _copy_file(root, Path(library))


def _copy_file(root: Path, path: Path) -> None:
    """A file, and each link on the way to it."""
    for part in (*reversed(path.parents), path):
        copy = root / part.relative_to("/")
        if part.is_symlink():
            if not copy.is_symlink():
                copy.symlink_to(part.readlink())
            _copy_file(root, part.parent / part.readlink() / path.relative_to(part))
            return
        if part.is_dir():
            copy.mkdir(exist_ok=True)
        elif not copy.exists():
            shutil.copy(part, copy)
