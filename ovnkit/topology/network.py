"""The databases of one network, each with its client: live ones, or the files of one."""

from __future__ import annotations

from typing import Self

import attrs

from ovnkit.northbound.client import Northbound
from ovnkit.ovsdb.damage import Damage
from ovnkit.southbound.client import Southbound
from ovnkit.vswitch.client import VSwitch

__all__ = ["Network"]


@attrs.frozen(eq=False)
class Network:
    """Clients of one network: ``nb``, ``sb`` (None where there is none) and the hosts' ``vswitches``.

    ``damage`` lists what could not be read of files, ``tried`` says in words what was looked at and not taken.
    """

    nb: Northbound | None = None
    sb: Southbound | None = None
    vswitches: tuple[VSwitch, ...] = ()
    damage: tuple[Damage, ...] = ()
    tried: tuple[str, ...] = ()

    def close(self) -> None:
        """Close every client."""
        for client in (self.nb, self.sb, *self.vswitches):
            if client is not None:
                client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
