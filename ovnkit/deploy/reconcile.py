"""Putting the patch ports of a host in order: what has to be before, in which order, and a look for a re-creator."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs

from ovnkit.deploy.agent import AGENT_CONTROLLER, AgentProcesses, find_agent, find_veths
from ovnkit.deploy.daemons import START_CONTROLLER, controller_runs, restart_controller, start_controller
from ovnkit.deploy.flows import agent_cookies, dump_flows, of_agent, of_ovn
from ovnkit.deploy.port_report import ReconcileReport, port_outcomes
from ovnkit.deploy.remains import agent_bridges
from ovnkit.deploy.sequence import Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict
from ovnkit.remote import Tls
from ovnkit.vswitch.client import VSwitchTransaction
from ovnkit.vswitch.patch_ports import PatchPort, agent_port_name, classify
from ovnkit.vswitch.patch_state import HostState
from ovnkit.vswitch.patching import host_state
from ovnkit.vswitch.rows import Bridge, Port

__all__ = ["STOP_BY_HAND", "WATCH", "Reconciliation", "missing_pairs", "reconcile"]

WATCH: Final = 5.0
"""For how long a host is looked at, in seconds, for somebody who makes again what was removed."""

STOP_BY_HAND: Final = "systemctl disable --now neutron-openvswitch-agent"
_RESTART_BY_HAND: Final = "ovn-appctl -t ovn-controller exit --restart; systemctl start ovn-controller"
_PAUSE: Final = 0.1
_COMMENT: Final = "ovnkit reconciles the patch ports"


def reconcile(
    spec: Spec,
    host: str,
    *,
    tls: Tls | None = None,
    timeout: float = 60.0,
    watch: float = WATCH,
    force: bool = False,
    start: Sequence[str] = START_CONTROLLER,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> ReconcileReport:
    """Remove the patch ports beside OVN's own from one host, and have its bridges work without OpenStack's agent.

    The agent has to be stopped and disabled, and OVN's own pairs have to be up. Then the agent's pairs go, those of
    kernel veth as well, the mapped bridges get what ``VSwitch.reconcile_patch_ports()`` gives them, and ovn-controller
    is restarted where the integration bridge lacks OVN's flows, or has the agent's: it ends by ``exit --restart``, and
    ``start`` is the command that starts it again, empty where something on the host does that by itself. At last
    nothing of it may come back for ``watch`` seconds. OVN's live ports keep their OpenFlow numbers; what is foreign, of
    trunks, or between bridges that are not mapped stays.

    Interrupted, it goes on where it was when it is run again; ``timeout`` (seconds) holds for each step. ``force``
    goes on while an agent runs, without OVN's pairs, and without access to the host as far as the database leads.

    The report says of every patch port what it is, and why it was removed or kept; a step without access to the host
    fails as NeedsHost. Raises KeyError for a host that the spec does not have, and ConnectionFailed, Timeout or
    HostFailed where the host or Southbound cannot be read.
    """
    with Site(spec, host, tls=tls, timeout=timeout) as on:
        work = Reconciliation(on, watch=watch, force=force, start=start)
        title = f"{host}: patch ports in order"
        if dry_run:
            report = foresee(title, work.steps())
        else:
            report = carry_out(title, work.steps(), timeout=timeout, progress=progress)
        ports = port_outcomes(work.before, work.names(), {"agent-veth"}, dry_run=dry_run)
        return ReconcileReport(report.title, report.steps, ports)


def missing_pairs(host: HostState, found: Iterable[PatchPort]) -> list[str]:
    """The logical ports whose pair ovn-controller has to make and has not, or without port numbers.

    But for those that an imposter keeps it from making, as long as that is there.
    """
    ports = list(found)
    up = Counter(port.lport for port in ports if port.kind == "ovn-live" and (port.ofport or 0) > 0)
    blocked = {port.lport for port in ports if port.kind == "ovn-imposter" and port.removable}
    wanted = {lport for lport, physnet in (host.wanted or {}).items() if physnet in host.mappings}
    return sorted(lport for lport in wanted - blocked if up[lport] != 2)


class Reconciliation:
    """The steps for one host. ``mappings``: those that the host does not have yet."""

    def __init__(
        self,
        on: Site,
        *,
        watch: float,
        force: bool,
        start: Sequence[str],
        mappings: Mapping[str, str] | None = None,
    ) -> None:
        self.on = on
        self.vs = on.vs
        self.seconds = watch
        self.force = force
        self.start = tuple(start)
        self.mappings = dict(mappings or {})
        self.before = classify(attrs.evolve(self.state(), spare_uplinks=False))
        self.changed = False
        self.calm = False
        self.cookies = self.agent_cookies()

    def steps(self) -> list[Step]:
        """All of them, in their order."""
        if self.force:
            return [*self.controller_steps(), *self.port_steps()]
        agent = Step("no OpenStack agent runs, or will", self.is_agent_gone, self.refuse)
        own = Step("OVN's patch ports are there, with port numbers", self.is_connected, seen=self.unconnected)
        return [agent, *self.controller_steps(), own, *self.port_steps()]

    def controller_steps(self) -> list[Step]:
        """What an interrupted restart of ovn-controller may have left to do; nothing where nobody can be asked."""
        if self.force and self.on.host.access is None:
            return []
        return [Step("ovn-controller runs", self.controller_runs, self.start_controller)]

    def port_steps(self) -> list[Step]:
        """What follows when the agent is stopped and OVN's own pairs are up."""
        steps = [
            Step("no veth pairs of the agent's", self.is_without_veths, self.remove_veths),
            Step("no patch ports beside OVN's, bridges without the agent", self.is_reconciled, self.reconcile),
            Step(f"OVN's flows alone are in {self.br_int}", self.has_flows, self.restart, self.flows_seen),
        ]
        if not self.force:
            steps.append(Step("each network has its patch ports", self.is_connected, seen=self.unconnected))
        return [*steps, Step("nobody makes them again", self.is_calm, self.watch)]

    # -- what is there -----------------------------------------------------------------------------------------------

    @property
    def br_int(self) -> str:
        """The name of the integration bridge."""
        return self.vs.chassis_config().integration_bridge

    def state(self) -> HostState:
        """What the classification looks at, with the mappings that are to come."""
        state = host_state(self.vs, self.on.sb)
        return attrs.evolve(state, mappings={**self.mappings, **state.mappings})

    def found(self) -> tuple[PatchPort, ...]:
        """Every patch port as it is now."""
        return classify(self.state())

    def names(self) -> set[str]:
        """The names of all ports."""
        return {row.name for row in self.vs.find(Port)}

    def agent_cookies(self) -> frozenset[int]:
        """The cookies of the agent's flows, from the bridges in which OVN sets none."""
        if self.on.host.access is None:
            return frozenset()
        state = self.state()
        host = self.on.beyond("reading flows", f"ovs-ofctl dump-flows {state.br_int}")
        names = [bridge.name for bridge in agent_bridges(state, self.before, {}) if bridge.name != state.br_int]
        return agent_cookies(dump_flows(host, name) for name in names)

    # -- the agent ---------------------------------------------------------------------------------------------------

    def agent(self) -> AgentProcesses:
        """What runs or starts of the agent. Raises NeedsHost, HostFailed."""
        return find_agent(self.on.beyond("looking whether the OpenStack agent runs", STOP_BY_HAND))

    def connected(self) -> list[str]:
        """The bridges that are connected to the agent."""
        state = self.state()
        concerned = {state.br_int, *state.mappings.values()}
        return [
            bridge.name
            for bridge in state.bridges
            if bridge.name in concerned and bridge.controllers.get(AGENT_CONTROLLER)
        ]

    def is_agent_gone(self) -> bool:
        """Whether none runs, none will start, and none is connected."""
        return self.agent().gone and not self.connected()

    def agent_seen(self) -> str:
        """What there is of the agent, in words."""
        bridges = self.connected()
        connected = f", {', '.join(bridges)} connected to {AGENT_CONTROLLER}" if bridges else ""
        return f"{self.agent()}{connected}"

    def refuse(self) -> None:
        """Raise Conflict: it has to be stopped first."""
        raise Conflict(
            "agent running",
            f"{self.agent_seen()}: it would put its ports and flows back. Stop and disable it: {STOP_BY_HAND}",
        )

    # -- ovn-controller ----------------------------------------------------------------------------------------------

    def controller_runs(self) -> bool:
        """Whether ovn-controller runs."""
        return controller_runs(self.on.beyond("looking for ovn-controller", _RESTART_BY_HAND))

    def start_controller(self) -> None:
        """Start ovn-controller."""
        host = self.on.beyond("starting ovn-controller", _RESTART_BY_HAND)
        start_controller(host, self.start, timeout=self.on.timeout)

    # -- OVN's pairs -------------------------------------------------------------------------------------------------

    def is_connected(self) -> bool:
        """Whether each network has OVN's patch ports, with numbers."""
        return not missing_pairs(self.state(), self.found())

    def unconnected(self) -> str:
        """Which have not, in words."""
        missing = ", ".join(missing_pairs(self.state(), self.found()))
        return f"of {missing} they are not; does ovn-controller run there?"

    # -- veth pairs --------------------------------------------------------------------------------------------------

    def veth_ports(self) -> list[PatchPort]:
        """The agent's veth ports in bridges."""
        return [port for port in self.found() if port.kind == "agent-veth"]

    def veth_links(self) -> list[str]:
        """The kernel's links that have the agent's names."""
        if self.on.host.access is None:
            return []
        state = self.state()
        bridges = sorted(set(state.mappings.values()) - {state.br_int})
        names = {agent_port_name(prefix, bridge) for bridge in bridges for prefix in ("int-", "phy-")}
        veths = find_veths(self.on.beyond("looking for veth pairs", "ip link show type veth"))
        return sorted(names & veths.keys())

    def is_without_veths(self) -> bool:
        """Whether no veth pair of the agent's is left, in a bridge or in the kernel."""
        return not self.veth_ports() and not self.veth_links()

    def remove_veths(self) -> None:
        """Take them out of the bridges, both ends at once, and delete them."""
        names = sorted({port.port for port in self.veth_ports()} | set(self.veth_links()))
        by_hand = "; ".join(f"ip link delete {name}" for name in names)
        host = self.on.beyond("removing veth pairs", by_hand)

        def body(tx: VSwitchTransaction) -> None:
            for port in self.veth_ports():
                tx.remove_port(port.bridge, port.port)

        self.changed = True
        self.vs.transact(body, _COMMENT, durable=True)
        # With one end the other goes as well.
        while links := self.veth_links():
            host.run(["ip", "link", "delete", links[0]])

    # -- patch ports and bridges -------------------------------------------------------------------------------------

    def is_reconciled(self) -> bool:
        """Whether no patch port is beside OVN's. Raises Conflict where one has to stay."""
        return not self.vs.reconcile_patch_ports(self.on.sb, force=self.force, dry_run=True)

    def reconcile(self) -> None:
        """Remove them."""

        def body(tx: VSwitchTransaction) -> None:
            tx.reconcile_patch_ports(self.on.sb, force=self.force)

        self.changed = True
        self.vs.transact(body, _COMMENT, durable=True)
        self.vs.sync(timeout=self.on.timeout)

    # -- flows -------------------------------------------------------------------------------------------------------

    def flows(self) -> tuple[int, int]:
        """How many flows OVN has in the integration bridge, and how many the agent has."""
        host = self.on.beyond(f"looking for OVN's flows in {self.br_int}", _RESTART_BY_HAND)
        flows = dump_flows(host, self.br_int) if self.vs.find(Bridge, name=self.br_int) else []
        return len(of_ovn(flows, self.cookies)), len(of_agent(flows, self.cookies))

    def has_flows(self) -> bool:
        """Whether OVN's flows are in the integration bridge, and none of the agent's."""
        if self.force and self.on.host.access is None:
            return True
        of_ovn, of_agent = self.flows()
        return of_ovn > 0 and not of_agent

    def flows_seen(self) -> str:
        """Whose flows are there, in words."""
        of_ovn, of_agent = self.flows()
        return f"OVN has {of_ovn} and the agent {of_agent}; does ovn-controller run there?"

    def restart(self) -> None:
        """Restart ovn-controller, which sets all of its flows anew."""
        host = self.on.beyond("restarting ovn-controller", _RESTART_BY_HAND)
        restart_controller(host, self.start, timeout=self.on.timeout)

    # -- a re-creator ------------------------------------------------------------------------------------------------

    def is_calm(self) -> bool:
        """Whether nothing was changed, or nothing came back since."""
        return self.calm or not self.changed

    def watch(self) -> None:
        """Look for whatever comes back. Raises Conflict."""
        deadline = time.monotonic() + self.seconds
        while True:
            back = [port.port for port in self.found() if port.removable or port.kind in ("agent", "agent-veth")]
            if back:
                raise Conflict("made again", f"{', '.join(back)} came back; who makes them? {self.who()}")
            if time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        if not self.has_flows():
            raise Conflict("flows lost again", f"{self.flows_seen()} {self.who()}")
        self.calm = True

    def who(self) -> str:
        """What there is of the agent, in words, where that can be seen."""
        return "" if self.on.host.access is None else f"Of the agent there is: {self.agent_seen()}"
