"""Taking a chassis out of a cluster, so that nothing of it is left in any database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ovnkit.deploy.controller import STOP_CONTROLLER, Controller
from ovnkit.deploy.evacuate import Evacuation
from ovnkit.deploy.mentions import drop_mentions, is_mentioned, requests
from ovnkit.deploy.seats import Seats, seats_of, withdraw
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.ovsdb.edits import Remove
from ovnkit.remote import Tls
from ovnkit.southbound.rows import Chassis, ChassisPrivate, PortBinding
from ovnkit.vswitch.patch_ports import PATCH_MARKS
from ovnkit.vswitch.rows import Bridge, Port

__all__ = ["Removal", "remove_chassis"]

_TUNNEL: Final = "ovn-chassis-id"
_BRIDGE_KEYS: Final = ("ct-zone-", "ovn-nb-cfg", "ovn-startup-ts")
"""What ovn-controller writes into ``external_ids`` of its integration bridge: these, or names that begin so."""


def remove_chassis(
    spec: Spec,
    host: str,
    *,
    gone: bool = False,
    force: bool = False,
    stop: Sequence[str] = STOP_CONTROLLER,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Take a host out of the cluster: its gateways move (``evacuate()``), its ovn-controller ends, what is left goes.

    That is its places in gateway chassis and HA chassis groups, and its template variables; ``Chassis`` and
    ``Chassis_Private``, which ovn-controller removes itself where it ends gracefully; on the host OVN's patch ports and
    tunnels, what ovn-controller has noted at its bridge, and the keys that ``ovnkit-managed`` lists. The bridges stay.

    ``stop`` is the command that ends ovn-controller on the host (``HostSpec.access``) so that nothing starts it again;
    without access the report says NeedsHost, with that command, and it goes on when it is run again. ``gone``: the host
    does not exist any more; nothing is asked of it, and nothing keeps it. ``timeout`` (seconds) holds for each step.

    The report says Conflict where ports are bound to it or ask for it by name (``requested-chassis``,
    ``l2gateway-chassis``, ``chassis`` of routers), or nobody else may carry a gateway; ``force`` removes it all the
    same, and these options. Raises KeyError for a host that the spec does not have, ConnectionFailed or Timeout where
    a database cannot be read, and with ``dry_run`` what the report would say. Take the host out of the spec afterwards,
    else the next ``apply()`` makes it a chassis again.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        removal = Removal(site, site.host.system_id, Controller(site, stop), gone=gone, force=force)
        title = f"{host}: chassis {site.host.system_id} is removed"
        if dry_run:
            return foresee(title, removal.steps())
        return carry_out(title, removal.steps(), timeout=timeout, progress=progress)


class Removal:
    """The steps that remove ``chassis``."""

    def __init__(
        self, site: Site, chassis: str, controller: Controller, *, gone: bool = False, force: bool = False
    ) -> None:
        self.site = site
        self.chassis = chassis
        self.controller = controller
        self.gone = gone
        self.force = force

    def steps(self) -> list[Step]:
        """Each looks at what there is when it is its turn."""
        unchecked = self.force or self.gone
        neutron = any(seats.neutron for seats in seats_of(self.site.nb, self.chassis)) and not self.force
        evacuation = Evacuation(self.site, self.chassis, force=self.force, strict=not self.force, gone=self.gone)
        steps = [] if unchecked else [Step("no port is bound to it, or asks for it", self._check_unused)]
        steps += [
            *evacuation.steps(),
            Step("Northbound names it nowhere", self._is_withdrawn, self._withdraw),
        ]
        if not self.gone:
            steps.append(Step("its ovn-controller has ended", self.is_stopped, self.controller.stop))
        steps.append(Step("Southbound has nothing of it", self.is_unregistered, self.unregister))
        if not self.gone:
            local = _Leftovers(self.site)
            steps += [
                Step("it has no ports of OVN's", local.has_no_ports, local.drop_ports),
                Step("its bridge has no notes of ovn-controller's", local.has_no_notes, local.drop_notes),
                Step("it has no keys of ovnkit's", local.has_no_keys, local.drop_keys),
                Step("nobody has started it again", self._is_at_rest, seen=self._restarted),
            ]
        if neutron:
            steps.append(Step("Neutron names it nowhere", lambda: not seats_of(self.site.nb, self.chassis)))
        return steps

    def _check_unused(self) -> bool:
        own = next((row.ref for row in self.site.sb.find(Chassis, name=self.chassis)), None)
        here = () if own is None else self.site.sb.find(PortBinding, type="")
        bound = sorted(row.logical_port for row in here if own == row.chassis or own in row.additional_chassis)
        problems = [f"{', '.join(bound)} are bound to it"] if bound else []
        problems += [f"{what} asks for it by name" for what in requests(self.site.nb, self.chassis)]
        if problems:
            raise Conflict("still in use", f"{'; '.join(problems)}. Move them away, or use force")
        return True

    def _is_at_rest(self) -> bool:
        return self.is_stopped() and self.is_unregistered()

    def _restarted(self) -> str:
        return "something starts its ovn-controller again; a command for stop= that ends that as well is needed"

    def _places(self, on: Northbound | NorthboundTransaction) -> list[Seats]:
        """The lists that it is on, but for those that Neutron keeps."""
        return [seats for seats in seats_of(on, self.chassis) if self.force or not seats.neutron]

    def _is_withdrawn(self) -> bool:
        return not self._places(self.site.nb) and not is_mentioned(self.site.nb, self.chassis)

    def _withdraw(self) -> None:
        def body(tx: NorthboundTransaction) -> None:
            for seats in self._places(tx):
                withdraw(tx, seats, self.chassis)
            drop_mentions(tx, self.chassis)

        self.site.nb.transact(body, f"ovnkit removes chassis {self.chassis}")

    def is_stopped(self) -> bool:
        """Whether its ovn-controller has ended."""
        return not self.controller.is_running(self.chassis)

    def is_unregistered(self) -> bool:
        """Whether Southbound has no such chassis."""
        sb = self.site.sb
        return not any((sb.find(Chassis, name=self.chassis), sb.find(ChassisPrivate, name=self.chassis)))

    def unregister(self) -> None:
        """Remove what an unclean end has left in Southbound."""
        self.site.sb.remove_chassis(self.chassis)


class _Leftovers:
    """What an ovn-controller that has ended leaves in the database of its host."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def bridge(self) -> str:
        """The integration bridge."""
        return self.site.vs.chassis_config().integration_bridge

    def has_no_keys(self) -> bool:
        return not self.site.vs.unregister_chassis(dry_run=True)

    def drop_keys(self) -> None:
        with self.site.vs.transaction("ovnkit removes a chassis", durable=True) as tx:
            tx.unregister_chassis()

    def ports(self) -> list[Port]:
        """OVN's patch ports, at both ends, and its tunnels."""
        suffix, prefix = f"-to-{self.bridge}", f"patch-{self.bridge}-to-"
        ours = [row for row in self.site.vs.find(Port) if any(mark in row.external_ids for mark in PATCH_MARKS)]
        inner = next(iter(self.site.vs.find(Bridge, name=self.bridge)), None)
        tunnels = frozenset[object]() if inner is None else inner.ports
        return [row for row in ours if row.name.startswith(prefix) or row.name.endswith(suffix)] + [
            row for row in self.site.vs.find(Port) if row.ref in tunnels and _TUNNEL in row.external_ids
        ]

    def has_no_ports(self) -> bool:
        return not self.ports()

    def drop_ports(self) -> None:
        with self.site.vs.transaction("ovnkit removes a chassis", durable=True) as tx:
            for port in self.ports():
                tx.delete(port)

    def notes(self) -> list[str]:
        """The keys at the integration bridge."""
        rows = self.site.vs.find(Bridge, name=self.bridge)
        return sorted(key for row in rows for key in row.external_ids if key.startswith(_BRIDGE_KEYS))

    def has_no_notes(self) -> bool:
        return not self.notes()

    def drop_notes(self) -> None:
        with self.site.vs.transaction("ovnkit removes a chassis", durable=True) as tx:
            tx.update(tx.get(Bridge, name=self.bridge), external_ids=Remove(*self.notes()))
