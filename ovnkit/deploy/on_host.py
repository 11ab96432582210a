"""One host under work: its database, Southbound, and what is beyond its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import tls_of
from ovnkit.deploy.reach import reached
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import NeedsHost
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, DatapathBinding, Encap, HAChassis, HAChassisGroup, PortBinding
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.direct import DirectChassis

__all__ = ["OnHost", "on_host"]

_SOUTHBOUND: Final = dict.fromkeys((Chassis, DatapathBinding, Encap, HAChassis, HAChassisGroup, PortBinding))


@attrs.frozen
class OnHost:
    """What work on one host has in hand. ``chassis``: its keys without a replica, for edits that are written down."""

    spec: HostSpec
    vs: VSwitch
    sb: Southbound
    chassis: DirectChassis
    timeout: float

    def beyond(self, what: str, command: str) -> Host:
        """The host beyond its database. Where there is none, raises NeedsHost with what to run by hand for ``what``."""
        if self.spec.access is None:
            raise NeedsHost(f"{what} on {self.spec.name}", command)
        return open_host(self.spec.access, self.spec.name)


@contextmanager
def on_host(spec: Spec, host: HostSpec, *, tls: Tls | None, timeout: float) -> Iterator[OnHost]:
    """The clients for work on a host, while the block lasts. Raises ConnectionFailed, Timeout or HostFailed."""
    of = tls_of(spec, tls)
    southbound = spec.central.southbound
    with (
        reached(host.ovsdb, timeout=timeout) as remote,
        VSwitch.connect(remote, tls=of(host.ovsdb), timeout=timeout) as vs,
        Southbound.connect(southbound, tls=of(southbound), timeout=timeout, monitor=_SOUTHBOUND) as sb,
    ):
        yield OnHost(host, vs, sb, DirectChassis(remote, tls=of(host.ovsdb)), timeout)
