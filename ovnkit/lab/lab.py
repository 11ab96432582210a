"""The lab: real OVN on one machine, from nothing, in about a second."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING, Self, TypeVar

from ovnkit.errors import LabError
from ovnkit.lab import cleanup, requirements
from ovnkit.lab.addresses import UNDERLAY, host_address, interface_name, mac_address
from ovnkit.lab.attachment import MTU, Attachment
from ovnkit.lab.binaries import Binaries, versions
from ovnkit.lab.central import Central, CentralClients
from ovnkit.lab.fabric import NAMESPACE, Fabric
from ovnkit.lab.host import Host, HostPlan
from ovnkit.lab.metadata import MetadataResponder
from ovnkit.lab.namespaces import create
from ovnkit.lab.outside import Outside
from ovnkit.lab.processes import Launcher
from ovnkit.lab.specification import CentralSpec, lab_spec, member_spec
from ovnkit.lab.state import LabState
from ovnkit.lab.vm import VM, add_port, checked_address, port_mac
from ovnkit.northbound import LogicalSwitchPort

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from ipaddress import IPv4Network
    from pathlib import Path

    from ovnkit.deploy.spec import Spec
    from ovnkit.northbound import Northbound
    from ovnkit.southbound import Southbound

__all__ = ["Lab", "check"]

_OUTSIDE_NAMESPACE = "outside"
_STARTERS = ".binaries"
"""A name that no host may have."""
T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PHYSNET = "physnet1"
_PROVIDER_BRIDGE = "br-ex"
_AT_ONCE = 8


def check(binaries: str | os.PathLike[str] | None = None) -> None:
    """Raise MissingPrivilege or MissingBinary unless a lab can run here; each names the remedy.

    ``binaries``: a root directory with the release of Open vSwitch and OVN that it is to run, as for Lab.
    """
    requirements.check(_provided(None if binaries is None else Binaries.of(binaries)))


def _provided(binaries: Binaries | None) -> Collection[str]:
    return () if binaries is None else binaries.programs


class Lab:
    """Hosts with Open vSwitch and ovn-controller, NB, SB and ovn-northd on the first of them, and an outside network.

    It starts what a machine has before OVN is deployed on it: the hosts are registered by
    ``deploy.plan(lab.spec).apply()``. Gateways have a bridge ``br-ex`` that leads outside. All is removed when the
    block ends; when this program ends in any other way; and what even that has left, by the next start.

    ::

        with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",)) as lab:
            deploy.plan(lab.spec).apply()
            vm = lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24")
            assert vm.ping("10.0.0.1")
    """

    def __init__(
        self,
        hosts: Sequence[str] = ("ctl", "cmp1", "cmp2"),
        gateways: Iterable[str] = ("ctl",),
        *,
        name: str | None = None,
        bridge_mappings: Mapping[str, Mapping[str, str]] | None = None,
        members: Iterable[str] = (),
        binaries: str | os.PathLike[str] | None = None,
    ) -> None:
        """``name`` is part of the names of namespaces (a free one if None).

        ``bridge_mappings``: per host, provider networks and the bridges that lead to them; without it every gateway has
        ``{"physnet1": "br-ex"}``.

        ``members``: the hosts that are to run NB, SB and ovn-northd, which ``deploy.central.create(lab.spec)`` then
        starts; without them the lab starts these on its first host.

        ``binaries``: a root directory with another release of Open vSwitch and OVN, such as debootstrap makes; the
        installed one if None. Raises MissingBinary where it lacks a program, LabError where it is no root.

        Nothing is started before ``start()`` or ``with``.
        """
        self._binaries = None if binaries is None else Binaries.of(binaries)
        self._gateways = tuple(gateways)
        if bridge_mappings is None:
            bridge_mappings = {gateway: {_PHYSNET: _PROVIDER_BRIDGE} for gateway in self._gateways}
        self._mappings = {host: dict(bridge_mappings.get(host, {})) for host in hosts}
        self._members = tuple(members)
        _check_names(hosts, {*self._gateways, *bridge_mappings, *self._members})
        self._wanted_name = name
        self._wanted_spec: Spec | None = None
        self._state: LabState | None = None
        self._lifeline: cleanup.Lifeline | None = None
        self._central: CentralClients | None = None
        self._outside: Outside | None = None
        self._hosts: dict[str, Host] = {}
        self._vms: dict[str, VM] = {}
        self._responders: list[MetadataResponder] = []

    @classmethod
    def from_spec(cls, spec: Spec, *, name: str | None = None, binaries: str | os.PathLike[str] | None = None) -> Self:
        """A lab with the hosts of a deployment spec; ``lab.spec`` is that spec with the lab's own addresses."""
        lab = cls(
            [host.name for host in spec.hosts],
            [host.name for host in spec.hosts if host.gateway],
            name=name,
            bridge_mappings={host.name: dict(host.bridge_mappings) for host in spec.hosts},
            members=[member.host for member in spec.central.members],
            binaries=binaries,
        )
        lab._wanted_spec = spec
        return lab

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start everything. Raises MissingBinary, MissingPrivilege, LabError or ServerFailed; nothing is left then."""
        if self._state is not None:
            raise LabError(f"lab {self.name} is started")
        requirements.check(_provided(self._binaries))
        cleanup.remove_abandoned()
        try:
            self._state = LabState.create(self._wanted_name)
            self._lifeline = cleanup.Lifeline(self._state)
            self._build(self._state)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Remove everything, unless it was asked to ``keep()``; a lab that is not started is left alone."""
        for part in (*self._hosts.values(), self._central):
            if part is not None:
                part.close()
        # Forgotten only when it is gone: an interrupted removal is done again, here or by the lifeline.
        if self._state is not None and not self._state.kept:
            cleanup.remove(self._state)
        self._state = None
        if self._lifeline is not None:
            self._lifeline.release()
            self._lifeline = None
        self._hosts, self._vms, self._responders = {}, {}, []
        self._central = self._outside = None

    def keep(self) -> None:
        """Leave everything running after this program; ``lab.down()`` (``ovnkit lab down``) removes it."""
        self._started.keep()

    def _build(self, state: LabState) -> None:
        names = list(self._mappings)
        create(state, [NAMESPACE, _OUTSIDE_NAMESPACE, *names])
        fabric = Fabric(state)
        physnets = tuple(dict.fromkeys(physnet for mapping in self._mappings.values() for physnet in mapping))
        for name, mapping in self._mappings.items():
            fabric.wire(name, {interface_name("up-", bridge): physnet for physnet, bridge in mapping.items()})
        fabric.wire_outside(_OUTSIDE_NAMESPACE, physnets[0] if physnets else _PHYSNET)
        fabric.build(physnets or (_PHYSNET,))
        management = fabric.join_management()
        directories = [state.directory / member for member in self._members or names[:1]]
        release = {} if self._binaries is None else self._binaries.environment(state.directory / _STARTERS)
        variables = {**release, **CentralClients(directories).variables}
        for index, name in enumerate(names):
            self._hosts[name] = _host(state, self._plan(name, index, management), variables)
        if self._members:
            self._central = CentralClients(directories)
        else:
            central = self._hosts[names[0]]
            self._central = Central(central.launcher, directories[0], central.management_address)
        outside = Launcher(state, state.prefix + _OUTSIDE_NAMESPACE, variables)
        self._outside = Outside(_OUTSIDE_NAMESPACE, outside, state.directory)
        for host in self._hosts.values():
            host.prepare()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ovnkit lab") as pool:
            outcomes = [pool.submit(host.start_all) for host in self._hosts.values()]
            outcomes += [pool.submit(self._central.start_all), pool.submit(self._outside.start_all)]
            _all_done(outcomes)
            plans = [host.plan for host in self.hosts]
            _all_done(
                [pool.submit(host.know, [plan for plan in plans if plan is not host.plan]) for host in self.hosts]
            )

    def _plan(self, name: str, index: int, management: IPv4Network) -> HostPlan:
        return HostPlan(
            name=name,
            management=IPv4Interface((host_address(management, index), management.prefixlen)),
            encap=IPv4Interface((host_address(UNDERLAY, index), UNDERLAY.prefixlen)),
            uplinks={bridge: interface_name("up-", bridge) for bridge in self._mappings[name].values()},
        )

    # -- what is in it ---------------------------------------------------------------------------------------------

    @property
    def _started(self) -> LabState:
        if self._state is None:
            raise LabError("the lab is not started; use it in a with block")
        return self._state

    @property
    def name(self) -> str:
        """Its name; namespaces are called ``ovnkit-NAME-…``."""
        return self._started.name

    @property
    def directory(self) -> Path:
        """Where its databases, sockets and logs are."""
        return self._started.directory

    @property
    def versions(self) -> tuple[str, str]:
        """The versions of its OVN and of its Open vSwitch."""
        return versions(self.hosts[0].launcher.environment)

    @property
    def central(self) -> Central:
        """NB, SB and ovn-northd. Raises LabError where members are to run them."""
        central = self._clients
        if not isinstance(central, Central):
            raise LabError("this lab starts no central services; deploy.central.create(lab.spec) does")
        return central

    @property
    def _clients(self) -> CentralClients:
        if self._central is None:
            raise LabError("the lab is not started; use it in a with block")
        return self._central

    @property
    def northbound(self) -> Northbound:
        """A client of NB, the same one every time. Raises ConnectionFailed or Timeout."""
        return self._clients.northbound

    @property
    def southbound(self) -> Southbound:
        """A client of SB, the same one every time. Raises ConnectionFailed or Timeout."""
        return self._clients.southbound

    @property
    def outside(self) -> Outside:
        """The host on the outside network."""
        if self._outside is None:
            raise LabError("the lab is not started; use it in a with block")
        return self._outside

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts; the central services are on the first."""
        return tuple(self._hosts.values())

    @property
    def vms(self) -> tuple[VM, ...]:
        """All virtual machines."""
        return tuple(self._vms.values())

    def host(self, name: str) -> Host:
        """The host of that name. Raises LabError."""
        return _named(self._hosts, name, "host")

    def vm(self, name: str) -> VM:
        """The virtual machine of that name. Raises LabError."""
        return _named(self._vms, name, "virtual machine")

    # -- virtual machines and metadata -----------------------------------------------------------------------------

    def add_vm(
        self,
        name: str,
        *,
        host: str,
        switch: str | None = None,
        port: str | None = None,
        address: str | None = None,
        dhcp: bool = False,
        gateway: str | None = None,
        routes: Mapping[str, str] | None = None,
        mac: str | None = None,
        mtu: int = MTU,
        wait: bool = True,
        timeout: float = 30.0,
    ) -> VM:
        """Start a virtual machine on a host, behind the logical port ``port`` (``name`` if None).

        A port that NB does not have yet is made on ``switch``: with ``address`` (``10.0.0.5/24``), else with one that
        OVN chooses. The machine gets ``address``, ``gateway`` and ``routes`` (destination: gateway) set, or with
        ``dhcp`` whatever OVN answers to a DHCP client. ``wait``: until OVN says that the port is up, for at most
        ``timeout`` seconds.

        Raises LabError, NotFound for a switch that NB does not have, Timeout.
        """
        if not _NAME.fullmatch(name):
            raise LabError(f"name {name!r}: letters, digits, and -_. are allowed")
        at = self.host(host)
        at.check_registered()
        wanted = checked_address(address) if address is not None else None
        port = port or name
        northbound = self.northbound
        if not northbound.find(LogicalSwitchPort, name=port):
            if switch is None:
                raise LabError(f"NB has no port {port}; add it, or name the switch that it belongs to")
            mac = mac or mac_address(port)
            add_port(northbound, switch, port, mac=mac, address=wanted, dhcp=dhcp)
        vm = self._vm(name, at, port, mac or port_mac(northbound, port) or mac_address(port))
        try:
            vm.plug(address=None if dhcp else address, gateway=gateway, routes=routes or {}, mtu=mtu)
            if wait or dhcp:
                northbound.wait(LogicalSwitchPort, name=port, up=True, timeout=timeout)
            if dhcp:
                vm.obtain_lease(timeout=timeout)
        except BaseException:
            self._discard(vm)
            raise
        self._vms[name] = vm
        return vm

    def remove_vm(self, name: str) -> None:
        """Remove a virtual machine; its logical port stays, unbound. Raises LabError when there is none."""
        self._discard(self.vm(name))
        del self._vms[name]

    def _vm(self, name: str, host: Host, port: str, mac: str) -> VM:
        state = self._started
        create(state, [name])
        launcher = Launcher(state, state.prefix + name)
        directory = state.directory / f"vm-{name}"
        directory.mkdir(exist_ok=True)
        attachment = Attachment(launcher, host, interface_name("v-", name), mac)
        return VM(name, launcher, directory, port=port, attachment=attachment)

    def _discard(self, vm: VM) -> None:
        vm.unplug()
        cleanup.remove_namespace(self._started, vm.namespace)
        shutil.rmtree(vm.directory)

    def add_metadata(self, port: str, *, address: str, hosts: Iterable[str] | None = None) -> None:
        """Answer on 169.254.169.254 behind a localport of NB, on each host (or the named ones).

        ``address`` is that of the localport in its network, with prefix length (``10.0.0.2/24``). Raises LabError.
        """
        state = self._started
        checked_address(address)
        mac = port_mac(self.northbound, port)
        if mac is None:
            raise LabError(f"NB has no port {port} with a MAC address; add the metadata port first")
        for name in self._hosts if hosts is None else hosts:
            label = f"metadata-{port}-{name}"
            host = self.host(name)
            create(state, [label])
            launcher = Launcher(state, state.prefix + label)
            directory = state.directory / label
            directory.mkdir()
            attachment = Attachment(launcher, host, interface_name("md-", port), mac)
            responder = MetadataResponder(label, launcher, directory, port=port, attachment=attachment)
            responder.start_all(address)
            self._responders.append(responder)

    # -- deployment ------------------------------------------------------------------------------------------------

    @property
    def spec(self) -> Spec:
        """What ``deploy`` gets: the lab's hosts with the addresses that they have here."""
        return lab_spec(
            self._hosts,
            central=self._central_spec,
            gateways=self._gateways,
            mappings=self._mappings,
            wanted=self._wanted_spec,
        )

    @property
    def _central_spec(self) -> CentralSpec:
        if isinstance(self._clients, Central):
            northbound, southbound = self.central.northbound_remote, self.central.southbound_remote
            return CentralSpec(northbound=northbound, southbound=southbound, insecure=True)
        wanted = None if self._wanted_spec is None else self._wanted_spec.central
        return member_spec([self.host(member) for member in self._members], wanted)


