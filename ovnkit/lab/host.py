"""A host of the lab: its namespace, its Open vSwitch and its ovn-controller."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from ovnkit.errors import LabError
from ovnkit.lab.addresses import mac_address
from ovnkit.lab.endpoint import Endpoint
from ovnkit.lab.namespaces import configure
from ovnkit.lab.processes import Daemon
from ovnkit.lab.state import MARKER
from ovnkit.ovsdb.server import Server, enter_namespace, find_schema
from ovnkit.vswitch import VSwitch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Interface
    from pathlib import Path

    from ovnkit.lab.processes import Launcher

__all__ = ["MANAGEMENT", "UNDERLAY", "Host", "HostPlan"]

_INTEGRATION_BRIDGE = "br-int"
_UNDERLAY_BRIDGE = "br-phy"
UNDERLAY = "underlay"
MANAGEMENT = "mgmt"

_CONFIGURATION_SECONDS = 15


@attrs.frozen(kw_only=True)
class HostPlan:
    """What makes one host: its addresses, and the bridges that lead to provider networks."""

    name: str
    management: IPv4Interface
    encap: IPv4Interface
    uplinks: dict[str, str] = attrs.field(factory=dict)
    """Bridge name: the interface that leads from it to the provider network."""

    mtu: int = 1500

    @property
    def mac(self) -> str:
        """The MAC address behind its tunnel address."""
        return mac_address(f"{_UNDERLAY_BRIDGE} of {self.name}")


class Host(Endpoint):
    """One host, as before deployment: Open vSwitch runs with its bridges, ovn-controller waits to be configured."""

    def __init__(self, plan: HostPlan, launcher: Launcher, directory: Path) -> None:
        super().__init__(plan.name, launcher, directory)
        self.plan = plan
        self._lock = threading.Lock()
        self._client: VSwitch | None = None
        self.server = Server(
            directory / "conf.db",
            find_schema("vswitch.ovsschema", launcher.environment),
            run_dir=directory,
            name="db",
            extra_remotes=["db:Open_vSwitch,Open_vSwitch,manager_options"],
            namespace=launcher.namespace,
            env=launcher.environment,
            die_with_parent=False,
        )
        logging = ("--pidfile", "--overwrite-pidfile", "--no-chdir", "-vconsole:info", "-vsyslog:off")
        self.vswitchd = Daemon(
            launcher,
            [launcher.program("ovs-vswitchd"), self.server.remote, "--disable-system", *logging],
            log=directory / "ovs-vswitchd.log",
        )
        self.controller = Daemon(
            launcher,
            [launcher.program("ovn-controller"), self.server.remote, *logging],
            log=directory / "ovn-controller.log",
        )

    @property
    def remote(self) -> str:
        """Where its Open_vSwitch database is reached from this machine."""
        return self.server.remote

    @property
    def access(self) -> tuple[str, ...]:
        """The words before a command that run it here, for ``HostSpec.access`` and ``deploy.open_host``."""
        mine = {**self.launcher.variables, MARKER: self.launcher.state.token}
        return (*enter_namespace(self.namespace), "env", *(f"{name}={value}" for name, value in mine.items()))

    @property
    def management_address(self) -> str:
        """The address on the management network, where databases listen and ovn-remote points to."""
        return str(self.plan.management.ip)

    @property
    def encap_address(self) -> str:
        """The address that geneve packets go to; it is on ``br-phy``."""
        return str(self.plan.encap.ip)

    @property
    def vswitch(self) -> VSwitch:
        """A client of its Open_vSwitch database, the same one every time. Raises ConnectionFailed or Timeout."""
        with self._lock:
            if self._client is None:
                self._client = VSwitch.connect(self.remote)
            return self._client

    def prepare(self) -> None:
        """Bring its interfaces up, with the management address."""
        plan = self.plan
        up = [f"link set {name} mtu {plan.mtu} up" for name in (MANAGEMENT, UNDERLAY, *plan.uplinks.values())]
        configure(self.namespace, [f"address add {plan.management} dev {MANAGEMENT}", *up])

    def start_all(self) -> None:
        """Start Open vSwitch with the bridges that belong to the machine, and ovn-controller, not yet configured."""
        plan = self.plan
        self.server.start()
        self.vswitchd.start()
        self._add_bridges({_UNDERLAY_BRIDGE: UNDERLAY, **plan.uplinks})
        self.vsctl("set", "Bridge", _UNDERLAY_BRIDGE, f"other_config:hwaddr={_quoted(plan.mac)}")
        configure(
            self.namespace,
            [f"address add {plan.encap} dev {_UNDERLAY_BRIDGE}", f"link set {_UNDERLAY_BRIDGE} mtu {plan.mtu} up"],
        )
        self.controller.start()

    def know(self, neighbours: Iterable[HostPlan]) -> None:
        """Tell Open vSwitch the MAC addresses behind the tunnel addresses of other hosts.

        Userspace tunnels drop packets until their neighbour has answered ARP, where the kernel would queue them.
        """
        appctl = self.launcher.program("ovs-appctl")
        commands = [f"{appctl} tnl/neigh/set {_UNDERLAY_BRIDGE} {other.encap.ip} {other.mac}" for other in neighbours]
        self.run(" && ".join(commands) or "true")

    def close(self) -> None:
        """Close the client, if there is one."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _add_bridges(self, uplinks: dict[str, str]) -> None:
        # As ovs-ctl does when a machine starts; without it every chassis would have this machine's name.
        commands = ["--", "set", "Open_vSwitch", ".", f"external_ids:hostname={self.name}"]
        for bridge, interface in uplinks.items():
            commands += ["--", "--may-exist", "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev"]
            commands += ["--", "--may-exist", "add-port", bridge, interface]
        self.vsctl(*commands[1:])

    def vsctl(self, *arguments: str) -> str:
        """What ``ovs-vsctl`` prints; it returns when ovs-vswitchd has done what was asked. Raises LabError."""
        timeout = f"--timeout={_CONFIGURATION_SECONDS}"
        return self.run([self.launcher.program("ovs-vsctl"), timeout, *arguments]).stdout.strip()

    @property
    def integration_bridge(self) -> str:
        """The bridge that ovn-controller(8) uses: ``br-int``, unless ``ovn-bridge`` names another."""
        return self._setting("ovn-bridge") or _INTEGRATION_BRIDGE

    def check_registered(self) -> None:
        """Raise LabError unless the host is registered as a chassis and has its integration bridge."""
        if not self._setting("ovn-remote") or self.integration_bridge not in self.vsctl("list-br").split():
            raise LabError(f"host {self.name} is no chassis yet; register it first: deploy.plan(lab.spec).apply()")

    def _setting(self, key: str) -> str:
        return self.vsctl("--if-exists", "get", "Open_vSwitch", ".", f"external_ids:{key}").strip('"')

    def plug(self, interface: str, iface_id: str, mac: str) -> None:
        """Make an interface of this host the one that a logical port is bound to (its ``iface-id``).

        Raises LabError when the host has no integration bridge.
        """
        bridge = self.integration_bridge
        ids = [f"external_ids:iface-id={iface_id}", f"external_ids:attached-mac={_quoted(mac)}"]
        self.vsctl(
            "--may-exist", "add-port", bridge, interface, "--", "set", "Interface", interface, *ids,
            "external_ids:iface-status=active",
        )  # fmt: skip

    def unplug(self, interface: str) -> None:
        """Take an interface out of the integration bridge; one that is not there is left alone."""
        self.vsctl("--if-exists", "del-port", interface)

    def restart_controller(self) -> None:
        """Restart ovn-controller as a package upgrade does: it leaves flows and SB rows and takes them up again.

        See ovn-controller(8), ``exit --restart``.
        """
        if self.controller.running:
            self.run([self.launcher.program("ovn-appctl"), "-t", "ovn-controller", "exit", "--restart"])
            self.controller.process.wait(_CONFIGURATION_SECONDS)
            self.controller.stop()
        self.controller.start()


def _quoted(text: str) -> str:
    """A string for ovs-vsctl, to which a colon would be the mark between key and value."""
    return f'"{text}"'
