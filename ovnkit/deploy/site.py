"""One host among the databases of its cluster: what a sequence works on."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import Final, Self

from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import tls_of
from ovnkit.deploy.reach import reached
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import NeedsHost
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import (
    NB,
    ChassisTemplateVar,
    GatewayChassis,
    HAChassis,
    HAChassisGroup,
    LogicalRouter,
    LogicalRouterPort,
    LogicalSwitchPort,
    NBGlobal,
)
from ovnkit.ovsdb.selection import Monitor
from ovnkit.remote import Tls
from ovnkit.southbound import rows as sb
from ovnkit.southbound.client import Southbound
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.direct import DirectChassis

__all__ = ["Site"]

_NORTHBOUND: Final[Monitor[NB]] = {
    **dict.fromkeys((ChassisTemplateVar, GatewayChassis, HAChassis, HAChassisGroup, NBGlobal)),
    LogicalRouter: (LogicalRouter.name, LogicalRouter.options),
    LogicalRouterPort: (
        LogicalRouterPort.name,
        LogicalRouterPort.gateway_chassis,
        LogicalRouterPort.ha_chassis_group,
        LogicalRouterPort.external_ids,
    ),
    LogicalSwitchPort: (
        LogicalSwitchPort.name,
        LogicalSwitchPort.type,
        LogicalSwitchPort.ha_chassis_group,
        LogicalSwitchPort.options,
        LogicalSwitchPort.external_ids,
    ),
}
_SOUTHBOUND: Final = dict.fromkeys(
    (
        sb.Chassis,
        sb.ChassisPrivate,
        sb.DatapathBinding,
        sb.Encap,
        sb.HAChassis,
        sb.HAChassisGroup,
        sb.PortBinding,
        sb.SBGlobal,
    )
)


class Site:
    """A host of a spec, with clients of the three databases; each connects when it is first used.

    Raises KeyError for a host that the spec does not have.
    """

    def __init__(self, spec: Spec, host: str, *, tls: Tls | None, timeout: float) -> None:
        self.spec = spec
        self.host: HostSpec = spec.host(host)
        self.timeout = timeout
        self._tls_of = tls_of(spec, tls)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def nb(self) -> Northbound:
        """OVN_Northbound. Raises ConnectionFailed or Timeout."""
        remote = self.spec.central.northbound
        client = Northbound.connect(remote, tls=self._tls_of(remote), timeout=self.timeout, monitor=_NORTHBOUND)
        return self._stack.enter_context(client)

    @cached_property
    def sb(self) -> Southbound:
        """OVN_Southbound. Raises ConnectionFailed or Timeout."""
        remote = self.spec.central.southbound_admin
        client = Southbound.connect(remote, tls=self._tls_of(remote), timeout=self.timeout, monitor=_SOUTHBOUND)
        return self._stack.enter_context(client)

    @cached_property
    def _remote(self) -> str | None:
        return self._stack.enter_context(reached(self.host.ovsdb, timeout=self.timeout))

    @cached_property
    def vs(self) -> VSwitch:
        """The Open_vSwitch database of the host. Raises ConnectionFailed, Timeout or HostFailed."""
        client = VSwitch.connect(self._remote, tls=self._tls_of(self.host.ovsdb), timeout=self.timeout)
        return self._stack.enter_context(client)

    @cached_property
    def chassis(self) -> DirectChassis:
        """The keys of the host as a chassis, without a replica. Raises HostFailed."""
        return DirectChassis(self._remote, tls=self._tls_of(self.host.ovsdb))

    @property
    def access(self) -> Host | None:
        """The host beyond its database, None where the spec does not say how to get there."""
        return None if self.host.access is None else open_host(self.host.access, self.host.name)

    def beyond(self, what: str, command: str) -> Host:
        """The host beyond its database. Where there is none, raises NeedsHost with what to run by hand for ``what``."""
        access = self.access
        if access is None:
            raise NeedsHost(f"{what} on {self.host.name}", command)
        return access

    def is_handed_on(self, nb_cfg: int | None = None) -> bool:
        """Whether ovn-northd has handed on to Southbound what was asked for with this number, or last."""
        wanted = self._last_nb_cfg if nb_cfg is None else nb_cfg
        return any(row.nb_cfg >= wanted for row in self.sb.find(sb.SBGlobal))

    def behind(self, chassis: set[str], nb_cfg: int | None = None) -> list[str]:
        """Those of these chassis that have not set up what was asked for with this number, or last.

        By their own Chassis_Private; one that is not registered has not.
        """
        wanted = self._last_nb_cfg if nb_cfg is None else nb_cfg
        if not self.is_handed_on(wanted):
            return sorted(chassis)
        registered = {row.name for row in self.sb.find(sb.Chassis)}
        reached = {row.name for row in self.sb.find(sb.ChassisPrivate) if row.nb_cfg >= wanted}
        return sorted(chassis - (reached & registered))

    @property
    def _last_nb_cfg(self) -> int:
        return max((row.nb_cfg for row in self.nb.find(NBGlobal)), default=0)
