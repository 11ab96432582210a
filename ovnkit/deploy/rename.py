"""Giving a chassis another system-id, with everything in Northbound that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ovnkit.deploy.certificates import CertificateChange, certificate_change, chassis_source, install
from ovnkit.deploy.configure import configure
from ovnkit.deploy.controller import STOP_CONTROLLER, Controller
from ovnkit.deploy.daemons import START_CONTROLLER
from ovnkit.deploy.evacuate import Evacuation, return_step
from ovnkit.deploy.host import Host
from ovnkit.deploy.layout import layout_of
from ovnkit.deploy.mentions import is_mentioned, rename_mentions
from ovnkit.deploy.remove import Removal
from ovnkit.deploy.seats import Seats, rename, seats_of
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import Spec
from ovnkit.deploy.system_id import system_id_change
from ovnkit.errors import Conflict
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.rows import ChassisTemplateVar, GatewayChassis
from ovnkit.northbound.sync import raise_nb_cfg
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis
from ovnkit.vswitch.client import VSwitchTransaction

__all__ = ["rename_chassis"]


def rename_chassis(
    spec: Spec,
    host: str,
    *,
    force: bool = False,
    stop: Sequence[str] = STOP_CONTROLLER,
    start: Sequence[str] = START_CONTROLLER,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Make a host that is registered under another system-id the chassis that the spec calls it.

    ovn-controller does not follow such a change, so it ends and starts again in between: what the host carries, virtual
    machines as well, has no network for that time. Gateways that others may carry are moved first (``evacuate()``) and
    come back. What names the chassis in Northbound follows: gateway chassis, HA chassis groups, ``requested-chassis``
    and ``l2gateway-chassis`` of ports, ``chassis`` of routers, template variables. The host is then configured as
    ``apply()`` does it, and so is its ``system-id.conf``.

    ``stop`` and ``start`` are commands on the host (``HostSpec.access``); without access the report says NeedsHost,
    with the command, and goes on when it is run again. ``timeout`` (seconds) holds for each step.

    The report says Conflict where the name is taken, or where ``apply()`` would find one; nothing was changed then.
    Raises KeyError for a host that the spec does not have, ConnectionFailed or Timeout where a database cannot be read,
    Conflict where the host is no chassis yet, and with ``dry_run`` what the report would say.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as site:
        before = _registered_as(site)
        renaming = _Renaming(site, before, Controller(site, stop, start), force=force)
        title = f"{host}: chassis {before} becomes {site.host.system_id}"
        if dry_run:
            return foresee(title, renaming.steps())
        return carry_out(title, renaming.steps(), timeout=timeout, progress=progress)


def _registered_as(site: Site) -> str:
    """The name under which the host is known, also where somebody has changed its system-id since."""
    config = site.vs.chassis_config()
    if config.system_id is None:
        why = f"{site.host.name} has no system-id yet; deploy.plan(spec).apply() gives it one"
        raise Conflict("no chassis", why)
    encaps = {(ip, kind) for ip in config.encap_ips for kind in config.encap_types}
    for summary in site.sb.chassis():
        same_address = encaps & {(encap.ip, encap.type) for encap in summary.encaps}
        if same_address and summary.hostname == config.hostname and summary.name != site.host.system_id:
            return summary.name
    return config.system_id


class _Renaming:
    def __init__(self, site: Site, before: str, controller: Controller, *, force: bool) -> None:
        self.site = site
        self.before = before
        self.after = site.host.system_id
        self.controller = controller
        self.force = force
        self.nb_cfg: int | None = None

    def steps(self) -> list[Step]:
        old = []
        if self.before != self.after:
            removal = Removal(self.site, self.before, self.controller)
            old = [
                Step(f"it can be called {self.after}", self.check),
                *Evacuation(self.site, self.before, force=self.force, strict=False).steps(),
                Step("its ovn-controller has ended", removal.is_stopped, self.controller.stop),
                Step(f"Southbound has nothing of {self.before}", removal.is_unregistered, removal.unregister),
                Step(f"Northbound names {self.after}", self.is_named, self.name),
            ]
        return [
            *old,
            Step("the host is configured so", self.is_configured, self.configure),
            Step("ovn-controller runs", lambda: self.controller.is_running(self.after), self.controller.start),
            Step("it has registered, and set up its flows", lambda: not self.site.behind({self.after}, self.nb_cfg)),
            return_step(self.site, self.after),
        ]

    def check(self) -> bool:
        """Whether all that follows can be done; once the host is down it is too late to find that out."""
        taken = [] if self.is_named() else self.taken()
        if self.site.sb.find(Chassis, name=self.after):
            taken.append("Southbound")
        if taken:
            raise Conflict("name in use", f"{', '.join(taken)} already has a chassis {self.after}")
        access = self.site.access
        if access is not None:
            system_id_change(access, self.after)
        if self.site.spec.central.tls is not None:
            chassis_source(self.site.spec, self.site.host)
        self.wanted(southbound=None).discard()
        return True

    def taken(self) -> list[str]:
        """What in Northbound has the new name before anything was given it."""
        nb, label = self.site.nb, f"_{self.after}"
        return [
            *(seats.what for seats in seats_of(nb, self.after)),
            *("a template variable" for _ in nb.find(ChassisTemplateVar, chassis=self.after)),
            *(f"gateway chassis {row.name}" for row in nb.find(GatewayChassis) if row.name.endswith(label)),
        ]

    def wanted(self, *, southbound: Southbound | None) -> VSwitchTransaction:
        """A transaction that is not sent, with what the host's keys are to become."""
        tx = self.site.vs.transaction(f"ovnkit renames chassis {self.before}", durable=True)
        tx.rename_chassis(self.after)
        configure(tx, self.site.spec, self.site.host, southbound=southbound)
        return tx

    def places(self, on: Northbound | NorthboundTransaction) -> list[Seats]:
        return [seats for seats in seats_of(on, self.before) if self.force or not seats.neutron]

    def is_named(self) -> bool:
        return not self.places(self.site.nb) and not is_mentioned(self.site.nb, self.before)

    def name(self) -> None:
        def body(tx: NorthboundTransaction) -> int:
            for seats in self.places(tx):
                rename(tx, seats, self.before, self.after)
            rename_mentions(tx, self.before, self.after)
            return raise_nb_cfg(tx)

        self.nb_cfg = self.site.nb.transact(body, f"ovnkit renames chassis {self.before}")

    def is_configured(self) -> bool:
        access = self.site.access
        written = access is None or system_id_change(access, self.after) is None
        tx = self.wanted(southbound=None)
        changes = tx.changes()
        tx.discard()
        return written and not changes and (access is None or not self.certificates(access))

    def certificates(self, access: Host) -> tuple[CertificateChange, ...]:
        """What of its certificate is to be brought to the host."""
        spec = self.site.spec
        if spec.central.tls is None:
            return ()
        return certificate_change(access, layout_of(access).tls("chassis"), chassis_source(spec, self.site.host))

    def configure(self) -> None:
        access = self.site.access
        change = None if access is None else system_id_change(access, self.after)
        if access is not None and change is not None:
            access.write(change.path, change.after or "")
        if access is not None and self.certificates(access):
            install(access, layout_of(access).tls("chassis"), chassis_source(self.site.spec, self.site.host))
        self.wanted(southbound=self.site.sb).commit()
