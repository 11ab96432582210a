"""Giving a host back to the agent that it was taken over from: everything that the record says, as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from ovnkit.deploy.agent import find_agent, find_veths, restore_service
from ovnkit.deploy.daemons import controller_runs, end_controller, restart_controller, start_controller
from ovnkit.deploy.flows import add_flows, dump_flows, of_ovn
from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.reach import reached, servers_of
from ovnkit.deploy.record import Touched
from ovnkit.deploy.remains import BridgeBefore
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.take_over_record import TakenOver, note_given_back, read_take_over
from ovnkit.deploy.undo import take_back
from ovnkit.errors import NeedsHost
from ovnkit.ovsdb.edits import Add
from ovnkit.remote import Tls
from ovnkit.vswitch.client import VSwitch, VSwitchTransaction
from ovnkit.vswitch.direct import ChassisDraft, DirectChassis
from ovnkit.vswitch.patch_ports import PatchPort
from ovnkit.vswitch.rows import Bridge, Controller, Interface, Port

__all__ = ["give_back"]

_COMMENT: Final = "ovnkit gives the host back"


def give_back(
    undo_record: str | os.PathLike[str],
    *,
    tls: Tls | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Put back what ``take_over()`` has changed on the host of its record.

    The keys of the chassis first, so that OVN's patch ports go before the agent's come: a chassis that was none before
    leaves Southbound. Then the bridges with their controllers, fail modes and OpenFlow versions, the ports, the agent's
    flows, and at last its service. Namespaces that were removed stay so. Keys that somebody has changed since stay as
    they are.

    Interrupted, it goes on where it was when it is run again; ``timeout`` (seconds) holds for each step.

    Raises OSError where the record cannot be read or written, InvalidValue where it is none, and ConnectionFailed,
    Timeout or HostFailed where the host cannot be read.
    """
    record = read_take_over(undo_record)
    if record is None:
        return SequenceReport("nothing to give back", ())
    title = f"{record.host}: give back to the OpenStack Open vSwitch agent"
    servers = servers_of(record.ovsdb)
    own = None if tls is None or not servers else tls.limited_to(servers)
    with (
        reached(record.ovsdb, timeout=timeout) as remote,
        VSwitch.connect(remote, tls=own, timeout=timeout) as vs,
    ):
        work = _GiveBack(record, vs, DirectChassis(remote, tls=own), timeout)
        if dry_run:
            return foresee(title, work.steps())
        report = carry_out(title, work.steps(), timeout=timeout, progress=progress)
    if report:
        note_given_back(undo_record)
    return report


