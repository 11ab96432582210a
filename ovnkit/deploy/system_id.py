"""The files of a host that say which chassis it is (ovs-ctl(8), ovn-controller(8)).

``system-id.conf`` is what ovs-ctl writes into the database whenever Open vSwitch starts; where it is not there, ovs-ctl
makes a system-id up and writes the file. ``system-id-override`` beats the database.
"""

from __future__ import annotations

from typing import Final

import attrs

from ovnkit.deploy.host import Host
from ovnkit.errors import Conflict

__all__ = ["FileChange", "restore_file", "system_id_change"]

_DIRECTORIES: Final = """\
ovs=${OVS_SYSCONFDIR-/etc}/openvswitch
echo "${OVN_SYSCONFDIR-/etc}"
echo "$ovs"
if [ -d "$ovs" ]; then echo there; fi
"""


@attrs.frozen
class FileChange:
    """A file of a host that is to be changed; ``before`` and ``after`` are its text, None where it is not there."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = (None if text is None else text.strip() for text in (self.before, self.after))
        if before is None:
            return f"+ file {self.path} = {after}"
        return f"- file {self.path} = {before}" if after is None else f"~ file {self.path} = {before} -> {after}"


def system_id_change(host: Host, system_id: str) -> FileChange | None:
    """What has to change in ``system-id.conf`` so that the host stays the chassis ``system_id``; None for nothing.

    A host without a directory for it, such as a container, has no use for it. Raises Conflict where
    ``system-id-override`` makes it another chassis, and HostFailed.
    """
    ovn, ovs, *there = host.run(["sh", "-c", _DIRECTORIES, "directories"]).split("\n")
    override = host.read(f"{ovn}/system-id-override")
    if override is not None and override.strip() and override.strip() != system_id:
        raise Conflict(
            "another system-id is written over it",
            f"{ovn}/system-id-override of {host.name} says {override.strip()!r}, which ovn-controller takes before what"
            f" is in the database. Give the host that system_id in the spec, or remove the file",
        )
    if "there" not in there:
        return None
    path = f"{ovs}/system-id.conf"
    before = host.read(path)
    if before is not None and before.strip() == system_id:
        return None
    return FileChange(path, before, f"{system_id}\n")


def restore_file(host: Host, change: FileChange) -> bool:
    """Give a file back the text that it had; False where somebody else has changed it since. Raises HostFailed."""
    found = host.read(change.path)
    if found not in (change.before, change.after):
        return False
    if change.before is None:
        host.run(["rm", "-f", "--", change.path])
    elif found != change.before:
        # As private as it is now, and for the same user: a file of Neutron has a secret in it.
        mode, owner = host.run(["stat", "-c", "%a %U:%G", "--", change.path]).split()
        host.write(change.path, change.before, mode=int(mode, 8))
        host.run(["chown", "--", owner, change.path])
    return True
