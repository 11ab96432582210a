"""Moving the gateways of routers away from a chassis, and letting them come back."""

from __future__ import annotations

from collections.abc import Callable

from ovnkit.deploy.seats import Seats, demote, readmit, seats_of
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict
from ovnkit.northbound.client import NorthboundTransaction
from ovnkit.northbound.rows import LogicalRouter
from ovnkit.northbound.sync import raise_nb_cfg
from ovnkit.remote import Tls
from ovnkit.southbound.rows import Chassis, PortBinding

__all__ = ["Evacuation", "evacuate", "readmit_gateways"]


def evacuate(
    spec: Spec,
    host: str,
    *,
    force: bool = False,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Let other chassis carry the gateways of routers that this host carries, or might; virtual machines stay.

    It becomes the last of its gateway chassis and HA chassis groups (ovn-nb(5)), and Northbound remembers the priority
    that it had, for ``readmit_gateways()``. Where these rows carry ``neutron:`` keys Neutron would write over that: the
    host loses ``enable-chassis-as-gw`` instead, and Neutron's move is awaited; ``force`` treats them as all others.
    Then it waits until other chassis have claimed the ports, and have set up their flows in their own
    ``Chassis_Private``, whatever dead chassis do. ``timeout`` (seconds) holds for each step; interrupted, it goes on
    when it is run again.

    The report says Conflict where no other chassis may carry a gateway; ``force`` leaves those where they are. Raises
    KeyError for a host that the spec does not have, and with ``dry_run`` what looking raises: ConnectionFailed,
    Timeout, Conflict.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        evacuation = Evacuation(site, site.host.system_id, force=force, strict=not force)
        title = f"{host}: gateways move to other chassis"
        if dry_run:
            return foresee(title, evacuation.steps())
        return carry_out(title, evacuation.steps(), timeout=timeout, progress=progress)


def readmit_gateways(
    spec: Spec,
    host: str,
    *,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Take ``evacuate()`` back: the priorities that this host had, and its gateway flag where the spec has it.

    It waits until the host has set its flows up. Raises as ``evacuate()`` does.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        back = _Return(site)
        title = f"{host}: gateways may come back"
        if dry_run:
            return foresee(title, back.steps())
        return carry_out(title, back.steps(), timeout=timeout, progress=progress)


class Evacuation:
    """The steps that move gateways away from ``chassis``.

    ``force``: also those that Neutron keeps. ``strict``: one that nobody else may carry is an error, else it stays.
    ``gone``: nothing is asked of the host, and Neutron sees for itself that it is away.
    """

    def __init__(
        self, site: Site, chassis: str, *, force: bool = False, strict: bool = True, gone: bool = False
    ) -> None:
        self.site = site
        self.chassis = chassis
        self.force = force
        self.strict = strict
        self.gone = gone

    def steps(self) -> list[Step]:
        """Each looks at the databases as they are when it is its turn."""
        steps = [
            Step("another chassis may carry each of its gateways", self._check),
            Step("it is the last of its gateway chassis", self._is_last, self._demote),
        ]
        if any(seats.neutron for seats in self._seats()) and not self.force and not self.gone:
            steps += [
                Step("Neutron takes it for no gateway", self._is_no_gateway, self._unflag),
                Step("Neutron has moved its routers", self._neutron_moved, seen=self._with_neutron),
            ]
        return [
            *steps,
            Step("other chassis have claimed its gateways", self._is_claimed, seen=self._unclaimed),
            Step("those have set up their flows", self._caught_up, seen=self._behind),
        ]

    def _seats(self) -> list[Seats]:
        """The gateways that it may carry, and others might as well."""
        return [seats for seats in seats_of(self.site.nb, self.chassis) if self._takers(seats) or self.strict]

    def _own(self) -> list[Seats]:
        """Those that are moved by their priorities."""
        return [seats for seats in self._seats() if self.force or not seats.neutron]

    def _takers(self, seats: Seats) -> set[str]:
        """The chassis that may carry a gateway instead, and are registered."""
        return seats.others(self.chassis) & {row.name for row in self.site.sb.find(Chassis)}

    def _check(self) -> bool:
        alone = [seats.what for seats in self._own() if not self._takers(seats)]
        pinned = [row.name for row in self.site.nb.find(LogicalRouter, options={"chassis": self.chassis})]
        problems = [f"no other chassis may carry the gateway of {what}: give it one by set_gateway()" for what in alone]
        problems += [f"router {name} is pinned to it by options:chassis" for name in sorted(pinned)]
        if problems and self.strict:
            raise Conflict("nowhere to go", f"{'; '.join(problems)}. With force these stay where they are")
        return True

    def _is_last(self) -> bool:
        return all(seats.is_last(self.chassis) for seats in self._own())

    def _demote(self) -> None:
        def body(tx: NorthboundTransaction) -> None:
            wanted = {seats.owner.ref for seats in self._own()}
            for seats in seats_of(tx, self.chassis):
                if seats.owner.ref in wanted:
                    demote(tx, seats, self.chassis)
            raise_nb_cfg(tx)

        self.site.nb.transact(body, f"ovnkit evacuates {self.chassis}")

    def _is_no_gateway(self) -> bool:
        return not self.site.vs.chassis_config().gateway

    def _unflag(self) -> None:
        with self.site.vs.transaction(f"ovnkit evacuates {self.chassis}", durable=True) as tx:
            tx.disable_gateway()

    def _with_neutron(self) -> str:
        waiting = [seats.what for seats in self._seats() if seats.neutron and not seats.is_last(self.chassis)]
        return f"Neutron still has it first in {', '.join(waiting)}"

    def _neutron_moved(self) -> bool:
        return all(seats.is_last(self.chassis) for seats in self._seats() if seats.neutron)

    def _bindings(self) -> list[PortBinding]:
        """The ports in Southbound that are bound to what carries its gateways."""
        ports = {port for seats in self._seats() for port in seats.ports}
        return [row for port in sorted(ports) for row in self.site.sb.find(PortBinding, logical_port=port)]

    def _elsewhere(self, binding: PortBinding) -> bool:
        own = next((row.ref for row in self.site.sb.find(Chassis, name=self.chassis)), None)
        return binding.chassis not in (None, own)

    def _is_claimed(self) -> bool:
        return self.site.is_handed_on() and all(map(self._elsewhere, self._bindings()))

    def _unclaimed(self) -> str:
        left = sorted(row.logical_port for row in self._bindings() if not self._elsewhere(row))
        return f"nobody else has claimed {', '.join(left)}" if left else "ovn-northd has not handed it on"

    def _late(self) -> list[str]:
        """The chassis that carry its gateways now, and have not set up all of their flows."""
        refs = {row.chassis for row in self._bindings()}
        carriers = {row.name for row in self.site.sb.find(Chassis) if row.ref in refs} - {self.chassis}
        return self.site.behind(carriers)

    def _caught_up(self) -> bool:
        return not self._late()

    def _behind(self) -> str:
        return f"{', '.join(self._late())} have not"


class _Return:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.chassis = site.host.system_id

    def steps(self) -> list[Step]:
        steps = [Step("it has the priorities back that it had", self.is_back, self.give_back)]
        if self.site.host.gateway:
            steps.append(Step("it is flagged as a gateway", self.is_gateway, self.flag))
        return [*steps, Step("it has set up its flows", self.caught_up)]

    def is_back(self) -> bool:
        return not any(seats.members[self.chassis].evacuated for seats in seats_of(self.site.nb, self.chassis))

    def give_back(self) -> None:
        def body(tx: NorthboundTransaction) -> None:
            for seats in seats_of(tx, self.chassis):
                readmit(tx, seats, self.chassis)
            raise_nb_cfg(tx)

        self.site.nb.transact(body, f"ovnkit readmits {self.chassis}")

    def is_gateway(self) -> bool:
        return self.site.vs.chassis_config().gateway

    def flag(self) -> None:
        with self.site.vs.transaction(f"ovnkit readmits {self.chassis}", durable=True) as tx:
            tx.enable_gateway()

    def caught_up(self) -> bool:
        return not self.site.behind({self.chassis})
