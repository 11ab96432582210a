"""Verification: what databases and hosts show, compared with the spec; never the success of a write alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import attrs

from ovnkit.deploy.flows import dump_flows, of_ovn
from ovnkit.deploy.host import open_host
from ovnkit.deploy.hosts import on_each, tls_of
from ovnkit.deploy.observe import Facts, LocalFacts, observe_local, observe_southbound
from ovnkit.deploy.reach import reached
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.deploy.table import table
from ovnkit.errors import OutcomeUnknown, OvnkitError, Timeout
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import NBGlobal
from ovnkit.ovsdb.values import Map
from ovnkit.remote import Tls
from ovnkit.southbound.chassis import ChassisSummary
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import Chassis, ChassisPrivate, Encap, HAChassis, HAChassisGroup, PortBinding
from ovnkit.vswitch.client import VSwitch

__all__ = ["Check", "Verification", "checks", "verify"]

_PAUSE: Final = 0.05
_LOOK: Final = 5.0
"""How long a look at the flows of a host may take, in seconds."""
_NO_FLOWS: Final[Mapping[str, int | OvnkitError]] = Map()
_NORTHBOUND: Final = {NBGlobal: None}
_SOUTHBOUND: Final = dict.fromkeys((Chassis, ChassisPrivate, Encap, HAChassis, HAChassisGroup, PortBinding))


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
        return table([("", "host", "what", "observed", "expected"), *map(_cells, self.checks)])


def verify(
    spec: Spec, *, timeout: float = 60.0, tls: Tls | None = None, hosts: Sequence[str] | None = None
) -> Verification:
    """Look until everything is as the spec says, at most ``timeout`` seconds; returns what was seen last.

    ``hosts``: look at these alone.

    For each host: its Chassis in OVN_Southbound with encapsulation, gateway flag and mappings; that its own
    Chassis_Private reached an nb_cfg that was set now (ovn-nb(5)), whatever other chassis do; its mapped bridges; OVN's
    patch ports for the provider networks that it carries, with port numbers on both ends; a tunnel to every other host
    of its transport zones; no interface with an error. Where the spec says how the host is reached beyond its database
    (``HostSpec.access``), that OVN's flows are in its integration bridge.

    Raises KeyError for a host that the spec does not have, and ConnectionFailed or Timeout where the central databases
    cannot be read. A host that cannot be reached is a check that does not hold.
    """
    chosen = spec.hosts if hosts is None else tuple(spec.host(name) for name in hosts)
    deadline = time.monotonic() + timeout
    of, northbound, southbound = tls_of(spec, tls), spec.central.northbound, spec.central.southbound_admin

    def left() -> float:
        return max(0.0, deadline - time.monotonic())

    with ExitStack() as stack:
        nb = Northbound.connect(northbound, tls=of(northbound), timeout=timeout, monitor=_NORTHBOUND)
        stack.enter_context(nb)
        sb = Southbound.connect(southbound, tls=of(southbound), timeout=left(), monitor=_SOUTHBOUND)
        stack.enter_context(sb)

        def connect(host: HostSpec) -> VSwitch:
            remote = stack.enter_context(reached(host.ovsdb, timeout=left()))
            return stack.enter_context(VSwitch.connect(remote, tls=of(host.ovsdb), timeout=left()))

        # At once: ovn-northd may take all the time there is, and so may a host that does not answer.
        with ThreadPoolExecutor(1, thread_name_prefix="ovnkit verify") as pool:
            handed_on = pool.submit(_hand_on, nb, left())
            clients = on_each(chosen, connect)
            nb_cfg = handed_on.result()
        flows: dict[str, int | OvnkitError] = {}
        while True:
            began = time.monotonic()
            local = {
                host.name: client if isinstance(client, OvnkitError) else observe_local(client)
                for host, client in zip(chosen, clients, strict=True)
            }
            flows.update(_flows([host for host in chosen if not _has_flows(flows, host)], local))
            result = Verification(tuple(checks(spec, observe_southbound(sb), local, nb_cfg, flows)))
            now = time.monotonic()
            if result.ok or now >= deadline:
                return result
            time.sleep(min(left(), max(_PAUSE, now - began)))


def _hand_on(nb: Northbound, timeout: float) -> int | None:
    """The nb_cfg that chassis have to reach; None where ovn-northd did not hand it on in time."""
    try:
        return nb.sync("sb", timeout=timeout)
    except (OutcomeUnknown, Timeout):
        return None


def _has_flows(flows: Mapping[str, int | OvnkitError], host: HostSpec) -> bool:
    """Whether OVN's flows were seen there; each look is a command on the host."""
    seen = flows.get(host.name, 0)
    return isinstance(seen, int) and seen > 0


def _flows(hosts: Sequence[HostSpec], local: Mapping[str, LocalFacts | OvnkitError]) -> dict[str, int | OvnkitError]:
    """The number of OVN's flows on each host that says how it is reached beyond its database."""

    def look(host: HostSpec) -> int:
        own = local[host.name]
        if host.access is None or isinstance(own, OvnkitError) or own.integration_bridge not in own.bridges:
            return 0
        return len(of_ovn(dump_flows(open_host(host.access, host.name), own.integration_bridge, timeout=_LOOK)))

    reachable = [host for host in hosts if host.access is not None]
    return {host.name: seen for host, seen in zip(reachable, on_each(reachable, look), strict=True)}


