"""One network, and what can be wrong in it: each case with its fault, who sends what, and the row that is to be named.

The same cases run twice: on databases and northd alone, and in a lab with real packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol
from uuid import UUID

import attrs

from ovnkit import Northbound, Southbound
from ovnkit.northbound import (
    ACL,
    ACLAction,
    ACLDirection,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.southbound import Chassis, PortBinding

__all__ = ["CASES", "FLOATING", "OUTSIDE", "SERVICE", "VMS", "Case", "Site", "altered", "build"]

VMS = {
    "vm1": ("web", "10.1.0.11", "10.1.0.1"),
    "vm2": ("web", "10.1.0.12", "10.1.0.1"),
    "vm3": ("db", "10.2.0.13", "10.2.0.1"),
    "vm4": ("island", "10.3.0.14", "10.3.0.1"),
}
"""Switch, address and gateway; vm1 and vm4 are on the gateway chassis, the others on the second."""

OUTSIDE = "203.0.113.1"
ROUTER = "203.0.113.2"
FLOATING = {"vm1": "203.0.113.101", "vm2": "203.0.113.102"}
"""That of vm1 is translated on the gateway, that of vm2 where vm2 is."""

SERVICE = 5001
VIP, DEAD_VIP, REJECTING_VIP = "10.8.0.1", "10.8.0.2", "10.8.0.3"
UNKNOWN_NETWORK = "192.0.2.9"


class Site(Protocol):
    """Where the network is: ovn-controller is real there, or stood in for."""

    @property
    def nb(self) -> Northbound: ...

    @property
    def sb(self) -> Southbound: ...

    gateway: str
    compute: str

    def unbound(self, port: str) -> AbstractContextManager[None]:
        """Nothing is plugged into a port."""
        ...

    def handed_to(self, chassis: str) -> AbstractContextManager[None]:
        """The gateway of the router belongs to a chassis that is not there."""
        ...

    def unmapped(self, chassis: str) -> AbstractContextManager[None]:
        """A chassis maps no bridge to the provider network."""
        ...

    def apart(self, chassis: str) -> AbstractContextManager[None]:
        """A chassis is in a transport zone of its own."""
        ...


Fault = Callable[[Site], AbstractContextManager[UUID | None]]
"""Made on entering, which gives the row that is to be named, and undone on leaving."""


def build(nb: Northbound, gateway: str, *, mac: Callable[[str], str]) -> None:
    """The network: two switches on a router with a gateway, and a switch that nothing leads to."""
    nb.add_router("r")
    for switch, network in (("web", "10.1.0.1/24"), ("db", "10.2.0.1/24"), ("island", None)):
        nb.add_switch(switch)
        if network is not None:
            nb.connect_router(switch, "r", networks=[network])
    nb.add_provider_network("physnet1", switch="ext")
    nb.connect_router("ext", "r", networks=[f"{ROUTER}/24"], default_route=OUTSIDE)
    nb.set_gateway("lrp-r-ext", gateway)
    nb.add_snat("r", external_ip=ROUTER, logical_ip="10.2.0.0/24")
    for name, (switch, address, _) in VMS.items():
        nb.add_switch_port(switch, name, addresses=[f"{mac(name)} {address}"])
    nb.add_floating_ip("r", FLOATING["vm1"], VMS["vm1"][1])
    nb.add_floating_ip("r", FLOATING["vm2"], VMS["vm2"][1], logical_port="vm2", external_mac="02:00:00:00:fe:02")


@contextmanager
def altered(nb: Northbound, row: Any, **columns: Any) -> Iterator[UUID]:
    """Columns of a row, set for a while."""
    before = {name: getattr(row, name) for name in columns}
    with nb.transaction() as tx:
        tx.update(row, **columns)
    try:
        yield row.uuid
    finally:
        with nb.transaction() as tx:
            tx.update(tx[row.ref], **before)


def _port(name: str, **columns: Any) -> Fault:
    return lambda site: altered(site.nb, site.nb.get(LogicalSwitchPort, name=name), **columns)


def _router(**columns: Any) -> Fault:
    return lambda site: altered(site.nb, site.nb.get(LogicalRouter, name="r"), **columns)


def _acl(
    match: str,
    action: ACLAction,
    *,
    direction: ACLDirection = "to-lport",
    group: tuple[str, ...] = (),
    more: bool = False,
) -> Fault:
    """An ACL of the switch web, or of a port group. ``more``: something else is allowed before it."""

    @contextmanager
    def fault(site: Site) -> Iterator[UUID]:
        nb = site.nb
        where: dict[str, Any] = {"switch": "web"}
        if group:
            nb.add_port_group("servers", ports=group)
            nb.add_address_set("clients", addresses=["10.1.0.11", "10.2.0.13"])
            where = {"port_group": "servers"}
        rule: dict[str, Any] = {"direction": direction, "match": match, "priority": 1000}
        nb.add_acl(action=action, name="guard", **where, **rule)
        allow: dict[str, Any] = {"direction": direction, "match": "ip4 && icmp", "priority": 1001}
        if more:
            nb.add_acl(action="allow-related", **where, **allow)
        try:
            yield nb.get(ACL, name="guard").uuid
        finally:
            nb.remove_acl(**where, **rule)
            if more:
                nb.remove_acl(**where, **allow)
            if group:
                nb.remove_port_group("servers")
                nb.remove_address_set("clients")

    return fault


@contextmanager
def _no_default_route(site: Site) -> Iterator[UUID]:
    router = site.nb.get(LogicalRouter, name="r")
    site.nb.remove_route("r", "0.0.0.0/0")
    try:
        yield router.uuid
    finally:
        site.nb.add_route("r", "0.0.0.0/0", OUTSIDE)


@contextmanager
def _discarded(site: Site) -> Iterator[UUID]:
    site.nb.add_route("r", "192.0.2.0/24", "discard")
    try:
        yield site.nb.get(LogicalRouterStaticRoute, ip_prefix="192.0.2.0/24").uuid
    finally:
        site.nb.remove_route("r", "192.0.2.0/24")


@contextmanager
def _policy(site: Site) -> Iterator[UUID]:
    rule: dict[str, Any] = {"priority": 100, "match": "ip4.dst == 10.2.0.0/24"}
    site.nb.add_policy("r", action="drop", **rule)
    try:
        yield site.nb.get(LogicalRouterPolicy, priority=100).uuid
    finally:
        site.nb.remove_policy("r", **rule)


def _balancer(vip: str, backends: tuple[str, ...], *, reject: bool = False) -> Fault:
    @contextmanager
    def fault(site: Site) -> Iterator[UUID]:
        site.nb.add_load_balancer("lb", vips={f"{vip}:80": backends}, switches=["web"])
        row = site.nb.get(LoadBalancer, name="lb")
        if reject:
            with site.nb.transaction() as tx:
                tx.update(row, options={"reject": "true"})
        try:
            yield row.uuid
        finally:
            site.nb.remove_load_balancer("lb")

    return fault


def _unbound(port: str) -> Fault:
    @contextmanager
    def fault(site: Site) -> Iterator[UUID]:
        with site.unbound(port):
            yield site.sb.wait(PortBinding, logical_port=port, chassis=None, timeout=10).uuid

    return fault


def _chassis(method: str, which: str) -> Fault:
    @contextmanager
    def fault(site: Site) -> Iterator[UUID]:
        name = getattr(site, which)
        with getattr(site, method)(name):
            yield site.sb.get(Chassis, name=name).uuid

    return fault


@contextmanager
def _gateway_of_nobody(site: Site) -> Iterator[UUID]:
    with site.handed_to("gone"):
        yield site.nb.get(LogicalRouterPort, name="lrp-r-ext").uuid


def _named(row_class: Any, name: str) -> Fault:
    """No fault at all: what is there already is to be named."""

    @contextmanager
    def fault(site: Site) -> Iterator[UUID]:
        row: Any = site.nb.get(row_class, name=name)
        yield row.uuid

    return fault


@attrs.frozen
class Case:
    """What is sent, and what is to become of it."""

    name: str
    source: str
    target: str
    verdict: str
    fault: Fault = attrs.field(default=lambda _: nullcontext(None), repr=False)
    tcp: int | None = None
    ttl: int = 64
    way: str = "there"
    """Which packet does not arrive: the one there, or its answer."""

    @property
    def address(self) -> str:
        """Where real packets go."""
        if self.target == "outside":
            return OUTSIDE
        return VMS[self.target][1] if self.target in VMS else self.target.rpartition(":")[0] or self.target

    def __str__(self) -> str:
        return self.name


_TO_VM2 = 'outport == "vm2" && ip4'
CASES = (
    Case("same switch", "vm1", "vm2", "delivered"),
    Case("same switch, TCP", "vm1", "vm2", "delivered", tcp=SERVICE),
    Case("through the router", "vm1", "vm3", "delivered"),
    Case("through the router, TCP", "vm3", "vm2", "delivered", tcp=SERVICE),
    Case("the router itself", "vm1", "10.1.0.1", "delivered"),
    Case("far port of the router", "vm1", "10.2.0.1", "delivered"),
    Case("outside by SNAT", "vm3", "outside", "delivered"),
    Case("outside by SNAT, TCP", "vm3", "outside", "delivered", tcp=SERVICE),
    Case("outside by floating IP", "vm1", "outside", "delivered"),
    Case("outside by distributed floating IP", "vm2", "outside", "delivered"),
    Case("from outside to floating IP", "outside", FLOATING["vm1"], "delivered"),
    Case("from outside to floating IP, TCP", "outside", FLOATING["vm1"], "delivered", tcp=SERVICE),
    Case("from outside to distributed floating IP", "outside", FLOATING["vm2"], "delivered"),
    Case("from inside to floating IP", "vm3", FLOATING["vm1"], "delivered"),
    Case("ACL drops to", "vm1", "vm2", "dropped", _acl(_TO_VM2, "drop")),
    Case("ACL drops from", "vm1", "vm2", "dropped", _acl('inport == "vm1" && ip4', "drop", direction="from-lport")),
    Case(
        "ACL of a port group drops an address set",
        "vm3",
        "vm2",
        "dropped",
        _acl("outport == @servers && ip4.src == $clients", "drop", group=("vm2",)),
    ),
    Case("ACL rejects", "vm1", "vm2", "rejected", _acl(f"{_TO_VM2} && tcp", "reject"), tcp=SERVICE),
    Case("stateful ACL drops TCP", "vm1", "vm2", "dropped", _acl(_TO_VM2, "drop", more=True), tcp=SERVICE),
    Case("stateful ACL lets pings pass", "vm1", "vm2", "delivered", _acl(_TO_VM2, "drop", more=True)),
    Case(
        "ACL drops the answer",
        "vm1",
        "vm2",
        "dropped",
        _acl('inport == "vm2" && ip4', "drop", direction="from-lport"),
        way="back",
    ),
    Case(
        "stateful ACL lets the answer pass",
        "vm1",
        "vm2",
        "delivered",
        _acl('outport == "vm1" && ip4', "allow-related"),
        tcp=SERVICE,
    ),
    Case(
        "port security of the sender",
        "vm1",
        "vm2",
        "dropped",
        _port("vm1", port_security=["02:00:00:00:00:01 10.1.0.99"]),
    ),
    Case(
        "port security of the receiver",
        "vm1",
        "vm2",
        "dropped",
        _port("vm2", port_security=["02:00:00:00:00:02 10.1.0.99"]),
    ),
    Case("sender disabled", "vm1", "vm2", "dropped", _port("vm1", enabled=False)),
    Case("receiver disabled", "vm1", "vm2", "dropped", _port("vm2", enabled=False)),
    Case("sender unbound", "vm2", "vm1", "not sent", _unbound("vm2")),
    Case("receiver unbound", "vm1", "vm2", "dropped", _unbound("vm2")),
    Case("nobody has the address", "vm1", "10.1.0.99", "dropped", _named(LogicalSwitch, "web")),
    Case("nobody behind the router has the address", "vm1", "10.2.0.99", "dropped", _named(LogicalRouter, "r")),
    Case("no router", "vm4", "vm1", "not sent", _named(LogicalSwitch, "island")),
    Case("no way out", "vm4", "outside", "not sent", _named(LogicalSwitchPort, "vm4")),
    Case("no route", "vm1", UNKNOWN_NETWORK, "dropped", _no_default_route),
    Case("a route that discards", "vm1", UNKNOWN_NETWORK, "dropped", _discarded),
    Case("a policy drops", "vm1", "vm3", "dropped", _policy),
    Case("router disabled", "vm1", "vm3", "dropped", _router(enabled=False)),
    Case("gateway on no chassis", "vm1", "outside", "dropped", _gateway_of_nobody),
    Case("gateway without the provider network", "vm3", "outside", "dropped", _chassis("unmapped", "gateway")),
    Case("no tunnel", "vm1", "vm2", "dropped", _chassis("apart", "compute")),
    Case("floating IP of a port that is nowhere", "outside", FLOATING["vm2"], "dropped", _unbound("vm2")),
    Case("load balancer", "vm1", f"{VIP}:80", "delivered", _balancer(VIP, (f"10.2.0.13:{SERVICE}",)), tcp=80),
    Case("load balancer without backends", "vm1", f"{DEAD_VIP}:80", "dropped", _balancer(DEAD_VIP, ()), tcp=80),
    Case(
        "load balancer that rejects",
        "vm1",
        f"{REJECTING_VIP}:80",
        "rejected",
        _balancer(REJECTING_VIP, (), reject=True),
        tcp=80,
    ),
    Case("ttl runs out", "vm1", "vm3", "rejected", _named(LogicalRouter, "r"), ttl=1),
    Case("the router takes no TCP", "vm1", "10.1.0.1", "dropped", _named(LogicalRouterPort, "lrp-r-web"), tcp=SERVICE),
)
