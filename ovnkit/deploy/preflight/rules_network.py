"""Rules about the network below the tunnels: addresses, MTU, ports, firewalls, the way to Southbound."""

from __future__ import annotations

from shlex import quote
from typing import Final

from ovnkit.deploy.preflight.facts import Link, Unread
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule

__all__ = ["NETWORK_RULES"]

_PORTS: Final = {"geneve": 6081, "vxlan": 4789}
_USERSPACE: Final = "the datapath is netdev: tunnels are ovs-vswitchd's own, and the kernel sees none of them"
_FULL_MTU: Final = 1500
_OVERHEAD: Final = {4: 58, 6: 78}
"""Ethernet, IP, UDP, geneve and OVN's option in it, by the version of IP."""


def _encap_link(subject: Subject) -> Link | None:
    return subject.facts.addresses().get(subject.host.encap_ip)


@rule(
    "encap-address",
    severity="error",
    what="The tunnel address is one of the host, on an interface that is up.",
    why="Other hosts send to it. ovn-controller does not look whether it is there.",
    remedy="`ip address add ADDRESS/PREFIX dev DEVICE`; `ip link set DEVICE up`",
    document="ovn-controller(8), ovn-encap-ip",
)
def _encap_address(subject: Subject) -> Answer:
    link = _encap_link(subject)
    if link is None:
        mend = f"ip address add {subject.host.encap_ip}/PREFIX dev DEVICE"
        return broken(f"no interface has {subject.host.encap_ip}", mend, severity="error")
    if not link.up:
        return broken(f"{link.name} is down", f"ip link set {quote(link.name)} up", severity="error")
    return holds(f"{link.name} has {subject.host.encap_ip}, and is up")


@rule(
    "encap-device",
    severity="error",
    what="The tunnel address is on no port of a bridge of Open vSwitch, nor on a bridge of a physical network.",
    why="A port's own address does not work any more. On the bridge itself it does, but tunnels then come and go"
    " with the bridge and its flows (a warning).",
    remedy="Put the address on the bridge, or better on an interface of its own.",
    document="Open vSwitch FAQ, Configuration Problems",
)
def _encap_device(subject: Subject) -> Answer:
    link = _encap_link(subject)
    if link is None:
        return needless("no interface has the tunnel address")
    bridges = subject.database.value.bridges
    mapped = set(subject.host.bridge_mappings.values())
    if link.name in mapped:
        mend = "give the tunnels an interface of their own"
        return broken(f"{link.name}, of a physical network, has it", mend, severity="warning")
    holders = [name for name, bridge in bridges.items() if link.name != name and link.name in bridge.uplinks]
    if holders:
        mend = f"ip address del {subject.host.encap_ip}/PREFIX dev {quote(link.name)}, and add it to {holders[0]}"
        return broken(f"{link.name} has it, which is a port of {holders[0]}", mend, severity="error")
    return holds(f"{link.name} has it")


@rule(
    "encap-unique",
    severity="error",
    what="No other chassis has the tunnel address.",
    why="Southbound takes each address once; ovn-controller of the second host fails at its first write, again and"
    " again.",
    remedy="Another `encap_ip` for one of them; of a stale one `ovn-sbctl chassis-del NAME`",
    document="ovn-sb(5), Encap",
)
def _encap_unique(subject: Subject) -> Answer:
    owners = [
        chassis.name
        for chassis in subject.southbound.value.chassis
        if chassis.name != subject.host.system_id and subject.host.encap_ip in {encap.ip for encap in chassis.encaps}
    ]
    if owners:
        mend = f"ovn-sbctl chassis-del {quote(owners[0])} if it is stale, else another encap_ip"
        return broken(f"chassis {', '.join(owners)} has {subject.host.encap_ip}", mend, severity="error")
    return holds(f"nobody else has {subject.host.encap_ip}")


