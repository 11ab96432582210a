"""What becomes of each patch port of a host, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from ovnkit.deploy.sequence import SequenceReport
from ovnkit.vswitch.patch_ports import PatchKind, PatchPort

__all__ = ["PortOutcome", "ReconcileReport", "port_outcomes"]


@attrs.frozen
class PortOutcome:
    """One patch port, its class and why in ``port``, and what became of it, or would."""

    port: PatchPort
    state: Literal["kept", "removed", "to remove"]

    def __str__(self) -> str:
        return f"{self.state:<12}  {self.port.bridge} {self.port.port}: {self.port.kind}, {self.port.why}"


@attrs.frozen
class ReconcileReport(SequenceReport):
    """The steps, and every patch port that was there when it began."""

    ports: tuple[PortOutcome, ...] = ()

    def __str__(self) -> str:
        return "\n".join((super().__str__(), *(f"  {outcome}" for outcome in self.ports)))


def port_outcomes(
    before: Iterable[PatchPort], there: Iterable[str], going: Iterable[PatchKind], *, dry_run: bool
) -> tuple[PortOutcome, ...]:
    """What became of the ports of ``before``, given the names that are there now.

    With ``dry_run``: what would; ``going`` are the classes of ports that go besides those that are removable.
    """
    names, kinds = set(there), set(going)

    def outcome(port: PatchPort) -> PortOutcome:
        if port.port not in names:
            return PortOutcome(port, "removed")
        goes = dry_run and (port.removable or port.kind in kinds)
        return PortOutcome(port, "to remove" if goes else "kept")

    return tuple(map(outcome, before))
