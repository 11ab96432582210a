"""Whose each patch port of a host is, and which of them may go: pure functions over one snapshot of ``Open_vSwitch``.

ovn-controller makes a pair for each localnet and l2gateway port: ``patch-<br-int>-to-<lport>`` on the integration
bridge and ``patch-<lport>-to-<br-int>`` on the provider bridge, both marked in ``Port.external_ids``
(ovn-controller(8), Open vSwitch Database Usage). The OpenStack agent makes ``int-<bridge>`` and ``phy-<bridge>``.
Beside each other the two pairs are a loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final, Literal
from uuid import UUID

import attrs

from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState

__all__ = [
    "PATCH_MARKS",
    "BridgeState",
    "HostState",
    "PatchKind",
    "PatchPort",
    "PortState",
    "agent_port_name",
    "classify",
]

PatchKind = Literal[
    "ovn-live", "ovn-stale", "ovn-imposter", "ovn-other", "agent", "agent-tunnel", "agent-veth",
    "trunk", "per-port", "half-open", "foreign",
]  # fmt: skip
"""What a patch port is.

- ``ovn-live``: marked and wanted; ``ovn-stale``: marked, no longer wanted
- ``ovn-imposter``: has OVN's name or peer, or a mark, without being the port that ovn-controller makes
- ``ovn-other``: marked by the controller of another integration bridge
- ``agent``: ``int-`` or ``phy-`` of a mapped bridge; ``agent-veth``: the same as kernel veth
- ``agent-tunnel``: ``patch-tun`` or ``patch-int``
- ``trunk``: of one of Neutron's trunk bridges; ``per-port``: of one of os-vif's bridges for a single port
- ``half-open``: the other end is missing or does not point back; ``foreign``: anything else
"""

PATCH_MARKS: Final = ("ovn-localnet-port", "ovn-l2gateway-port")
"""The keys of ``Port.external_ids`` by which ovn-controller knows its patch ports; the value is the logical port."""

_OLD_MARKS: Final = ("ovn-l3gateway-port", "ovn-logical-patch-port")
_TRUNK_PREFIXES: Final = ("tpi-", "tpt-", "spi-", "spt-")
_AGENT_PLACEHOLDER: Final = "nonexistent-peer"
_LONGEST_DEVICE_NAME: Final = 15
_HASH_LENGTH: Final = 6


@attrs.frozen(kw_only=True)
class PatchPort:
    """One patch port: its class and, in ``why``, the reason; ``removable`` says whether reconciling may delete it.

    ``uuid`` is the Port's, ``ofport`` and ``error`` are the Interface's; ``physnet`` and ``lport`` are None where they
    are not known.
    """

    port: str
    bridge: str
    peer: str | None
    kind: PatchKind
    why: str
    removable: bool = False
    physnet: str | None = None
    lport: str | None = None
    uuid: UUID | None = None
    ofport: int | None = None
    error: str | None = None


def agent_port_name(prefix: Literal["int-", "phy-"], bridge: str) -> str:
    """The agent's name for its end: a name beyond 15 characters is cut and ends in six hex digits of sha1(bridge)."""
    name = f"{prefix}{bridge}"
    if len(name) <= _LONGEST_DEVICE_NAME:
        return name
    digest = hashlib.sha1(bridge.encode(), usedforsecurity=False).hexdigest()
    return f"{prefix}{bridge[: _LONGEST_DEVICE_NAME - len(prefix) - _HASH_LENGTH]}{digest[:_HASH_LENGTH]}"


def classify(host: HostState) -> tuple[PatchPort, ...]:
    """Every patch port of the host, and the agent's veth ports, in the order of bridges and ports."""
    return tuple(_Classification(host).run())


@attrs.frozen
class _End:
    """One end of a patch cable, and where it is."""

    bridge: str
    port: PortState

    @property
    def name(self) -> str:
        return self.port.name

    @property
    def peer(self) -> str | None:
        return self.port.peer

    @property
    def mark(self) -> str | None:
        return next((self.port.external_ids[key] for key in PATCH_MARKS if key in self.port.external_ids), None)