@rule(
    "mtu",
    severity="error",
    what="The interface of the tunnels has room for the packets of tenants and 58 bytes more (78 with IPv6).",
    why="Larger packets are lost in the tunnel, those of TCP as well: ping works and transfers hang. An info where"
    " no network says its MTU, and the interface has no room for 1,500 bytes.",
    remedy="`ip link set DEVICE mtu BYTES`",
    document="Neutron, MTU considerations",
)
def _mtu(subject: Subject) -> Answer:
    link = _encap_link(subject)
    if link is None:
        return needless("no interface has the tunnel address")
    overhead = _OVERHEAD[6 if ":" in subject.host.encap_ip else 4]
    room = link.mtu - overhead
    largest = subject.northbound.value.mtu
    mend = f"ip link set {quote(link.name)} mtu {(largest or _FULL_MTU) + overhead}"
    seen = f"{link.name} has {link.mtu}, which leaves {room}"
    if largest is not None and room < largest:
        return broken(f"{seen}, and a network has {largest}", mend, severity="error")
    if largest is None and room < _FULL_MTU:
        return broken(seen, f"no more than {room} in the networks of tenants, or: {mend}", severity="info")
    return holds(seen)


@rule(
    "tunnel-port",
    severity="error",
    what="The UDP port of the tunnels is not some other program's.",
    why="The kernel cannot open its tunnel at 6081 (geneve) or 4789 (vxlan) then.",
    remedy="Stop the program, or have it use another port.",
    document="ovs-vswitchd.conf.db(5), Interface, Tunnel Options",
)
def _tunnel_port(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    ports = {_PORTS[kind] for kind in subject.tunnels if kind in _PORTS}
    used = [one for one in subject.facts.sockets.value if one.protocol == "udp" and one.port in ports]
    if used and not subject.facts.view.value.processes:
        raise Unread("somebody has it, and this is a container, which sees its own processes only")
    owners = {
        one.port: subject.facts.owners.value[one.inode] for one in used if one.inode in subject.facts.owners.value
    }
    if owners:
        seen = ", ".join(f"{port} is {owner}'s" for port, owner in sorted(owners.items()))
        return broken(seen, "stop the program, or have it use another port", severity="error")
    return holds("the kernel's" if used else "nobody's yet")


@rule(
    "firewall-tunnel",
    severity="warning",
    what="The firewall of the host lets tunnels in.",
    why="Otherwise hosts see no packet of each other. What is looked for is a rule that names the port, in a"
    " firewall that refuses the rest; whom it lets in is not looked at.",
    remedy="`nft add rule inet filter input udp dport 6081 accept`",
    document="nft(8); iptables(8)",
)
def _firewall_tunnel(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    firewall = subject.facts.firewall.value
    shut = [_PORTS[kind] for kind in subject.tunnels if kind in _PORTS and not firewall.names(_PORTS[kind])]
    if firewall.closed and shut:
        mend = "; ".join(f"nft add rule inet filter input udp dport {port} accept" for port in shut)
        return broken(
            f"it refuses the rest, and no rule names UDP {', '.join(map(str, shut))}", mend, severity="warning"
        )
    return holds("it names the ports" if firewall.closed else "it does not refuse the rest")


@rule(
    "southbound-reachable",
    severity="error",
    what="The host reaches the servers of Southbound.",
    why="ovn-controller takes everything from there. An error where nothing comes back at all, as from a firewall;"
    " a warning where a connection is refused, as long as nothing runs there, or where some servers answer.",
    remedy="Start the server; let TCP 6642 through.",
    document="ovn-controller(8), ovn-remote",
)
def _southbound_reachable(subject: Subject) -> Answer:
    probes = subject.facts.probes.value
    if not probes:
        return needless("Southbound is at a Unix socket")
    failed = [probe for probe in probes if not probe.connected]
    if not failed:
        return holds(f"connected to {', '.join(f'{probe.host}:{probe.port}' for probe in probes)}")
    seen = ", ".join(f"{probe.host}:{probe.port}: {probe.outcome}" for probe in failed)
    ports = ", ".join(sorted({str(probe.port) for probe in failed}))
    unheard = len(failed) == len(probes) and any(probe.silent for probe in failed)
    mend = f"let TCP {ports} through from here" if unheard else "start the server"
    return broken(seen, mend, severity="error" if unheard else "warning")


NETWORK_RULES: Final[tuple[Rule, ...]] = (
    _encap_address,
    _encap_device,
    _encap_unique,
    _mtu,
    _tunnel_port,
    _firewall_tunnel,
    _southbound_reachable,
)
