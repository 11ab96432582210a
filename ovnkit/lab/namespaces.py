"""Network namespaces and the links between them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ovnkit.errors import LabError, MissingPrivilege
from ovnkit.lab.processes import program
from ovnkit.ovsdb.server import enter_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ovnkit.lab.state import LabState

__all__ = ["configure", "create"]

_NOT_IN_KERNEL = ("Unknown device type", "Operation not supported", "not supported by protocol")


def create(state: LabState, names: Iterable[str]) -> None:
    """Make namespaces, each with its loopback up; they are recorded first. ``names`` are without the lab's prefix."""
    full = [state.prefix + name for name in names]
    state.record_namespaces(full)
    _ip([], [f"netns add {name}" for name in full])
    for name in full:
        configure(name, ["link set lo up"])


def configure(namespace: str | None, commands: Iterable[str]) -> None:
    """Run ``ip`` commands in a namespace (None: the one that we are in), all in one process.

    Raises LabError at the first that fails, MissingPrivilege when the kernel lacks what it needs.
    """
    _ip(enter_namespace(namespace) if namespace is not None else [], list(commands))


def _ip(prefix: list[str], commands: list[str]) -> None:
    outcome = subprocess.run(
        [*prefix, program("ip"), "-batch", "-"],
        input="".join(f"{command}\n" for command in commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode == 0:
        return
    said = outcome.stderr.strip()
    if any(words in said for words in _NOT_IN_KERNEL):
        remedy = "load them: modprobe -a veth bridge tun; a kernel without these modules cannot run a lab"
        raise MissingPrivilege(f"the kernel lacks network namespaces, veth pairs or bridges ({said})", remedy)
    raise LabError(f"ip: {said} (of: {'; '.join(commands)})")