class _Classification:
    def __init__(self, host: HostState) -> None:
        self.host = host
        self.ends = {port.name: _End(bridge.name, port) for bridge in host.bridges for port in bridge.ports}
        self.mapped = frozenset(host.mappings.values())
        marked = {
            end.mark for end in self.ends.values() if end.mark is not None and self.is_named_by_ovn(end, end.mark)
        }
        self.lports = marked if host.wanted is None else set(host.wanted)
        self.agent_names = {
            name: (bridge, counterpart, where)
            for bridge in sorted(self.mapped - {host.br_int})
            for name, counterpart, where in self.agent_pair(bridge)
        }

    def agent_pair(self, bridge: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        inner, outer = agent_port_name("int-", bridge), agent_port_name("phy-", bridge)
        return (inner, outer, self.host.br_int), (outer, inner, bridge)

    def run(self) -> Iterator[PatchPort]:
        for end in self.ends.values():
            if end.port.type == "patch":
                yield self.guarded(self.patch(end))
            elif end.port.type in ("", "system") and self.agent_bridge(end, veth=True):
                why = f"the agent's veth to a mapped bridge: besides the port, 'ip link delete {end.name}' is needed"
                yield self.answer(end, "agent-veth", why)

    def answer(
        self,
        end: _End,
        kind: PatchKind,
        why: str,
        *,
        removable: bool = False,
        physnet: str | None = None,
        lport: str | None = None,
    ) -> PatchPort:
        return PatchPort(
            port=end.name, bridge=end.bridge, peer=end.peer, kind=kind, why=why, removable=removable,
            physnet=physnet, lport=lport, uuid=end.port.uuid, ofport=end.port.ofport, error=end.port.error,
        )  # fmt: skip

    def guarded(self, found: PatchPort) -> PatchPort:
        """Whatever the class says, what carries a VIF or several interfaces stays."""
        port = self.ends[found.port].port
        if not found.removable:
            return found
        if "iface-id" in port.interface_ids:
            return attrs.evolve(found, removable=False, why=f"{found.why}; it stays, for it carries an iface-id")
        if port.interfaces != 1:
            why = f"{found.why}; it stays, for it has {port.interfaces} interfaces"
            return attrs.evolve(found, removable=False, why=why)
        return found

    def patch(self, end: _End) -> PatchPort:
        if end.mark is not None:
            return self.marked(end, end.mark)
        old = next((end.port.external_ids[key] for key in _OLD_MARKS if key in end.port.external_ids), None)
        if old is not None:
            return self.marked_by_old_ovn(end, old)
        return self.agent(end) or self.neutron(end) or self.imposter(end) or self.unknown(end)

    def other(self, end: _End) -> _End | None:
        """The end that this one points to, if it is a patch port."""
        found = self.ends.get(end.peer) if end.peer else None
        return found if found is not None and found.port.type == "patch" else None

    def faces(self, end: _End) -> bool:
        """Whether the other end points back."""
        other = self.other(end)
        return other is not None and other.peer == end.name

    # OVN's own

    def inner_name(self, lport: str) -> str:
        return f"patch-{self.host.br_int}-to-{lport}"

    def outer_name(self, lport: str) -> str:
        return f"patch-{lport}-to-{self.host.br_int}"

    def is_named_by_ovn(self, end: _End, lport: str) -> bool:
        """Whether name, peer and side of the end are those that ovn-controller gives it for ``lport``."""
        inner, outer = self.inner_name(lport), self.outer_name(lport)
        return (end.name, end.peer) == ((inner, outer) if end.bridge == self.host.br_int else (outer, inner))

    def marked(self, end: _End, lport: str) -> PatchPort:
        running = self.host.controller_running
        if not self.is_named_by_ovn(end, lport):
            elsewhere = self.other_integration_bridge(end, lport)
            if elsewhere is not None:
                why = f"the controller of integration bridge {elsewhere} made it for logical port {lport}"
                return self.answer(end, "ovn-other", why, lport=lport)
            why = (
                f"it is marked for logical port {lport}, but its name, peer or bridge is not what ovn-controller gives"
            )
            return self.answer(end, "ovn-imposter", f"{why}{self.kept}", removable=not running, lport=lport)
        outer = end if end.bridge != self.host.br_int else self.other(end)
        provider = outer.bridge if outer is not None else None
        unwanted = self.unwanted(lport, provider)
        physnet = self.physnet(lport, provider)
        if unwanted is not None:
            why = f"{unwanted}{self.kept}"
            return self.answer(end, "ovn-stale", why, removable=not running, physnet=physnet, lport=lport)
        if not self.faces(end):
            why = f"OVN's port for logical port {lport}, but {end.peer} is missing or does not point back"
            return self.answer(end, "half-open", why, physnet=physnet, lport=lport)
        why = f"ovn-controller made it for logical port {lport}"
        if self.host.wanted is None:
            why += "; its mark, names and mapping agree (Southbound is not known)"
        if end.port.error:
            why += f"; ovs-vswitchd reports: {end.port.error}"
        return self.answer(end, "ovn-live", why, physnet=physnet, lport=lport)

    @property
    def kept(self) -> str:
        """What to say of a marked port that stays for the controller's sake."""
        if not self.host.controller_running:
            return ""
        return "; ovn-controller runs: it removes its own ports itself once the mappings are right"

    def other_integration_bridge(self, end: _End, lport: str) -> str | None:
        if (end.name, end.peer) == (f"patch-{end.bridge}-to-{lport}", f"patch-{lport}-to-{end.bridge}"):
            return end.bridge
        bridge = end.name.removeprefix(f"patch-{lport}-to-")
        if bridge not in (end.name, self.host.br_int, "") and end.peer == f"patch-{bridge}-to-{lport}":
            return bridge
        return None

    def marked_by_old_ovn(self, end: _End, lport: str) -> PatchPort:
        other = self.other(end)
        if self.host.br_int not in (end.bridge, other.bridge if other is not None else ""):
            return self.answer(
                end, "ovn-other", "an old release of OVN made it for another integration bridge", lport=lport
            )
        running = self.host.controller_running
        why = f"an old release of OVN made it, later ones use no such port{self.kept}"
        return self.answer(end, "ovn-stale", why, removable=not running, lport=lport)

    def unwanted(self, lport: str, provider: str | None) -> str | None:
        """Why no pair is wanted for ``lport`` at the bridge ``provider``, or None if it is."""
        wanted, mappings = self.host.wanted, self.host.mappings
        if wanted is None:
            return (
                None if provider is None or provider in self.mapped else f"no physical network is mapped to {provider}"
            )
        if lport not in wanted:
            return f"Southbound has no localnet or l2gateway port {lport} for this host"
        bridge = mappings.get(wanted[lport])
        if bridge is None:
            return f"physical network {wanted[lport]} of logical port {lport} is not mapped here"
        if provider not in (None, bridge):
            return f"physical network {wanted[lport]} of logical port {lport} is mapped to {bridge}, not to {provider}"
        return None

    def physnet(self, lport: str, provider: str | None) -> str | None:
        if self.host.wanted is not None:
            return self.host.wanted.get(lport)
        candidates = [physnet for physnet, bridge in self.host.mappings.items() if bridge == provider]
        return candidates[0] if len(candidates) == 1 else None

    # OVN's names on what is not OVN's

    def imposter(self, end: _End) -> PatchPort | None:
        lport = self.claimed_lport(end)
        if lport is None:
            return None
        lacks = f"it has OVN's name or peer for logical port {lport} without OVN's mark"
        other = self.other(end)
        if self.is_named_by_ovn(end, lport) and self.faces(end) and other is not None and other.mark == lport:
            why = f"{lacks}, but ovn-controller has taken it for its own and it carries traffic"
            return self.answer(end, "ovn-imposter", why, lport=lport)
        if lport not in self.lports:
            if self.host.wanted is not None:
                return None
            why = f"{lacks}; whether OVN wants that name, only Southbound can tell"
            return self.answer(end, "ovn-imposter", why, lport=lport)
        physnet = None if self.host.wanted is None else self.host.wanted.get(lport)
        if self.host.wanted is not None and self.host.mappings.get(physnet or "") is None:
            why = f"{lacks}; its physical network is not mapped here"
            return self.answer(end, "ovn-imposter", why, physnet=physnet, lport=lport)
        why = f"{lacks}: ovn-controller makes no port of its own beside it, and the network is dead"
        return self.answer(end, "ovn-imposter", why, removable=True, physnet=physnet, lport=lport)

    def claimed_lport(self, end: _End) -> str | None:
        """The logical port that OVN's naming gives for the end's name or peer; one that exists is preferred."""
        prefix, suffix = f"patch-{self.host.br_int}-to-", f"-to-{self.host.br_int}"
        claimed: list[str] = []
        for name in (end.name, end.peer or ""):
            if name.startswith(prefix):
                claimed.append(name.removeprefix(prefix))
            elif name.startswith("patch-") and name.endswith(suffix):
                claimed.append(name.removeprefix("patch-").removesuffix(suffix))
        return next((lport for lport in claimed if lport in self.lports), claimed[0] if claimed else None)

    # OpenStack's

    def agent_bridge(self, end: _End, *, veth: bool = False) -> str | None:
        """The mapped bridge whose int-/phy- end this is, looked at alone."""
        bridge, counterpart, where = self.agent_names.get(end.name, ("", "", ""))
        if not bridge or end.bridge != where:
            return None
        return bridge if veth or end.peer in (counterpart, _AGENT_PLACEHOLDER) else None

    def agent(self, end: _End) -> PatchPort | None:
        bridge = self.agent_bridge(end)
        if bridge is None:
            return None
        counterpart = self.ends.get(self.agent_names[end.name][1])
        if counterpart is not None and (self.agent_bridge(counterpart) != bridge or counterpart.mark is not None):
            why = f"it looks like the agent's port of {bridge}, but {counterpart.name} is not its other end"
            return self.answer(end, "half-open", why)
        lacking = self.lacking_uplink(bridge) if self.host.spare_uplinks else None
        why = f"the OpenStack agent's pair to {bridge}, beside OVN's own"
        if lacking is not None:
            return self.answer(end, "agent", f"the OpenStack agent's pair to {bridge}; it stays, for {lacking}")
        return self.answer(end, "agent", why, removable=True)

    def lacking_uplink(self, bridge: str) -> str | None:
        """Why the agent's pair may be the only way to ``bridge``; None if OVN's pairs are up, or none is wanted."""
        wanted = self.host.wanted
        if wanted is None:
            lports = {end.mark for end in self.ends.values() if end.mark and end.bridge == bridge}
            if not any(self.is_up(lport) for lport in lports):
                return f"no pair of OVN's to {bridge} is up, and only Southbound can tell whether one is wanted"
            return None
        for lport, physnet in wanted.items():
            if self.host.mappings.get(physnet) == bridge and not self.is_up(lport):
                return f"OVN's own pair for logical port {lport} is not up yet"
        return None

    def is_up(self, lport: str) -> bool:
        """Whether OVN's pair for ``lport`` is there, marked, and has OpenFlow port numbers at both ends."""
        ends = [self.ends.get(name) for name in (self.inner_name(lport), self.outer_name(lport))]
        return all(
            end is not None and end.mark == lport and self.is_named_by_ovn(end, lport)
            and self.faces(end) and (end.port.ofport or 0) > 0
            for end in ends
        )  # fmt: skip

    def neutron(self, end: _End) -> PatchPort | None:
        other = self.other(end)
        named_so = end.name.startswith(_TRUNK_PREFIXES) and (end.peer or "").startswith(_TRUNK_PREFIXES)
        if named_so or end.bridge.startswith("tbr-"):
            return self.answer(end, "trunk", "Neutron's trunk bridges are patched so")
        if {end.name[:3], (end.peer or "")[:3]} == {"ibp", "pbp"}:
            return self.answer(end, "per-port", "os-vif patches a bridge of its own per port so")
        if (end.name, end.peer) in (("patch-tun", "patch-int"), ("patch-int", "patch-tun")) and other is not None:
            inside = end.bridge if end.name == "patch-tun" else other.bridge
            if inside == self.host.br_int and other.bridge != end.bridge:
                return self.answer(end, "agent-tunnel", "the OpenStack agent's pair to its tunnel bridge")
        return None

    # Anybody's

    def unknown(self, end: _End) -> PatchPort:
        other = self.other(end)
        if other is None or not self.faces(end):
            missing = "it names no peer" if not end.peer else f"{end.peer} is missing or does not point back"
            return self.answer(end, "half-open", f"not known to ovnkit, and {missing}")
        bridges = {end.bridge, other.bridge}
        if self.host.br_int in bridges and bridges & self.mapped:
            why = f"not known to ovnkit, and a way between {self.host.br_int} and a mapped bridge: frames can loop"
        elif bridges & (self.mapped | {self.host.br_int}):
            why = f"not known to ovnkit, between {end.bridge} and {other.bridge}"
        else:
            why = f"between {end.bridge} and {other.bridge}, which are not in the mappings"
        return self.answer(end, "foreign", why)
