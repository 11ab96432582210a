"""Taking a host over from ML2/OVS: what OpenStack's Open vSwitch agent left is written down and removed.

The integration bridge is without flows from when the agent has stopped until ovn-controller has its own in: with the
agent's flows, which switch by MAC addresses, OVN's patch ports beside the agent's are a loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Final

import attrs

from ovnkit.deploy.agent import (
    AGENT_CONTROLLER,
    AgentProcesses,
    Namespace,
    find_agent,
    find_namespaces,
    find_veths,
    stop_service,
)
from ovnkit.deploy.configure import configure
from ovnkit.deploy.daemons import START_CONTROLLER
from ovnkit.deploy.flows import dump_flows, of_agent, of_ovn, remove_flows
from ovnkit.deploy.give_back import give_back
from ovnkit.deploy.port_report import ReconcileReport, port_outcomes
from ovnkit.deploy.reconcile import STOP_BY_HAND, WATCH, Reconciliation
from ovnkit.deploy.remains import AGENT_KINDS, Remains, remains_of, tunnel_bridge
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.site import Site
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.deploy.take_over_record import TakenOver, TakeOverRecord, read_take_over
from ovnkit.deploy.verify import Verification, verify
from ovnkit.errors import Conflict
from ovnkit.remote import Tls
from ovnkit.southbound.rows import Chassis
from ovnkit.vswitch.client import VSwitchTransaction
from ovnkit.vswitch.direct import ChassisDraft
from ovnkit.vswitch.rows import Bridge, Controller

__all__ = ["TakeOverReport", "take_over"]

_COMMENT: Final = "ovnkit takes the host over"


@attrs.frozen
class TakeOverReport(ReconcileReport):
    """The steps, every patch port, and the namespaces of Neutron's other agents that are left.

    ``verification`` is what the host looked like at last, None where it did not come to that; ``given_back`` is what
    became of giving the host back, None where that was not called for.
    """

    namespaces: tuple[Namespace, ...] = ()
    verification: Verification | None = None
    given_back: SequenceReport | None = None

    def __str__(self) -> str:
        lines = [super().__str__()]
        for namespace in self.namespaces:
            runs = f", {len(namespace.processes)} processes run in it" if namespace.processes else ""
            lines.append(f"  left          namespace {namespace.name}{runs}")
        if self.given_back is not None:
            lines.append(str(self.given_back))
        return "\n".join(lines)


def take_over(
    spec: Spec,
    host: str,
    *,
    undo_record: str | os.PathLike[str],
    tls: Tls | None = None,
    timeout: float = 60.0,
    watch: float = WATCH,
    start: Sequence[str] = START_CONTROLLER,
    remove_namespaces: bool = False,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> TakeOverReport:
    """Take one host over from OpenStack's Open vSwitch agent, and make it the chassis that the spec says.

    What the agent left is written to ``undo_record`` first, a file of this host alone. The agent's service is stopped
    and disabled; the integration bridge loses the agent's controller and flows; the chassis is configured; and what
    ``reconcile()`` does follows, with ``watch`` and ``start`` as there. The agent's tunnel bridge goes, where nothing
    but tunnels is on it. At last the host is looked at as ``verify()`` does; where it is not as the spec says, all is
    put back by ``give_back()``. Machines on the host are without network from when the agent's flows are gone until
    ovn-controller has set its own.

    Interrupted, it goes on where it was when it is run again with the same record; ``timeout`` (seconds) holds for each
    step. ``remove_namespaces`` removes the namespaces of Neutron's L3 and DHCP agents in which nothing runs; these
    cannot be put back.

    A step without access to the host fails as NeedsHost. Raises KeyError for a host that the spec does not have,
    ConnectionFailed, Timeout or HostFailed where the host or Southbound cannot be read, OSError where the record cannot
    be written, and InvalidValue where it is none, or that of another host.
    """
    title = f"{host}: take over from the OpenStack Open vSwitch agent"
    given_back = None
    with ExitStack() as stack:
        on = stack.enter_context(Site(spec, host, tls=tls, timeout=timeout))
        if dry_run:
            known = read_take_over(undo_record) if os.path.lexists(undo_record) else None
            work = _TakeOver(spec, on, known, watch=watch, start=start, remove_namespaces=remove_namespaces, tls=tls)
            report = foresee(title, work.steps())
        else:
            record = stack.enter_context(closing(TakeOverRecord(undo_record, on.host, tuple(start))))
            work = _TakeOver(
                spec, on, record.known, watch=watch, start=start, remove_namespaces=remove_namespaces, tls=tls
            )
            work.record = record
            report = carry_out(title, work.steps(), timeout=timeout, progress=progress)
        if work.seen is not None and not work.seen.ok:
            given_back = give_back(undo_record, tls=tls, timeout=timeout, progress=progress)
            # The replica has what was put back when this is through.
            on.vs.sync(timeout=timeout)
        ports = port_outcomes(work.ports.before, work.ports.names(), AGENT_KINDS, dry_run=dry_run)
        namespaces = () if on.host.access is None else work.namespaces()
    return TakeOverReport(report.title, report.steps, ports, namespaces, work.seen, given_back)


class _TakeOver:
    def __init__(
        self,
        spec: Spec,
        on: Site,
        known: TakenOver | None,
        *,
        watch: float,
        start: Sequence[str],
        remove_namespaces: bool,
        tls: Tls | None,
    ) -> None:
        self.spec = spec
        self.on = on
        self.vs = on.vs
        self.host: HostSpec = on.host
        self.ports = Reconciliation(on, watch=watch, force=False, start=start, mappings=self.host.bridge_mappings)
        self.record: TakeOverRecord | None = None
        self.known = known
        # What was begun and not finished has changed something, though not in this run.
        self.ports.changed = known is not None and not known.finished
        self.remove_namespaces = remove_namespaces
        self.tls = tls
        self.seen: Verification | None = None

    def steps(self) -> list[Step]:
        ports, br_int = self.ports, self.ports.br_int
        own = Step("OVN's patch ports are there, with port numbers", ports.is_connected, seen=ports.unconnected)
        flows = Step(f"ovn-controller has set its flows in {br_int}", ports.has_flows, ports.restart, ports.flows_seen)
        steps = [
            Step("the bridges of physical networks are there", self.are_bridges_there, self.refuse),
            *ports.controller_steps(),
            Step("what is there is written down", self.is_written, self.write),
            Step("the agent is stopped, and does not start again", ports.is_agent_gone, self.stop, ports.agent_seen),
            Step(f"{br_int} is without the agent", self.is_free, self.free),
            Step("the chassis is configured as the spec says", self.is_configured, self.configure),
            flows,
            own,
            *ports.port_steps(),
            Step("no flows of the agent on other bridges", self.is_clean, self.clean),
            Step("no tunnel bridge of the agent", self.is_without_tunnels, self.remove_tunnels),
            Step("the host is as the spec says", self.is_verified, self.verify),
        ]
        if self.remove_namespaces:
            steps.append(Step("no namespaces of Neutron's agents", self.is_without_namespaces, self.clear_namespaces))
        return steps

    # -- before anything is changed ----------------------------------------------------------------------------------

    def are_bridges_there(self) -> bool:
        return not self.missing_bridges()

    def missing_bridges(self) -> list[str]:
        return sorted(name for name in self.host.bridge_mappings.values() if not self.vs.find(Bridge, name=name))

    def refuse(self) -> None:
        missing = ", ".join(self.missing_bridges())
        raise Conflict("no such bridge", f"{missing} of the spec is not there: the bridge below is the host's affair")

    def remains(self) -> Remains:
        host = self.on.beyond("looking for what the OpenStack agent left", STOP_BY_HAND)
        state = self.ports.state()
        found = self.ports.found()
        tunnel = tunnel_bridge(state, found)
        names = {bridge.name for bridge in state.bridges}
        concerned = sorted(names & {state.br_int, *state.mappings.values(), *([tunnel] if tunnel else [])})
        flows = {name: dump_flows(host, name) for name in concerned}
        inside = flows.get(state.br_int, [])
        # Of the integration bridge only the agent's go back; OVN's are ovn-controller's to set.
        flows[state.br_int] = of_agent(inside, self.ports.cookies)
        veths = find_veths(host)
        return remains_of(
            self.vs,
            state,
            found,
            flows,
            veths={name: veths[name] for name in self.ports.veth_links() if name in veths},
            services=find_agent(host).active,
            ovn_flows=bool(of_ovn(inside, self.ports.cookies)),
        )

    def is_written(self) -> bool:
        known = self.known if self.record is None else self.record.known
        remains = self.remains()
        return known is not None and known.remains.then(remains) == known.remains

    def write(self) -> None:
        assert self.record is not None
        self.record.note(self.remains())

    # -- the agent ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        host = self.on.beyond("stopping the OpenStack agent", STOP_BY_HAND)
        agent = find_agent(host)
        for service in agent.active:
            stop_service(host, service)
        self._check_service(agent)
        self.ports.changed = True

    def _check_service(self, agent: AgentProcesses) -> None:
        left = find_agent(self.on.beyond("looking for the OpenStack agent", STOP_BY_HAND))
        if left.processes and not agent.active:
            raise Conflict(
                "agent of nobody's",
                f"{left} of no service that ovnkit knows; stop it as it was started, and see that it does not start"
                " again",
            )

    # -- the integration bridge --------------------------------------------------------------------------------------

    def agent_flows(self, bridge: str) -> set[int]:
        host = self.on.beyond("reading flows", f"ovs-ofctl dump-flows {bridge}")
        if not self.vs.find(Bridge, name=bridge):
            return set()
        return {flow.cookie for flow in of_agent(dump_flows(host, bridge), self.ports.cookies)}

    def agent_controllers(self, bridge: str) -> list[Controller]:
        rows = {row.ref: row for row in self.vs.find(Controller, target=AGENT_CONTROLLER)}
        return [rows[ref] for row in self.vs.find(Bridge, name=bridge) for ref in row.controller if ref in rows]

    def is_free(self) -> bool:
        br_int = self.ports.br_int
        return not self.agent_controllers(br_int) and not self.agent_flows(br_int)

    def free(self) -> None:
        br_int = self.ports.br_int

        def body(tx: VSwitchTransaction) -> None:
            agent = {row.ref for row in tx.find(Controller, target=AGENT_CONTROLLER)}
            for row in tx.find(Bridge, name=br_int):
                rest = row.controller - agent
                if rest != row.controller:
                    tx.update(row, controller=rest, fail_mode="secure", protocols=[])

        self.ports.changed = True
        self.vs.transact(body, _COMMENT, durable=True)
        self.vs.sync(timeout=self.on.timeout)
        remove_flows(
            self.on.beyond("removing flows", f"ovs-ofctl del-flows {br_int}"), br_int, self.agent_flows(br_int)
        )

    # -- the chassis -------------------------------------------------------------------------------------------------

    def edit(self, draft: ChassisDraft) -> None:
        configure(draft, self.spec, self.host, southbound=self.on.sb)

    def is_configured(self) -> bool:
        draft = self.on.chassis.read(timeout=self.on.timeout)
        self.edit(draft)
        # The replica, from which ports are judged, may be behind.
        return not draft.changes() and self.vs.chassis_config().external_ids == draft.external_ids

    def configure(self) -> None:
        record = self.record
        assert record is not None
        self.ports.changed = True
        self.on.chassis.edit(
            self.edit,
            comment=_COMMENT,
            timeout=self.on.timeout,
            before_sending=lambda draft: record.note_keys(draft.edited),
        )

    # -- what is left of the agent on bridges ------------------------------------------------------------------------

    def unclean(self) -> list[str]:
        """The mapped bridges on which the agent's flows are left, for it had no controller on them."""
        state = self.ports.state()
        bridges = [bridge for bridge in state.bridges if bridge.name in set(state.mappings.values()) - {state.br_int}]
        return [bridge.name for bridge in bridges if not bridge.controllers and self.agent_flows(bridge.name)]

    def is_clean(self) -> bool:
        return not self.unclean()

    def clean(self) -> None:
        names = self.unclean()

        # A change of the fail mode has ovs-vswitchd drop all flows, and set the one of a standalone bridge.
        def body(tx: VSwitchTransaction) -> None:
            for name in names:
                tx.update(tx.get(Bridge, name=name), fail_mode="standalone", protocols=[])

        self.ports.changed = True
        self.vs.transact(body, _COMMENT, durable=True)

    def tunnels(self) -> str | None:
        return tunnel_bridge(self.ports.state(), self.ports.found())

    def is_without_tunnels(self) -> bool:
        return self.tunnels() is None

    def remove_tunnels(self) -> None:
        self.write()

        def body(tx: VSwitchTransaction) -> None:
            bridge = self.tunnels()
            if bridge is None:
                return
            for port in self.ports.found():
                if port.kind == "agent-tunnel" and port.bridge != bridge:
                    tx.remove_port(port.bridge, port.port)
            tx.remove_bridge(bridge, force=True)

        self.ports.changed = True
        self.vs.transact(body, _COMMENT, durable=True)

    # -- the end -----------------------------------------------------------------------------------------------------

    def is_verified(self) -> bool:
        if self.seen is not None:
            return self.seen.ok
        known = self.known if self.record is None else self.record.known
        return known is not None and known.finished and not self.ports.changed

    def verify(self) -> None:
        assert self.record is not None
        chassis = {row.name for row in self.on.sb.find(Chassis)}
        # Hosts that are still to be taken over have no tunnels yet.
        hosts = [one for one in self.spec.hosts if one.name == self.host.name or one.system_id in chassis]
        # What Neutron is told may name any of them, and is not looked at here.
        spec = attrs.evolve(self.spec, hosts=hosts, neutron=None)
        self.seen = verify(spec, hosts=[self.host.name], timeout=self.on.timeout, tls=self.tls)
        if not self.seen.ok:
            failed = "; ".join(f"{check.what}: {check.observed}, not {check.expected}" for check in self.seen.failed)
            raise Conflict("not as the spec says", failed)
        self.record.note_finished()

    def namespaces(self) -> tuple[Namespace, ...]:
        return find_namespaces(self.on.beyond("looking for namespaces", "ip netns list"))

    def empty_namespaces(self) -> list[str]:
        return [namespace.name for namespace in self.namespaces() if not namespace.processes]

    def is_without_namespaces(self) -> bool:
        return not self.empty_namespaces()

    def clear_namespaces(self) -> None:
        host = self.on.beyond("removing namespaces", "ip netns delete NAME")
        for name in self.empty_namespaces():
            host.run(["ip", "netns", "delete", name])
