"""The mark of a restore under way: on each member a file that says of which backup it is, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from ovnkit.deploy.central.node import Node
from ovnkit.deploy.sequence import Step
from ovnkit.errors import Conflict

__all__ = ["Mark", "Phase", "no_restore_step"]

Phase = Literal["begun", "away", "made", "complete"]
"""Begun; the old files are put away; the first member has the new ones; nothing is left but to remove the marks."""


@attrs.frozen
class Mark:
    """That of one backup."""

    backup: str
    """The beginning of the hash of both of its files."""

    def phase(self, node: Node) -> Phase | None:
        """How far a node has come, None where it has not begun. Raises Conflict for a restore of another backup."""
        text = node.host.read(_path(node))
        if text is None:
            return None
        backup, _, phase = text.strip().partition(" ")
        if backup != self.backup:
            raise _pending(node)
        return phase  # type: ignore[return-value]  # this module has written it

    def write(self, node: Node, phase: Phase) -> None:
        """Say how far a node has come. Raises HostFailed."""
        node.host.run(["mkdir", "-p", "-m", "0750", "--", node.layout.databases])
        node.host.write(_path(node), f"{self.backup} {phase}\n")

    def remove(self, node: Node) -> None:
        """Forget it. Raises HostFailed."""
        node.host.run(["rm", "-f", "--", _path(node)])


def no_restore_step(nodes: Iterable[Node]) -> Step:
    """That no restore was interrupted, while which databases that are not there are no reason to make empty ones."""

    def check() -> bool:
        for node in nodes:
            if node.has(_path(node)):
                raise _pending(node)
        return True

    return Step("no restore is under way", check)


def _path(node: Node) -> str:
    return f"{node.layout.databases}/ovnkit-restore"


def _pending(node: Node) -> Conflict:
    return Conflict(
        "a restore was interrupted",
        f"{_path(node)} of {node.name} is of one that has not come to its end; run that again, with the same backup, or"
        " remove the file on every member to give it up",
    )