def checks(
    spec: Spec,
    facts: Facts,
    local: Mapping[str, LocalFacts | OvnkitError],
    nb_cfg: int | None,
    flows: Mapping[str, int | OvnkitError] = _NO_FLOWS,
) -> Iterator[Check]:
    """Everything that is looked at on the hosts of ``local``, from what was observed. Pure.

    ``flows``: how many OVN has in the integration bridge of each host that could be asked.
    """
    yield Check("central", "Southbound database", "ready", facts.state, facts.state == "ready")
    observed = "sb_cfg followed nb_cfg" if nb_cfg is not None else "sb_cfg stays behind nb_cfg"
    yield Check("central", "ovn-northd answers", "sb_cfg followed nb_cfg", observed, nb_cfg is not None)
    for host in (host for host in spec.hosts if host.name in local):
        chassis = facts.chassis.get(host.system_id)
        if chassis is None:
            yield Check(host.name, "chassis registered", host.system_id, "no Chassis row", ok=False)
        else:
            yield Check(host.name, "chassis registered", host.system_id, chassis.name, ok=True)
            yield from _chassis_checks(spec, host, chassis, nb_cfg)
        own = local[host.name]
        if isinstance(own, OvnkitError):
            yield Check(host.name, "local database", "ready", str(own), ok=False)
        else:
            yield Check(host.name, "local database", "ready", own.state, own.state == "ready")
            yield from _local_checks(spec, host, facts, own)
            if host.name in flows:
                yield _flow_check(host, own.integration_bridge, flows[host.name])


def _chassis_checks(spec: Spec, host: HostSpec, chassis: ChassisSummary, nb_cfg: int | None) -> Iterator[Check]:
    encaps = {f"{kind} {host.encap_ip}" for kind in spec.encap.type.split(",")}
    found = {str(encap) for encap in chassis.encaps}
    yield Check(host.name, "encapsulation", _list(encaps), _list(found), encaps == found)
    yield Check(host.name, "gateway", _yes(host.gateway), _yes(chassis.gateway), chassis.gateway == host.gateway)
    if host.availability_zones or chassis.availability_zones:
        zones, found = set(host.availability_zones), set(chassis.availability_zones)
        yield Check(host.name, "availability zones", _list(zones), _list(found), zones <= found)
    mappings, mapped = _items(host.bridge_mappings), _items(chassis.bridge_mappings)
    if mappings or mapped:
        yield Check(host.name, "bridge mappings", _list(mappings), _list(mapped), mappings <= mapped)
    reached = nb_cfg is not None and chassis.nb_cfg is not None and chassis.nb_cfg >= nb_cfg
    expected = "an nb_cfg from ovn-northd" if nb_cfg is None else f"nb_cfg {nb_cfg}"
    observed = "no Chassis_Private row" if chassis.nb_cfg is None else f"nb_cfg {chassis.nb_cfg}"
    yield Check(host.name, "caught up", expected, observed, reached)


def _local_checks(spec: Spec, host: HostSpec, facts: Facts, own: LocalFacts) -> Iterator[Check]:
    for physnet, bridge in sorted(host.bridge_mappings.items()):
        there = bridge in own.bridges
        yield Check(host.name, f"bridge of {physnet}", bridge, bridge if there else "no such bridge", there)
    for lport in facts.connected_ports(host.system_id, host.bridge_mappings):
        numbers = own.patch_ports.get(lport, ())
        good = len(numbers) == 2 and all(number > 0 for number in numbers)
        shown = f"{len(numbers)} ends, OpenFlow ports {sorted(numbers)}" if numbers else "none"
        yield Check(host.name, f"patch ports of {lport}", shown if good else "a pair with port numbers", shown, good)
    peers = {other.encap_ip for other in spec.hosts if other.name != host.name and _tunnelled(host, other)}
    missing = peers - own.tunnels
    seen = f"{len(peers) - len(missing)} of {len(peers)}" + (f", none to {_list(missing)}" if missing else "")
    yield Check(host.name, "tunnels", f"{len(peers)} of {len(peers)}", seen, not missing)
    yield Check(host.name, "interfaces without error", "all", "; ".join(own.errors) or "all", not own.errors)


def _flow_check(host: HostSpec, bridge: str, seen: int | OvnkitError) -> Check:
    what = f"flows of OVN in {bridge}"
    if isinstance(seen, OvnkitError):
        return Check(host.name, what, "some", str(seen), ok=False)
    return Check(host.name, what, "some", "some" if seen else "none", seen > 0)


def _tunnelled(host: HostSpec, other: HostSpec) -> bool:
    """Whether two hosts are in one transport zone (ovn-controller(8), ovn-transport-zones); "" is a zone as well."""
    zones, others = (set(one.options.get("ovn-transport-zones", "").split(",")) for one in (host, other))
    return not zones.isdisjoint(others)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _items(mappings: Mapping[str, str]) -> set[str]:
    return {f"{physnet}:{bridge}" for physnet, bridge in mappings.items()}


def _list(items: set[str]) -> str:
    return ", ".join(sorted(items)) or "none"


def _cells(check: Check) -> tuple[str, str, str, str, str]:
    expected = "" if check.observed == check.expected else check.expected
    verdict = "ok" if check.ok else "NOT"
    return verdict, check.host, check.what, check.observed, expected