class _GiveBack:
    def __init__(self, record: TakenOver, vs: VSwitch, chassis: DirectChassis, timeout: float) -> None:
        self.record = record
        self.remains = record.remains
        self.vs = vs
        self.chassis = chassis
        self.timeout = timeout

    def steps(self) -> list[Step]:
        steps = [
            Step("the keys of the chassis are as before", self.has_keys, self.restore_keys),
            Step("OVN's patch ports for other mappings are gone", self.is_clear, self.clear, self.left_over),
            Step("the agent's veth pairs are there", self.has_veths, self.add_veths),
            Step("bridges and ports are as before", self.has_bridges, self.restore_bridges),
            Step("ovn-controller runs", self.controller_runs, self.start_controller),
        ]
        if self.remains.ovn_flows:
            steps.append(Step("OVN's flows are there", self.has_ovn_flows, self.restart_controller))
        return [
            *steps,
            Step("the agent's flows are there", self.has_flows, self.restore_flows),
            Step("the agent runs and starts as before", self.is_served, self.restore_services),
        ]

    @property
    def host(self) -> Host:
        if self.record.access is None:
            raise NeedsHost(f"giving {self.record.host} back", "systemctl enable --now neutron-openvswitch-agent")
        return open_host(self.record.access, self.record.host)

    # -- the chassis -------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> Touched:
        """The keys that were changed."""
        return self.record.keys or Touched(self.record.host, self.record.ovsdb)

    def has_keys(self) -> bool:
        draft = self.chassis.read(timeout=self.timeout)
        take_back(draft, self.keys)
        # The replica, from which ports are judged, may be behind.
        return not draft.changes() and self.vs.chassis_config().external_ids == draft.external_ids

    def restore_keys(self) -> None:
        def edit(draft: ChassisDraft) -> None:
            take_back(draft, self.keys)

        # A chassis that was none takes its rows out of Southbound as it ends, as long as it knows where that is.
        was_chassis = self.keys.keys.get("ovn-remote", ("", ""))[0] is not None
        end_controller(self.host, self.record.start, restart=was_chassis, timeout=self.timeout)
        self.chassis.edit(edit, comment=_COMMENT, timeout=self.timeout)

    # -- OVN's patch ports -------------------------------------------------------------------------------------------

    def stale(self) -> list[PatchPort]:
        return [port for port in self.vs.patch_ports() if port.kind == "ovn-stale"]

    def is_clear(self) -> bool:
        # Asked anything, ovn-controller looks again: it sleeps, and removes none until it has looked for some time.
        return not self.stale() or (controller_runs(self.host) and not self.stale())

    def clear(self) -> None:
        if not controller_runs(self.host):

            def body(tx: VSwitchTransaction) -> None:
                for port in self.stale():
                    tx.remove_port(port.bridge, port.port)

            self.vs.transact(body, _COMMENT, durable=True)

    def left_over(self) -> str:
        return f"there are {', '.join(port.port for port in self.stale())}; does ovn-controller run there?"

    # -- bridges and ports -------------------------------------------------------------------------------------------

    def missing_veths(self) -> list[tuple[str, str]]:
        there = find_veths(self.host) if self.remains.veths else {}
        return [pair for pair in self.remains.veths.items() if pair[0] not in there]

    def has_veths(self) -> bool:
        return not self.missing_veths()

    def add_veths(self) -> None:
        while missing := self.missing_veths():
            name, other = missing[0]
            self.host.run(["ip", "link", "add", name, "type", "veth", "peer", "name", other])
            for one in (name, other):
                self.host.run(["ip", "link", "set", one, "up"])

    def edit(self, tx: VSwitchTransaction) -> None:
        for bridge in self.remains.bridges.values():
            _restore_bridge(tx, bridge)
        for port in self.remains.ports.values():
            if not tx.find(Port, name=port.name) and tx.find(Bridge, name=port.bridge):
                interface = tx.insert(Interface(name=port.name, **port.interface))
                ref = tx.insert(Port(name=port.name, interfaces=[interface], **port.port))
                tx.update(tx.get(Bridge, name=port.bridge), ports=Add(ref))

    def has_bridges(self) -> bool:
        tx = self.vs.transaction()
        try:
            self.edit(tx)
            return not tx.changes()
        finally:
            tx.discard()

    def restore_bridges(self) -> None:
        self.vs.transact(self.edit, _COMMENT, durable=True)
        self.vs.sync(timeout=self.timeout)

    # -- daemons and flows -------------------------------------------------------------------------------------------

    def controller_runs(self) -> bool:
        return controller_runs(self.host)

    def start_controller(self) -> None:
        start_controller(self.host, self.record.start, timeout=self.timeout)

    def has_ovn_flows(self) -> bool:
        return bool(of_ovn(dump_flows(self.host, self.vs.chassis_config().integration_bridge)))

    def restart_controller(self) -> None:
        restart_controller(self.host, self.record.start, timeout=self.timeout)

    def lacking(self) -> Mapping[str, list[str]]:
        """By bridge, the agent's flows that are not there."""
        found: dict[str, list[str]] = {}
        for bridge in self.remains.bridges.values():
            if bridge.flows and self.vs.find(Bridge, name=bridge.name):
                there = {flow.text for flow in dump_flows(self.host, bridge.name)}
                found[bridge.name] = [flow for flow in bridge.flows if flow not in there]
        return {name: flows for name, flows in found.items() if flows}

    def has_flows(self) -> bool:
        # One that runs has set its own.
        return bool(find_agent(self.host).processes) or not self.lacking()

    def restore_flows(self) -> None:
        for name, flows in self.lacking().items():
            add_flows(self.host, name, flows)

    def is_served(self) -> bool:
        now = {(one.kind, one.name): one for one in find_agent(self.host).services}
        return all(
            found is not None and (found.running or not before.running) and (found.enabled or not before.enabled)
            for before in self.remains.services
            for found in [now.get((before.kind, before.name))]
        )

    def restore_services(self) -> None:
        for service in self.remains.services:
            restore_service(self.host, service)


def _restore_bridge(tx: VSwitchTransaction, before: BridgeBefore) -> None:
    columns: dict[str, Any] = dict(before.columns)
    if before.whole and not tx.find(Bridge, name=before.name):
        tx.add_bridge(before.name)
        tx.update(tx.get(Bridge, name=before.name), **columns)
    for bridge in tx.find(Bridge, name=before.name):
        targets = {row.target for row in tx.find(Controller) if row.ref in bridge.controller}
        added = [tx.insert(Controller(**one)) for one in before.controllers if one["target"] not in targets]
        tx.update(
            bridge,
            controller=Add(*added),
            fail_mode=columns.get("fail_mode"),
            protocols=columns.get("protocols", []),
        )
