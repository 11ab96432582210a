"""A gateway as OpenStack's Open vSwitch agent prepares it, and what Open vSwitch does with a packet there."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import attrs

from ovnkit import deploy
from ovnkit.deploy import HostSpec, Spec
from ovnkit.deploy.flows import Flow, of_agent, of_ovn, parse_flows
from ovnkit.lab import Host, Lab
from ovnkit.vswitch import Bridge, BridgeProtocols, Controller, Interface, VSwitch
from ovnkit.vswitch.patch_ports import agent_port_name
from tests.lab.cluster import build_network, register

AGENT = "tcp:127.0.0.1:6633"
FLOATING_IP = "203.0.113.100"
COOKIE = "0x9f3ec1d40a7e5b26"
"""Of 64 bits, as the agent draws one whenever it starts."""

_BROADCAST = "dl_src=02:00:00:00:99:99,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0806"
_PROTOCOLS: tuple[BridgeProtocols, ...] = ("OpenFlow10", "OpenFlow13", "OpenFlow14")

# As far as ovs-vswitchd sees of it: it listens, and says that it speaks OpenFlow 1.3.
_AGENT_PROGRAM = """\
import selectors, socket, struct, sys

listener = socket.create_server(("127.0.0.1", 6633))
waiting = selectors.DefaultSelector()
waiting.register(listener, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in waiting.select():
        if key.fileobj is listener:
            bridge, _ = listener.accept()
            bridge.sendall(struct.pack("!BBHI", 4, 0, 8, 1))
            waiting.register(bridge, selectors.EVENT_READ)
            continue
        said = key.fileobj.recv(65536)
        if not said:
            waiting.unregister(key.fileobj)
            key.fileobj.close()
        elif said[1] == 2:
            key.fileobj.sendall(said[:1] + b"\\x03" + said[2:])
"""

# What of systemctl(1) is asked for, for the two units that such a host has.
_SYSTEMCTL = """\
#!/bin/sh
here={directory}
unit() {{ echo "${{1%.service}}"; }}
running() {{ [ -e "$here/$1.pid" ] && kill -0 "$(cat "$here/$1.pid")" 2>/dev/null; }}
start() {{
  case $1 in
  ovn-controller) exec {controller} ;;
  neutron-openvswitch-agent)
    running "$1" && return
    {python} {directory}/neutron-openvswitch-agent >/dev/null 2>&1 </dev/null &
    echo $! >"$here/$1.pid" ;;
  *) exit 5 ;;
  esac
}}
stop() {{ running "$1" && kill "$(cat "$here/$1.pid")"; rm -f "$here/$1.pid"; }}
command=$1
shift
case $command in
show)
  name=$(unit "$2")
  loaded=not-found active=inactive enabled=
  [ "$name" = neutron-openvswitch-agent ] && loaded=loaded enabled=disabled
  [ -e "$here/$name.enabled" ] && enabled=enabled
  running "$name" && active=active
  printf 'LoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\n' "$loaded" "$active" "$enabled" ;;
