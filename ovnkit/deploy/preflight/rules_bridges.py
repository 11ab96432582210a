"""Rules about bridges: those of physical networks, and what ML2/OVS has left on them."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Final

from ovnkit.deploy.agent import AGENT_CONTROLLER
from ovnkit.deploy.preflight.facts import BridgeFacts, Known
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule
from ovnkit.vswitch.patch_ports import agent_port_name

__all__ = ["BRIDGE_RULES"]

_UNMAPPED: Final = "the host carries no physical network"
_OVS_AGENT: Final = "neutron-openvswitch-agent"
_OTHER_AGENTS: Final = ("neutron-dhcp-agent", "neutron-l3-agent")
_TUNNEL_BRIDGE: Final = "br-tun"


def _mapped(subject: Subject) -> list[BridgeFacts]:
    """The bridges of physical networks that are there. Raises Unread."""
    bridges = subject.database.value.bridges
    return [bridges[name] for name in sorted(set(subject.host.bridge_mappings.values())) if name in bridges]


@rule(
    "bridge",
    severity="error",
    what="The bridges of physical networks are there.",
    why="ovn-controller makes none: it warns in its log, and the network is not connected.",
    remedy="`ovs-vsctl add-br BRIDGE`",
    document="ovn-controller(8), ovn-bridge-mappings",
)
def _bridge(subject: Subject) -> Answer:
    if not subject.host.bridge_mappings:
        return needless(_UNMAPPED)
    wanted = sorted(set(subject.host.bridge_mappings.values()))
    missing = [name for name in wanted if name not in subject.database.value.bridges]
    if missing:
        kind = "" if subject.kernel_datapath else " -- set Bridge {0} datapath_type=netdev"
        mend = "; ".join(f"ovs-vsctl add-br {name}{kind.format(name)}" for name in missing)
        return broken(f"not there: {', '.join(missing)}", mend, severity="error")
    return holds(", ".join(wanted))


@rule(
    "uplink",
    severity="warning",
    what="Each of these bridges has a network card as port.",
    why="Nothing leaves the host otherwise.",
    remedy="`ovs-vsctl add-port BRIDGE DEVICE`",
    document="ovn-architecture(7)",
)
def _uplink(subject: Subject) -> Answer:
    mapped = _mapped(subject) if subject.host.bridge_mappings else []
    if not mapped:
        return needless("no bridge of a physical network is there")
    without = [bridge.name for bridge in mapped if not bridge.uplinks]
    if without:
        mend = "; ".join(f"ovs-vsctl add-port {name} DEVICE" for name in without)
        return broken(f"without one: {', '.join(without)}", mend, severity="warning")
    return holds(", ".join(f"{bridge.name}: {', '.join(bridge.uplinks)}" for bridge in mapped))


@rule(
    "uplink-address",
    severity="error",
    what="These network cards have no address, and belong to no other bridge or bond.",
    why="What arrives goes to the bridge of Open vSwitch, and the address does not answer any more (a warning); a"
    " card that is in a Linux bridge or bond cannot be in one of Open vSwitch.",
    remedy="`ip address flush dev DEVICE`, and the address to the bridge; `ip link set DEVICE nomaster`",
    document="Open vSwitch FAQ, Configuration Problems",
)
def _uplink_address(subject: Subject) -> Answer:
    mapped = _mapped(subject) if subject.host.bridge_mappings else []
    if not mapped:
        return needless("no bridge of a physical network is there")
    uplinks = {name: bridge.name for bridge in mapped for name in bridge.uplinks}
    links = [link for link in subject.facts.links.value if link.name in uplinks]
    taken = [link for link in links if link.master not in (None, "ovs-system")]
    if taken:
        seen = ", ".join(f"{link.name} is a port of {link.master}" for link in taken)
        return broken(seen, "; ".join(f"ip link set {quote(link.name)} nomaster" for link in taken), severity="error")
    addressed = {link.name: [one for one in link.addresses if not one.startswith("fe80:")] for link in links}
    found = {name: addresses for name, addresses in addressed.items() if addresses}
    if found:
        seen = ", ".join(f"{name} has {', '.join(addresses)}" for name, addresses in found.items())
        mend = "; ".join(f"ip address flush dev {quote(name)}, and the address to {uplinks[name]}" for name in found)
        return broken(seen, mend, severity="warning")
    return holds(", ".join(sorted(uplinks)) or "no network card")


@rule(
    "bridge-mode",
    severity="warning",
    what="These bridges switch without a controller: fail_mode is not `secure`.",
    why="ovn-controller sets no flows on them. A secure bridge without a controller has none at all after Open"
    " vSwitch has been restarted; agents leave bridges like that.",
    remedy="`ovs-vsctl set-fail-mode BRIDGE standalone`",
    document="ovs-vswitchd.conf.db(5), Bridge, fail_mode",
)
def _bridge_mode(subject: Subject) -> Answer:
    mapped = _mapped(subject) if subject.host.bridge_mappings else []
    if not mapped:
        return needless("no bridge of a physical network is there")
    secure = [bridge.name for bridge in mapped if bridge.fail_mode == "secure" and not bridge.controllers]
    if secure:
        mend = "; ".join(f"ovs-vsctl set-fail-mode {name} standalone" for name in secure)
        return broken(f"secure, without a controller: {', '.join(secure)}", mend, severity="warning")
    return holds(", ".join(f"{bridge.name}: {bridge.fail_mode or 'standalone'}" for bridge in mapped))


@rule(
    "bridge-datapath",
    severity="error",
    what="These bridges are of the datapath type of the integration bridge.",
    why="Patch ports do not lead from one datapath to another.",
    remedy="`ovs-vsctl set Bridge BRIDGE datapath_type=TYPE`",
    document="ovs-vswitchd.conf.db(5), Bridge, datapath_type",
)
def _bridge_datapath(subject: Subject) -> Answer:
    mapped = _mapped(subject) if subject.host.bridge_mappings else []
    if not mapped:
        return needless("no bridge of a physical network is there")
    wanted = "system" if subject.kernel_datapath else "netdev"
    others = {bridge.name: bridge.datapath_type or "system" for bridge in mapped}
    wrong = {name: kind for name, kind in others.items() if kind != wanted}
    if wrong:
        mend = "; ".join(f"ovs-vsctl set Bridge {name} datapath_type={wanted}" for name in wrong)
        seen = ", ".join(f"{name} is {kind}" for name, kind in wrong.items())
        return broken(f"{seen}, and {subject.integration_bridge} is to be {wanted}", mend, severity="error")
    return holds(f"all are {wanted}")


@rule(
    "agent",
    severity="error",
    what="No agent of ML2/OVS runs.",
    why="neutron-openvswitch-agent deletes OVN's flows and puts its own in their place, and with OVN's patch ports"
    " beside its own that is a broadcast storm. Its DHCP and L3 agents are not needed, for OVN does both (a"
    " warning).",
    remedy="`ovnkit chassis take-over FILE HOST`",
    document="Neutron, Migration from ML2/OVS to ML2/OVN",
)
def _agent(subject: Subject) -> Answer:
    agents = subject.facts.running(_OVS_AGENT)
    if agents:
        mend = f"ovnkit chassis take-over FILE {subject.host.name}"
        return broken(", ".join(map(str, agents)), mend, severity="error")
    others = subject.facts.running(*_OTHER_AGENTS)
    if others:
        return broken(", ".join(map(str, others)), "stop and disable their services", severity="warning")
    return holds("none runs")


@rule(
    "agent-remains",
    severity="warning",
    what="ML2/OVS has left nothing behind.",
    why="Its patch ports beside OVN's are a second way between the same bridges: a loop, as soon as one of them"
    " switches by itself. The rest is in the way of nobody, but misleads everybody.",
    remedy="`ovnkit chassis reconcile FILE HOST`",
    document="Neutron, Migration from ML2/OVS to ML2/OVN",
)
def _agent_remains(subject: Subject) -> Answer:
    found = list(_remains(subject))
    namespaces = subject.facts.namespaces
    # What is left in the database is told also where namespaces cannot be.
    spaces = namespaces.value if not found or isinstance(namespaces, Known) else ()
    if spaces:
        found.append(f"network namespaces {', '.join(spaces)}")
    if not found:
        return holds("nothing is left of it")
    return broken("; ".join(found), f"ovnkit chassis reconcile FILE {subject.host.name}", severity="warning")


def _remains(subject: Subject) -> Iterator[str]:
    bridges = subject.database.value.bridges
    ports = {port for bridge in bridges.values() for port in bridge.ports}
    names = {agent_port_name(end, bridge) for bridge in bridges for end in ("int-", "phy-")}
    if ports & names:
        yield f"ports {', '.join(sorted(ports & names))}"
    if _TUNNEL_BRIDGE in bridges:
        yield f"bridge {_TUNNEL_BRIDGE}"
    controlled = sorted(name for name, bridge in bridges.items() if AGENT_CONTROLLER in bridge.controllers)
    if controlled:
        yield f"controllers of {', '.join(controlled)}"


BRIDGE_RULES: Final[tuple[Rule, ...]] = (
    _bridge,
    _uplink,
    _uplink_address,
    _bridge_mode,
    _bridge_datapath,
    _agent,
    _agent_remains,
)
