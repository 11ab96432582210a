"""The demo: deploy a controller that is the gateway and two compute nodes, and let packets prove that it works."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Final, TextIO

from ovnkit import deploy, topology
from ovnkit.errors import LabError, OvnkitError
from ovnkit.lab.lab import Lab
from ovnkit.lab.metadata import METADATA_URL
from ovnkit.lab.vm import VM
from ovnkit.northbound import LogicalRouterPort
from ovnkit.ovsdb.changes import Changes
from ovnkit.vswitch import Interface

__all__ = ["run"]

_TENANT: Final = "10.0.0.0/24"
_METADATA_PORT: Final = "10.0.0.2"
_VM1: Final = "10.0.0.11"
_TCP_PORT: Final = 5001
_TCP_BYTES: Final = 5_000_000

_WIDTH: Final = 100
_INDENT: Final = 11
_AGENT_PORTS: Final = ("int-br-ex", "phy-br-ex")


class _Wrapper(textwrap.TextWrapper):
    """Breaks long lines at blanks and after commas, for what is long is a list of keys."""

    wordsep_simple_re = re.compile(r"(\s+|(?<=,))")


class _Story:
    """What is printed as it happens, with the time since the start; ``ok`` while everything held."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._started = time.monotonic()
        self.ok = True

    def say(self, text: str) -> None:
        """A line with the time."""
        print(f"[{time.monotonic() - self._started:6.2f} s] {text}", file=self._out, flush=True)

    def show(self, thing: object) -> None:
        """A plan, a report, a table."""
        for line in str(thing).splitlines():
            first = " " * _INDENT
            further = " " * (_INDENT + len(line) - len(line.lstrip()) + 4)
            wrapper = _Wrapper(_WIDTH, first, further, break_on_hyphens=False, break_long_words=False)
            print(*wrapper.wrap(line), sep="\n", file=self._out, flush=True)

    def prove(self, what: str, measure: Callable[[], str]) -> None:
        """Measure one thing, which raises if it does not hold."""
        began = time.monotonic()
        try:
            seen = measure()
        except OvnkitError as exc:
            self.fail(what, exc)
        else:
            self.say(f"ok  {what}: {seen} ({time.monotonic() - began:.2f} s)")

    def fail(self, what: str, why: OvnkitError) -> None:
        """Something did not hold."""
        self.ok = False
        self.say(f"FAILED  {what}: {why}")


def run(*, keep: bool = False, binaries: str | os.PathLike[str] | None = None, out: TextIO = sys.stdout) -> bool:
    """Run the demo on a lab of its own; True if all of it held. With ``keep`` the lab stays for looking around.

    ``binaries``: a root directory with another release of Open vSwitch and OVN.

    Raises MissingBinary, MissingPrivilege and whatever stops it before there is anything to prove.
    """
    three_hosts = Lab(hosts=("ctl", "cmp1", "cmp2"), gateways=("ctl",), binaries=binaries)
    story = _Story(out)
    story.say("starting three hosts with Open vSwitch and ovn-controller; NB, SB and ovn-northd run on ctl")
    with three_hosts as lab:
        try:
            _tell(story, lab)
        except OvnkitError as exc:
            story.fail("the demo cannot go on", exc)
        if keep:
            lab.keep()
            _say_how_to_look_around(story, lab)
        story.say("all of it held" if story.ok else "NOT all of it held")
    return story.ok


def _tell(story: _Story, lab: Lab) -> None:
    story.say("lab {} is up, with OVN {} and Open vSwitch {}".format(lab.name, *lab.versions))
    story.say("ctl gets the patch ports that an OpenStack agent would have left on it")
    _leave_agent_ports(lab)
    story.prove("the hosts are fit for it", lambda: _preflight(story, lab))
    _deploy(story, lab)
    story.say("building a tenant network, a router with a gateway, an outside network, DHCP and metadata")
    vm1, vm2 = _build_network(story, lab)
    _prove(story, lab, vm1, vm2)
    story.prove("the agent's patch ports removed, OVN's kept", lambda: _reconcile(story, lab))
    story.prove("outside to VM by its floating IP, after that", lambda: _ping(lab.outside.ping, _floating_ip(lab)))
    story.prove("a second plan is empty", lambda: _plan_again(story, lab))
    story.prove("verified again, with the provider network", lambda: _verify_again(lab))
    story.say("what was built:")
    story.show(topology.of(lab.northbound, lab.southbound))


def _leave_agent_ports(lab: Lab) -> None:
    """The pair between br-int and br-ex, as the OpenStack Open vSwitch agent lays it."""
    vswitch = lab.host("ctl").vswitch
    inside, outside = _AGENT_PORTS
    with vswitch.transaction(comment="demo: what the OpenStack agent leaves") as tx:
        tx.add_bridge("br-int", datapath_type="netdev", fail_mode="secure")
        tx.add_port("br-int", inside, type="patch", options={"peer": outside})
        tx.add_port("br-ex", outside, type="patch", options={"peer": inside})