enable) : >"$here/$(unit "$1").enabled" ;;
disable) name=$(unit "$2"); rm -f "$here/$name.enabled"; stop "$name" ;;
start) start "$(unit "$1")" ;;
*) echo "$command: not here" >&2; exit 1 ;;
esac
"""


@attrs.frozen
class Trace:
    """What Open vSwitch does with one broadcast that comes into the provider bridge from the wire."""

    passes: int
    """How often the packet goes through the provider bridge or br-int."""
    cut: bool
    """Whether only the limit of resubmits or of recursion has ended it."""
    reflected: bool
    """Whether it goes back out of where it came in."""


HEALTHY = Trace(passes=2, cut=False, reflected=False)


@attrs.frozen
class Gateway:
    """The host whose provider bridge leads outside."""

    lab: Lab
    host: Host
    bridge: str = "br-ex"

    @property
    def agent_ports(self) -> set[str]:
        return {agent_port_name("int-", self.bridge), agent_port_name("phy-", self.bridge)}

    @property
    def uplink(self) -> str:
        (name,) = (name for name in self.host.vsctl("list-ports", self.bridge).split() if name.startswith("up-"))
        return name

    def trace(self) -> Trace:
        uplink = self.uplink
        said = self.host.run(["ovs-appctl", "ofproto/trace", self.bridge, f"in_port={uplink},{_BROADCAST}"]).stdout
        actions = said.rpartition("Datapath actions: ")[2]
        number = self.host.run(
            f"ovs-appctl dpctl/show | sed -n 's/.*port \\([0-9]*\\): {uplink}$/\\1/p'"
        ).stdout.strip()
        assert number
        return Trace(
            passes=sum(said.count(f'bridge("{bridge}")') for bridge in (self.bridge, "br-int")),
            cut="over max translation depth" in said or "over 4096 resubmit" in said,
            reflected=number in actions.replace("\n", ",").split(","),
        )

    def frames(self) -> int:
        """How many frames pass the uplink within half a second, after one broadcast from outside."""
        self.lab.outside.ping("203.0.113.250", timeout=0.2)
        before = self._counted()
        time.sleep(0.5)
        return self._counted() - before

    def _counted(self) -> int:
        (link,) = json.loads(self.host.run(f"ip -j -s link show dev {self.uplink}").stdout)
        return int(link["stats64"]["rx"]["packets"] + link["stats64"]["tx"]["packets"])

    def datapath_port(self, name: str) -> str:
        """The number by which actions of the datapath name a port."""
        shown = self.host.run("ovs-appctl dpctl/show").stdout
        (number,) = (line.split()[1].rstrip(":") for line in shown.splitlines() if line.split()[2:3] == [name])
        return number

    def flows(self, bridge: str = "br-int") -> list[Flow]:
        dump = ["ovs-ofctl", "-O", ",".join((*_PROTOCOLS, "OpenFlow15")), "--no-stats", "--names", "dump-flows", bridge]
        return parse_flows(self.host.run(dump).stdout)

    def ovn_flows(self) -> int:
        """The flows that OVN has in br-int."""
        return len(of_ovn(self.flows()))

    def agent_flows(self) -> dict[str, int]:
        """The flows that the agent has, by bridge."""
        return {name: len(of_agent(self.flows(name))) for name in ("br-int", self.bridge)}

    def ports(self) -> dict[str, int | None]:
        """The OpenFlow numbers of all patch ports, read anew: a replica may be a moment behind what others do."""
        with VSwitch.connect(self.host.remote, timeout=10, monitor={Interface: None}) as vswitch:
            return {row.name: row.ofport for row in vswitch.find(Interface, type="patch")}

    def lay_agent_pair(self) -> None:
        """As the agent does when it starts (setup_physical_bridges): first with peers that are not there."""
        vswitch = self.host.vswitch
        inner, outer = (agent_port_name(prefix, self.bridge) for prefix in ("int-", "phy-"))
        for there in ("nonexistent-peer", None):
            with vswitch.transaction() as tx:
                tx.add_port("br-int", inner, type="patch", options={"peer": there or outer})
                tx.add_port(self.bridge, outer, type="patch", options={"peer": there or inner})
        vswitch.sync(timeout=10)

    def lay_agent_veths(self) -> None:
        """As the agent of Queens does with ``use_veth_interconnection``."""
        inner, outer = (agent_port_name(prefix, self.bridge) for prefix in ("int-", "phy-"))
        self.host.run(f"ip link add {inner} type veth peer name {outer}")
        self.host.run(f"ip link set {inner} up && ip link set {outer} up")
        with self.host.vswitch.transaction() as tx:
            tx.add_port("br-int", inner)
            tx.add_port(self.bridge, outer)
        self.host.vswitch.sync(timeout=10)

    def lay_tunnel_bridge(self) -> None:
        """br-tun with a tunnel to another host, patched to br-int."""
        with self.host.vswitch.transaction() as tx:
            tx.add_bridge("br-tun", datapath_type="netdev")
            tx.add_port("br-int", "patch-tun", type="patch", options={"peer": "patch-int"})
            tx.add_port("br-tun", "patch-int", type="patch", options={"peer": "patch-tun"})
            tx.add_port("br-tun", "vxlan-c0a80105", type="vxlan", options={"remote_ip": "192.168.1.5", "key": "flow"})
        self.host.vswitch.sync(timeout=10)

    def set_agent_controllers(self) -> None:
        """As the agent does with its bridges, which have no flows then but those that it sets."""
        vswitch = self.host.vswitch
        with vswitch.transaction() as tx:
            for bridge in tx.find(Bridge):
                if bridge.name in ("br-int", "br-tun", self.bridge):
                    ref = tx.insert(Controller(target=AGENT, connection_mode="out-of-band", inactivity_probe=10000))
                    tx.update(bridge, controller=[ref], fail_mode="secure", protocols=_PROTOCOLS)
        vswitch.sync(timeout=10)

    def set_agent_flows(self, cookie: str = COOKIE) -> None:
        """As the agent does next (cleanup_flows): every flow with another cookie goes, OVN's as well."""
        for bridge in ("br-int", self.bridge):
            self.host.run(
                f"ovs-ofctl -O {_PROTOCOLS[1]} del-flows {bridge} && ovs-ofctl -O {_PROTOCOLS[1]} add-flow {bridge}"
                f" cookie={cookie},priority=0,actions=NORMAL"
            )

    def restart_controller(self) -> None:
        """Restart ovn-controller and wait for its flows."""
        self.host.restart_controller()
        self.wait_ovn_flows()

    def wait_ovn_flows(self) -> None:
        deadline = time.monotonic() + 15
        while not self.ovn_flows():
            assert time.monotonic() < deadline, "ovn-controller has not installed its flows"
            time.sleep(0.02)
        self.lab.northbound.sync("hv", timeout=10)

    # -- the agent's service, and the host beyond its database -------------------------------------------------------

    @property
    def _services(self) -> Path:
        return self.host.directory / "services"

    def connected(self) -> bool:
        """Whether the agent's controller is connected to its bridges; it may take a moment."""
        deadline = time.monotonic() + 10
        while not all(row.is_connected for row in self.host.vswitch.find(Controller, target=AGENT)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def install_agent(self) -> None:
        """Put the agent on the host, with a unit that is enabled, and start it."""
        services = self._services
        services.mkdir()
        (services / "neutron-openvswitch-agent").write_text(_AGENT_PROGRAM)
        controller = [
            self.host.launcher.program("ovn-controller"), self.host.remote, "--pidfile", "--overwrite-pidfile",
            "--no-chdir", "-vconsole:off", "-vsyslog:off", "-vfile:info",
            f"--log-file={self.host.directory}/ovn-controller.log", "--detach",
        ]  # fmt: skip
        systemctl = services / "systemctl"
        systemctl.write_text(
            _SYSTEMCTL.format(directory=services, controller=shlex.join(controller), python=sys.executable)
        )
        systemctl.chmod(0o755)
        self.host.run([str(systemctl), "enable", "neutron-openvswitch-agent.service"])
        self.start_agent()

    def start_agent(self) -> None:
        self.host.run([str(self._services / "systemctl"), "start", "neutron-openvswitch-agent.service"])
        deadline = time.monotonic() + 10
        while not self.agent_listens():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop_agent(self) -> None:
        self.host.run([str(self._services / "systemctl"), "disable", "--now", "neutron-openvswitch-agent.service"])

    def agent_listens(self) -> bool:
        return "127.0.0.1:6633" in self.host.run("ss -ltnH").stdout

    def agent_unit(self) -> tuple[str, ...]:
        """Its states, as systemctl shows them."""
        shown = self.host.run([str(self._services / "systemctl"), "show", "--property=x", "neutron-openvswitch-agent"])
        return tuple(line.partition("=")[2] for line in shown.stdout.splitlines()[1:])

    @property
    def access(self) -> tuple[str, ...]:
        """The words that run a command on the host, with its own systemctl first on the path."""
        return (*self.host.access, f"PATH={self._services}:{self.host.launcher.environment['PATH']}")

    @property
    def spec(self) -> Spec:
        """The lab's, in which this host is reached beyond its database."""
        hosts: list[HostSpec] = [
            attrs.evolve(host, access=self.access) if host.name == self.host.name else host
            for host in self.lab.spec.hosts
        ]
        return attrs.evolve(self.lab.spec, hosts=hosts)

    def prepare(self, variant: Literal["patch", "veth"] = "patch") -> None:
        """As the agent leaves a host: its pair, controllers, restricted bridges, flows, and it runs."""
        if variant == "veth":
            self.lay_agent_veths()
        else:
            self.lay_agent_pair()
        self.lay_tunnel_bridge()
        self.install_agent()
        self.set_agent_controllers()
        self.set_agent_flows()


def lay_foreign_pairs(vswitch: VSwitch) -> None:
    """A pair between bridges without a mapping, and a trunk bridge of Neutron's patched to br-int."""
    pairs = {
        ("br-a", "a-to-b"): ("br-b", "b-to-a"),
        ("br-int", "tpi-0d2f1a33-5c"): ("tbr-8e1c2f44-b", "tpt-0d2f1a33-5c"),
        ("tbr-8e1c2f44-b", "spt-77ab10cd-e2"): ("br-int", "spi-77ab10cd-e2"),
    }
    with vswitch.transaction() as tx:
        for bridge in ("br-a", "br-b", "tbr-8e1c2f44-b"):
            tx.add_bridge(bridge, datapath_type="netdev")
        for (bridge, port), (other_bridge, other) in pairs.items():
            tx.add_port(bridge, port, type="patch", options={"peer": other})
            tx.add_port(other_bridge, other, type="patch", options={"peer": port})
    vswitch.sync(timeout=10)


@contextmanager
def running_gateway(bridge: str = "br-ex", *, registered: bool = True) -> Iterator[Gateway]:
    """The gateway of a virtual machine with a floating IP, which runs on another host.

    Without ``registered`` the gateway is no chassis yet, but has the integration bridge that the agent has made.
    """
    with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",), bridge_mappings={"ctl": {"physnet1": bridge}}) as lab:
        if registered:
            register(lab)
        else:
            lab.host("ctl").vswitch.add_bridge("br-int", datapath_type="netdev", fail_mode="secure")
            others = [host for host in lab.spec.hosts if host.name != "ctl"]
            assert deploy.plan(attrs.evolve(lab.spec, hosts=others)).apply()
        build_network(lab)
        vm = lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", gateway="10.0.0.1")
        lab.northbound.add_floating_ip("r", FLOATING_IP, vm.address)
        lab.northbound.sync("hv", timeout=10)
        if registered:
            lab.outside.wait_ping(FLOATING_IP)
        yield Gateway(lab, lab.host("ctl"), bridge)
