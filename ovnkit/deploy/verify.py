"""Verification: what databases and hosts show, compared with the spec; never the success of a write alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import attrs

from ovnkit.deploy.hosts import on_each
from ovnkit.deploy.observe import Facts, LocalFacts, observe_local, observe_southbound
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import OvnkitError, Timeout
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import NBGlobal
from ovnkit.remote import Tls
from ovnkit.southbound.chassis_values import ENABLE_CHASSIS_AS_GW, read_bridge_mappings
from ovnkit.southbound.client import Southbound
from ovnkit.vswitch.client import VSwitch

__all__ = ["Check", "Verification", "checks", "verify"]

_PAUSE = 0.05


@attrs.frozen
class Check:
    """One thing that was looked at on one host."""

    host: str
    what: str
    expected: str
    observed: str
    ok: bool


@attrs.frozen
class Verification:
    """All checks. ``ok`` when every one holds; prints as a table."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as the spec says."""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.ok)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        rows = [("", "host", "what", "observed", "expected")]
        rows += [
            ("ok" if c.ok else "NOT", c.host, c.what, c.observed, "" if c.observed == c.expected else c.expected)
            for c in self.checks
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )


def verify(spec: Spec, *, timeout: float = 60.0, tls: Tls | None = None) -> Verification:
    """Look until everything is as the spec says, at most ``timeout`` seconds; returns what was seen last.

    For each host: its Chassis in OVN_Southbound with hostname, encapsulation, gateway flag and mappings; that its own
    Chassis_Private reached an nb_cfg that was set now (ovn-nb(5)), whatever other chassis do; its mapped bridges; OVN's
    patch ports for the provider networks that it carries, with port numbers on both ends; a tunnel to every other host;
    no interface with an error.

    Raises ConnectionFailed or Timeout where the central databases cannot be read. A host that cannot be reached is a
    check that does not hold.
    """
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        nb = stack.enter_context(Northbound.connect(spec.central.northbound, tls=tls, timeout=timeout))
        sb = stack.enter_context(Southbound.connect(spec.central.southbound, tls=tls, timeout=timeout))
        left = deadline - time.monotonic()
        found = on_each(spec.hosts, lambda host: VSwitch.connect(host.ovsdb, tls=tls, timeout=left))
        clients: dict[str, VSwitch | OvnkitError] = {}
        for host, client in zip(spec.hosts, found, strict=True):
            clients[host.name] = client if isinstance(client, OvnkitError) else stack.enter_context(client)
        nb_cfg = _bump(nb, deadline)
        while True:
            facts = observe_southbound(sb)
            local = {
                name: client if isinstance(client, OvnkitError) else observe_local(client)
                for name, client in clients.items()
            }
            result = Verification(tuple(checks(spec, facts, local, nb_cfg)))
            if result.ok or time.monotonic() >= deadline:
                return result
            time.sleep(_PAUSE)


def _bump(nb: Northbound, deadline: float) -> int | None:
    """The nb_cfg that chassis have to reach; None where northd did not take it over in time."""
    try:
        nb.sync(level="sb", timeout=max(0.0, deadline - time.monotonic()))
    except Timeout:
        return None
    return nb.get(NBGlobal).nb_cfg


def checks(
    spec: Spec, facts: Facts, local: Mapping[str, LocalFacts | OvnkitError], nb_cfg: int | None
) -> Iterator[Check]:
    """Everything that is looked at, from what was observed. Pure."""
    observed = "sb_cfg followed nb_cfg" if nb_cfg is not None else "sb_cfg stays behind nb_cfg"
    yield Check("central", "ovn-northd answers", "sb_cfg followed nb_cfg", observed, nb_cfg is not None)
    for host in spec.hosts:
        yield from _chassis_checks(spec, host, facts, nb_cfg)
        own = local[host.name]
        if isinstance(own, OvnkitError):
            yield Check(host.name, "local database", "reachable", str(own), ok=False)
        else:
            yield from _local_checks(spec, host, facts, own)


def _chassis_checks(spec: Spec, host: HostSpec, facts: Facts, nb_cfg: int | None) -> Iterator[Check]:
    chassis = facts.chassis.get(host.system_id)
    if chassis is None:
        yield Check(host.name, "chassis registered", host.system_id, "no Chassis row", ok=False)
        return
    yield Check(host.name, "chassis registered", host.system_id, chassis.name, ok=True)
    encap = f"{spec.encap.type} {host.encap_ip}"
    yield Check(host.name, "encapsulation", encap, ", ".join(chassis.encaps) or "none", encap in chassis.encaps)
    gateway = ENABLE_CHASSIS_AS_GW in chassis.cms_options
    yield Check(host.name, "gateway", _yes(host.gateway), _yes(gateway), gateway == host.gateway)
    wanted, found = _items(host.bridge_mappings), _items(read_bridge_mappings(chassis.bridge_mappings))
    if wanted or found:
        yield Check(host.name, "bridge mappings", ",".join(wanted), ",".join(found), set(wanted) <= set(found))
    reached = nb_cfg is not None and chassis.nb_cfg is not None and chassis.nb_cfg >= nb_cfg
    yield Check(host.name, "caught up", f"nb_cfg {nb_cfg}", f"nb_cfg {chassis.nb_cfg}", reached)


def _local_checks(spec: Spec, host: HostSpec, facts: Facts, own: LocalFacts) -> Iterator[Check]:
    for physnet, bridge in sorted(host.bridge_mappings.items()):
        there = bridge in own.bridges
        yield Check(host.name, f"bridge of {physnet}", bridge, bridge if there else "no such bridge", there)
    for lport in facts.provider_ports(host.system_id, host.bridge_mappings):
        numbers = own.patch_ports.get(lport, ())
        good = len(numbers) == 2 and all(number > 0 for number in numbers)
        shown = f"{len(numbers)} ends, OpenFlow ports {sorted(numbers)}" if numbers else "none"
        yield Check(host.name, f"patch ports of {lport}", shown if good else "a pair with port numbers", shown, good)
    others = {other.encap_ip for other in spec.hosts if other.name != host.name}
    missing = sorted(others - own.tunnels)
    seen = f"{len(others) - len(missing)} of {len(others)}" + (f", none to {', '.join(missing)}" if missing else "")
    yield Check(host.name, "tunnels", f"{len(others)} of {len(others)}", seen, not missing)
    yield Check(host.name, "interfaces without error", "all", "; ".join(own.errors) or "all", not own.errors)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _items(mappings: Mapping[str, str]) -> list[str]:
    return sorted(f"{physnet}:{bridge}" for physnet, bridge in mappings.items())
