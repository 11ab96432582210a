"""Open vSwitch and OVN of another release, out of a root directory, beside the installed ones."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from ovnkit.errors import LabError, MissingBinary
from ovnkit.lab.requirements import PROGRAMS, install_command
from ovnkit.ovsdb.server import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NEEDED", "Binaries", "Program", "versions"]

_DIRECTORIES = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
_OF_OVS_OR_OVN = re.compile(r"ov[sn](db)?-[a-z-]+")
NEEDED = tuple(name for name in PROGRAMS if _OF_OVS_OR_OVN.fullmatch(name))
"""What a root must have, of the programs that a lab needs."""

_DATA = {
    "OVS_PKGDATADIR": ("vswitch.ovsschema", ("usr/local/share/openvswitch", "usr/share/openvswitch")),
    "OVN_PKGDATADIR": ("ovn-nb.ovsschema", ("usr/local/share/ovn", "usr/share/ovn")),
}

_ELF = b"\x7fELF"
_LOADER = re.compile(rb"(/[\w.+-]+)+/ld[\w.+-]*\.so[\w.]*(?=\0)")
"""The program interpreter: elf(5), PT_INTERP. Linkers put its name right behind the headers."""
_BEGINNING = 1 << 12
_MOST_LINKS = 40
"""As many as Linux follows: path_resolution(7)."""

_VERSION = re.compile(r"\d+\.\d[\w.~+-]*")


@attrs.frozen
class Program:
    """A program of a root, and what it needs to run outside of it."""

    real: Path
    loader: Path | None
    """That of its root, which finds libraries in ``libraries``; None where it is for those of this machine."""

    libraries: tuple[Path, ...]

    @classmethod
    def of(cls, root: Path, program: Path) -> Self | None:
        """The program at a path, None if there is none; a script is none, for it needs its interpreter's files."""
        try:
            real = _inside(root, program)
            with real.open("rb") as file:
                beginning = file.read(_BEGINNING)
            named = _LOADER.search(beginning)
            loader = _inside(root, root / named[0].decode().lstrip("/")) if named else None
        except OSError:
            return None
        if not beginning.startswith(_ELF):
            return None
        if loader is None or not loader.is_file():
            return cls(real, None, ())
        directories = (loader.parent, root / "usr/local/lib", root / "usr/lib")
        return cls(real, loader, tuple(directory for directory in directories if directory.is_dir()))

    def write_starter(self, path: Path) -> None:
        """Make a script that runs it, by the name of the script: daemons call their sockets after it."""
        command = shlex.quote(str(self.real))
        if self.loader is not None:
            libraries = os.pathsep.join(map(str, self.libraries))
            command = f'{shlex.quote(str(self.loader))} --argv0 "$0" --library-path {shlex.quote(libraries)} {command}'
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o755)


@attrs.frozen
class Binaries:
    """The programs and schemas below a root directory, such as debootstrap makes or ``make install DESTDIR=`` fills.

    A program runs with the libraries of its root, by the loader of its root; nothing is mounted, and no root privilege
    is needed. A root without a loader holds programs for this machine's libraries.
    """

    root: Path
    programs: Mapping[str, Program]
    data: Mapping[str, str]
    """The variables that tell where the schemas are: ``OVS_PKGDATADIR``, ``OVN_PKGDATADIR``."""

    @classmethod
    def of(cls, root: str | os.PathLike[str]) -> Self:
        """Those below ``root``. Raises MissingBinary, or LabError where schemas are missing or ``root`` is none."""
        top = Path(root).absolute()
        if not any((top / directory).is_dir() for directory in _DIRECTORIES):
            raise LabError(f"{top} is no root directory: there is no usr/bin or usr/sbin below it")
        programs: dict[str, Program] = {}
        for directory in _DIRECTORIES:
            for path in sorted((top / directory).glob("ov*")):
                found = Program.of(top, path) if _OF_OVS_OR_OVN.fullmatch(path.name) else None
                if found is not None:
                    programs.setdefault(path.name, found)
        missing = tuple(name for name in NEEDED if name not in programs)
        if missing:
            raise MissingBinary(missing, _install_command(top, missing))
        return cls(top, programs, _data(top))

    def environment(self, starters: Path) -> dict[str, str]:
        """The variables by which these programs and schemas are found before the installed ones.

        ``starters`` is a directory, made if need be, that gets a script for each program.
        """
        starters.mkdir(parents=True, exist_ok=True)
        for name, program in self.programs.items():
            program.write_starter(starters / name)
        return {"PATH": f"{starters}{os.pathsep}{os.environ.get('PATH', os.defpath)}", **self.data}


def _install_command(root: Path, names: tuple[str, ...]) -> str:
    try:
        lines = [line.partition("=") for line in (root / "etc/os-release").read_text().splitlines()]
    except OSError:
        return f"make install DESTDIR={root} (of Open vSwitch and OVN)"
    return f"chroot {root} {install_command(names, {name: value.strip(chr(34)) for name, _, value in lines})}"


def _inside(root: Path, path: Path) -> Path:
    """Where a path leads to if ``root`` is "/". Raises OSError when its symbolic links lead nowhere."""
    waiting = list(reversed(path.relative_to(root).parts))
    found = root
    links = 0
    while waiting:
        part = waiting.pop()
        if part in ("/", ".."):
            found = root if part == "/" or found == root else found.parent
        elif (found / part).is_symlink():
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            waiting.extend(reversed((found / part).readlink().parts))
        else:
            found /= part
    return found


def _data(root: Path) -> dict[str, str]:
    data = {}
    for variable, (schema, directories) in _DATA.items():
        places = [root / directory for directory in directories]
        place = next((place for place in places if (place / schema).is_file()), None)
        if place is None:
            raise LabError(f"no schema {schema} in {', '.join(map(str, places))}; its package is not installed there")
        data[variable] = str(place)
    return data


def versions(env: Mapping[str, str]) -> tuple[str, str]:
    """The versions of ovn-northd and of ovs-vswitchd on the ``PATH`` of ``env``. Raises LabError."""
    return _version("ovn-northd", env), _version("ovs-vswitchd", env)


def _version(name: str, env: Mapping[str, str]) -> str:
    path = find_program(name, env)
    if path is None:
        raise LabError(f"{name} is not installed")
    outcome = subprocess.run([path, "--version"], env=env, capture_output=True, text=True, check=False)
    found = _VERSION.search(outcome.stdout)
    if found is None:
        raise LabError(f"{path} does not tell its version: {(outcome.stderr or outcome.stdout).strip()}")
    return found[0]
