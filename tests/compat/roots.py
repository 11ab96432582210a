"""Root directories with the Open vSwitch and OVN of several releases, made by debootstrap and kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs

__all__ = ["RELEASES", "Release", "Unavailable", "make_root"]

_PACKAGES = ("openvswitch-switch", "ovn-central", "ovn-host", "python3", "python3-venv")
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""policy-rc.d: what is installed in the root is not started."""


class Unavailable(Exception):
    """Something cannot be had here; the message says why."""


@attrs.frozen
class Release:
    """A release of a distribution, and what it is expected to have."""

    suite: str
    ovn: str
    ovs: str

    @property
    def title(self) -> str:
        """How a table calls it."""
        return f"Debian {self.suite}"


RELEASES = (
    Release("bookworm", ovn="23.03", ovs="3.1"),
    Release("trixie", ovn="25.03", ovs="3.5"),
    Release("sid", ovn="26.03", ovs="4.0"),
)


def make_root(suite: str, cache: Path, say: Callable[[str], None]) -> Path:
    """The root of a release, made if the cache has none. Raises Unavailable."""
    root = cache / suite
    if root.is_dir():
        return root
    if shutil.which("debootstrap") is None:
        raise Unavailable("debootstrap is not installed: apt-get install debootstrap")
    say(f"making {root}")
    draft = cache / f"{suite}.new"
    if draft.exists():
        shutil.rmtree(draft)
    cache.mkdir(parents=True, exist_ok=True)
    first = ["debootstrap", "--foreign", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(draft)]
    _run(first, suite)
    # Between the stages, for the second one runs what would start the daemons.
    policy = draft / "usr/sbin/policy-rc.d"
    policy.write_text(_NO_SERVICES)
    policy.chmod(0o755)
    _run(["chroot", str(draft), "/debootstrap/debootstrap", "--second-stage"], suite)
    draft.rename(root)
    return root


def _run(command: list[str], suite: str) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        said = [line for line in (outcome.stdout + outcome.stderr).splitlines() if line.strip()]
        raise Unavailable(f"no root of {suite}: {said[-1] if said else f'status {outcome.returncode}'}")