def _preflight(story: _Story, lab: Lab) -> str:
    """No errors on any host; the ports that the agent has left are seen, and on ctl alone."""
    # The databases of a lab lie where temporary files do, which may well be in memory.
    report = deploy.preflight(lab.spec, rules=[rule for rule in deploy.RULES if rule.id != "database-disk"])
    story.say("preflight:")
    story.show(report)
    if not report:
        raise LabError(f"not fit: {', '.join(host.host for host in report.failed)}")
    warned = [found for found in report.findings if (found.rule, found.state) == ("agent-remains", "warning")]
    if [found.host for found in warned] != ["ctl"]:
        raise LabError("the agent's patch ports on ctl were not seen")
    return f"no errors on {len(report.hosts)} hosts; left by the agent on ctl: {warned[0].seen}"


def _deploy(story: _Story, lab: Lab) -> None:
    plan = deploy.plan(lab.spec)
    story.say("the plan:")
    story.show(plan)
    report = plan.apply()
    if not report:
        raise LabError("; ".join(f"{result.host.name}: {result.problem}" for result in report.failed))
    written = (f"{len(str(result.changes).splitlines())} on {result.host.name}" for result in report.hosts)
    story.say(f"applied, settings written: {', '.join(written)}")
    story.prove("the cluster is as the spec says", lambda: _verify(story, lab))


def _verify(story: _Story, lab: Lab) -> str:
    seen = deploy.verify(lab.spec, timeout=20)
    story.say("verified:")
    story.show(seen)
    return _held(seen)


def _verify_again(lab: Lab) -> str:
    """Now there is a provider network, whose patch ports belong to what is verified."""
    seen = deploy.verify(lab.spec, timeout=10)
    held = _held(seen)
    ports = [check for check in seen.checks if check.what.startswith("patch ports")]
    if not ports:
        raise LabError("no patch ports were verified")
    return "; ".join((held, *(f"{check.what} on {check.host}: {check.observed}" for check in ports)))


def _held(seen: deploy.Verification) -> str:
    if not seen:
        raise LabError("; ".join(map(str, seen.failed)))
    return f"{len(seen.checks)} of {len(seen.checks)} checks hold"


def _plan_again(story: _Story, lab: Lab) -> str:
    again = deploy.plan(lab.spec)
    if again:
        story.show(again)
        raise LabError("there is something to change")
    return str(again).splitlines()[-1]


def _floating_ip(lab: Lab) -> str:
    return str(lab.outside.network[100])


def _build_network(story: _Story, lab: Lab) -> tuple[VM, VM]:
    nb = lab.northbound
    outside = lab.outside
    gateway = str(outside.network[2])
    changes = Changes()
    with nb.transaction(comment="demo") as tx:
        changes += tx.add_switch("tenant")
        changes += tx.add_router("router")
        changes += tx.connect_router("tenant", "router", networks=["10.0.0.1/24"])
        changes += tx.add_metadata_port("tenant", _METADATA_PORT)
        changes += tx.add_dhcp(
            "tenant", _TENANT, server_id="10.0.0.1", router="10.0.0.1", lease_time=3600, mtu=1400, metadata=True
        )
        changes += tx.add_provider_network("physnet1", switch="outside")
        up = tx.connect_router(
            "outside",
            "router",
            networks=[f"{gateway}/{outside.network.prefixlen}"],
            default_route=outside.address,
        )
        assert up.ref is not None
        changes += up
        port = tx.get(LogicalRouterPort, name="lrp-router-outside")
        changes += tx.set_gateway(port.name, lab.spec.host("ctl").system_id)
        changes += tx.add_snat("router", external_ip=gateway, logical_ip=_TENANT)
        changes += tx.add_floating_ip("router", _floating_ip(lab), _VM1)
    story.say(f"one transaction, {len(changes)} changed columns; starting vm1 on cmp1 and vm2 on cmp2")
    lab.add_metadata("metadata-tenant", address=f"{_METADATA_PORT}/24")
    vm1 = lab.add_vm(
        "vm1",
        host="cmp1",
        switch="tenant",
        address=f"{_VM1}/24",
        gateway="10.0.0.1",
        routes={"169.254.169.254/32": _METADATA_PORT},
    )
    nb.add_switch_port("tenant", "vm2", addresses=["02:00:00:00:00:12 10.0.0.12"], dhcp=_TENANT)
    return vm1, lab.add_vm("vm2", host="cmp2", switch="tenant", dhcp=True)


