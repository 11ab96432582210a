"""Neutron's own neutron-db-manage as a host has it: its files elsewhere, and a database that SQLite can be."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["put_program"]

# SQLite cannot change tables as Neutron does it, but it can be told that it has.
_PROGRAM = """\
#!/bin/sh
for word; do
  shift
  case $word in /etc/neutron/*) word={directory}$word ;; upgrade) word={upgrade} ;; esac
  set -- "$@" "$word"
done
echo "$*" >>{directory}/asked
PYTHONWARNINGS=ignore exec {manage} "$@"
"""


def put_program(directory: Path, *, upgrade: str = "stamp") -> None:
    """A neutron-db-manage that finds its files below a directory, and does something else for ``upgrade``."""
    program = directory / "bin" / "neutron-db-manage"
    program.parent.mkdir(exist_ok=True)
    manage = Path(sys.executable).with_name("neutron-db-manage")
    program.write_text(_PROGRAM.format(directory=directory, upgrade=upgrade, manage=manage))
    program.chmod(0o755)