def _all_done(outcomes: Iterable[Future[None]]) -> None:
    """Wait for work and raise the first error of it."""
    for outcome in outcomes:
        outcome.result()


def _host(state: LabState, plan: HostPlan, variables: Mapping[str, str]) -> Host:
    directory = state.directory / plan.name
    directory.mkdir(exist_ok=True)
    kinds = ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")
    own = {f"{family}_{kind}": str(directory) for family in ("OVS", "OVN") for kind in kinds}
    return Host(plan, Launcher(state, state.prefix + plan.name, {**own, **variables}), directory)


def _check_names(hosts: Sequence[str], named: Iterable[str]) -> None:
    if not hosts:
        raise LabError("a lab needs at least one host")
    for name in hosts:
        if not _NAME.fullmatch(name) or name in (NAMESPACE, _OUTSIDE_NAMESPACE):
            raise LabError(
                f"host name {name!r}: letters, digits, and -_. are allowed, and not {NAMESPACE} or {_OUTSIDE_NAMESPACE}"
            )
        if list(hosts).count(name) > 1:
            raise LabError(f"host {name} is named twice")
    unknown = sorted(set(named) - set(hosts))
    if unknown:
        raise LabError(f"{', '.join(unknown)} is not among the hosts: {', '.join(hosts)}")


def _named(things: Mapping[str, T], name: str, kind: str) -> T:
    try:
        return things[name]
    except KeyError:
        raise LabError(f"the lab has no {kind} {name}; there are: {', '.join(things) or 'none'}") from None
