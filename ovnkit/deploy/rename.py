"""Giving a chassis another system-id, with everything in Northbound that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ovnkit.deploy.configure import configure
from ovnkit.deploy.controller import START, STOP, Controller
from ovnkit.deploy.evacuate import Evacuation
from ovnkit.deploy.remove import Removal
from ovnkit.deploy.seats import Seats, rename, seats_of
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.system_id import system_id_change
from ovnkit.errors import Conflict
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.rows import ChassisTemplateVar, LogicalRouter, LogicalSwitchPort
from ovnkit.northbound.sync import raise_nb_cfg
from ovnkit.ovsdb.edits import Put
from ovnkit.remote import Tls
from ovnkit.southbound.rows import Chassis

__all__ = ["rename_chassis"]

_REQUESTED = "requested-chassis"
_PINNED = "chassis"


def rename_chassis(
    spec: Spec,
    host: str,
    *,
    force: bool = False,
    stop: Sequence[str] = STOP,
    start: Sequence[str] = START,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Make a host that is registered under another system-id the chassis that the spec calls it.

    ovn-controller does not follow such a change, so it ends and starts again in between: what the host carries, virtual
    machines as well, has no network for that time. Gateways that others may carry are moved first (``evacuate()``) and
    come back. What names the chassis in Northbound follows: gateway chassis, HA chassis groups, ``requested-chassis``
    of ports, ``chassis`` of routers, template variables. The host is then configured as ``apply()`` does it, and so is
    its ``system-id.conf``.

    ``stop`` and ``start`` are commands on the host (``HostSpec.access``); without access the report says NeedsHost,
    with the command, and goes on when it is run again. ``timeout`` (seconds) holds for each step.

    The report says Conflict where another chassis has the name. Raises KeyError for a host that the spec does not have,
    ConnectionFailed or Timeout where a database cannot be read, Conflict where the host is no chassis yet.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        before = site.vs.chassis_config().system_id
        if before is None:
            raise Conflict("no chassis", f"{host} has no system-id yet; deploy.plan(spec).apply() gives it one")
        renaming = _Renaming(site, before, Controller(site, stop, start), force=force)
        title = f"{host}: chassis {before} becomes {site.host.system_id}"
        if dry_run:
            return foresee(title, renaming.steps())
        return carry_out(title, renaming.steps(), timeout=timeout, progress=progress)


class _Renaming:
    def __init__(self, site: Site, before: str, controller: Controller, *, force: bool) -> None:
        self.site = site
        self.before = before
        self.after = site.host.system_id
        self.controller = controller
        self.force = force

    def steps(self) -> list[Step]:
        old = []
        if self.before != self.after:
            removal = Removal(self.site, self.before, self.controller)
            old = [
                Step(f"no other chassis is called {self.after}", self.check_free),
                *Evacuation(self.site, self.before, force=self.force, strict=False).steps(),
                Step("its ovn-controller has ended", removal.is_stopped, self.controller.stop),
                Step(f"Southbound has nothing of {self.before}", removal.is_unregistered, removal.unregister),
                Step(f"Northbound names {self.after}", self.is_named, self.name),
            ]
        return [
            *old,
            Step("the host is configured so", self.is_configured, self.configure),
            Step("ovn-controller runs", lambda: self.controller.is_running(self.after), self.controller.start),
            Step("it has registered, and set up its flows", lambda: not self.site.behind({self.after})),
        ]

    def check_free(self) -> bool:
        if self.site.sb.find(Chassis, name=self.after):
            raise Conflict("name in use", f"Southbound has a chassis {self.after} already")
        return True

    def places(self, on: Northbound | NorthboundTransaction) -> list[Seats]:
        return [seats for seats in seats_of(on, self.before) if self.force or not seats.neutron]

    def requested(self, on: Northbound | NorthboundTransaction) -> list[LogicalSwitchPort]:
        ports = on.find(LogicalSwitchPort)
        return [port for port in ports if self.before in port.options.get(_REQUESTED, "").split(",")]

    def is_named(self) -> bool:
        nb = self.site.nb
        rest = (
            nb.find(LogicalRouter, options={_PINNED: self.before}),
            nb.find(ChassisTemplateVar, chassis=self.before),
        )
        return not any((self.places(nb), self.requested(nb), *rest))

    def name(self) -> None:
        def body(tx: NorthboundTransaction) -> None:
            for seats in self.places(tx):
                rename(tx, seats, self.before, self.after)
            for port in self.requested(tx):
                names = port.options[_REQUESTED].split(",")
                text = ",".join(self.after if name == self.before else name for name in names)
                tx.update(port, options=Put({_REQUESTED: text}))
            for router in tx.find(LogicalRouter, options={_PINNED: self.before}):
                tx.update(router, options=Put({_PINNED: self.after}))
            for row in tx.find(ChassisTemplateVar, chassis=self.before):
                tx.update(row, chassis=self.after)
            raise_nb_cfg(tx)

        self.site.nb.transact(body, f"ovnkit renames chassis {self.before}")

    def is_configured(self) -> bool:
        if self.site.vs.chassis_config().system_id != self.after:
            return False
        access = self.site.access
        return access is None or system_id_change(access, self.after) is None

    def configure(self) -> None:
        access = self.site.access
        change = None if access is None else system_id_change(access, self.after)
        if access is not None and change is not None:
            access.write(change.path, change.after or "")
        with self.site.vs.transaction(f"ovnkit renames chassis {self.before}", durable=True) as tx:
            tx.rename_chassis(self.after)
            configure(tx, self.site.spec, self.site.host, southbound=self.site.sb)
