"""Moving a physical network of a host to another bridge: in two phases, with a wait for ovn-controller in between.

Done in one write it leaves the ovn-controller of OVN 23.03 with a transaction that fails for good, while Northbound's
``--wait=hv`` still succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import Conflict
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.provider_ports import provider_ports
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.patch_ports import PATCH_MARKS
from ovnkit.vswitch.rows import Bridge, Interface, OpenVSwitch, Port

__all__ = ["move_physnet"]

_WAKE: Final = "ovnkit-wake"


def move_physnet(
    spec: Spec,
    host: str,
    physnet: str,
    bridge: str,
    *,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Connect a physical network of one host to another bridge, which has to be there.

    Its mapping goes, ovn-controller takes its patch ports away, the new mapping comes, and ovn-controller makes them
    anew. In between the network is cut off on this host. Interrupted, it goes on where it was when it is run again;
    ``timeout`` (seconds) holds for each step.

    Raises KeyError for a host that the spec does not have, and ConnectionFailed or Timeout where a database cannot be
    read.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        move = _Move(site.vs, site.sb, site.host, physnet, bridge)
        title = f"{host}: physical network {physnet} to bridge {bridge}"
        if dry_run:
            return foresee(title, move.steps())
        return carry_out(title, move.steps(), timeout=timeout, progress=progress)


class _Move:
    def __init__(self, vs: VSwitch, sb: Southbound, host: HostSpec, physnet: str, bridge: str) -> None:
        self.vs = vs
        self.sb = sb
        self.host = host
        self.chassis = host.system_id
        self.physnet = physnet
        self.bridge = bridge

    def steps(self) -> list[Step]:
        physnet, bridge = self.physnet, self.bridge
        return [
            Step(f"bridge {bridge} is there", self.check),
            Step(f"{physnet} is mapped to no other bridge", self.is_unmapped, self.unmap),
            Step("its patch ports on other bridges are gone", self.is_clear, seen=self.left_over, urge=self.wake),
            Step(f"{physnet} is mapped to {bridge}", self.is_mapped, self.map),
            Step("its patch ports are there, with port numbers", self.is_connected, seen=self.missing),
        ]

    def check(self) -> bool:
        """Raise InvalidValue or Conflict for what would be refused later, when the network is cut off already."""
        known = self.physnet in {*self.host.bridge_mappings, *provider_ports(self.sb, self.chassis).values()}
        if self.mapped is None and not known:
            why = f"neither this host, nor its spec, nor Southbound has a physical network {self.physnet}"
            raise Conflict("unknown network", why)
        tx = self.vs.transaction()
        tx.remove_bridge_mapping(self.physnet)
        tx.add_bridge_mapping(self.physnet, self.bridge)
        tx.discard()
        return bool(self.vs.find(Bridge, name=self.bridge))

    @property
    def mapped(self) -> str | None:
        return self.vs.chassis_config().bridge_mappings.get(self.physnet)

    def is_unmapped(self) -> bool:
        # Mapped anew while the old ports are there, ovn-controller is stuck: it takes two phases all the same.
        return self.mapped is None or (self.is_mapped() and not self.elsewhere())

    def unmap(self) -> None:
        with self.vs.transaction(f"ovnkit moves {self.physnet}", durable=True) as tx:
            tx.remove_bridge_mapping(self.physnet)

    def is_mapped(self) -> bool:
        return self.mapped == self.bridge

    def map(self) -> None:
        with self.vs.transaction(f"ovnkit moves {self.physnet}", durable=True) as tx:
            tx.add_bridge_mapping(self.physnet, self.bridge)

    @property
    def lports(self) -> set[str]:
        """The logical ports that connect this network here."""
        return {port for port, physnet in provider_ports(self.sb, self.chassis).items() if physnet == self.physnet}

    def pairs(self) -> dict[str, list[tuple[str, bool]]]:
        """For each of these ports, the bridges of its patch ports, and whether each has a port number."""
        lports = self.lports
        interfaces = {row.ref: row for row in self.vs.find(Interface)}
        rows = {row.ref: row for row in self.vs.find(Port)}
        found: dict[str, list[tuple[str, bool]]] = {lport: [] for lport in lports}
        for bridge in self.vs.find(Bridge):
            for port in (rows[ref] for ref in bridge.ports if ref in rows):
                lport = next((port.external_ids[mark] for mark in PATCH_MARKS if mark in port.external_ids), None)
                if lport in found:
                    numbered = all((interfaces[ref].ofport or 0) > 0 for ref in port.interfaces if ref in interfaces)
                    found[lport].append((bridge.name, numbered))
        return found

    def elsewhere(self) -> list[str]:
        here = {self.bridge, self.vs.chassis_config().integration_bridge}
        return sorted({name for ends in self.pairs().values() for name, _ in ends if name not in here})

    def is_clear(self) -> bool:
        return not self.elsewhere()

    def wake(self) -> None:
        """Have ovn-controller look again: right after its start it leaves patch ports alone, and forgets them.

        Any change of this column wakes it; the second one leaves nothing behind.
        """
        for edit in (Put({_WAKE: self.physnet}), Remove(_WAKE)):
            with self.vs.transaction(f"ovnkit moves {self.physnet}") as tx:
                tx.update(tx.get(OpenVSwitch), external_ids=edit)

    def left_over(self) -> str:
        return f"they are on {', '.join(self.elsewhere())}; does ovn-controller run there?"

    def unconnected(self) -> list[str]:
        return sorted(
            lport
            for lport, ends in self.pairs().items()
            if self.bridge not in [name for name, _ in ends] or len(ends) != 2 or not all(number for _, number in ends)
        )

    def is_connected(self) -> bool:
        return not self.unconnected()

    def missing(self) -> str:
        return f"of {', '.join(self.unconnected())} they are not; does ovn-controller run there?"
