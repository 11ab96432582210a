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

__all__ = ["Evacuation", "check_known", "evacuate", "readmit_gateways", "return_step"]


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

    The report says Conflict where no other chassis may carry a gateway, and nothing was changed; ``force`` leaves those
    where they are. Raises KeyError for a host that the spec does not have, Conflict for one that is no chassis,
    ConnectionFailed or Timeout where a database cannot be read, and with ``dry_run`` what the report would say.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        check_known(site)
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
        check_known(site)
        back = _Return(site)
        title = f"{host}: gateways may come back"
        if dry_run:
            return foresee(title, back.steps())
        return carry_out(title, back.steps(), timeout=timeout, progress=progress)


def check_known(site: Site) -> None:
    """Raise Conflict where neither Southbound nor Northbound knows the chassis that the spec has for the host."""
    name = site.host.system_id
    if not site.sb.find(Chassis, name=name) and not seats_of(site.nb, name):
        raise Conflict("no chassis", f"no chassis {name} is registered, as the spec calls {site.host.name}")


def return_step(site: Site, chassis: str) -> Step:
    """Wait until a chassis carries all gateways in which it comes first."""

    def missing() -> list[str]:
        own = next((row.ref for row in site.sb.find(Chassis, name=chassis)), None)
        first = (seats for seats in seats_of(site.nb, chassis) if seats.is_first(chassis))
        ports = sorted({port for seats in first for port in seats.ports})
        found = (row for port in ports for row in site.sb.find(PortBinding, logical_port=port))
        return [row.logical_port for row in found if own is None or row.chassis != own]

    def seen() -> str:
        return f"it has not claimed {', '.join(missing())}"

    return Step("it carries the gateways in which it comes first", lambda: not missing(), seen=seen)


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
        self._moving: set[str] = set()
        self._sent = False
        self._nb_cfg: int | None = None

    def steps(self) -> list[Step]:
        """Each looks at the databases as they are when it is its turn."""
        # Neutron takes the chassis off its lists: what was to be moved is then seen only here.
        self._moving = {port for seats in self._seats() for port in seats.ports}
        steps = [Step("it is the last of its gateway chassis", self._is_last, self._demote)]
        if self.strict:
            steps.insert(0, Step("another chassis may carry each of its gateways", self._check))
        if any(seats.neutron for seats in self._seats()) and not self.force:
            steps += [
                Step("Neutron takes it for no gateway", self._is_no_gateway, self._unflag),
                Step("Neutron has moved its routers", self._neutron_moved, seen=self._with_neutron),
            ]
        return [
            *steps,
            Step("other chassis have claimed its gateways", self._is_claimed, seen=self._unclaimed),
            Step("those have set up their flows", self._caught_up, self._ask, seen=self._behind),
        ]

    def _seats(self) -> list[Seats]:
        """The gateways that are to move: those that it may carry and others as well, and, when strict, all."""
        found = [seats for seats in seats_of(self.site.nb, self.chassis) if self._takers(seats) or self.strict]
        return [seats for seats in found if not (seats.neutron and self.gone and not self.force)]

    def _own(self) -> list[Seats]:
        """Those that are moved by their priorities."""
        return [seats for seats in self._seats() if self.force or not seats.neutron]

    def _takers(self, seats: Seats) -> set[str]:
        """The chassis that may carry a gateway instead, and are registered; for Neutron's, all that are flagged."""
        if seats.neutron and not self.force:
            return {summary.name for summary in self.site.sb.chassis() if summary.gateway} - {self.chassis}
        return seats.others(self.chassis) & {row.name for row in self.site.sb.find(Chassis)}

    def _check(self) -> bool:
        alone = [seats.what for seats in self._seats() if not self._takers(seats)]
        pinned = [row.name for row in self.site.nb.find(LogicalRouter, options={"chassis": self.chassis})]
        problems = [f"no other chassis that is registered may carry the gateway of {what}" for what in alone]
        problems += [f"router {name} is pinned to it by options:chassis" for name in sorted(pinned)]
        if problems:
            raise Conflict("nowhere to go", f"{'; '.join(problems)}. With force these stay where they are")
        return True

    def _is_last(self) -> bool:
        return all(seats.is_last(self.chassis) for seats in self._own())

    def _demote(self) -> None:
        def body(tx: NorthboundTransaction) -> int:
            wanted = {seats.owner.ref for seats in self._own()}
            for seats in seats_of(tx, self.chassis):
                if seats.owner.ref in wanted:
                    demote(tx, seats, self.chassis)
            return raise_nb_cfg(tx)

        self._nb_cfg = self.site.nb.transact(body, f"ovnkit evacuates {self.chassis}")

    def _is_no_gateway(self) -> bool:
        return not self.site.vs.chassis_config().gateway

    def _unflag(self) -> None:
        with self.site.vs.transaction(f"ovnkit evacuates {self.chassis}", durable=True) as tx:
            tx.disable_gateway()
        self._sent, self._nb_cfg = True, None

    def _neutron_first(self) -> list[str]:
        return [seats.what for seats in self._seats() if seats.neutron and not seats.is_last(self.chassis)]

    def _neutron_moved(self) -> bool:
        return not self._neutron_first()

    def _with_neutron(self) -> str:
        return f"Neutron still has it first in {', '.join(self._neutron_first())}"

    def _unmoved(self) -> list[str]:
        """The ports that nobody else has claimed."""
        own = next((row.ref for row in self.site.sb.find(Chassis, name=self.chassis)), None)
        found = (row for port in self._moving for row in self.site.sb.find(PortBinding, logical_port=port))
        return sorted(row.logical_port for row in found if row.chassis in (None, own))

    def _is_claimed(self) -> bool:
        return self.site.is_handed_on(self._nb_cfg) and not self._unmoved()

    def _unclaimed(self) -> str:
        left = self._unmoved()
        return f"nobody else has claimed {', '.join(left)}" if left else "ovn-northd has not handed it on"

    def _ask(self) -> None:
        """After Neutron's move nobody else has asked the chassis to say when they have followed."""
        if self._nb_cfg is None:
            self._nb_cfg = self.site.nb.transact(raise_nb_cfg, f"ovnkit evacuates {self.chassis}")

    def _late(self) -> list[str]:
        """The chassis that carry its gateways now, and have not set up all of their flows."""
        found = (row for port in self._moving for row in self.site.sb.find(PortBinding, logical_port=port))
        refs = {row.chassis for row in found}
        carriers = {row.name for row in self.site.sb.find(Chassis) if row.ref in refs} - {self.chassis}
        return self.site.behind(carriers, self._nb_cfg)

    def _caught_up(self) -> bool:
        asked = self._nb_cfg is not None or not self._sent
        return asked and not self._late()

    def _behind(self) -> str:
        return f"{', '.join(self._late()) or 'ovn-northd'} has not followed nb_cfg"


class _Return:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.chassis = site.host.system_id
        self.nb_cfg: int | None = None

    def steps(self) -> list[Step]:
        steps = [Step("it has the priorities back that it had", self.is_back, self.give_back)]
        if self.site.host.gateway:
            steps.append(Step("it is flagged as a gateway", self.is_gateway, self.flag))
        return [*steps, Step("it has set up its flows", self.caught_up), return_step(self.site, self.chassis)]

    def is_back(self) -> bool:
        return all(seats.members[self.chassis].had is None for seats in seats_of(self.site.nb, self.chassis))

    def give_back(self) -> None:
        def body(tx: NorthboundTransaction) -> int:
            for seats in seats_of(tx, self.chassis):
                readmit(tx, seats, self.chassis)
            return raise_nb_cfg(tx)

        self.nb_cfg = self.site.nb.transact(body, f"ovnkit readmits {self.chassis}")

    def is_gateway(self) -> bool:
        return self.site.vs.chassis_config().gateway

    def flag(self) -> None:
        with self.site.vs.transaction(f"ovnkit readmits {self.chassis}", durable=True) as tx:
            tx.enable_gateway()

    def caught_up(self) -> bool:
        return not self.site.behind({self.chassis}, self.nb_cfg)