def _prove(story: _Story, lab: Lab, vm1: VM, vm2: VM) -> None:
    story.prove("DHCP lease that OVN answered, no DHCP server anywhere", lambda: _lease(vm2))
    story.prove("VM to VM across hosts over geneve, ping", lambda: _ping(vm1.ping, vm2.address))
    story.prove("VM to VM across hosts over geneve, TCP", lambda: _transfer(vm1, vm2))
    story.prove("metadata address from vm1, answered on its own host", lambda: _metadata(vm1))
    story.prove("metadata address from vm2, answered on its own host", lambda: _metadata(vm2))
    story.prove("VM to the outside through SNAT", lambda: _snat(lab, vm2))
    story.prove("outside to VM by its floating IP", lambda: _ping(lab.outside.ping, _floating_ip(lab)))


def _ping(ping: Callable[..., object], address: str) -> str:
    # The first packet may be lost to address resolution; what counts is that all of the next ones return.
    ping(address, count=1, timeout=1.0)
    result = ping(address, count=3)
    if not result:
        raise LabError(f"ping {result}")
    return str(result)


def _lease(vm: VM) -> str:
    if vm.lease is None:
        raise LabError(f"{vm.name} has no lease")
    lease = vm.lease
    return f"{lease.address}/{lease.prefix_length} from {lease.server} for {lease.seconds} s, MTU {lease.mtu}"


def _transfer(sender: VM, receiver: VM) -> str:
    with receiver.listen(_TCP_PORT):
        transfer = sender.tcp(receiver.address, _TCP_PORT, size=_TCP_BYTES)
    packets = _encapsulated(sender, receiver)
    if not packets:
        raise LabError(f"no packets of {sender.name} left {sender.host.name} in geneve")
    return f"{transfer}; {packets} packets in geneve to {receiver.host.encap_address}"


def _encapsulated(sender: VM, receiver: VM) -> int:
    """The packets that the datapath flows of the sender's host put into geneve, to the receiver's host."""
    flows = sender.host.run("ovs-appctl dpctl/dump-flows").stdout.splitlines()
    marks = (f"src={sender.mac}", "geneve(", f"dst={receiver.host.encap_address},")
    counts = [re.search(r"packets:(\d+)", flow) for flow in flows if all(mark in flow for mark in marks)]
    return sum(int(count[1]) for count in counts if count)


def _metadata(vm: VM) -> str:
    answer = vm.wait_http(METADATA_URL, timeout=5.0).strip()
    if f"host={vm.host.name} " not in f"{answer} ":
        raise LabError(f"{vm.name} runs on {vm.host.name}, but was answered: {answer}")
    return answer


def _snat(lab: Lab, vm: VM) -> str:
    """vm2 has no floating IP, so the outside host sees the router's address."""
    with lab.outside.serve("{client}", port=8080):
        seen = vm.wait_http(f"http://{lab.outside.address}:8080/", timeout=5.0).strip()
    router = str(lab.outside.network[2])
    if seen != router:
        raise LabError(f"the outside host saw {seen}, not the router's {router}")
    return f"{_ping(vm.ping, lab.outside.address)}; the outside host sees {seen}"


def _reconcile(story: _Story, lab: Lab) -> str:
    vswitch = lab.host("ctl").vswitch
    before = _ovn_ports(lab)
    changes = vswitch.reconcile_patch_ports(lab.southbound)
    vswitch.sync(timeout=10)
    story.say("reconcile_patch_ports on ctl:")
    story.show(changes)
    if not changes:
        raise LabError("there was nothing to remove")
    left = sorted(port.port for port in vswitch.patch_ports(lab.southbound) if port.port in _AGENT_PORTS)
    if left:
        raise LabError(f"still there: {', '.join(left)}")
    after = _ovn_ports(lab)
    if not before or after != before:
        raise LabError(f"OVN's ports and their OpenFlow numbers were {before} and are {after}")
    return f"their OpenFlow ports as before, {', '.join(f'{name} {port}' for name, port in after.items())}"


def _ovn_ports(lab: Lab) -> dict[str, int | None]:
    found = lab.host("ctl").vswitch.find(Interface, type="patch")
    return {row.name: row.ofport for row in sorted(found, key=lambda row: row.name) if row.name.startswith("patch-")}


def _say_how_to_look_around(story: _Story, lab: Lab) -> None:
    story.say("the lab stays up. To look around:")
    ctl = lab.host("ctl")
    pings = [f"ip netns exec {vm.namespace} ping -c 3 {lab.outside.address}" for vm in lab.vms]
    story.show(
        "\n".join(
            (
                *pings,
                f"export OVN_NB_DB={lab.northbound.remote}",
                f"export OVN_SB_DB={lab.southbound.remote}",
                "ovn-nbctl show",
                "ovn-sbctl show",
                f"ovs-vsctl --db={ctl.remote} show",
                f"ls {lab.directory}/*/*.log",
                "ovnkit lab down  # removes it",
            )
        )
    )
